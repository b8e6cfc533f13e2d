//! A name that leads to several places: they are tried in their order (requirement A14, RFC 3263 §4.3).

use cordboard_b2bua::Settings;
use cordboard_test_support::{CalleePlan, CallerPlan, Ending, Link, PhoneId, World, dial};

use crate::{millis, seconds};

/// A caller, and three unregistered servers of `trunk.test`, of which the first two are dead.
fn trunk_of_three(world: &mut World) -> (PhoneId, [PhoneId; 3]) {
    let caller = world.registered("1001", CalleePlan::rings());
    let servers = ["a", "b", "c"].map(|user| world.phone(user));
    for server in servers {
        world.phone_mut(server).plan = CalleePlan::answers_after(millis(100));
    }
    for server in &servers[..2] {
        world.phone_mut(*server).set_dead(true);
    }
    let addresses = servers.map(|server| world.at(server).address());
    world.node.names.insert("trunk.test".to_owned(), addresses.to_vec());
    world.node.policy.route("1002", dial(&["sip:1002@trunk.test"]));
    (caller, servers)
}

#[test]
fn a_place_that_the_network_cannot_reach_is_followed_by_the_next_at_once() {
    let mut world = World::new(1);
    let (caller, [first, second, third]) = trunk_of_three(&mut world);
    let out = world.call(caller, "1002", CallerPlan::hangs_up_after(seconds(1)));
    for unreachable in [first, second] {
        world.run_for(millis(50));
        world.close_connection(unreachable);
    }
    world.run_for(seconds(5));
    assert_eq!(world.seen(out).ending, Some(Ending::HungUp));
    assert_eq!(world.at(third).calls.len(), 1);
    assert_eq!(world.node.policy.route_questions.len(), 1, "the places of one name are one attempt");
    world.settle();
}

#[test]
fn a_silent_place_is_followed_by_the_next_when_its_invite_has_timed_out() {
    let patient = |settings: &mut Settings| settings.call.ring_timeout = seconds(120);
    let mut world = World::with(2, Link::GOOD, patient);
    let (caller, [_, _, third]) = trunk_of_three(&mut world);
    let out = world.call(caller, "1002", CallerPlan::hangs_up_after(seconds(1)));
    world.run_for(seconds(33));
    assert!(world.at(third).calls.is_empty(), "the second place is tried before");
    world.run_for(seconds(40));
    assert_eq!(world.at(third).calls.len(), 1);
    assert_eq!(world.seen(out).ending, Some(Ending::HungUp));
    world.settle();
}

#[test]
fn when_every_place_fails_the_target_has_failed() {
    let mut world = World::new(3);
    let (caller, servers) = trunk_of_three(&mut world);
    world.phone_mut(servers[2]).set_dead(true);
    let out = world.call(caller, "1002", CallerPlan::waits());
    for unreachable in servers {
        world.run_for(millis(50));
        world.close_connection(unreachable);
    }
    world.run_for(seconds(1));
    assert_eq!(world.seen(out).ending, Some(Ending::Refused(503)));
    world.settle();
}
