//! Plugins as decisions, metrics and people see them.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use cordboard_model::CallId;

use crate::compare::Difference;
use crate::counters::{GuestCounter, PluginFigures};
use crate::grants::HostFigures;
use crate::kind::Kind;
use crate::probation::Tally;
use crate::settings::CandidateMode;
use crate::source::Source;

/// Which code answers: what decisions, logs and metrics name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Identity {
    /// Name in the configuration.
    pub name: String,
    /// What the plugin calls itself.
    pub plugin: String,
    /// Version that the plugin gives itself.
    pub version: String,
    /// 1 for the first load of this name, one more for every load after it.
    pub generation: u32,
    /// SHA-256 of the component file, in hex.
    pub digest: String,
    /// SHA-256 of its configuration block as JSON, in hex: the same code decides otherwise with another one.
    pub config_digest: String,
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digest = self.digest.get(..12).unwrap_or(&self.digest);
        write!(f, "{}/{}@{digest}", self.name, self.generation)
    }
}

/// Whether a plugin answers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Health {
    /// It is asked.
    Ready,
    /// It has failed too often lately; its fallback answers until a probe succeeds.
    BreakerOpen,
    /// It is not loaded.
    Broken {
        /// What to do.
        problem: String,
    },
}

/// A plugin as metrics and people see it.
#[derive(Clone, PartialEq, Debug)]
pub struct PluginState {
    /// Name in the configuration.
    pub name: String,
    /// Which code it is; `None` while broken.
    pub identity: Option<Identity>,
    /// What it can decide.
    pub kinds: Vec<Kind>,
    /// Whether it answers.
    pub health: Health,
    /// Its figures, those of earlier generations included.
    pub figures: PluginFigures,
    /// What the generation that answers has asked of the host.
    pub host: HostFigures,
    /// Counters that the generation that answers keeps itself; a new one begins at zero.
    pub counters: Vec<GuestCounter>,
    /// Log lines and counter additions beyond its bounds.
    pub dropped: u64,
}

/// Everything about a plugin that people want to know who change it.
#[derive(Clone, PartialEq, Debug)]
pub struct PluginDetail {
    /// What metrics know too.
    pub state: PluginState,
    /// Where its component is.
    pub source: Source,
    /// Its generations, newest first; the last 20.
    pub generations: Vec<GenerationState>,
    /// How the new generation does, while it is on probation.
    pub probation: Option<ProbationState>,
    /// Why the last change did not come about, or was taken back; `None` when it went well.
    pub refusal: Option<Refusal>,
    /// Files that are not taken again, newest last; the last 16.
    pub quarantine: Vec<Quarantined>,
    /// The component that is tried beside it.
    pub candidate: Option<CandidateState>,
}

/// One generation of a plugin.
#[derive(Clone, PartialEq, Debug)]
pub struct GenerationState {
    /// Which code it is.
    pub identity: Arc<Identity>,
    /// How long ago it began to answer, the last time.
    pub age: Duration,
    /// What became of it.
    pub outcome: GenerationOutcome,
    /// Whether it is still there to roll back to.
    pub is_kept: bool,
    /// What it has done; `None` when it is gone.
    pub figures: Option<PluginFigures>,
}

/// What became of a generation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum GenerationOutcome {
    /// It answers.
    Serving,
    /// A later one took over.
    Replaced,
    /// The one before took over again.
    RolledBack {
        /// Why.
        reason: String,
    },
}

/// A probation that goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ProbationState {
    /// What the new generation has done.
    pub tally: Tally,
    /// How long it answers.
    pub age: Duration,
}

/// A change that did not come about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// How long ago.
    pub age: Duration,
    /// Why, and what to do.
    pub reason: String,
}

/// A file that is not taken again with the same settings, until somebody insists.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Quarantined {
    /// Its SHA-256, in hex.
    pub digest: String,
    /// What it did.
    pub reason: String,
}

/// A component that is tried beside the one that decides.
#[derive(Clone, PartialEq, Debug)]
pub struct CandidateState {
    /// Which code it is.
    pub identity: Arc<Identity>,
    /// Where its component is.
    pub source: Source,
    /// What it is asked.
    pub mode: CandidateMode,
    /// Its figures.
    pub figures: PluginFigures,
    /// Questions that it answered as a shadow.
    pub compared: u64,
    /// Those that it answered otherwise.
    pub differing: u64,
    /// Those that it could not answer.
    pub failed: u64,
    /// Those that it was not asked, because it was too slow or has failed too often.
    pub skipped: u64,
    /// The last 20 that it answered otherwise, newest last.
    pub samples: Vec<Disagreement>,
}

/// A question that two plugins answered differently.
#[derive(Clone, PartialEq, Debug)]
pub struct Disagreement {
    /// Its decision point.
    pub kind: Kind,
    /// The call that it was about.
    pub call_id: Option<CallId>,
    /// Where the answers differ.
    pub differences: Vec<Difference>,
}
