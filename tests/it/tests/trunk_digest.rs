//! Proving to a trunk who we are within calls (requirement A12; RFC 3261 §22, §8.1.3.5, RFC 8760).

use cordboard_b2bua::Settings;
use cordboard_sip::message::Message;
use cordboard_sip::{HeaderName, Method};
use cordboard_test_support::{CallRef, CalleePlan, CallerPlan, CarrierId, Ending, Link, WireId, World};

use crate::blind_transfer::{hang_up, last_call, refer};
use crate::raw::{Raw, last_header};
use crate::seconds;
use crate::trunks::{add, at, dial, number, text, with_account};

/// A world with a trunk whose requests of these methods need credentials, and a call to it.
fn called(
    seed: u64,
    guarded: &[Method],
    prepare: impl Fn(&mut World, CarrierId),
) -> (World, CallRef, CarrierId) {
    let soon = |settings: &mut Settings| settings.call.session_expires = seconds(90);
    let mut world = World::with(seed, Link::GOOD, soon);
    let carrier = world.carrier();
    let settings = with_account(&world, &[carrier]);
    add(&mut world, settings);
    world.of_mut(carrier).guarded = guarded.to_vec();
    prepare(&mut world, carrier);
    let caller = world.registered("1001", CalleePlan::rings());
    world.node.policy.route("1002", dial(number("+491234")));
    let out = world.call(caller, "1002", CallerPlan::hangs_up_after(seconds(100)));
    world.run_for(seconds(110));
    (world, out, carrier)
}

/// CSeq and credentials of each request of a method.
fn sent(world: &World, carrier: CarrierId, method: Method) -> Vec<(String, bool)> {
    let proves = |request: &Message| {
        [HeaderName::Authorization, HeaderName::ProxyAuthorization]
            .iter()
            .any(|name| request.value(*name).is_some())
    };
    let asked = world.of(carrier).asked(method);
    asked.iter().map(|request| (text(request, HeaderName::CSeq), proves(request))).collect()
}

fn expected(cseq: u32, method: &str, proves: bool) -> (String, bool) {
    (format!("{cseq} {method}"), proves)
}

#[test]
fn an_invite_that_is_challenged_goes_out_again_with_credentials() {
    for proxy in [false, true] {
        let (mut world, out, carrier) =
            called(1, &[Method::Invite], |world, carrier| world.of_mut(carrier).proxy = proxy);
        world.settle();
        assert_eq!(world.seen(out).ending, Some(Ending::HungUp), "{proxy}");
        assert_eq!(world.seen(out).statuses, [100, 200], "the challenge stays between the trunk and us");
        let both = [expected(1, "INVITE", false), expected(2, "INVITE", true)];
        assert_eq!(sent(&world, carrier, Method::Invite), both, "{proxy}");
        let invites = world.of(carrier).asked(Method::Invite);
        // RFC 3261 §8.1.3.5: the same Call-ID, To and From; a new branch.
        for name in [HeaderName::CallId, HeaderName::From, HeaderName::To] {
            assert_eq!(text(invites[0], name), text(invites[1], name), "{name:?}");
        }
        assert_ne!(text(invites[0], HeaderName::Via), text(invites[1], HeaderName::Via));
        assert_eq!(invites[0].body(), invites[1].body());
        assert_eq!(world.node.policy.route_questions.len(), 1);
    }
}

#[test]
fn the_ack_for_a_2xx_repeats_the_credentials_of_its_invite() {
    let (mut world, _, carrier) = called(2, &[Method::Invite], |_, _| ());
    world.settle();
    let invite = text(world.of(carrier).asked(Method::Invite)[1], HeaderName::Authorization);
    let acks = world.of(carrier).asked(Method::Ack);
    let last = acks.last().expect("the 200 was acknowledged");
    assert_eq!(text(last, HeaderName::Authorization), invite, "RFC 3261 §22.1");
    assert_eq!(text(last, HeaderName::CSeq), "2 ACK");
}

#[test]
fn a_refresh_and_a_bye_that_are_challenged_go_out_again() {
    let prepare = |world: &mut World, carrier: CarrierId| {
        world.of_mut(carrier).headers = vec![
            (200, HeaderName::SessionExpires, "90;refresher=uac".to_owned()),
            (200, HeaderName::Allow, "INVITE, ACK, BYE, CANCEL, UPDATE".to_owned()),
        ];
    };
    let guarded = [Method::Invite, Method::Update, Method::Bye];
    let (mut world, out, carrier) = called(3, &guarded, prepare);
    world.settle();
    assert_eq!(world.seen(out).ending, Some(Ending::HungUp), "{}", world.trace.about("10.3."));
    let updates = sent(&world, carrier, Method::Update);
    assert_eq!(updates[..2], [expected(3, "UPDATE", false), expected(4, "UPDATE", true)]);
    let byes = sent(&world, carrier, Method::Bye);
    assert_eq!(byes.len(), 2, "{byes:?}");
    assert!(!byes[0].1 && byes[1].1, "{byes:?}");
    assert_eq!(world.seen(out).progress, cordboard_test_support::Progress::Over);
}

