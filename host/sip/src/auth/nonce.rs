//! Nonces that prove themselves: when they were made, for whom, and that we made them.
use std::net::IpAddr;
use std::time::{Duration, Instant};

use hmac::{Hmac, Mac};
use rand::Rng;
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::algorithm::hex;

/// Bytes of the proof in a nonce: 128 bits cannot be guessed, and a nonce stays at 64 digits.
const PROOF_BYTES: usize = 16;

/// What names a nonce: when it was made, in milliseconds since the mint was, and a number drawn for it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct NonceId {
    pub(crate) made_ms: u64,
    salt: u64,
}

/// Makes nonces and knows them again.
pub(crate) struct Mint {
    key: [u8; 32],
    began: Instant,
    lifetime: Duration,
}

impl Mint {
    /// A mint with a fresh key.
    pub(crate) fn new(now: Instant, lifetime: Duration, rng: &mut impl Rng) -> Self {
        let mut key = [0; 32];
        rng.fill_bytes(&mut key);
        Self { key, began: now, lifetime }
    }

    /// A nonce for whoever sends from `source`.
    pub(crate) fn make(&self, now: Instant, source: IpAddr, salt: u64) -> String {
        let id = NonceId { made_ms: self.milliseconds(now), salt };
        format!("{:016x}{:016x}{}", id.made_ms, id.salt, self.proof(id, source))
    }

    /// Which nonce this is; `None` when it is not ours, not for `source`, or too old.
    pub(crate) fn recognise(&self, now: Instant, source: IpAddr, nonce: &str) -> Option<NonceId> {
        let number = |from: usize| u64::from_str_radix(nonce.get(from..from + 16)?, 16).ok();
        let id = NonceId { made_ms: number(0)?, salt: number(16)? };
        let proof = nonce.get(32..)?;
        let ours = bool::from(proof.as_bytes().ct_eq(self.proof(id, source).as_bytes()));
        (ours && self.is_fresh(now, id)).then_some(id)
    }

    /// Whether a nonce of ours may still be used.
    pub(crate) fn is_fresh(&self, now: Instant, id: NonceId) -> bool {
        let age_ms = self.milliseconds(now).saturating_sub(id.made_ms);
        Duration::from_millis(age_ms) <= self.lifetime
    }

    fn proof(&self, id: NonceId, source: IpAddr) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes a key of any length");
        mac.update(&id.made_ms.to_be_bytes());
        mac.update(&id.salt.to_be_bytes());
        match source.to_canonical() {
            IpAddr::V4(ip) => mac.update(&ip.to_ipv6_mapped().octets()),
            IpAddr::V6(ip) => mac.update(&ip.octets()),
        }
        hex(&mac.finalize().into_bytes()[..PROOF_BYTES])
    }

    fn milliseconds(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.began).as_millis()).unwrap_or(u64::MAX)
    }
}
