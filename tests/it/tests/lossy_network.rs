//! A thousand calls over a network that loses a fifth of all packets, doubles and reorders them (requirement A4).

use cordboard_b2bua::Settings;
use cordboard_test_support::{CallRef, CalleePlan, CallerPlan, Link, PhoneId, World};

use crate::{millis, seconds};

/// Phones on each side; a call uses one of each.
const PHONES: usize = 40;

struct Run {
    world: World,
    calls: Vec<CallRef>,
    callees: Vec<PhoneId>,
}

/// Registers all phones and places `count` calls, twenty a second, over links that lose this part of the packets.
fn run(seed: u64, loss: f64, count: usize) -> Run {
    let unlimited = |settings: &mut Settings| settings.admission.invites_per_second = None;
    let mut world = World::with(seed, Link::bad(loss), unlimited);
    let callers: Vec<_> = (0..PHONES).map(|n| world.phone(&format!("1{n:03}"))).collect();
    let callees: Vec<_> = (0..PHONES).map(|n| world.phone(&format!("2{n:03}"))).collect();
    for (number, callee) in callees.iter().enumerate() {
        let hang_up_after = (number % 2 == 1).then_some(seconds(3));
        world.phone_mut(*callee).plan =
            CalleePlan { hang_up_after, ..CalleePlan::answers_after(millis(1_200)) };
        world.register(*callee);
    }
    world.run_for(seconds(40));
    assert_eq!(world.node.counters().bindings, PHONES, "every phone registered, in spite of the network");
    let mut calls = Vec::new();
    for number in 0..count {
        // Half of the calls are ended by the caller, the other half by the callee.
        let plan = if number % 2 == 0 { CallerPlan::hangs_up_after(seconds(3)) } else { CallerPlan::waits() };
        let callee = format!("2{:03}", number % PHONES);
        calls.push(world.call(callers[(number * 7) % PHONES], &callee, plan));
        world.run_for(millis(50));
    }
    Run { world, calls, callees }
}

fn check(seed: u64, loss: f64, count: usize, at_least: usize) {
    let Run { mut world, calls, callees } = run(seed, loss, count);
    world.settle();
    let talked = calls.iter().filter(|call| world.seen(**call).answers == 1).count();
    assert!(talked >= at_least, "seed {seed}: {talked} of {count} calls were set up");
    for call in &calls {
        let seen = world.seen(*call);
        assert!(seen.answers <= 1, "seed {seed}: one call was answered twice: {seen:?}");
        // At a loss of a half, now and then every copy of a final response is lost.
        assert!(seen.ending.is_some() || loss > 0.3, "seed {seed}: a caller was left hanging: {seen:?}");
    }
    let legs: usize = callees.iter().map(|callee| world.at(*callee).calls.len()).sum();
    assert!(legs <= count, "seed {seed}: {legs} legs for {count} calls: somebody was called twice");
    for callee in callees {
        for call in &world.at(callee).calls {
            assert!(call.ending.is_some(), "seed {seed}: a callee was left hanging: {call:?}");
        }
    }
    let started = world.node.ledger().len();
    assert!((at_least..=count).contains(&started), "seed {seed}: {started} calls started, of {count}");
}

#[test]
fn a_thousand_calls_survive_a_loss_of_a_fifth_each_way() {
    for seed in [1, 2, 3] {
        check(seed, 0.2, 1_000, 995);
    }
}

#[test]
#[ignore = "takes a minute; run it by name after a change of the timers"]
fn a_hundred_thousand_calls_survive_a_loss_of_a_fifth_each_way() {
    for seed in 100..200 {
        check(seed, 0.2, 1_000, 995);
    }
}

#[test]
fn no_call_is_lost_by_doubling_and_reordering_alone() {
    check(4, 0.0, 1_000, 1_000);
}

#[test]
fn nothing_is_left_behind_by_a_loss_of_a_half() {
    check(5, 0.5, 200, 150);
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    let trace = |seed| {
        let mut run = run(seed, 0.2, 100);
        run.world.settle();
        run.world.trace.lines().to_vec()
    };
    let (first, second, other) = (trace(6), trace(6), trace(7));
    assert!(first.len() > 1_000, "{} lines", first.len());
    let differs = first.iter().zip(&second).find(|(one, other)| one != other);
    assert_eq!(differs, None);
    assert_eq!(first.len(), second.len());
    assert_ne!(first, other, "another seed is another story");
}
