//! Registration through the whole node (requirement A3).

use cordboard_model::{AuthorizationSubject, EventKind, Rejection, Verdict};
use cordboard_sip::{HeaderName, Transport};
use cordboard_test_support::{CalleePlan, CallerPlan, Ending, PhoneId, Progress, World};

use crate::raw::{Raw, last_header};
use crate::{millis, seconds, two_phones};

fn last_status(world: &World, phone: PhoneId) -> Option<u16> {
    world.at(phone).replies.last().map(|reply| reply.status)
}

#[test]
fn a_registered_phone_is_told_how_long() {
    let mut world = World::new(1);
    let phone = world.registered("1001", CalleePlan::rings());
    let reply = world.at(phone).replies.last().and_then(|reply| reply.message.clone()).expect("a 200 came");
    let contact = String::from_utf8_lossy(reply.value(HeaderName::Contact).unwrap_or_default()).into_owned();
    assert!(contact.ends_with(";expires=3600"), "{contact}");
    assert_eq!(world.node.counters().bindings, 1);
    assert!(matches!(world.node.events()[0].1.kind, EventKind::Registered { bindings: 1, .. }));
    world.settle();
}

#[test]
fn a_phone_that_unregisters_is_not_called() {
    let mut world = World::new(2);
    let (caller, callee) = two_phones(&mut world, CalleePlan::rings());
    world.register_as(callee, &["*"], Some(0));
    world.run_for(seconds(1));
    assert_eq!(last_status(&world, callee), Some(200));
    let out = world.call(caller, "1002", CallerPlan::waits());
    world.run_for(seconds(1));
    assert_eq!(world.seen(out).ending, Some(Ending::Refused(404)));
    assert!(
        world.node.events().iter().any(|(_, event)| matches!(event.kind, EventKind::Unregistered { .. }))
    );
    world.settle();
}

#[test]
fn a_registration_that_is_not_refreshed_ends() {
    let mut world = World::new(3);
    let caller = world.registered("1001", CalleePlan::rings());
    let callee = world.phone("1002");
    let contact = world.at(callee).contact();
    world.register_as(callee, &[&contact], Some(90));
    world.run_for(seconds(89));
    assert_eq!(world.node.counters().bindings, 2);
    world.run_for(seconds(2));
    assert_eq!(world.node.counters().bindings, 1);
    assert!(
        world.node.events().iter().any(|(_, event)| matches!(event.kind, EventKind::Unregistered { .. }))
    );
    let out = world.call(caller, "1002", CallerPlan::waits());
    world.run_for(seconds(1));
    assert_eq!(world.seen(out).ending, Some(Ending::Refused(404)));
    world.settle();
}

#[test]
fn too_brief_a_wish_is_told_the_shortest() {
    let mut world = World::new(4);
    let phone = world.phone("1001");
    let contact = world.at(phone).contact();
    world.register_as(phone, &[&contact], Some(5));
    world.run_for(seconds(1));
    let reply = world.at(phone).replies[0].message.clone().expect("a response came");
    assert_eq!(last_status(&world, phone), Some(423));
    assert_eq!(reply.value(HeaderName::MinExpires), Some(b"60".as_slice()));
    world.settle();
}

#[test]
fn a_phone_that_may_not_register_is_refused_and_stays_unknown() {
    let mut world = World::new(5);
    let deny = Verdict::Deny(Rejection { status: 403, reason: String::new(), retry_after_s: None });
    world.node.policy.authorize("1001", deny);
    let phone = world.phone("1001");
    world.register(phone);
    world.run_for(seconds(1));
    assert_eq!(last_status(&world, phone), Some(403));
    assert_eq!(world.node.counters().bindings, 0);
    let asked = &world.node.policy.authorization_questions;
    assert!(
        matches!(asked.as_slice(), [AuthorizationSubject::Register(facts)] if facts.method == "REGISTER")
    );
    world.settle();
}

#[test]
fn a_question_about_registrations_changes_none() {
    let mut world = World::new(6);
    let phone = world.registered("1001", CalleePlan::rings());
    world.register_as(phone, &[], None);
    world.run_for(seconds(1));
    let reply = world.at(phone).replies.last().and_then(|reply| reply.message.clone()).expect("a 200 came");
    assert_eq!(reply.elements(HeaderName::Contact).count(), 1);
    assert_eq!(world.node.counters().bindings, 1);
    world.settle();
}

#[test]
fn a_phone_over_tcp_is_called_over_its_connection() {
    let mut world = World::new(7);
    let caller = world.registered("1001", CalleePlan::rings());
    let callee = world.phone_over(Transport::Tcp, "1002");
    world.phone_mut(callee).plan = CalleePlan::answers_after(seconds(1));
    world.register(callee);
    world.run_for(seconds(1));
    let out = world.call(caller, "1002", CallerPlan::hangs_up_after(seconds(2)));
    world.run_for(seconds(2));
    assert_eq!(world.seen(out).progress, Progress::Talking);
    assert_eq!(world.at(callee).calls[0].progress, Progress::Talking);
    world.settle();
}

#[test]
fn a_phone_behind_a_nat_is_called_where_it_registered_from() {
    let mut world = World::new(9);
    let caller = world.registered("1001", CalleePlan::rings());
    let callee = world.phone("1002");
    world.phone_mut(callee).plan = CalleePlan::answers_after(seconds(1));
    world.register_as(callee, &["<sip:1002@192.168.178.20:5062>"], None);
    world.run_for(seconds(1));
    let out = world.call(caller, "1002", CallerPlan::hangs_up_after(seconds(1)));
    world.run_for(seconds(5));
    assert_eq!(world.seen(out).ending, Some(Ending::HungUp));
    let invite = world.at(callee).calls[0].invite.clone().expect("the callee was invited");
    assert_eq!(invite.request_uri(), Some(b"sip:1002@192.168.178.20:5062".as_slice()));
    world.settle();
}

#[test]
fn a_call_to_a_phone_behind_a_proxy_takes_its_path() {
    let mut world = World::new(10);
    let caller = world.registered("1001", CalleePlan::rings());
    let proxy = world.wire();
    let lines = ["Supported: path", "Path: <sip:edge.test;lr>", "Path: <sip:core.test;lr>", "Expires: 600"];
    Raw { method: "REGISTER", uri: "sip:pbx.test", lines: &lines, ..Raw::default() }.send(&mut world, proxy);
    world.run_for(seconds(1));
    assert_eq!(last_header(&world, proxy, HeaderName::Path), "<sip:edge.test;lr>");
    let out = world.call(caller, "1002", CallerPlan::cancels_after(seconds(1)));
    world.run_for(millis(100));
    let invite = world.on(proxy).received().last().expect("the call came to the proxy").clone();
    let route: Vec<_> = invite.elements(HeaderName::Route).collect();
    assert_eq!(route, [b"<sip:edge.test;lr>".as_slice(), b"<sip:core.test;lr>"]);
    world.run_for(seconds(200));
    assert_eq!(world.seen(out).ending, Some(Ending::Refused(487)));
    world.settle();
}

#[test]
fn a_plugin_that_says_nothing_leaves_the_phone_unregistered() {
    let mut world = World::new(8);
    world.node.policy.silent = true;
    let phone = world.phone("1001");
    world.register(phone);
    world.run_for(seconds(10));
    assert!(
        last_status(&world, phone).is_some_and(|status| status >= 400),
        "{:?}",
        last_status(&world, phone)
    );
    assert_eq!(world.node.counters().bindings, 0);
    world.settle();
}
