//! Blind transfers: a party of a call sends the other one elsewhere by REFER (RFC 3515, RFC 5589 §6; requirement A9, goal S9).

use cordboard_b2bua::{Command, Settings};
use cordboard_model::{
    AttemptOutcome, AuthorizationSubject, Challenge, Credential, EndReason, EventKind, Referral, Referrer,
    Rejection, RouteReason, Secret, TRANSFERS, Verdict,
};
use cordboard_sip::{HeaderName, Message, Method, StatusCode};
use cordboard_test_support::{CallRef, CalleePlan, Ending, Link, PhoneId, Progress, World, reject};

use crate::ends::{End, body, connected, invite, sdp, text, two_ends};
use crate::raw::Raw;
use crate::{millis, seconds};

/// Two phones that talk, one of which refers the other to a third one.
struct Stage {
    /// The call as the referrer and as the party that stays see it.
    referrer: CallRef,
    stays: CallRef,
    target: PhoneId,
}

const TARGET: &str = "<sip:1003@pbx.test>";

fn stage_in(world: &mut World, by: Referrer, plan: CalleePlan) -> Stage {
    let target = world.registered("1003", plan);
    let (caller, callee) = crate::talking(world);
    let (referrer, stays) = match by {
        Referrer::Caller => (caller, callee),
        Referrer::Callee => (callee, caller),
    };
    Stage { referrer, stays, target }
}

fn stage(by: Referrer, plan: CalleePlan) -> (World, Stage) {
    let mut world = World::new(1);
    let stage = stage_in(&mut world, by, plan);
    (world, stage)
}

fn answering() -> CalleePlan {
    CalleePlan::answers_after(seconds(1))
}

pub(crate) fn refer(world: &mut World, call: CallRef, target: &str) {
    world.with_phone(call.phone, |phone, now| phone.refer(now, call.index, target, &[]));
}

pub(crate) fn hang_up(world: &mut World, call: CallRef) {
    world.with_phone(call.phone, |phone, now| phone.hang_up(now, call.index));
}

/// Status of the final response to the last REFER of a phone.
pub(crate) fn refer_status(world: &World, phone: PhoneId) -> Option<u16> {
    world.at(phone).replies.iter().rev().find(|reply| reply.method == Method::Refer).map(|reply| reply.status)
}

/// What a referrer was notified of.
pub(crate) fn notified(world: &World, call: CallRef) -> Vec<&str> {
    world.seen(call).notified.iter().map(|(line, _)| line.as_str()).collect()
}

/// The one block of ports of the relay connects these two phones, and both of them were told so.
pub(crate) fn assert_connected(world: &World, caller: CallRef, callee: CallRef) {
    let blocks: Vec<_> = world.node.relay.blocks().map(|(_, block)| block.clone()).collect();
    let [block] = blocks.as_slice() else { panic!("one call has ports: {blocks:?}") };
    let streams = [(caller, block.caller, block.ports.caller), (callee, block.callee, block.ports.callee)];
    for (call, announced, ports) in streams {
        let announced = announced[0].map(|stream| stream.rtp.ip());
        assert_eq!(announced, Some(world.at(call.phone).address().ip()));
        let sdp = String::from_utf8_lossy(&world.seen(call).remote_sdp);
        assert!(
            sdp.contains(&format!("m=audio {} ", ports[0])),
            "{} was told {sdp}",
            world.at(call.phone).user()
        );
    }
}

pub(crate) fn last_call(world: &World, phone: PhoneId) -> CallRef {
    CallRef { phone, index: world.at(phone).calls.len() - 1 }
}

