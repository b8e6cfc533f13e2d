//! Digits between legs that do not agree how to send them. What is relayed, and when, is shown beside the relay.

use cordboard_media::command::Side;
use cordboard_media::dtmf::Digit;
use cordboard_model::{CallLeg, Event, EventKind};
use cordboard_sip::{HeaderName, Method, StatusCode};
use cordboard_test_support::{Block, World};

use crate::ends::{End, body, hang_up, invite, sdp, text, two_ends};
use crate::{millis, seconds};

const INFO: &str = "INVITE, ACK, BYE, CANCEL, INFO";
const NO_INFO: &str = "INVITE, ACK, BYE, CANCEL";

/// How an end sends digits.
#[derive(Clone, Copy, PartialEq)]
enum Digits {
    /// As telephone events under payload type 96.
    Events,
    /// By INFO.
    Info,
    /// As tones only.
    Tones,
}

/// What an end announces.
fn description(world: &World, end: &End, digits: Digits, payload_type: u8) -> String {
    let plain = sdp(world, end.wire, "sendrecv");
    if digits != Digits::Events {
        return plain;
    }
    let events = format!("a=rtpmap:{payload_type} telephone-event/8000\r\n");
    plain.replace("RTP/AVP 0", &format!("RTP/AVP 0 {payload_type}")) + &events
}

fn allow(digits: Digits) -> &'static str {
    if digits == Digits::Tones { NO_INFO } else { INFO }
}

/// A call, with what the callee was offered and the caller was answered.
struct Talk {
    caller: End,
    callee: End,
    offered: String,
    answered: String,
}

fn talk(world: &mut World, of_caller: Digits, of_callee: Digits) -> Talk {
    let (mut caller, mut callee) = two_ends(world);
    let offer = description(world, &caller, of_caller, 96);
    invite(world, &mut caller, &format!("Allow: {}\r\n", allow(of_caller)), &offer);
    let invite = callee.join(world);
    let offered = body(&invite);
    // It takes the payload type that it was offered.
    let answer = description(world, &callee, of_callee, if of_caller == Digits::Events { 96 } else { 101 });
    callee.answer_with(world, &invite, StatusCode::OK, &[(HeaderName::Allow, allow(of_callee))], &answer);
    let answered = body(&caller.confirm(world));
    caller.send(world, "ACK", "", "");
    Talk { caller, callee, offered, answered }
}

fn heard(world: &World) -> Vec<(CallLeg, char, u32)> {
    let digit = |(_, event): &(_, Event)| match &event.kind {
        EventKind::Dtmf { leg, digit, duration_ms } => Some((*leg, digit.0, *duration_ms)),
        _ => None,
    };
    world.node.events().iter().filter_map(digit).collect()
}

fn press(world: &mut World, side: Side, key: char) {
    world.press(side, Digit::from_char(key).expect("a key"), millis(100));
    world.run_for(seconds(1));
}

fn block(world: &World) -> Block {
    world.node.relay.blocks().next().expect("the call has ports").1.clone()
}

#[test]
fn a_callee_that_takes_info_is_told_the_digits_of_telephone_events() {
    let mut world = World::new(1);
    let Talk { caller, callee, answered, .. } = talk(&mut world, Digits::Events, Digits::Info);
    assert!(answered.contains("RTP/AVP 0 96\r\n"), "the caller may send events: {answered}");
    assert!(answered.contains("a=rtpmap:96 telephone-event/8000\r\n"), "{answered}");
    assert_eq!(block(&world).digits_by_info, (false, true), "the relay takes them out");
    press(&mut world, Side::Caller, '5');
    let info = callee.last_request(&world, Method::Info);
    assert_eq!(text(&info, HeaderName::ContentType), "application/dtmf-relay");
    assert_eq!(body(&info), "Signal=5\r\nDuration=100\r\n");
    callee.answer(&mut world, &info, StatusCode::OK, "");
    assert_eq!(heard(&world), [(CallLeg::Caller, '5', 100)]);
    hang_up(&mut world, caller, &callee);
}

