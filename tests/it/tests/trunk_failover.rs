//! Calls to a trunk: which of its servers gets them, and what happens when one cannot take them (requirements A10 and A11).

use cordboard_b2bua::trunk::{TrunkHealth, TrunkSettings};
use cordboard_model::{AttemptOutcome, RouteReason, TargetAddress};
use cordboard_sip::locate::Share;
use cordboard_sip::{HeaderName, Method};
use cordboard_test_support::{CallRef, CalleePlan, CallerPlan, CarrierId, Ending, PhoneId, World};

use crate::seconds;
use crate::trunks::{TRUNK, add, at, dial, number, remove, text};

/// A phone, and a trunk of these carriers.
fn trunk_of<const N: usize>(seed: u64) -> (World, PhoneId, [CarrierId; N]) {
    let mut world = World::new(seed);
    let carriers = [(); N].map(|()| world.carrier());
    let settings = at(&world, &carriers);
    add(&mut world, settings);
    let caller = world.registered("1001", CalleePlan::rings());
    (world, caller, carriers)
}

/// A call to a number behind the trunk.
fn call(world: &mut World, caller: PhoneId) -> CallRef {
    world.node.policy.route("00491234", dial(number("+491234")));
    world.call(caller, "00491234", CallerPlan::hangs_up_after(seconds(1)))
}

fn invites(world: &World, carrier: CarrierId) -> usize {
    world.of(carrier).asked(Method::Invite).len()
}

#[test]
fn a_call_goes_to_the_number_at_the_server_of_the_lowest_priority() {
    let (mut world, caller, [first, second]) = trunk_of(1);
    let out = call(&mut world, caller);
    world.settle();
    assert_eq!(world.seen(out).ending, Some(Ending::HungUp));
    assert_eq!((invites(&world, first), invites(&world, second)), (1, 0));
    let invite = world.of(first).asked(Method::Invite)[0];
    let uri = format!("sip:+491234@{}", world.of(first).address());
    assert_eq!(invite.request_uri(), Some(uri.as_bytes()));
    assert_eq!(text(invite, HeaderName::To), format!("<{uri}>"));
    assert_eq!(world.of(first).asked(Method::Bye).len(), 1);
}

#[test]
fn calls_are_shared_by_weight() {
    let mut world = World::new(2);
    world.configure(|settings| settings.admission.invites_per_second = None);
    let carriers = [(); 2].map(|()| world.carrier());
    let mut settings = at(&world, &carriers);
    for (server, weight) in settings.servers.iter_mut().zip([30, 10]) {
        server.share = Share { priority: 1, weight };
    }
    add(&mut world, settings);
    let caller = world.registered("1001", CalleePlan::rings());
    for _ in 0..200 {
        call(&mut world, caller);
        world.run_for(seconds(2));
    }
    let shares = carriers.map(|carrier| invites(&world, carrier));
    assert_eq!(shares[0] + shares[1], 200);
    assert!((130..170).contains(&shares[0]), "three quarters of 200: {shares:?}");
    world.settle();
}

#[test]
fn a_503_is_followed_by_the_next_server_without_asking_the_plugin() {
    let (mut world, caller, [first, second]) = trunk_of(3);
    world.of_mut(first).script = [(Method::Invite, 503)].into();
    let out = call(&mut world, caller);
    world.settle();
    assert_eq!(world.seen(out).ending, Some(Ending::HungUp));
    assert_eq!((invites(&world, first), invites(&world, second)), (1, 1));
    assert_eq!(world.node.policy.route_questions.len(), 1);
    assert_eq!(world.seen(out).statuses, [100, 200]);
}

#[test]
fn a_refusal_of_the_callee_is_not_tried_elsewhere() {
    for status in [404, 486, 480, 500, 603] {
        let (mut world, caller, [first, second]) = trunk_of(4);
        world.of_mut(first).script = [(Method::Invite, status)].into();
        let out = call(&mut world, caller);
        world.settle();
        assert_eq!(world.seen(out).ending, Some(Ending::Refused(status)), "{status}");
        assert_eq!(invites(&world, second), 0, "{status}");
    }
}

#[test]
fn a_server_that_cannot_be_reached_is_followed_by_the_next_at_once() {
    let (mut world, caller, [first, second]) = trunk_of(5);
    world.of_mut(first).set_dead(true);
    let out = call(&mut world, caller);
    world.run_for(seconds(1));
    world.cut_off(first);
    world.run_for(seconds(1));
    assert_eq!(invites(&world, second), 1);
    world.settle();
    assert_eq!(world.seen(out).ending, Some(Ending::HungUp));
}

#[test]
fn a_silent_server_is_followed_by_the_next_after_the_response_timeout() {
    let (mut world, caller, [first, second]) = trunk_of(6);
    world.of_mut(first).set_dead(true);
    let out = call(&mut world, caller);
    world.run_for(seconds(5));
    assert_eq!(invites(&world, second), 0);
    world.run_for(seconds(2));
    assert_eq!(invites(&world, second), 1);
    world.settle();
    assert_eq!(world.seen(out).ending, Some(Ending::HungUp));
    assert_eq!(world.node.policy.route_questions.len(), 1);
}

