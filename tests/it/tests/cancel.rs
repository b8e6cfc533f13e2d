//! CANCEL in every phase of a call (RFC 3261 §9).

use cordboard_model::EndReason;
use cordboard_test_support::{CalleePlan, CallerPlan, Ending, Progress, World};

use crate::raw::Raw;
use crate::{millis, seconds, two_phones};

#[test]
fn a_call_that_rings_is_cancelled_on_both_legs() {
    let mut world = World::new(1);
    let (caller, callee) = two_phones(&mut world, CalleePlan::rings());
    let out = world.call(caller, "1002", CallerPlan::cancels_after(seconds(3)));
    world.run_for(seconds(5));
    assert_eq!(world.seen(out).statuses, [100, 180, 487]);
    assert_eq!(world.at(callee).calls[0].ending, Some(Ending::Cancelled));
    assert_eq!(world.node.ends(), [EndReason::Cancelled]);
    world.settle();
}

#[test]
fn a_cancel_before_the_callee_said_anything_reaches_it_as_soon_as_it_does() {
    let mut world = World::new(2);
    let plan = CalleePlan { rings_after: Some(seconds(2)), ..CalleePlan::rings() };
    let (caller, callee) = two_phones(&mut world, plan);
    let out = world.call(caller, "1002", CallerPlan::cancels_after(millis(500)));
    world.run_for(seconds(1));
    assert_eq!(world.seen(out).ending, Some(Ending::Refused(487)), "the caller does not wait for the callee");
    assert_eq!(world.at(callee).calls[0].ending, None, "no CANCEL without a provisional response (§9.1)");
    world.run_for(seconds(2));
    assert_eq!(world.at(callee).calls[0].ending, Some(Ending::Cancelled));
    world.settle();
}

#[test]
fn a_cancel_right_behind_the_invite_is_not_lost() {
    let mut world = World::new(3);
    let (_, callee) = two_phones(&mut world, CalleePlan::answers_after(seconds(1)));
    let wire = world.wire();
    Raw::default().send(&mut world, wire);
    Raw { method: "CANCEL", ..Raw::default() }.send(&mut world, wire);
    world.run_for(millis(200));
    let statuses = world.on(wire).statuses();
    assert!(statuses.contains(&200) && statuses.contains(&487), "{statuses:?}");
    assert_eq!(world.node.ends(), [EndReason::Cancelled]);
    world.settle();
    let rang = &world.at(callee).calls;
    assert!(rang.iter().all(|call| call.progress == Progress::Over), "{rang:?}");
}

#[test]
fn a_cancel_while_a_plugin_thinks_rings_nobody() {
    for delay in [millis(300), millis(700)] {
        let mut world = World::new(4);
        let (caller, callee) = two_phones(&mut world, CalleePlan::answers_after(seconds(1)));
        // With 300 ms the authorization has answered and routing has not; with 700 ms not even that.
        world.node.policy.delay = delay;
        let out = world.call(caller, "1002", CallerPlan::cancels_after(millis(500)));
        world.run_for(seconds(5));
        assert_eq!(world.seen(out).ending, Some(Ending::Refused(487)), "{delay:?}");
        assert!(world.at(callee).calls.is_empty(), "{delay:?}");
        assert_eq!(world.node.ends(), [EndReason::Cancelled], "{delay:?}");
        world.settle();
    }
}

#[test]
fn ports_that_are_bound_after_the_cancel_are_given_back() {
    let mut world = World::new(9);
    let (caller, callee) = two_phones(&mut world, CalleePlan::answers_after(seconds(1)));
    world.node.relay.delay = seconds(1);
    let out = world.call(caller, "1002", CallerPlan::cancels_after(millis(500)));
    world.run_for(seconds(5));
    assert_eq!(world.seen(out).ending, Some(Ending::Refused(487)));
    assert_eq!((world.node.relay.turnover(), world.node.relay.ports()), ((1, 1), 0));
    assert!(world.at(callee).calls.is_empty());
    world.settle();
}

#[test]
fn an_answer_that_crosses_our_cancel_is_acknowledged_and_hung_up() {
    let mut world = World::new(5);
    let (caller, callee) = two_phones(&mut world, CalleePlan::answers_after(seconds(1)));
    // The CANCEL is at the node 5 ms before the 200.
    let out = world.call(caller, "1002", CallerPlan::cancels_after(millis(1_015)));
    world.run_for(seconds(5));
    assert_eq!(world.seen(out).statuses, [100, 180, 487]);
    let call = &world.at(callee).calls[0];
    assert_eq!((call.ending, call.byes), (Some(Ending::HungUpByPeer), 1));
    assert_eq!(world.node.ends(), [EndReason::Cancelled]);
    world.settle();
}

#[test]
fn a_cancel_that_comes_after_the_answer_does_nothing() {
    let mut world = World::new(6);
    let (caller, callee) = two_phones(&mut world, CalleePlan::answers_after(seconds(1)));
    // The CANCEL is at the node 5 ms after the 200, and 5 ms before the 200 is at the caller.
    let out = world.call(caller, "1002", CallerPlan::cancels_after(millis(1_025)));
    world.run_for(seconds(5));
    assert_eq!(world.seen(out).statuses, [100, 180, 200]);
    assert_eq!(world.seen(out).ending, Some(Ending::HungUp), "a caller who had given up hangs up");
    assert_eq!(world.at(callee).calls[0].ending, Some(Ending::HungUpByPeer));
    assert_eq!(world.node.ends(), [EndReason::CallerHungUp]);
    world.settle();
}

#[test]
fn cancel_meets_the_answer_at_every_millisecond() {
    for patience in 1_000..1_060 {
        let mut world = World::new(patience);
        let (caller, callee) = two_phones(&mut world, CalleePlan::answers_after(seconds(1)));
        let out = world.call(caller, "1002", CallerPlan::cancels_after(millis(patience)));
        world.run_for(seconds(5));
        let (caller, callee) = (world.seen(out), &world.at(callee).calls[0]);
        let over = (caller.progress, callee.progress) == (Progress::Over, Progress::Over);
        // A CANCEL due after the 200 has come is not sent, and the two go on talking.
        let talking = (caller.progress, callee.progress) == (Progress::Talking, Progress::Talking);
        assert!(
            if patience < 1_040 { over } else { talking || over },
            "{patience} ms: {caller:?}\n{callee:?}"
        );
        assert_eq!(caller.statuses.iter().filter(|status| **status >= 200).count(), 1, "{patience} ms");
        if talking {
            world.with_phone(out.phone, |phone, now| phone.hang_up(now, out.index));
        }
        world.settle();
    }
}

#[test]
fn a_cancel_stops_every_fork() {
    let mut world = World::new(7);
    let caller = world.registered("1001", CalleePlan::rings());
    let phones: Vec<_> = (0..3).map(|_| world.registered("1002", CalleePlan::rings())).collect();
    world.call(caller, "1002", CallerPlan::cancels_after(seconds(2)));
    world.run_for(seconds(4));
    for phone in phones {
        assert_eq!(world.at(phone).calls[0].ending, Some(Ending::Cancelled));
    }
    world.settle();
}

#[test]
fn a_cancel_for_nothing_is_unknown() {
    let mut world = World::new(8);
    let wire = world.wire();
    Raw { method: "CANCEL", ..Raw::default() }.send(&mut world, wire);
    world.run_for(seconds(1));
    assert_eq!(world.on(wire).statuses(), [481]);
    world.settle();
}
