//! Packet indices: which packet of a source one is, beyond the 16 bits that its header has (RFC 3711 §3.3.1), and which ones
//! have been (§3.3.2).

use super::SOURCES;

/// How far back a packet may come: the window of §3.3.2, which asks for 64 at least.
pub(super) const WINDOW: u64 = 128;

/// Why a packet has no place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Misplaced {
    /// It came before.
    Repeated,
    /// It is too far behind to know.
    Old,
}

/// What has been of one source.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    ssrc: u32,
    newest: u64,
    /// Bit n: the packet n before the newest.
    seen: u128,
}

impl Window {
    /// The index of a sequence number: that which is nearest to the newest (§3.3.1, appendix A).
    fn index(&self, sequence: u16) -> u64 {
        let rollover = self.newest >> 16;
        let newest = (self.newest & 0xffff) as u16;
        let rollover = if newest < 0x8000 {
            if i32::from(sequence) - i32::from(newest) > 0x8000 {
                rollover.checked_sub(1)
            } else {
                Some(rollover)
            }
        } else if i32::from(newest) - 0x8000 > i32::from(sequence) {
            Some(rollover + 1)
        } else {
            Some(rollover)
        };
        // Before the first wrap there is nothing before: the packet is far ahead instead, and its tag tells.
        rollover.unwrap_or(0) << 16 | u64::from(sequence)
    }

    fn check(&self, index: u64) -> Result<(), Misplaced> {
        match self.newest.checked_sub(index) {
            None => Ok(()),
            Some(behind) if behind >= WINDOW => Err(Misplaced::Old),
            Some(behind) if self.seen >> behind & 1 == 1 => Err(Misplaced::Repeated),
            Some(_) => Ok(()),
        }
    }

    fn note(&mut self, index: u64) {
        match self.newest.checked_sub(index) {
            Some(behind) => self.seen |= 1 << behind,
            None => {
                let ahead = index - self.newest;
                self.seen = if ahead >= WINDOW { 0 } else { self.seen << ahead } | 1;
                self.newest = index;
            }
        }
    }
}

/// The sources of one stream.
#[derive(Clone, Debug, Default)]
pub(super) struct Windows {
    sources: [Option<Window>; SOURCES],
    oldest: usize,
}

impl Windows {
    /// The index of an RTP packet by its sequence number. A source that is not known begins with rollover counter 0.
    pub(super) fn index(&self, ssrc: u32, sequence: u16) -> u64 {
        self.of(ssrc).map_or(sequence.into(), |window| window.index(sequence))
    }

    /// Whether a packet may have this index.
    pub(super) fn check(&self, ssrc: u32, index: u64) -> Result<(), Misplaced> {
        self.of(ssrc).map_or(Ok(()), |window| window.check(index))
    }

    /// A packet that is what it says has this index.
    pub(super) fn note(&mut self, ssrc: u32, index: u64) {
        if let Some(window) = self.sources.iter_mut().flatten().find(|window| window.ssrc == ssrc) {
            return window.note(index);
        }
        self.sources[self.oldest] = Some(Window { ssrc, newest: index, seen: 1 });
        self.oldest = (self.oldest + 1) % SOURCES;
    }

    fn of(&self, ssrc: u32) -> Option<&Window> {
        self.sources.iter().flatten().find(|window| window.ssrc == ssrc)
    }
}
