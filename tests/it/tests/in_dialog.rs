//! Requests within a call: hold and resume by re-INVITE (requirement A9, as far as it is there), late offers, glare, INFO.
//!
//! Elsewhere: REFER (`blind_transfer`, `attended_transfer`), PRACK (`reliable_provisionals`), refreshes and their glare (`session_timers`).

use cordboard_model::{CallLeg, Event, EventKind};
use cordboard_sip::{HeaderName, Method, StatusCode};
use cordboard_test_support::World;

use crate::ends::{body, connected, hang_up, sdp, text};

#[test]
fn a_caller_holds_and_resumes() {
    let mut world = World::new(1);
    let (mut caller, callee) = connected(&mut world, true);
    for direction in ["sendonly", "sendrecv"] {
        let offer = sdp(&world, caller.wire, direction);
        caller.send(&mut world, "INVITE", "application/sdp", &offer);
        let twin = callee.last_request(&world, Method::Invite);
        assert!(body(&twin).contains(&format!("a={direction}")), "{}", body(&twin));
        assert!(!body(&twin).contains("m=audio 4000 "), "the media stays at the relay");
        let answer = sdp(&world, callee.wire, "sendrecv");
        callee.answer(&mut world, &twin, StatusCode::OK, &answer);
        assert_eq!(caller.last_status(&world, Method::Invite), 200);
        caller.send(&mut world, "ACK", "", "");
        let ack = callee.last_request(&world, Method::Ack);
        assert_eq!(ack.cseq().map(|cseq| cseq.number), twin.cseq().map(|cseq| cseq.number));
    }
    hang_up(&mut world, caller, &callee);
}

#[test]
fn a_re_invite_that_is_never_finally_answered_ends_with_its_call() {
    let mut world = World::new(1);
    let (mut caller, callee) = connected(&mut world, true);
    let offer = sdp(&world, caller.wire, "sendonly");
    caller.send(&mut world, "INVITE", "application/sdp", &offer);
    let twin = callee.last_request(&world, Method::Invite);
    callee.answer(&mut world, &twin, StatusCode::TRYING, "");
    hang_up(&mut world, caller, &callee);
    assert_eq!(callee.last_request(&world, Method::Cancel).call_id(), twin.call_id());
}

#[test]
fn a_callee_holds() {
    let mut world = World::new(1);
    let (caller, mut callee) = connected(&mut world, true);
    let offer = sdp(&world, callee.wire, "inactive");
    callee.send(&mut world, "INVITE", "application/sdp", &offer);
    let twin = caller.last_request(&world, Method::Invite);
    assert!(body(&twin).contains("a=inactive"));
    let answer = sdp(&world, caller.wire, "inactive");
    caller.answer(&mut world, &twin, StatusCode::OK, &answer);
    assert_eq!(callee.last_status(&world, Method::Invite), 200);
    callee.send(&mut world, "ACK", "", "");
    hang_up(&mut world, caller, &callee);
}

#[test]
fn a_refused_hold_leaves_the_call_as_it_was() {
    let mut world = World::new(1);
    let (mut caller, callee) = connected(&mut world, true);
    let offer = sdp(&world, caller.wire, "sendonly");
    caller.send(&mut world, "INVITE", "application/sdp", &offer);
    let twin = callee.last_request(&world, Method::Invite);
    let refusal = StatusCode::new(488).expect("488 is a status");
    callee.answer(&mut world, &twin, refusal, "");
    assert_eq!(caller.last_status(&world, Method::Invite), 488);
    assert_eq!(world.node.counters().calls, 1);
    hang_up(&mut world, caller, &callee);
}

#[test]
fn a_host_name_as_media_address_is_refused_and_the_call_goes_on() {
    let mut world = World::new(1);
    let (mut caller, callee) = connected(&mut world, true);
    let offer = sdp(&world, caller.wire, "sendrecv").replace("c=IN IP4 10.", "c=IN IP4 host.example 10.");
    caller.send(&mut world, "INVITE", "application/sdp", &offer);
    let refusal = caller.last(&world, |message| !message.is_request() && message.method() == Method::Invite);
    assert_eq!(refusal.status().map(StatusCode::code), Some(488));
    let warning = text(&refusal, HeaderName::Warning);
    assert!(warning.starts_with("301 ") && warning.contains("found a host name"), "{warning}");
    caller.send(&mut world, "ACK", "", "");
    hang_up(&mut world, caller, &callee);
}

