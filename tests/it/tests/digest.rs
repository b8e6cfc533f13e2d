//! Digest on the wire (requirement A3): a plugin asks for a proof, the core verifies it, and the plugin is asked again.

use std::borrow::Cow;

use cordboard_model::{Challenge, Credential, DigestAlgorithm, EndReason, Secret, Verdict};
use cordboard_sip::auth::{self, Algorithm, DigestSession};
use cordboard_sip::{HeaderName, Message};
use cordboard_test_support::{Link, WireId, World};
use rand::SeedableRng;
use rand_chacha::ChaCha12Rng;

use crate::raw::{Raw, last_header};
use crate::seconds;

const URI: &str = "sip:1002@pbx.test";

/// HA1 of `1001`, `pbx` and its password.
const MD5_OF_1001: &str = "68307f2f5a44ddbf1a1c0f5484f2734a";
const SHA256_OF_1001: &str = "224c7ba979b9dceb23092408d778c67f18ca75f0c30f2804e148c2a3d6154b22";

/// A world whose plugin wants the sender `wire` to prove that it is `1001`, by the secret of this name.
fn guarded(secret: &str) -> (World, WireId) {
    guarded_by(Credential::Secret(secret.to_owned()))
}

fn guarded_by(credential: Credential) -> (World, WireId) {
    let mut world = World::with(1, Link::GOOD, |settings| {
        settings.secrets.insert("phone-1001".to_owned(), Secret::new("correct horse".to_owned()));
    });
    let challenge = Challenge { realm: "pbx".to_owned(), user: "1001".to_owned(), credential };
    world.node.policy.authorize("wire", Verdict::Challenge(challenge));
    let wire = world.wire();
    (world, wire)
}

fn send(world: &mut World, wire: WireId, method: &str, cseq: u32, authorization: Option<&str>) -> u16 {
    let line = authorization.map(|value| format!("Authorization: {value}"));
    let lines: Vec<&str> = line.iter().map(String::as_str).collect();
    let branch = format!("z9hG4bK{method}{cseq}");
    let call_id = format!("digest-{method}");
    Raw { method, uri: URI, branch: &branch, call_id: &call_id, cseq, lines: &lines, ..Raw::default() }
        .send(world, wire);
    world.run_for(seconds(1));
    world.on(wire).statuses().last().copied().unwrap_or_default()
}

/// What a phone answers to the last 401.
fn proof(world: &World, wire: WireId, method: &str, user: &str, password: &str) -> String {
    let response = world.on(wire).received().last().expect("the 401 came");
    answer(response, method, URI, user, password)
}

/// What a phone answers to this 401.
pub(crate) fn answer(response: &Message, method: &str, uri: &str, user: &str, password: &str) -> String {
    let challenge = auth::Challenge::strongest(response).expect("the 401 holds a challenge");
    let mut rng = ChaCha12Rng::from_seed([5; 32]);
    DigestSession::new(challenge, user, password).authorization(method, uri, &mut rng)
}

/// The algorithms of the last 401, in its order.
fn algorithms_offered(world: &World, wire: WireId) -> Vec<String> {
    let response = world.on(wire).received().last().expect("the 401 came");
    let challenges = response.values(HeaderName::WwwAuthenticate).map(String::from_utf8_lossy);
    let algorithm = |challenge: Cow<'_, str>| {
        let (_, rest) = challenge.split_once("algorithm=").expect("each names its algorithm");
        rest.split(',').next().unwrap_or_default().to_owned()
    };
    challenges.map(algorithm).collect()
}

#[test]
fn a_phone_that_knows_its_password_registers() {
    let (mut world, wire) = guarded("phone-1001");
    assert_eq!(send(&mut world, wire, "REGISTER", 1, None), 401);
    assert!(last_header(&world, wire, HeaderName::WwwAuthenticate).contains("SHA-256"), "strongest first");
    let answer = proof(&world, wire, "REGISTER", "1001", "correct horse");
    assert_eq!(send(&mut world, wire, "REGISTER", 2, Some(&answer)), 200);
    let asked = world.node.policy.authorization_questions.last().expect("the plugin was asked again");
    assert_eq!(asked.facts().authenticated_as.as_deref(), Some("1001"));
    assert!(
        asked.facts().headers.iter().all(|(name, _)| name != "Authorization"),
        "no plugin sees credentials"
    );
    world.settle();
}

