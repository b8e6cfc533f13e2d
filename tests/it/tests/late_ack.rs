//! The answer is sent again until its ACK comes, and a call without one is ended (RFC 3261 §13.3.1.4).

use cordboard_model::EndReason;
use cordboard_test_support::{CalleePlan, CallerPlan, Ending, Link, Progress, World};

use crate::{millis, seconds, two_phones};

/// Nothing gets through.
const CUT: Link = Link { loss: 1.0, ..Link::GOOD };

#[test]
fn a_caller_who_never_acknowledges_loses_the_call_on_both_legs() {
    let mut world = World::new(1);
    let (caller, callee) = two_phones(&mut world, CalleePlan::answers_after(seconds(1)));
    let out = world.call(caller, "1002", CallerPlan { acknowledges: false, ..CallerPlan::waits() });
    world.run_for(seconds(32));
    assert_eq!(world.node.ends(), [], "64*T1 have not passed yet");
    assert!(world.seen(out).repeated_answers >= 7, "{} resends", world.seen(out).repeated_answers);
    world.run_for(seconds(3));
    assert_eq!(world.seen(out).ending, Some(Ending::HungUpByPeer));
    assert_eq!(world.at(callee).calls[0].ending, Some(Ending::HungUpByPeer));
    assert_eq!(world.node.ends(), [EndReason::NoAck]);
    world.settle();
}

#[test]
fn a_caller_whose_ack_was_lost_sends_it_again_for_the_repeated_answer() {
    let mut world = World::new(2);
    let (caller, _) = two_phones(&mut world, CalleePlan::answers_after(seconds(1)));
    let out = world.call(caller, "1002", CallerPlan::hangs_up_after(seconds(60)));
    // The 200 is on its way to the caller, whose ACK will be lost.
    world.run_for(millis(1_035));
    world.set_link(caller, CUT);
    world.run_for(millis(100));
    assert_eq!(world.seen(out).progress, Progress::Talking);
    world.set_link(caller, Link::GOOD);
    world.run_for(seconds(50));
    assert_eq!(world.seen(out).repeated_answers, 1, "resent after T1, acknowledged, and quiet since then");
    assert_eq!(world.node.counters().calls, 1);
    world.settle();
    assert_eq!(world.node.ends(), [EndReason::CallerHungUp]);
}

#[test]
fn our_lost_ack_is_sent_again_for_the_repeated_answer() {
    let mut world = World::new(3);
    let (caller, callee) = two_phones(&mut world, CalleePlan::answers_after(seconds(1)));
    let out = world.call(caller, "1002", CallerPlan::hangs_up_after(seconds(60)));
    // The 200 of the callee is on its way to us; our ACK will be lost.
    world.run_for(millis(1_025));
    world.set_link(callee, CUT);
    world.run_for(millis(100));
    assert_eq!(world.at(callee).calls[0].progress, Progress::Answered);
    world.set_link(callee, Link::GOOD);
    world.run_for(seconds(1));
    assert_eq!(world.at(callee).calls[0].progress, Progress::Talking);
    assert_eq!(world.seen(out).repeated_answers, 0, "the repeated answer concerns one leg only");
    world.settle();
    assert_eq!(world.node.ends(), [EndReason::CallerHungUp]);
}

#[test]
fn a_caller_who_hangs_up_instead_of_acknowledging_ends_the_call() {
    let mut world = World::new(4);
    let (caller, callee) = two_phones(&mut world, CalleePlan::answers_after(seconds(1)));
    let plan = CallerPlan { acknowledges: false, ..CallerPlan::hangs_up_after(seconds(2)) };
    let out = world.call(caller, "1002", plan);
    world.run_for(seconds(5));
    assert_eq!(world.seen(out).bye_status, Some(200));
    assert_eq!(world.at(callee).calls[0].ending, Some(Ending::HungUpByPeer));
    let repeated = world.seen(out).repeated_answers;
    world.settle();
    assert_eq!(world.seen(out).repeated_answers, repeated, "no answer after the BYE");
    assert_eq!(world.node.ends(), [EndReason::CallerHungUp]);
}
