//! Calls between two SIPp: each way that a call can go, with the caller on UDP and on TCP.

use cordboard_interop::{Options, Pbx, Scenario, Sipp, Stage, Transport, free_ports};

const TRANSPORTS: [Transport; 2] = [Transport::Udp, Transport::Tcp];

/// 1002 registers and is called by 1001; both scenarios have to run to their ends, and nothing may be left over.
fn check(name: &str, options: &Options, caller: &Scenario, callee: &Scenario) {
    let stage = Stage::new(name);
    let pbx = Pbx::start(&stage, options);
    for transport in TRANSPORTS {
        let [ours, theirs] = free_ports(2).try_into().expect("two were asked for and given");
        let mut callee = registered_callee(&stage, &pbx, &format!("callee-{transport:?}"), callee, theirs);
        let role = format!("caller-{transport:?}");
        let caller = caller.clone().with("from", 1001);
        Sipp::start(&stage, &role, &caller, transport, ours, pbx.sip(), "1002").succeeds();
        callee.succeeds();
        pbx.wait_for_metric("sip_pbx_active_calls", 0.0);
    }
}

/// Registers 1002 over UDP and starts its scenario at the same port.
pub(crate) fn registered_callee(
    stage: &Stage,
    pbx: &Pbx,
    role: &str,
    scenario: &Scenario,
    port: u16,
) -> Sipp {
    let register = Scenario::new("register").with("expires", 600);
    let registrar = format!("{role}-registers");
    Sipp::start(stage, &registrar, &register, Transport::Udp, port, pbx.sip(), "1002").succeeds();
    Sipp::start(stage, role, scenario, Transport::Udp, port, pbx.sip(), "1002")
        .listening(Transport::Udp, port)
}

#[test]
fn the_caller_hangs_up() {
    check(
        "the_caller_hangs_up",
        &Options::default(),
        &Scenario::new("caller_hangs_up").with("talk_ms", 500),
        &Scenario::new("callee_is_hung_up").with("ring_ms", 300),
    );
}

#[test]
fn the_callee_hangs_up() {
    check(
        "the_callee_hangs_up",
        &Options::default(),
        &Scenario::new("caller_is_hung_up"),
        &Scenario::new("callee_hangs_up").with("ring_ms", 300).with("talk_ms", 500),
    );
}

#[test]
fn the_callee_is_busy() {
    check(
        "the_callee_is_busy",
        &Options::default(),
        &Scenario::new("caller_is_refused").with("status", 486),
        &Scenario::new("callee_refuses").with("ring_ms", 100).with("answer", "486 Busy Here"),
    );
}

#[test]
fn the_callee_declines() {
    check(
        "the_callee_declines",
        &Options::default(),
        &Scenario::new("caller_is_refused").with("status", 603),
        &Scenario::new("callee_refuses").with("ring_ms", 100).with("answer", "603 Decline"),
    );
}

#[test]
fn nobody_answers_and_the_ring_time_ends() {
    check(
        "nobody_answers_and_the_ring_time_ends",
        &Options { ring_timeout_s: Some(2), ..Options::default() },
        &Scenario::new("caller_is_refused").with("status", 480),
        &Scenario::new("callee_never_answers"),
    );
}

#[test]
fn the_caller_gives_up_while_it_rings() {
    check(
        "the_caller_gives_up_while_it_rings",
        &Options::default(),
        &Scenario::new("caller_cancels").with("talk_ms", 500),
        &Scenario::new("callee_never_answers"),
    );
}

#[test]
fn the_callee_is_not_registered() {
    let stage = Stage::new("the_callee_is_not_registered");
    let pbx = Pbx::start(&stage, &Options::default());
    for (callee, status) in [("1099", 480), ("nobody-we-know", 404)] {
        for transport in TRANSPORTS {
            let port = free_ports(1)[0];
            let caller = Scenario::new("caller_is_refused").with("status", status).with("from", 1001);
            let role = format!("caller-of-{callee}-{transport:?}");
            Sipp::start(&stage, &role, &caller, transport, port, pbx.sip(), callee).succeeds();
        }
    }
    pbx.wait_for_metric("sip_pbx_active_calls", 0.0);
}
