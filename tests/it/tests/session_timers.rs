//! Session timers (RFC 4028), each leg on its own: who refreshes, how, and what happens when nobody does.

use std::time::Duration;

use cordboard_model::EndReason;
use cordboard_sip::message::Message;
use cordboard_sip::{HeaderName, Method, StatusCode};
use cordboard_test_support::{Link, World};

use crate::ends::{End, body, hang_up, invite, sdp, text, two_ends};
use crate::{millis, seconds};

const TIMER: &str = "Supported: timer\r\n";
const ALLOWS_UPDATE: (HeaderName, &str) = (HeaderName::Allow, "INVITE, ACK, BYE, UPDATE");

/// A world whose sessions last three minutes.
fn brief_world() -> World {
    World::with(1, Link::GOOD, |settings| settings.call.session_expires = seconds(180))
}

/// A call whose INVITE has these header lines, and whose 2xx has these headers. Gives the INVITE that the callee got.
fn in_call(world: &mut World, lines: &str, headers: &[(HeaderName, &str)]) -> (End, End, Message) {
    let (mut caller, mut callee) = two_ends(world);
    let offer = sdp(world, caller.wire, "sendrecv");
    invite(world, &mut caller, lines, &offer);
    let invite = callee.join(world);
    let answer = sdp(world, callee.wire, "sendrecv");
    callee.answer_with(world, &invite, StatusCode::OK, headers, &answer);
    caller.confirm(world);
    caller.send(world, "ACK", "", "");
    (caller, callee, invite)
}

fn requests_to(world: &World, end: &End, method: Method) -> usize {
    end.count(world, |message| message.is_request() && message.method() == method)
}

#[test]
fn a_caller_that_knows_the_timer_refreshes_unless_it_wants_us_to() {
    struct Case(&'static str, &'static str, bool);
    for Case(lines, agreed, required) in [
        Case("", "", false),
        Case("Session-Expires: 600\r\n", "", false),
        Case("Supported: timer\r\n", "1800;refresher=uac", true),
        Case("Supported: timer\r\nSession-Expires: 600\r\n", "600;refresher=uac", true),
        Case("Supported: timer\r\nSession-Expires: 600;refresher=uac\r\n", "600;refresher=uac", true),
        Case("Supported: timer\r\nSession-Expires: 600;refresher=uas\r\n", "600;refresher=uas", false),
        Case("Supported: timer\r\nx: 7200\r\n", "1800;refresher=uac", true),
        Case("Supported: timer\r\nx: 7200\r\nMin-SE: 3600\r\n", "3600;refresher=uac", true),
        Case("Require: timer\r\nSupported: timer\r\nx: 90\r\n", "90;refresher=uac", true),
    ] {
        let mut world = World::new(1);
        let (caller, callee, invite) = in_call(&mut world, lines, &[]);
        let ok = caller.last(&world, |message| message.status() == Some(StatusCode::OK));
        assert_eq!(text(&ok, HeaderName::SessionExpires), agreed, "{lines:?}");
        assert_eq!(ok.lists(HeaderName::Require, "timer"), required, "{lines:?}");
        let proposed = text(&invite, HeaderName::SessionExpires);
        assert_eq!(proposed, "1800;refresher=uas", "the legs have timers of their own");
        assert!(invite.lists(HeaderName::Supported, "timer"));
        hang_up(&mut world, caller, &callee);
    }
}

#[test]
fn a_session_that_is_too_brief_is_refused_to_those_who_know_why() {
    for (lines, status, least) in
        [("Supported: timer\r\nSession-Expires: 89\r\n", 422, "90"), ("Session-Expires: 89\r\n", 180, "")]
    {
        let mut world = World::new(1);
        let (mut caller, mut callee) = two_ends(&mut world);
        let offer = sdp(&world, caller.wire, "sendrecv");
        invite(&mut world, &mut caller, lines, &offer);
        if status == 180 {
            let invite = callee.join(&world);
            callee.answer(&mut world, &invite, StatusCode::RINGING, "");
        }
        assert_eq!(caller.last_status(&world, Method::Invite), status, "{lines:?}");
        let last = caller.confirm(&world);
        assert_eq!(text(&last, HeaderName::MinSe), least, "{lines:?}");
    }
}

