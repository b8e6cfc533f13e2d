//! A new generation answers the last recorded questions before it takes over.

use std::time::Duration;

use tokio::time::Instant;

use crate::ask::Ask;
use crate::plugin::Plugin;
use crate::probation::Tally;
use crate::said::{Recorder, Said};
use crate::state::Disagreement;

/// How long all questions together may take. The rest is left out: a reload is somebody waiting.
const TIME: Duration = Duration::from_secs(5);

/// Disagreements that are told.
const EXAMPLES: usize = 5;

/// What a new generation says to the questions that the old one was asked last.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Rehearsal {
    /// How the new one did.
    pub tally: Tally,
    /// How the old one had done with the same questions.
    pub before: Tally,
    /// Questions that both answered, and not alike.
    pub differing: u64,
    /// Some of them.
    pub examples: Vec<Disagreement>,
    /// Why the first one failed that failed.
    pub failure: Option<String>,
}

impl Rehearsal {
    /// Whether it fails where the old one did not.
    pub(crate) fn is_worse(&self) -> bool {
        self.tally.is_worse_than(self.before)
    }

    /// Asks `plugin`, which nobody else asks, everything in `recorder`.
    pub(crate) async fn of(plugin: &Plugin, recorder: &Recorder) -> Self {
        let mut rehearsal = Self::default();
        let end = Instant::now() + TIME;
        rehearsal.ask(plugin, recorder.authorization.questions(), end).await;
        rehearsal.ask(plugin, recorder.routing.questions(), end).await;
        rehearsal.ask(plugin, recorder.escalation.questions(), end).await;
        rehearsal.ask(plugin, recorder.event_formatting.questions(), end).await;
        rehearsal
    }

    async fn ask<Q: Ask>(&mut self, plugin: &Plugin, questions: Vec<(Q, Said<Q::Answer>)>, end: Instant) {
        if !plugin.serves(Q::KIND) {
            return;
        }
        for (question, before) in questions {
            if Instant::now() >= end {
                return;
            }
            let reply = question.ask(plugin).await;
            // Its breaker opens after a few failures; nothing more is learned then.
            let Some(said) = Said::of(&reply) else { return };
            self.tally.note(said == Said::Failed);
            self.before.note(before == Said::Failed);
            if let Err(failure) = reply {
                self.failure.get_or_insert_with(|| failure.to_string());
            }
            self.compare(&question, &before, &said);
        }
    }

    fn compare<Q: Ask>(&mut self, question: &Q, before: &Said<Q::Answer>, said: &Said<Q::Answer>) {
        let differences = before.differences(said);
        if differences.is_empty() {
            return;
        }
        self.differing += 1;
        if self.examples.len() < EXAMPLES {
            self.examples.push(Disagreement { kind: Q::KIND, call_id: question.call_id(), differences });
        }
    }
}
