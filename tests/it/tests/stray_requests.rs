//! Requests outside of calls, and requests that no phone should send: the answer of the RFC, and no harm done.

use cordboard_sip::HeaderName;
use cordboard_test_support::{CalleePlan, Progress, World};

use crate::raw::{Raw, last_header};
use crate::{seconds, talking, two_phones};

#[test]
fn options_is_answered_with_what_we_can() {
    let mut world = World::new(1);
    let phone = world.phone("1001");
    world.with_phone(phone, |phone, now| phone.ask_options(now));
    world.run_for(seconds(1));
    let reply = &world.at(phone).replies[0];
    assert_eq!(reply.status, 200);
    let message = reply.message.as_ref().expect("a response came");
    let allow = String::from_utf8_lossy(message.value(HeaderName::Allow).unwrap_or_default()).into_owned();
    for method in ["INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "REGISTER"] {
        assert!(allow.contains(method), "{method} in {allow:?}");
    }
    world.settle();
}

#[test]
fn what_cannot_be_done_is_said() {
    struct Case(&'static str, Raw<'static>, u16, HeaderName, &'static str);
    for Case(name, raw, status, header, value) in [
        Case(
            "an unknown method",
            Raw { method: "DANCE", ..Raw::default() },
            405,
            HeaderName::Allow,
            "INVITE",
        ),
        Case(
            "a method we do not serve",
            Raw { method: "PUBLISH", ..Raw::default() },
            405,
            HeaderName::Allow,
            "INVITE",
        ),
        Case(
            "an extension we do not have",
            Raw { lines: &["Require: teleport"], ..Raw::default() },
            420,
            HeaderName::Unsupported,
            "teleport",
        ),
        Case(
            "an extension we do not have, in OPTIONS",
            Raw { method: "OPTIONS", lines: &["Require: teleport"], ..Raw::default() },
            420,
            HeaderName::Unsupported,
            "teleport",
        ),
        Case("no hops left", Raw { max_forwards: 0, ..Raw::default() }, 483, HeaderName::Via, "10."),
        Case(
            "a BYE for no call",
            Raw { method: "BYE", to_tag: ";tag=x", ..Raw::default() },
            481,
            HeaderName::Via,
            "10.",
        ),
        Case(
            "a re-INVITE for no call",
            Raw { to_tag: ";tag=x", ..Raw::default() },
            481,
            HeaderName::Via,
            "10.",
        ),
        Case(
            "an INFO for no call",
            Raw { method: "INFO", to_tag: ";tag=x", ..Raw::default() },
            481,
            HeaderName::Via,
            "10.",
        ),
        Case(
            "a body that is no session description",
            Raw { lines: &["Content-Type: text/html"], body: "<p>", ..Raw::default() },
            415,
            HeaderName::Accept,
            "application/sdp",
        ),
        Case(
            "a session description that cannot be read",
            Raw { lines: &["Content-Type: application/sdp"], body: "v=0\r\nm=audio\r\n", ..Raw::default() },
            488,
            HeaderName::Warning,
            "cordboard",
        ),
        Case(
            "a URI scheme we do not know",
            Raw { uri: "fax:12", ..Raw::default() },
            416,
            HeaderName::Via,
            "10.",
        ),
    ] {
        let mut world = World::new(2);
        let wire = world.wire();
        raw.send(&mut world, wire);
        world.run_for(seconds(1));
        assert_eq!(world.on(wire).statuses().last(), Some(&status), "{name}");
        assert!(last_header(&world, wire, header).contains(value), "{name}: {header:?}");
        world.settle();
    }
}

#[test]
fn an_invite_that_came_twice_is_one_call() {
    let mut world = World::new(3);
    let (_, callee) = two_phones(&mut world, CalleePlan::rings());
    let wire = world.wire();
    for _ in 0..3 {
        Raw::default().send(&mut world, wire);
        world.run_for(seconds(1));
    }
    assert_eq!(world.at(callee).calls.len(), 1);
    assert_eq!(world.node.ledger().len(), 1);
    Raw { method: "CANCEL", ..Raw::default() }.send(&mut world, wire);
    world.settle();
}

#[test]
fn an_invite_that_came_on_two_ways_is_one_call_and_one_482() {
    let mut world = World::new(4);
    let (_, callee) = two_phones(&mut world, CalleePlan::rings());
    let wire = world.wire();
    Raw::default().send(&mut world, wire);
    Raw { branch: "z9hG4bKother", ..Raw::default() }.send(&mut world, wire);
    world.run_for(seconds(1));
    assert!(world.on(wire).statuses().contains(&482), "{:?}", world.on(wire).statuses());
    assert_eq!(world.at(callee).calls.len(), 1);
    assert_eq!(world.node.counters().endpoint.merged, 1);
    Raw { method: "CANCEL", ..Raw::default() }.send(&mut world, wire);
    world.settle();
}

#[test]
fn a_stranger_cannot_end_a_call() {
    let mut world = World::new(5);
    let (out, into) = talking(&mut world);
    let wire = world.wire();
    let call_id = world.seen(out).sip_call_id.clone();
    Raw { method: "BYE", call_id: &call_id, to_tag: ";tag=guessed", ..Raw::default() }.send(&mut world, wire);
    world.run_for(seconds(1));
    assert_eq!(world.on(wire).statuses(), [481]);
    assert_eq!(world.seen(out).progress, Progress::Talking);
    assert_eq!(world.seen(into).progress, Progress::Talking);
}

#[test]
fn rubbish_does_not_disturb_a_call() {
    let mut world = World::new(6);
    let (out, _) = talking(&mut world);
    let wire = world.wire();
    for rubbish in [&b"\0\xff\xfe"[..], b"INVITE", b"SIP/2.0 200 OK\r\n\r\n", b"\r\n\r\n", &[b'A'; 60_000]] {
        world.send(wire, rubbish.to_vec());
    }
    world.run_for(seconds(1));
    assert_eq!(world.seen(out).progress, Progress::Talking);
    assert!(world.node.counters().endpoint.malformed_dropped >= 3);
    world.with_phone(out.phone, |phone, now| phone.hang_up(now, out.index));
    world.settle();
}
