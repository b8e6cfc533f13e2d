//! The media of one call: which packet is relayed, where to, and what is counted. Pure; the thread around it does the I/O.

#[cfg(test)]
mod tests;

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use super::latch::{Announced, Latch};
use crate::command::{MediaId, RemoteStream, STREAMS, Side, StreamCounters};
use crate::dtmf::{Detector, EventFormats, PayloadTypes, Press, Presses, TelephoneEvent};
use crate::rtp::{Reception, RtpHeader, is_rtcp};

/// One of the eight ports of a block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Port {
    /// Who is served there.
    pub(super) side: Side,
    pub(super) stream: usize,
    /// RTCP; RTP otherwise.
    pub(super) control: bool,
}

/// Ports of one block.
pub(super) const PORTS: usize = 8;

impl Port {
    /// Of the block, in the order of the port numbers.
    pub(super) fn from_index(index: usize) -> Self {
        let side = if index < PORTS / 2 { Side::Caller } else { Side::Callee };
        Self { side, stream: index / 2 % STREAMS, control: index % 2 == 1 }
    }

    /// Its place in the block.
    pub(super) fn index(self) -> usize {
        index_of(self.side) * PORTS / 2 + self.stream * 2 + usize::from(self.control)
    }
}

/// Where a packet goes: out of this port of ours, to this address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Departure {
    pub(super) port: Port,
    pub(super) to: SocketAddr,
}

/// What a side announced, and from where.
#[derive(Clone, Debug)]
pub(super) struct Announcement {
    pub(super) streams: [Option<RemoteStream>; STREAMS],
    /// Where the SIP of its leg comes from; `None`: its media may come from anywhere.
    pub(super) signalling: Option<IpAddr>,
}

/// The media of one call.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) media: MediaId,
    started: Instant,
    /// When a packet of each side came last, or since when one is expected.
    heard: [Instant; 2],
    /// The silence of this side has been told.
    silent: [bool; 2],
    /// Keys that were pressed, until they are told.
    presses: Vec<(Side, Press)>,
    /// When [`Self::serve`] has something to do. Written wherever an event is heard or told, never by other packets.
    due: Option<Instant>,
    streams: [[End; 2]; STREAMS],
}

/// One stream at one side.
#[derive(Debug, Default)]
struct End {
    peer: Option<Peer>,
    counters: StreamCounters,
    reception: Reception,
    /// Payload types of the telephone events that come from here.
    event_types: PayloadTypes,
    events: EventFormats,
    detector: Option<Box<Detector>>,
}

/// What a side announced for a stream, and what was learnt since.
#[derive(Debug)]
struct Peer {
    latch: Latch,
    rtcp: SocketAddr,
    /// RTCP comes and goes on the RTP port.
    mux: bool,
    sends: bool,
    /// Under what it takes telephone events.
    events: EventFormats,
}

impl Call {
    /// Without any announcement yet.
    pub(super) fn new(now: Instant, media: MediaId) -> Self {
        Self {
            media,
            started: now,
            heard: [now; 2],
            silent: [false; 2],
            presses: Vec::new(),
            due: None,
            streams: Default::default(),
        }
    }

    /// What a side announced.
    pub(super) fn announce(&mut self, now: Instant, side: Side, announcement: &Announcement) {
        self.heard = [now; 2];
        self.silent = [false; 2];
        for (ends, remote) in self.streams.iter_mut().zip(&announcement.streams) {
            let end = &mut ends[index_of(side)];
            let peer = |remote| Peer::announced(now, end.peer.take(), remote, announcement.signalling);
            end.peer = remote.as_ref().map(peer);
            if let [End { peer: Some(caller), .. }, End { peer: Some(callee), .. }] = ends {
                caller.latch.open(now);
                callee.latch.open(now);
                let (to_caller, to_callee) = (caller.events, callee.events);
                // Everybody sends under the payload types of the other side (RFC 3264 §5.1).
                ends[0].listen(now, to_callee, to_caller);
                ends[1].listen(now, to_caller, to_callee);
            }
        }
    }

    /// Whether a side has announced a stream: from then on its packets can be judged, before they cannot.
    pub(super) fn is_announced(&self, side: Side, stream: usize) -> bool {
        self.streams[stream][index_of(side)].peer.is_some()
    }

    /// Judges a packet that came to `port`. `None`: it is dropped.
    pub(super) fn receive(
        &mut self,
        now: Instant,
        port: Port,
        from: SocketAddr,
        packet: &[u8],
    ) -> Option<Departure> {
        let ends = &mut self.streams[port.stream];
        let (end, other) = match (port.side, ends) {
            (Side::Caller, [caller, callee]) => (caller, callee),
            (Side::Callee, [caller, callee]) => (callee, caller),
        };
        let Some(peer) = &mut end.peer else {
            end.counters.refused += 1;
            return None;
        };
        let mux = peer.mux;
        let control = port.control || (mux && is_rtcp(packet));
        let header = if control { None } else { RtpHeader::read(packet) };
        let theirs = match port.control {
            true => peer.accepts_control(from),
            // Before the other side is known nothing can be relayed, and silence has no meaning yet.
            false if other.peer.is_none() => false,
            false => peer.latch.receive(now, from, header.as_ref()),
        };
        let destination = other.peer.as_ref()?;
        if !theirs {
            end.counters.refused += 1;
            return None;
        }
        let side = index_of(port.side);
        (self.heard[side], self.silent[side]) = (now, false);
        if let Some(header) = header.as_ref().filter(|header| end.event_types.contains(header.payload_type)) {
            let presses = end.hear_event(now, header, packet);
            self.presses.extend(presses.into_iter().flatten().map(|press| (port.side, press)));
            // The thread looks after each packet; what is told then says when to look again.
            self.due = Some(now);
        }
        let departure = destination.departure(opposite(port.side), port.stream, control, mux)?;
        if control {
            end.counters.rtcp_packets += 1;
        } else {
            end.counters.packets += 1;
            end.counters.bytes += packet.len() as u64;
            if let Some(header) = &header {
                end.reception.receive(header, now.duration_since(self.started));
            }
        }
        Some(departure)
    }

