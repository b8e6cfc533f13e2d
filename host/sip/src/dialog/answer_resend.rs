//! The 2xx that is resent until its ACK comes (RFC 3261 §13.3.1.4).
use std::time::{Duration, Instant};

use bytes::Bytes;

/// Resends a 2xx with doubling intervals until its ACK comes or 64*T1 have passed (RFC 3261 §13.3.1.4).
/// Over a reliable transport too, as the RFC asks. The owner drops it when the ACK has come.
///
/// It serves a reliable provisional and its PRACK as well, whose intervals have no bound: T2 is then 64*T1 (RFC 3262 §3).
#[derive(Debug)]
pub struct AnswerResend {
    response: Bytes,
    interval: Duration,
    longest_interval: Duration,
    next: Instant,
    give_up: Instant,
}

/// What to do now.
#[derive(Debug, PartialEq, Eq)]
pub enum AnswerStep {
    /// Send the 2xx again.
    Resend(Bytes),
    /// No ACK in 64*T1: end the call.
    GiveUp,
    /// Nothing yet.
    Wait,
}

impl AnswerResend {
    /// Starts after the first transmission of `response` at `now`.
    pub fn new(now: Instant, response: Bytes, t1: Duration, t2: Duration) -> Self {
        Self { response, interval: t1, longest_interval: t2, next: now + t1, give_up: now + t1 * 64 }
    }

    /// When [`Self::poll`] has something to say.
    pub fn deadline(&self) -> Instant {
        self.next.min(self.give_up)
    }

    /// What to do at `now`.
    pub fn poll(&mut self, now: Instant) -> AnswerStep {
        if now >= self.give_up {
            return AnswerStep::GiveUp;
        }
        if now < self.next {
            return AnswerStep::Wait;
        }
        self.interval = (self.interval * 2).min(self.longest_interval);
        self.next = now + self.interval;
        AnswerStep::Resend(self.response.clone())
    }
}
