//! One component that decides nothing: tools ask it, outside of every chain.

use std::sync::Arc;

use cordboard_model::{PluginDecision, PluginQuestion};

use crate::component::{ComponentSettings, Components};
use crate::decided::StepOutcome;
use crate::engine::EngineError;
use crate::imports::{LookedUp, Lookup};
use crate::kind::Kind;
use crate::load::{self, LoadProblem};
use crate::plugin::{Plugin, Reply};
use crate::settings::PluginSettings;
use crate::state::Identity;

/// A component on trial. It is asked in a fresh instance each time, however often it has failed.
pub struct Trial {
    plugin: Plugin,
}

/// Why a component cannot be tried.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    /// No component can run on this machine.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// This one cannot.
    #[error(transparent)]
    Load(#[from] LoadProblem),
}

/// What a component said to one question.
#[derive(Clone, PartialEq, Debug)]
pub struct Tried {
    /// What came of it.
    pub outcome: StepOutcome,
    /// What it decided, if it did.
    pub decision: Option<PluginDecision>,
    /// What it looked up; nothing when it failed.
    pub lookups: Vec<LookedUp>,
}

impl Trial {
    /// Loads a component with the checks that the host makes.
    ///
    /// # Errors
    /// What is wrong with it, or with this machine.
    pub async fn load(
        settings: &PluginSettings,
        tables: Arc<dyn Lookup>,
        components: &ComponentSettings,
    ) -> Result<Self, TrialError> {
        let components = Components::start(components)?;
        let fetched = load::fetch(&components, settings).await?;
        Ok(Self { plugin: load::build(&components, settings, fetched, tables, 1).await? })
    }

    /// Which code it is.
    pub fn identity(&self) -> &Identity {
        &self.plugin.identity
    }

    /// Whether it decides such questions.
    pub fn decides(&self, kind: Kind) -> bool {
        self.plugin.serves(kind)
    }

    /// Asks it.
    pub async fn ask(&self, question: &PluginQuestion) -> Tried {
        self.plugin.forgive();
        match question {
            PluginQuestion::Routing(question) => {
                tried(self.plugin.route(question).await, PluginDecision::Routing)
            }
            PluginQuestion::Authorization(subject) => {
                tried(self.plugin.authorize(subject).await, PluginDecision::Authorization)
            }
            PluginQuestion::Escalation(question) => {
                tried(self.plugin.escalate(question).await, PluginDecision::Escalation)
            }
            PluginQuestion::EventFormatting(question) => {
                tried(self.plugin.format(question).await, PluginDecision::EventFormatting)
            }
        }
    }
}

fn tried<T>(reply: Reply<T>, decision: fn(T) -> PluginDecision) -> Tried {
    match reply {
        Ok(given) => Tried {
            outcome: if given.answer.is_some() { StepOutcome::Answered } else { StepOutcome::Passed },
            decision: given.answer.map(decision),
            lookups: given.lookups,
        },
        Err(failure) => Tried { outcome: StepOutcome::Failed(failure), decision: None, lookups: Vec::new() },
    }
}
