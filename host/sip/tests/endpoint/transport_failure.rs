//! A flow that cannot deliver any more (RFC 3261 §17.1.4, §17.2.4, §18.2.2, RFC 6026).
use cordboard_sip::message::Method;
use cordboard_sip::transport::ConnectionId;
use cordboard_sip::{Flow, Transport};

use crate::pair::{Incoming, LIFETIME, Stage, address, outgoing, reply, tcp, udp};

#[test]
fn every_request_of_ours_on_the_flow_fails_in_the_order_it_was_sent() {
    for flow in [udp(), tcp()] {
        let mut stage = Stage::new();
        stage.send(flow, &outgoing(Method::Invite));
        stage.send(flow, &outgoing(Method::Options));
        stage.endpoint.handle_transport_failure(stage.now, flow);
        assert_eq!(stage.told(), ["client failed: Transport", "client failed: Transport"]);
        assert_eq!(stage.endpoint.transactions(), 0);
        assert_eq!(stage.endpoint.next_timeout(), None);
    }
}

/// Whether a request on `flow` fails with `failed`.
fn fails(flow: Flow, failed: Flow) -> bool {
    let mut stage = Stage::new();
    stage.send(flow, &outgoing(Method::Options));
    stage.endpoint.handle_transport_failure(stage.now, failed);
    !stage.told().is_empty()
}

#[test]
fn requests_on_other_flows_go_on() {
    let other_peer = Flow { remote: address("192.0.2.3:5070"), ..udp() };
    let other_port = Flow { remote: address("192.0.2.2:5071"), ..udp() };
    let other_side = Flow { local: address("192.0.2.9:5060"), ..udp() };
    let other_connection = Flow { connection: ConnectionId(8), ..tcp() };
    let unopened = Flow { connection: ConnectionId::NONE, ..tcp() };
    let tls = Flow { transport: Transport::Tls, ..tcp() };
    assert!(!fails(udp(), other_peer));
    assert!(!fails(udp(), other_port));
    assert!(!fails(udp(), other_side));
    assert!(!fails(udp(), tcp()));
    assert!(!fails(tcp(), other_connection));
    assert!(!fails(tcp(), tls));
    assert!(fails(unopened, tcp()), "the driver may have found this connection by its address");
    assert!(fails(tcp(), unopened), "the driver may not be able to say which connection it was");
}

#[test]
fn a_ringing_call_of_ours_fails_with_its_flow_and_an_answered_one_does_not() {
    for (status, told) in [(180, &["client failed: Transport"][..]), (200, &[]), (486, &[])] {
        let mut stage = Stage::new();
        stage.send(udp(), &outgoing(Method::Invite));
        let invite = stage.sent_one();
        stage.receive(udp(), reply(&invite, status));
        stage.told();
        stage.endpoint.handle_transport_failure(stage.now, udp());
        assert_eq!(stage.told(), told, "after {status}");
        stage.run_until(LIFETIME);
        assert_eq!(stage.endpoint.transactions(), 0);
    }
}

#[test]
fn a_failed_cancel_is_between_the_transaction_layers() {
    let mut stage = Stage::new();
    let id = stage.send(udp(), &outgoing(Method::Invite));
    let invite = stage.sent_one();
    stage.receive(udp(), reply(&invite, 180));
    stage.endpoint.cancel(stage.now, id);
    stage.endpoint.handle_transport_failure(stage.now, udp());
    assert_eq!(stage.told(), ["response 180", "client failed: Transport"], "only the INVITE is told");
    assert_eq!(stage.endpoint.transactions(), 0);
}

#[test]
fn a_final_response_of_ours_that_was_not_delivered_is_told_once() {
    for (method, status) in [("INVITE", 200), ("INVITE", 486), ("REGISTER", 200)] {
        let mut stage = Stage::new();
        stage.receive(udp(), Incoming::new(method));
        let (transaction, message) = stage.requested();
        stage.respond(transaction, &message, status);
        stage.endpoint.handle_transport_failure(stage.now, udp());
        stage.endpoint.handle_transport_failure(stage.now, udp());
        stage.drain();
        assert_eq!(stage.told(), ["server failed: Transport"], "{method} {status}");
        assert_eq!(stage.endpoint.transactions(), 0);
    }
}

#[test]
fn a_response_outlives_the_connection_of_its_request() {
    let mut stage = Stage::new();
    stage.receive(tcp(), Incoming::new("INVITE").via("SIP/2.0/TCP 192.0.2.2:5090;branch=z9hG4bKx"));
    let (transaction, message) = stage.requested();
    stage.endpoint.handle_transport_failure(stage.now, tcp());
    assert_eq!(stage.told(), [""; 0]);
    stage.respond(transaction, &message, 486);
    let sent = stage.sent();
    let expected = Flow { connection: ConnectionId::NONE, remote: address("192.0.2.2:5090"), ..tcp() };
    assert_eq!(sent[0].flow, expected, "a new connection, to the port in Via");
    stage.endpoint.handle_transport_failure(stage.now, expected);
    assert_eq!(stage.told(), ["server failed: Transport"]);
}
