//! Their requests: our resends, ACK and what reaches the user (RFC 3261 §17.2, RFC 6026).
use std::time::Duration;

use bytes::Bytes;

use crate::pair::{Incoming, LIFETIME, Stage, tcp, udp};

#[test]
fn nothing_is_sent_before_the_user_responds() {
    let mut stage = Stage::new();
    stage.receive(udp(), Incoming::new("INVITE"));
    stage.receive(udp(), Incoming::new("INVITE"));
    assert_eq!(stage.told(), ["request INVITE"]);
    assert_eq!(stage.lines(), [""; 0]);
    assert_eq!(stage.counters().request_resends, 1);
}

#[test]
fn an_invite_that_comes_again_gets_the_latest_provisional_response() {
    let mut stage = Stage::new();
    stage.receive(udp(), Incoming::new("INVITE"));
    let (transaction, message) = stage.requested();
    stage.respond(transaction, &message, 100);
    let ringing = stage.respond(transaction, &message, 180);
    stage.sent();
    stage.receive(udp(), Incoming::new("INVITE"));
    let again: Vec<Bytes> = stage.sent().into_iter().map(|transmit| transmit.bytes).collect();
    assert_eq!(again, [ringing]);
}

#[test]
fn a_failure_is_resent_until_64_t1_when_no_ack_comes() {
    let mut stage = Stage::new();
    stage.receive(udp(), Incoming::new("INVITE"));
    let (transaction, message) = stage.requested();
    stage.respond(transaction, &message, 486);
    stage.sent();
    let times: Vec<u128> = stage.drain().into_iter().map(|(at, _)| at).collect();
    assert_eq!(times, [500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500]);
    assert_eq!(stage.told(), ["server failed: Timeout"]);
    assert_eq!(stage.endpoint.transactions(), 0);
}

#[test]
fn the_ack_ends_the_resends_of_a_failure() {
    let mut stage = Stage::new();
    stage.receive(udp(), Incoming::new("INVITE"));
    let (transaction, message) = stage.requested();
    stage.respond(transaction, &message, 486);
    stage.sent();
    let ack = Incoming::new("INVITE").becomes("ACK").to("<sip:alice@192.0.2.1>;tag=ours");
    stage.receive(udp(), ack.clone());
    stage.receive(udp(), ack);
    assert_eq!(stage.drain(), []);
    assert_eq!(stage.told(), [""; 0]);
    assert_eq!(stage.endpoint.transactions(), 0);
}

#[test]
fn over_a_stream_a_failure_is_not_resent_but_its_ack_is_awaited() {
    let mut stage = Stage::new();
    stage.receive(tcp(), Incoming::new("INVITE"));
    let (transaction, message) = stage.requested();
    stage.respond(transaction, &message, 486);
    stage.sent();
    assert_eq!(stage.drain(), []);
    assert_eq!(stage.told(), ["server failed: Timeout"]);
}

#[test]
fn an_invite_behind_its_2xx_is_swallowed_for_64_t1() {
    let mut stage = Stage::new();
    stage.receive(udp(), Incoming::new("INVITE"));
    let (transaction, message) = stage.requested();
    stage.respond(transaction, &message, 200);
    stage.sent();
    stage.run_until(LIFETIME - Duration::from_millis(1));
    stage.receive(udp(), Incoming::new("INVITE"));
    assert_eq!(stage.told(), [""; 0]);
    assert_eq!(stage.lines(), [""; 0]);
    stage.run_until(LIFETIME);
    assert_eq!(stage.endpoint.transactions(), 0);
}

#[test]
fn an_ack_for_a_2xx_is_the_users_each_time_and_late_too() {
    let mut stage = Stage::new();
    stage.receive(udp(), Incoming::new("INVITE"));
    let (transaction, message) = stage.requested();
    stage.respond(transaction, &message, 200);
    let ack = Incoming::new("ACK").via("SIP/2.0/UDP 192.0.2.2:5070;branch=z9hG4bKack;rport");
    let same_branch = Incoming::new("INVITE").becomes("ACK");
    stage.receive(udp(), ack.clone());
    stage.receive(udp(), ack.clone());
    stage.receive(udp(), same_branch);
    stage.drain();
    stage.receive(udp(), ack);
    assert_eq!(stage.told(), ["ack", "ack", "ack", "ack"]);
}

#[test]
fn a_request_that_comes_again_gets_its_final_response_again_for_64_t1() {
    let mut stage = Stage::new();
    stage.receive(udp(), Incoming::new("REGISTER"));
    let (transaction, message) = stage.requested();
    stage.respond(transaction, &message, 200);
    stage.sent();
    stage.run_until(LIFETIME - Duration::from_millis(1));
    stage.receive(udp(), Incoming::new("REGISTER"));
    assert_eq!(stage.lines(), ["200"]);
    stage.run_until(LIFETIME);
    assert_eq!(stage.endpoint.transactions(), 0);
    assert_eq!(stage.told(), [""; 0]);
}

#[test]
fn over_a_stream_a_request_is_forgotten_with_its_final_response() {
    let mut stage = Stage::new();
    stage.receive(tcp(), Incoming::new("REGISTER"));
    let (transaction, message) = stage.requested();
    stage.respond(transaction, &message, 200);
    assert_eq!(stage.endpoint.transactions(), 0);
}

#[test]
fn there_is_one_final_response() {
    for (method, ending) in [("INVITE", "200"), ("REGISTER", "200")] {
        let mut stage = Stage::new();
        stage.receive(udp(), Incoming::new(method));
        let (transaction, message) = stage.requested();
        assert!(!stage.respond(transaction, &message, 200).is_empty());
        assert!(stage.respond(transaction, &message, 486).is_empty());
        assert!(stage.respond(transaction, &message, 180).is_empty());
        assert_eq!(stage.lines(), [ending]);
        stage.drain();
        assert!(stage.respond(transaction, &message, 486).is_empty(), "the id is stale now");
        assert_eq!(stage.lines(), [""; 0]);
    }
}
