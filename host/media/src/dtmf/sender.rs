//! The packets of a press that we send (RFC 4733 §2.5.1): one every 20 ms while it lasts, and its end three times.
//!
//! They belong to the stream of the peer whose digit it is: they carry its SSRC, a timestamp of its clock, and numbers from its
//! sequence, so that its later packets have to be renumbered.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::{Digit, EventFormat, TelephoneEvent};
use crate::rtp::HEADER_BYTES;

/// Between two packets of one press.
const INTERVAL: Duration = Duration::from_millis(20);

/// How often the end is said (§2.5.1.4).
const ENDS: u8 = 3;

/// Silence after a press, so that two presses of one key are two.
const PAUSE: Duration = Duration::from_millis(60);

/// Digits that may wait. Nobody types ahead further than a card number and a PIN.
const WAITING: usize = 32;

/// The shortest press that everybody hears, and the longest that we play.
const SHORTEST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(6);

/// Where the stream of a peer is: its latest packet as the receiver saw it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stream {
    /// Its source.
    pub ssrc: u32,
    /// Its last sequence number.
    pub sequence: u16,
    /// Its last timestamp.
    pub timestamp: u32,
    /// When that packet passed.
    pub at: Instant,
}

/// Sends the digits of one peer, one after the other.
#[derive(Debug)]
pub struct EventSender {
    format: EventFormat,
    waiting: VecDeque<(Digit, Duration)>,
    playing: Option<Playing>,
    /// When the next press may begin.
    free: Instant,
}

#[derive(Debug)]
struct Playing {
    digit: Digit,
    timestamp: u32,
    started: Instant,
    length: Duration,
    next: Instant,
    first: bool,
    ends: u8,
}

impl EventSender {
    /// For a receiver that takes this format.
    pub fn new(now: Instant, format: EventFormat) -> Self {
        Self { format, waiting: VecDeque::new(), playing: None, free: now }
    }

    /// The receiver announced anew.
    pub fn set_format(&mut self, format: EventFormat) {
        self.format = format;
    }

    /// Queues a digit. A queue that is full drops it.
    pub fn press(&mut self, digit: Digit, length: Duration) {
        if self.waiting.len() < WAITING {
            self.waiting.push_back((digit, length.clamp(SHORTEST, LONGEST)));
        }
    }

    /// When [`Self::poll`] has something to send.
    pub fn deadline(&self) -> Option<Instant> {
        match &self.playing {
            Some(playing) => Some(playing.next),
            None => (!self.waiting.is_empty()).then_some(self.free),
        }
    }

    /// The next packet, if its time has come. `stream` is where the peer's stream is; the packet has the next number in it.
    pub fn poll(&mut self, now: Instant, stream: Stream) -> Option<[u8; HEADER_BYTES + 4]> {
        if self.deadline().is_none_or(|deadline| deadline > now) {
            return None;
        }
        if self.playing.is_none() {
            let (digit, length) = self.waiting.pop_front()?;
            let timestamp =
                stream.timestamp.wrapping_add(self.units(now.saturating_duration_since(stream.at)));
            let (started, next) = (now, now);
            self.playing = Some(Playing { digit, timestamp, started, length, next, first: true, ends: 0 });
        }
        let rate = self.format.clock_rate;
        let playing = self.playing.as_mut()?;
        // The first packet already counts the time that it stands for.
        let lasted = (playing.next - playing.started + INTERVAL).min(playing.length);
        let end = lasted >= playing.length;
        let event = TelephoneEvent {
            code: playing.digit.event(),
            end,
            marker: std::mem::take(&mut playing.first),
            duration: u16::try_from(units(lasted, rate)).unwrap_or(u16::MAX),
        };
        let packet = packet(self.format.payload_type, playing.timestamp, stream, event);
        playing.next += INTERVAL;
        playing.ends += u8::from(end);
        if playing.ends == ENDS {
            self.free = playing.next + PAUSE;
            self.playing = None;
        }
        Some(packet)
    }

    fn units(&self, time: Duration) -> u32 {
        units(time, self.format.clock_rate)
    }
}

/// A time in units of a clock, modulo 2^32 like timestamps.
fn units(time: Duration, rate: u32) -> u32 {
    let units = time.as_nanos() * u128::from(rate) / 1_000_000_000;
    (units & u128::from(u32::MAX)) as u32
}

fn packet(payload_type: u8, timestamp: u32, stream: Stream, event: TelephoneEvent) -> [u8; HEADER_BYTES + 4] {
    let mut packet = [0; HEADER_BYTES + 4];
    packet[0] = 0x80;
    packet[1] = u8::from(event.marker) << 7 | payload_type;
    packet[2..4].copy_from_slice(&stream.sequence.wrapping_add(1).to_be_bytes());
    packet[4..8].copy_from_slice(&timestamp.to_be_bytes());
    packet[8..12].copy_from_slice(&stream.ssrc.to_be_bytes());
    packet[12..].copy_from_slice(&event.payload());
    packet
}