#[test]
fn either_party_transfers_the_other() {
    for by in [Referrer::Caller, Referrer::Callee] {
        let (mut world, Stage { referrer, stays, target }) = stage(by, answering());
        refer(&mut world, referrer, TARGET);
        world.run_for(seconds(3));
        assert_eq!(refer_status(&world, referrer.phone), Some(202));
        let expected = ["SIP/2.0 100 Trying", "SIP/2.0 180 Ringing", "SIP/2.0 200 OK"];
        assert_eq!(notified(&world, referrer), expected);
        let states = &world.seen(referrer).notified;
        assert!(states[..2].iter().all(|(_, state)| state.starts_with("active;expires=")), "{states:?}");
        assert_eq!(states[2].1, "terminated;reason=noresource");
        let reached = last_call(&world, target);
        assert_eq!(world.seen(stays).reinvites, 1, "{by:?}");
        assert_connected(&world, stays, reached);
        let invite = world.seen(reached).invite.clone().expect("it was called");
        let from = text(&invite, HeaderName::From);
        assert!(from.contains(&format!("sip:{}@", world.at(stays.phone).user())), "{from}");
        assert_eq!(world.seen(referrer).ending, None, "it may hang up itself first");
        world.run_for(seconds(3));
        assert_eq!(world.seen(referrer).ending, Some(Ending::HungUpByPeer));
        assert_eq!(world.node.counters().calls, 1);
        hang_up(&mut world, stays);
        world.run_for(seconds(1));
        assert_eq!(world.seen(reached).ending, Some(Ending::HungUpByPeer));
        assert_eq!(world.node.ends(), [EndReason::Transferred, EndReason::CallerHungUp]);
        world.settle();
    }
}

#[test]
fn the_plugins_learn_who_refers_whom_and_where_to() {
    let (mut world, Stage { referrer, .. }) = stage(Referrer::Callee, answering());
    refer(&mut world, referrer, TARGET);
    world.run_for(seconds(3));
    let [first, second] = world.node.policy.route_questions.as_slice() else { panic!("two questions") };
    assert_eq!(second.reason, RouteReason::Refer);
    let referral =
        Referral { by: Referrer::Callee, refer_to: "sip:1003@pbx.test".to_owned(), replaces: false };
    assert_eq!(second.referral.as_ref(), Some(&referral));
    let call = &second.call;
    assert_eq!(
        (call.method.as_str(), call.caller.user.as_str(), call.callee.user.as_str()),
        ("REFER", "1002", "1003")
    );
    let transferred = (TRANSFERS.to_owned(), first.call.call_id.to_string());
    assert!(call.attributes.contains(&transferred), "{:?}", call.attributes);
    let asked = world.node.policy.authorization_questions.last().expect("it was asked");
    assert!(
        matches!(asked, AuthorizationSubject::Refer(facts) if facts.call.caller.user == "1002"),
        "{asked:?}"
    );
    let started = world.node.events().iter().find_map(|(_, event)| match &event.kind {
        EventKind::TransferStarted { by, successor, .. } => Some((event.call_id, *by, *successor)),
        _ => None,
    });
    assert_eq!(started, Some((Some(first.call.call_id), Referrer::Callee, call.call_id)));
    world.command(Command::EndAll);
    world.settle();
}

#[test]
fn a_referrer_that_hangs_up_itself_gets_no_bye() {
    for by in [Referrer::Caller, Referrer::Callee] {
        let (mut world, Stage { referrer, stays, target }) = stage(by, answering());
        world.phone_mut(referrer.phone).hangs_up_when_transferred = true;
        refer(&mut world, referrer, TARGET);
        world.run_for(seconds(10));
        assert_eq!((world.seen(referrer).ending, world.seen(referrer).byes), (Some(Ending::HungUp), 0));
        assert_eq!(world.seen(referrer).bye_status, Some(200));
        assert_connected(&world, stays, last_call(&world, target));
        hang_up(&mut world, stays);
        world.settle();
    }
}

