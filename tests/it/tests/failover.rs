//! When every target has failed, routing is asked again with what was tried (requirement A10).

use cordboard_b2bua::Settings;
use cordboard_model::{Attempt, AttemptOutcome, EndReason, RouteReason, TargetAddress};
use cordboard_test_support::{CalleePlan, CallerPlan, Ending, Link, World, dial, reject};

use crate::{seconds, two_phones};

#[test]
fn routing_is_asked_again_with_every_attempt() {
    let mut world = World::new(1);
    let (caller, _) = two_phones(&mut world, CalleePlan::rejects(486, seconds(2)));
    let other = world.registered("1003", CalleePlan::answers_after(seconds(1)));
    world.node.policy.route("1002", dial(&["1002"]));
    world.node.policy.route("1002", dial(&["1003"]));
    let out = world.call(caller, "1002", CallerPlan::hangs_up_after(seconds(1)));
    world.run_for(seconds(10));
    assert_eq!(world.seen(out).ending, Some(Ending::HungUp));
    assert_eq!(world.at(other).calls[0].ending, Some(Ending::HungUpByPeer));
    let [first, second] = world.node.policy.route_questions.as_slice() else { panic!("two questions") };
    assert_eq!((first.reason, first.attempts.len()), (RouteReason::New, 0));
    let tried = Attempt {
        target: TargetAddress::Aor("1002".to_owned()),
        outcome: AttemptOutcome::Busy,
        status: 486,
        // 10 ms each way.
        duration_ms: 2_020,
    };
    assert_eq!((second.reason, second.attempts.as_slice()), (RouteReason::Failed, &[tried][..]));
    assert_eq!(first.call.call_id, second.call.call_id);
    world.settle();
}

#[test]
fn a_plugin_that_gives_up_decides_what_the_caller_hears() {
    let mut world = World::new(2);
    let (caller, _) = two_phones(&mut world, CalleePlan::rejects(486, seconds(1)));
    world.node.policy.route("1002", dial(&["1002"]));
    world.node.policy.route("1002", reject(480));
    let out = world.call(caller, "1002", CallerPlan::waits());
    world.run_for(seconds(3));
    assert_eq!(world.seen(out).ending, Some(Ending::Refused(480)));
    world.settle();
}

#[test]
fn a_plugin_that_never_gives_up_is_stopped() {
    let limit = |settings: &mut Settings| settings.call.max_routings = 4;
    let mut world = World::with(3, Link::GOOD, limit);
    let (caller, callee) = two_phones(&mut world, CalleePlan::rejects(486, seconds(1)));
    for _ in 0..100 {
        world.node.policy.route("1002", dial(&["1002"]));
    }
    let out = world.call(caller, "1002", CallerPlan::waits());
    world.run_for(seconds(60));
    assert_eq!(world.node.policy.route_questions.len(), 4);
    assert_eq!(world.at(callee).calls.len(), 4);
    assert_eq!(world.seen(out).ending, Some(Ending::Refused(486)));
    world.settle();
}

#[test]
fn a_plugin_that_dials_the_whole_town_is_stopped() {
    let limit = |settings: &mut Settings| settings.call.max_attempts = 5;
    let mut world = World::with(4, Link::GOOD, limit);
    let (caller, callee) = two_phones(&mut world, CalleePlan::rejects(486, seconds(1)));
    world.node.policy.route("1002", cordboard_test_support::dial_in_turn(&["1002"; 50]));
    let out = world.call(caller, "1002", CallerPlan::waits());
    world.run_for(seconds(60));
    assert_eq!(world.at(callee).calls.len(), 5);
    assert_eq!(world.seen(out).ending, Some(Ending::Refused(486)));
    world.settle();
}

