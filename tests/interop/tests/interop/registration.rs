//! The registrar, by SIPp.

use cordboard_interop::{Options, Pbx, Scenario, Sipp, Stage, Transport, free_ports};

const TRANSPORTS: [Transport; 2] = [Transport::Udp, Transport::Tcp];

fn check(name: &'static str, scenario: &Scenario) {
    let stage = Stage::new(name);
    let pbx = Pbx::start(&stage, &Options::default());
    for transport in TRANSPORTS {
        let port = free_ports(1)[0];
        let role = format!("phone-{transport:?}");
        Sipp::start(&stage, &role, scenario, transport, port, pbx.sip(), "1001").succeeds();
    }
}

#[test]
fn a_phone_registers() {
    check("a_phone_registers", &Scenario::new("register").with("expires", 600));
}

#[test]
fn a_phone_registers_refreshes_asks_and_leaves() {
    check("a_phone_registers_refreshes_asks_and_leaves", &Scenario::new("register_refresh_leave"));
}

#[test]
fn a_wish_that_is_too_brief_is_told_the_least() {
    check("a_wish_that_is_too_brief_is_told_the_least", &Scenario::new("register_too_brief"));
}

#[test]
fn options_are_answered() {
    check("options_are_answered", &Scenario::new("options"));
}
