//! Overload refuses new calls and leaves those in progress alone (requirements A13, B3 and D8).

use cordboard_b2bua::{Command, Settings};
use cordboard_model::EndReason;
use cordboard_sip::HeaderName;
use cordboard_test_support::{CallRef, CalleePlan, CallerPlan, Ending, Link, Progress, World};

use crate::raw::{Raw, last_header};
use crate::{seconds, talking};

/// A second call while the first one talks; gives how it ended.
fn refused(world: &mut World, first: CallRef) -> Option<Ending> {
    let second = world.call(first.phone, "1002", CallerPlan::hangs_up_after(seconds(1)));
    world.run_for(seconds(1));
    assert_eq!(world.seen(first).progress, Progress::Talking, "the call in progress is untouched");
    world.seen(second).ending
}

fn goes_on(mut world: World, first: CallRef) {
    world.with_phone(first.phone, |phone, now| phone.hang_up(now, first.index));
    world.settle();
    assert_eq!(world.seen(first).bye_status, Some(200));
}

#[test]
fn without_ports_a_call_is_refused() {
    let mut world = World::new(1);
    world.node.relay.capacity = 1;
    let (out, _) = talking(&mut world);
    assert_eq!(refused(&mut world, out), Some(Ending::Refused(503)));
    assert_eq!(world.node.ends(), [EndReason::PortsExhausted]);
    goes_on(world, out);
}

#[test]
fn beyond_the_call_limit_a_call_is_refused() {
    let mut world = World::with(2, Link::GOOD, |settings: &mut Settings| settings.admission.max_calls = 1);
    let (out, _) = talking(&mut world);
    assert_eq!(refused(&mut world, out), Some(Ending::Refused(503)));
    assert_eq!(world.node.counters().overloaded, 1);
    goes_on(world, out);
}

#[test]
fn a_node_that_drains_takes_no_calls_and_keeps_those_it_has() {
    let mut world = World::new(3);
    let (out, _) = talking(&mut world);
    world.command(Command::Drain);
    assert_eq!(refused(&mut world, out), Some(Ending::Refused(503)));
    goes_on(world, out);
}

#[test]
fn a_drain_that_took_too_long_ends_every_call() {
    let mut world = World::new(4);
    let (out, into) = talking(&mut world);
    world.command(Command::Drain);
    world.command(Command::EndAll);
    world.run_for(seconds(1));
    assert_eq!(world.seen(out).ending, Some(Ending::HungUpByPeer));
    assert_eq!(world.seen(into).ending, Some(Ending::HungUpByPeer));
    assert_eq!(world.node.counters().calls, 0);
    world.settle();
}

#[test]
fn every_refusal_for_lack_of_room_says_when_to_come_back() {
    let full = |settings: &mut Settings| settings.admission.max_calls = 0;
    for (name, mut world) in [("call limit", World::with(5, Link::GOOD, full)), ("ports", World::new(5))] {
        world.node.relay.capacity = 0;
        world.registered("1002", CalleePlan::rings());
        let wire = world.wire();
        let offer = "Content-Type: application/sdp";
        Raw { lines: &[offer], ..Raw::default() }.send(&mut world, wire);
        world.run_for(seconds(1));
        assert_eq!(world.on(wire).statuses().last(), Some(&503), "{name}");
        let retry_after = last_header(&world, wire, HeaderName::RetryAfter).parse::<u32>();
        assert!(retry_after.as_ref().is_ok_and(|seconds| *seconds > 0), "{name}: {retry_after:?}");
        world.settle();
    }
}

#[test]
fn one_source_has_ten_calls_a_second_and_the_others_theirs() {
    let mut world = World::new(6);
    let noisy = world.registered("1001", CalleePlan::rings());
    let quiet = world.registered("1003", CalleePlan::rings());
    world.registered("1002", CalleePlan::answers_after(seconds(1)));
    let calls: Vec<_> =
        (0..30).map(|_| world.call(noisy, "1002", CallerPlan::hangs_up_after(seconds(1)))).collect();
    let other = world.call(quiet, "1002", CallerPlan::hangs_up_after(seconds(1)));
    world.run_for(seconds(1));
    let refused = calls.iter().filter(|call| world.seen(**call).ending == Some(Ending::Refused(503))).count();
    assert_eq!(refused, 20);
    assert_eq!(world.node.counters().rate_limited, 20);
    world.settle();
    assert_eq!(world.seen(other).ending, Some(Ending::HungUp));
    assert_eq!(world.node.ends(), [EndReason::CallerHungUp; 11]);
}

#[test]
fn a_flood_of_one_source_is_refused_until_it_stops() {
    let mut world = World::new(7);
    let noisy = world.registered("1001", CalleePlan::rings());
    world.registered("1002", CalleePlan::rejects(486, seconds(0)));
    for _ in 0..200 {
        world.call(noisy, "1002", CallerPlan::waits());
        world.run_for(crate::millis(20));
    }
    world.run_for(seconds(2));
    let busy = world.at(noisy).calls.iter().filter(|call| call.ending == Some(Ending::Refused(486))).count();
    // Four seconds at ten a second, and the burst.
    assert!((49..=51).contains(&busy), "{busy}");
    let after = world.call(noisy, "1002", CallerPlan::waits());
    world.settle();
    assert_eq!(world.seen(after).ending, Some(Ending::Refused(486)));
}
