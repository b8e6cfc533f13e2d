//! Who calls, for a trunk and from it (RFC 3323, RFC 3325), which headers pass, and which codecs (requirement A11).

use cordboard_b2bua::trunk::{TrunkHeaders, TrunkIdentity, TrunkPrivacy, TrunkSettings};
use cordboard_model::{AttemptOutcome, CallerIdentity, Target};
use cordboard_sip::message::Message;
use cordboard_sip::{HeaderName, Method};
use cordboard_test_support::{CalleePlan, CallerPlan, World};

use crate::seconds;
use crate::trunks::{add, at, dial, number, text};

const ANONYMOUS: &str = "\"Anonymous\" <sip:anonymous@anonymous.invalid>;tag=";

/// The INVITE that a trunk with these settings gets when 1001 calls it.
fn invited(change: impl Fn(&mut TrunkSettings), headers: &[(&str, &str)], target: Target) -> Message {
    let mut world = World::new(1);
    let carrier = world.carrier();
    let mut settings = at(&world, &[carrier]);
    change(&mut settings);
    add(&mut world, settings);
    let caller = world.registered("1001", CalleePlan::rings());
    world.node.policy.route("1002", dial(target));
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    world.call(caller, "1002", CallerPlan { headers, ..CallerPlan::hangs_up_after(seconds(1)) });
    world.settle();
    world.of(carrier).asked(Method::Invite)[0].clone()
}

fn trusting(settings: &mut TrunkSettings) {
    settings.identity.trusted = true;
}

/// From without its tag, P-Asserted-Identity and Privacy.
fn identity(invite: &Message) -> (String, String, String) {
    let from = text(invite, HeaderName::From);
    let from = from.split(";tag=").next().unwrap_or_default().to_owned();
    (from, text(invite, HeaderName::PAssertedIdentity), text(invite, HeaderName::Privacy))
}

#[test]
fn a_trunk_learns_by_from_who_calls_and_a_trusted_one_by_an_assertion_too() {
    let own = "\"1001\" <sip:1001@pbx.test>";
    let plain = invited(|_| (), &[], number("1"));
    assert_eq!(identity(&plain), (own.to_owned(), String::new(), String::new()));
    let trusted = invited(trusting, &[], number("1"));
    assert_eq!(identity(&trusted), (own.to_owned(), own.to_owned(), String::new()));
}

#[test]
fn what_a_phone_asserts_of_itself_does_not_reach_a_trunk() {
    let forged = [("P-Asserted-Identity", "<sip:boss@pbx.test>"), ("Remote-Party-ID", "<sip:boss@pbx.test>")];
    let plain = invited(|_| (), &forged, number("1"));
    assert_eq!(text(&plain, HeaderName::PAssertedIdentity), "");
    assert_eq!(text(&plain, HeaderName::RemotePartyId), "");
    let trusted = invited(trusting, &forged, number("1"));
    assert_eq!(text(&trusted, HeaderName::PAssertedIdentity), "\"1001\" <sip:1001@pbx.test>");
}

#[test]
fn the_user_and_the_host_of_from_may_be_those_that_the_carrier_knows() {
    let invite = invited(
        |settings| {
            settings.identity = TrunkIdentity {
                from_user: Some("4711".to_owned()),
                from_host: Some("carrier.test".to_owned()),
                trusted: true,
                privacy: TrunkPrivacy::AsAsked,
            };
        },
        &[],
        number("1"),
    );
    let expected = ("\"1001\" <sip:4711@carrier.test>", "\"1001\" <sip:1001@carrier.test>");
    assert_eq!(identity(&invite), (expected.0.to_owned(), expected.1.to_owned(), String::new()));
}

#[test]
fn a_caller_who_wants_privacy_is_anonymous_and_only_a_trusted_trunk_knows_who_it_is() {
    for wish in ["id", "header;id", "user;critical"] {
        let plain = invited(|_| (), &[("Privacy", wish)], number("1"));
        assert!(text(&plain, HeaderName::From).starts_with(ANONYMOUS), "{wish}");
        assert!(!String::from_utf8_lossy(plain.bytes()).contains("1001"), "{wish}");
        assert_eq!(text(&plain, HeaderName::Privacy), "id");
        let trusted = invited(trusting, &[("Privacy", wish)], number("1"));
        assert!(text(&trusted, HeaderName::From).starts_with(ANONYMOUS), "{wish}");
        assert_eq!(text(&trusted, HeaderName::PAssertedIdentity), "\"1001\" <sip:1001@pbx.test>");
        assert_eq!(trusted.values(HeaderName::Privacy).count(), 1);
    }
    let open = invited(|_| (), &[("Privacy", "none")], number("1"));
    assert!(text(&open, HeaderName::From).contains("1001"));
}

#[test]
fn a_trunk_may_always_or_never_take_privacy() {
    let always = invited(|settings| settings.identity.privacy = TrunkPrivacy::Always, &[], number("1"));
    assert!(text(&always, HeaderName::From).starts_with(ANONYMOUS));
    let never = |settings: &mut TrunkSettings| settings.identity.privacy = TrunkPrivacy::Never;
    let never = invited(never, &[("Privacy", "id")], number("1"));
    assert!(text(&never, HeaderName::From).contains("1001"));
    assert_eq!(text(&never, HeaderName::Privacy), "");
}