#[test]
fn a_referrer_may_hang_up_at_once() {
    // Before the verdict, before the target rings, while it rings, and while the party that stays is asked to move.
    for wait in [0, 15, 500, 1_050, 1_055] {
        for by in [Referrer::Caller, Referrer::Callee] {
            let (mut world, Stage { referrer, stays, target }) = stage(by, answering());
            world.node.policy.delay = millis(5);
            refer(&mut world, referrer, TARGET);
            world.run_for(millis(wait));
            hang_up(&mut world, referrer);
            world.run_for(seconds(3));
            assert_eq!(world.seen(referrer).byes, 0, "after {wait} ms");
            assert_eq!(world.seen(stays).progress, Progress::Talking, "after {wait} ms");
            assert_connected(&world, stays, last_call(&world, target));
            assert_eq!(world.node.ends(), [EndReason::Transferred], "after {wait} ms");
            hang_up(&mut world, stays);
            world.settle();
        }
    }
}

#[test]
fn when_the_target_fails_the_call_goes_on() {
    for by in [Referrer::Caller, Referrer::Callee] {
        let (mut world, Stage { referrer, stays, .. }) = stage(by, CalleePlan::rejects(486, seconds(1)));
        refer(&mut world, referrer, TARGET);
        world.run_for(seconds(8));
        assert_eq!(notified(&world, referrer).last(), Some(&"SIP/2.0 486 Busy Here"));
        assert_eq!(world.seen(stays).reinvites, 0, "it has heard nothing of it");
        assert_eq!((world.seen(referrer).ending, world.seen(stays).ending), (None, None));
        let last = world.node.policy.route_questions.last().expect("routing was asked again");
        assert_eq!((last.reason, last.attempts[0].outcome), (RouteReason::Failed, AttemptOutcome::Busy));
        assert!(last.referral.is_some());
        assert_eq!(world.node.ends(), [EndReason::Busy], "of the attempt");
        // It may be tried again.
        refer(&mut world, referrer, "<sip:1009@pbx.test>");
        world.run_for(seconds(2));
        assert_eq!(notified(&world, referrer).last(), Some(&"SIP/2.0 404 Not Found"));
        hang_up(&mut world, referrer);
        world.run_for(seconds(1));
        assert_eq!(world.seen(stays).ending, Some(Ending::HungUpByPeer));
        world.settle();
    }
}

#[test]
fn when_the_referrer_has_gone_and_the_target_fails_the_call_ends() {
    let (mut world, Stage { referrer, stays, .. }) =
        stage(Referrer::Caller, CalleePlan::rejects(486, seconds(1)));
    refer(&mut world, referrer, TARGET);
    world.run_for(millis(200));
    hang_up(&mut world, referrer);
    world.run_for(seconds(2));
    assert_eq!(world.seen(stays).ending, Some(Ending::HungUpByPeer));
    assert_eq!(world.node.ends(), [EndReason::Busy, EndReason::CallerHungUp]);
    world.settle();
}

#[test]
fn the_end_of_the_call_ends_its_transfer() {
    for operator in [false, true] {
        let (mut world, Stage { referrer, stays, target }) = stage(Referrer::Caller, CalleePlan::rings());
        refer(&mut world, referrer, TARGET);
        world.run_for(seconds(2));
        if operator {
            let call = world.node.policy.route_questions[0].call.call_id;
            world.command(Command::EndCall(call));
        } else {
            hang_up(&mut world, stays);
        }
        world.run_for(seconds(1));
        assert_eq!(world.at(target).calls[0].ending, Some(Ending::Cancelled));
        assert_eq!(notified(&world, referrer).last(), Some(&"SIP/2.0 487 Request Terminated"));
        assert_eq!(world.seen(referrer).ending, Some(Ending::HungUpByPeer));
        world.settle();
    }
}

#[test]
fn a_transfer_that_an_operator_ends_leaves_the_call() {
    let (mut world, Stage { referrer, stays, target }) = stage(Referrer::Caller, CalleePlan::rings());
    refer(&mut world, referrer, TARGET);
    world.run_for(seconds(2));
    let call = world.node.policy.route_questions[1].call.call_id;
    world.command(Command::EndCall(call));
    world.run_for(seconds(1));
    assert_eq!(world.at(target).calls[0].ending, Some(Ending::Cancelled));
    assert_eq!(notified(&world, referrer).last(), Some(&"SIP/2.0 503 Service Unavailable"));
    assert_eq!((world.seen(referrer).ending, world.seen(stays).ending), (None, None));
    hang_up(&mut world, stays);
    world.settle();
}

