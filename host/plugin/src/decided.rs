//! An answer, and how it came about: the trace of a question on its way through a chain.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use cordboard_model::CallId;
use tokio::time::Instant;

use crate::failure::Failure;
use crate::imports::LookedUp;
use crate::kind::Kind;
use crate::plugin::{Given, Reply};
use crate::state::Identity;

/// An answer, and how it came about.
#[derive(Clone, PartialEq, Debug)]
pub struct Decided<T> {
    /// What to do.
    pub answer: T,
    /// Who said so.
    pub by: DecidedBy,
    /// How long it took in all.
    pub elapsed: Duration,
    /// Each plugin that was asked, in order.
    pub trace: Vec<Step>,
}

/// Who decided.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DecidedBy {
    /// A plugin.
    Plugin(Arc<Identity>),
    /// The static table of the configuration.
    StaticTable,
    /// The refusal that stands in when a plugin failed or nobody could decide.
    Fallback,
}

impl fmt::Display for DecidedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plugin(identity) => identity.fmt(f),
            Self::StaticTable => f.write_str("static table"),
            Self::Fallback => f.write_str("fallback"),
        }
    }
}

/// One plugin of a chain that was asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Step {
    /// Name in the configuration.
    pub plugin: String,
    /// Which code was asked; `None` when none is loaded.
    pub identity: Option<Arc<Identity>>,
    /// What came of it.
    pub outcome: StepOutcome,
    /// What the plugin says about it; may be empty.
    pub why: String,
    /// What it looked up; nothing of a plugin that failed.
    pub lookups: Vec<LookedUp>,
    /// How long it took.
    pub elapsed: Duration,
}

/// What came of asking one plugin.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum StepOutcome {
    /// It decided.
    Answered,
    /// It left the question to the next.
    Passed,
    /// It gave no usable answer.
    Failed(Failure),
}

/// What one step means for the chain.
pub(crate) enum StepEnd<T> {
    Answer(T, Arc<Identity>),
    Passed,
    Failed,
}

/// A question on its way through a chain.
pub(crate) struct Asking {
    kind: Kind,
    call_id: Option<CallId>,
    begin: Instant,
    trace: Vec<Step>,
}

impl Asking {
    pub(crate) fn new(kind: Kind, call_id: Option<CallId>) -> Self {
        Self { kind, call_id, begin: Instant::now(), trace: Vec::new() }
    }

    /// Writes down what came of one plugin.
    pub(crate) fn note<T>(
        &mut self,
        asked: &Arc<Identity>,
        begin: Instant,
        mut reply: Reply<T>,
    ) -> StepEnd<T> {
        let lookups = reply.as_mut().map(|given| std::mem::take(&mut given.lookups)).unwrap_or_default();
        let (call_id, plugin) = (self.call_id.map(tracing::field::display), asked.name.as_str());
        let (kind, generation) = (self.kind.as_str(), asked.generation);
        let (outcome, why, end) = match reply {
            Ok(Given { answer: Some(answer), why, .. }) => {
                tracing::debug!(call_id, plugin, generation, kind, why, "a plugin decided");
                (StepOutcome::Answered, why, StepEnd::Answer(answer, Arc::clone(asked)))
            }
            Ok(Given { answer: None, why, .. }) => {
                tracing::debug!(call_id, plugin, generation, kind, why, "a plugin passed");
                (StepOutcome::Passed, why, StepEnd::Passed)
            }
            Err(failure) => {
                let (reason, message) = (failure.reason.as_str(), failure.message.as_str());
                tracing::warn!(call_id, plugin, generation, kind, reason, message, "a plugin failed");
                (StepOutcome::Failed(failure), String::new(), StepEnd::Failed)
            }
        };
        let (plugin, identity) = (plugin.to_owned(), Some(Arc::clone(asked)));
        self.trace.push(Step { plugin, identity, outcome, why, lookups, elapsed: begin.elapsed() });
        end
    }

    /// The plugin that was asked last and how it failed, if it did.
    pub(crate) fn last_failure(&self) -> Option<(&str, &Failure)> {
        let step = self.trace.last()?;
        match &step.outcome {
            StepOutcome::Failed(failure) => Some((&step.plugin, failure)),
            StepOutcome::Answered | StepOutcome::Passed => None,
        }
    }

    /// Writes down that a plugin of the chain is not there.
    pub(crate) fn miss<T>(&mut self, plugin: &str, failure: Failure) -> StepEnd<T> {
        let (call_id, kind) = (self.call_id.map(tracing::field::display), self.kind.as_str());
        tracing::warn!(call_id, plugin, kind, message = failure.message.as_str(), "a plugin is missing");
        self.trace.push(Step {
            plugin: plugin.to_owned(),
            identity: None,
            outcome: StepOutcome::Failed(failure),
            why: String::new(),
            lookups: Vec::new(),
            elapsed: Duration::ZERO,
        });
        StepEnd::Failed
    }

    pub(crate) fn decided<T>(self, answer: T, by: DecidedBy) -> Decided<T> {
        Decided { answer, by, elapsed: self.begin.elapsed(), trace: self.trace }
    }
}
