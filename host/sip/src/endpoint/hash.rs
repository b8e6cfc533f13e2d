//! Hashing that a peer cannot steer and that is the same in two runs of one seed.
use std::hash::{BuildHasherDefault, DefaultHasher, Hash, Hasher};

use rand::Rng;
use std::collections::HashMap;

/// A map whose keys are ids or [`Fingerprint`]s of ours. It is never iterated.
pub(crate) type IdMap<K, V> = HashMap<K, V, BuildHasherDefault<Spread>>;

/// 128 secretly keyed bits that stand for the strings a message is matched by. Two of them meet by chance once in
/// 2^64 live transactions, and on purpose only by somebody who knows the key, so that the strings need not be kept.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(crate) struct Fingerprint(u128);

/// SipHash under keys drawn once per endpoint.
#[derive(Debug)]
pub(crate) struct KeyedHash {
    keys: [u128; 3],
}

impl KeyedHash {
    /// Draws the keys.
    pub(crate) fn new(rng: &mut impl Rng) -> Self {
        let mut keys = [0; 3];
        for key in &mut keys {
            *key = u128::from(rng.next_u64()) << 64 | u128::from(rng.next_u64());
        }
        Self { keys }
    }

    /// What matches a message to a transaction.
    pub(crate) fn fingerprint(&self, parts: &[&[u8]]) -> Fingerprint {
        let high = self.digest(0, parts);
        let low = self.digest(1, parts);
        Fingerprint(u128::from(high) << 64 | u128::from(low))
    }

    /// A number that always is the same for the same parts; unlike fingerprints it may be shown to a peer.
    pub(crate) fn public_number(&self, parts: &[&[u8]]) -> u64 {
        self.digest(2, parts)
    }

    /// `parts` are hashed with their lengths, so that no two lists run into one.
    fn digest(&self, key: usize, parts: &[&[u8]]) -> u64 {
        let mut hasher = DefaultHasher::new();
        hasher.write_u128(self.keys[key]);
        parts.hash(&mut hasher);
        hasher.finish()
    }
}

/// Spreads keys that no peer chooses over a table.
#[derive(Clone, Default, Debug)]
pub(crate) struct Spread(u64);

impl Hasher for Spread {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        // Fibonacci hashing: consecutive ids land far apart, in the high bits too.
        self.0 = (self.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn write_u128(&mut self, number: u128) {
        self.write_u64(number as u64 ^ (number >> 64) as u64);
    }

    fn finish(&self) -> u64 {
        self.0 ^ self.0 >> 32
    }
}