#[test]
fn a_party_that_refuses_to_move_stays_where_it_is() {
    let (mut world, Stage { referrer, stays, target }) = stage(Referrer::Caller, answering());
    world.phone_mut(stays.phone).refuses_reinvites = Some(488);
    refer(&mut world, referrer, TARGET);
    world.run_for(seconds(3));
    assert_eq!(notified(&world, referrer).last(), Some(&"SIP/2.0 488 Not Acceptable Here"));
    assert_eq!(world.at(target).calls[0].ending, Some(Ending::HungUpByPeer));
    assert_eq!((world.seen(referrer).ending, world.seen(stays).ending), (None, None));
    assert_connected(&world, referrer, stays);
    hang_up(&mut world, referrer);
    world.settle();
}

#[test]
fn a_target_that_hangs_up_while_the_other_party_moves_gives_it_back() {
    // Its BYE comes before the 2xx of the party that moves, or after it.
    for delay in [0, 5, 12, 20, 30, 40] {
        let plan = CalleePlan { hang_up_after: Some(millis(delay)), ..answering() };
        let (mut world, Stage { referrer, stays, .. }) = stage(Referrer::Caller, plan);
        let slow = Link { delay: millis(20), ..Link::GOOD };
        world.set_link(stays.phone, slow);
        refer(&mut world, referrer, TARGET);
        world.run_for(seconds(3));
        let last = notified(&world, referrer).last().copied().unwrap_or_default();
        if world.seen(stays).ending.is_some() {
            assert_eq!(last, "SIP/2.0 200 OK", "BYE after {delay} ms: it had moved already");
        } else {
            assert_eq!(last, "SIP/2.0 487 Request Terminated", "BYE after {delay} ms");
            assert_connected(&world, referrer, stays);
            assert_eq!(world.seen(stays).reinvites, 2, "there and back");
            hang_up(&mut world, referrer);
        }
        world.settle();
    }
}

#[test]
fn a_refer_that_cannot_be_carried_out_is_refused() {
    let mut world = World::new(1);
    let (mut caller, callee) = connected(&mut world, true);
    for (lines, status) in [
        ("", 400),
        ("Refer-To: <sip:1003@pbx.test>\r\nRefer-To: <sip:1004@pbx.test>\r\n", 400),
        ("Refer-To: <sip:1003@pbx.test>, <sip:1004@pbx.test>\r\n", 400),
        ("Refer-To: nonsense\r\n", 400),
        ("Refer-To: <sip:1003@pbx.test?Replaces=nonsense>\r\n", 400),
        ("Refer-To: <http://pbx.test/>\r\n", 416),
        ("Refer-To: <sip:1003@pbx.test;method=BYE>\r\n", 603),
        ("Refer-To: <sip:1003@pbx.test>\r\nRequire: nonsense\r\n", 420),
    ] {
        caller.send_with(&mut world, "REFER", lines, "");
        assert_eq!(caller.last_status(&world, Method::Refer), status, "{lines}");
    }
    assert_eq!(world.node.policy.authorization_questions.len(), 2, "of the REGISTER and the call");
    assert_eq!(world.node.counters().calls, 1);
    crate::ends::hang_up(&mut world, caller, &callee);
}

#[test]
fn one_transfer_at_a_time() {
    let (mut world, Stage { referrer, stays, .. }) = stage(Referrer::Caller, CalleePlan::rings());
    refer(&mut world, referrer, TARGET);
    world.run_for(seconds(1));
    for call in [referrer, stays] {
        refer(&mut world, call, "<sip:1002@pbx.test>");
        world.run_for(seconds(1));
        assert_eq!(refer_status(&world, call.phone), Some(491));
    }
    hang_up(&mut world, stays);
    world.settle();
}

