//! SRTP with keys in the SDP: it passes where both legs have it, and ends at the relay where the target wants it otherwise. That
//! packets pass byte for byte, and that bad ones are dropped, is shown beside the relay.

use cordboard_media::command::{Keys, StreamKeys};
use cordboard_media::srtp::{MASTER_BYTES, MasterKey, Suite};
use cordboard_model::{Dial, EndReason, RouteDecision, Srtp, Strategy, Target};
use cordboard_sip::{Method, StatusCode};
use cordboard_test_support::{World, target};

use crate::ends::{End, body, hang_up, invite, sdp, two_ends};

/// A key that a phone made up, and its line in a description.
fn key(number: u8) -> MasterKey {
    MasterKey::new([number; MASTER_BYTES])
}

fn crypto(tag: u32, suite: Suite, key: &MasterKey) -> String {
    format!("a=crypto:{tag} {} inline:{}\r\n", suite.name(), key.reveal_base64())
}

/// A description with SRTP.
fn secure(world: &World, end: &End, lines: &str) -> String {
    sdp(world, end.wire, "sendrecv").replace("RTP/AVP", "RTP/SAVP") + lines
}

fn crypto_lines(body: &str) -> Vec<&str> {
    body.lines().filter(|line| line.starts_with("a=crypto:")).collect()
}

/// Two ends whose calls go to a target with this wish.
fn ends(world: &mut World, srtp: Srtp) -> (End, End) {
    let chosen = Target { srtp, ..target("1002") };
    let decision = Dial { targets: vec![chosen], strategy: Strategy::Parallel };
    world.node.policy.route("1002", RouteDecision::Dial(decision));
    two_ends(world)
}

fn keys(world: &World) -> (Keys, Keys) {
    let (_, block) = world.node.relay.blocks().next().expect("the call has ports");
    block.keys.clone()
}

fn stream(keys: &Keys) -> &StreamKeys {
    keys[0].as_deref().expect("the audio is encrypted up to the relay")
}

/// A call of a caller without SRTP to a callee that must have it.
fn half_secure(world: &mut World) -> (End, End) {
    let (mut caller, mut callee) = ends(world, Srtp::Required);
    let offer = sdp(world, caller.wire, "sendrecv");
    invite(world, &mut caller, "", &offer);
    let invite = callee.join(world);
    let answer = secure(world, &callee, &crypto(2, Suite::AesCm128HmacSha1_32, &key(9)));
    callee.answer(world, &invite, StatusCode::OK, &answer);
    caller.confirm(world);
    caller.send(world, "ACK", "", "");
    (caller, callee)
}

#[test]
fn a_target_that_requires_it_gets_it_from_us() {
    let mut world = World::new(1);
    let (caller, callee) = half_secure(&mut world);
    let offered = body(&callee.last_request(&world, Method::Invite));
    assert!(offered.contains("RTP/SAVP 0\r\n"), "{offered}");
    let lines = crypto_lines(&offered);
    assert!(lines[0].starts_with("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:"), "{lines:?}");
    assert!(lines[1].starts_with("a=crypto:2 AES_CM_128_HMAC_SHA1_32 inline:"), "{lines:?}");
    let shown = body(&caller.last(&world, |message| message.status() == Some(StatusCode::OK)));
    assert!(shown.contains("RTP/AVP 0\r\n") && crypto_lines(&shown).is_empty(), "{shown}");
    let (of_caller, of_callee) = keys(&world);
    assert_eq!(of_caller, [None, None]);
    let agreed = stream(&of_callee);
    assert_eq!((agreed.suite, &agreed.receive), (Suite::AesCm128HmacSha1_32, &key(9)));
    assert!(lines[1].ends_with(&agreed.send.reveal_base64()), "what we announced is what we encrypt with");
    hang_up(&mut world, caller, &callee);
}

#[test]
fn a_hold_in_either_direction_keeps_the_keys() {
    let mut world = World::new(1);
    let (mut caller, mut callee) = half_secure(&mut world);
    let before = keys(&world);
    let offered = body(&callee.last_request(&world, Method::Invite));

    let offer = sdp(&world, caller.wire, "sendonly");
    caller.send(&mut world, "INVITE", "application/sdp", &offer);
    let twin = callee.last_request(&world, Method::Invite);
    assert_eq!(crypto_lines(&body(&twin)), crypto_lines(&offered));
    let answer = secure(&world, &callee, &crypto(2, Suite::AesCm128HmacSha1_32, &key(9)));
    callee.answer(&mut world, &twin, StatusCode::OK, &answer);
    caller.send(&mut world, "ACK", "", "");
    assert_eq!(keys(&world), before);

    let offer = secure(&world, &callee, &crypto(7, Suite::AesCm128HmacSha1_32, &key(9)));
    callee.send(&mut world, "INVITE", "application/sdp", &offer);
    let twin = caller.last_request(&world, Method::Invite);
    assert!(body(&twin).contains("RTP/AVP 0\r\n") && crypto_lines(&body(&twin)).is_empty());
    let answer = sdp(&world, caller.wire, "recvonly");
    caller.answer(&mut world, &twin, StatusCode::OK, &answer);
    let shown = body(&callee.last(&world, |message| message.status() == Some(StatusCode::OK)));
    let expected = crypto(7, Suite::AesCm128HmacSha1_32, &stream(&before.1).send);
    assert_eq!(crypto_lines(&shown), [expected.trim_end()]);
    callee.send(&mut world, "ACK", "", "");
    assert_eq!(keys(&world), before);

    let plain = sdp(&world, callee.wire, "sendrecv");
    callee.send(&mut world, "INVITE", "application/sdp", &plain);
    assert_eq!(callee.last_status(&world, Method::Invite), 488, "encryption cannot be given up on the way");
    callee.send(&mut world, "ACK", "", "");
    hang_up(&mut world, caller, &callee);
}

