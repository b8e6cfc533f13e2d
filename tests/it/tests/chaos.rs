//! Phones that do anything at any time, over any network: whatever happens, every call ends once and nothing is left.

use cordboard_b2bua::{Command, Settings};
use cordboard_sip::Transport;
use cordboard_test_support::{
    CallRef, CalleePlan, CallerPlan, Link, Manner, PhoneId, Progress, World, dial, dial_in_turn,
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha12Rng;

use crate::attended_transfer::replacing;
use crate::blind_transfer::refer;
use crate::{millis, seconds};

const USERS: usize = 6;
const CALLS: usize = 40;

/// Up to this long, down to the millisecond.
fn up_to(rng: &mut ChaCha12Rng, longest_ms: u64) -> std::time::Duration {
    millis(rng.random_range(0..=longest_ms))
}

fn sometimes<T>(rng: &mut ChaCha12Rng, value: impl FnOnce(&mut ChaCha12Rng) -> T) -> Option<T> {
    rng.random_bool(0.3).then(|| value(rng))
}

fn callee(rng: &mut ChaCha12Rng) -> CalleePlan {
    let manner = match rng.random_range(0..10) {
        0..=4 => Manner::Answers,
        5 => Manner::Rejects([403, 404, 480, 486, 488, 500, 503, 600, 603][rng.random_range(0..9)]),
        6 => Manner::Redirects(vec!["<sip:u0@pbx.test>".to_owned()]),
        7 => Manner::Rings,
        8 => Manner::Rejects(486),
        _ => Manner::Ignores,
    };
    CalleePlan {
        rings_after: rng.random_bool(0.7).then(|| up_to(rng, 1_500)),
        manner,
        after: up_to(rng, 4_000),
        hang_up_after: sometimes(rng, |rng| up_to(rng, 10_000)),
        dies_after: None,
    }
}

fn caller(rng: &mut ChaCha12Rng) -> CallerPlan {
    CallerPlan {
        cancel_after: sometimes(rng, |rng| up_to(rng, 5_000)),
        hang_up_after: rng.random_bool(0.8).then(|| up_to(rng, 10_000)),
        acknowledges: rng.random_bool(0.9),
        ..CallerPlan::waits()
    }
}

fn any_network(rng: &mut ChaCha12Rng) -> Link {
    let loss = if rng.random_bool(0.5) { 0.0 } else { rng.random_range(0.0..0.4) };
    let corruption = if rng.random_bool(0.5) { 0.0 } else { rng.random_range(0.0..0.2) };
    let (delay, jitter) = (up_to(rng, 100), up_to(rng, 300));
    Link { delay, jitter, loss, duplication: rng.random_range(0.0..0.3), corruption }
}

fn phones(world: &mut World, rng: &mut ChaCha12Rng) -> Vec<PhoneId> {
    let mut phones = Vec::new();
    for user in 0..USERS {
        for _ in 0..rng.random_range(1..=3) {
            let transport = if rng.random_bool(0.2) { Transport::Tcp } else { Transport::Udp };
            let phone = world.phone_over(transport, &format!("u{user}"));
            world.phone_mut(phone).plan = callee(rng);
            world.register(phone);
            phones.push(phone);
        }
    }
    world.run_for(seconds(40));
    phones
}

fn route(world: &mut World, rng: &mut ChaCha12Rng, callee: &str) {
    let others: Vec<String> = (0..USERS).map(|user| format!("u{user}")).collect();
    let one = others[rng.random_range(0..USERS)].as_str();
    match rng.random_range(0..4) {
        0 => world.node.policy.route(callee, dial(&[callee, one])),
        1 => world
            .node
            .policy
            .route(callee, dial_in_turn(&[one, callee, "sip:x@10.9.9.9", "sip:y@nowhere.test"])),
        _ => {}
    }
}

fn end_one(world: &mut World, rng: &mut ChaCha12Rng) {
    let ids: Vec<_> = world.node.ledger().into_keys().collect();
    if !ids.is_empty() {
        world.command(Command::EndCall(ids[rng.random_range(0..ids.len())]));
    }
}

/// Somebody who talks refers the other end to anybody, or to a call of their own; or anybody takes their place.
fn transfer(world: &mut World, rng: &mut ChaCha12Rng, phones: &[PhoneId]) {
    let mut talking = Vec::new();
    for phone in phones {
        for (index, call) in world.at(*phone).calls.iter().enumerate() {
            if call.progress == Progress::Talking {
                talking.push(CallRef { phone: *phone, index });
            }
        }
    }
    if talking.is_empty() {
        return;
    }
    let call = talking[rng.random_range(0..talking.len())];
    let own: Vec<_> = talking.iter().filter(|other| other.phone == call.phone).collect();
    let other = *own[rng.random_range(0..own.len())];
    let target = match rng.random_range(0..4) {
        0 => {
            let headers = vec![("Replaces".to_owned(), world.seen(call).replaces())];
            let plan = CallerPlan { headers, ..caller(rng) };
            world.call(phones[rng.random_range(0..phones.len())], "u0", plan);
            return;
        }
        1 => replacing(world, other),
        _ => format!("<sip:u{}@pbx.test>", rng.random_range(0..=USERS)),
    };
    let phone = world.phone_mut(call.phone);
    phone.hangs_up_when_transferred = rng.random_bool(0.5);
    phone.refuses_reinvites = rng.random_bool(0.1).then_some([488, 491, 481][rng.random_range(0..3)]);
    refer(world, call, &target);
}

fn run(seed: u64) {
    let mut rng = ChaCha12Rng::seed_from_u64(seed);
    let link = any_network(&mut rng);
    let longest = seconds([20, 60, 600][rng.random_range(0..3)]);
    let settings = |settings: &mut Settings| {
        settings.admission.invites_per_second = None;
        settings.call.ring_timeout = seconds(6);
        settings.call.max_duration = longest;
    };
    let mut world = World::with(seed, link, settings);
    world.node.relay.capacity = rng.random_range(3..30);
    let phones = phones(&mut world, &mut rng);
    world.node.policy.delay = up_to(&mut rng, 300);
    world.node.relay.delay = up_to(&mut rng, 100);
    world.node.resolution_delay = up_to(&mut rng, 2_000);
    let mut calls: Vec<CallRef> = Vec::new();
    for _ in 0..CALLS {
        let phone = phones[rng.random_range(0..phones.len())];
        world.phone_mut(phone).plan = callee(&mut rng);
        if rng.random_bool(0.03) {
            world.phone_mut(phone).set_dead(true);
        }
        match rng.random_range(0..60) {
            0 => world.silence_media(),
            1 => end_one(&mut world, &mut rng),
            2..=4 => world.close_connection(phones[rng.random_range(0..phones.len())]),
            _ => {}
        }
        let number = format!("u{}", rng.random_range(0..=USERS));
        route(&mut world, &mut rng, &number);
        let from = phones[rng.random_range(0..phones.len())];
        calls.push(world.call(from, &number, caller(&mut rng)));
        world.run_for(up_to(&mut rng, 1_000));
        if rng.random_bool(0.4) {
            transfer(&mut world, &mut rng, &phones);
        }
    }
    // The slowest chain: an INVITE that arrives at its last resend, an answer nobody acknowledges, a BYE nobody answers.
    world.run_for(longest + seconds(4 * 32));
    world.settle();
    for call in calls {
        // An INVITE whose From tag was changed on its way is another INVITE.
        let twice = world.seen(call).answers > 1 && link.corruption == 0.0;
        assert!(!twice, "answered twice: {:?}", world.seen(call));
    }
}

fn run_all(seeds: std::ops::Range<u64>) {
    for seed in seeds {
        let outcome = std::panic::catch_unwind(|| run(seed));
        assert!(outcome.is_ok(), "seed {seed}; the reason stands above");
    }
}

#[test]
fn whatever_phones_do_every_call_ends_once_and_nothing_is_left() {
    run_all(0..60);
}

#[test]
#[ignore = "takes minutes; run it by name after a change of the call core"]
fn ten_thousand_seeds() {
    run_all(0..10_000);
}
