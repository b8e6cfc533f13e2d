//! Reliable provisional responses (RFC 3262) end to end and on one leg alone, and UPDATE before the answer (RFC 3311).

use std::collections::BTreeSet;

use cordboard_model::EndReason;
use cordboard_sip::message::Message;
use cordboard_sip::{HeaderName, Method, StatusCode};
use cordboard_test_support::{World, dial};

use crate::ends::{End, body, hang_up, invite, sdp, text, two_ends};
use crate::{millis, seconds};

const PROGRESS: StatusCode = StatusCode::SESSION_PROGRESS;
const REQUIRED: &str = "Require: 100rel\r\n";
const SDP: &str = "Content-Type: application/sdp\r\n";

/// A call that rings nobody yet; the callee has the INVITE.
fn calling(world: &mut World, lines: &str, with_offer: bool) -> (End, End, Message) {
    let (mut caller, mut callee) = two_ends(world);
    let offer = if with_offer { sdp(world, caller.wire, "sendrecv") } else { String::new() };
    invite(world, &mut caller, lines, &offer);
    let invite = callee.join(world);
    (caller, callee, invite)
}

/// A call whose ends have agreed on a session before the answer, each of them reliably.
fn agreed_early(world: &mut World) -> (End, End, Message) {
    let (mut caller, callee, invite) = calling(world, REQUIRED, true);
    let early = sdp(world, callee.wire, "sendrecv");
    callee.answer_with(world, &invite, PROGRESS, &reliably("7"), &early);
    let prack = callee.last_request(world, Method::Prack);
    callee.answer(world, &prack, StatusCode::OK, "");
    assert_eq!(acknowledge_provisional(world, &mut caller, ""), 200);
    (caller, callee, invite)
}

fn reliably(rseq: &str) -> [(HeaderName, &str); 2] {
    [(HeaderName::Require, "100rel"), (HeaderName::RSeq, rseq)]
}

fn is_provisional(message: &Message) -> bool {
    message.status().is_some_and(|status| status.is_provisional() && status != StatusCode::TRYING)
}

/// How many PRACKs an end got, without those that came again because it had not answered yet.
fn pracks_to(world: &World, end: &End) -> usize {
    let received = world.on(end.wire).received().iter();
    let numbers = received
        .filter(|message| message.method() == Method::Prack)
        .map(|message| text(message, HeaderName::CSeq));
    numbers.collect::<BTreeSet<String>>().len()
}

fn is_answer(message: &Message) -> bool {
    message.method() == Method::Invite && message.status() == Some(StatusCode::OK)
}

/// Sends the PRACK for the last provisional, and gives the status of its response.
fn acknowledge_provisional(world: &mut World, caller: &mut End, answer: &str) -> u16 {
    let provisional = caller.last(world, is_provisional);
    caller.remote = text(&provisional, HeaderName::To);
    let rseq = text(&provisional, HeaderName::RSeq);
    let content_type = if answer.is_empty() { "" } else { SDP };
    caller.send_with(world, "PRACK", &format!("RAck: {rseq} 1 INVITE\r\n{content_type}"), answer);
    caller.last_status(world, Method::Prack)
}

fn answered(world: &mut World, caller: &mut End, callee: &End, invite: &Message, answer: &str) -> Message {
    callee.answer(world, invite, StatusCode::OK, answer);
    let ok = caller.confirm(world);
    assert_eq!(ok.status(), Some(StatusCode::OK));
    caller.acknowledge(world, 1);
    ok
}