#[test]
fn a_refresh_that_is_too_brief_is_refused_and_the_call_goes_on() {
    let mut world = brief_world();
    let (mut caller, callee, _) = in_call(&mut world, TIMER, &[]);
    caller.send_with(&mut world, "UPDATE", "Supported: timer\r\nSession-Expires: 10\r\n", "");
    assert_eq!(caller.last_status(&world, Method::Update), 422);
    hang_up(&mut world, caller, &callee);
}

#[test]
fn a_caller_that_does_not_refresh_loses_the_call() {
    let mut world = brief_world();
    let (mut caller, callee, _) = in_call(&mut world, TIMER, &[]);
    world.run_for(seconds(100));
    caller.send_with(&mut world, "UPDATE", "Supported: timer\r\nSession-Expires: 180;refresher=uac\r\n", "");
    assert_eq!(caller.last_status(&world, Method::Update), 200);
    assert_eq!(requests_to(&world, &callee, Method::Update), 0, "a refresh concerns one leg");
    // 32 s before the end of the time, so that the BYE still finds the peer (RFC 4028 §10).
    world.run_for(seconds(146));
    assert_eq!(world.node.ends(), []);
    world.run_for(seconds(2));
    assert_eq!(world.node.ends(), [EndReason::PeerGone]);
    for end in [&caller, &callee] {
        assert!(requests_to(&world, end, Method::Bye) > 0, "both legs are hung up");
    }
    world.settle();
}

#[test]
fn a_callee_that_promised_to_refresh_and_does_not_loses_the_call() {
    let mut world = brief_world();
    let agreed = [(HeaderName::SessionExpires, "180;refresher=uas"), (HeaderName::Require, "timer")];
    let (_caller, callee, _) = in_call(&mut world, "", &agreed);
    world.run_for(seconds(140));
    assert_eq!(world.node.ends(), []);
    world.run_for(seconds(10));
    assert_eq!(world.node.ends(), [EndReason::PeerGone]);
    assert_eq!(requests_to(&world, &callee, Method::Update), 0);
    world.settle();
}

#[test]
fn a_re_invite_that_passes_refreshes_both_legs() {
    let mut world = brief_world();
    let agreed = [(HeaderName::SessionExpires, "180;refresher=uas")];
    let (mut caller, callee, _) = in_call(&mut world, TIMER, &agreed);
    world.run_for(seconds(120));
    let offer = sdp(&world, caller.wire, "sendonly");
    let lines = format!("{TIMER}Session-Expires: 180;refresher=uac\r\nContent-Type: application/sdp\r\n");
    caller.send_with(&mut world, "INVITE", &lines, &offer);
    let twin = callee.last_request(&world, Method::Invite);
    assert_eq!(text(&twin, HeaderName::SessionExpires), "180;refresher=uas");
    let answer = sdp(&world, callee.wire, "recvonly");
    callee.answer_with(&mut world, &twin, StatusCode::OK, &agreed, &answer);
    let ok = caller.last(&world, |message| message.status() == Some(StatusCode::OK));
    assert_eq!(text(&ok, HeaderName::SessionExpires), "180;refresher=uac");
    caller.send(&mut world, "ACK", "", "");
    world.run_for(seconds(120));
    assert_eq!(world.node.ends(), []);
    hang_up(&mut world, caller, &callee);
}

#[test]
fn we_refresh_by_update_where_the_peer_allows_it() {
    let mut world = brief_world();
    let agreed = [(HeaderName::SessionExpires, "180;refresher=uac"), ALLOWS_UPDATE];
    let (caller, callee, _) = in_call(&mut world, "", &agreed);
    let invites = requests_to(&world, &callee, Method::Invite);
    for _ in 0..3 {
        world.run_for(seconds(91));
        let update = callee.last_request(&world, Method::Update);
        assert_eq!(text(&update, HeaderName::SessionExpires), "180;refresher=uac");
        assert_eq!(body(&update), "");
        callee.answer_with(&mut world, &update, StatusCode::OK, &agreed, "");
    }
    assert_eq!(requests_to(&world, &callee, Method::Invite), invites);
    assert_eq!(world.node.ends(), []);
    hang_up(&mut world, caller, &callee);
}

