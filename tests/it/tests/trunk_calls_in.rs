//! Requests that come from a trunk are known as such (requirement A11), and what it asserts is believed only where it may be.

use cordboard_b2bua::trunk::{TrunkRegistration, TrunkSettings};
use cordboard_model::CallFacts;
use cordboard_sip::message::NameAddr;
use cordboard_sip::{HeaderName, Method};
use cordboard_test_support::{CalleePlan, WireId, World};

use crate::raw::Raw;
use crate::seconds;
use crate::trunks::{TRUNK, add, at, remove, text};

/// A trunk at a bare socket.
fn trunk_at_wire(seed: u64, change: impl Fn(&mut TrunkSettings)) -> (World, WireId) {
    let mut world = World::new(seed);
    let wire = world.wire();
    let mut settings = TrunkSettings::at(&format!("sip:{}", world.on(wire).address()));
    change(&mut settings);
    add(&mut world, settings);
    (world, wire)
}

/// What the authorization plugin is told about a call from a bare socket.
fn asked(world: &mut World, wire: WireId, uri: &str, lines: &[&str]) -> CallFacts {
    let number = world.node.policy.authorization_questions.len();
    let (branch, call_id) = (format!("z9hG4bKin{number}"), format!("in-{number}"));
    Raw { uri, branch: &branch, call_id: &call_id, lines, ..Raw::default() }.send(world, wire);
    world.run_for(seconds(1));
    let subject = world.node.policy.authorization_questions.last().expect("the plugin was asked");
    subject.facts().clone()
}

#[test]
fn a_call_from_the_address_of_a_server_or_from_a_source_is_the_trunks() {
    let (mut world, wire) = trunk_at_wire(1, |_| ());
    let stranger = world.wire();
    assert_eq!(asked(&mut world, wire, "sip:1002@pbx.test", &[]).trunk.as_deref(), Some(TRUNK));
    assert_eq!(asked(&mut world, stranger, "sip:1002@pbx.test", &[]).trunk, None);
    let network = "10.2.0.0/16".parse().expect("a network");
    let settings = TrunkSettings { sources: vec![network], ..TrunkSettings::at("sip:192.0.2.1") };
    add(&mut world, settings);
    assert_eq!(asked(&mut world, stranger, "sip:1002@pbx.test", &[]).trunk.as_deref(), Some(TRUNK));
    let routed = world.node.policy.route_questions.last().expect("routing was asked");
    assert_eq!(routed.call.trunk.as_deref(), Some(TRUNK), "routing is told as well");
    world.settle();
}

#[test]
fn a_call_to_the_contact_of_a_registration_is_the_trunks_wherever_it_comes_from() {
    let mut world = World::new(2);
    let carrier = world.carrier();
    let registration = TrunkRegistration { user: "4711".to_owned(), domain: None, expires: seconds(3600) };
    let settings = TrunkSettings { registration: Some(registration), ..at(&world, &[carrier]) };
    add(&mut world, settings);
    world.run_for(seconds(1));
    let register = world.of(carrier).asked(Method::Register)[0].clone();
    let contact = text(&register, HeaderName::Contact);
    let uri = NameAddr::parse(contact.as_bytes()).expect("a Contact").uri.raw;
    let uri = String::from_utf8_lossy(uri).into_owned();
    let wire = world.wire();
    assert_eq!(asked(&mut world, wire, &uri, &[]).trunk.as_deref(), Some(TRUNK));
    let guessed = format!("{}x", uri);
    assert_eq!(asked(&mut world, wire, &guessed, &[]).trunk, None, "its parameter cannot be guessed");
    remove(&mut world);
    assert_eq!(asked(&mut world, wire, &uri, &[]).trunk, None);
    world.settle();
}

#[test]
fn a_name_of_a_server_is_known_by_where_it_led() {
    let mut world = World::new(3);
    let wire = world.wire();
    let address = world.on(wire).address();
    world.node.names.insert("sip.carrier.test".to_owned(), vec![address]);
    let health = cordboard_b2bua::trunk::TrunkHealth { interval: seconds(30), failures: 9, successes: 1 };
    let settings = TrunkSettings { health: Some(health), ..TrunkSettings::at("sip:sip.carrier.test") };
    add(&mut world, settings);
    world.run_for(seconds(1));
    assert_eq!(asked(&mut world, wire, "sip:1002@pbx.test", &[]).trunk.as_deref(), Some(TRUNK));
    remove(&mut world);
    world.settle();
}

#[test]
fn an_asserted_identity_is_believed_from_a_trusted_trunk_alone() {
    let asserted = "P-Asserted-Identity: \"Ann\" <sip:+4989555@carrier.test>, <tel:+4989555>";
    let shows = |facts: &CallFacts| {
        facts.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("P-Asserted-Identity"))
    };
    let (mut world, wire) = trunk_at_wire(4, |settings| settings.identity.trusted = true);
    let facts = asked(&mut world, wire, "sip:1002@pbx.test", &[asserted]);
    assert_eq!((facts.caller.user.as_str(), facts.caller.display.as_deref()), ("+4989555", Some("Ann")));
    assert!(shows(&facts));
    let private = asked(&mut world, wire, "sip:1002@pbx.test", &[asserted, "Privacy: id"]);
    assert_eq!(private.caller.user, "wire", "who wants privacy stays who From says");
    assert!(shows(&private), "and the plugin may look");
    let stranger = world.wire();
    let forged = asked(&mut world, stranger, "sip:1002@pbx.test", &[asserted]);
    assert_eq!(forged.caller.user, "wire");
    assert!(!shows(&forged), "what proves nothing is not shown as if it did");
    let (mut world, wire) = trunk_at_wire(5, |_| ());
    let facts = asked(&mut world, wire, "sip:1002@pbx.test", &[asserted]);
    assert_eq!(facts.caller.user, "wire");
    assert!(!shows(&facts));
}

#[test]
fn a_call_in_passes_only_the_headers_of_the_list() {
    let (mut world, wire) =
        trunk_at_wire(6, |settings| settings.headers.pass = Some(vec!["X-Open".to_owned()]));
    let phone = world.registered("1002", CalleePlan::answers_after(seconds(1)));
    let body = crate::ends::sdp(&world, wire, "sendrecv");
    let lines = ["X-Open: yes", "X-Billing: 0815", "Content-Type: application/sdp"];
    Raw { lines: &lines, body: &body, ..Raw::default() }.send(&mut world, wire);
    world.run_for(seconds(1));
    let invite = world.at(phone).calls[0].invite.clone().expect("the phone rings");
    assert_eq!(invite.other("X-Open"), Some(b"yes".as_slice()));
    assert_eq!(invite.other("X-Billing"), None);
}

#[test]
fn options_of_a_trunk_are_answered() {
    let (mut world, wire) = trunk_at_wire(7, |_| ());
    Raw { method: "OPTIONS", uri: "sip:10.0.0.1", ..Raw::default() }.send(&mut world, wire);
    world.run_for(seconds(1));
    assert_eq!(world.on(wire).statuses(), [200]);
    world.settle();
}
