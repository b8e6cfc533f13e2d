//! OPTIONS tell how the servers of a trunk are (requirements A6 and A11): down after some failures, up after some successes.

use cordboard_b2bua::trunk::{TrunkHealth, TrunkSettings};
use cordboard_model::TrunkState;
use cordboard_sip::Method;
use cordboard_test_support::{CarrierId, World};

use crate::seconds;
use crate::trunks::{add, at, registering, remove, states, told};

/// A world with one watched trunk: asked every 30 s, down after three failures, up after two successes.
fn watched<const N: usize>(seed: u64) -> (World, [CarrierId; N]) {
    let mut world = World::new(seed);
    let carriers = [(); N].map(|()| world.carrier());
    let settings = TrunkSettings { health: Some(health()), ..at(&world, &carriers) };
    add(&mut world, settings);
    (world, carriers)
}

fn health() -> TrunkHealth {
    TrunkHealth { interval: seconds(30), failures: 3, successes: 2 }
}

#[test]
fn a_healthy_server_is_asked_at_the_interval() {
    let (mut world, [carrier]) = watched(1);
    world.run_for(seconds(600));
    let asked = world.of(carrier).asked(Method::Options).len();
    assert!((19..=23).contains(&asked), "{asked} times in ten minutes");
    assert_eq!(states(&world), [TrunkState::Up]);
    remove(&mut world);
    world.settle();
    assert_eq!(world.of(carrier).asked(Method::Options).len(), asked, "nobody asks for a trunk that is gone");
}

#[test]
fn a_silent_server_is_down_after_three_failures_and_up_after_two_answers() {
    let (mut world, [carrier]) = watched(2);
    world.run_for(seconds(10));
    world.of_mut(carrier).set_dead(true);
    world.run_for(seconds(200));
    assert_eq!(states(&world), [TrunkState::Up, TrunkState::Down]);
    assert_eq!(told(&world)[1].servers_up, 0);
    assert!(told(&world)[1].reason.contains("does not answer OPTIONS"), "{:?}", told(&world));
    let heard = world.of(carrier).asked(Method::Options).len();
    world.of_mut(carrier).set_dead(false);
    world.run_for(seconds(100));
    assert_eq!(states(&world), [TrunkState::Up, TrunkState::Down, TrunkState::Up]);
    assert!(world.of(carrier).asked(Method::Options).len() >= heard + 2);
    remove(&mut world);
    world.settle();
}

#[test]
fn two_failures_in_a_row_take_nobody_out() {
    let (mut world, [carrier]) = watched(3);
    world.of_mut(carrier).script =
        [200, 503, 503, 200, 503, 503, 200].map(|status| (Method::Options, status)).into();
    world.run_for(seconds(600));
    assert!(world.of(carrier).script.is_empty());
    assert_eq!(states(&world), [TrunkState::Up]);
    remove(&mut world);
    world.settle();
}

#[test]
fn a_503_counts_as_down_and_every_other_final_response_as_up() {
    for (status, state) in [
        (503, TrunkState::Down),
        (200, TrunkState::Up),
        (401, TrunkState::Up),
        (404, TrunkState::Up),
        (405, TrunkState::Up),
        (500, TrunkState::Up),
    ] {
        let (mut world, [carrier]) = watched(4);
        world.of_mut(carrier).script = std::iter::repeat_n((Method::Options, status), 30).collect();
        world.run_for(seconds(120));
        assert_eq!(states(&world).last(), Some(&state), "{status}");
        remove(&mut world);
        world.settle();
    }
}

#[test]
fn a_server_that_the_network_cannot_reach_is_in_doubt_at_once() {
    let (mut world, [carrier]) = watched(5);
    world.of_mut(carrier).set_dead(true);
    for _ in 0..3 {
        world.run_for(seconds(7));
        world.cut_off(carrier);
    }
    assert_eq!(states(&world), [TrunkState::Up, TrunkState::Down], "no time-out was waited for");
    remove(&mut world);
    world.settle();
}

#[test]
fn a_name_that_leads_nowhere_is_down_and_one_that_leads_elsewhere_is_followed() {
    let mut world = World::new(6);
    let [first, second] = [(); 2].map(|()| world.carrier());
    let addresses = [first, second].map(|carrier| world.of(carrier).address());
    world.node.names.insert("sip.carrier.test".to_owned(), vec![addresses[0]]);
    let settings = TrunkSettings { health: Some(health()), ..TrunkSettings::at("sip:sip.carrier.test") };
    add(&mut world, settings);
    world.run_for(seconds(100));
    world.node.names.insert("sip.carrier.test".to_owned(), vec![addresses[1]]);
    world.run_for(seconds(100));
    assert!(world.of(second).asked(Method::Options).len() >= 3, "every question resolves the name anew");
    world.node.names.clear();
    world.run_for(seconds(100));
    assert_eq!(states(&world), [TrunkState::Up, TrunkState::Down]);
    assert!(told(&world)[1].reason.contains("leads nowhere"), "{:?}", told(&world));
    remove(&mut world);
    world.settle();
}

#[test]
fn a_trunk_is_up_as_long_as_one_of_its_servers_is() {
    let (mut world, [first, second]) = watched(7);
    world.of_mut(first).set_dead(true);
    world.run_for(seconds(200));
    let ups: Vec<(TrunkState, usize)> =
        told(&world).iter().map(|status| (status.state, status.servers_up)).collect();
    assert_eq!(ups, [(TrunkState::Up, 2), (TrunkState::Up, 1)]);
    world.of_mut(second).set_dead(true);
    world.run_for(seconds(200));
    assert_eq!(told(&world).last().map(|status| status.servers_up), Some(0));
    assert_eq!(world.node.counters().trunks_up, 0);
    remove(&mut world);
    world.settle();
}

#[test]
fn a_server_that_is_down_is_asked_last_to_register() {
    let mut world = World::new(8);
    let [first, second] = [(); 2].map(|()| world.carrier());
    world.of_mut(second).grants = Some(300);
    world.of_mut(first).set_dead(true);
    let settings = TrunkSettings { health: Some(health()), ..registering(&world, &[first, second]) };
    add(&mut world, settings);
    world.run_for(seconds(1_200));
    let times = world.of(second).times(Method::Register);
    let gaps: Vec<u64> = times.windows(2).map(|pair| (pair[1] - pair[0]).as_secs()).collect();
    assert!(gaps.iter().all(|gap| *gap <= 271), "the dead server is not waited for: {gaps:?}");
    remove(&mut world);
    world.settle();
}
