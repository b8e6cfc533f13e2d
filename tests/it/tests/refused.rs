//! Calls that nobody takes: what the caller hears, and why the call ended.

use cordboard_b2bua::Settings;
use cordboard_model::{EndReason, EventKind, Rejection, Verdict};
use cordboard_test_support::{CalleePlan, CallerPlan, Ending, Link, World};

use crate::{seconds, two_phones};

#[test]
fn a_refusal_of_the_callee_reaches_the_caller() {
    struct Case(&'static str, u16, EndReason);
    for (seed, Case(name, status, reason)) in [
        Case("busy", 486, EndReason::Busy),
        Case("busy everywhere", 600, EndReason::Busy),
        Case("declined", 603, EndReason::Rejected),
        Case("forbidden", 403, EndReason::Rejected),
        Case("not there", 480, EndReason::NoAnswer),
        Case("not acceptable", 488, EndReason::NotAcceptable),
        Case("out of service", 503, EndReason::Unreachable),
    ]
    .into_iter()
    .enumerate()
    {
        let mut world = World::new(seed as u64);
        let (caller, callee) = two_phones(&mut world, CalleePlan::rejects(status, seconds(1)));
        let out = world.call(caller, "1002", CallerPlan::waits());
        world.run_for(seconds(5));
        assert_eq!(world.seen(out).statuses, [100, 180, status], "{name}");
        assert_eq!(world.node.ends(), [reason], "{name}");
        assert_eq!(world.at(callee).calls.len(), 1, "{name}");
        world.settle();
    }
}

#[test]
fn a_number_nobody_has_is_not_found() {
    let mut world = World::new(1);
    let (caller, _) = two_phones(&mut world, CalleePlan::rings());
    let out = world.call(caller, "4711", CallerPlan::waits());
    world.run_for(seconds(1));
    assert_eq!(world.seen(out).statuses, [100, 404]);
    assert_eq!(world.node.ends(), [EndReason::NotFound]);
    world.settle();
}

#[test]
fn a_caller_who_may_not_is_told_so_and_rings_nobody() {
    let mut world = World::new(2);
    let (caller, callee) = two_phones(&mut world, CalleePlan::rings());
    let rejection = Rejection { status: 403, reason: "Ask The Operator".to_owned(), retry_after_s: None };
    world.node.policy.authorize("1001", Verdict::Deny(rejection));
    let out = world.call(caller, "1002", CallerPlan::waits());
    world.run_for(seconds(1));
    assert_eq!(world.seen(out).ending, Some(Ending::Refused(403)));
    assert!(
        world.trace.about("403").contains("SIP/2.0 403 Ask The Operator"),
        "{}",
        world.trace.about("403")
    );
    assert_eq!(world.node.ends(), [EndReason::Forbidden]);
    assert!(world.node.policy.route_questions.is_empty());
    assert!(world.at(callee).calls.is_empty());
    world.settle();
}

#[test]
fn a_phone_that_rings_too_long_is_cancelled() {
    let mut world =
        World::with(3, Link::GOOD, |settings: &mut Settings| settings.call.ring_timeout = seconds(15));
    let (caller, callee) = two_phones(&mut world, CalleePlan::rings());
    let out = world.call(caller, "1002", CallerPlan::waits());
    world.run_for(seconds(14));
    assert_eq!(world.seen(out).ending, None);
    world.run_for(seconds(2));
    assert_eq!(world.at(callee).calls[0].ending, Some(Ending::Cancelled));
    assert!(
        matches!(world.seen(out).ending, Some(Ending::Refused(408 | 480))),
        "{:?}",
        world.seen(out).ending
    );
    assert_eq!(world.node.ends(), [EndReason::NoAnswer]);
    world.settle();
}

#[test]
fn a_phone_that_was_unplugged_is_given_up() {
    let mut world = World::new(4);
    let (caller, _) = two_phones(&mut world, CalleePlan::ignores());
    let phone = world.registered("1003", CalleePlan::rings());
    world.phone_mut(phone).set_dead(true);
    for callee in ["1002", "1003"] {
        let out = world.call(caller, callee, CallerPlan::waits());
        world.run_for(seconds(60));
        assert!(matches!(world.seen(out).ending, Some(Ending::Refused(408 | 480))), "{callee}");
    }
    assert_eq!(world.node.ends(), [EndReason::NoAnswer; 2]);
    world.settle();
}

#[test]
fn a_place_that_cannot_be_found_is_unreachable() {
    let mut world = World::new(5);
    let (caller, _) = two_phones(&mut world, CalleePlan::rings());
    world.node.policy.route("1002", cordboard_test_support::dial(&["sip:bob@nowhere.example"]));
    let out = world.call(caller, "1002", CallerPlan::waits());
    world.run_for(seconds(5));
    assert!(matches!(world.seen(out).ending, Some(Ending::Refused(_))), "{:?}", world.seen(out).statuses);
    assert_eq!(world.node.policy.route_questions.len(), 2, "asked again with what was tried");
    world.settle();
}

#[test]
fn the_end_of_a_refused_call_carries_the_status_that_the_caller_saw() {
    let mut world = World::new(6);
    let (caller, _) = two_phones(&mut world, CalleePlan::rejects(486, seconds(1)));
    world.call(caller, "1002", CallerPlan::waits());
    world.settle();
    let status = world.node.events().iter().find_map(|(_, event)| match event.kind {
        EventKind::CallEnded { status, talk_ms: 0, .. } => status,
        _ => None,
    });
    assert_eq!(status, Some(486));
}
