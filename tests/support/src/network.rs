//! The network between the node and its phones.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use cordboard_sip::transport::Transport;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha12Rng;

/// How packets fare in each direction between one phone and the node.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Link {
    /// The least time a packet takes.
    pub delay: Duration,
    /// Up to this much is added to each packet on its own, so that packets overtake each other.
    pub jitter: Duration,
    /// Part of the packets that never arrive, 0 to 1.
    pub loss: f64,
    /// Part of the packets that arrive twice, 0 to 1.
    pub duplication: f64,
    /// Part of the packets to the node in which some bytes are others, 0 to 1. (Phones are not what is tested.)
    pub corruption: f64,
}

impl Link {
    /// A cable: ten milliseconds, nothing else.
    pub const GOOD: Self = Self {
        delay: Duration::from_millis(10),
        jitter: Duration::ZERO,
        loss: 0.0,
        duplication: 0.0,
        corruption: 0.0,
    };

    /// A bad radio network: it loses, doubles and reorders.
    pub const fn bad(loss: f64) -> Self {
        Self {
            delay: Duration::from_millis(20),
            jitter: Duration::from_millis(60),
            loss,
            duplication: 0.05,
            corruption: 0.0,
        }
    }
}

/// One packet on its way.
#[derive(Clone, Debug)]
pub(crate) struct Packet {
    pub(crate) transport: Transport,
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    pub(crate) bytes: Bytes,
}

/// What is under way, in the order of arrival.
#[derive(Debug)]
pub(crate) struct Network {
    rng: ChaCha12Rng,
    usual: Link,
    links: BTreeMap<SocketAddr, Link>,
    /// By arrival, then by the order of sending.
    under_way: BTreeMap<(Instant, u64), Packet>,
    sent: u64,
}

impl Network {
    pub(crate) fn new(seed: u64, usual: Link) -> Self {
        Self {
            rng: ChaCha12Rng::seed_from_u64(seed),
            usual,
            links: BTreeMap::new(),
            under_way: BTreeMap::new(),
            sent: 0,
        }
    }

    /// Gives a phone a link of its own.
    pub(crate) fn set_link(&mut self, phone: SocketAddr, link: Link) {
        self.links.insert(phone, link);
    }

    /// Sends a packet over the link of `phone`, one of its two ends; says how many copies will arrive.
    pub(crate) fn send(&mut self, now: Instant, phone: SocketAddr, packet: Packet) -> usize {
        let link = self.links.get(&phone).copied().unwrap_or(self.usual);
        if packet.transport.is_reliable() {
            // A stream neither loses, nor doubles, nor reorders.
            self.put(now + link.delay, packet);
            return 1;
        }
        // Both draws are made for every packet, so that one lost packet does not shift the fate of all later ones.
        let (lost, doubled) = (self.rng.random_bool(link.loss), self.rng.random_bool(link.duplication));
        let copies = if lost { 0 } else { 1 + usize::from(doubled) };
        for _ in 0..copies {
            let late = link.jitter.mul_f64(self.rng.random_range(0.0..1.0));
            let packet = if packet.from == phone { self.worn(link, packet.clone()) } else { packet.clone() };
            self.put(now + link.delay + late, packet);
        }
        copies
    }

    /// The packet as it leaves a link that changes bytes.
    fn worn(&mut self, link: Link, mut packet: Packet) -> Packet {
        if self.rng.random_bool(link.corruption) && !packet.bytes.is_empty() {
            let mut bytes = packet.bytes.to_vec();
            for _ in 0..self.rng.random_range(1..=3) {
                let place = self.rng.random_range(0..bytes.len());
                bytes[place] = self.rng.random_range(0..=u8::MAX);
            }
            packet.bytes = bytes.into();
        }
        packet
    }

    /// Whether some link changes packets.
    pub(crate) fn corrupts(&self) -> bool {
        self.links.values().chain([&self.usual]).any(|link| link.corruption > 0.0)
    }

    fn put(&mut self, at: Instant, packet: Packet) {
        self.sent += 1;
        self.under_way.insert((at, self.sent), packet);
    }

    /// When the next packet arrives.
    pub(crate) fn next_arrival(&self) -> Option<Instant> {
        self.under_way.first_key_value().map(|((at, _), _)| *at)
    }

    /// The next packet that has arrived by `now`.
    pub(crate) fn arrived(&mut self, now: Instant) -> Option<Packet> {
        let first = self.under_way.first_entry().filter(|entry| entry.key().0 <= now)?;
        Some(first.remove())
    }
}
