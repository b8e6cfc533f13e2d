//! The clock rate of a stream. The relay does not read codecs from SDP, so it knows the rates that RFC 3551 fixed and measures
//! the others.

use std::time::Duration;

/// Rates in use (RFC 3551 §6, RFC 7587).
const RATES: [u32; 9] = [8_000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 90_000];

/// How long a measurement takes. A packet that is 20 ms late then errs by 2 %, and neighbouring rates differ by more than 8 %.
const MEASURED_OVER: Duration = Duration::from_secs(1);

/// The clock rate of one payload type of one source.
#[derive(Clone, Copy, Debug)]
pub(super) enum ClockRate {
    Known(u32),
    /// Since the packet with this timestamp and arrival.
    Measuring(u32, Duration),
}

impl ClockRate {
    /// At the first packet.
    pub(super) fn begin(payload_type: u8, timestamp: u32, arrival: Duration) -> Self {
        match payload_type {
            0 | 3..=5 | 7..=9 | 12 | 13 | 15 | 18 => Self::Known(8_000),
            6 => Self::Known(16_000),
            10 | 11 => Self::Known(44_100),
            14 | 25..=34 => Self::Known(90_000),
            16 => Self::Known(11_025),
            17 => Self::Known(22_050),
            _ => Self::Measuring(timestamp, arrival),
        }
    }

    /// The rate, once known. Every packet is shown here.
    pub(super) fn hertz(&mut self, timestamp: u32, arrival: Duration) -> Option<u32> {
        let (from, since) = match *self {
            Self::Known(rate) => return Some(rate),
            Self::Measuring(from, since) => (from, since),
        };
        let elapsed = arrival.checked_sub(since).filter(|elapsed| *elapsed >= MEASURED_OVER)?;
        let measured = f64::from(timestamp.wrapping_sub(from)) / elapsed.as_secs_f64();
        let rate = RATES.into_iter().find(|&rate| (measured / f64::from(rate) - 1.0).abs() < 0.04);
        // A jump of the timestamp or a pause spoils a measurement; the next one begins here.
        *self = rate.map_or(Self::Measuring(timestamp, arrival), Self::Known);
        rate
    }
}
