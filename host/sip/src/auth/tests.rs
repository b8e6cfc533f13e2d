//! Digest against the examples of the RFCs, against itself, and against what phones and attackers send.
//!
//! RFC 8760 has no worked example. The SIP figures below are from Python's `hashlib`, an implementation of its own; so is
//! the one for SHA-512-256, because what RFC 7616 §3.9.2 prints is not SHA-512/256 of its own example.
use std::net::IpAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rand::SeedableRng;
use rand_chacha::ChaCha12Rng;

use super::{
    Algorithm, Challenge, ChallengeError, Credentials, CredentialsError, DigestOutcome, DigestServer,
    DigestSession, DigestSettings, Ha1,
};
use crate::message::{HeaderName, Message};

/// The response that a client gives to a challenge.
fn answer(challenge: &str, who: (&str, &str), request: (&str, &str), cnonce: &str, uses: u32) -> String {
    let challenge = Challenge::parse(challenge.as_bytes()).expect("a challenge that can be answered");
    let mut session = DigestSession::new(challenge, who.0, who.1);
    let last = (0..uses).map(|_| session.authorization_with(request.0, request.1, cnonce)).last();
    let value = last.expect("at least one use");
    Credentials::parse(value.as_bytes()).expect("credentials of our own").response
}

#[test]
fn rfc_2617_example() {
    let challenge = r#"Digest realm="testrealm@host.com", qop="auth,auth-int",
        nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc069c403ebaf9f0171e9517f40e41""#;
    let response = answer(challenge, ("Mufasa", "Circle Of Life"), ("GET", "/dir/index.html"), "0a4f113b", 1);
    assert_eq!(response, "6629fae49393a05397450978507c4ef1");
}

#[test]
fn rfc_7616_examples() {
    let cases = [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ];
    for (algorithm, expected) in cases {
        let challenge = format!(
            r#"Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={algorithm},
            nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS""#
        );
        let cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
        let who = ("Mufasa", "Circle of Life");
        assert_eq!(answer(&challenge, who, ("GET", "/dir/index.html"), cnonce, 1), expected, "{algorithm}");
    }
    let challenge = r#"Digest realm="api@example.org", qop="auth", algorithm=SHA-512-256,
        nonce="5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK""#;
    let who = ("J\u{e4}s\u{f8}n Doe", "Secret, or not?");
    let response = answer(challenge, who, ("GET", "/doe.json"), "NTg6RKcb9boFIAS3KrFK9BGeh+niz/sm", 1);
    assert_eq!(response, "7a4e1192babbba02e91182d2895bfdbf7adafc6e48d4e517ca301974843d840c");
}

#[test]
fn a_register_with_each_hash_of_rfc_8760_with_and_without_qop_at_its_sixteenth_use() {
    let cases = [
        ("MD5", "", "f1491086d478657ace1c05fc55ee4eb8"),
        ("MD5", ", qop=\"auth\"", "ca2d6cd8f79bdd3da9d307c51a986d22"),
        ("SHA-256", "", "5bb0fb2444bd9a635ba7036bef083eb85dc2bfca9a15689003f7c100a40f5a98"),
        ("SHA-256", ", qop=\"auth\"", "83f9640edfd173927d76ddcfd2e04acdaed48557ffb0652bc1752452a99e8ab0"),
        ("SHA-512-256", "", "67b3993b9c1adae013ae004edd873c2fae0658d6ad29c0df5f927f588d775272"),
        ("SHA-512-256", ", qop=\"auth\"", "94edc6d1c16db3d21c1f1c62fce855f530d76ad07a8617756b5a80a27ff25ea4"),
    ];
    for (algorithm, qop, expected) in cases {
        let nonce = "dcd98b7102dd2f0e8b11d0f600bfb0c093";
        let challenge = format!(r#"Digest realm="pbx.example", algorithm={algorithm}, nonce="{nonce}"{qop}"#);
        let request = ("REGISTER", "sip:pbx.example");
        assert_eq!(
            answer(&challenge, ("bob", "zanzibar"), request, "0a4f113b", 16),
            expected,
            "{algorithm}{qop}"
        );
    }
}

const REALM: &str = "pbx.example";
const URI: &str = "sip:pbx.example";

/// A server, one user, and a clock.
struct Stage {
    server: DigestServer,
    now: Instant,
    source: IpAddr,
}

impl Stage {
    fn new() -> Self {
        Self::with(DigestSettings::new(REALM))
    }

    fn with(settings: DigestSettings) -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "an Instant can only be had from the clock; all others are added to it"
        )]
        let now = Instant::now();
        let server = DigestServer::new(now, settings, ChaCha12Rng::seed_from_u64(1));
        Self { server, now, source: IpAddr::from([192, 0, 2, 2]) }
    }

    /// A client that answers the strongest challenge, or that with this hash.
    fn client(&mut self, algorithm: Algorithm, password: &str) -> DigestSession {
        let challenges = self.server.challenge(self.now, self.source, false);
        let challenge = challenges
            .iter()
            .map(|value| Challenge::parse(value.as_bytes()).expect("a challenge of our own"))
            .find(|challenge| challenge.algorithm == algorithm)
            .expect("an offered hash");
        DigestSession::new(challenge, "bob", password)
    }

    fn verify(&mut self, authorization: &str) -> DigestOutcome {
        let credentials = Credentials::parse(authorization.as_bytes()).expect("credentials");
        let ha1 = Ha1::of_password(credentials.algorithm, "bob", REALM, "zanzibar");
        let known = (credentials.username == "bob").then_some(&ha1);
        self.server.verify(self.now, self.source, b"REGISTER", &credentials, known)
    }

    fn pass(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
    }
}

