//! Whole calls through the call core, in virtual time: one binary, one file per behaviour.
//!
//! Proved here: A1 (two independent legs), A2 (405, 420 and 481), A3 (registration, expiry, several contacts), A4 (over a
//! lossy network), A6 (OPTIONS answered, and sent to trunks), A7 (CANCEL in every phase), A8 (100 Trying before any plugin),
//! A10 (forking, ring timeout, failover, 3xx), A11 (trunks), A12 (digest on both sides), A13 (rate limit), A14 (the places of a
//! name in order), B3 (503 when ports or calls run out), D8 (drain), and parts of A9 (hold, late offers, INFO, PRACK, session
//! timers, transfers).

mod attended_transfer;
mod basic_call;
mod blind_transfer;
mod call_pickup;
mod cancel;
mod chaos;
mod dead_peers;
mod digest;
mod digits;
mod encryption;
mod ends;
mod external_address;
mod failover;
mod forking;
mod fuzz;
mod hang_up;
mod in_dialog;
mod late_ack;
mod limits;
mod lossy_network;
mod name_failover;
mod plugins_decide;
mod raw;
mod refer_subscription;
mod refused;
mod registration;
mod reliable_provisionals;
mod replaces;
mod session_timers;
mod stray_requests;
mod trunk_calls_in;
mod trunk_digest;
mod trunk_failover;
mod trunk_health;
mod trunk_identity;
mod trunk_registers;
mod trunk_rest;
mod trunks;

use std::time::Duration;

use cordboard_test_support::{CallRef, CalleePlan, CallerPlan, PhoneId, World};

const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

const fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// Two registered phones: 1001, which calls, and 1002, which behaves as planned.
fn two_phones(world: &mut World, plan: CalleePlan) -> (PhoneId, PhoneId) {
    (world.registered("1001", CalleePlan::rings()), world.registered("1002", plan))
}

/// Two phones that talk to each other, since a moment, and do not hang up by themselves.
fn talking(world: &mut World) -> (CallRef, CallRef) {
    let (caller, callee) = two_phones(world, CalleePlan::answers_after(seconds(1)));
    let out = world.call(caller, "1002", CallerPlan::waits());
    world.run_for(seconds(3));
    (out, CallRef { phone: callee, index: 0 })
}
