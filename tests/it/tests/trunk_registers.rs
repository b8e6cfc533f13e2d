//! Registering with a trunk (requirement A11; RFC 3261 §10.2, RFC 8760): credentials, refresh, back-off, and taking it back.

use std::time::Duration;

use cordboard_b2bua::Command;
use cordboard_b2bua::trunk::TrunkSettings;
use cordboard_model::TrunkState;
use cordboard_sip::auth::Algorithm;
use cordboard_sip::transport::Transport;
use cordboard_sip::{HeaderName, Method};
use cordboard_test_support::{CarrierId, Link, World};

use crate::trunks::{add, registering, remove, states, text, told};
use crate::{millis, seconds};

/// A world in which one trunk begins to register with carriers that were prepared.
fn begun<const N: usize>(
    seed: u64,
    prepare: impl Fn(&mut World, CarrierId),
    change: impl Fn(&mut TrunkSettings),
) -> (World, [CarrierId; N]) {
    let mut world = World::new(seed);
    let carriers = [(); N].map(|()| world.carrier());
    for carrier in carriers {
        prepare(&mut world, carrier);
    }
    let mut settings = registering(&world, &carriers);
    change(&mut settings);
    add(&mut world, settings);
    (world, carriers)
}

fn guarded(world: &mut World, carrier: CarrierId) {
    world.of_mut(carrier).guarded = vec![Method::Register];
}

/// Header of the REGISTER at this place.
fn sent(world: &World, carrier: CarrierId, place: usize, name: HeaderName) -> String {
    text(world.of(carrier).asked(Method::Register)[place], name)
}

fn registers(world: &World, carrier: CarrierId) -> usize {
    world.of(carrier).asked(Method::Register).len()
}

#[test]
fn a_trunk_registers_with_credentials_when_it_is_asked_for_them() {
    let (mut world, [carrier]) = begun(1, guarded, |_| ());
    world.run_for(seconds(1));
    assert_eq!(states(&world), [TrunkState::Registering, TrunkState::Up]);
    assert_eq!(registers(&world, carrier), 2);
    assert_eq!(sent(&world, carrier, 0, HeaderName::Authorization), "");
    let proof = sent(&world, carrier, 1, HeaderName::Authorization);
    assert!(
        proof.contains("username=\"trunk-user\"") && proof.contains("uri=\"sip:carrier.test\""),
        "{proof}"
    );
    // RFC 3261 §10.2 and §10.2.4: one Call-ID, and a CSeq that grows.
    let call_ids = [0, 1].map(|place| sent(&world, carrier, place, HeaderName::CallId));
    assert_eq!(call_ids[0], call_ids[1]);
    assert_eq!(sent(&world, carrier, 1, HeaderName::CSeq), "2 REGISTER");
    assert_eq!(sent(&world, carrier, 0, HeaderName::To), "<sip:trunk-user@carrier.test>");
    assert_eq!((world.node.counters().trunks, world.node.counters().trunks_up), (1, 1));
    remove(&mut world);
    world.settle();
}

#[test]
fn the_strongest_hash_that_is_offered_is_used() {
    for (offered, used) in [
        (vec![Algorithm::Md5], "algorithm=MD5"),
        (vec![Algorithm::Md5, Algorithm::Sha256], "algorithm=SHA-256"),
        (vec![Algorithm::Sha512_256, Algorithm::Md5, Algorithm::Sha256], "algorithm=SHA-512-256"),
    ] {
        let prepare = |world: &mut World, carrier: CarrierId| {
            guarded(world, carrier);
            world.of_mut(carrier).algorithms = offered.clone();
            world.of_mut(carrier).proxy = true;
        };
        let (mut world, [carrier]) = begun(2, prepare, |_| ());
        world.run_for(seconds(1));
        let proof = sent(&world, carrier, 1, HeaderName::ProxyAuthorization);
        assert!(proof.contains(used), "{proof}");
        assert_eq!(world.node.counters().trunks_up, 1);
    }
}