#[test]
fn what_proves_nothing_is_challenged_again() {
    for (name, user, password) in [
        ("a wrong password", "1001", "battery staple"),
        ("somebody else's name", "1009", "correct horse"),
        ("nobody's name", "", ""),
    ] {
        let (mut world, wire) = guarded("phone-1001");
        send(&mut world, wire, "REGISTER", 1, None);
        let answer = proof(&world, wire, "REGISTER", user, password);
        assert_eq!(send(&mut world, wire, "REGISTER", 2, Some(&answer)), 401, "{name}");
        assert_eq!(world.node.counters().bindings, 0, "{name}");
        world.settle();
    }
}

#[test]
fn an_answer_that_was_used_before_is_stale() {
    let (mut world, wire) = guarded("phone-1001");
    send(&mut world, wire, "REGISTER", 1, None);
    let answer = proof(&world, wire, "REGISTER", "1001", "correct horse");
    assert_eq!(send(&mut world, wire, "REGISTER", 2, Some(&answer)), 200);
    assert_eq!(send(&mut world, wire, "REGISTER", 3, Some(&answer)), 401);
    assert!(last_header(&world, wire, HeaderName::WwwAuthenticate).contains("stale=true"));
    world.settle();
}

#[test]
fn a_secret_that_the_configuration_does_not_hold_lets_nobody_in() {
    for password in ["", "correct horse", "no-such-secret"] {
        let (mut world, wire) = guarded("no-such-secret");
        for method in ["REGISTER", "INVITE"] {
            assert_eq!(send(&mut world, wire, method, 1, None), 401);
            let answer = proof(&world, wire, method, "1001", password);
            assert_eq!(send(&mut world, wire, method, 2, Some(&answer)), 401);
        }
        assert_eq!(world.node.counters().bindings, 0);
        assert!(world.node.policy.route_questions.is_empty());
        world.settle();
    }
}

/// The last response, without what chance has put into it.
fn shown(world: &World, wire: WireId) -> String {
    let response = world.on(wire).received().last().expect("a response came");
    let text = String::from_utf8_lossy(response.bytes()).into_owned();
    let cut = |text: &str, begin: &str, end: &str| {
        let mut parts = text.split(begin);
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |text, part| text + begin + part.split_once(end).map_or(part, |(_, rest)| rest))
    };
    cut(&cut(&text, "nonce=\"", "\""), "<sip:1002@pbx.test>;tag=", "\r\n")
}

#[test]
fn who_guesses_hears_the_same_of_users_that_there_are_and_that_there_are_not() {
    for method in ["REGISTER", "INVITE"] {
        let heard = ["phone-1001", "phone-of-nobody"].map(|secret| {
            let (mut world, wire) = guarded(secret);
            send(&mut world, wire, method, 1, None);
            let challenged = shown(&world, wire);
            let answer = proof(&world, wire, method, "1001", "battery staple");
            send(&mut world, wire, method, 2, Some(&answer));
            (challenged, shown(&world, wire))
        });
        assert!(heard[0].1.starts_with("SIP/2.0 401"), "{}", heard[0].1);
        assert_eq!(heard[0], heard[1], "{method}");
    }
}