#[test]
fn a_callee_that_rings_reliably_is_acknowledged_whatever_the_caller_supports() {
    let mut world = World::new(1);
    let (mut caller, callee, invite) = calling(&mut world, "", true);
    assert!(invite.lists(HeaderName::Supported, "100rel"));
    let early = sdp(&world, callee.wire, "sendrecv");
    // The second one came twice, and the fourth overtook another that was lost.
    for (rseq, pracks, shown) in [("7", 1, 1), ("7", 1, 1), ("8", 2, 2), ("10", 2, 2)] {
        callee.answer_with(&mut world, &invite, PROGRESS, &reliably(rseq), &early);
        assert_eq!(pracks_to(&world, &callee), pracks, "PRACKs after RSeq {rseq}");
        assert_eq!(caller.count(&world, is_provisional), shown, "provisionals after RSeq {rseq}");
        let prack = callee.last_request(&world, Method::Prack);
        callee.answer(&mut world, &prack, StatusCode::OK, "");
    }
    assert_eq!(text(&callee.last_request(&world, Method::Prack), HeaderName::RAck), "8 1 INVITE");
    let shown = caller.last(&world, is_provisional);
    assert_eq!(shown.value(HeaderName::Require), None, "the caller does not acknowledge provisionals");
    let ok = answered(&mut world, &mut caller, &callee, &invite, "");
    assert!(body(&ok).contains("m=audio"), "the answer came in the provisional, and the caller needs it");
    caller.send(&mut world, "BYE", "", "");
    let bye = callee.last_request(&world, Method::Bye);
    assert_eq!(text(&bye, HeaderName::CSeq), "4 BYE", "after an INVITE and two PRACKs");
    callee.answer(&mut world, &bye, StatusCode::OK, "");
    world.settle();
}

#[test]
fn a_caller_that_requires_it_gets_provisionals_until_it_acknowledges_them() {
    let mut world = World::new(1);
    let (mut caller, callee, invite) = calling(&mut world, REQUIRED, true);
    callee.answer(&mut world, &invite, StatusCode::RINGING, "");
    let ringing = caller.last(&world, is_provisional);
    assert!(ringing.lists(HeaderName::Require, "100rel"));
    // Sent after 0, 0.5, 1.5, 3.5 and 7.5 s.
    world.run_for(seconds(7));
    assert_eq!(caller.count(&world, is_provisional), 5);
    assert_eq!(acknowledge_provisional(&mut world, &mut caller, ""), 200);
    world.run_for(seconds(10));
    assert_eq!(caller.count(&world, is_provisional), 5, "acknowledged");
    let answer = sdp(&world, callee.wire, "sendrecv");
    let ok = answered(&mut world, &mut caller, &callee, &invite, &answer);
    assert!(body(&ok).contains("m=audio"));
    hang_up(&mut world, caller, &callee);
}

#[test]
fn a_prack_for_nothing_is_refused() {
    let mut world = World::new(1);
    let (mut caller, mut callee, invite) = calling(&mut world, REQUIRED, true);
    callee.answer(&mut world, &invite, StatusCode::RINGING, "");
    let rseq: u32 = text(&caller.confirm(&world), HeaderName::RSeq).parse().expect("RSeq is a number");
    for (rack, status) in [
        (format!("RAck: {} 1 INVITE\r\n", rseq + 1), 481),
        (format!("RAck: {rseq} 2 INVITE\r\n"), 481),
        (format!("RAck: {rseq} 1 UPDATE\r\n"), 481),
        ("RAck: so what\r\n".to_owned(), 400),
        (String::new(), 400),
        (format!("RAck: {rseq} 1 INVITE\r\n"), 200),
        (format!("RAck: {rseq} 1 INVITE\r\n"), 481),
    ] {
        caller.send_with(&mut world, "PRACK", &rack, "");
        assert_eq!(caller.last_status(&world, Method::Prack), status, "{rack:?}");
    }
    callee.send_with(&mut world, "PRACK", &format!("RAck: {rseq} 1 INVITE\r\n"), "");
    assert_eq!(callee.last_status(&world, Method::Prack), 481, "a callee has nothing to acknowledge");
    let answer = sdp(&world, callee.wire, "sendrecv");
    answered(&mut world, &mut caller, &callee, &invite, &answer);
    hang_up(&mut world, caller, &callee);
}

#[test]
fn a_caller_that_acknowledges_no_provisional_loses_the_call() {
    let mut world = World::with(1, cordboard_test_support::Link::GOOD, |settings| {
        settings.call.ring_timeout = seconds(60);
    });
    let (caller, callee, invite) = calling(&mut world, REQUIRED, true);
    callee.answer(&mut world, &invite, StatusCode::RINGING, "");
    world.run_for(seconds(30));
    assert_eq!(world.node.ends(), [], "64*T1 have not passed yet");
    world.run_for(seconds(2));
    assert_eq!(caller.last_status(&world, Method::Invite), 500);
    assert_eq!(world.node.ends(), [EndReason::PeerGone]);
    let cancel = callee.last_request(&world, Method::Cancel);
    callee.answer(&mut world, &cancel, StatusCode::OK, "");
    callee.answer(&mut world, &invite, StatusCode::REQUEST_TERMINATED, "");
    world.settle();
}

