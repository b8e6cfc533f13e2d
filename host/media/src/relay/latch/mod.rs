//! Symmetric RTP (RFC 4961) with protection against injected sources: whose packets are taken, and where packets go.
//!
//! - The announced address is right at once.
//! - Another port of the announced host, or a source on the host that the leg's SIP comes from, is learnt while the peer is
//!   silent, after three packets with one SSRC: so a peer behind NAT is found, which announces an address that nothing can
//!   come from. Nobody else is ever learnt, however long the peer is silent, unless the configuration says so.
//! - A packet from the announced address wins back, until the lock.
//! - The lock comes after three packets with one SSRC from the announced address, and after a second's worth from a learnt
//!   one. From then on only a new announcement moves the stream. The SSRC may change after it: transfers, music on hold
//!   and bundled streams do that behind one address.
//! - RTCP, and whatever else is no RTP packet, teaches nothing.

#[cfg(test)]
mod tests;

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use crate::rtp::RtpHeader;

/// Packets with one SSRC that make a source worth learning, and that lock the announced one.
const PROOF: u8 = 3;

/// Packets with one SSRC that lock a learnt source: a second of audio. Until then the announced source can still appear.
const PROOF_OF_LEARNT: u8 = 50;

/// Silence of the peer before another source is learnt, counted from the moment when both sides are known. Who shares the
/// peer's host or NAT and happens to send first must not be taken for the peer, whose first packet travels after the answer.
const SILENCE: Duration = Duration::from_millis(500);

/// Sources considered at once, so that a neighbour cannot keep a peer behind NAT from being learnt just by sending too.
const CANDIDATES: usize = 4;

/// What a side announced, as far as its sources are concerned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Announced {
    /// Where it wants the stream, and where it most likely sends from.
    pub(super) address: SocketAddr,
    /// Where the SIP of its leg comes from. `None`: whoever sends may be learnt.
    pub(super) signalling: Option<IpAddr>,
}

/// What is known about the source and destination of one stream of one side.
#[derive(Clone, Debug)]
pub(super) struct Latch {
    announced: SocketAddr,
    signalling: Option<IpAddr>,
    /// Whose packets are taken and where packets go: the announced address, or a learnt one.
    current: SocketAddr,
    trust: Trust,
    /// When the current or the announced source was heard last, or since when it could have been.
    heard: Instant,
    candidates: [Option<Run>; CANDIDATES],
    /// The candidate that a new one replaces.
    oldest: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Trust {
    Open(Option<Run>),
    Locked,
}

/// Packets from one source with one SSRC.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Run {
    source: SocketAddr,
    ssrc: u32,
    packets: u8,
}

impl Latch {
    /// At an announcement.
    pub(super) fn new(now: Instant, announced: Announced) -> Self {
        let Announced { address, signalling } = announced;
        Self {
            announced: address,
            signalling,
            current: address,
            trust: Trust::Open(None),
            heard: now,
            candidates: [None; CANDIDATES],
            oldest: 0,
        }
    }

    /// A further announcement. The same address opens the lock but keeps what was learnt, because a phone behind NAT
    /// announces the same useless address again; another address starts anew.
    pub(super) fn announce(&mut self, now: Instant, announced: Announced) {
        let fresh = Self::new(now, announced);
        let keeps = announced.address == self.announced && fresh.may_learn(self.current.ip());
        *self = Self { current: if keeps { self.current } else { fresh.current }, ..fresh };
    }

    /// Both sides are known from now on, so the peer's silence counts from here.
    pub(super) fn open(&mut self, now: Instant) {
        self.heard = now;
        self.candidates = [None; CANDIDATES];
    }

    /// Where packets for the peer go; `None` while it wants none (hold by `0.0.0.0`).
    pub(super) fn destination(&self) -> Option<SocketAddr> {
        let wanted = !self.announced.ip().is_unspecified() && self.current.port() != 0;
        wanted.then_some(self.current)
    }

    /// The host that was learnt in place of the announced address.
    pub(super) fn learnt(&self) -> Option<SocketAddr> {
        (self.current != self.announced).then_some(self.current)
    }

    /// Whether a packet is the peer's. `header` is what it says if it is RTP.
    pub(super) fn receive(&mut self, now: Instant, from: SocketAddr, header: Option<&RtpHeader>) -> bool {
        if from == self.current {
            self.heard = now;
            if let (Trust::Open(run), Some(header)) = (self.trust, header) {
                self.prove(run, header);
            }
            return true;
        }
        let Some(header) = header else { return false };
        if self.trust == Trust::Locked {
            return false;
        }
        if from == self.announced {
            self.take(now, from, Run { source: from, ssrc: header.ssrc, packets: 1 });
            return true;
        }
        if !self.may_learn(from.ip()) {
            return false;
        }
        let run = self.consider(from, header.ssrc);
        let learn = run.packets >= PROOF && self.is_silent(now, from);
        if learn {
            self.take(now, from, run);
        }
        learn
    }

    /// One more packet of the current source on its way to the lock. What others have shown so far is forgotten, because the
    /// peer speaks.
    fn prove(&mut self, run: Option<Run>, header: &RtpHeader) {
        let run = match run {
            Some(run) if run.ssrc == header.ssrc => Run { packets: run.packets.saturating_add(1), ..run },
            _ => Run { source: self.current, ssrc: header.ssrc, packets: 1 },
        };
        let proof = if self.current == self.announced { PROOF } else { PROOF_OF_LEARNT };
        self.trust = if run.packets >= proof { Trust::Locked } else { Trust::Open(Some(run)) };
        self.candidates = [None; CANDIDATES];
    }

    fn take(&mut self, now: Instant, source: SocketAddr, run: Run) {
        let announced = Announced { address: self.announced, signalling: self.signalling };
        *self = Self { current: source, trust: Trust::Open(Some(run)), ..Self::new(now, announced) };
    }

    /// Whether a source on this host can be the peer at all.
    fn may_learn(&self, host: IpAddr) -> bool {
        self.signalling.is_none_or(|signalling| host == signalling) || host == self.announced.ip()
    }

    /// Counts a packet of a source that is neither announced nor learnt.
    fn consider(&mut self, source: SocketAddr, ssrc: u32) -> Run {
        let known = self.candidates.iter_mut().flatten().find(|run| run.source == source && run.ssrc == ssrc);
        if let Some(run) = known {
            run.packets = run.packets.saturating_add(1);
            return *run;
        }
        let run = Run { source, ssrc, packets: 1 };
        self.candidates[self.oldest] = Some(run);
        self.oldest = (self.oldest + 1) % CANDIDATES;
        run
    }

    /// Whether the peer has been silent long enough to listen to `from`. An announced private address can never be seen
    /// from outside, so waiting for it would only cost a phone behind NAT its first words.
    fn is_silent(&self, now: Instant, from: SocketAddr) -> bool {
        let outside = !is_private(from.ip()) || self.signalling == Some(from.ip());
        let invisible = self.current == self.announced
            && is_private(self.announced.ip())
            && from.ip() != self.announced.ip()
            && outside;
        invisible || now.saturating_duration_since(self.heard) >= SILENCE
    }
}

/// Addresses that mean nothing outside their own network (RFC 1918, 6598, 3927, 4193, 4291). Loopback is left out: who is
/// there sees its peers as they are.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let [first, second, ..] = address.octets();
            address.is_private() || address.is_link_local() || (first == 100 && second & 0xc0 == 64)
        }
        IpAddr::V6(address) => address.is_unique_local() || address.is_unicast_link_local(),
    }
}