#[test]
fn only_the_algorithms_of_the_hashes_that_the_plugin_gave_are_asked_for() {
    let md5 = || (DigestAlgorithm::Md5, Secret::new(MD5_OF_1001.to_owned()));
    let sha256 = || (DigestAlgorithm::Sha256, Secret::new(SHA256_OF_1001.to_owned()));
    for (hashes, offered) in [
        (vec![md5()], vec!["MD5"]),
        (vec![sha256()], vec!["SHA-256"]),
        (vec![md5(), sha256()], vec!["SHA-256", "MD5"]),
    ] {
        let (mut world, wire) = guarded_by(Credential::Ha1(hashes));
        assert_eq!(send(&mut world, wire, "REGISTER", 1, None), 401);
        let response = world.on(wire).received().last().expect("the 401 came").clone();
        assert_eq!(algorithms_offered(&world, wire), offered);
        let answer = answer(&response, "REGISTER", URI, "1001", "correct horse");
        assert_eq!(send(&mut world, wire, "REGISTER", 2, Some(&answer)), 200, "{offered:?}");
        world.settle();
    }
    let (mut world, wire) = guarded_by(Credential::Ha1(Vec::new()));
    assert_eq!(send(&mut world, wire, "REGISTER", 1, None), 401);
    assert_eq!(
        algorithms_offered(&world, wire),
        ["SHA-256", "MD5"],
        "who has no hash looks like who has each"
    );
    let answer = proof(&world, wire, "REGISTER", "1001", "correct horse");
    assert_eq!(send(&mut world, wire, "REGISTER", 2, Some(&answer)), 401);
    world.settle();
}

#[test]
fn only_the_algorithms_of_the_settings_are_asked_for_and_taken() {
    for (algorithms, offered, status) in [
        (vec![Algorithm::Md5], vec!["MD5"], 200),
        (vec![Algorithm::Md5, Algorithm::Sha512_256], vec!["SHA-512-256", "MD5"], 200),
        (vec![Algorithm::Sha256], vec!["SHA-256"], 401),
    ] {
        let (mut world, wire) = guarded("phone-1001");
        world.configure(|settings| settings.authentication.algorithms = algorithms);
        assert_eq!(send(&mut world, wire, "REGISTER", 1, None), 401);
        assert_eq!(algorithms_offered(&world, wire), offered);
        let response = world.on(wire).received().last().expect("the 401 came");
        // Whatever was asked for, MD5 is what this phone knows.
        let mut challenge = auth::Challenge::strongest(response).expect("the 401 holds a challenge");
        challenge.algorithm = Algorithm::Md5;
        let mut rng = ChaCha12Rng::from_seed([5; 32]);
        let answer =
            DigestSession::new(challenge, "1001", "correct horse").authorization("REGISTER", URI, &mut rng);
        assert_eq!(send(&mut world, wire, "REGISTER", 2, Some(&answer)), status, "{offered:?}");
        world.settle();
    }
}

#[test]
fn a_caller_who_proves_who_it_is_gets_through() {
    let (mut world, wire) = guarded("phone-1001");
    assert_eq!(send(&mut world, wire, "INVITE", 1, None), 401);
    assert_eq!(world.node.ends(), [EndReason::Challenged]);
    let answer = proof(&world, wire, "INVITE", "1001", "correct horse");
    // Nobody has this number; the point is that routing was asked.
    assert_eq!(send(&mut world, wire, "INVITE", 2, Some(&answer)), 404);
    assert_eq!(world.node.policy.route_questions[0].call.authenticated_as.as_deref(), Some("1001"));
    world.settle();
}

#[test]
fn credentials_are_for_the_uri_that_they_name() {
    for (uri, status) in [
        (URI, 200),
        ("sip:1002@PBX.test:5060;transport=udp", 200),
        ("sips:1002@pbx.test", 200),
        ("sip:1002@10.0.0.1", 200),
        ("sip:1003@pbx.test", 401),
        ("sip:pbx.test", 401),
        ("sip:1002@elsewhere.test", 401),
        ("/", 401),
    ] {
        let (mut world, wire) = guarded("phone-1001");
        send(&mut world, wire, "REGISTER", 1, None);
        let response = world.on(wire).received().last().expect("the 401 came").clone();
        let authorization = answer(&response, "REGISTER", uri, "1001", "correct horse");
        assert_eq!(send(&mut world, wire, "REGISTER", 2, Some(&authorization)), status, "{uri}");
        world.settle();
    }
}