#[test]
fn a_whole_set_up_has_a_limit_of_time() {
    let limit = |settings: &mut Settings| settings.call.setup_timeout = seconds(40);
    let mut world = World::with(5, Link::GOOD, limit);
    let (caller, callee) = two_phones(&mut world, CalleePlan::rings());
    for _ in 0..8 {
        world.node.policy.route("1002", dial(&["1002"]));
    }
    let out = world.call(caller, "1002", CallerPlan::waits());
    world.run_for(seconds(41));
    assert!(
        matches!(world.seen(out).ending, Some(Ending::Refused(408 | 480))),
        "{:?}",
        world.seen(out).ending
    );
    assert_eq!(world.node.ends(), [EndReason::NoAnswer]);
    world.settle();
    assert_eq!(world.at(callee).calls.len(), 2);
}

#[test]
fn a_redirect_is_a_question_and_never_followed_unasked() {
    let mut world = World::new(6);
    let (caller, _) =
        two_phones(&mut world, CalleePlan::redirects(&["<sip:1003@pbx.test>;q=0.5", "<sip:+49@toll.test>"]));
    let other = world.registered("1003", CalleePlan::answers_after(seconds(1)));
    let out = world.call(caller, "1002", CallerPlan::waits());
    world.run_for(seconds(5));
    let [_, second] = world.node.policy.route_questions.as_slice() else { panic!("two questions") };
    assert_eq!(second.reason, RouteReason::Redirected);
    assert_eq!(second.redirects, ["sip:1003@pbx.test", "sip:+49@toll.test"]);
    assert_eq!(second.attempts[0].outcome, AttemptOutcome::Redirected);
    assert!(world.at(other).calls.is_empty());
    assert!(world.seen(out).ending.is_some());
    world.settle();
}

#[test]
fn a_plugin_may_follow_a_redirect() {
    let mut world = World::new(7);
    let (caller, _) = two_phones(&mut world, CalleePlan::redirects(&["<sip:1003@pbx.test>"]));
    let other = world.registered("1003", CalleePlan::answers_after(seconds(1)));
    world.node.policy.route("1002", dial(&["1002"]));
    world.node.policy.route("1002", dial(&["1003"]));
    let out = world.call(caller, "1002", CallerPlan::hangs_up_after(seconds(1)));
    world.run_for(seconds(5));
    assert_eq!(world.seen(out).statuses, [100, 180, 200], "the 302 stays between the callee and us");
    assert_eq!(world.at(other).calls[0].ending, Some(Ending::HungUpByPeer));
    world.settle();
}

#[test]
fn a_plugin_may_redirect_the_caller() {
    let mut world = World::new(8);
    let (caller, callee) = two_phones(&mut world, CalleePlan::rings());
    let elsewhere = cordboard_model::RouteDecision::Redirect(vec!["sip:1002@other.test".to_owned()]);
    world.node.policy.route("1002", elsewhere);
    let out = world.call(caller, "1002", CallerPlan::waits());
    world.run_for(seconds(1));
    assert_eq!(world.seen(out).ending, Some(Ending::Refused(302)));
    assert!(world.at(callee).calls.is_empty());
    assert_eq!(world.node.ends(), [EndReason::Redirected]);
    world.settle();
}

#[test]
fn a_call_that_is_routed_back_to_us_ends_when_its_hops_are_used_up() {
    let unlimited = |settings: &mut Settings| settings.admission.invites_per_second = None;
    let mut world = World::with(9, Link::GOOD, unlimited);
    let caller = world.registered("1001", CalleePlan::rings());
    for _ in 0..5 {
        world.node.policy.route("1002", dial(&["sip:1002@10.0.0.1"]));
    }
    let out = world.call(caller, "1002", CallerPlan { max_forwards: 5, ..CallerPlan::waits() });
    world.run_for(seconds(10));
    assert_eq!(world.seen(out).ending, Some(Ending::Refused(483)));
    assert_eq!(world.node.ledger().len(), 5, "hops 5, 4, 3, 2 and 1 are calls, 0 is refused");
    assert_eq!(world.node.policy.unasked(), 0);
    world.settle();
}
