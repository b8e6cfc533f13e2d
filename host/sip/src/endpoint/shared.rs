//! What both sides of the endpoint use: settings, chance, queues and counters.
use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rand::Rng;
use rand_chacha::ChaCha12Rng;

use super::flows::FlowIndex;
use super::hash::KeyedHash;
use super::keys::MAGIC_COOKIE;
use super::large::LargeRequests;
use super::schedule::Schedule;
use super::{EndpointCounters, EndpointEvent, EndpointSettings};
use crate::transaction::Pace;
use crate::transport::{Flow, Transmit};

/// Five bits per character, all of them allowed in a SIP token and equal in either case.
const TOKEN_ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// 80 random bits: a branch, a tag or a Call-ID nobody guesses or draws twice.
const TOKEN_LENGTH: usize = 16;

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) settings: EndpointSettings,
    pub(crate) hash: KeyedHash,
    pub(crate) schedule: Schedule,
    pub(crate) flows: FlowIndex,
    pub(crate) large: LargeRequests,
    pub(crate) events: VecDeque<EndpointEvent>,
    pub(crate) transmits: VecDeque<Transmit>,
    pub(crate) counters: EndpointCounters,
    rng: ChaCha12Rng,
    last_id: u64,
}

impl Shared {
    pub(crate) fn new(mut settings: EndpointSettings, mut rng: ChaCha12Rng) -> Self {
        // With no T1 at all a resend would be due again at the instant of its sending.
        settings.t1 = settings.t1.max(Duration::from_millis(1));
        Self {
            settings,
            hash: KeyedHash::new(&mut rng),
            schedule: Schedule::default(),
            flows: FlowIndex::default(),
            large: LargeRequests::default(),
            events: VecDeque::new(),
            transmits: VecDeque::new(),
            counters: EndpointCounters::default(),
            rng,
            last_id: 0,
        }
    }

    pub(crate) fn pace(&self, now: Instant, flow: &Flow) -> Pace {
        Pace::new(now, &self.settings, flow.transport.is_reliable())
    }

    /// The flow over which a request of `size` bytes goes instead of `flow`, if it does.
    pub(crate) fn instead_of(&mut self, now: Instant, flow: &Flow, size: usize) -> Option<Flow> {
        self.large.instead_of(&self.settings, &self.hash, now, flow, size)
    }

    pub(crate) fn send(&mut self, flow: Flow, bytes: Bytes) {
        self.transmits.push_back(Transmit { flow, bytes });
    }

    pub(crate) fn send_again(&mut self, flow: Flow, bytes: Bytes) {
        self.counters.resent += 1;
        self.send(flow, bytes);
    }

    /// The number of a new transaction; none is given twice.
    pub(crate) fn new_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// A random token.
    pub(crate) fn new_token(&mut self) -> String {
        let mut bytes = [0; TOKEN_LENGTH];
        self.rng.fill_bytes(&mut bytes);
        bytes.iter().map(|byte| char::from(TOKEN_ALPHABET[usize::from(byte & 31)])).collect()
    }

    /// A new branch (RFC 3261 §8.1.1.7).
    pub(crate) fn new_branch(&mut self) -> Vec<u8> {
        [MAGIC_COOKIE, self.new_token().as_bytes()].concat()
    }
}