#[test]
fn the_routing_plugin_chooses_the_identity_its_host_and_its_privacy() {
    let chosen = |anonymous| CallerIdentity {
        user: "+4930123".to_owned(),
        display: Some("The Firm".to_owned()),
        host: Some("firm.test".to_owned()),
        anonymous,
    };
    let firm = "\"The Firm\" <sip:+4930123@firm.test>".to_owned();
    let open = invited(trusting, &[], Target { caller: Some(chosen(false)), ..number("1") });
    assert_eq!(identity(&open), (firm.clone(), firm.clone(), String::new()));
    let hidden = invited(trusting, &[], Target { caller: Some(chosen(true)), ..number("1") });
    assert!(text(&hidden, HeaderName::From).starts_with(ANONYMOUS));
    assert_eq!(text(&hidden, HeaderName::PAssertedIdentity), firm);
    let headers = vec![("P-Asserted-Identity".to_owned(), "<tel:+49301>".to_owned())];
    let written = invited(trusting, &[], Target { headers, ..number("1") });
    assert_eq!(written.values(HeaderName::PAssertedIdentity).collect::<Vec<_>>(), [b"<tel:+49301>"]);
}

#[test]
fn a_phone_may_be_shown_an_anonymous_caller_too() {
    let mut world = World::new(2);
    let (caller, callee) = crate::two_phones(&mut world, CalleePlan::answers_after(seconds(1)));
    let anonymous = CallerIdentity { user: "1001".to_owned(), anonymous: true, ..CallerIdentity::default() };
    let target = Target { caller: Some(anonymous), ..cordboard_test_support::target("1002") };
    world.node.policy.route("1002", dial(target));
    world.call(caller, "1002", CallerPlan::hangs_up_after(seconds(1)));
    world.settle();
    let invite = world.at(callee).calls[0].invite.clone().expect("the callee was invited");
    assert!(text(&invite, HeaderName::From).starts_with(ANONYMOUS));
    assert!(!String::from_utf8_lossy(invite.bytes()).contains("1001"));
}

#[test]
fn only_the_headers_of_the_list_pass_and_those_of_the_trunk_are_added() {
    let policy = |settings: &mut TrunkSettings| {
        settings.headers = TrunkHeaders {
            pass: Some(vec!["Subject".to_owned(), "x-open".to_owned()]),
            add: vec![("X-Customer".to_owned(), "7".to_owned())],
        };
    };
    let headers = [("X-Secret", "no"), ("X-Open", "yes"), ("s", "hello"), ("Organization", "ours")];
    let target = Target { headers: vec![("X-Queue".to_owned(), "blue".to_owned())], ..number("1") };
    let invite = invited(policy, &headers, target.clone());
    for (name, value) in
        [("X-Secret", None), ("X-Open", Some("yes")), ("X-Customer", Some("7")), ("X-Queue", Some("blue"))]
    {
        assert_eq!(invite.other(name), value.map(str::as_bytes), "{name}");
    }
    assert_eq!(text(&invite, HeaderName::Subject), "hello");
    assert_eq!(text(&invite, HeaderName::Organization), "");
    let usual = invited(|_| (), &headers, target);
    assert_eq!(usual.other("X-Secret"), Some(b"no".as_slice()));
    assert_eq!(text(&usual, HeaderName::Organization), "ours");
}

#[test]
fn a_response_of_a_trunk_shows_only_the_headers_of_the_list() {
    for (pass, expected) in [(None, "theirs"), (Some(vec!["Subject".to_owned()]), "")] {
        let mut world = World::new(3);
        let carrier = world.carrier();
        let headers = TrunkHeaders { pass: pass.clone(), add: Vec::new() };
        let settings = TrunkSettings { headers, ..at(&world, &[carrier]) };
        add(&mut world, settings);
        world.of_mut(carrier).headers = vec![(200, HeaderName::Organization, "theirs".to_owned())];
        let caller = world.wire();
        world.node.policy.route("1002", dial(number("1")));
        let body = crate::ends::sdp(&world, caller, "sendrecv");
        let lines = ["Content-Type: application/sdp"];
        crate::raw::Raw { lines: &lines, body: &body, ..crate::raw::Raw::default() }.send(&mut world, caller);
        world.run_for(seconds(1));
        let answer = world.on(caller).received().last().expect("the 200 came").clone();
        assert_eq!(answer.status().map(|status| status.code()), Some(200));
        assert_eq!(text(&answer, HeaderName::Organization), expected, "{pass:?}");
    }
}

#[test]
fn a_trunk_is_offered_its_codecs_alone() {
    let codecs = |names: &'static [&'static str]| {
        move |settings: &mut TrunkSettings| {
            settings.codecs = names.iter().map(|name| (*name).to_owned()).collect();
        }
    };
    let offer = |invite: &Message| String::from_utf8_lossy(&invite.body()).into_owned();
    let all = offer(&invited(codecs(&[]), &[], number("1")));
    assert!(all.contains(" RTP/AVP 0 8 101\r\n"), "{all}");
    let some = offer(&invited(codecs(&["pcma"]), &[], number("1")));
    assert!(some.contains(" RTP/AVP 8\r\n") && !some.contains("telephone-event"), "{some}");
}

#[test]
fn a_call_without_a_codec_of_the_trunk_fails_there_with_488() {
    let mut world = World::new(4);
    let carrier = world.carrier();
    let settings = TrunkSettings { codecs: vec!["G729".to_owned()], ..at(&world, &[carrier]) };
    add(&mut world, settings);
    let caller = world.registered("1001", CalleePlan::rings());
    world.node.policy.route("1002", dial(number("1")));
    world.call(caller, "1002", CallerPlan::waits());
    world.settle();
    assert!(world.of(carrier).requests.is_empty());
    let attempt = &world.node.policy.route_questions[1].attempts[0];
    assert_eq!((attempt.status, attempt.outcome), (488, AttemptOutcome::Failed));
}