#[test]
fn what_has_no_call_cannot_be_transferred() {
    let mut world = World::new(1);
    let wire = world.wire();
    let refer_to = ["Refer-To: <sip:1003@pbx.test>"];
    for (name, method, to_tag, lines, status) in [
        ("REFER outside a dialog", "REFER", "", &refer_to[..], 403),
        ("REFER in an unknown dialog", "REFER", ";tag=x", &refer_to[..], 481),
        ("NOTIFY without a subscription", "NOTIFY", "", &["Event: refer;id=1"][..], 481),
        ("NOTIFY of another package", "NOTIFY", "", &["Event: keep-alive"][..], 489),
        ("NOTIFY of nothing", "NOTIFY", "", &[][..], 489),
    ] {
        let branch = format!("z9hG4bK{}", name.replace(' ', ""));
        Raw { method, branch: &branch, call_id: &branch, to_tag, lines, ..Raw::default() }
            .send(&mut world, wire);
        world.run_for(seconds(1));
        assert_eq!(world.on(wire).statuses().last(), Some(&status), "{name}");
    }
    world.settle();
}

#[test]
fn a_notify_within_a_call_is_for_a_subscription_that_we_do_not_have() {
    let mut world = World::new(1);
    let (mut caller, callee) = connected(&mut world, true);
    for (event, status) in [("refer", 481), ("talk", 489)] {
        caller.send_with(&mut world, "NOTIFY", &format!("Event: {event}\r\n"), "");
        assert_eq!(caller.last_status(&world, Method::Notify), status);
    }
    assert_eq!(world.node.counters().calls, 1, "the call does not care");
    crate::ends::hang_up(&mut world, caller, &callee);
}

#[test]
fn a_plugin_forbids_a_transfer() {
    let (mut world, Stage { referrer, stays, target }) = stage(Referrer::Callee, answering());
    let rejection = Rejection { status: 403, reason: String::new(), retry_after_s: None };
    world.node.policy.authorize("1002", Verdict::Deny(rejection));
    refer(&mut world, referrer, TARGET);
    world.run_for(seconds(2));
    assert_eq!(refer_status(&world, referrer.phone), Some(403));
    assert!(world.seen(referrer).notified.is_empty() && world.at(target).calls.is_empty());
    assert_eq!(world.node.policy.route_questions.len(), 1, "routing was not asked");
    hang_up(&mut world, stays);
    world.settle();
}

#[test]
fn a_driver_that_hangs_delays_a_refer_only() {
    let (mut world, Stage { referrer, stays, .. }) = stage(Referrer::Caller, answering());
    world.node.policy.silent = true;
    refer(&mut world, referrer, TARGET);
    world.run_for(seconds(3));
    assert_eq!(refer_status(&world, referrer.phone), Some(503));
    hang_up(&mut world, stays);
    world.settle();
}

#[test]
fn a_referrer_is_challenged() {
    let mut world = World::with(1, Link::GOOD, |settings| {
        settings.secrets.insert("phone".to_owned(), Secret::new("secret".to_owned()));
    });
    let (mut caller, callee) = connected(&mut world, true);
    let credential = Credential::Secret("phone".to_owned());
    let challenge = Challenge { realm: "pbx".to_owned(), user: "1001".to_owned(), credential };
    world.node.policy.authorize("1001", Verdict::Challenge(challenge));
    let target = "Refer-To: <sip:1003@pbx.test>\r\n";
    caller.send_with(&mut world, "REFER", target, "");
    assert_eq!(caller.last_status(&world, Method::Refer), 401);
    let refused = caller.last(&world, |message| message.method() == Method::Refer);
    let authorization = crate::digest::answer(&refused, "REFER", "sip:pbx.test", "1001", "secret");
    caller.send_with(&mut world, "REFER", &format!("{target}Authorization: {authorization}\r\n"), "");
    assert_eq!(caller.last_status(&world, Method::Refer), 202);
    let asked = world.node.policy.authorization_questions.last().expect("it was asked again");
    assert_eq!(asked.facts().authenticated_as.as_deref(), Some("1001"));
    crate::ends::hang_up(&mut world, caller, &callee);
}

