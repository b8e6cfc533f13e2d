//! CANCEL, ours and theirs (RFC 3261 §9).
use std::time::Duration;

use cordboard_sip::message::{HeaderName, Method};

use crate::pair::{Incoming, LIFETIME, Stage, header, outgoing, parse, reply, udp};

#[test]
fn our_cancel_waits_for_a_provisional_response() {
    let mut stage = Stage::new();
    let id = stage.send(udp(), &outgoing(Method::Invite));
    let invite = stage.sent_one();
    stage.endpoint.cancel(stage.now, id);
    assert_eq!(stage.lines(), [""; 0]);
    stage.receive(udp(), reply(&invite, 100));
    assert_eq!(stage.lines(), ["CANCEL"]);
}

#[test]
fn our_cancel_is_sent_at_once_when_it_rings_and_looks_like_its_invite() {
    let mut stage = Stage::new();
    let mut invite = outgoing(Method::Invite);
    invite.header(HeaderName::Route, "<sip:first;lr>");
    let id = stage.send(udp(), &invite);
    let invite = stage.sent_one();
    stage.receive(udp(), reply(&invite, 180));
    stage.endpoint.cancel(stage.now, id);
    stage.endpoint.cancel(stage.now, id);
    let cancel = stage.sent_one();
    assert_eq!(cancel.method(), Method::Cancel);
    assert_eq!(cancel.request_uri(), invite.request_uri());
    for name in [HeaderName::Via, HeaderName::From, HeaderName::To, HeaderName::CallId, HeaderName::Route] {
        assert_eq!(header(&cancel, name), header(&invite, name));
    }
    assert_eq!(header(&cancel, HeaderName::CSeq), "1 CANCEL");
}

#[test]
fn the_answer_to_our_cancel_is_not_the_users_but_the_487_is() {
    let mut stage = Stage::new();
    let id = stage.send(udp(), &outgoing(Method::Invite));
    let invite = stage.sent_one();
    stage.receive(udp(), reply(&invite, 180));
    stage.endpoint.cancel(stage.now, id);
    let cancel = stage.sent_one();
    stage.receive(udp(), reply(&cancel, 200));
    stage.receive(udp(), reply(&invite, 487));
    assert_eq!(stage.told(), ["response 180", "response 487"]);
    assert_eq!(stage.lines(), ["ACK"]);
    stage.drain();
    assert_eq!(stage.endpoint.transactions(), 0);
}

#[test]
fn a_2xx_that_crossed_our_cancel_reaches_the_user() {
    let mut stage = Stage::new();
    let id = stage.send(udp(), &outgoing(Method::Invite));
    let invite = stage.sent_one();
    stage.receive(udp(), reply(&invite, 180));
    stage.endpoint.cancel(stage.now, id);
    stage.receive(udp(), reply(&invite, 200));
    assert_eq!(stage.told(), ["response 180", "response 200"]);
}

#[test]
fn a_peer_that_ignores_our_cancel_is_given_up_after_64_t1() {
    let mut stage = Stage::new();
    let id = stage.send(udp(), &outgoing(Method::Invite));
    let invite = stage.sent_one();
    stage.receive(udp(), reply(&invite, 180));
    stage.endpoint.cancel(stage.now, id);
    stage.run_until(LIFETIME);
    assert_eq!(stage.told(), ["response 180", "client failed: Timeout"]);
    assert_eq!(stage.endpoint.transactions(), 0);
}

#[test]
fn a_cancel_after_the_final_response_or_of_nothing_does_nothing() {
    let mut stage = Stage::new();
    let id = stage.send(udp(), &outgoing(Method::Invite));
    let invite = stage.sent_one();
    stage.receive(udp(), reply(&invite, 486));
    stage.endpoint.cancel(stage.now, id);
    assert_eq!(stage.lines(), ["ACK"]);
    stage.drain();
    stage.endpoint.cancel(stage.now, id);
    let options = stage.send(udp(), &outgoing(Method::Options));
    stage.endpoint.cancel(stage.now, options);
    assert_eq!(stage.lines(), ["OPTIONS"]);
}

