//! One stream at one side: whom it is exchanged with, how it is encrypted there, what was counted, and the keys pressed in it.

use std::time::{Duration, Instant};

use super::packet::Packet;
use super::peer::Peer;
use super::security::Security;
use crate::command::StreamCounters;
use crate::dtmf::{
    Detector, Digit, EventFormat, EventFormats, EventSender, PayloadTypes, Presses, Stream, TelephoneEvent,
};
use crate::rtp::{HEADER_BYTES, Reception, RtpHeader};

/// One stream at one side.
#[derive(Debug, Default)]
pub(super) struct End {
    pub(super) peer: Option<Peer>,
    /// `None`: its packets pass as they are.
    pub(super) security: Option<Box<Security>>,
    pub(super) counters: StreamCounters,
    pub(super) reception: Reception,
    /// Payload types of the telephone events that come from here.
    pub(super) event_types: PayloadTypes,
    events: EventFormats,
    pub(super) detector: Option<Box<Detector>>,
    /// Digits that this side gave by INFO, on their way into its stream.
    pub(super) sender: Option<Box<EventSender>>,
    /// What its sequence numbers grow by on the other side, modulo 2^16: packets put in less packets taken out.
    shift: u16,
    /// Timestamp of its latest packet, and when that came.
    latest: Option<(u32, Instant)>,
    /// Stands for its SSRC, numbers and timestamps as long as it has sent nothing.
    seed: u32,
}

impl End {
    /// Telephone events come from here under `theirs`, the payload types of the other side. Who is not given any and sends
    /// nevertheless uses its own.
    pub(super) fn listen(&mut self, now: Instant, theirs: EventFormats, own: EventFormats) {
        self.events = if theirs.is_empty() { own } else { theirs };
        self.event_types = self.events.types();
        if !self.events.is_empty() && self.detector.is_none() {
            self.detector = Some(Box::new(Detector::new(now)));
        }
    }

    /// A packet of a telephone event.
    pub(super) fn hear_event(&mut self, now: Instant, header: &RtpHeader, packet: &[u8]) -> Presses {
        let (Some(detector), Some(event)) = (&mut self.detector, TelephoneEvent::read(packet)) else {
            return [None, None];
        };
        let clock_rate = self.events.of(header.payload_type).map_or(8_000, |format| format.clock_rate);
        detector.receive(now, header, event, clock_rate)
    }

    /// Counts a packet that came from here. `since` is when the call began.
    pub(super) fn count(&mut self, now: Instant, since: Instant, header: Option<&RtpHeader>, bytes: usize) {
        self.counters.packets += 1;
        self.counters.bytes += bytes as u64;
        if let Some(header) = header {
            self.reception.receive(header, now.duration_since(since));
            self.latest = Some((header.timestamp, now));
        }
    }

    /// Checks and decrypts what came from here. False: it is dropped, and counted.
    pub(super) fn open(&mut self, control: bool, packet: &mut Packet<'_>) -> bool {
        let Some(security) = &mut self.security else { return true };
        let opened = security.open(control, packet).is_ok();
        self.counters.rejected += u64::from(!opened);
        opened
    }

    /// Encrypts what goes there. False: it cannot be sent.
    pub(super) fn close(&mut self, control: bool, packet: &mut Packet<'_>) -> bool {
        self.security.as_mut().is_none_or(|security| security.close(control, packet).is_ok())
    }

    /// A packet from here is taken out of its stream.
    pub(super) fn take_out(&mut self) {
        self.shift = self.shift.wrapping_sub(1);
    }

    /// Gives an RTP packet from here the number that it has on the other side.
    pub(super) fn renumber(&self, packet: &mut Packet<'_>) {
        if self.shift != 0 {
            packet.renumber(self.shift);
        }
    }

    /// This side pressed a key, which the other one takes in this format.
    pub(super) fn press(
        &mut self,
        now: Instant,
        format: EventFormat,
        digit: Digit,
        length: Duration,
        seed: u32,
    ) {
        if self.sender.is_none() {
            self.seed = seed;
        }
        let sender = self.sender.get_or_insert_with(|| Box::new(EventSender::new(now, format)));
        sender.set_format(format);
        sender.press(digit, length);
    }

    /// The next packet of a key that this side pressed, if its time has come.
    pub(super) fn next_event(&mut self, now: Instant) -> Option<[u8; HEADER_BYTES + 4]> {
        let seed = self.seed;
        let (ssrc, sequence) = self.reception.position().unwrap_or((seed, seed as u16));
        let (timestamp, at) = self.latest.unwrap_or((seed.rotate_left(16), now));
        let stream = Stream { ssrc, sequence: sequence.wrapping_add(self.shift), timestamp, at };
        let packet = self.sender.as_mut()?.poll(now, stream)?;
        self.shift = self.shift.wrapping_add(1);
        Some(packet)
    }
}