#[test]
fn nothing_is_dialled_that_routing_did_not_name() {
    for to in ["<sip:+4990@toll.test>", "<tel:+4990>", "<sip:1003@10.1.0.1>"] {
        let (mut world, Stage { referrer, stays, target }) = stage(Referrer::Callee, answering());
        world.node.policy.route("1003", reject(403));
        refer(&mut world, referrer, to);
        world.run_for(seconds(2));
        let last = notified(&world, referrer).last().copied().unwrap_or_default();
        assert!(["SIP/2.0 403 Forbidden", "SIP/2.0 404 Not Found"].contains(&last), "{to}: {last}");
        assert!(world.at(target).calls.is_empty(), "{to}");
        hang_up(&mut world, stays);
        world.settle();
    }
}

#[test]
fn a_referrer_that_wants_no_notify_gets_none() {
    let (mut world, Stage { referrer, stays, target }) = stage(Referrer::Caller, answering());
    let headers = [("Refer-Sub", "false"), ("Require", "norefersub"), ("Referred-By", "<sip:1001@pbx.test>")];
    world.with_phone(referrer.phone, |phone, now| phone.refer(now, referrer.index, TARGET, &headers));
    world.run_for(seconds(3));
    let reply = world.at(referrer.phone).replies.last().expect("the REFER was answered");
    let accepted = reply.message.as_ref().and_then(|message| message.other("Refer-Sub"));
    assert_eq!((reply.status, accepted), (202, Some(&b"false"[..])));
    assert!(world.seen(referrer).notified.is_empty());
    assert_eq!(world.seen(referrer).ending, Some(Ending::HungUpByPeer), "nothing else could tell it");
    let reached = last_call(&world, target);
    let invite = world.seen(reached).invite.clone().expect("it was called");
    assert_eq!(invite.other("Refer-Sub"), None, "that concerns the referrer alone");
    assert_eq!(text(&invite, HeaderName::ReferredBy), "<sip:1001@pbx.test>");
    hang_up(&mut world, stays);
    world.settle();
}

#[test]
fn a_referrer_that_refuses_its_notify_is_not_told_more() {
    let mut world = World::new(1);
    let target = world.registered("1003", CalleePlan::rings());
    let (mut caller, callee) = connected(&mut world, true);
    caller.send_with(&mut world, "REFER", "Refer-To: <sip:1003@pbx.test>\r\n", "");
    let notify = caller.last_request(&world, Method::Notify);
    assert_eq!(text(&notify, HeaderName::Event), "refer");
    assert_eq!(text(&notify, HeaderName::ContentType), "message/sipfrag;version=2.0");
    let gone = StatusCode::new(481).expect("481 is a status");
    caller.answer(&mut world, &notify, gone, "");
    world.run_for(seconds(2));
    let last = caller.last_request(&world, Method::Notify);
    assert_eq!(last.cseq(), notify.cseq(), "the 180 is not told");
    assert_eq!(world.at(target).calls.len(), 1, "the transfer goes on");
    assert_eq!(world.node.counters().calls, 2);
    crate::ends::hang_up(&mut world, callee, &caller);
}

#[test]
fn a_party_on_hold_is_heard_again_after_its_transfer() {
    let mut world = World::new(1);
    let target = world.registered("1003", answering());
    let (mut caller, callee) = connected(&mut world, true);
    hold(&mut world, &mut caller, &callee);
    caller.send_with(&mut world, "REFER", "Refer-To: <sip:1003@pbx.test>\r\n", "");
    let reached = last_call(&world, target);
    let offer = String::from_utf8_lossy(&world.seen(reached).remote_sdp).into_owned();
    assert!(offer.contains("a=sendrecv") && !offer.contains("a=recvonly"), "{offer}");
    world.run_for(seconds(1));
    let moved = callee.last_request(&world, Method::Invite);
    assert!(body(&moved).starts_with("v=0\r\no=- 1 2 IN"), "one session, a new version: {}", body(&moved));
    let answer = sdp(&world, callee.wire, "sendrecv");
    callee.answer(&mut world, &moved, StatusCode::OK, &answer);
    let ack = callee.last_request(&world, Method::Ack);
    assert_eq!(ack.cseq().map(|cseq| cseq.number), moved.cseq().map(|cseq| cseq.number));
    assert_eq!(world.seen(reached).progress, Progress::Talking);
    world.command(Command::EndAll);
    world.settle();
}