#[test]
fn a_target_that_wants_none_gets_plain_rtp() {
    let mut world = World::new(1);
    let (mut caller, mut callee) = ends(&mut world, Srtp::Off);
    let offer = secure(&world, &caller, &crypto(5, Suite::AesCm128HmacSha1_80, &key(8)));
    invite(&mut world, &mut caller, "", &offer);
    let invite = callee.join(&world);
    assert!(body(&invite).contains("RTP/AVP 0\r\n") && crypto_lines(&body(&invite)).is_empty());
    let answer = sdp(&world, callee.wire, "sendrecv");
    callee.answer(&mut world, &invite, StatusCode::OK, &answer);
    let shown = body(&caller.confirm(&world));
    caller.send(&mut world, "ACK", "", "");
    let (of_caller, of_callee) = keys(&world);
    assert_eq!((&stream(&of_caller).receive, of_callee), (&key(8), [None, None]));
    let expected = crypto(5, Suite::AesCm128HmacSha1_80, &stream(&of_caller).send);
    assert!(shown.contains("RTP/SAVP 0\r\n"), "{shown}");
    assert_eq!(crypto_lines(&shown), [expected.trim_end()]);
    hang_up(&mut world, caller, &callee);
}

#[test]
fn it_passes_where_both_have_it() {
    for srtp in [Srtp::Unspecified, Srtp::Preferred, Srtp::Required] {
        let mut world = World::new(1);
        let (mut caller, mut callee) = ends(&mut world, srtp);
        let [theirs, answered] = [key(1), key(2)].map(|key| crypto(1, Suite::AesCm128HmacSha1_80, &key));
        let offer = secure(&world, &caller, &theirs);
        invite(&mut world, &mut caller, "", &offer);
        let invite = callee.join(&world);
        assert_eq!(crypto_lines(&body(&invite)), [theirs.trim_end()], "{srtp:?}");
        let answer = secure(&world, &callee, &answered);
        callee.answer(&mut world, &invite, StatusCode::OK, &answer);
        assert_eq!(crypto_lines(&body(&caller.confirm(&world))), [answered.trim_end()], "{srtp:?}");
        caller.send(&mut world, "ACK", "", "");
        assert_eq!(keys(&world), ([None, None], [None, None]), "{srtp:?}");
        hang_up(&mut world, caller, &callee);
    }
}

#[test]
fn a_target_that_answers_in_clear_although_it_may_not_has_failed() {
    let mut world = World::new(1);
    let (mut caller, mut callee) = ends(&mut world, Srtp::Required);
    world.node.policy.route("1002", cordboard_test_support::reject(488));
    let offer = sdp(&world, caller.wire, "sendrecv");
    invite(&mut world, &mut caller, "", &offer);
    let invite = callee.join(&world);
    let answer = sdp(&world, callee.wire, "sendrecv");
    callee.answer(&mut world, &invite, StatusCode::OK, &answer);
    let bye = callee.last_request(&world, Method::Bye);
    callee.answer(&mut world, &bye, StatusCode::OK, "");
    assert_eq!(caller.last_status(&world, Method::Invite), 488);
    caller.confirm(&world);
    caller.send(&mut world, "ACK", "", "");
    assert_eq!(world.node.ends(), [EndReason::NotAcceptable]);
    world.settle();
}

#[test]
fn a_target_that_may_go_without_is_asked_again() {
    let mut world = World::new(1);
    let (mut caller, mut callee) = ends(&mut world, Srtp::Preferred);
    let offer = sdp(&world, caller.wire, "sendrecv");
    invite(&mut world, &mut caller, "", &offer);
    let first = callee.join(&world);
    assert!(body(&first).contains("RTP/SAVP 0\r\n"));
    callee.answer(&mut world, &first, StatusCode::new(488).expect("488 is a status"), "");
    let second = callee.join(&world);
    assert!(body(&second).contains("RTP/AVP 0\r\n") && crypto_lines(&body(&second)).is_empty());
    let answer = sdp(&world, callee.wire, "sendrecv");
    callee.answer(&mut world, &second, StatusCode::OK, &answer);
    caller.confirm(&world);
    caller.send(&mut world, "ACK", "", "");
    assert_eq!(keys(&world), ([None, None], [None, None]));
    hang_up(&mut world, caller, &callee);
}
