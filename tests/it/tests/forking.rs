//! Several phones ring: together or one after the other (requirement A10).

use cordboard_model::EndReason;
use cordboard_model::{Dial, RouteDecision, Strategy};
use cordboard_test_support::{CalleePlan, CallerPlan, Ending, Progress, World, dial, dial_in_turn, target};

use crate::{millis, seconds};

#[test]
fn every_phone_of_a_user_rings_and_the_first_answer_wins() {
    let mut world = World::new(1);
    let caller = world.registered("1001", CalleePlan::rings());
    let slow = world.registered("1002", CalleePlan::answers_after(seconds(5)));
    let fast = world.registered("1002", CalleePlan::answers_after(seconds(2)));
    let out = world.call(caller, "1002", CallerPlan::hangs_up_after(seconds(10)));
    world.run_for(seconds(4));
    assert_eq!(world.at(fast).calls[0].progress, Progress::Talking);
    assert_eq!(world.at(slow).calls[0].ending, Some(Ending::Cancelled));
    assert_eq!(world.seen(out).statuses, [100, 180, 200], "two phones that ring ring once for the caller");
    world.settle();
    assert_eq!(world.node.ends(), [EndReason::CallerHungUp]);
}

#[test]
fn two_answers_at_once_are_one_call() {
    let mut world = World::new(2);
    let caller = world.registered("1001", CalleePlan::rings());
    let phones = [0, 1].map(|_| world.registered("1002", CalleePlan::answers_after(seconds(2))));
    let out = world.call(caller, "1002", CallerPlan::hangs_up_after(seconds(10)));
    world.run_for(seconds(5));
    assert_eq!(world.seen(out).answers, 1);
    let mut ends = phones.map(|phone| world.at(phone).calls[0].ending);
    ends.sort_by_key(Option::is_some);
    assert_eq!(ends, [None, Some(Ending::HungUpByPeer)], "the late one is acknowledged and hung up");
    world.settle();
    assert_eq!(world.node.ends(), [EndReason::CallerHungUp]);
}

#[test]
fn two_answers_meet_at_every_millisecond() {
    for later in 0..45 {
        let mut world = World::new(100 + later);
        let caller = world.registered("1001", CalleePlan::rings());
        world.registered("1002", CalleePlan::answers_after(seconds(1)));
        world.registered("1002", CalleePlan::answers_after(millis(1_000 + later)));
        let out = world.call(caller, "1002", CallerPlan::hangs_up_after(seconds(3)));
        world.settle();
        let seen = world.seen(out);
        assert_eq!((seen.answers, seen.ending), (1, Some(Ending::HungUp)), "{later} ms later");
        assert_eq!(world.node.ends(), [EndReason::CallerHungUp], "{later} ms later");
    }
}

#[test]
fn a_busy_phone_does_not_end_what_the_other_may_answer() {
    let mut world = World::new(3);
    let caller = world.registered("1001", CalleePlan::rings());
    world.registered("1002", CalleePlan::rejects(486, millis(100)));
    let other = world.registered("1002", CalleePlan::answers_after(seconds(2)));
    let out = world.call(caller, "1002", CallerPlan::hangs_up_after(seconds(1)));
    world.run_for(seconds(5));
    assert_eq!(world.seen(out).ending, Some(Ending::HungUp));
    assert_eq!(world.at(other).calls[0].ending, Some(Ending::HungUpByPeer));
    world.settle();
}

#[test]
fn a_user_who_declines_on_one_phone_declines_on_all() {
    let mut world = World::new(4);
    let caller = world.registered("1001", CalleePlan::rings());
    world.registered("1002", CalleePlan::rejects(603, seconds(1)));
    let other = world.registered("1002", CalleePlan::rings());
    let out = world.call(caller, "1002", CallerPlan::waits());
    world.run_for(seconds(3));
    assert_eq!(world.at(other).calls[0].ending, Some(Ending::Cancelled));
    assert_eq!(world.seen(out).ending, Some(Ending::Refused(603)));
    world.settle();
}