    /// Whether nobody has sent for `timeout` although both sides of some stream are expected to; says so once for each such
    /// time. A hold in either direction suspends it: the side that holds may say `sendonly` and have nothing to play.
    pub(super) fn is_dead(&mut self, now: Instant, timeout: Duration) -> bool {
        let quiet = self.heard.iter().all(|heard| now.saturating_duration_since(*heard) >= timeout);
        let dead = quiet && self.both_should_send();
        if dead {
            self.heard = [now; 2];
        }
        dead
    }

    /// The side that has not been heard for `timeout` although both are expected to send and the other was; said once for each
    /// such silence.
    pub(super) fn silent_side(&mut self, now: Instant, timeout: Duration) -> Option<Side> {
        let [caller, callee] = self.heard.map(|heard| now.saturating_duration_since(heard) >= timeout);
        let side = match (caller, callee) {
            (true, false) => Side::Caller,
            (false, true) => Side::Callee,
            _ => return None,
        };
        let told = &mut self.silent[index_of(side)];
        if std::mem::replace(told, true) || !self.both_should_send() {
            return None;
        }
        Some(side)
    }

    fn both_should_send(&self) -> bool {
        let sends = |end: &End| end.peer.as_ref().is_some_and(|peer| peer.sends);
        self.streams.iter().any(|ends| ends.iter().all(sends))
    }

    /// When [`Self::serve`] has something to do.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Tells the keys that were pressed.
    pub(super) fn serve(&mut self, now: Instant, mut pressed: impl FnMut(Side, Press)) {
        for (side, press) in self.presses.drain(..) {
            pressed(side, press);
        }
        self.due = None;
        for [caller, callee] in &mut self.streams {
            for (side, end) in [(Side::Caller, caller), (Side::Callee, callee)] {
                let Some(detector) = &mut end.detector else { continue };
                if let Some(press) = detector.expire(now) {
                    pressed(side, press);
                }
                self.due = self.due.into_iter().chain(detector.deadline()).min();
            }
        }
    }

    /// What was received from a side.
    pub(super) fn counters(&self, side: Side) -> [StreamCounters; STREAMS] {
        std::array::from_fn(|stream| {
            let end = &self.streams[stream][index_of(side)];
            StreamCounters { lost: end.reception.lost(), jitter: end.reception.jitter(), ..end.counters }
        })
    }
}

impl End {
    /// Telephone events come from here under `theirs`, the payload types of the other side. Who is not given any and sends
    /// nevertheless uses its own.
    fn listen(&mut self, now: Instant, theirs: EventFormats, own: EventFormats) {
        self.events = if theirs.is_empty() { own } else { theirs };
        self.event_types = self.events.types();
        if !self.events.is_empty() && self.detector.is_none() {
            self.detector = Some(Box::new(Detector::new(now)));
        }
    }

    /// A packet of a telephone event.
    fn hear_event(&mut self, now: Instant, header: &RtpHeader, packet: &[u8]) -> Presses {
        let (Some(detector), Some(event)) = (&mut self.detector, TelephoneEvent::read(packet)) else {
            return [None, None];
        };
        let clock_rate = self.events.of(header.payload_type).map_or(8_000, |format| format.clock_rate);
        detector.receive(now, header, event, clock_rate)
    }
}

impl Peer {
    fn announced(
        now: Instant,
        before: Option<Self>,
        remote: &RemoteStream,
        signalling: Option<IpAddr>,
    ) -> Self {
        let announced = Announced { address: remote.rtp, signalling };
        let mut latch = before.map_or_else(|| Latch::new(now, announced), |before| before.latch);
        latch.announce(now, announced);
        Self {
            latch,
            rtcp: remote.rtcp,
            mux: remote.rtcp == remote.rtp,
            sends: remote.sends,
            events: remote.events,
        }
    }

    /// RTCP is the peer's when it comes from the announced address, or from the host that RTP was learnt from: behind NAT
    /// its RTCP port cannot be known, and RTCP cannot move where anything goes.
    fn accepts_control(&self, from: SocketAddr) -> bool {
        from == self.rtcp || self.latch.learnt().is_some_and(|learnt| learnt.ip() == from.ip())
    }

    /// How a packet gets to this peer, who is at `side`. Multiplexing holds only when both sides said so: an offer says
    /// `a=rtcp-mux` before the answer agrees (RFC 5761 §5.1.1).
    fn departure(&self, side: Side, stream: usize, control: bool, other_muxes: bool) -> Option<Departure> {
        let rtp = self.latch.destination()?;
        let mux = self.mux && other_muxes;
        let to = match self.latch.learnt() {
            _ if !control || mux => rtp,
            None if !self.mux => self.rtcp,
            // The port after RTP's: the default of RFC 3550 §11, and what most NATs make of two ports in a row.
            _ => SocketAddr::new(rtp.ip(), rtp.port().checked_add(1)?),
        };
        Some(Departure { port: Port { side, stream, control: control && !mux }, to })
    }
}

fn index_of(side: Side) -> usize {
    match side {
        Side::Caller => 0,
        Side::Callee => 1,
    }
}

fn opposite(side: Side) -> Side {
    match side {
        Side::Caller => Side::Callee,
        Side::Callee => Side::Caller,
    }
}
