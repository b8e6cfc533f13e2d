//! Either side hangs up, or both at once.

use cordboard_b2bua::Command;
use cordboard_model::{EndReason, EventKind};
use cordboard_test_support::{CalleePlan, CallerPlan, Ending, World};

use crate::{millis, seconds, talking, two_phones};

#[test]
fn the_caller_hangs_up() {
    let mut world = World::new(1);
    let (caller, callee) = two_phones(&mut world, CalleePlan::answers_after(seconds(1)));
    let out = world.call(caller, "1002", CallerPlan::hangs_up_after(seconds(7)));
    world.run_for(seconds(20));
    assert_eq!(world.seen(out).bye_status, Some(200));
    assert_eq!(world.at(callee).calls[0].ending, Some(Ending::HungUpByPeer));
    assert_eq!(world.node.ends(), [EndReason::CallerHungUp]);
    world.settle();
}

#[test]
fn the_callee_hangs_up() {
    let mut world = World::new(2);
    let plan = CalleePlan { hang_up_after: Some(seconds(5)), ..CalleePlan::answers_after(seconds(1)) };
    let (caller, callee) = two_phones(&mut world, plan);
    let out = world.call(caller, "1002", CallerPlan::waits());
    world.run_for(seconds(20));
    assert_eq!(world.seen(out).ending, Some(Ending::HungUpByPeer));
    assert_eq!(world.at(callee).calls[0].bye_status, Some(200));
    assert_eq!(world.node.ends(), [EndReason::CalleeHungUp]);
    world.settle();
}

#[test]
fn the_end_tells_how_long_they_talked() {
    let mut world = World::new(3);
    let (caller, _) = two_phones(&mut world, CalleePlan::answers_after(seconds(1)));
    world.call(caller, "1002", CallerPlan::hangs_up_after(seconds(7)));
    world.settle();
    let ended = world.node.events().iter().find_map(|(_, event)| match event.kind {
        EventKind::CallEnded { status, duration_ms, talk_ms, .. } => Some((status, duration_ms, talk_ms)),
        _ => None,
    });
    // 200 at the node after 1.02 s, BYE 7 s after it reached the caller: each way takes 10 ms.
    assert_eq!(ended, Some((None, 8_040, 7_020)));
}

#[test]
fn a_bye_that_crosses_a_bye_is_answered_and_the_call_ends_once() {
    let mut world = World::new(4);
    let (out, into) = talking(&mut world);
    world.with_phone(out.phone, |phone, now| phone.hang_up(now, out.index));
    world.with_phone(into.phone, |phone, now| phone.hang_up(now, into.index));
    world.run_for(seconds(2));
    for call in [out, into] {
        let seen = world.seen(call);
        assert_eq!(seen.ending, Some(Ending::HungUp));
        assert!(matches!(seen.bye_status, Some(200 | 481)), "{:?}", seen.bye_status);
    }
    assert_eq!(world.node.ends().len(), 1);
    world.settle();
}

#[test]
fn an_operator_ends_a_call_for_both_sides() {
    let mut world = World::new(5);
    let (out, into) = talking(&mut world);
    let id = *world.node.ledger().keys().next().expect("one call started");
    world.command(Command::EndCall(id));
    world.run_for(seconds(1));
    assert_eq!(world.seen(out).ending, Some(Ending::HungUpByPeer));
    assert_eq!(world.seen(into).ending, Some(Ending::HungUpByPeer));
    assert_eq!(world.node.ends(), [EndReason::Operator]);
    world.settle();
}

#[test]
fn an_operator_ends_a_call_that_still_rings() {
    let mut world = World::new(6);
    let (caller, callee) = two_phones(&mut world, CalleePlan::rings());
    let out = world.call(caller, "1002", CallerPlan::waits());
    world.run_for(seconds(2));
    let id = *world.node.ledger().keys().next().expect("one call started");
    world.command(Command::EndCall(id));
    world.run_for(seconds(1));
    assert_eq!(world.seen(out).ending, Some(Ending::Refused(503)));
    assert_eq!(world.at(callee).calls[0].ending, Some(Ending::Cancelled));
    world.settle();
}

#[test]
fn the_longest_allowed_call_ends_by_itself() {
    let limit = |settings: &mut cordboard_b2bua::Settings| settings.call.max_duration = seconds(600);
    let mut world = World::with(7, cordboard_test_support::Link::GOOD, limit);
    let (out, into) = talking(&mut world);
    world.run_for(seconds(590));
    assert_eq!(world.node.counters().calls, 1);
    world.run_for(seconds(20));
    assert_eq!(world.node.ends(), [EndReason::DurationLimit]);
    assert_eq!(world.seen(out).ending, Some(Ending::HungUpByPeer));
    assert_eq!(world.seen(into).ending, Some(Ending::HungUpByPeer));
    world.settle();
}

#[test]
fn a_bye_for_a_call_that_is_over_changes_nothing() {
    let mut world = World::new(8);
    let (out, into) = talking(&mut world);
    world.with_phone(out.phone, |phone, now| phone.hang_up(now, out.index));
    world.run_for(millis(15));
    world.with_phone(into.phone, |phone, now| phone.hang_up(now, into.index));
    world.settle();
    assert_eq!(world.node.ends(), [EndReason::CallerHungUp]);
    assert!(world.seen(into).bye_status.is_some(), "the late BYE was answered");
}