#[test]
fn a_trunk_that_is_transferred_still_gets_credentials() {
    let mut world = World::new(9);
    let carrier = world.carrier();
    let settings = with_account(&world, &[carrier]);
    add(&mut world, settings);
    world.of_mut(carrier).guarded = vec![Method::Invite, Method::Bye];
    let caller = world.registered("1001", CalleePlan::rings());
    let target = world.registered("1003", CalleePlan::answers_after(seconds(1)));
    world.node.policy.route("1002", dial(number("+491234")));
    let out = world.call(caller, "1002", CallerPlan::hangs_up_after(seconds(1000)));
    world.run_for(seconds(5));
    refer(&mut world, out, "<sip:1003@pbx.test>");
    // Longer than the call that the trunk came from is remembered.
    world.run_for(seconds(100));
    assert_eq!(world.node.counters().calls, 1, "{}", world.trace.about("10.3."));
    let reached = last_call(&world, target);
    hang_up(&mut world, reached);
    world.settle();
    let invites = sent(&world, carrier, Method::Invite);
    assert_eq!(invites.iter().map(|(_, proves)| *proves).collect::<Vec<_>>(), [false, true, false, true]);
    let byes = sent(&world, carrier, Method::Bye);
    assert_eq!(byes.iter().map(|(_, proves)| *proves).collect::<Vec<_>>(), [false, true], "{byes:?}");
}

#[test]
fn a_re_invite_that_is_challenged_goes_out_again_and_its_ack_too() {
    // A carrier that allows no UPDATE is refreshed by INVITE.
    let prepare = |world: &mut World, carrier: CarrierId| {
        world.of_mut(carrier).headers = vec![
            (200, HeaderName::SessionExpires, "90;refresher=uac".to_owned()),
            (200, HeaderName::Allow, "INVITE, ACK, BYE, CANCEL".to_owned()),
        ];
    };
    let (mut world, out, carrier) = called(4, &[Method::Invite], prepare);
    world.settle();
    assert_eq!(world.seen(out).ending, Some(Ending::HungUp), "{}", world.trace.about("10.3."));
    let invites = sent(&world, carrier, Method::Invite);
    assert_eq!(invites[2..4], [expected(3, "INVITE", false), expected(4, "INVITE", true)]);
    let acks = world.of(carrier).asked(Method::Ack);
    let last = acks.last().expect("the refresh was acknowledged");
    let invite = world.of(carrier).asked(Method::Invite)[5];
    assert_eq!(text(last, HeaderName::CSeq), "6 ACK");
    assert_eq!(text(last, HeaderName::Authorization), text(invite, HeaderName::Authorization));
}

#[test]
fn a_password_that_is_refused_is_sent_once() {
    let (mut world, out, carrier) = called(5, &[], |world, carrier| {
        world.of_mut(carrier).script = std::iter::repeat_n((Method::Invite, 401), 9).collect();
        let challenge = "Digest realm=\"carrier.test\", nonce=\"n\", algorithm=MD5, qop=\"auth\"".to_owned();
        world.of_mut(carrier).headers = vec![(401, HeaderName::WwwAuthenticate, challenge)];
    });
    world.settle();
    assert_eq!(world.seen(out).ending, Some(Ending::Refused(401)));
    let both = [expected(1, "INVITE", false), expected(2, "INVITE", true)];
    assert_eq!(sent(&world, carrier, Method::Invite), both);
}

#[test]
fn a_caller_is_not_asked_for_the_password_of_a_trunk() {
    // No plugin says what the caller hears: routing may be asked once.
    let once = |settings: &mut Settings| settings.call.max_routings = 1;
    let mut world = World::with(10, Link::GOOD, once);
    let carrier = world.carrier();
    let settings = at(&world, &[carrier]);
    add(&mut world, settings);
    world.of_mut(carrier).guarded = vec![Method::Invite];
    let caller = world.registered("1001", CalleePlan::rings());
    world.node.policy.route("1002", dial(number("1")));
    let out = world.call(caller, "1002", CallerPlan::waits());
    world.settle();
    assert_eq!(world.seen(out).ending, Some(Ending::Refused(403)));
}