#[test]
fn their_cancel_gets_its_200_and_the_user_is_told_once() {
    let mut stage = Stage::new();
    let invite = Incoming::new("INVITE");
    stage.receive(udp(), invite.clone());
    let (transaction, message) = stage.requested();
    stage.respond(transaction, &message, 180);
    stage.sent();
    stage.receive(udp(), invite.clone().becomes("CANCEL"));
    stage.receive(udp(), invite.becomes("CANCEL"));
    assert_eq!(stage.told(), ["cancelled"]);
    let answers = stage.sent();
    assert_eq!(answers.len(), 2, "the CANCEL that came again gets its 200 again");
    assert_eq!(answers[0].bytes, answers[1].bytes);
    let answer = parse(&answers[0].bytes);
    assert_eq!(header(&answer, HeaderName::To), "<sip:alice@192.0.2.1>;tag=ours", "the tag of the 180");
    assert_eq!(header(&answer, HeaderName::CSeq), "1 CANCEL");
    stage.respond(transaction, &message, 487);
    assert_eq!(stage.lines(), ["487"]);
}

#[test]
fn a_cancel_behind_the_final_response_gets_its_200_and_changes_nothing() {
    for status in [200, 486] {
        let mut stage = Stage::new();
        stage.receive(udp(), Incoming::new("INVITE"));
        let (transaction, message) = stage.requested();
        stage.respond(transaction, &message, status);
        stage.sent();
        stage.receive(udp(), Incoming::new("INVITE").becomes("CANCEL"));
        assert_eq!(stage.lines(), ["200"]);
        assert_eq!(stage.told(), [""; 0]);
    }
}

#[test]
fn a_cancel_of_nothing_is_481_and_leaves_nothing() {
    let mut stage = Stage::new();
    stage.receive(udp(), Incoming::new("CANCEL"));
    stage.receive(udp(), Incoming::new("CANCEL"));
    let answers = stage.sent();
    assert_eq!(answers.len(), 2);
    assert_eq!(answers[0], answers[1], "a stateless answer has the same tag each time (§8.2.7)");
    assert_eq!(parse(&answers[0].bytes).status().unwrap().code(), 481);
    assert_eq!(stage.endpoint.transactions(), 0);
}

#[test]
fn a_cancel_with_another_branch_or_sent_by_cancels_nothing() {
    for via in [
        "SIP/2.0/UDP 192.0.2.2:5070;branch=z9hG4bKother;rport",
        "SIP/2.0/UDP 192.0.2.3:5070;branch=z9hG4bKfirst;rport",
        "SIP/2.0/UDP 192.0.2.2:5071;branch=z9hG4bKfirst;rport",
    ] {
        let mut stage = Stage::new();
        stage.receive(udp(), Incoming::new("INVITE"));
        stage.receive(udp(), Incoming::new("INVITE").becomes("CANCEL").via(via));
        assert_eq!(stage.told(), ["request INVITE"], "{via}");
        assert_eq!(stage.lines(), ["481"], "{via}");
    }
}

#[test]
fn a_whole_cancelled_call_leaves_nothing_behind() {
    let mut stage = Stage::new();
    stage.receive(udp(), Incoming::new("INVITE"));
    let (transaction, message) = stage.requested();
    stage.receive(udp(), Incoming::new("INVITE").becomes("CANCEL"));
    stage.respond(transaction, &message, 487);
    stage.receive(udp(), Incoming::new("INVITE").becomes("ACK").to("<sip:alice@192.0.2.1>;tag=ours"));
    stage.run_until(LIFETIME + Duration::from_millis(1));
    assert_eq!(stage.endpoint.transactions(), 0);
    assert_eq!(stage.told(), ["cancelled"], "an ACK for a failure stays below the user");
}