#[test]
fn we_refresh_by_re_invite_with_the_session_as_it_is_where_update_is_not_allowed() {
    let mut world = brief_world();
    let agreed = [(HeaderName::SessionExpires, "180;refresher=uac")];
    let (caller, callee, first) = in_call(&mut world, "", &agreed);
    let mut last = first.clone();
    for _ in 0..3 {
        world.run_for(seconds(91));
        let again = callee.last_request(&world, Method::Invite);
        assert_ne!(again.cseq(), last.cseq());
        assert_eq!(body(&again), body(&first));
        let answer = sdp(&world, callee.wire, "sendrecv");
        // The second one says that the ACK for the first was lost.
        for _ in 0..2 {
            callee.answer_with(&mut world, &again, StatusCode::OK, &agreed, &answer);
            let ack = callee.last_request(&world, Method::Ack);
            assert_eq!(ack.cseq().map(|cseq| cseq.number), again.cseq().map(|cseq| cseq.number));
        }
        last = again;
    }
    assert_eq!(requests_to(&world, &callee, Method::Ack), 7);
    assert_eq!(requests_to(&world, &caller, Method::Invite), 0, "the other leg does not notice");
    hang_up(&mut world, caller, &callee);
}

#[test]
fn a_caller_that_wants_it_is_refreshed() {
    let mut world = brief_world();
    let lines = "Supported: timer\r\nSession-Expires: 180;refresher=uas\r\nAllow: UPDATE\r\n";
    let (caller, callee, _) = in_call(&mut world, lines, &[]);
    world.run_for(seconds(91));
    let update = caller.last_request(&world, Method::Update);
    let agreed = [(HeaderName::SessionExpires, "180;refresher=uac")];
    caller.answer_with(&mut world, &update, StatusCode::OK, &agreed, "");
    world.run_for(seconds(80));
    assert_eq!(world.node.ends(), []);
    hang_up(&mut world, caller, &callee);
}

#[test]
fn a_peer_that_does_not_answer_our_refresh_or_forgot_the_call_ends_it() {
    for refusal in [None, StatusCode::new(481), StatusCode::new(408)] {
        let mut world = brief_world();
        let agreed = [(HeaderName::SessionExpires, "180;refresher=uac"), ALLOWS_UPDATE];
        let (caller, callee, _) = in_call(&mut world, "", &agreed);
        world.run_for(seconds(91));
        if let Some(status) = refusal {
            let update = callee.last_request(&world, Method::Update);
            callee.answer(&mut world, &update, status, "");
        }
        world.run_for(seconds(40));
        assert_eq!(world.node.ends(), [EndReason::PeerGone], "{refusal:?}");
        assert!(requests_to(&world, &caller, Method::Bye) > 0);
        world.settle();
    }
}

#[test]
fn a_peer_that_refuses_every_refresh_loses_the_call_when_its_time_is_up() {
    let mut world = brief_world();
    let agreed = [(HeaderName::SessionExpires, "180;refresher=uac"), ALLOWS_UPDATE];
    let (_caller, callee, _) = in_call(&mut world, "", &agreed);
    world.run_for(seconds(91));
    let update = callee.last_request(&world, Method::Update);
    callee.answer(&mut world, &update, StatusCode::FORBIDDEN, "");
    world.run_for(seconds(80));
    assert_eq!(world.node.ends(), []);
    world.run_for(seconds(10));
    assert_eq!(world.node.ends(), [EndReason::PeerGone]);
    world.settle();
}

#[test]
fn a_peer_that_allowed_update_and_refuses_it_is_refreshed_by_re_invite() {
    let mut world = brief_world();
    let agreed = [(HeaderName::SessionExpires, "180;refresher=uac"), ALLOWS_UPDATE];
    let (caller, callee, first) = in_call(&mut world, "", &agreed);
    world.run_for(seconds(91));
    let update = callee.last_request(&world, Method::Update);
    callee.answer(&mut world, &update, StatusCode::METHOD_NOT_ALLOWED, "");
    let again = callee.last_request(&world, Method::Invite);
    assert_eq!(body(&again), body(&first));
    let answer = sdp(&world, callee.wire, "sendrecv");
    callee.answer_with(&mut world, &again, StatusCode::OK, &agreed[..1], &answer);
    assert_eq!(world.node.ends(), []);
    hang_up(&mut world, caller, &callee);
}