#[test]
fn a_registration_is_refreshed_before_it_runs_out_and_never_lapses() {
    let (mut world, [carrier]) = begun(3, guarded, |_| ());
    world.run_for(seconds(3 * 86_400));
    let times = world.of(carrier).times(Method::Register);
    let mut gaps: Vec<Duration> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    gaps.retain(|gap| *gap > seconds(1));
    assert!(gaps.len() > 70, "{} refreshes in three days", gaps.len());
    let bounds = seconds(2_700)..seconds(3_241);
    assert!(gaps.iter().all(|gap| bounds.contains(gap)), "{gaps:?}");
    assert!(gaps.windows(2).any(|pair| pair[0] != pair[1]), "the refreshes are spread");
    assert_eq!(states(&world), [TrunkState::Registering, TrunkState::Up]);
    remove(&mut world);
    world.settle();
}

#[test]
fn a_refresh_uses_the_nonce_again_and_a_stale_one_is_replaced() {
    let short = |settings: &mut TrunkSettings| {
        settings.registration.as_mut().expect("it registers").expires = seconds(100);
    };
    let (mut world, [carrier]) = begun(4, guarded, short);
    world.run_for(seconds(95));
    assert_eq!(registers(&world, carrier), 3, "the refresh was not challenged");
    assert!(sent(&world, carrier, 2, HeaderName::Authorization).contains("nc=00000002"));
    // Nonces of this carrier last for 300 s; it says stale=true to the right password.
    world.run_for(seconds(400));
    assert!(registers(&world, carrier) > 6);
    assert_eq!(states(&world), [TrunkState::Registering, TrunkState::Up]);
    remove(&mut world);
    world.settle();
}

#[test]
fn the_registrar_decides_how_long_a_binding_lasts() {
    let prepare = |world: &mut World, carrier: CarrierId| world.of_mut(carrier).grants = Some(60);
    let (mut world, [carrier]) = begun(5, prepare, |_| ());
    world.run_for(seconds(44));
    assert_eq!(registers(&world, carrier), 1);
    world.run_for(seconds(11));
    assert_eq!(registers(&world, carrier), 2, "another binding's 7 s are not ours, nor the wished hour");
    remove(&mut world);
    world.settle();
}

#[test]
fn an_interval_too_brief_is_wished_for_anew_at_once() {
    let prepare = |world: &mut World, carrier: CarrierId| world.of_mut(carrier).min_expires = 7_200;
    let (mut world, [carrier]) = begun(6, prepare, |_| ());
    world.run_for(seconds(1));
    assert_eq!(sent(&world, carrier, 0, HeaderName::Expires), "3600");
    assert_eq!(sent(&world, carrier, 1, HeaderName::Expires), "7200");
    assert_eq!(world.node.counters().trunks_up, 1);
    remove(&mut world);
    world.settle();
}

#[test]
fn a_wrong_password_is_tried_once_and_again_only_after_a_wait() {
    let (mut world, [carrier]) = begun(7, guarded, |settings| {
        settings.account.as_mut().expect("it has one").user = "somebody-else".to_owned();
    });
    world.run_for(seconds(10));
    assert_eq!(registers(&world, carrier), 2, "one challenge, one answer");
    assert_eq!(states(&world), [TrunkState::Registering, TrunkState::Unregistered]);
    assert!(told(&world)[1].reason.contains("refused our user name and password"), "{:?}", told(&world));
    world.run_for(seconds(25));
    assert_eq!(registers(&world, carrier), 4, "begun anew after 15 to 30 s");
    remove(&mut world);
    world.settle();
}

#[test]
fn a_challenge_for_another_realm_or_without_an_account_gets_no_answer() {
    let changes: [fn(&mut TrunkSettings); 2] = [
        |settings| settings.account.as_mut().expect("it has one").realm = Some("ours".to_owned()),
        |settings| settings.account = None,
    ];
    for change in changes {
        let (mut world, [carrier]) = begun(8, guarded, change);
        world.run_for(seconds(10));
        assert_eq!(registers(&world, carrier), 1);
        assert_eq!(states(&world), [TrunkState::Registering, TrunkState::Unregistered]);
        remove(&mut world);
        world.settle();
    }
}

