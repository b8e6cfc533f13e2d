//! Which uses of which nonces have been seen.
use std::collections::BTreeMap;

use super::nonce::NonceId;

/// How far a use may come behind the highest one: requests sent together over UDP arrive in any order.
const WINDOW: u32 = 64;

/// The uses of one nonce.
#[derive(Clone, Copy, Debug)]
struct Uses {
    highest: u32,
    /// Bit `n`: `highest - n` was seen.
    seen: u64,
}

impl Uses {
    /// Takes note of a use; `false` when it was seen or is too far behind to tell.
    fn accept(&mut self, number: u32) -> bool {
        if number > self.highest {
            self.seen = self.seen.checked_shl(number - self.highest).unwrap_or(0) | 1;
            self.highest = number;
            return true;
        }
        let behind = self.highest - number;
        let bit = 1_u64.checked_shl(behind).unwrap_or(0);
        let accepted = behind < WINDOW && self.seen & bit == 0;
        self.seen |= bit;
        accepted
    }
}

/// The nonces that were used, oldest first, up to a limit.
#[derive(Debug)]
pub(crate) struct UsedNonces {
    nonces: BTreeMap<NonceId, Uses>,
    limit: usize,
    /// The newest nonce that was forgotten for want of room. No nonce as old can be told from a used one any more.
    forgotten: Option<NonceId>,
}

impl UsedNonces {
    /// Remembers up to `limit` nonces, about 50 bytes each.
    pub(crate) fn new(limit: usize) -> Self {
        Self { nonces: BTreeMap::new(), limit: limit.max(1), forgotten: None }
    }

    /// Takes note of a use; `false` when it may have been seen before. `None` is a use without count: a nonce has one.
    pub(crate) fn accept(&mut self, id: NonceId, number: Option<u32>) -> bool {
        if let Some(uses) = self.nonces.get_mut(&id) {
            return number.is_some_and(|number| uses.accept(number));
        }
        if self.forgotten.is_some_and(|forgotten| id <= forgotten) {
            return false;
        }
        let used_up = Uses { highest: u32::MAX, seen: u64::MAX };
        self.nonces.insert(id, number.map_or(used_up, |number| Uses { highest: number, seen: 1 }));
        if self.nonces.len() > self.limit {
            self.forgotten = self.nonces.pop_first().map(|(id, _)| id).max(self.forgotten);
        }
        true
    }

    /// Drops the oldest nonces while they are not `fresh`: they are refused for their age already.
    pub(crate) fn drop_old(&mut self, fresh: impl Fn(NonceId) -> bool) {
        while let Some(oldest) = self.nonces.first_entry().filter(|oldest| !fresh(*oldest.key())) {
            oldest.remove();
        }
    }

    /// Nonces remembered.
    pub(crate) fn len(&self) -> usize {
        self.nonces.len()
    }
}
