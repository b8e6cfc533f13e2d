//! Phones that vanish, and calls whose legs hang.

use cordboard_media::command::Side;
use cordboard_model::{CallLeg, EndReason, Event, EventKind};
use cordboard_sip::Transport;
use cordboard_test_support::{CalleePlan, CallerPlan, Ending, World};

use crate::{millis, seconds, talking, two_phones};

#[test]
fn a_dead_callee_does_not_keep_the_caller_waiting() {
    let mut world = World::new(1);
    let (out, into) = talking(&mut world);
    world.phone_mut(into.phone).set_dead(true);
    world.with_phone(out.phone, |phone, now| phone.hang_up(now, out.index));
    world.run_for(millis(30));
    assert_eq!(world.seen(out).bye_status, Some(200));
    assert_eq!(world.node.ends(), [EndReason::CallerHungUp]);
    world.settle();
}

#[test]
fn a_dead_caller_does_not_keep_the_callee_waiting() {
    let mut world = World::new(2);
    let (out, into) = talking(&mut world);
    world.phone_mut(out.phone).set_dead(true);
    world.with_phone(into.phone, |phone, now| phone.hang_up(now, into.index));
    world.run_for(millis(30));
    assert_eq!(world.seen(into).bye_status, Some(200));
    assert_eq!(world.node.ends(), [EndReason::CalleeHungUp]);
    world.settle();
}

#[test]
fn two_dead_phones_are_ended_by_their_silence() {
    let mut world = World::new(3);
    let (out, into) = talking(&mut world);
    for call in [out, into] {
        world.phone_mut(call.phone).set_dead(true);
    }
    world.silence_media();
    world.run_for(seconds(1));
    assert_eq!(world.node.ends(), [EndReason::MediaTimeout]);
    assert_eq!(world.node.relay.ports(), 0, "ports come back at once, not when the BYEs have timed out");
    world.settle();
}

#[test]
fn a_side_that_is_not_heard_is_named_and_the_call_goes_on() {
    let mut world = World::new(5);
    let (out, _) = talking(&mut world);
    world.silence_side(Side::Callee);
    world.run_for(seconds(1));
    let silent = |(_, event): &(_, Event)| event.kind == EventKind::MediaSilent { leg: CallLeg::Callee };
    assert_eq!(world.node.events().iter().filter(|event| silent(event)).count(), 1);
    assert_eq!(world.node.counters().calls, 1);
    world.with_phone(out.phone, |phone, now| phone.hang_up(now, out.index));
    world.settle();
}

#[test]
fn silence_of_the_media_hangs_up_phones_that_live() {
    let mut world = World::new(4);
    let (out, into) = talking(&mut world);
    world.silence_media();
    world.run_for(seconds(1));
    assert_eq!(world.seen(out).ending, Some(Ending::HungUpByPeer));
    assert_eq!(world.seen(into).ending, Some(Ending::HungUpByPeer));
    world.settle();
}

#[test]
fn a_callee_that_dies_before_its_ack_is_hung_up_when_the_caller_is() {
    let mut world = World::new(5);
    let plan = CalleePlan { dies_after: Some(millis(1)), ..CalleePlan::answers_after(seconds(1)) };
    let (caller, _) = two_phones(&mut world, plan);
    let out = world.call(caller, "1002", CallerPlan::hangs_up_after(seconds(2)));
    world.settle();
    assert_eq!(world.seen(out).ending, Some(Ending::HungUp));
    assert_eq!(world.node.ends(), [EndReason::CallerHungUp]);
}

#[test]
fn a_caller_that_dies_while_it_rings_leaves_nothing_behind() {
    let mut world = World::new(6);
    let (caller, callee) = two_phones(&mut world, CalleePlan::answers_after(seconds(5)));
    world.call(caller, "1002", CallerPlan::waits());
    world.run_for(seconds(1));
    world.phone_mut(caller).set_dead(true);
    world.settle();
    assert_eq!(world.node.ends(), [EndReason::NoAck]);
    assert_eq!(world.at(callee).calls[0].ending, Some(Ending::HungUpByPeer));
}

#[test]
fn a_phone_that_forgot_the_call_answers_the_bye_and_that_is_all() {
    let mut world = World::new(7);
    let (out, into) = talking(&mut world);
    // It restarted: its calls are gone, its address is the same.
    world.phone_mut(into.phone).calls.clear();
    world.with_phone(out.phone, |phone, now| phone.hang_up(now, out.index));
    world.run_for(seconds(1));
    assert!(world.trace.about("SIP/2.0 481").contains(&world.at(into.phone).address().to_string()));
    assert_eq!(world.node.ends(), [EndReason::CallerHungUp]);
    world.settle();
}

#[test]
fn the_end_of_a_connection_fails_what_was_ringing_over_it() {
    let mut world = World::new(8);
    let caller = world.registered("1001", CalleePlan::rings());
    let callee = world.phone_over(Transport::Tcp, "1002");
    world.phone_mut(callee).plan = CalleePlan { rings_after: None, ..CalleePlan::rings() };
    world.register(callee);
    world.run_for(seconds(1));
    let out = world.call(caller, "1002", CallerPlan::waits());
    world.run_for(seconds(1));
    assert_eq!(world.at(callee).calls.len(), 1, "reached over its own connection");
    world.phone_mut(callee).set_dead(true);
    world.close_connection(callee);
    world.run_for(seconds(1));
    assert!(matches!(world.seen(out).ending, Some(Ending::Refused(_))), "{:?}", world.seen(out).ending);
    world.run_for(seconds(200));
    assert_eq!(world.node.counters().calls, 0);
}