#[test]
fn failures_back_off_with_growing_and_uneven_waits() {
    let prepare = |world: &mut World, carrier: CarrierId| {
        world.of_mut(carrier).script = std::iter::repeat_n((Method::Register, 403), 40).collect();
    };
    let (mut world, [carrier]) = begun(9, prepare, |_| ());
    world.run_for(seconds(3_600));
    let times = world.of(carrier).times(Method::Register);
    let gaps: Vec<u64> = times.windows(2).map(|pair| (pair[1] - pair[0]).as_secs()).collect();
    for (gap, (least, most)) in gaps.iter().zip([(15, 30), (30, 60), (60, 120), (120, 240), (150, 300)]) {
        assert!((least..=most).contains(gap), "{gaps:?}");
    }
    assert!((12..30).contains(&gaps.len()), "five minutes at most between two attempts: {gaps:?}");
    remove(&mut world);
    world.settle();
}

#[test]
fn retry_after_is_waited_for() {
    let prepare = |world: &mut World, carrier: CarrierId| {
        let carrier = world.of_mut(carrier);
        carrier.script = [(Method::Register, 503)].into();
        carrier.headers = vec![(503, HeaderName::RetryAfter, "120 (maintenance)".to_owned())];
    };
    let (mut world, [carrier]) = begun(10, prepare, |_| ());
    world.run_for(seconds(119));
    assert_eq!(registers(&world, carrier), 1);
    world.run_for(seconds(2));
    assert_eq!(states(&world), [TrunkState::Registering, TrunkState::Unregistered, TrunkState::Up]);
    remove(&mut world);
    world.settle();
}

#[test]
fn another_server_takes_the_registration_of_one_that_cannot() {
    let (mut world, [first, second]) = begun(
        11,
        |world, carrier| {
            world.of_mut(carrier).script = [(Method::Register, 500)].into();
        },
        |_| (),
    );
    world.of_mut(second).script.clear();
    world.run_for(seconds(1));
    assert_eq!((registers(&world, first), registers(&world, second)), (1, 1));
    assert_eq!(world.node.counters().trunks_up, 1);
    // The next refresh begins at the first one again.
    world.run_for(seconds(3_300));
    assert_eq!(registers(&world, first), 2);
    world.of_mut(first).set_dead(true);
    world.run_for(seconds(3_300));
    assert_eq!(registers(&world, second), 2, "a silent server is followed by the next after 64*T1");
    assert_eq!(states(&world), [TrunkState::Registering, TrunkState::Up]);
    remove(&mut world);
    world.settle();
}

#[test]
fn a_registrar_that_is_gone_is_told_when_the_binding_has_run_out() {
    let (mut world, [carrier]) = begun(12, guarded, |_| ());
    world.run_for(seconds(10));
    world.of_mut(carrier).set_dead(true);
    world.run_for(seconds(3_300));
    assert_eq!(states(&world), [TrunkState::Registering, TrunkState::Up], "the binding still stands");
    world.run_for(seconds(1_200));
    assert_eq!(states(&world).last(), Some(&TrunkState::Unregistered));
    assert!(told(&world)[2].reason.contains("does not answer"), "{:?}", told(&world));
    world.of_mut(carrier).set_dead(false);
    world.run_for(seconds(400));
    assert_eq!(states(&world).last(), Some(&TrunkState::Up), "{}", world.trace.about("REGISTER"));
    remove(&mut world);
    world.settle();
}

#[test]
fn a_drain_takes_the_registration_back() {
    let (mut world, [carrier]) = begun(13, guarded, |_| ());
    world.run_for(seconds(10));
    world.forget_nonces(carrier);
    world.command(Command::Drain);
    assert_eq!(world.node.counters().trunk_bindings, 1);
    world.run_for(seconds(1));
    let last = registers(&world, carrier) - 1;
    assert_eq!(sent(&world, carrier, last, HeaderName::Expires), "0");
    let [first, last] = [0, last].map(|place| sent(&world, carrier, place, HeaderName::Contact));
    assert_eq!(first, last, "the very binding that we made");
    assert_eq!(world.node.counters().trunk_bindings, 0, "a process may end now");
    assert_eq!(states(&world).last(), Some(&TrunkState::Unregistered));
    world.run_for(seconds(86_400));
    assert_eq!(registers(&world, carrier), last_count(&world, carrier));
    world.settle();
}