#[test]
fn provisionals_wait_for_each_other() {
    let mut world = World::new(1);
    let (mut caller, callee, invite) = calling(&mut world, REQUIRED, true);
    callee.answer(&mut world, &invite, StatusCode::RINGING, "");
    let early = sdp(&world, callee.wire, "sendrecv");
    callee.answer(&mut world, &invite, PROGRESS, &early);
    // More telling than what waits, or not.
    callee.answer(&mut world, &invite, StatusCode::RINGING, "");
    let first = caller.last(&world, is_provisional);
    assert_eq!(first.status(), Some(StatusCode::RINGING));
    assert_eq!(acknowledge_provisional(&mut world, &mut caller, ""), 200);
    let second = caller.last(&world, is_provisional);
    assert_eq!(second.status(), Some(PROGRESS));
    let rseq = |message: &Message| text(message, HeaderName::RSeq).parse::<u32>().expect("a number");
    assert_eq!(rseq(&second), rseq(&first) + 1);
    assert_eq!(acknowledge_provisional(&mut world, &mut caller, ""), 200);
    answered(&mut world, &mut caller, &callee, &invite, &early);
    hang_up(&mut world, caller, &callee);
}

#[test]
fn an_answer_does_not_overtake_a_session_that_was_not_acknowledged() {
    let mut world = World::new(1);
    let (mut caller, callee, invite) = calling(&mut world, REQUIRED, true);
    let early = sdp(&world, callee.wire, "sendrecv");
    callee.answer(&mut world, &invite, PROGRESS, &early);
    callee.answer(&mut world, &invite, StatusCode::OK, &early);
    callee.answer(&mut world, &invite, StatusCode::OK, &early);
    assert_eq!(caller.count(&world, is_answer), 0);
    assert_eq!(acknowledge_provisional(&mut world, &mut caller, ""), 200);
    let ok = caller.last(&world, is_answer);
    assert_eq!(body(&ok), "", "the caller has acknowledged the answer already");
    assert_eq!(callee.last_request(&world, Method::Ack).cseq().map(|cseq| cseq.number), Ok(1));
    caller.acknowledge(&mut world, 1);
    hang_up(&mut world, caller, &callee);
}

#[test]
fn of_two_answers_that_wait_the_first_one_wins() {
    let mut world = World::new(1);
    let wire = world.wire();
    let second = format!("sip:second@{}", world.on(wire).address());
    world.node.policy.route("1002", dial(&["1002", &second]));
    let (mut caller, callee, invite) = calling(&mut world, REQUIRED, true);
    let mut other = End {
        wire,
        local: "<sip:second@pbx.test>;tag=c".into(),
        remote: String::new(),
        sip_call_id: String::new(),
        cseq: 0,
    };
    let second_invite = other.last_request(&world, Method::Invite);
    let early = sdp(&world, callee.wire, "sendrecv");
    callee.answer(&mut world, &invite, PROGRESS, &early);
    let answer = sdp(&world, wire, "recvonly");
    other.answer(&mut world, &second_invite, StatusCode::OK, &answer);
    callee.answer(&mut world, &invite, StatusCode::OK, &early);
    assert_eq!(caller.count(&world, is_answer), 0, "the caller has not acknowledged the early session");
    let bye = callee.last_request(&world, Method::Bye);
    callee.answer(&mut world, &bye, StatusCode::OK, "");
    assert_eq!(acknowledge_provisional(&mut world, &mut caller, ""), 200);
    let ok = caller.last(&world, is_answer);
    assert!(body(&ok).contains("a=recvonly"), "the caller has agreed to the session of another callee only");
    caller.acknowledge(&mut world, 1);
    other.sip_call_id = text(&second_invite, HeaderName::CallId);
    hang_up(&mut world, caller, &other);
    assert_eq!(world.node.ends(), [EndReason::CallerHungUp]);
}