fn next(client: &mut DigestSession) -> String {
    client.authorization_with("REGISTER", URI, "0a4f113b")
}

#[test]
fn the_server_offers_its_hashes_strongest_first_with_one_nonce() {
    let mut stage = Stage::new();
    let challenges = stage.server.challenge(stage.now, stage.source, true);
    let parsed: Vec<Challenge> = challenges
        .iter()
        .map(|value| Challenge::parse(value.as_bytes()).expect("a challenge of our own"))
        .collect();
    assert_eq!(
        parsed.iter().map(|challenge| challenge.algorithm).collect::<Vec<_>>(),
        [Algorithm::Sha256, Algorithm::Md5]
    );
    assert!(parsed.iter().all(|challenge| challenge.stale && challenge.counted && challenge.realm == REALM));
    assert_eq!(parsed[0].nonce, parsed[1].nonce);
    let again = stage.server.challenge(stage.now, stage.source, false);
    assert_ne!(challenges[0], again[0], "every challenge has a nonce of its own");
    assert!(!again[0].contains("stale"));
}

#[test]
fn a_right_answer_is_verified_with_every_offered_hash_more_than_255_times() {
    for algorithm in [Algorithm::Md5, Algorithm::Sha256] {
        let mut stage = Stage::new();
        let mut client = stage.client(algorithm, "zanzibar");
        for count in 1..=300 {
            let authorization = next(&mut client);
            assert_eq!(stage.verify(&authorization), DigestOutcome::Verified, "{algorithm:?}, use {count}");
        }
        assert_eq!(stage.server.used_nonces(), 1);
    }
}

#[test]
fn a_wrong_answer_and_an_unknown_user_are_refused_and_leave_nothing() {
    let mut stage = Stage::new();
    let mut wrong = stage.client(Algorithm::Sha256, "wrong");
    let authorization = next(&mut wrong);
    assert_eq!(stage.verify(&authorization), DigestOutcome::Refused);
    let mut right = stage.client(Algorithm::Sha256, "zanzibar");
    let authorization = next(&mut right).replace("\"bob\"", "\"eve\"");
    assert_eq!(stage.verify(&authorization), DigestOutcome::Refused);
    assert_eq!(stage.server.used_nonces(), 0);
}

#[test]
fn an_answer_for_another_request_realm_or_hash_is_refused() {
    let mut stage = Stage::new();
    let mut client = stage.client(Algorithm::Md5, "zanzibar");
    let other_method = client.authorization_with("INVITE", URI, "0a4f113b");
    assert_eq!(stage.verify(&other_method), DigestOutcome::Refused);
    let changes =
        [(URI, "sip:other"), (REALM, "other.example"), ("MD5", "SHA-512-256"), ("0a4f113b", "0a4f113c")];
    for (from, to) in changes {
        let mut client = stage.client(Algorithm::Md5, "zanzibar");
        let authorization = next(&mut client).replace(from, to);
        assert_eq!(stage.verify(&authorization), DigestOutcome::Refused, "{from} became {to}");
    }
}

