//! What holds for any input of digest: challenges of peers, and credentials of phones.
//!
//! The fuzz target calls these functions, and the tests of the crate call them on stored inputs and on generated ones.

use std::net::IpAddr;
use std::time::Instant;

use bytes::Bytes;
use cordboard_sip::HeaderName;
use cordboard_sip::auth::{
    Challenge, Credentials, DigestOutcome, DigestServer, DigestSession, DigestSettings, Ha1,
};
use cordboard_sip::message::Message;
use rand::SeedableRng;
use rand_chacha::ChaCha12Rng;

const USER: &str = "1001";
const PASSWORD: &str = "correct horse";
const REALM: &str = "pbx";

/// The value of a header: nothing panics, what answers a challenge are credentials for it, and nobody who has not seen a nonce and
/// does not know the password is verified.
pub(crate) fn digest(data: &[u8]) {
    if let Ok(challenge) = Challenge::parse(data) {
        answered(challenge);
    }
    if let Ok(credentials) = Credentials::parse(data) {
        proves_nothing(&credentials);
    }
    within_messages(data);
}

/// The answer to a challenge is read as what it was meant to be, and a use counts on.
fn answered(challenge: Challenge) {
    let (realm, algorithm) = (challenge.realm.clone(), challenge.algorithm);
    let mut session = DigestSession::new(challenge, USER, PASSWORD);
    let mut rng = ChaCha12Rng::from_seed([1; 32]);
    let [first, second] = [(); 2].map(|()| session.authorization("INVITE", "sip:1002@pbx.test", &mut rng));
    for value in [&first, &second] {
        let read = Credentials::parse(value.as_bytes()).expect("what we answer can be read");
        assert_eq!((read.username.as_str(), &read.realm, read.algorithm), (USER, &realm, algorithm));
        assert_eq!(read.uri, "sip:1002@pbx.test");
        assert!(!value.contains(PASSWORD));
    }
}

/// Made-up credentials are worth nothing, neither for somebody known nor for somebody unknown.
fn proves_nothing(credentials: &Credentials) {
    let now = origin();
    let source = IpAddr::from([192, 0, 2, 7]);
    let realm = if credentials.realm.is_empty() { REALM } else { &credentials.realm };
    let mut server = DigestServer::new(now, DigestSettings::new(realm), ChaCha12Rng::from_seed([2; 32]));
    let known = Ha1::of_password(credentials.algorithm, &credentials.username, realm, PASSWORD);
    for ha1 in [Some(&known), None] {
        let outcome = server.verify(now, source, b"REGISTER", credentials, ha1);
        // Whoever knows the password may know an old nonce; a script that hashes rightly has earned that much.
        assert_ne!(outcome, DigestOutcome::Verified);
        assert!(ha1.is_some() || outcome == DigestOutcome::Refused);
    }
    assert_eq!(server.used_nonces(), 0, "what was not verified leaves nothing behind");
    for challenge in server.challenge(now, source, false) {
        let read = Challenge::parse(challenge.as_bytes()).expect("our own challenge can be answered");
        assert_eq!(read.realm, realm);
    }
}

/// The same value in the headers of whole messages, several times.
fn within_messages(data: &[u8]) {
    let headers = |name: &str| [name.as_bytes(), b": ", data, b"\r\n"].concat().repeat(2);
    let message = |start: &str, name: &str| {
        let rest = "Via: SIP/2.0/UDP a;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: a\r\n\
                    CSeq: 1 INVITE\r\n";
        Message::parse(Bytes::from([start.as_bytes(), rest.as_bytes(), &headers(name), b"\r\n"].concat()))
            .ok()
    };
    for (start, name) in
        [("SIP/2.0 401 No\r\n", "WWW-Authenticate"), ("SIP/2.0 407 No\r\n", "Proxy-Authenticate")]
    {
        if let Some(response) = message(start, name) {
            let _ = Challenge::strongest(&response);
        }
    }
    if let Some(request) = message("INVITE sip:a@b SIP/2.0\r\n", "Authorization") {
        let found = Credentials::find(&request, HeaderName::Authorization, REALM);
        assert!(found.is_none_or(|found| found.is_err() || found.is_ok_and(|found| found.realm == REALM)));
    }
}

#[allow(clippy::disallowed_methods, reason = "an Instant has no other origin; only differences matter")]
fn origin() -> Instant {
    Instant::now()
}
