//! The ACK for a failed INVITE (RFC 3261 §17.1.1.3) and for a 2xx (§13.2.2.4).
use std::time::Duration;

use cordboard_sip::message::{HeaderName, Method};

use crate::pair::{Stage, header, outgoing, parse, reply, tcp, udp};

#[test]
fn the_ack_of_a_failure_travels_the_path_of_its_invite() {
    let mut stage = Stage::new();
    let mut invite = outgoing(Method::Invite);
    invite.header(HeaderName::Route, "<sip:first;lr>").header(HeaderName::Route, "<sip:second;lr>");
    stage.send(udp(), &invite);
    let invite = stage.sent_one();
    stage.receive(udp(), reply(&invite, 486));
    let sent = stage.sent();
    let ack = parse(&sent[0].bytes);
    assert_eq!((sent.len(), sent[0].flow), (1, udp()));
    assert_eq!(ack.method(), Method::Ack);
    assert_eq!(ack.request_uri(), invite.request_uri());
    for name in [HeaderName::Via, HeaderName::From, HeaderName::CallId] {
        assert_eq!(header(&ack, name), header(&invite, name));
    }
    assert_eq!(
        header(&ack, HeaderName::To),
        "<sip:bob@192.0.2.2>;tag=ours",
        "To of the response, tag included"
    );
    assert_eq!(header(&ack, HeaderName::CSeq), "1 ACK");
    let routes: Vec<&[u8]> = ack.values(HeaderName::Route).collect();
    assert_eq!(routes, [b"<sip:first;lr>", b"<sip:second;lr>".as_slice()]);
    assert_eq!(ack.values(HeaderName::Via).count(), 1);
    ack.check().expect("a peer has to be able to read it");
}

#[test]
fn a_failure_that_comes_again_is_acknowledged_again_and_told_once() {
    let mut stage = Stage::new();
    stage.send(udp(), &outgoing(Method::Invite));
    let invite = stage.sent_one();
    stage.receive(udp(), reply(&invite, 486));
    stage.run_until(Duration::from_secs(31));
    stage.receive(udp(), reply(&invite, 486));
    assert_eq!(stage.lines(), ["ACK", "ACK"]);
    assert_eq!(stage.told(), ["response 486"]);
    stage.drain();
    assert_eq!(stage.endpoint.transactions(), 0);
}

#[test]
fn over_a_stream_the_transaction_ends_with_the_ack() {
    let mut stage = Stage::new();
    stage.send(tcp(), &outgoing(Method::Invite));
    let invite = stage.sent_one();
    stage.receive(tcp(), reply(&invite, 486));
    assert_eq!(stage.lines(), ["ACK"]);
    assert_eq!(stage.endpoint.transactions(), 0);
    assert_eq!(stage.endpoint.next_timeout(), None);
}

#[test]
fn the_ack_of_a_2xx_is_the_users_and_has_a_branch_of_its_own() {
    let mut stage = Stage::new();
    stage.send(udp(), &outgoing(Method::Invite));
    let invite = stage.sent_one();
    stage.receive(udp(), reply(&invite, 200));
    assert_eq!(stage.lines(), [""; 0]);
    let bytes = stage.endpoint.send_ack(udp(), &outgoing(Method::Ack));
    stage.endpoint.resend(udp(), bytes.clone());
    let sent = stage.sent();
    assert_eq!(sent.iter().map(|transmit| &transmit.bytes).collect::<Vec<_>>(), [&bytes, &bytes]);
    assert_ne!(parse(&bytes).via().unwrap().branch(), invite.via().unwrap().branch());
    assert_eq!(stage.counters().resent, 1);
}
