//! Choices out of bytes.

use std::time::Duration;

/// The rest of an input.
pub(crate) struct Script<'a>(&'a [u8]);

impl<'a> Script<'a> {
    pub(crate) fn new(data: &'a [u8]) -> Self {
        Self(data)
    }

    pub(crate) fn is_over(&self) -> bool {
        self.0.is_empty()
    }

    /// The next byte; 0 when there is none.
    pub(crate) fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    /// A number from 0 up to, and without, `bound`; two bytes of the script for what does not fit into one.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        let high = if bound > 256 { usize::from(self.byte()) << 8 } else { 0 };
        (high | usize::from(self.byte())) % bound.max(1)
    }

    pub(crate) fn flag(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    pub(crate) fn choose<'t, T>(&mut self, among: &'t [T]) -> Option<&'t T> {
        let place = self.below(among.len());
        among.get(place)
    }

    /// Up to 64 of its own bytes.
    pub(crate) fn some_bytes(&mut self) -> Vec<u8> {
        let length = self.below(64).min(self.0.len());
        let (some, rest) = self.0.split_at(length);
        self.0 = rest;
        some.to_vec()
    }

    /// Times at which something is due, and times between them.
    pub(crate) fn time(&mut self) -> Duration {
        const MS: [u64; 10] = [0, 1, 15, 60, 500, 900, 4_100, 7_000, 33_000, 70_000];
        Duration::from_millis(MS[self.below(MS.len())])
    }
}