#[test]
fn a_callee_that_wants_longer_sessions_is_asked_once_more() {
    let mut world = World::new(1);
    let (mut caller, mut callee) = two_ends(&mut world);
    let offer = sdp(&world, caller.wire, "sendrecv");
    invite(&mut world, &mut caller, "", &offer);
    let first = callee.join(&world);
    let too_small = StatusCode::new(422).expect("422 is a status");
    callee.answer_with(&mut world, &first, too_small, &[(HeaderName::MinSe, "3600")], "");
    let second = callee.join(&world);
    assert_ne!(second.via().ok().and_then(|via| via.branch()), first.via().ok().and_then(|via| via.branch()));
    assert_eq!(text(&second, HeaderName::SessionExpires), "3600;refresher=uas");
    assert_eq!(text(&second, HeaderName::MinSe), "3600");
    callee.answer_with(&mut world, &second, too_small, &[(HeaderName::MinSe, "7200")], "");
    assert_eq!(caller.last_status(&world, Method::Invite), 422, "once, not for ever");
    world.settle();
}

#[test]
fn a_refresh_of_the_peer_that_overtakes_ours_leaves_ours_to_be_acknowledged() {
    let mut world = brief_world();
    let agreed = [(HeaderName::SessionExpires, "180;refresher=uac")];
    let (caller, mut callee, _) = in_call(&mut world, "", &agreed);
    world.run_for(seconds(91));
    let refresh = callee.last_request(&world, Method::Invite);
    callee.send_with(&mut world, "UPDATE", "Supported: timer\r\nSession-Expires: 180;refresher=uac\r\n", "");
    assert_eq!(callee.last_status(&world, Method::Update), 200);
    let answer = sdp(&world, callee.wire, "sendrecv");
    callee.answer_with(&mut world, &refresh, StatusCode::OK, &agreed, &answer);
    let ack = callee.last_request(&world, Method::Ack);
    assert_eq!(ack.cseq().map(|cseq| cseq.number), refresh.cseq().map(|cseq| cseq.number));
    hang_up(&mut world, caller, &callee);
}

/// How long after a 491 our refresh comes again.
fn delay_of_retry(world: &mut World, end: &End, longest: Duration) -> Duration {
    let refresh = end.last_request(world, Method::Invite);
    let pending = StatusCode::new(491).expect("491 is a status");
    let before = world.elapsed();
    let address = world.on(end.wire).address();
    let flow = cordboard_sip::transport::Flow::udp(address, address);
    let tag = end.local.split("tag=").nth(1);
    world.send(end.wire, cordboard_sip::message::Response::new(&refresh, &flow, pending, tag).write());
    let count = requests_to(world, end, Method::Invite);
    while requests_to(world, end, Method::Invite) == count {
        world.run_for(millis(10));
        assert!(world.elapsed() - before <= longest, "no retry within {longest:?}");
    }
    world.elapsed() - before
}

#[test]
fn a_refresh_that_met_another_re_invite_comes_again_in_the_window_of_our_end() {
    // A little for the way there and back.
    let way = millis(200);
    let mut delays = (Vec::new(), Vec::new());
    for seed in 0..20 {
        let change = |settings: &mut cordboard_b2bua::Settings| settings.call.session_expires = seconds(180);
        let mut world = World::with(seed, Link::GOOD, change);
        let agreed = [(HeaderName::SessionExpires, "180;refresher=uac")];
        let (_caller, callee, _) = in_call(&mut world, "", &agreed);
        world.run_for(millis(88_100));
        delays.0.push(delay_of_retry(&mut world, &callee, seconds(4) + way));

        let mut world = World::with(seed, Link::GOOD, change);
        let lines = "Supported: timer\r\nSession-Expires: 180;refresher=uas\r\n";
        let (caller, _callee, _) = in_call(&mut world, lines, &[]);
        world.run_for(millis(89_100));
        delays.1.push(delay_of_retry(&mut world, &caller, seconds(2) + way));
    }
    assert!(delays.0.iter().all(|delay| *delay >= millis(2_100)), "the Call-ID is ours: {:?}", delays.0);
    assert!(
        delays.1.iter().any(|delay| *delay < millis(1_000)),
        "the Call-ID is the caller's: {:?}",
        delays.1
    );
    assert!(delays.1.iter().any(|delay| *delay > millis(1_000)), "drawn by chance: {:?}", delays.1);
}
