//! What calls find out about the servers of a trunk (requirement A11): one that asks for it is left alone, one that says nothing is
//! asked how it is, and all of it is shown.

use cordboard_b2bua::trunk::{TrunkHealth, TrunkRegistrationState, TrunkServerState, TrunkSettings};
use cordboard_model::TrunkState;
use cordboard_sip::{HeaderName, Method};
use cordboard_test_support::{CallRef, CalleePlan, CallerPlan, CarrierId, Ending, PhoneId, World};

use crate::seconds;
use crate::trunks::{TRUNK, add, at, dial, number, registering, remove, states};

/// A phone, and a trunk of these carriers, changed like this.
fn trunk_of<const N: usize>(
    seed: u64,
    change: impl Fn(&mut TrunkSettings),
) -> (World, PhoneId, [CarrierId; N]) {
    let mut world = World::new(seed);
    let carriers = [(); N].map(|()| world.carrier());
    let mut settings = at(&world, &carriers);
    change(&mut settings);
    add(&mut world, settings);
    let caller = world.registered("1001", CalleePlan::rings());
    (world, caller, carriers)
}

fn watched(settings: &mut TrunkSettings) {
    settings.health = Some(TrunkHealth { interval: seconds(60), failures: 2, successes: 2 });
}

fn call(world: &mut World, caller: PhoneId) -> CallRef {
    world.node.policy.route("00491234", dial(number("+491234")));
    let call = world.call(caller, "00491234", CallerPlan::hangs_up_after(seconds(1)));
    world.run_for(seconds(3));
    call
}

fn invites(world: &World, carrier: CarrierId) -> usize {
    world.of(carrier).asked(Method::Invite).len()
}

fn servers(world: &World) -> Vec<TrunkServerState> {
    world.node.trunk(TRUNK).servers.iter().map(|server| server.state).collect()
}

/// The next INVITE gets 503 with this Retry-After.
fn refuses(world: &mut World, carrier: CarrierId, retry_after: &str) {
    let carrier = world.of_mut(carrier);
    carrier.script = [(Method::Invite, 503)].into();
    carrier.headers = vec![(503, HeaderName::RetryAfter, retry_after.to_owned())];
}

#[test]
fn a_server_that_names_a_time_gets_no_call_until_it_is_over() {
    for (retry_after, rests_s) in [("120", 120), ("90 (maintenance);duration=5", 90), ("99999999", 3600)] {
        let (mut world, caller, [first, second]) = trunk_of(1, |_| ());
        refuses(&mut world, first, retry_after);
        let out = call(&mut world, caller);
        assert_eq!(world.seen(out).ending, Some(Ending::HungUp), "the second server takes the call");
        assert_eq!(servers(&world), [TrunkServerState::Resting, TrunkServerState::Up]);
        assert_eq!(world.node.trunk(TRUNK).servers[0].last_status, Some(503));
        world.run_for(seconds(rests_s - 10));
        call(&mut world, caller);
        assert_eq!((invites(&world, first), invites(&world, second)), (1, 2), "{retry_after}");
        world.run_for(seconds(10));
        assert_eq!(servers(&world), [TrunkServerState::Up; 2]);
        call(&mut world, caller);
        assert_eq!((invites(&world, first), invites(&world, second)), (2, 2), "{retry_after}");
        remove(&mut world);
        world.settle();
    }
}

#[test]
fn a_503_that_names_no_time_says_nothing_about_other_calls() {
    for retry_after in ["0", "soon"] {
        let (mut world, caller, [first, second]) = trunk_of(2, watched);
        for _ in 0..5 {
            refuses(&mut world, first, retry_after);
            call(&mut world, caller);
        }
        assert_eq!((invites(&world, first), invites(&world, second)), (5, 5));
        assert_eq!(servers(&world), [TrunkServerState::Up; 2]);
        remove(&mut world);
        world.settle();
    }
}