#[test]
fn a_call_that_ends_while_its_answer_waits_is_hung_up_on_the_callee() {
    let mut world = World::new(1);
    let (caller, callee, invite) = calling(&mut world, REQUIRED, true);
    let early = sdp(&world, callee.wire, "sendrecv");
    callee.answer(&mut world, &invite, PROGRESS, &early);
    callee.answer(&mut world, &invite, StatusCode::OK, &early);
    let call = world.node.events().iter().find_map(|(_, event)| event.call_id).expect("a call began");
    world.command(cordboard_b2bua::Command::EndCall(call));
    world.run_for(millis(100));
    assert_eq!(caller.last_status(&world, Method::Invite), 503);
    assert_eq!(callee.last_request(&world, Method::Ack).cseq().map(|cseq| cseq.number), Ok(1));
    let bye = callee.last_request(&world, Method::Bye);
    callee.answer(&mut world, &bye, StatusCode::OK, "");
    world.settle();
}

#[test]
fn an_offer_in_a_reliable_provisional_is_answered_in_prack() {
    let mut world = World::new(1);
    let (mut caller, callee, invite) = calling(&mut world, REQUIRED, false);
    // Without a session this one says nothing that the caller could be told reliably.
    callee.answer(&mut world, &invite, StatusCode::RINGING, "");
    assert_eq!(caller.count(&world, is_provisional), 0);
    let offer = sdp(&world, callee.wire, "sendrecv");
    callee.answer_with(&mut world, &invite, PROGRESS, &reliably("1"), &offer);
    assert!(body(&caller.last(&world, is_provisional)).contains("a=sendrecv"));
    assert_eq!(pracks_to(&world, &callee), 0, "the PRACK waits for the answer of the caller");
    let answer = sdp(&world, caller.wire, "recvonly");
    assert_eq!(acknowledge_provisional(&mut world, &mut caller, &answer), 200);
    let prack = callee.last_request(&world, Method::Prack);
    assert!(body(&prack).contains("a=recvonly"), "{}", body(&prack));
    callee.answer(&mut world, &prack, StatusCode::OK, "");
    let ok = answered(&mut world, &mut caller, &callee, &invite, "");
    assert_eq!(body(&ok), "");
    assert_eq!(body(&callee.last_request(&world, Method::Ack)), "");
    hang_up(&mut world, caller, &callee);
}

#[test]
fn without_an_offer_callees_ring_reliably_only_for_a_caller_that_acknowledges() {
    let mut world = World::new(1);
    let (mut caller, callee, invite) = calling(&mut world, "Supported: 100rel\r\n", false);
    assert!(!invite.lists(HeaderName::Supported, "100rel"));
    let offer = sdp(&world, callee.wire, "sendrecv");
    callee.answer(&mut world, &invite, StatusCode::OK, &offer);
    caller.confirm(&world);
    let answer = sdp(&world, caller.wire, "sendrecv");
    caller.send(&mut world, "ACK", "application/sdp", &answer);
    hang_up(&mut world, caller, &callee);
}

#[test]
fn a_prack_without_the_answer_that_was_asked_for_ends_the_call() {
    let mut world = World::new(1);
    let (mut caller, callee, invite) = calling(&mut world, REQUIRED, false);
    let offer = sdp(&world, callee.wire, "sendrecv");
    callee.answer_with(&mut world, &invite, PROGRESS, &reliably("1"), &offer);
    assert_eq!(acknowledge_provisional(&mut world, &mut caller, ""), 400);
    assert_eq!(caller.last_status(&world, Method::Invite), 488);
    let cancel = callee.last_request(&world, Method::Cancel);
    callee.answer(&mut world, &cancel, StatusCode::OK, "");
    callee.answer(&mut world, &invite, StatusCode::REQUEST_TERMINATED, "");
    world.settle();
    assert_eq!(world.node.ends(), [EndReason::NotAcceptable]);
}

