//! What a plugin said to a question, as far as it can be compared with what another one says.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use cordboard_model::{AuthorizationSubject, EscalationQuestion, FormatQuestion, RouteQuestion};
use serde_json::Value;

use crate::ask::Ask;
use crate::compare::{Difference, compare};
use crate::failure::FailureReason;
use crate::plugin::Reply;

/// What came of asking one plugin.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Said<A> {
    /// This.
    Answered(A),
    /// It left the question to the next.
    Passed,
    /// Nothing usable.
    Failed,
}

impl<A: Clone + serde::Serialize> Said<A> {
    /// What a reply says; `None` when the plugin was not asked at all.
    pub(crate) fn of(reply: &Reply<A>) -> Option<Self> {
        match reply {
            Ok(given) => Some(given.answer.clone().map_or(Self::Passed, Self::Answered)),
            Err(failure) if was_asked(failure.reason) => Some(Self::Failed),
            Err(_) => None,
        }
    }

    /// In which fields `other` says something else. A failure decides nothing, so that there is nothing to compare.
    pub(crate) fn differences(&self, other: &Self) -> Vec<Difference> {
        match (self.to_json(), other.to_json()) {
            (Some(before), Some(after)) => compare(&before, &after),
            _ => Vec::new(),
        }
    }

    fn to_json(&self) -> Option<Value> {
        match self {
            Self::Answered(answer) => serde_json::to_value(answer).ok(),
            Self::Passed => Some(Value::from("pass")),
            Self::Failed => None,
        }
    }
}

/// Whether a plugin that failed so has been asked.
pub(crate) fn was_asked(reason: FailureReason) -> bool {
    !matches!(reason, FailureReason::Breaker | FailureReason::NotLoaded)
}

/// Questions of each kind that are kept for the next generation to be tried with. Each takes a few kilobytes.
const KEPT: usize = 50;

/// The last questions that a plugin was asked, and what it said. Lives in memory only: what people dialled is nobody's business for longer.
#[derive(Default)]
pub(crate) struct Recorder {
    pub(crate) routing: Ring<RouteQuestion>,
    pub(crate) authorization: Ring<AuthorizationSubject>,
    pub(crate) escalation: Ring<EscalationQuestion>,
    pub(crate) event_formatting: Ring<FormatQuestion>,
}

/// The last questions of one kind.
pub(crate) struct Ring<Q: Ask>(Mutex<VecDeque<(Q, Said<Q::Answer>)>>);

impl<Q: Ask> Default for Ring<Q> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<Q: Ask> Ring<Q> {
    /// Keeps a question, and forgets the oldest.
    pub(crate) fn record(&self, question: &Q, said: Said<Q::Answer>) {
        let question = question.clone();
        let mut kept = self.lock();
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back((question, said));
    }

    /// The questions, oldest first.
    pub(crate) fn questions(&self) -> Vec<(Q, Said<Q::Answer>)> {
        self.lock().iter().cloned().collect()
    }

    /// Held for a moment by every question, and for a copy by a reload.
    fn lock(&self) -> MutexGuard<'_, VecDeque<(Q, Said<Q::Answer>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