#[test]
fn a_trunk_all_of_whose_servers_rest_is_down_and_comes_back_by_itself() {
    let (mut world, caller, [carrier]) = trunk_of(3, |_| ());
    refuses(&mut world, carrier, "60");
    call(&mut world, caller);
    assert_eq!(states(&world), [TrunkState::Up, TrunkState::Down]);
    let report = world.node.trunk(TRUNK).clone();
    assert!(report.status.reason.contains("left alone for 60 s"), "{report:?}");
    let out = call(&mut world, caller);
    assert_eq!(invites(&world, carrier), 1);
    assert!(matches!(world.seen(out).ending, Some(Ending::Refused(_))));
    world.run_for(seconds(60));
    assert_eq!(states(&world), [TrunkState::Up, TrunkState::Down, TrunkState::Up]);
    call(&mut world, caller);
    assert_eq!(invites(&world, carrier), 2);
    remove(&mut world);
    world.settle();
}

#[test]
fn a_server_that_rests_is_not_asked_how_it_is_either() {
    let (mut world, _, [carrier]) = trunk_of(4, watched);
    world.of_mut(carrier).headers = vec![(503, HeaderName::RetryAfter, "600".to_owned())];
    world.of_mut(carrier).script = [(Method::Options, 503)].into();
    world.run_for(seconds(70));
    let asked = world.of(carrier).asked(Method::Options).len();
    assert_eq!(servers(&world), [TrunkServerState::Resting]);
    world.run_for(seconds(500));
    assert_eq!(world.of(carrier).asked(Method::Options).len(), asked);
    world.run_for(seconds(180));
    assert_eq!(servers(&world), [TrunkServerState::Up]);
    remove(&mut world);
    world.settle();
}

#[test]
fn a_server_that_is_silent_in_a_call_is_asked_at_once_and_is_down_when_it_stays_silent() {
    let (mut world, caller, [first, second]) = trunk_of(5, watched);
    world.run_for(seconds(5));
    world.of_mut(first).set_dead(true);
    let out = call(&mut world, caller);
    world.run_for(seconds(5));
    assert_eq!(world.seen(out).ending, Some(Ending::HungUp));
    assert_eq!(servers(&world), [TrunkServerState::Doubtful, TrunkServerState::Up]);
    assert!(world.node.trunk(TRUNK).servers[0].reason.contains("does not answer INVITE"));
    world.run_for(seconds(15));
    assert_eq!(
        servers(&world),
        [TrunkServerState::Down, TrunkServerState::Up],
        "long before it was to be asked again"
    );
    call(&mut world, caller);
    assert_eq!(invites(&world, second), 2);
    remove(&mut world);
    world.settle();
}

#[test]
fn a_server_that_takes_calls_is_up_whatever_it_thinks_of_options() {
    let (mut world, caller, [carrier]) = trunk_of(6, watched);
    for _ in 0..30 {
        world.of_mut(carrier).script = [(Method::Options, 503)].into();
        call(&mut world, caller);
        world.run_for(seconds(8));
    }
    assert_eq!(states(&world), [TrunkState::Up]);
    remove(&mut world);
    world.settle();
}

#[test]
fn a_registration_is_shown_with_its_time_and_its_last_status() {
    let mut world = World::new(7);
    let carrier = world.carrier();
    world.of_mut(carrier).script = [(Method::Register, 403)].into();
    let settings = registering(&world, &[carrier]);
    add(&mut world, settings);
    world.run_for(seconds(1));
    let shown = |world: &World| world.node.trunk(TRUNK).registration.clone().expect("it registers");
    let failed = shown(&world);
    assert_eq!((failed.state, failed.last_status), (TrunkRegistrationState::Failed, Some(403)));
    assert!(failed.reason.contains("refused REGISTER with 403") && failed.until.is_none(), "{failed:?}");
    world.run_for(seconds(60));
    let registered = shown(&world);
    assert_eq!((registered.state, registered.last_status), (TrunkRegistrationState::Registered, Some(200)));
    assert_eq!(registered.until.map(|until| until - registered.since), Some(seconds(3600)));
    assert!(registered.since > failed.since);
    remove(&mut world);
    world.settle();
    assert_eq!(world.node.trunk(TRUNK).status.state, TrunkState::Removed);
}