fn hold(world: &mut World, caller: &mut End, callee: &End) {
    let offer = sdp(world, caller.wire, "sendonly");
    caller.send(world, "INVITE", "application/sdp", &offer);
    let twin = callee.last_request(world, Method::Invite);
    let answer = sdp(world, callee.wire, "recvonly");
    callee.answer(world, &twin, StatusCode::OK, &answer);
    caller.send(world, "ACK", "", "");
}

#[test]
fn a_party_that_is_busy_with_a_re_invite_moves_afterwards() {
    let mut world = World::new(1);
    let target = world.registered("1003", answering());
    let (mut caller, mut callee) = connected(&mut world, true);
    caller.send_with(&mut world, "REFER", "Refer-To: <sip:1003@pbx.test>\r\n", "");
    let offer = sdp(&world, callee.wire, "sendonly");
    callee.send(&mut world, "INVITE", "application/sdp", &offer);
    let twin = caller.last_request(&world, Method::Invite);
    world.run_for(seconds(1));
    assert_eq!(world.at(target).calls[0].progress, Progress::Talking, "the target waits");
    let answer = sdp(&world, caller.wire, "recvonly");
    caller.answer(&mut world, &twin, StatusCode::OK, &answer);
    callee.send(&mut world, "ACK", "", "");
    world.run_for(seconds(5));
    let moved = callee.last_request(&world, Method::Invite);
    let answer = sdp(&world, callee.wire, "sendonly");
    callee.answer(&mut world, &moved, StatusCode::OK, &answer);
    assert_eq!(world.node.ends(), [EndReason::Transferred]);
    world.command(Command::EndAll);
    world.settle();
}

#[test]
fn a_re_invite_that_met_another_one_is_sent_again() {
    let mut world = World::new(1);
    world.registered("1003", answering());
    let (mut caller, callee) = connected(&mut world, true);
    caller.send_with(&mut world, "REFER", "Refer-To: <sip:1003@pbx.test>\r\n", "");
    world.run_for(seconds(1));
    let first = callee.last_request(&world, Method::Invite);
    let pending = StatusCode::new(491).expect("491 is a status");
    callee.answer(&mut world, &first, pending, "");
    world.run_for(seconds(5));
    let second = callee.last_request(&world, Method::Invite);
    assert_ne!(second.cseq().map(|cseq| cseq.number), first.cseq().map(|cseq| cseq.number));
    let answer = sdp(&world, callee.wire, "sendrecv");
    callee.answer(&mut world, &second, StatusCode::OK, &answer);
    assert_eq!(world.node.ends(), [EndReason::Transferred]);
    world.command(Command::EndAll);
    world.settle();
}

#[test]
fn who_was_transferred_can_be_transferred_again() {
    let (mut world, Stage { referrer, stays, target }) = stage(Referrer::Caller, answering());
    let third = world.registered("1004", answering());
    let fourth = world.registered("1005", answering());
    refer(&mut world, referrer, TARGET);
    world.run_for(seconds(8));
    let reached = last_call(&world, target);
    // By the one that was reached, and then by the one that was moved twice.
    refer(&mut world, reached, "<sip:1004@pbx.test>");
    world.run_for(seconds(8));
    assert_connected(&world, stays, last_call(&world, third));
    refer(&mut world, stays, "<sip:1005@pbx.test>");
    world.run_for(seconds(8));
    assert_connected(&world, last_call(&world, third), last_call(&world, fourth));
    assert_eq!(world.seen(stays).ending, Some(Ending::HungUpByPeer));
    assert_eq!(world.node.ends(), [EndReason::Transferred; 3]);
    let last = last_call(&world, fourth);
    hang_up(&mut world, last);
    world.settle();
}