#[test]
fn a_nonce_ages() {
    let mut stage = Stage::new();
    let mut client = stage.client(Algorithm::Sha256, "zanzibar");
    let (first, second) = (next(&mut client), next(&mut client));
    stage.pass(300);
    assert_eq!(stage.verify(&first), DigestOutcome::Verified);
    stage.pass(1);
    assert_eq!(stage.verify(&second), DigestOutcome::Stale);
    assert_eq!(stage.server.used_nonces(), 0, "what is too old need not be remembered");
}

#[test]
fn a_nonce_is_bound_to_its_source_and_its_server() {
    let mut stage = Stage::new();
    let mut client = stage.client(Algorithm::Sha256, "zanzibar");
    let authorization = next(&mut client);
    stage.source = IpAddr::from([192, 0, 2, 3]);
    assert_eq!(stage.verify(&authorization), DigestOutcome::Stale);
    stage.source = "::ffff:192.0.2.2".parse().expect("an address");
    assert_eq!(stage.verify(&authorization), DigestOutcome::Verified, "the same address in its other form");
    let mut restarted = Stage::new();
    restarted.server =
        DigestServer::new(restarted.now, DigestSettings::new(REALM), ChaCha12Rng::seed_from_u64(2));
    let authorization = next(&mut client);
    assert_eq!(
        restarted.verify(&authorization),
        DigestOutcome::Stale,
        "no password is asked for after a restart"
    );
}

#[test]
fn a_made_up_or_changed_nonce_is_stale_at_best() {
    let mut stage = Stage::new();
    let mut client = stage.client(Algorithm::Sha256, "zanzibar");
    let nonce = client_nonce(&mut client);
    let later =
        format!("{:016x}{}", u64::from_str_radix(&nonce[..16], 16).expect("milliseconds") + 1, &nonce[16..]);
    for made_up in ["", "0", "\u{e4}\u{e4}\u{e4}\u{e4}\u{e4}\u{e4}\u{e4}\u{e4}\u{e4}", &nonce[..63], &later] {
        let challenge =
            format!("Digest realm=\"{REALM}\", nonce=\"{made_up}\", algorithm=SHA-256, qop=\"auth\"");
        let challenge = Challenge::parse(challenge.as_bytes()).expect("a challenge");
        let authorization = next(&mut DigestSession::new(challenge, "bob", "zanzibar"));
        assert_eq!(stage.verify(&authorization), DigestOutcome::Stale, "{made_up}");
    }
}

fn client_nonce(client: &mut DigestSession) -> String {
    Credentials::parse(next(client).as_bytes()).expect("credentials of our own").nonce
}

#[test]
fn a_use_is_taken_once_in_any_order_within_the_window() {
    let mut stage = Stage::new();
    let mut client = stage.client(Algorithm::Sha256, "zanzibar");
    let uses: Vec<String> = (0..=100).map(|_| next(&mut client)).collect();
    let expected = [
        (10, DigestOutcome::Verified),
        (10, DigestOutcome::Stale),
        (9, DigestOutcome::Verified),
        (9, DigestOutcome::Stale),
        (11, DigestOutcome::Verified),
        (9, DigestOutcome::Stale),
        (100, DigestOutcome::Verified),
        (36, DigestOutcome::Stale),
        (37, DigestOutcome::Verified),
        (37, DigestOutcome::Stale),
        (99, DigestOutcome::Verified),
        (100, DigestOutcome::Stale),
    ];
    for (step, (index, outcome)) in expected.into_iter().enumerate() {
        assert_eq!(stage.verify(&uses[index]), outcome, "step {step}: use {}", index + 1);
    }
}

#[test]
fn without_qop_a_nonce_has_one_use() {
    let mut stage = Stage::new();
    let value =
        stage.server.challenge(stage.now, stage.source, false).remove(1).replace(", qop=\"auth\"", "");
    let challenge = Challenge::parse(value.as_bytes()).expect("a challenge");
    let authorization = next(&mut DigestSession::new(challenge, "bob", "zanzibar"));
    assert!(!authorization.contains("qop") && !authorization.contains("nc="));
    assert_eq!(stage.verify(&authorization), DigestOutcome::Verified);
    assert_eq!(stage.verify(&authorization), DigestOutcome::Stale);
}