#[test]
fn a_server_that_wakes_up_when_it_was_given_up_gets_no_second_call() {
    let (mut world, caller, [first, second]) = trunk_of(7);
    world.of_mut(first).set_dead(true);
    let out = call(&mut world, caller);
    world.run_for(seconds(7));
    // It answers one of the next resends: its 200 is acknowledged and hung up.
    world.of_mut(first).set_dead(false);
    world.settle();
    assert_eq!(world.seen(out).answers, 1);
    assert_eq!((invites(&world, first), invites(&world, second)), (1, 1));
    assert_eq!(world.of(first).asked(Method::Ack).len(), 1);
    assert_eq!(world.of(first).asked(Method::Bye).len(), 1);
}

#[test]
fn the_places_of_one_name_are_tried_before_the_next_server() {
    let mut world = World::new(8);
    let carriers = [(); 3].map(|()| world.carrier());
    let [first, second, third] = carriers;
    let named = [first, second].map(|carrier| world.of(carrier).address()).to_vec();
    world.node.names.insert("sip.carrier.test".to_owned(), named);
    let mut settings = at(&world, &[first, third]);
    settings.servers[0].uri = "sip:sip.carrier.test".to_owned();
    add(&mut world, settings);
    let caller = world.registered("1001", CalleePlan::rings());
    world.of_mut(first).set_dead(true);
    let out = call(&mut world, caller);
    world.settle();
    assert_eq!(world.seen(out).ending, Some(Ending::HungUp));
    assert_eq!(carriers.map(|carrier| invites(&world, carrier)), [0, 1, 0]);
}

#[test]
fn when_every_server_fails_the_plugin_is_told_that_the_trunk_is_unreachable() {
    let (mut world, caller, [first, second]) = trunk_of(9);
    for carrier in [first, second] {
        world.of_mut(carrier).script = [(Method::Invite, 503)].into();
    }
    call(&mut world, caller);
    world.settle();
    let [_, again] = world.node.policy.route_questions.as_slice() else { panic!("two questions") };
    assert_eq!(again.reason, RouteReason::Failed);
    let [attempt] = again.attempts.as_slice() else { panic!("one attempt: {:?}", again.attempts) };
    assert_eq!((attempt.outcome, attempt.status), (AttemptOutcome::Unreachable, 503));
    let trunk = TargetAddress::Trunk { trunk: TRUNK.to_owned(), number: "+491234".to_owned() };
    assert_eq!(attempt.target, trunk);
}

#[test]
fn a_trunk_that_is_down_or_unknown_fails_at_once() {
    let (mut world, caller, [carrier]) = trunk_of(10);
    let health = Some(TrunkHealth { interval: seconds(10), failures: 1, successes: 1 });
    let settings = TrunkSettings { health, ..at(&world, &[carrier]) };
    add(&mut world, settings);
    world.of_mut(carrier).set_dead(true);
    world.run_for(seconds(30));
    call(&mut world, caller);
    world.run_for(seconds(1));
    remove(&mut world);
    call(&mut world, caller);
    world.settle();
    assert_eq!(invites(&world, carrier), 0);
    let outcomes: Vec<AttemptOutcome> = world
        .node
        .policy
        .route_questions
        .iter()
        .flat_map(|question| question.attempts.iter().map(|attempt| attempt.outcome))
        .collect();
    assert_eq!(outcomes, [AttemptOutcome::Unreachable; 2]);
}

#[test]
fn a_server_that_is_down_is_passed_over() {
    let (mut world, caller, [first, second]) = trunk_of(11);
    let health = Some(TrunkHealth { interval: seconds(10), failures: 1, successes: 1 });
    let settings = TrunkSettings { health, ..at(&world, &[first, second]) };
    add(&mut world, settings);
    world.of_mut(first).set_dead(true);
    world.run_for(seconds(30));
    let out = call(&mut world, caller);
    world.run_for(seconds(3));
    assert_eq!(world.seen(out).ending, Some(Ending::HungUp), "nobody waited for the first server");
    assert_eq!(invites(&world, second), 1);
    remove(&mut world);
    world.settle();
}

#[test]
fn a_target_that_rang_long_enough_does_not_go_on_at_the_next_server() {
    let (mut world, caller, [first, second]) = trunk_of(12);
    world.of_mut(first).set_dead(true);
    let mut brief = number("+491234");
    brief.ring_timeout = Some(seconds(3));
    world.node.policy.route("00491234", dial(brief));
    let out = world.call(caller, "00491234", CallerPlan::waits());
    world.settle();
    assert_eq!(world.seen(out).ending, Some(Ending::Refused(408)));
    assert_eq!(invites(&world, second), 0);
}
