//! An INVITE with Replaces: a new call takes the place of a dialog (RFC 3891).

use cordboard_model::EndReason;
use cordboard_sip::{HeaderName, Method, StatusCode};
use cordboard_test_support::{CalleePlan, CallerPlan, Ending, Link, Progress, World};

use crate::blind_transfer::{assert_connected, hang_up};
use crate::ends::{self, End};
use crate::raw::Raw;
use crate::{millis, seconds, talking};

pub(crate) fn plan(replaces: &str) -> CallerPlan {
    CallerPlan {
        headers: vec![
            ("Require".to_owned(), "replaces".to_owned()),
            ("Replaces".to_owned(), replaces.to_owned()),
        ],
        ..CallerPlan::waits()
    }
}

#[test]
fn a_new_caller_takes_the_place_of_either_party() {
    for replaced in [0, 1] {
        let mut world = World::new(1);
        let other = world.registered("1003", CalleePlan::rings());
        let (caller, callee) = talking(&mut world);
        let calls = [caller, callee];
        let (goes, stays) = (calls[replaced], calls[1 - replaced]);
        let replaces = world.seen(goes).replaces();
        let new = world.call(other, "somebody", plan(&replaces));
        world.run_for(seconds(1));
        assert_eq!(world.seen(new).statuses, [100, 200]);
        assert_eq!(world.seen(goes).ending, Some(Ending::HungUpByPeer));
        assert_eq!(world.seen(stays).progress, Progress::Talking);
        assert_connected(&world, new, stays);
        assert_eq!(world.node.policy.route_questions.len(), 1, "nobody is dialled");
        assert_eq!(
            world
                .node
                .policy
                .authorization_questions
                .last()
                .map(|asked| asked.facts().caller.user.clone())
                .as_deref(),
            Some("1003")
        );
        hang_up(&mut world, stays);
        world.run_for(seconds(1));
        assert_eq!(world.seen(new).ending, Some(Ending::HungUpByPeer));
        assert_eq!(world.node.ends(), [EndReason::Transferred, EndReason::CalleeHungUp]);
        world.settle();
    }
}

#[test]
fn what_cannot_be_replaced_is_refused() {
    type Change = fn(String) -> String;
    let cases: [(&str, Change, u16); 5] = [
        ("an unknown dialog", |replaces| format!("x{replaces}"), 481),
        ("another tag", |replaces| format!("{replaces}x"), 481),
        ("an answered dialog, only while it rings", |replaces| format!("{replaces};early-only"), 486),
        ("nonsense", |_| "nonsense".to_owned(), 400),
        (
            "tags the wrong way round",
            |replaces| {
                replaces.replace("to-tag", "x").replace("from-tag", "to-tag").replace(";x", ";from-tag")
            },
            481,
        ),
    ];
    for (name, change, status) in cases {
        let mut world = World::new(1);
        let other = world.registered("1003", CalleePlan::rings());
        let (caller, callee) = talking(&mut world);
        let replaces = change(world.seen(caller).replaces());
        let new = world.call(other, "somebody", plan(&replaces));
        world.run_for(seconds(1));
        assert_eq!(world.seen(new).ending, Some(Ending::Refused(status)), "{name}");
        assert_eq!(world.seen(callee).progress, Progress::Talking, "{name}");
        hang_up(&mut world, callee);
        world.settle();
    }
}

#[test]
fn two_replaces_are_one_too_many() {
    let mut world = World::new(1);
    let wire = world.wire();
    let lines = ["Replaces: a;to-tag=b;from-tag=c", "Replaces: d;to-tag=e;from-tag=f"];
    Raw { lines: &lines, ..Raw::default() }.send(&mut world, wire);
    world.run_for(seconds(1));
    assert_eq!(world.on(wire).statuses().first(), Some(&400));
    world.settle();
}

#[test]
fn a_new_caller_without_an_offer_gets_one_and_takes_the_place() {
    let mut world = World::new(1);
    let (caller, callee) = talking(&mut world);
    let wire = world.wire();
    let mut new = End {
        wire,
        local: "<sip:1003@pbx.test>;tag=n".into(),
        remote: "<sip:1002@pbx.test>".into(),
        sip_call_id: "call".into(),
        cseq: 0,
    };
    let replaces = format!("Replaces: {}\r\n", world.seen(caller).replaces());
    ends::invite(&mut world, &mut new, &replaces, "");
    let answer = new.confirm(&world);
    assert_eq!(answer.status().map(|status| status.code()), Some(200));
    assert!(ends::body(&answer).contains("m=audio"), "the offer is ours to make");
    assert_eq!(world.seen(caller).ending, None, "nothing has happened yet");
    let session = ends::sdp(&world, wire, "sendrecv");
    new.send(&mut world, "ACK", "application/sdp", &session);
    assert_eq!(world.seen(caller).ending, Some(Ending::HungUpByPeer));
    assert_eq!(world.seen(callee).progress, Progress::Talking);
    let (_, block) = world.node.relay.blocks().last().expect("one call has ports");
    let place = world.on(wire).address().ip();
    assert_eq!(block.caller[0].map(|stream| stream.rtp.ip()), Some(place));
    hang_up(&mut world, callee);
    world.run_for(seconds(1));
    let bye = new.last_request(&world, Method::Bye);
    new.answer(&mut world, &bye, StatusCode::OK, "");
    world.settle();
}

#[test]
fn a_new_caller_that_cancels_leaves_the_call_as_it_was() {
    // Before the other party was asked to move, and while it is asked.
    for patience in [5, 45] {
        let mut world = World::new(1);
        let other = world.registered("1003", CalleePlan::rings());
        let (caller, callee) = talking(&mut world);
        world.set_link(callee.phone, Link { delay: millis(100), ..Link::GOOD });
        let replaces = world.seen(caller).replaces();
        let new = world.call(
            other,
            "somebody",
            CallerPlan { cancel_after: Some(millis(patience)), ..plan(&replaces) },
        );
        world.run_for(seconds(3));
        assert_eq!(world.seen(new).ending, Some(Ending::Refused(487)));
        assert_eq!((world.seen(caller).ending, world.seen(callee).ending), (None, None));
        assert_connected(&world, caller, callee);
        hang_up(&mut world, caller);
        world.settle();
    }
}

#[test]
fn the_extension_is_announced() {
    let mut world = World::new(1);
    let (caller, callee) = crate::ends::connected(&mut world, true);
    let answer = caller.last(&world, |message| message.status().is_some_and(|status| status.code() == 200));
    assert!(answer.lists(HeaderName::Supported, "replaces") && answer.lists(HeaderName::Allow, "REFER"));
    let invite = callee.last_request(&world, Method::Invite);
    assert!(invite.lists(HeaderName::Supported, "replaces"));
    crate::ends::hang_up(&mut world, caller, &callee);
}