fn last_count(world: &World, carrier: CarrierId) -> usize {
    let expires = |place| sent(world, carrier, place, HeaderName::Expires);
    let count = registers(world, carrier);
    (0..count).rfind(|place| expires(*place) == "0").map_or(0, |place| place + 1)
}

#[test]
fn a_register_that_was_under_way_when_the_drain_began_is_taken_back_too() {
    let (mut world, [carrier]) = begun(14, |_, _| (), |_| ());
    world.run_for(millis(5));
    world.command(Command::Drain);
    world.run_for(seconds(1));
    assert_eq!(registers(&world, carrier), 2);
    assert_eq!(sent(&world, carrier, 1, HeaderName::Expires), "0");
    world.settle();
}

#[test]
fn a_trunk_that_leaves_the_configuration_takes_its_registration_back() {
    let (mut world, [carrier]) = begun(15, |_, _| (), |_| ());
    world.run_for(seconds(10));
    remove(&mut world);
    world.run_for(seconds(1));
    assert_eq!(sent(&world, carrier, 1, HeaderName::Expires), "0");
    assert_eq!(states(&world).last(), Some(&TrunkState::Removed));
    assert_eq!(world.node.counters().trunks, 0);
    world.settle();
}

#[test]
fn a_reload_that_changes_nothing_registers_nothing() {
    let (mut world, [carrier]) = begun(16, |_, _| (), |_| ());
    world.run_for(seconds(10));
    world.configure(|_| ());
    world.run_for(seconds(10));
    assert_eq!(registers(&world, carrier), 1);
    remove(&mut world);
    world.settle();
}

#[test]
fn a_reload_with_other_settings_registers_anew_with_the_same_contact() {
    let (mut world, [carrier]) = begun(17, |_, _| (), |_| ());
    world.run_for(seconds(10));
    let mut settings = registering(&world, &[carrier]);
    settings.registration.as_mut().expect("it registers").expires = seconds(600);
    add(&mut world, settings);
    world.run_for(seconds(10));
    assert_eq!(registers(&world, carrier), 2, "{}", world.trace.about("REGISTER"));
    assert_eq!(sent(&world, carrier, 1, HeaderName::Expires), "600");
    let [before, after] = [0, 1].map(|place| sent(&world, carrier, place, HeaderName::Contact));
    assert_eq!(before, after);
    remove(&mut world);
    world.settle();
}

#[test]
fn a_connection_that_closes_is_followed_by_a_registration_over_a_new_one() {
    let over_tcp = |settings: &mut TrunkSettings| settings.servers[0].uri.push_str(";transport=tcp");
    let (mut world, [carrier]) = begun(18, guarded, over_tcp);
    world.run_for(seconds(10));
    assert_eq!(registers(&world, carrier), 2);
    assert!(sent(&world, carrier, 0, HeaderName::Contact).contains(";transport=tcp;line="));
    world.cut_off_over(Transport::Tcp, carrier);
    world.run_for(seconds(6));
    assert_eq!(registers(&world, carrier), 3);
    assert_eq!(states(&world), [TrunkState::Registering, TrunkState::Up]);
    remove(&mut world);
    world.settle();
}

#[test]
fn a_registration_survives_a_network_that_loses_a_third_of_all_packets() {
    for seed in 20..30 {
        let mut world = World::with(seed, Link::bad(0.33), |_| ());
        let carrier = world.carrier();
        guarded(&mut world, carrier);
        world.of_mut(carrier).grants = Some(600);
        let settings = registering(&world, &[carrier]);
        add(&mut world, settings);
        world.run_for(seconds(86_400));
        let lost = states(&world).iter().filter(|state| **state == TrunkState::Unregistered).count();
        assert_eq!(lost, 0, "seed {seed}: {:?}", told(&world));
        assert_eq!(world.node.counters().trunks_up, 1, "seed {seed}");
    }
}
