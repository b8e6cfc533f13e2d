//! One decision of the journal, as far as it can be asked again.

use cordboard_model::PluginQuestion;
use cordboard_plugin::{Kind, Trial};
use cordboard_store::{Asked, Decision, Outcome, PersonalData};
use serde_json::{Value, json};

/// A question, and what the plugin of that time said to it.
pub(super) struct Replay<'a> {
    pub(super) decision: &'a Decision,
    /// How the plugin was asked.
    pub(super) step: &'a Asked,
    pub(super) question: PluginQuestion,
    /// Its answer as JSON; `"pass"`, or `{"failed": reason}`.
    pub(super) before: Value,
}

/// Why a decision cannot be asked again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Skipped {
    /// Its personal data was dropped.
    Dropped,
    /// The plugin was not asked: it was not loaded, or left alone after failures.
    NotAsked,
    /// The candidate does not decide such questions.
    OtherKind,
    /// It is not what this release writes.
    Unreadable,
}

impl Skipped {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Dropped => "personal data dropped",
            Self::NotAsked => "the plugin was not asked",
            Self::OtherKind => "the candidate does not decide such questions",
            Self::Unreadable => "not readable by this release",
        }
    }
}

impl<'a> Replay<'a> {
    pub(super) fn of(decision: &'a Decision, name: &str, candidate: &Trial) -> Result<Self, Skipped> {
        // A plugin stands in a chain once; with a canary the last one is who decided.
        let step = decision.trace.iter().rfind(|step| step.plugin == name).ok_or(Skipped::NotAsked)?;
        if decision.personal_data == PersonalData::Drop {
            return Err(Skipped::Dropped);
        }
        let kind = Kind::named(&decision.kind).ok_or(Skipped::Unreadable)?;
        if !candidate.decides(kind) {
            return Err(Skipped::OtherKind);
        }
        let before = match &step.outcome {
            Outcome::Answered => parsed(&decision.answer)?,
            Outcome::Passed => json!("pass"),
            Outcome::Failed { reason, .. } if matches!(reason.as_str(), "breaker" | "not-loaded") => {
                return Err(Skipped::NotAsked);
            }
            Outcome::Failed { reason, .. } => json!({"failed": reason}),
        };
        let question = json!({"kind": decision.kind, "input": parsed(&decision.question)?});
        let question = serde_json::from_value(question).map_err(|_| Skipped::Unreadable)?;
        Ok(Self { decision, step, question, before })
    }
}

fn parsed(text: &str) -> Result<Value, Skipped> {
    serde_json::from_str(text).map_err(|_| Skipped::Unreadable)
}