#[test]
fn memory_is_bounded_and_what_was_forgotten_is_not_replayed() {
    let mut settings = DigestSettings::new(REALM);
    settings.max_used_nonces = 3;
    let mut stage = Stage::with(settings);
    let mut authorizations = Vec::new();
    for _ in 0..5 {
        let mut client = stage.client(Algorithm::Sha256, "zanzibar");
        let authorization = next(&mut client);
        assert_eq!(stage.verify(&authorization), DigestOutcome::Verified);
        authorizations.push(authorization);
        stage.pass(1);
    }
    assert_eq!(stage.server.used_nonces(), 3);
    for authorization in authorizations {
        assert_eq!(stage.verify(&authorization), DigestOutcome::Stale);
    }
}

#[test]
fn credentials_are_read_as_phones_write_them() {
    let value = "DIGEST username=\"bo\\\"b\",\r\n realm=pbx.example , nonce=\"a,b=c\", uri=\"sip:x;a=\\\\b\",\
                 response=\"ABCDEF\", algorithm=\"sha-256\", qop=\"auth\", nc=\"0000000A\", cnonce=\"\", opaque=\"\"";
    let credentials = Credentials::parse(value.as_bytes()).expect("credentials");
    assert_eq!(credentials.username, "bo\"b");
    assert_eq!(
        (&*credentials.realm, &*credentials.nonce, &*credentials.uri),
        ("pbx.example", "a,b=c", "sip:x;a=\\b")
    );
    assert_eq!((&*credentials.response, credentials.algorithm), ("abcdef", Algorithm::Sha256));
    assert_eq!(credentials.counted.map(|count| count.number), Some(10));
}

#[test]
fn credentials_that_cannot_be_used_say_why() {
    use CredentialsError::{Malformed, Missing, NotDigest, Unsupported};
    let base = "username=\"bob\", realm=\"r\", nonce=\"n\", uri=\"u\", response=\"x\"";
    let cases = [
        ("Basic Ym9iOng=".to_owned(), NotDigest),
        ("Digest".to_owned(), NotDigest),
        ("Digest ".to_owned(), Missing("username")),
        (format!("Digest {base}, realm=\"s\""), Malformed),
        (format!("Digest {base}, x"), Malformed),
        (format!("Digest {base}, x=\"open"), Malformed),
        (format!("Digest {base}, x=\"a\"b"), Malformed),
        (format!("Digest {}", base.replace("nonce", "once")), Missing("nonce")),
        (format!("Digest {base}, algorithm=MD5-sess"), Unsupported("algorithm")),
        (format!("Digest {base}, userhash=true"), Unsupported("userhash")),
        (format!("Digest {base}, qop=auth-int, nc=00000001, cnonce=\"c\""), Unsupported("qop")),
        (format!("Digest {base}, qop=auth, cnonce=\"c\""), Missing("nc")),
        (format!("Digest {base}, qop=auth, nc=00000001"), Missing("cnonce")),
        (format!("Digest {base}, qop=auth, nc=1, cnonce=\"c\""), Unsupported("nc")),
        (format!("Digest {base}, qop=auth, nc=+0000001, cnonce=\"c\""), Unsupported("nc")),
        (format!("Digest {base}, qop=auth, nc=0000000g, cnonce=\"c\""), Unsupported("nc")),
        (format!("Digest {base}, qop=auth, nc=00000000, cnonce=\"c\""), Unsupported("nc")),
    ];
    for (value, expected) in cases {
        assert_eq!(Credentials::parse(value.as_bytes()), Err(expected), "{value}");
    }
}

/// A message with these header lines.
fn message(start: &str, lines: &[&str]) -> Message {
    let text = format!("{start}\r\n{}\r\n\r\n", lines.join("\r\n"));
    Message::parse(Bytes::from(text)).expect("a message")
}

#[test]
fn credentials_for_our_realm_are_found_among_others() {
    let other = "Authorization: Digest username=\"x\", realm=\"other\"";
    let ours = "Authorization: Digest username=\"bob\", realm=\"pbx.example\", nonce=\"n\", uri=\"u\", response=\"r\"";
    let request = message("REGISTER sip:pbx.example SIP/2.0", &["Authorization: Basic eDp5", other, ours]);
    let found =
        Credentials::find(&request, HeaderName::Authorization, REALM).expect("there").expect("readable");
    assert_eq!(found.username, "bob");
    assert!(Credentials::find(&request, HeaderName::Authorization, "nowhere").is_none());
    assert!(Credentials::find(&request, HeaderName::ProxyAuthorization, REALM).is_none());
}