#[test]
fn a_trunk_that_calls_every_nonce_stale_is_given_up() {
    let (mut world, out, carrier) = called(6, &[], |world, carrier| {
        world.of_mut(carrier).script = std::iter::repeat_n((Method::Invite, 401), 99).collect();
        let challenge = "Digest realm=\"carrier.test\", nonce=\"n\", algorithm=MD5, stale=true".to_owned();
        world.of_mut(carrier).headers = vec![(401, HeaderName::WwwAuthenticate, challenge)];
    });
    world.settle();
    assert_eq!(world.seen(out).ending, Some(Ending::Refused(401)));
    assert_eq!(sent(&world, carrier, Method::Invite).len(), 4);
}

#[test]
fn nobody_but_a_trunk_with_an_account_gets_a_digest() {
    // ES2021-05: a peer that is not the trunk asks for the credentials of a trunk.
    let mut world = World::new(7);
    let [trunk, stranger] = [(); 2].map(|()| world.carrier());
    let settings = with_account(&world, &[trunk]);
    add(&mut world, settings);
    world.of_mut(stranger).guarded = vec![Method::Invite, Method::Bye];
    let caller = world.registered("1001", CalleePlan::rings());
    let uri = format!("sip:1002@{}", world.of(stranger).address());
    world.node.policy.route("1002", cordboard_test_support::dial(&[&uri]));
    let out = world.call(caller, "1002", CallerPlan::waits());
    world.settle();
    assert_eq!(world.seen(out).ending, Some(Ending::Refused(401)));
    assert_eq!(sent(&world, stranger, Method::Invite), [expected(1, "INVITE", false)]);

    let settings = at(&world, &[stranger]);
    add(&mut world, settings);
    world.node.policy.route("1002", dial(number("1002")));
    world.call(caller, "1002", CallerPlan::waits());
    world.settle();
    assert_eq!(sent(&world, stranger, Method::Invite).last(), Some(&expected(1, "INVITE", false)));
}

#[test]
fn a_session_that_is_too_brief_and_a_challenge_do_not_hide_each_other() {
    let (mut world, out, carrier) = called(8, &[Method::Invite], |world, carrier| {
        world.of_mut(carrier).headers = vec![(422, HeaderName::MinSe, "600".to_owned())];
        world.of_mut(carrier).script = [(Method::Invite, 422)].into();
    });
    world.settle();
    assert_eq!(world.seen(out).ending, Some(Ending::HungUp));
    assert_eq!(sent(&world, carrier, Method::Invite).len(), 3);
}

#[test]
fn a_caller_that_takes_the_call_id_of_a_trunks_call_gets_no_digest() {
    let mut world = World::new(9);
    let carrier = world.carrier();
    let settings = with_account(&world, &[carrier]);
    add(&mut world, settings);
    let caller = world.registered("1001", CalleePlan::rings());
    world.node.policy.route("1002", dial(number("1")));
    world.call(caller, "1002", CallerPlan::waits());
    world.run_for(seconds(1));
    let call_id = text(world.of(carrier).asked(Method::Invite)[0], HeaderName::CallId);
    // Somebody who saw this Call-ID calls with it, is answered and hung up, and asks who hangs up.
    let thief = world.wire();
    world.registered(
        "1003",
        CalleePlan { hang_up_after: Some(seconds(1)), ..CalleePlan::answers_after(seconds(0)) },
    );
    let body = crate::ends::sdp(&world, thief, "sendrecv");
    let lines = ["Content-Type: application/sdp"];
    let invite =
        Raw { uri: "sip:1003@pbx.test", call_id: &call_id, lines: &lines, body: &body, ..Raw::default() };
    invite.send(&mut world, thief);
    world.run_for(seconds(1));
    let to = last_header(&world, thief, HeaderName::To);
    let to_tag = &to[to.find(";tag=").expect("the answer has a tag")..];
    Raw { method: "ACK", call_id: &call_id, to_tag, branch: "z9hG4bKack", ..Raw::default() }
        .send(&mut world, thief);
    world.run_for(seconds(2));
    let bye = world.on(thief).received().last().expect("a BYE").clone();
    assert_eq!(bye.method(), Method::Bye);
    challenge(&mut world, thief, &bye);
    world.run_for(seconds(1));
    let credentials = |message: &Message| message.value(HeaderName::Authorization).is_some();
    assert!(!world.on(thief).received().iter().any(credentials));
}

/// Answers a request with 401, as a carrier would.
fn challenge(world: &mut World, wire: WireId, request: &Message) {
    let line = |name: HeaderName| format!("{}: {}\r\n", name.as_str(), text(request, name));
    let names = [HeaderName::Via, HeaderName::From, HeaderName::To, HeaderName::CallId, HeaderName::CSeq];
    let lines: String = names.into_iter().map(line).collect();
    let asks = "WWW-Authenticate: Digest realm=\"carrier.test\", nonce=\"n\", algorithm=MD5";
    world.send(wire, format!("SIP/2.0 401 Unauthorized\r\n{lines}{asks}\r\nContent-Length: 0\r\n\r\n"));
}