#[test]
fn the_relay_is_told_where_the_sip_of_each_leg_comes_from() {
    let mut world = World::new(1);
    let (caller, callee) = connected(&mut world, true);
    let (_, block) = world.node.relay.blocks().next().expect("the call has ports");
    let [a, b] = [caller.wire, callee.wire].map(|wire| Some(world.on(wire).address().ip()));
    assert_eq!(block.signalling, (a, b));
    hang_up(&mut world, caller, &callee);
}

#[test]
fn an_offer_in_the_2xx_is_answered_in_the_ack() {
    let mut world = World::new(1);
    let (mut caller, callee) = connected(&mut world, false);
    let ack = callee.last_request(&world, Method::Ack);
    assert!(body(&ack).contains("m=audio 1"), "the first ACK carries the answer: {:?}", body(&ack));
    caller.send(&mut world, "INVITE", "", "");
    let twin = callee.last_request(&world, Method::Invite);
    assert!(body(&twin).is_empty());
    let offer = sdp(&world, callee.wire, "sendrecv");
    callee.answer(&mut world, &twin, StatusCode::OK, &offer);
    let answer = sdp(&world, caller.wire, "recvonly");
    caller.send(&mut world, "ACK", "application/sdp", &answer);
    let ack = callee.last_request(&world, Method::Ack);
    assert!(body(&ack).contains("a=recvonly"), "{:?}", body(&ack));
    hang_up(&mut world, caller, &callee);
}

#[test]
fn two_re_invites_that_meet_are_both_refused_with_491() {
    let mut world = World::new(1);
    let (mut caller, mut callee) = connected(&mut world, true);
    let offer = sdp(&world, caller.wire, "sendonly");
    caller.send(&mut world, "INVITE", "application/sdp", &offer);
    let twin = callee.last_request(&world, Method::Invite);
    let offer = sdp(&world, callee.wire, "sendonly");
    callee.send(&mut world, "INVITE", "application/sdp", &offer);
    assert_eq!(callee.last_status(&world, Method::Invite), 491);
    callee.send(&mut world, "ACK", "", "");
    let pending = StatusCode::new(491).expect("491 is a status");
    callee.answer(&mut world, &twin, pending, "");
    assert_eq!(caller.last_status(&world, Method::Invite), 491);
    hang_up(&mut world, caller, &callee);
}

#[test]
fn info_passes_with_its_body() {
    let mut world = World::new(1);
    let (mut caller, callee) = connected(&mut world, true);
    caller.send(&mut world, "INFO", "application/dtmf-relay", "Signal=5\r\nDuration=160\r\n");
    let digits = |(_, event): &(_, Event)| match &event.kind {
        EventKind::Dtmf { leg, digit, duration_ms } => Some((*leg, digit.0, *duration_ms)),
        _ => None,
    };
    let digits: Vec<_> = world.node.events().iter().filter_map(digits).collect();
    assert_eq!(digits, [(CallLeg::Caller, '5', 160)]);
    let twin = callee.last_request(&world, Method::Info);
    assert_eq!(body(&twin), "Signal=5\r\nDuration=160\r\n");
    assert_eq!(text(&twin, HeaderName::ContentType), "application/dtmf-relay");
    callee.answer(&mut world, &twin, StatusCode::OK, "");
    assert_eq!(caller.last_status(&world, Method::Info), 200);
    hang_up(&mut world, caller, &callee);
}

#[test]
fn a_peer_that_forgot_the_call_ends_it() {
    let mut world = World::new(1);
    let (mut caller, callee) = connected(&mut world, true);
    let offer = sdp(&world, caller.wire, "sendonly");
    caller.send(&mut world, "INVITE", "application/sdp", &offer);
    let twin = callee.last_request(&world, Method::Invite);
    let gone = StatusCode::new(481).expect("481 is a status");
    callee.answer(&mut world, &twin, gone, "");
    assert_eq!(caller.last_status(&world, Method::Invite), 481);
    let bye = caller.last_request(&world, Method::Bye);
    caller.answer(&mut world, &bye, StatusCode::OK, "");
    assert_eq!(world.node.counters().calls, 0);
    world.settle();
}
