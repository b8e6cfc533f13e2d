//! Our requests: resends, failures and what reaches the user (RFC 3261 §17.1).
use std::time::Duration;

use cordboard_sip::message::Method;

use crate::pair::{LIFETIME, Stage, outgoing, reply, tcp, udp};

#[test]
fn an_invite_over_udp_is_resent_at_doubling_intervals_until_64_t1() {
    let mut stage = Stage::new();
    stage.send(udp(), &outgoing(Method::Invite));
    assert_eq!(stage.lines(), ["INVITE"]);
    let times: Vec<u128> = stage.drain().into_iter().map(|(at, _)| at).collect();
    assert_eq!(times, [500, 1500, 3500, 7500, 15500, 31500]);
    assert_eq!(stage.told(), ["client failed: Timeout"]);
    assert_eq!(stage.endpoint.transactions(), 0);
    assert_eq!(stage.counters().resent, 6);
}

#[test]
fn a_request_other_than_invite_is_resent_at_intervals_up_to_t2() {
    let mut stage = Stage::new();
    stage.send(udp(), &outgoing(Method::Options));
    stage.sent();
    let times: Vec<u128> = stage.drain().into_iter().map(|(at, _)| at).collect();
    assert_eq!(times, [500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500]);
    assert_eq!(stage.told(), ["client failed: Timeout"]);
}

#[test]
fn nothing_is_resent_over_a_stream() {
    for method in [Method::Invite, Method::Options] {
        let mut stage = Stage::new();
        stage.send(tcp(), &outgoing(method));
        stage.sent();
        assert_eq!(stage.drain(), []);
        assert_eq!(stage.told(), ["client failed: Timeout"]);
    }
}

#[test]
fn an_invite_rings_without_limit() {
    let mut stage = Stage::new();
    stage.send(udp(), &outgoing(Method::Invite));
    let invite = stage.sent_one();
    stage.receive(udp(), reply(&invite, 180));
    assert_eq!(stage.endpoint.next_timeout(), None);
    stage.run_until(Duration::from_secs(600));
    stage.receive(udp(), reply(&invite, 200));
    assert_eq!(stage.told(), ["response 180", "response 200"]);
}

#[test]
fn a_final_response_reaches_the_user_once() {
    let mut stage = Stage::new();
    stage.send(udp(), &outgoing(Method::Options));
    let options = stage.sent_one();
    for status in [100, 200, 200, 404] {
        stage.receive(udp(), reply(&options, status));
    }
    assert_eq!(stage.told(), ["response 100", "response 200"]);
    assert_eq!(stage.drain(), []);
    assert_eq!(stage.endpoint.transactions(), 0);
}

#[test]
fn every_2xx_to_an_invite_reaches_the_user_for_64_t1_and_as_a_stray_afterwards() {
    let mut stage = Stage::new();
    stage.send(udp(), &outgoing(Method::Invite));
    let invite = stage.sent_one();
    stage.receive(udp(), reply(&invite, 200));
    stage.receive(udp(), reply(&invite, 200));
    stage.receive(udp(), reply(&invite, 404));
    assert_eq!(stage.told(), ["response 200", "response 200"]);
    stage.run_until(LIFETIME);
    assert_eq!(stage.endpoint.transactions(), 0);
    stage.receive(udp(), reply(&invite, 200));
    stage.receive(udp(), reply(&invite, 404));
    assert_eq!(stage.told(), ["stray response 200"]);
    assert_eq!(stage.counters().stray_responses, 1);
}

#[test]
fn a_2xx_behind_a_failure_is_not_lost() {
    let mut stage = Stage::new();
    stage.send(udp(), &outgoing(Method::Invite));
    let invite = stage.sent_one();
    stage.receive(udp(), reply(&invite, 503));
    stage.receive(udp(), reply(&invite, 200));
    assert_eq!(stage.told(), ["response 503", "stray response 200"]);
}