#[test]
fn a_transfer_counts_as_a_call() {
    let mut world = World::with(1, Link::GOOD, |settings: &mut Settings| settings.admission.max_calls = 1);
    let Stage { referrer, stays, .. } = stage_in(&mut world, Referrer::Caller, answering());
    refer(&mut world, referrer, TARGET);
    world.run_for(seconds(2));
    assert_eq!(refer_status(&world, referrer.phone), Some(503));
    hang_up(&mut world, stays);
    world.settle();
}

#[test]
fn a_transfer_without_ports_fails_alone() {
    let (mut world, Stage { referrer, stays, .. }) = stage(Referrer::Caller, answering());
    world.node.relay.capacity = 1;
    refer(&mut world, referrer, TARGET);
    world.run_for(seconds(2));
    assert_eq!(notified(&world, referrer).last(), Some(&"SIP/2.0 503 Service Unavailable"));
    assert_connected(&world, referrer, stays);
    hang_up(&mut world, stays);
    world.settle();
}

#[test]
fn a_transfer_survives_a_bad_network() {
    let mut transferred = 0;
    for seed in 0..40 {
        let mut world = World::with(seed, Link::GOOD, |_| ());
        let by = if seed % 2 == 0 { Referrer::Caller } else { Referrer::Callee };
        let Stage { referrer, stays, target } = stage_in(&mut world, by, answering());
        for phone in [referrer.phone, stays.phone, target] {
            world.set_link(phone, Link::bad(0.2));
        }
        world.phone_mut(referrer.phone).hangs_up_when_transferred = seed % 3 == 0;
        refer(&mut world, referrer, TARGET);
        world.run_for(seconds(40));
        let talks = world.seen(stays).progress == Progress::Talking;
        if talks && world.node.ends() == [EndReason::Transferred] {
            transferred += 1;
            assert_connected(&world, stays, last_call(&world, target));
        }
        if talks {
            hang_up(&mut world, stays);
        }
        world.settle();
        for call in &world.at(target).calls {
            assert!(call.ending.is_some(), "seed {seed}: the target was left hanging: {call:?}");
        }
        assert!(world.seen(referrer).ending.is_some(), "seed {seed}: the referrer was left hanging");
    }
    assert!(transferred >= 38, "{transferred} of 40 were transferred");
}

#[test]
fn a_session_that_is_due_while_its_leg_moves_is_refreshed_afterwards() {
    let mut world = World::new(1);
    world.registered("1003", answering());
    let (mut caller, mut callee) = two_ends(&mut world);
    let offer = sdp(&world, caller.wire, "sendrecv");
    invite(&mut world, &mut caller, "", &offer);
    let first = callee.join(&world);
    // We refresh, after 45 s.
    let timer = [
        (HeaderName::Require, "timer"),
        (HeaderName::SessionExpires, "90;refresher=uac"),
        (HeaderName::Allow, "UPDATE"),
    ];
    let session = sdp(&world, callee.wire, "sendrecv");
    callee.answer_with(&mut world, &first, StatusCode::OK, &timer, &session);
    caller.confirm(&world);
    caller.send(&mut world, "ACK", "", "");
    world.run_for(seconds(39));
    caller.send_with(&mut world, "REFER", "Refer-To: <sip:1003@pbx.test>\r\n", "");
    world.run_for(seconds(6));
    let updates = |message: &Message| message.is_request() && message.method() == Method::Update;
    assert_eq!(callee.count(&world, updates), 0, "the re-INVITE is out since 43 s");
    let moved = callee.last_request(&world, Method::Invite);
    callee.answer_with(&mut world, &moved, StatusCode::OK, &timer, &session);
    world.run_for(seconds(45));
    let update = callee.last_request(&world, Method::Update);
    callee.answer_with(&mut world, &update, StatusCode::OK, &timer, "");
    world.run_for(seconds(40));
    assert_eq!(world.node.ends(), [EndReason::Transferred], "the session goes on");
    world.command(Command::EndAll);
    world.settle();
}
