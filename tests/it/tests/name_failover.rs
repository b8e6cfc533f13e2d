//! A name that leads to several places: they are tried in their order (requirement A14, RFC 3263 §4.3).

use cordboard_test_support::{CalleePlan, CallerPlan, Ending, PhoneId, World, dial};

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
fn a_silent_place_is_followed_by_the_next_long_before_the_ring_timeout() {
    let mut world = World::new(2);
    let (caller, [first, second, third]) = trunk_of_three(&mut world);
    let out = world.call(caller, "1002", CallerPlan::hangs_up_after(seconds(1)));
    world.run_for(millis(7_900));
    assert!(world.at(third).calls.is_empty(), "the second place is tried before");
    world.run_for(seconds(1));
    assert_eq!(world.at(third).calls.len(), 1);
    // The silent ones wake up: what they find is not to ring.
    for silent in [first, second] {
        world.phone_mut(silent).set_dead(false);
    }
    world.run_for(seconds(30));
    for silent in [first, second] {
        for call in &world.at(silent).calls {
            assert_eq!(call.ending, Some(Ending::Cancelled));
        }
    }
    assert_eq!(world.seen(out).ending, Some(Ending::HungUp));
    assert_eq!(world.node.policy.route_questions.len(), 1, "the places of one name are one attempt");
    world.settle();
}

#[test]
fn a_place_that_says_anything_is_given_its_time() {
    let mut world = World::new(4);
    let (caller, [first, second, _]) = trunk_of_three(&mut world);
    world.phone_mut(first).set_dead(false);
    world.phone_mut(first).plan = CalleePlan::answers_after(seconds(15));
    let out = world.call(caller, "1002", CallerPlan::hangs_up_after(seconds(1)));
    world.run_for(seconds(20));
    assert_eq!(world.seen(out).ending, Some(Ending::HungUp));
    assert!(world.at(second).calls.is_empty());
    world.settle();
}

#[test]
fn a_place_that_is_unavailable_is_followed_by_the_next() {
    for (status, tried) in [(503, 1), (500, 0), (486, 0)] {
        let mut world = World::new(5);
        let (caller, [first, second, _]) = trunk_of_three(&mut world);
        for phone in [first, second] {
            world.phone_mut(phone).set_dead(false);
        }
        world.phone_mut(first).plan = CalleePlan::rejects(status, millis(100));
        world.call(caller, "1002", CallerPlan::hangs_up_after(seconds(1)));
        world.run_for(seconds(5));
        assert_eq!(world.at(second).calls.len(), tried, "{status}");
        world.settle();
    }
}

#[test]
fn a_place_of_another_address_family_gets_ports_of_its_own() {
    let mut world = World::new(6);
    let caller = world.registered("1001", CalleePlan::rings());
    let (old, new) = (world.phone("old"), world.phone_over_ipv6("new"));
    world.phone_mut(old).set_dead(true);
    world.phone_mut(new).plan = CalleePlan::answers_after(millis(100));
    let addresses = [old, new].map(|phone| world.at(phone).address());
    world.node.names.insert("trunk.test".to_owned(), addresses.to_vec());
    world.node.policy.route("1002", dial(&["sip:1002@trunk.test"]));
    let out = world.call(caller, "1002", CallerPlan::waits());
    world.run_for(seconds(6));
    assert_eq!(world.seen(out).statuses.last(), Some(&200));
    let (_, block) = world.node.relay.blocks().next().expect("the call has ports");
    assert!(block.addresses.0.is_ipv4() && block.addresses.1.is_ipv6(), "{:?}", block.addresses);
    let offer = String::from_utf8_lossy(&world.at(new).calls[0].remote_sdp).into_owned();
    assert!(offer.contains(&format!("c=IN IP6 {}", block.addresses.1)), "{offer}");
    assert_eq!(world.node.relay.turnover(), (2, 1), "the ports of the first place were given back");
    world.with_phone(new, |phone, now| phone.hang_up(now, 0));
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
