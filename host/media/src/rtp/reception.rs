//! What a receiver knows about one stream: loss (RFC 3550 §A.1, §A.3) and interarrival jitter (§A.8).

use std::time::Duration;

use super::RtpHeader;
use super::clock_rate::ClockRate;

/// A sequence number this far ahead is a gap, farther is a restart (§A.1).
const MAX_DROPOUT: u16 = 3_000;
/// A sequence number this far behind is late, farther is a restart (§A.1).
const MAX_MISORDER: u16 = 100;
/// So many packets of another payload type in a row are a change of codec, fewer an event or comfort noise in between.
const CODEC_CHANGE: u8 = 100;

/// Loss and jitter of a stream over all its sources (SSRC), one after the other.
#[derive(Clone, Debug, Default)]
pub struct Reception {
    source: Option<Source>,
    /// Of sources before the current one.
    lost_before: u64,
}

/// One synchronisation source.
#[derive(Clone, Debug)]
struct Source {
    ssrc: u32,
    base_sequence: u32,
    max_sequence: u16,
    /// Multiples of 65,536.
    cycles: u32,
    received: u64,
    /// The number that a restarted sender would have next; two packets that follow each other prove the restart.
    restart: Option<u16>,
    jitter: Jitter,
}

impl Reception {
    /// Counts a packet; `arrival` is on any steady clock.
    pub fn receive(&mut self, header: &RtpHeader, arrival: Duration) {
        match &mut self.source {
            Some(source) if source.ssrc == header.ssrc => {
                if !source.receive(header, arrival) {
                    self.begin(header, arrival);
                }
            }
            _ => self.begin(header, arrival),
        }
    }

    /// Sequence numbers that never came (§A.3). Duplicates count as received, as there.
    pub fn lost(&self) -> u64 {
        self.lost_before + self.source.as_ref().map_or(0, Source::lost)
    }

    /// Interarrival jitter of the current source, in units of its clock (§A.8); 0 until the clock's rate is known.
    pub fn jitter(&self) -> u32 {
        self.source.as_ref().map_or(0, |source| source.jitter.scaled >> 4)
    }

    /// The current source, and its highest sequence number.
    pub fn position(&self) -> Option<(u32, u16)> {
        self.source.as_ref().map(|source| (source.ssrc, source.max_sequence))
    }

    fn begin(&mut self, header: &RtpHeader, arrival: Duration) {
        self.lost_before = self.lost();
        self.source = Some(Source {
            ssrc: header.ssrc,
            base_sequence: u32::from(header.sequence),
            max_sequence: header.sequence,
            cycles: 0,
            received: 1,
            restart: None,
            jitter: Jitter::begin(header, arrival),
        });
    }
}

impl Source {
    /// §A.1 without the probation, which the relay's latching has already done. False: the sender has restarted.
    fn receive(&mut self, header: &RtpHeader, arrival: Duration) -> bool {
        let ahead = header.sequence.wrapping_sub(self.max_sequence);
        if ahead < MAX_DROPOUT {
            if header.sequence < self.max_sequence {
                self.cycles = self.cycles.wrapping_add(1 << 16);
            }
            self.max_sequence = header.sequence;
        } else if ahead <= u16::MAX - MAX_MISORDER {
            if self.restart == Some(header.sequence) {
                return false;
            }
            self.restart = Some(header.sequence.wrapping_add(1));
            return true;
        }
        self.received += 1;
        self.jitter.receive(header, arrival);
        true
    }

    fn lost(&self) -> u64 {
        let last = self.cycles.wrapping_add(u32::from(self.max_sequence));
        let expected = u64::from(last.wrapping_sub(self.base_sequence)) + 1;
        expected.saturating_sub(self.received)
    }
}

/// §A.8. Only packets of the stream's main payload type count: an event of RFC 4733 repeats one timestamp on purpose.
#[derive(Clone, Debug)]
struct Jitter {
    payload_type: u8,
    /// Packets of other payload types since the last one of ours.
    others: u8,
    rate: ClockRate,
    transit: Option<u32>,
    /// Sixteen times the estimate.
    scaled: u32,
}

impl Jitter {
    fn begin(header: &RtpHeader, arrival: Duration) -> Self {
        let rate = ClockRate::begin(header.payload_type, header.timestamp, arrival);
        let mut jitter =
            Self { payload_type: header.payload_type, others: 0, rate, transit: None, scaled: 0 };
        jitter.receive(header, arrival);
        jitter
    }

    fn receive(&mut self, header: &RtpHeader, arrival: Duration) {
        if header.payload_type != self.payload_type {
            self.others += 1;
            if self.others >= CODEC_CHANGE {
                *self = Self::begin(header, arrival);
            }
            return;
        }
        self.others = 0;
        let Some(hertz) = self.rate.hertz(header.timestamp, arrival) else { return };
        let transit = rtp_units(arrival, hertz).wrapping_sub(header.timestamp);
        if let Some(before) = self.transit.replace(transit) {
            let difference = transit.wrapping_sub(before).cast_signed().unsigned_abs();
            // Both terms are far below the limits of u32 for any real stream; a forged timestamp must not overflow.
            self.scaled = self.scaled.saturating_add(difference) - ((self.scaled.saturating_add(8)) >> 4);
        }
    }
}

/// A time in units of a clock, modulo 2^32 like timestamps.
fn rtp_units(time: Duration, hertz: u32) -> u32 {
    let units = time.as_nanos() * u128::from(hertz) / 1_000_000_000;
    (units & u128::from(u32::MAX)) as u32
}
