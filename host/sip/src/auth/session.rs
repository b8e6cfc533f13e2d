//! Answering a challenge as a client (RFC 7616 §3.4, RFC 3261 §22.2).
use std::fmt;

use rand::Rng;

use super::algorithm::{Counted, Ha1, hex};
use super::challenge::Challenge;
use super::params::quote;
use crate::message::HeaderName;

/// One challenge and the credentials for it. It answers as many requests as its nonce lasts, counting them.
pub struct DigestSession {
    challenge: Challenge,
    username: String,
    ha1: Ha1,
    /// Uses of the nonce so far.
    count: u32,
}

impl DigestSession {
    /// Answers `challenge` as `username`.
    pub fn new(challenge: Challenge, username: &str, password: &str) -> Self {
        let ha1 = Ha1::of_password(challenge.algorithm, username, &challenge.realm, password);
        Self { challenge, username: username.to_owned(), ha1, count: 0 }
    }

    /// The header that [`Self::authorization`] is the value of.
    pub fn header_name(&self) -> HeaderName {
        if self.challenge.proxy { HeaderName::ProxyAuthorization } else { HeaderName::Authorization }
    }

    /// The value of the header for the next request; `uri` is its Request-URI as sent.
    pub fn authorization(&mut self, method: &str, uri: &str, rng: &mut impl Rng) -> String {
        let mut random = [0; 16];
        rng.fill_bytes(&mut random);
        self.authorization_with(method, uri, &hex(&random))
    }

    /// As [`Self::authorization`], with this `cnonce`.
    pub(crate) fn authorization_with(&mut self, method: &str, uri: &str, cnonce: &str) -> String {
        // After 2^32 - 1 uses a count would come again; the server then asks anew, as for any count it has seen.
        self.count = self.count.checked_add(1).unwrap_or(1);
        let nc = format!("{:08x}", self.count);
        let counted = self.challenge.counted.then_some(Counted { nc: &nc, cnonce });
        let Challenge { realm, nonce, algorithm, opaque, .. } = &self.challenge;
        let response = self.ha1.response(method.as_bytes(), uri.as_bytes(), nonce, counted);
        let mut value = format!(
            "Digest username={}, realm={}, nonce={}, uri={}, response=\"{response}\", algorithm={}",
            quote(&self.username),
            quote(realm),
            quote(nonce),
            quote(uri),
            algorithm.name(),
        );
        if counted.is_some() {
            value.push_str(&format!(", qop=auth, nc={nc}, cnonce={}", quote(cnonce)));
        }
        if let Some(opaque) = opaque {
            value.push_str(&format!(", opaque={}", quote(opaque)));
        }
        value
    }
}

impl fmt::Debug for DigestSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DigestSession")
            .field("realm", &self.challenge.realm)
            .field("username", &self.username)
            .field("count", &self.count)
            .finish_non_exhaustive()
    }
}