#[test]
fn the_most_telling_refusal_of_several_is_kept() {
    let mut world = World::new(5);
    let caller = world.registered("1001", CalleePlan::rings());
    for status in [480, 486, 503] {
        world.registered("1002", CalleePlan::rejects(status, seconds(1)));
    }
    let out = world.call(caller, "1002", CallerPlan::waits());
    world.run_for(seconds(3));
    assert_eq!(world.seen(out).ending, Some(Ending::Refused(486)));
    assert_eq!(world.node.ends(), [EndReason::Busy]);
    world.settle();
}

#[test]
fn targets_of_a_parallel_decision_ring_together() {
    let mut world = World::new(6);
    let caller = world.registered("1001", CalleePlan::rings());
    let first = world.registered("1002", CalleePlan::rings());
    let second = world.registered("1003", CalleePlan::answers_after(seconds(1)));
    world.node.policy.route("1002", dial(&["1002", "1003"]));
    world.call(caller, "1002", CallerPlan::hangs_up_after(seconds(1)));
    world.run_for(seconds(5));
    assert_eq!(world.at(first).calls[0].ending, Some(Ending::Cancelled));
    assert_eq!(world.at(second).calls[0].ending, Some(Ending::HungUpByPeer));
    world.settle();
}

#[test]
fn targets_of_a_serial_decision_ring_in_turn() {
    let mut world = World::new(7);
    let caller = world.registered("1001", CalleePlan::rings());
    let first = world.registered("1002", CalleePlan::rejects(486, seconds(3)));
    let second = world.registered("1003", CalleePlan::answers_after(seconds(1)));
    world.node.policy.route("1002", dial_in_turn(&["1002", "1003"]));
    let out = world.call(caller, "1002", CallerPlan::hangs_up_after(seconds(1)));
    world.run_for(seconds(2));
    assert!(world.at(second).calls.is_empty(), "the second waits for its turn");
    world.run_for(seconds(8));
    assert_eq!(world.at(first).calls[0].ending, Some(Ending::Refused(486)));
    assert_eq!(world.seen(out).ending, Some(Ending::HungUp));
    assert_eq!(world.node.policy.route_questions.len(), 1, "one decision was enough");
    world.settle();
}

#[test]
fn each_target_has_its_own_ring_time() {
    let mut world = World::new(8);
    let caller = world.registered("1001", CalleePlan::rings());
    let first = world.registered("1002", CalleePlan::rings());
    let second = world.registered("1003", CalleePlan::answers_after(seconds(1)));
    let brief = cordboard_model::Target { ring_timeout: Some(seconds(5)), ..target("1002") };
    let decision = Dial { targets: vec![brief, target("1003")], strategy: Strategy::Sequential };
    world.node.policy.route("1002", RouteDecision::Dial(decision));
    world.call(caller, "1002", CallerPlan::hangs_up_after(seconds(1)));
    world.run_for(millis(4_900));
    assert_eq!(world.at(first).calls[0].ending, None);
    assert!(world.at(second).calls.is_empty());
    world.run_for(millis(300));
    assert_eq!(world.at(first).calls[0].ending, Some(Ending::Cancelled));
    assert_eq!(world.at(second).calls.len(), 1);
    world.settle();
    assert_eq!(world.node.ends(), [EndReason::CallerHungUp]);
}

#[test]
fn an_answer_of_the_first_target_while_the_second_rings_is_hung_up() {
    let mut world = World::new(9);
    let caller = world.registered("1001", CalleePlan::rings());
    // Answers 10 ms before the CANCEL of its ring time reaches it.
    let first = world.registered("1002", CalleePlan::answers_after(millis(4_995)));
    let second = world.registered("1003", CalleePlan::answers_after(seconds(2)));
    let brief = cordboard_model::Target { ring_timeout: Some(seconds(5)), ..target("1002") };
    let decision = Dial { targets: vec![brief, target("1003")], strategy: Strategy::Sequential };
    world.node.policy.route("1002", RouteDecision::Dial(decision));
    let out = world.call(caller, "1002", CallerPlan::hangs_up_after(seconds(1)));
    world.settle();
    assert_eq!(world.seen(out).answers, 1, "one of the two is the call");
    let ends = [first, second].map(|phone| world.at(phone).calls[0].ending);
    assert!(ends.iter().all(|end| matches!(end, Some(Ending::HungUpByPeer | Ending::Cancelled))), "{ends:?}");
    assert_eq!(world.node.ends(), [EndReason::CallerHungUp]);
}
