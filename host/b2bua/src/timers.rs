//! The timers of all calls in one ordered set.

use std::collections::BTreeMap;
use std::time::Instant;

use cordboard_media::command::Side;
use cordboard_model::QuestionId;

use crate::call::CallKey;
use crate::trunk::TrunkKey;
use crate::trunk::errand::Errand;

/// What expires.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Timer {
    /// The driver did not answer a question in time.
    Answer,
    /// A server of a trunk has not said a word about the INVITE of this fork.
    FirstResponse(usize),
    /// A target rang long enough; its place in the set-up.
    Ring(usize),
    /// A fork has heard nothing from its server; its place in the set-up.
    Silence(usize),
    /// The whole set-up took too long (timer C of RFC 3261 §16.6 for the call).
    Setup,
    /// The 2xx to the caller has to be sent again, or its ACK never came.
    AnswerResend,
    /// A reliable provisional to the caller has to be sent again, or its PRACK never came.
    ProvisionalResend,
    /// The session of a leg has to be refreshed, or was not (RFC 4028).
    Session(Side),
    /// The driver did not answer whether a transfer may be, or the referrer of one that is done did not hang up.
    Transfer,
    /// A leg that was busy is asked again to move to another call.
    Moving,
    /// The longest allowed call.
    Duration,
    /// An ended call has waited long enough for its last responses.
    Linger,
}

/// Whom a timer wakes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Alarm {
    /// A call, and what expired for it.
    Call(CallKey, Timer),
    /// A REGISTER whose authorization the driver did not answer in time.
    Register(QuestionId),
    /// A trunk has something to do beside calls.
    Trunk(TrunkKey, Errand),
}

/// Names one running timer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct TimerId(Instant, u64);

/// Running timers, earliest first.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    running: BTreeMap<TimerId, Alarm>,
    started: u64,
}

impl Timers {
    pub(crate) fn start(&mut self, at: Instant, alarm: Alarm) -> TimerId {
        self.started += 1;
        let id = TimerId(at, self.started);
        self.running.insert(id, alarm);
        id
    }

    pub(crate) fn stop(&mut self, id: TimerId) {
        self.running.remove(&id);
    }

    pub(crate) fn next(&self) -> Option<Instant> {
        self.running.first_key_value().map(|(id, _)| id.0)
    }

    /// Takes the earliest timer that is due.
    pub(crate) fn pop(&mut self, now: Instant) -> Option<(TimerId, Alarm)> {
        let entry = self.running.first_entry().filter(|entry| entry.key().0 <= now)?;
        Some(entry.remove_entry())
    }
}
