//! The media of one call: which packet is relayed, where to, and what is counted. Pure; the thread around it does the I/O.

mod end;
mod packet;
mod peer;
mod security;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use crate::command::{Keys, MediaId, RemoteStream, STREAMS, Side, StreamCounters};
use crate::dtmf::{Digit, Press};
use crate::rtp::{RtpHeader, is_rtcp};
use crate::srtp::MAX_TRAILER_BYTES;
use end::End;
pub(super) use packet::Packet;
use peer::Peer;
use security::Security;

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
    /// Streams whose encryption ends here.
    pub(super) keys: Keys,
    /// Its digits go by INFO.
    pub(super) digits_by_info: bool,
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
        for (stream, ends) in self.streams.iter_mut().enumerate() {
            let end = &mut ends[index_of(side)];
            let (remote, keys) = (&announcement.streams[stream], &announcement.keys[stream]);
            let decrypted = keys.is_some();
            end.security = keys.as_ref().map(|keys| Security::renewed(end.security.take(), keys));
            let peer = |remote| Peer::announced(now, end.peer.take(), remote, announcement, decrypted);
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

    /// Judges a packet that came to `port`, and makes it what leaves. `None`: it is dropped.
    pub(super) fn receive(
        &mut self,
        now: Instant,
        port: Port,
        from: SocketAddr,
        packet: &mut Packet<'_>,
    ) -> Option<Departure> {
        let (end, other) = sides(&mut self.streams[port.stream], port.side);
        let Some(peer) = &mut end.peer else {
            end.counters.refused += 1;
            return None;
        };
        let mux = peer.mux;
        let control = port.control || (mux && is_rtcp(packet.bytes()));
        let header = if control { None } else { RtpHeader::read(packet.bytes()) };
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
        let arrived = packet.length;
        if !end.open(control, packet) {
            return None;
        }
        let side = index_of(port.side);
        (self.heard[side], self.silent[side]) = (now, false);
        let event = header.as_ref().filter(|header| end.event_types.contains(header.payload_type));
        if let Some(header) = event {
            let presses = end.hear_event(now, header, packet.bytes());
            self.presses.extend(presses.into_iter().flatten().map(|press| (port.side, press)));
            // The thread looks after each packet; what is told then says when to look again.
            self.due = Some(now);
        }
        let departure = destination.departure(opposite(port.side), port.stream, control, mux)?;
        if control {
            end.counters.rtcp_packets += 1;
        } else {
            end.count(now, self.started, header.as_ref(), arrived);
        }
        if event.is_some() && destination.digits_by_info {
            end.take_out();
            return None;
        }
        if header.is_some() {
            end.renumber(packet);
        }
        other.close(control, packet).then_some(departure)
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

    /// A side pressed a key by INFO: it goes into its stream as a telephone event, if the other side takes those. `seed` is random.
    pub(super) fn press(&mut self, now: Instant, side: Side, digit: Digit, length: Duration, seed: u32) {
        let (end, other) = sides(&mut self.streams[0], side);
        if let Some(format) = other.peer.as_ref().and_then(|peer| peer.events.preferred()) {
            end.press(now, format, digit, length, seed);
            self.due = Some(now);
        }
    }

    /// Tells the keys that were pressed, and sends those that have to become packets.
    pub(super) fn serve(
        &mut self,
        now: Instant,
        mut pressed: impl FnMut(Side, Press),
        send: impl FnMut(Departure, &[u8]),
    ) {
        for (side, press) in self.presses.drain(..) {
            pressed(side, press);
        }
        self.send_events(now, send);
        self.due = None;
        for [caller, callee] in &mut self.streams {
            for (side, end) in [(Side::Caller, caller), (Side::Callee, callee)] {
                if let Some(press) = end.detector.as_mut().and_then(|detector| detector.expire(now)) {
                    pressed(side, press);
                }
                let heard = end.detector.as_ref().and_then(|detector| detector.deadline());
                let sent = end.sender.as_ref().and_then(|sender| sender.deadline());
                self.due = [self.due, heard, sent].into_iter().flatten().min();
            }
        }
    }

    /// Sends the packets of pressed keys whose time has come. Only the first stream has keys: it is the conversation.
    fn send_events(&mut self, now: Instant, mut send: impl FnMut(Departure, &[u8])) {
        for side in [Side::Caller, Side::Callee] {
            let (end, other) = sides(&mut self.streams[0], side);
            while let Some(event) = end.next_event(now) {
                let mux = end.peer.as_ref().is_some_and(|peer| peer.mux);
                let peer = other.peer.as_ref();
                let Some(departure) = peer.and_then(|peer| peer.departure(opposite(side), 0, false, mux))
                else {
                    continue;
                };
                let mut buffer = [0; 64];
                const { assert!(16 + MAX_TRAILER_BYTES <= 64, "an event fits with all that encryption adds") };
                buffer[..event.len()].copy_from_slice(&event);
                let mut packet = Packet { buffer: &mut buffer, length: event.len() };
                if other.close(false, &mut packet) {
                    send(departure, packet.bytes());
                }
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

/// The end of a side, and the other one.
fn sides(ends: &mut [End; 2], side: Side) -> (&mut End, &mut End) {
    let [caller, callee] = ends;
    match side {
        Side::Caller => (caller, callee),
        Side::Callee => (callee, caller),
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
