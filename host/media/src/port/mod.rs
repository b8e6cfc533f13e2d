//! The pool of 8-port blocks with quarantine: pure, the time is an argument.
//!
//! A released block rests for the quarantine, so that a new call never hears what is still sent to an old one. Of the
//! blocks that have rested, the one released first is handed out first; a block that was never used comes only when none
//! has rested. So sockets that are bound already are used again, and a node opens no more of them than its calls need.

#[cfg(test)]
pub(crate) mod tests;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::command::{MediaPorts, STREAMS, Side};

/// Ports of one block: two sides, two streams each, RTP and RTCP each.
pub const BLOCK_PORTS: u16 = 8;

/// Eight consecutive ports, the first one even. Counted from 0 in its pool.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Block {
    /// Its place in the pool.
    pub index: usize,
    /// Its first port.
    pub first_port: u16,
}

impl Block {
    /// The RTP port of a stream (RFC 3550 §11: even); RTCP is the next one. Caller's audio, caller's video, callee's
    /// audio, callee's video follow each other.
    pub fn rtp_port(self, side: Side, stream: usize) -> u16 {
        let before = match side {
            Side::Caller => 0,
            Side::Callee => STREAMS,
        };
        self.first_port + 2 * u16::try_from(before + stream).expect("a block has four streams")
    }

    /// All RTP ports.
    pub fn ports(self) -> MediaPorts {
        let ports = |side| std::array::from_fn(|stream| self.rtp_port(side, stream));
        MediaPorts { caller: ports(Side::Caller), callee: ports(Side::Callee) }
    }
}

/// The blocks of a port range.
#[derive(Debug)]
pub struct PortPool {
    first_port: u16,
    quarantine: Duration,
    /// Whether a block belongs to a call, by index.
    in_use: Vec<bool>,
    /// How many blocks were ever handed out; the blocks from here on are fresh.
    touched: usize,
    /// Released blocks and when they have rested, in both orders at once, because every rest is equally long.
    resting: VecDeque<(usize, Instant)>,
}

impl PortPool {
    /// A pool of the whole blocks between `first` and `last`, inclusive. `None` when there is not one.
    pub fn new(first: u16, last: u16, quarantine: Duration) -> Option<Self> {
        // Port 0 means "any" to the kernel and "refused" in SDP.
        let first_port = first.max(1).checked_next_multiple_of(2)?;
        let ports = (u32::from(last) + 1).checked_sub(u32::from(first_port))?;
        let blocks = usize::try_from(ports / u32::from(BLOCK_PORTS)).ok()?;
        (blocks > 0).then(|| Self {
            first_port,
            quarantine,
            in_use: vec![false; blocks],
            touched: 0,
            resting: VecDeque::new(),
        })
    }

    /// A block that no call has and that has rested.
    pub fn allocate(&mut self, now: Instant) -> Option<Block> {
        let index = match self.resting.front() {
            Some(&(index, rested)) if rested <= now => {
                self.resting.pop_front();
                index
            }
            _ if self.touched < self.in_use.len() => {
                self.touched += 1;
                self.touched - 1
            }
            _ => return None,
        };
        self.in_use[index] = true;
        Some(self.block(index))
    }

    /// Gives a block back; its rest begins. A block that is not handed out is left as it is, so that a release that comes
    /// twice cannot give one block to two calls.
    pub fn release(&mut self, now: Instant, block: Block) {
        if std::mem::take(&mut self.in_use[block.index]) {
            self.resting.push_back((block.index, now + self.quarantine));
        }
    }

    /// Blocks of calls.
    pub fn allocated(&self) -> usize {
        self.touched - self.resting.len()
    }

    /// Blocks that rest at `now`.
    pub fn quarantined(&self, now: Instant) -> usize {
        self.resting.len() - self.resting.partition_point(|&(_, rested)| rested <= now)
    }

    /// All blocks.
    pub fn total(&self) -> usize {
        self.in_use.len()
    }

    fn block(&self, index: usize) -> Block {
        let offset = u16::try_from(index).expect("a pool has at most 65536 / 8 blocks") * BLOCK_PORTS;
        Block { index, first_port: self.first_port + offset }
    }
}
