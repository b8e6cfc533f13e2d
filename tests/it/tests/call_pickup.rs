//! A phone that rings is picked up by another one: an INVITE with Replaces that names the early dialog (RFC 3891 §3).

use cordboard_model::EndReason;
use cordboard_test_support::{CallRef, CalleePlan, CallerPlan, Ending, PhoneId, Progress, World};

use crate::blind_transfer::{assert_connected, hang_up};
use crate::replaces::plan;
use crate::{millis, seconds, two_phones};

/// 1001 calls 1002, which rings, and 1003 is there too: the call of 1001, the one of 1002, and 1003.
fn ringing(world: &mut World) -> (CallRef, CallRef, PhoneId) {
    let other = world.registered("1003", CalleePlan::rings());
    let (caller, callee) = two_phones(world, CalleePlan::rings());
    let out = world.call(caller, "1002", CallerPlan::waits());
    world.run_for(seconds(1));
    (out, CallRef { phone: callee, index: 0 }, other)
}

#[test]
fn another_phone_picks_up_and_the_one_that_rings_is_cancelled() {
    for early_only in ["", ";early-only"] {
        let mut world = World::new(1);
        let (out, rings, other) = ringing(&mut world);
        let replaces = format!("{}{early_only}", world.seen(rings).replaces());
        let new = world.call(other, "somebody", plan(&replaces));
        world.run_for(seconds(1));
        assert_eq!(world.seen(new).statuses, [100, 200]);
        assert_eq!(world.seen(rings).ending, Some(Ending::Cancelled));
        assert_eq!((world.seen(out).progress, world.seen(out).answers), (Progress::Talking, 1));
        assert_connected(&world, new, out);
        assert_eq!(world.node.policy.route_questions.len(), 1, "nobody is dialled for it");
        let asked =
            world.node.policy.authorization_questions.last().map(|asked| asked.facts().caller.user.clone());
        assert_eq!(asked.as_deref(), Some("1003"));
        hang_up(&mut world, out);
        world.run_for(seconds(1));
        assert_eq!(world.seen(new).ending, Some(Ending::HungUpByPeer));
        assert_eq!(world.node.ends(), [EndReason::Transferred, EndReason::CalleeHungUp]);
        world.settle();
    }
}

#[test]
fn whoever_may_not_call_does_not_pick_up() {
    let mut world = World::new(2);
    let (out, rings, other) = ringing(&mut world);
    let denied = cordboard_model::Rejection { status: 403, reason: String::new(), retry_after_s: None };
    world.node.policy.authorize("1003", cordboard_model::Verdict::Deny(denied));
    let replaces = world.seen(rings).replaces();
    let new = world.call(other, "somebody", plan(&replaces));
    world.run_for(seconds(1));
    assert_eq!(world.seen(new).ending, Some(Ending::Refused(403)));
    assert_eq!((world.seen(out).ending, world.seen(rings).ending), (None, None), "it rings on");
    world.command(cordboard_b2bua::Command::EndAll);
    world.settle();
}

#[test]
fn whoever_picks_up_and_gives_up_at_once_leaves_nobody_alone_on_the_line() {
    for patience in [1, 5, 15, 25, 35, 45, 55] {
        let mut world = World::new(3);
        let (out, rings, other) = ringing(&mut world);
        let replaces = world.seen(rings).replaces();
        let plan = CallerPlan { cancel_after: Some(millis(patience)), ..plan(&replaces) };
        world.call(other, "somebody", plan);
        world.run_for(seconds(40));
        match world.seen(rings).ending {
            None => assert_eq!(world.seen(out).progress, Progress::Inviting, "{patience} ms: it rings on"),
            Some(_) => assert_eq!(world.seen(out).progress, Progress::Over, "{patience} ms"),
        }
        world.command(cordboard_b2bua::Command::EndAll);
        world.settle();
    }
}

#[test]
fn a_caller_that_refuses_the_other_phone_is_not_left_alone() {
    let mut world = World::new(4);
    let (out, rings, other) = ringing(&mut world);
    world.phone_mut(out.phone).refuses_reinvites = Some(488);
    let replaces = world.seen(rings).replaces();
    let new = world.call(other, "somebody", plan(&replaces));
    world.run_for(seconds(1));
    assert_eq!(world.seen(new).ending, Some(Ending::Refused(488)));
    assert_eq!(world.seen(out).ending, Some(Ending::HungUpByPeer));
    world.settle();
}

#[test]
fn a_phone_that_answered_in_time_keeps_the_call() {
    let mut world = World::new(5);
    let (out, rings, other) = ringing(&mut world);
    world.node.relay.delay = millis(100);
    let replaces = world.seen(rings).replaces();
    let new = world.call(other, "somebody", plan(&replaces));
    world.run_for(millis(30));
    world.with_phone(rings.phone, |phone, now| phone.answer(now, 0));
    world.run_for(seconds(1));
    assert_eq!(world.seen(new).ending, Some(Ending::Refused(486)));
    assert_connected(&world, out, rings);
    hang_up(&mut world, out);
    world.settle();
}
