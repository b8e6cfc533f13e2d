//! Where responses go (RFC 3261 §18.2.2, RFC 3581) and what their Via says.
use cordboard_sip::Flow;
use cordboard_sip::message::HeaderName;

use crate::pair::{Incoming, Stage, address, header, tcp, udp};

/// The response to a request with this Via goes there, with this Via.
fn check(name: &str, flow: Flow, via: &str, to: &str, answered: &str) {
    let mut stage = Stage::new();
    stage.receive(flow, Incoming::new("OPTIONS").via(via));
    let (transaction, message) = stage.requested();
    let response = crate::pair::response(&message, &flow, 200);
    let bytes = stage.endpoint.respond(stage.now, transaction, &response);
    stage.endpoint.resend(flow, bytes.clone());
    let sent = stage.sent();
    assert_eq!(sent.len(), 2, "{name}");
    for transmit in sent {
        assert_eq!(transmit.flow, Flow { remote: address(to), ..flow }, "{name}");
    }
    assert_eq!(header(&crate::pair::parse(&bytes), HeaderName::Via), answered, "{name}");
}

#[test]
fn over_udp_a_response_goes_to_the_source_or_to_the_port_in_via() {
    check(
        "rport: to the source port",
        udp(),
        "SIP/2.0/UDP 10.0.0.9:1234;branch=z9hG4bKx;rport",
        "192.0.2.2:5070",
        "SIP/2.0/UDP 10.0.0.9:1234;branch=z9hG4bKx;received=192.0.2.2;rport=5070",
    );
    check(
        "no rport: source address, port of sent-by",
        udp(),
        "SIP/2.0/UDP 10.0.0.9:1234;branch=z9hG4bKx",
        "192.0.2.2:1234",
        "SIP/2.0/UDP 10.0.0.9:1234;branch=z9hG4bKx;received=192.0.2.2",
    );
    check(
        "no port at all: 5060",
        udp(),
        "SIP/2.0/UDP phone.example;branch=z9hG4bKx",
        "192.0.2.2:5060",
        "SIP/2.0/UDP phone.example;branch=z9hG4bKx;received=192.0.2.2",
    );
    check(
        "maddr wins",
        udp(),
        "SIP/2.0/UDP 192.0.2.2:5070;branch=z9hG4bKx;maddr=192.0.2.77;rport",
        "192.0.2.77:5070",
        "SIP/2.0/UDP 192.0.2.2:5070;branch=z9hG4bKx;maddr=192.0.2.77;received=192.0.2.2;rport=5070",
    );
}

#[test]
fn over_a_stream_a_response_stays_on_the_connection() {
    check(
        "whatever Via says",
        tcp(),
        "SIP/2.0/TCP 10.0.0.9:1234;branch=z9hG4bKx;maddr=192.0.2.77",
        "192.0.2.2:5070",
        "SIP/2.0/TCP 10.0.0.9:1234;branch=z9hG4bKx;maddr=192.0.2.77;received=192.0.2.2",
    );
}

#[test]
fn an_ipv6_peer_is_answered_at_its_address() {
    let flow = Flow::udp(address("[2001:db8::1]:5060"), address("[2001:db8::2]:5070"));
    check(
        "no rport",
        flow,
        "SIP/2.0/UDP [2001:db8::9]:1234;branch=z9hG4bKx",
        "[2001:db8::2]:1234",
        "SIP/2.0/UDP [2001:db8::9]:1234;branch=z9hG4bKx;received=2001:db8::2",
    );
}

#[test]
fn our_via_brackets_an_ipv6_address_and_its_response_is_ours() {
    let flow = Flow::udp(address("[2001:db8::1]:5060"), address("[2001:db8::2]:5070"));
    let mut stage = Stage::new();
    stage.send(flow, &crate::pair::outgoing(cordboard_sip::Method::Options));
    let options = stage.sent_one();
    assert!(header(&options, HeaderName::Via).starts_with("SIP/2.0/UDP [2001:db8::1]:5060;branch="));
    stage.receive(flow, crate::pair::response(&options, &flow, 200).write());
    assert_eq!(stage.told(), ["response 200"]);
}
