//! Behind a NAT: peers outside are told the external address, those on the local networks the one that faces them (requirement
//! A13).

use cordboard_sip::{HeaderName, Method, StatusCode};
use cordboard_test_support::{CallRef, CalleePlan, CallerPlan, PhoneId, World};

use crate::ends::{self, text};
use crate::trunks::{add, registering, remove};
use crate::{millis, seconds};

const EXTERNAL: &str = "203.0.113.10";
const OWN: &str = "10.0.0.1";

/// A node behind a NAT, with the network of this phone on its side.
fn behind_a_nat(world: &mut World, near: PhoneId) {
    let near = world.at(near).address().ip();
    world.configure(|settings| {
        settings.external_address = EXTERNAL.parse().ok();
        settings.local_networks = vec![near.into()];
    });
}

/// Asserts that a description shows this address and no other one of ours.
#[track_caller]
fn shows(sdp: &[u8], address: &str) {
    let sdp = String::from_utf8_lossy(sdp);
    assert!(sdp.contains(&format!("c=IN IP4 {address}\r\n")), "{address} in {sdp}");
    let other = if address == OWN { EXTERNAL } else { OWN };
    assert!(!sdp.contains(other), "no {other} in {sdp}");
}

#[test]
fn a_peer_outside_is_told_the_external_address_and_one_on_the_local_networks_our_own() {
    for near_calls in [true, false] {
        let mut world = World::new(1);
        let plan = CalleePlan::answers_after(millis(100));
        let (near, far) = (world.registered("1001", plan.clone()), world.registered("1002", plan));
        behind_a_nat(&mut world, near);
        let (caller, callee, number) = if near_calls { (near, far, "1002") } else { (far, near, "1001") };
        let out = world.call(caller, number, CallerPlan::waits());
        world.run_for(seconds(1));
        let into = CallRef { phone: callee, index: 0 };
        let told = |phone| if phone == near { OWN } else { EXTERNAL };
        shows(&world.seen(out).remote_sdp, told(caller));
        shows(&world.seen(into).remote_sdp, told(callee));
        let invite = world.seen(into).invite.clone().expect("it was invited");
        assert_eq!(text(&invite, HeaderName::Contact), format!("<sip:{}:5060>", told(callee)));
        world.with_phone(callee, |phone, now| phone.hang_up(now, 0));
        world.settle();
    }
}

#[test]
fn each_of_two_phones_that_ring_together_is_told_its_own() {
    let mut world = World::new(2);
    let [caller, near, far] =
        ["1001", "1002", "1003"].map(|user| world.registered(user, CalleePlan::answers_after(seconds(2))));
    behind_a_nat(&mut world, near);
    world.node.policy.route("all", cordboard_test_support::dial(&["1002", "1003"]));
    let out = world.call(caller, "all", CallerPlan::hangs_up_after(seconds(1)));
    world.run_for(seconds(1));
    for (phone, address) in [(near, OWN), (far, EXTERNAL)] {
        shows(&world.seen(CallRef { phone, index: 0 }).remote_sdp, address);
    }
    world.run_for(seconds(3));
    shows(&world.seen(out).remote_sdp, EXTERNAL);
    world.settle();
}

#[test]
fn later_offers_show_the_same_address() {
    let mut world = World::new(3);
    world.configure(|settings| settings.external_address = EXTERNAL.parse().ok());
    let (mut caller, callee) = ends::connected(&mut world, true);
    let hold = ends::sdp(&world, caller.wire, "sendonly");
    caller.send(&mut world, "INVITE", "application/sdp", &hold);
    let invite = callee.last_request(&world, Method::Invite);
    assert_eq!(text(&invite, HeaderName::Contact), format!("<sip:{EXTERNAL}:5060>"));
    shows(&invite.body(), EXTERNAL);
    let answer = ends::sdp(&world, callee.wire, "recvonly");
    callee.answer(&mut world, &invite, StatusCode::OK, &answer);
    let held = caller.confirm(&world);
    shows(&held.body(), EXTERNAL);
    assert_eq!(text(&held, HeaderName::Contact), format!("<sip:{EXTERNAL}:5060>"));
    caller.send(&mut world, "ACK", "", "");
    ends::hang_up(&mut world, caller, &callee);
}

#[test]
fn an_address_of_another_family_is_not_shown() {
    let mut world = World::new(4);
    world.configure(|settings| settings.external_address = EXTERNAL.parse().ok());
    let caller = world.registered("1001", CalleePlan::rings());
    let callee = world.phone_over_ipv6("1002");
    world.phone_mut(callee).plan = CalleePlan::answers_after(millis(100));
    world.register(callee);
    world.run_for(seconds(1));
    let out = world.call(caller, "1002", CallerPlan::hangs_up_after(seconds(1)));
    world.run_for(seconds(1));
    let seen = world.seen(CallRef { phone: callee, index: 0 });
    let sdp = String::from_utf8_lossy(&seen.remote_sdp).into_owned();
    assert!(sdp.contains("c=IN IP6 fd00::1\r\n"), "{sdp}");
    shows(&world.seen(out).remote_sdp, EXTERNAL);
    world.settle();
}

#[test]
fn a_carrier_outside_reaches_us_at_the_external_address() {
    for (is_near, address) in [(false, EXTERNAL), (true, OWN)] {
        let mut world = World::new(5);
        let carrier = world.carrier();
        let networks = if is_near { vec![world.of(carrier).address().ip().into()] } else { Vec::new() };
        world.configure(|settings| {
            settings.external_address = EXTERNAL.parse().ok();
            settings.local_networks = networks;
        });
        let settings = registering(&world, &[carrier]);
        add(&mut world, settings);
        world.run_for(seconds(1));
        let register = world.of(carrier).asked(Method::Register)[0].clone();
        let contact = text(&register, HeaderName::Contact);
        assert!(contact.contains(&format!("@{address}:5060;")), "{address} in {contact}");
        remove(&mut world);
        world.settle();
    }
}
