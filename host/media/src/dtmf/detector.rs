//! Which packets are one press (RFC 4733 §2.5.2).
//!
//! A press is told by the timestamp of its first packet, which all its packets carry. It is reported when it is over: at the
//! first packet that says so, at the first packet of the next press if all those were lost, or when nothing has been heard of
//! it for [`LOST_END`]. A press that lasts longer than a duration can count goes on in a new segment, whose timestamp is that of
//! the one before plus the longest duration (§2.5.1.3); it stays one press.

use std::time::{Duration, Instant};

use super::{Digit, TelephoneEvent};
use crate::rtp::RtpHeader;

/// A press of which nothing has been heard for so long is over: ten packets of the usual 20 ms, three of the rarest 60 ms.
const LOST_END: Duration = Duration::from_millis(200);

/// The longest duration that a segment can have (§2.5.1.3).
const SEGMENT: u32 = 0xffff;

/// Segments remembered, to know their late packets again: more than anybody can press within [`LATE`].
const REMEMBERED: usize = 16;

/// A packet with a timestamp this much older than the newest is late: the longest press and a pause. Older still: the sender
/// counts anew.
const LATE: Duration = Duration::from_secs(10);

/// Presses reported in a row at most, and how long it takes to gain one more: twice as fast as digits can be (40 ms on, 40 ms
/// off). Whoever sends more wants to make us work.
const BURST: u8 = 32;
const GAIN: Duration = Duration::from_millis(40);

/// One key, pressed and released.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Press {
    /// Which key.
    pub digit: Digit,
    /// How long, as far as was heard.
    pub duration: Duration,
}

/// What one packet brought to an end: a press that has no packets any more, and the one that it belongs to.
pub type Presses = [Option<Press>; 2];

/// Follows the presses of one source. Its memory is fixed.
#[derive(Debug)]
pub struct Detector {
    ssrc: Option<u32>,
    open: Option<Open>,
    /// Timestamp and code of the newest segment.
    newest: Option<(u32, u8)>,
    /// Timestamps of the latest segments.
    seen: [Option<u32>; REMEMBERED],
    oldest: usize,
    credit: u8,
    gained: Instant,
}

/// A press that is not over.
#[derive(Debug)]
struct Open {
    code: u8,
    clock_rate: u32,
    /// Timestamp of the current segment.
    segment: u32,
    /// Of the segments before it, in units of the clock.
    before: u32,
    /// Of the current segment.
    duration: u16,
    heard: Instant,
}

impl Detector {
    /// One that has heard nothing.
    pub fn new(now: Instant) -> Self {
        Self {
            ssrc: None,
            open: None,
            newest: None,
            seen: [None; REMEMBERED],
            oldest: 0,
            credit: BURST,
            gained: now,
        }
    }

    /// Takes a packet; says which presses are over by it, in the order in which they were pressed.
    pub fn receive(
        &mut self,
        now: Instant,
        header: &RtpHeader,
        event: TelephoneEvent,
        clock_rate: u32,
    ) -> Presses {
        let mut former = None;
        if self.ssrc != Some(header.ssrc) {
            former = self.finish(now);
            (self.ssrc, self.newest, self.seen) = (Some(header.ssrc), None, [None; REMEMBERED]);
        }
        let timestamp = header.timestamp;
        if self.goes_on(timestamp, event, now) {
            let over = if event.end { self.finish(now) } else { None };
            return [former, over];
        }
        if self.is_repeated(timestamp, event) {
            return [former, None];
        }
        self.remember(timestamp);
        let press = Open {
            code: event.code,
            clock_rate,
            segment: timestamp,
            before: 0,
            duration: event.duration,
            heard: now,
        };
        if self.is_late(timestamp, clock_rate) {
            // All that is left of a press before the open one.
            return [former, self.report(now, &press)];
        }
        let former = former.or_else(|| self.finish(now));
        self.newest = Some((timestamp, event.code));
        self.open = Some(press);
        let over = if event.end { self.finish(now) } else { None };
        [former, over]
    }

    /// When to call [`Self::expire`].
    pub fn deadline(&self) -> Option<Instant> {
        self.open.as_ref().map(|open| open.heard + LOST_END)
    }

    /// Ends the open press if nothing has been heard of it for long.
    pub fn expire(&mut self, now: Instant) -> Option<Press> {
        if self.deadline().is_some_and(|deadline| deadline <= now) { self.finish(now) } else { None }
    }

    /// Whether a packet belongs to the open press, which then has lasted longer.
    fn goes_on(&mut self, timestamp: u32, event: TelephoneEvent, now: Instant) -> bool {
        let Some(open) = self.open.as_mut().filter(|open| open.code == event.code) else { return false };
        let next = !event.marker && timestamp == open.segment.wrapping_add(SEGMENT);
        if next {
            (open.segment, open.duration) = (timestamp, 0);
            open.before = open.before.saturating_add(SEGMENT);
        } else if timestamp != open.segment {
            return false;
        }
        open.duration = open.duration.max(event.duration);
        open.heard = now;
        if next {
            self.newest = Some((timestamp, event.code));
            self.remember(timestamp);
        }
        true
    }

    /// Whether a packet belongs to a press that was reported, or to an earlier segment of the open one.
    fn is_repeated(&self, timestamp: u32, event: TelephoneEvent) -> bool {
        let known = self.seen.contains(&Some(timestamp));
        match self.newest {
            Some((newest, code)) if newest == timestamp => code == event.code,
            // Its end was lost, and it was still held when we gave up on it.
            Some((newest, code)) if !event.marker && timestamp == newest.wrapping_add(SEGMENT) => {
                code == event.code
            }
            _ => known,
        }
    }

    fn is_late(&self, timestamp: u32, clock_rate: u32) -> bool {
        let window = u64::from(clock_rate) * LATE.as_secs();
        self.newest.is_some_and(|(newest, _)| {
            let behind = u64::from(newest.wrapping_sub(timestamp));
            behind != 0 && behind <= window
        })
    }

    fn remember(&mut self, timestamp: u32) {
        self.seen[self.oldest] = Some(timestamp);
        self.oldest = (self.oldest + 1) % REMEMBERED;
    }

    fn finish(&mut self, now: Instant) -> Option<Press> {
        let open = self.open.take()?;
        self.report(now, &open)
    }

    fn report(&mut self, now: Instant, press: &Open) -> Option<Press> {
        let digit = Digit::from_event(press.code)?;
        while self.credit < BURST && now.saturating_duration_since(self.gained) >= GAIN {
            self.gained += GAIN;
            self.credit += 1;
        }
        if self.credit == BURST {
            self.gained = now;
        }
        self.credit = self.credit.checked_sub(1)?;
        let units = press.before.saturating_add(press.duration.into());
        let duration = Duration::from_secs(units.into()) / press.clock_rate.max(1);
        Some(Press { digit, duration })
    }
}
