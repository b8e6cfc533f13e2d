//! Challenging and verifying as a server (RFC 7616, RFC 8760, RFC 3261 §22).
use std::fmt;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use rand::Rng;
use rand_chacha::ChaCha12Rng;
use subtle::ConstantTimeEq;

use super::algorithm::{Algorithm, Ha1};
use super::challenge::Challenge;
use super::credentials::{Count, Credentials};
use super::nonce::Mint;
use super::replay::UsedNonces;

/// What a server asks for.
#[derive(Clone, Debug)]
pub struct DigestSettings {
    /// What users see, and what their passwords are for.
    pub realm: String,
    /// Offered hashes. They are offered strongest first (RFC 8760 §2.3), whatever their order here.
    pub algorithms: Vec<Algorithm>,
    /// How long a nonce may be used; 5 min. Shorter means more challenges, longer a longer use of a stolen one.
    pub nonce_lifetime: Duration,
    /// Used nonces remembered at once, about 50 bytes each. Beyond, the oldest are asked for anew, never replayed.
    pub max_used_nonces: usize,
}

impl DigestSettings {
    /// The defaults for `realm`: SHA-256 and MD5.
    pub fn new(realm: &str) -> Self {
        Self {
            realm: realm.to_owned(),
            algorithms: vec![Algorithm::Sha256, Algorithm::Md5],
            nonce_lifetime: Duration::from_secs(300),
            max_used_nonces: 65_536,
        }
    }
}

/// What credentials are worth.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DigestOutcome {
    /// The user knows the password, now and from here.
    Verified,
    /// The user knows the password, but the nonce is too old, was made for another source or by a server before us,
    /// or this use of it has been seen: challenge with `stale`.
    Stale,
    /// Wrong password, unknown user, another realm, or a hash that was not offered. They look the same from outside.
    Refused,
}

/// Challenges and verifies. Unanswered challenges and wrong answers leave nothing behind.
pub struct DigestServer {
    settings: DigestSettings,
    mint: Mint,
    used: UsedNonces,
    rng: ChaCha12Rng,
    /// Stands in for the password of unknown users, so that they take as long as known ones.
    nobody: String,
}

impl DigestServer {
    /// A server whose keys and nonces are drawn from `rng`.
    pub fn new(now: Instant, mut settings: DigestSettings, mut rng: ChaCha12Rng) -> Self {
        settings.algorithms.sort_unstable_by(|one, other| other.cmp(one));
        settings.algorithms.dedup();
        let mint = Mint::new(now, settings.nonce_lifetime, &mut rng);
        let used = UsedNonces::new(settings.max_used_nonces);
        let nobody = format!("{:016x}{:016x}", rng.next_u64(), rng.next_u64());
        Self { settings, mint, used, rng, nobody }
    }

    /// The values of WWW-Authenticate (or Proxy-Authenticate), one line each, in this order.
    pub fn challenge(&mut self, now: Instant, source: IpAddr, stale: bool) -> Vec<String> {
        self.challenge_for(now, source, stale, |_| true)
    }

    /// The same with those algorithms alone that `usable` names: a peer answers the first one that it knows, so that none may be
    /// offered for which there is nothing to verify with.
    pub fn challenge_for(
        &mut self,
        now: Instant,
        source: IpAddr,
        stale: bool,
        usable: impl Fn(Algorithm) -> bool,
    ) -> Vec<String> {
        let nonce = self.mint.make(now, source, self.rng.next_u64());
        let challenge = |algorithm: &Algorithm| Challenge {
            realm: self.settings.realm.clone(),
            algorithm: *algorithm,
            stale,
            proxy: false,
            nonce: nonce.clone(),
            opaque: None,
            counted: true,
        };
        let usable = self.settings.algorithms.iter().filter(|algorithm| usable(**algorithm));
        usable.map(|algorithm| challenge(algorithm).write()).collect()
    }

    /// Verifies the credentials of a request that came from `source`. `method` is as in the start line. `ha1` is that of the
    /// user they name, for their algorithm; `None` for an unknown user.
    ///
    /// The URI is hashed as the credentials give it; whether it has to be that of the request is for the caller to say.
    pub fn verify(
        &mut self,
        now: Instant,
        source: IpAddr,
        method: &[u8],
        credentials: &Credentials,
        ha1: Option<&Ha1>,
    ) -> DigestOutcome {
        let offered = credentials.realm == self.settings.realm
            && self.settings.algorithms.contains(&credentials.algorithm);
        let right =
            self.is_right(method, credentials, ha1.filter(|ha1| ha1.algorithm() == credentials.algorithm));
        if !(offered && right) {
            return DigestOutcome::Refused;
        }
        self.used.drop_old(|id| self.mint.is_fresh(now, id));
        let number = credentials.counted.as_ref().map(|count| count.number);
        match self.mint.recognise(now, source, &credentials.nonce) {
            Some(id) if self.used.accept(id, number) => DigestOutcome::Verified,
            _ => DigestOutcome::Stale,
        }
    }

    /// Nonces remembered because they were used.
    pub fn used_nonces(&self) -> usize {
        self.used.len()
    }

    /// Whether the response is the one that `ha1` gives. Takes as long for an unknown user.
    fn is_right(&self, method: &[u8], credentials: &Credentials, ha1: Option<&Ha1>) -> bool {
        let Credentials { algorithm, uri, nonce, response, counted, .. } = credentials;
        let nobody = Ha1::of_password(*algorithm, &credentials.username, &self.settings.realm, &self.nobody);
        let counted = counted.as_ref().map(Count::as_hashed);
        let expected = ha1.unwrap_or(&nobody).response(method, uri.as_bytes(), nonce, counted);
        let same = bool::from(expected.as_bytes().ct_eq(response.as_bytes()));
        same && ha1.is_some()
    }
}

impl fmt::Debug for DigestServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DigestServer")
            .field("settings", &self.settings)
            .field("used", &self.used.len())
            .finish_non_exhaustive()
    }
}
