//! Requests above 1,300 bytes change to TCP and come back when there is none (RFC 3261 §18.1.1).
use std::time::Duration;

use cordboard_sip::message::{HeaderName, Method, Request};
use cordboard_sip::transport::{ConnectionId, Transmit};
use cordboard_sip::{EndpointSettings, Flow, Transport};

use crate::pair::{OURS, Stage, address, outgoing, parse, reply, udp};

/// An endpoint whose node takes TCP connections at the port after that of UDP.
fn stage() -> Stage {
    let tcp = vec![address("[::]:5061"), address("0.0.0.0:5061")];
    Stage::with(EndpointSettings { tcp, ..EndpointSettings::default() }, 1)
}

/// The flow that a large request takes.
fn stream() -> Flow {
    Flow { transport: Transport::Tcp, local: address("192.0.2.1:5061"), ..udp() }
}

/// A request that is `size` bytes long as a datagram.
fn sized(method: Method, size: usize) -> Request {
    let mut stage = Stage::new();
    let mut bare = outgoing(method);
    bare.body("application/sdp", "".into());
    stage.send(udp(), &bare);
    let short = stage.sent()[0].bytes.len();
    for pad in size.saturating_sub(short + 8)..=size - short {
        let mut request = outgoing(method);
        request.body("application/sdp", "x".repeat(pad).into());
        let mut stage = Stage::new();
        stage.send(udp(), &request);
        if stage.sent()[0].bytes.len() == size {
            return request;
        }
    }
    panic!("no body makes it {size} bytes long")
}

fn large(method: Method) -> Request {
    sized(method, 1_400)
}

fn via(transmit: &Transmit) -> String {
    let via = parse(&transmit.bytes).value(HeaderName::Via).map(<[u8]>::to_vec).expect("it has one");
    String::from_utf8(via).expect("ours are text")
}

fn branch(transmit: &Transmit) -> String {
    via(transmit)
        .split(";branch=")
        .nth(1)
        .and_then(|rest| rest.split(';').next())
        .map(str::to_owned)
        .expect("ours")
}

#[test]
fn the_limit_is_1300_bytes_and_via_says_what_carries_the_request() {
    for (size, flow, begin) in [
        (1_300, udp(), format!("SIP/2.0/UDP {OURS};branch=")),
        (1_301, stream(), "SIP/2.0/TCP 192.0.2.1:5061;branch=".to_owned()),
    ] {
        let mut stage = stage();
        stage.send(udp(), &sized(Method::Invite, size));
        let sent = stage.sent();
        assert_eq!((sent.len(), sent[0].flow), (1, flow));
        assert!(via(&sent[0]).starts_with(&begin), "{}", via(&sent[0]));
    }
}

#[test]
fn over_tcp_nothing_is_resent_and_the_answer_is_matched() {
    let mut stage = stage();
    stage.send(udp(), &large(Method::Invite));
    let invite = stage.sent_one();
    assert_eq!(stage.run_until(Duration::from_secs(10)), []);
    stage.receive(Flow { connection: ConnectionId(7), ..stream() }, reply(&invite, 200));
    assert_eq!(stage.told(), ["response 200"]);
}

#[test]
fn without_a_connection_the_same_transaction_goes_on_with_datagrams() {
    for method in [Method::Invite, Method::Options] {
        let mut stage = stage();
        stage.send(udp(), &large(method));
        let first = stage.sent().remove(0);
        stage.endpoint.handle_transport_failure(stage.now, stream());
        assert_eq!(stage.told(), [""; 0], "the user has not lost anything");
        let second = stage.sent().remove(0);
        assert_eq!((second.flow, branch(&second)), (udp(), branch(&first)));
        assert!(via(&second).starts_with(&format!("SIP/2.0/UDP {OURS}")));
        let resent = stage.run_until(Duration::from_millis(1_600));
        assert_eq!(resent.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [500, 1_500]);
        stage.receive(udp(), reply(&parse(&second.bytes), 200));
        assert_eq!(stage.told(), ["response 200"]);
        stage.drain();
        assert_eq!(stage.endpoint.transactions(), 0);
    }
}

#[test]
fn a_datagram_that_cannot_be_delivered_either_is_told_once() {
    let mut stage = stage();
    stage.send(udp(), &large(Method::Invite));
    stage.endpoint.handle_transport_failure(stage.now, stream());
    stage.endpoint.handle_transport_failure(stage.now, udp());
    assert_eq!(stage.told(), ["client failed: Transport"]);
    assert_eq!((stage.endpoint.transactions(), stage.endpoint.next_timeout()), (0, None));
}

#[test]
fn a_connection_that_breaks_after_a_response_is_a_failure() {
    let mut stage = stage();
    stage.send(udp(), &large(Method::Invite));
    let invite = stage.sent_one();
    let connected = Flow { connection: ConnectionId(7), ..stream() };
    stage.receive(connected, reply(&invite, 180));
    stage.endpoint.handle_transport_failure(stage.now, connected);
    assert_eq!(stage.told(), ["response 180", "client failed: Transport"]);
    assert!(stage.sent().is_empty(), "the phone rings; it must not be called twice");
}

#[test]
fn a_wish_to_cancel_outlives_the_change() {
    let mut stage = stage();
    let id = stage.send(udp(), &large(Method::Invite));
    stage.sent();
    stage.endpoint.cancel(stage.now, id);
    stage.endpoint.handle_transport_failure(stage.now, stream());
    let invite = stage.sent_one();
    stage.receive(udp(), reply(&invite, 180));
    let sent = stage.sent();
    assert!(sent[0].bytes.starts_with(b"CANCEL ") && sent[0].flow == udp(), "{sent:?}");
}

#[test]
fn a_peer_without_tcp_is_asked_again_after_ten_minutes() {
    let mut stage = stage();
    stage.send(udp(), &large(Method::Options));
    stage.endpoint.handle_transport_failure(stage.now, stream());
    stage.sent();
    for (after, flow) in [(1, udp()), (599, udp()), (600, stream())] {
        stage.run_until(Duration::from_secs(after));
        stage.send(udp(), &large(Method::Options));
        assert_eq!(stage.sent()[0].flow, flow, "after {after} s");
    }
    let other = Flow { remote: address("192.0.2.3:5060"), ..udp() };
    stage.send(other, &large(Method::Options));
    assert_eq!(stage.sent()[0].flow.transport, Transport::Tcp, "another peer may have TCP");
}

#[test]
fn a_node_without_tcp_at_this_address_sends_datagrams() {
    let elsewhere = vec![address("[::]:5061"), address("192.0.2.9:5061")];
    for tcp in [Vec::new(), elsewhere] {
        let mut stage = Stage::with(EndpointSettings { tcp, ..EndpointSettings::default() }, 1);
        stage.send(udp(), &large(Method::Invite));
        assert_eq!(stage.sent()[0].flow, udp());
    }
}