#[test]
fn the_info_of_a_callee_becomes_telephone_events_for_the_caller() {
    let mut world = World::new(1);
    let Talk { caller, mut callee, .. } = talk(&mut world, Digits::Events, Digits::Info);
    callee.send(&mut world, "INFO", "application/dtmf", "7");
    assert_eq!(callee.last_status(&world, Method::Info), 200);
    assert_eq!(block(&world).pressed, [(Side::Callee, '7')]);
    assert_eq!(caller.count(&world, |message| message.method() == Method::Info), 0);
    assert_eq!(heard(&world), [(CallLeg::Callee, '7', 160)]);
    hang_up(&mut world, caller, &callee);
}

#[test]
fn a_caller_that_takes_info_is_told_the_digits_of_telephone_events() {
    let mut world = World::new(1);
    let Talk { mut caller, callee, offered, answered } = talk(&mut world, Digits::Info, Digits::Events);
    assert!(offered.contains("RTP/AVP 0 101\r\n"), "the callee may send events: {offered}");
    assert!(answered.contains("RTP/AVP 0\r\n"), "the caller offered none: {answered}");
    assert!(!answered.contains("telephone-event"), "{answered}");
    assert_eq!(block(&world).digits_by_info, (true, false));
    press(&mut world, Side::Callee, '#');
    let info = caller.last_request(&world, Method::Info);
    assert_eq!(body(&info), "Signal=#\r\nDuration=100\r\n");
    caller.answer(&mut world, &info, StatusCode::OK, "");
    caller.send(&mut world, "INFO", "application/dtmf-relay", "Signal=1\r\nDuration=250\r\n");
    assert_eq!(block(&world).pressed, [(Side::Caller, '1')]);
    hang_up(&mut world, caller, &callee);
}

#[test]
fn a_digit_that_is_refused_is_lost_and_the_call_goes_on() {
    let mut world = World::new(1);
    let Talk { caller, callee, .. } = talk(&mut world, Digits::Events, Digits::Info);
    press(&mut world, Side::Caller, '5');
    let info = callee.last_request(&world, Method::Info);
    callee.answer(&mut world, &info, StatusCode::new(415).expect("415 is a status"), "");
    assert_eq!(world.node.counters().calls, 1);
    hang_up(&mut world, caller, &callee);
}

#[test]
fn legs_that_agree_or_cannot_be_told_are_left_alone() {
    for (of_caller, of_callee) in
        [(Digits::Events, Digits::Events), (Digits::Events, Digits::Tones), (Digits::Tones, Digits::Tones)]
    {
        let mut world = World::new(1);
        let Talk { caller, callee, offered, answered } = talk(&mut world, of_caller, of_callee);
        let has_events = |body: &str| body.contains("telephone-event");
        assert_eq!(has_events(&offered), of_caller == Digits::Events, "{offered}");
        assert_eq!(has_events(&answered), of_callee == Digits::Events, "{answered}");
        assert_eq!(block(&world).digits_by_info, (false, false));
        press(&mut world, Side::Caller, '5');
        assert_eq!(callee.count(&world, |message| message.method() == Method::Info), 0);
        hang_up(&mut world, caller, &callee);
    }
}

#[test]
fn a_node_that_shall_not_convert_passes_everything() {
    let mut world =
        World::with(1, cordboard_test_support::Link::GOOD, |settings| settings.call.convert_digits = false);
    let Talk { caller, mut callee, answered, .. } = talk(&mut world, Digits::Events, Digits::Info);
    assert!(!answered.contains("telephone-event"), "{answered}");
    callee.send(&mut world, "INFO", "application/dtmf", "7");
    let twin = caller.last_request(&world, Method::Info);
    assert_eq!(body(&twin), "7");
    caller.answer(&mut world, &twin, StatusCode::OK, "");
    assert_eq!(callee.last_status(&world, Method::Info), 200);
    assert_eq!(heard(&world), [(CallLeg::Callee, '7', 160)], "and tells it all the same");
    hang_up(&mut world, caller, &callee);
}
