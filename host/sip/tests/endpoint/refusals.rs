//! What is answered or dropped below the events, and what that costs.
use std::time::Duration;

use bytes::Bytes;
use cordboard_sip::EndpointSettings;
use cordboard_sip::message::HeaderName;

use crate::pair::{Incoming, Stage, header, tcp, udp};

/// What happens to `bytes`.
fn check(name: &str, bytes: impl Into<Bytes>, lines: &[&str], dropped: u64) {
    let mut stage = Stage::new();
    stage.receive(udp(), bytes);
    assert_eq!(stage.lines(), lines, "{name}");
    assert_eq!(stage.told(), [""; 0], "{name}");
    assert_eq!(stage.counters().malformed_dropped, dropped, "{name}");
    assert_eq!(stage.counters().malformed_answered, lines.len() as u64, "{name}");
    assert_eq!(stage.endpoint.transactions(), 0, "{name}");
}

/// A request with `from` replaced by `to`.
fn changed(method: &'static str, from: &str, to: &str) -> Bytes {
    let text = String::from_utf8(Incoming::new(method).bytes().to_vec()).unwrap();
    assert!(text.contains(from), "{from} in {text}");
    Bytes::from(text.replacen(from, to, 1))
}

#[test]
fn a_malformed_request_is_answered_without_state() {
    check("no From", changed("INVITE", "From: <sip:bob@192.0.2.2>;tag=bob\r\n", ""), &["400"], 0);
    check("no Call-ID", changed("OPTIONS", "Call-ID: incoming\r\n", ""), &["400"], 0);
    check("unreadable CSeq", changed("INVITE", "CSeq: 1 INVITE", "CSeq: one INVITE"), &["400"], 0);
    check("CSeq of another method", changed("INVITE", "CSeq: 1 INVITE", "CSeq: 1 BYE"), &["400"], 0);
    check(
        "unreadable Max-Forwards",
        changed("INVITE", "Max-Forwards: 70", "Max-Forwards: many"),
        &["400"],
        0,
    );
    check("body cut off", changed("INVITE", "Content-Length: 0", "Content-Length: 100"), &["400"], 0);
    check("another version", changed("INVITE", "SIP/2.0\r\n", "SIP/7.0\r\n"), &["505"], 0);
}

#[test]
fn an_ack_a_response_and_noise_are_never_answered() {
    check("malformed ACK", changed("ACK", "Call-ID: incoming\r\n", ""), &[], 1);
    check(
        "no Via",
        changed("INVITE", "Via: SIP/2.0/UDP 192.0.2.2:5070;branch=z9hG4bKfirst;rport\r\n", ""),
        &[],
        1,
    );
    check("noise", "\u{1}\u{2}\u{3}", &[], 1);
    check("another protocol", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", &[], 1);
    let via = "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKx\r\n";
    check("malformed response", format!("SIP/2.0 200 OK\r\n{via}\r\n"), &[], 1);
    check("keep-alive", "\r\n\r\n", &[], 0);
}

#[test]
fn a_stream_wants_content_length() {
    let mut stage = Stage::new();
    stage.receive(tcp(), changed("OPTIONS", "Content-Length: 0\r\n", ""));
    assert_eq!(stage.lines(), ["400"]);
    stage.receive(udp(), changed("OPTIONS", "Content-Length: 0\r\n", ""));
    assert_eq!(stage.told(), ["request OPTIONS"]);
}

/// A first request with a call of its own.
fn call(number: usize) -> Incoming {
    let mut request = Incoming::new("OPTIONS").via(&format!("SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK{number}"));
    request.sip_call_id = format!("call-{number}");
    request
}

#[test]
fn beyond_the_limit_a_new_request_is_503_without_state() {
    let settings = EndpointSettings { max_transactions: 4, ..EndpointSettings::default() };
    let mut stage = Stage::with(settings, 1);
    for number in 0..5 {
        stage.receive(udp(), call(number));
    }
    assert_eq!(stage.told().len(), 4);
    let answer = stage.sent_one();
    assert_eq!(answer.status().unwrap().code(), 503);
    assert_eq!(header(&answer, HeaderName::RetryAfter), "10");
    assert_eq!(stage.endpoint.transactions(), 4);
    stage.receive(udp(), call(0));
    assert_eq!(stage.lines(), [""; 0], "a resend of what is known is not a new request");
}

#[test]
fn beyond_the_limit_calls_can_still_be_ended() {
    let settings = EndpointSettings { max_transactions: 4, ..EndpointSettings::default() };
    let mut stage = Stage::with(settings, 1);
    for number in 0..4 {
        stage.receive(udp(), call(number));
    }
    stage.told();
    let bye = |number: usize| {
        let mut bye = Incoming::new("BYE").via(&format!("SIP/2.0/UDP 192.0.2.2;branch=z9hG4bKbye{number}"));
        bye.to = "<sip:alice@192.0.2.1>;tag=dialog".to_owned();
        bye
    };
    stage.receive(udp(), bye(0));
    assert_eq!(stage.told(), ["request BYE"]);
    stage.receive(udp(), bye(1));
    assert_eq!(stage.lines(), ["503"], "but not without any limit");
}

#[test]
fn a_refused_request_is_accepted_once_there_is_room() {
    let settings = EndpointSettings { max_transactions: 1, ..EndpointSettings::default() };
    let mut stage = Stage::with(settings, 1);
    stage.receive(udp(), call(0));
    let (transaction, message) = stage.requested();
    stage.respond(transaction, &message, 200);
    stage.run_until(Duration::from_secs(33));
    stage.sent();
    stage.receive(udp(), call(1));
    assert_eq!(stage.told(), ["request OPTIONS"]);
}