#[test]
fn a_new_offer_in_prack_is_refused_and_the_call_goes_on() {
    let mut world = World::new(1);
    let (mut caller, callee, invite) = calling(&mut world, REQUIRED, true);
    let early = sdp(&world, callee.wire, "sendrecv");
    callee.answer(&mut world, &invite, PROGRESS, &early);
    let offer = sdp(&world, caller.wire, "inactive");
    assert_eq!(acknowledge_provisional(&mut world, &mut caller, &offer), 488);
    answered(&mut world, &mut caller, &callee, &invite, "");
    hang_up(&mut world, caller, &callee);
}

#[test]
fn an_update_before_the_answer_passes_between_ends_that_have_agreed_reliably() {
    let mut world = World::new(1);
    let (mut caller, mut callee, invite) = agreed_early(&mut world);
    let offer = sdp(&world, caller.wire, "sendonly");
    caller.send(&mut world, "UPDATE", "application/sdp", &offer);
    let twin = callee.last_request(&world, Method::Update);
    assert!(body(&twin).contains("a=sendonly"));
    assert_eq!(text(&twin, HeaderName::CSeq), "3 UPDATE", "after the INVITE and the PRACK");
    let answer = sdp(&world, callee.wire, "recvonly");
    callee.answer(&mut world, &twin, StatusCode::OK, &answer);
    assert_eq!(caller.last_status(&world, Method::Update), 200);
    assert!(body(&caller.last(&world, |message| message.method() == Method::Update)).contains("a=recvonly"));

    let offer = sdp(&world, callee.wire, "inactive");
    callee.send(&mut world, "UPDATE", "application/sdp", &offer);
    let twin = caller.last_request(&world, Method::Update);
    assert!(body(&twin).contains("a=inactive"));
    let answer = sdp(&world, caller.wire, "inactive");
    caller.answer(&mut world, &twin, StatusCode::OK, &answer);
    assert_eq!(callee.last_status(&world, Method::Update), 200);

    answered(&mut world, &mut caller, &callee, &invite, "");
    hang_up(&mut world, caller, &callee);
}

#[test]
fn an_early_update_that_fails_leaves_the_call_to_its_invite() {
    let mut world = World::new(1);
    let (mut caller, callee, invite) = agreed_early(&mut world);
    let offer = sdp(&world, caller.wire, "sendonly");
    caller.send(&mut world, "UPDATE", "application/sdp", &offer);
    let twin = callee.last_request(&world, Method::Update);
    let gone = StatusCode::new(481).expect("481 is a status");
    callee.answer(&mut world, &twin, gone, "");
    assert_eq!(caller.last_status(&world, Method::Update), 481);
    answered(&mut world, &mut caller, &callee, &invite, "");
    hang_up(&mut world, caller, &callee);
}

#[test]
fn an_update_that_cannot_pass_before_the_answer_is_answered_by_its_kind() {
    let mut world = World::new(1);
    let (mut caller, mut callee, invite) = calling(&mut world, "", true);
    let early = sdp(&world, callee.wire, "sendrecv");
    callee.answer_with(&mut world, &invite, PROGRESS, &reliably("7"), &early);
    let prack = callee.last_request(&world, Method::Prack);
    callee.answer(&mut world, &prack, StatusCode::OK, "");
    caller.confirm(&world);

    let offer = sdp(&world, caller.wire, "sendonly");
    caller.send(&mut world, "UPDATE", "application/sdp", &offer);
    assert_eq!(caller.last_status(&world, Method::Update), 500, "its first offer has no answer yet");
    let refusal = caller.last(&world, |message| message.method() == Method::Update);
    assert!(text(&refusal, HeaderName::RetryAfter).parse::<u32>().is_ok_and(|seconds| seconds <= 10));
    callee.send(&mut world, "UPDATE", "application/sdp", &offer);
    assert_eq!(callee.last_status(&world, Method::Update), 491, "the caller cannot be asked yet");
    for end in [&mut caller, &mut callee] {
        end.send(&mut world, "UPDATE", "", "");
        assert_eq!(end.last_status(&world, Method::Update), 200, "a refreshed target concerns one leg");
    }

    answered(&mut world, &mut caller, &callee, &invite, "");
    hang_up(&mut world, caller, &callee);
}
