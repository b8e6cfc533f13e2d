//! Phones behind address translation, IPv6, and what passes of encryption: SIPp on both sides.

use std::net::{Ipv6Addr, SocketAddr};

use cordboard_interop::{Options, Pbx, Scenario, Sipp, Stage, Transport, free_ports};

use crate::stories::{Cast, check};

#[test]
fn phones_whose_via_and_contact_lead_nowhere_are_reached_where_they_called_from() {
    let stage = Stage::new("phones_whose_via_and_contact_lead_nowhere_are_reached_where_they_called_from");
    let pbx = Pbx::start(&stage, &Options::default());
    let cast = Cast { stage: &stage, pbx: &pbx };
    for transport in [Transport::Udp, Transport::Tcp] {
        let port = free_ports(1)[0];
        let side = |name: &str| {
            let scenario = Scenario::new(format!("behind_address_translation/{name}"));
            let role = format!("{name}-{}", transport.name());
            Sipp::start(&stage, &role, &scenario, Transport::Udp, port, pbx.sip(), "1002")
        };
        side("registers").succeeds();
        let mut callee = side("callee").listening(Transport::Udp, port);
        let mut caller = cast.calls("1002", &Scenario::new("behind_address_translation/caller"), transport);
        cast.succeed([&mut caller, &mut callee]);
    }
}

#[test]
fn phones_call_each_other_over_ipv6() {
    let stage = Stage::new("phones_call_each_other_over_ipv6");
    let pbx = Pbx::start(&stage, &Options { ipv6: true, ..Options::default() });
    let place = SocketAddr::new(Ipv6Addr::LOCALHOST.into(), pbx.sip().port());
    for transport in [Transport::Udp, Transport::Tcp] {
        let [ours, theirs] = free_ports(2).try_into().expect("two were asked for and given");
        let side = |name: &str, over, port| {
            let values = [("expires", "600"), ("ring_ms", "100"), ("talk_ms", "300"), ("from", "1001")];
            let scenario = values.iter().fold(Scenario::new(name), |scenario, (n, v)| scenario.with(n, v));
            let role = format!("{name}-{}", transport.name());
            Sipp::start(&stage, &role, &scenario, over, port, place, "1002")
        };
        side("register", Transport::Udp, theirs).succeeds();
        let mut callee = side("callee_is_hung_up", Transport::Udp, theirs).listening(Transport::Udp, theirs);
        let mut caller = side("caller_hangs_up", transport, ours);
        let cast = Cast { stage: &stage, pbx: &pbx };
        cast.succeed([&mut caller, &mut callee]);
    }
}

#[test]
fn keys_of_srtp_pass_between_legs_as_they_are() {
    check("keys_of_srtp_pass_between_legs_as_they_are", "keys_pass");
}
