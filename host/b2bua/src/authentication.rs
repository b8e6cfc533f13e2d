//! Digest on the wire (RFC 8760): the authorization plugin says who has to prove itself and with what; the proof is checked here.

use std::collections::BTreeMap;
use std::time::Instant;

use cordboard_model::{Challenge, Credential, DigestAlgorithm};
use cordboard_sip::HeaderName;
use cordboard_sip::auth::{Algorithm, Credentials, DigestOutcome, DigestServer, DigestSettings, Ha1};
use cordboard_sip::message::{Message, StartLine, Uri};
use cordboard_sip::transport::Flow;
use rand::SeedableRng;
use rand_chacha::ChaCha12Rng;

use crate::Settings;

/// Realms that are challenged for at once. They come from plugins, so that a plugin which invents one for each request must not
/// cost memory; each holds its used nonces.
const MAX_REALMS: usize = 64;

/// What the credentials of a request are worth.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    /// The user of the challenge sent this request.
    Proven,
    /// Not proven: the values of WWW-Authenticate.
    Missing(Vec<String>),
    /// Too many realms.
    Impossible,
}

/// The digest servers, one for each realm.
pub(crate) struct Authentication {
    realms: BTreeMap<String, DigestServer>,
    rng: ChaCha12Rng,
}

impl Authentication {
    pub(crate) fn new(rng: ChaCha12Rng) -> Self {
        Self { realms: BTreeMap::new(), rng }
    }

    /// Checks whether `request`, which came over `flow`, proves the user that the challenge names. A secret that the configuration
    /// does not hold is a password that nobody knows: a plugin names a secret for each user, and another answer for users who have
    /// none would tell a stranger who has one.
    pub(crate) fn check(
        &mut self,
        now: Instant,
        settings: &Settings,
        request: &Message,
        flow: &Flow,
        challenge: &Challenge,
    ) -> Proof {
        let Some(server) = self.server(now, &challenge.realm) else { return Proof::Impossible };
        let source = flow.remote.ip();
        let outcome = match Credentials::find(request, HeaderName::Authorization, &challenge.realm) {
            Some(Ok(credentials)) if !names_target(settings, flow, &credentials.uri, request) => {
                DigestOutcome::Refused
            }
            Some(Ok(credentials)) => {
                let ha1 = ha1(settings, challenge, &credentials);
                server.verify(now, source, method_token(request), &credentials, ha1.as_ref())
            }
            // Unreadable credentials prove as little as none.
            Some(Err(_)) | None => DigestOutcome::Refused,
        };
        let stale = match outcome {
            DigestOutcome::Verified => return Proof::Proven,
            DigestOutcome::Stale => true,
            DigestOutcome::Refused => false,
        };
        let wanted = |algorithm| settings.authentication.algorithms.contains(&algorithm);
        let usable = |algorithm| wanted(algorithm) && can_verify(challenge, algorithm);
        let offered = server.challenge_for(now, source, stale, usable);
        // A user without a hash is challenged like one who has each, so that nobody can tell them apart.
        let shown =
            if offered.is_empty() { server.challenge_for(now, source, stale, wanted) } else { offered };
        Proof::Missing(shown)
    }

    fn server(&mut self, now: Instant, realm: &str) -> Option<&mut DigestServer> {
        if !self.realms.contains_key(realm) {
            if self.realms.len() >= MAX_REALMS {
                return None;
            }
            let rng = ChaCha12Rng::from_rng(&mut self.rng);
            // Which of all it offers is for each challenge to say.
            let algorithms = vec![Algorithm::Sha512_256, Algorithm::Sha256, Algorithm::Md5];
            let settings = DigestSettings { algorithms, ..DigestSettings::new(realm) };
            let server = DigestServer::new(now, settings, rng);
            self.realms.insert(realm.to_owned(), server);
        }
        self.realms.get_mut(realm)
    }
}

/// Whether a proof by this algorithm can be checked: a password makes every hash, a plugin has given some.
fn can_verify(challenge: &Challenge, algorithm: Algorithm) -> bool {
    match &challenge.credential {
        Credential::Secret(_) => true,
        Credential::Ha1(hashes) => hashes.iter().any(|(known, _)| native(*known) == algorithm),
    }
}

/// The hash to verify with; `None` when the credentials are somebody else's, or by an algorithm that is not wanted.
fn ha1(settings: &Settings, challenge: &Challenge, credentials: &Credentials) -> Option<Ha1> {
    let is_wanted = settings.authentication.algorithms.contains(&credentials.algorithm);
    if credentials.username != challenge.user || !is_wanted {
        return None;
    }
    match &challenge.credential {
        Credential::Secret(name) => {
            let password = settings.secrets.get(name)?.reveal();
            Some(Ha1::of_password(credentials.algorithm, &challenge.user, &challenge.realm, password))
        }
        Credential::Ha1(hashes) => {
            let known = hashes.iter().find(|(algorithm, _)| native(*algorithm) == credentials.algorithm);
            known.and_then(|(_, hash)| Ha1::of_hex(credentials.algorithm, hash.reveal()))
        }
    }
}

/// Whether the URI that was hashed is the one of the request (RFC 7616 §3.4.6): otherwise whoever has seen the credentials of one
/// request could call somebody else with them.
///
/// Phones leave out or add the port and parameters such as `transport`, write `sip` for `sips`, and name us by one name here and
/// another there; proxies rewrite the host to our address. So the user has to be the same, and the host, unless both are ours.
fn names_target(settings: &Settings, flow: &Flow, hashed: &str, request: &Message) -> bool {
    let Some(asked) = request.request_uri() else { return false };
    if hashed.as_bytes() == asked {
        return true;
    }
    let (Some(hashed), Some(asked)) = (Uri::parse(hashed.as_bytes()), Uri::parse(asked)) else {
        return false;
    };
    if !(hashed.is_sip() && asked.is_sip()) {
        return hashed.equivalent(&asked);
    }
    let is_ours = |uri: &Uri<'_>| settings.is_ours(&String::from_utf8_lossy(uri.host), flow.local.ip());
    let same_host = hashed.host.eq_ignore_ascii_case(asked.host) || (is_ours(&hashed) && is_ours(&asked));
    hashed.user_text() == asked.user_text() && same_host
}

fn native(algorithm: DigestAlgorithm) -> Algorithm {
    match algorithm {
        DigestAlgorithm::Md5 => Algorithm::Md5,
        DigestAlgorithm::Sha256 => Algorithm::Sha256,
        DigestAlgorithm::Sha512_256 => Algorithm::Sha512_256,
    }
}

fn method_token(request: &Message) -> &[u8] {
    match request.start() {
        StartLine::Request { token, .. } => token,
        StartLine::Response { .. } => b"",
    }
}