#[test]
fn a_client_answers_the_strongest_challenge_it_can() {
    let md5 = "WWW-Authenticate: Digest realm=\"r\", nonce=\"1\", qop=\"auth\"";
    let sha = "WWW-Authenticate: Digest realm=\"r\", nonce=\"2\", qop=\"auth\", algorithm=SHA-256";
    let same = "WWW-Authenticate: Digest realm=\"r\", nonce=\"3\", qop=\"auth\", algorithm=SHA-256";
    let unknown = "WWW-Authenticate: Digest realm=\"r\", nonce=\"4\", algorithm=SHA3-512";
    let whole = "WWW-Authenticate: Digest realm=\"r\", nonce=\"5\", algorithm=SHA-512-256, qop=\"auth-int\"";
    let proxy = "Proxy-Authenticate: Digest realm=\"r\", nonce=\"6\", stale=TRUE";
    type Case<'a> = (&'a str, &'a str, &'a [&'a str], Result<&'a str, ChallengeError>);
    let cases: [Case<'_>; 8] = [
        ("strongest", "401 Unauthorized", &[md5, sha], Ok("2")),
        ("topmost of equals", "401 Unauthorized", &[md5, sha, same], Ok("2")),
        ("what is unknown is passed over", "401 Unauthorized", &[unknown, md5], Ok("1")),
        ("auth-int alone is refused", "401 Unauthorized", &[whole], Err(ChallengeError::UnsupportedQop)),
        ("auth-int alone is passed over", "401 Unauthorized", &[whole, md5], Ok("1")),
        ("only unknown", "401 Unauthorized", &[unknown], Err(ChallengeError::UnsupportedAlgorithm)),
        ("the header of the status", "407 Proxy Authentication Required", &[sha, proxy], Ok("6")),
        ("another status", "403 Forbidden", &[md5], Err(ChallengeError::Absent)),
    ];
    for (name, status, lines, expected) in cases {
        let found = Challenge::strongest(&message(&format!("SIP/2.0 {status}"), lines));
        assert_eq!(found.map(|challenge| challenge.nonce), expected.map(str::to_owned), "{name}");
    }
    let asked =
        Challenge::strongest(&message("SIP/2.0 407 Proxy Authentication Required", &[proxy])).expect("one");
    assert!(asked.stale);
    assert_eq!(DigestSession::new(asked, "bob", "x").header_name(), HeaderName::ProxyAuthorization);
}

#[test]
fn a_client_counts_and_returns_opaque_and_quotes() {
    let challenge =
        Challenge::parse(b"Digest realm=\"a\\\"b\", nonce=\"n\", opaque=\"o\", qop=\"auth\"").expect("one");
    let mut session = DigestSession::new(challenge, "bob", "x");
    let mut rng = ChaCha12Rng::seed_from_u64(1);
    let values: Vec<String> = (0..10).map(|_| session.authorization("INVITE", "sip:b", &mut rng)).collect();
    assert!(values[0].contains(", nc=00000001,") && values[9].contains(", nc=0000000a,"), "{values:?}");
    assert!(values[0].contains("realm=\"a\\\"b\"") && values[0].contains("opaque=\"o\""), "{values:?}");
    let cnonce = |value: &str| value.split("cnonce=").nth(1).map(str::to_owned);
    assert_ne!(cnonce(&values[0]), cnonce(&values[1]));
}

#[test]
fn a_stored_hash_is_as_good_as_its_password_and_neither_is_printed() {
    let ha1 = Ha1::of_password(Algorithm::Md5, "Mufasa", "testrealm@host.com", "Circle Of Life");
    let stored = "939E7578ED9E3C518A452ACEE763BCE9";
    assert_eq!(Ha1::of_hex(Algorithm::Md5, stored), Some(ha1.clone()));
    assert_eq!(Ha1::of_hex(Algorithm::Sha256, stored), None);
    assert_eq!(Ha1::of_hex(Algorithm::Md5, &stored.replace('9', "x")), None);
    let session = DigestSession::new(
        Challenge::parse(b"Digest realm=\"r\", nonce=\"n\"").expect("one"),
        "bob",
        "Circle",
    );
    let printed = format!("{ha1:?} {session:?} {:?}", Stage::new().server);
    assert!(!printed.to_uppercase().contains(&stored[..8]) && !printed.contains("Circle"), "{printed}");
}
