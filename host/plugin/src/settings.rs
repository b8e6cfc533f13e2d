//! What is to be loaded and who is asked.

use std::fmt;
use std::time::Duration;

use crate::grants::Granted;
use crate::kind::Kind;
use crate::limits::Limits;
use crate::source::Source;

/// One component of the configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct PluginSettings {
    /// What chains, logs and metrics call it. Unique.
    pub name: String,
    /// Where its component is.
    pub source: Source,
    /// The plugin's own block, an object. The plugin checks it when it is loaded.
    pub config: serde_json::Value,
    /// What it may use.
    pub limits: Limits,
    /// What it may read and reach.
    pub granted: Granted,
    /// How long a new generation is watched.
    pub probation: ProbationSettings,
    /// A component that is tried beside this one.
    pub candidate: Option<CandidateSettings>,
}

impl PluginSettings {
    /// A component without a configuration block, and otherwise as usual.
    pub fn new(name: impl Into<String>, source: impl Into<Source>) -> Self {
        Self {
            name: name.into(),
            source: source.into(),
            config: serde_json::json!({}),
            limits: Limits::default(),
            granted: Granted::default(),
            probation: ProbationSettings::default(),
            candidate: None,
        }
    }

    /// Whether the same file makes the same plugin with these settings.
    pub(crate) fn builds_the_same(&self, other: &Self) -> bool {
        self.name == other.name
            && self.config == other.config
            && self.limits == other.limits
            && self.granted == other.granted
    }

    /// The settings that the candidate is loaded with, if there is one.
    pub(crate) fn of_candidate(&self) -> Option<Self> {
        let candidate = self.candidate.as_ref()?;
        let config = candidate.config.clone().unwrap_or_else(|| self.config.clone());
        Some(Self { source: candidate.source.clone(), config, candidate: None, ..self.clone() })
    }
}

/// How long a new generation is on probation: until both have passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProbationSettings {
    /// So much time; 60 s.
    pub time: Duration,
    /// So many questions; 50.
    pub questions: u64,
}

impl Default for ProbationSettings {
    fn default() -> Self {
        Self { time: Duration::from_secs(60), questions: 50 }
    }
}

/// A component that is tried beside the one that decides.
#[derive(Clone, Debug, PartialEq)]
pub struct CandidateSettings {
    /// Where its component is.
    pub source: Source,
    /// Its block; that of the plugin when absent.
    pub config: Option<serde_json::Value>,
    /// What it is asked.
    pub mode: CandidateMode,
}

/// What a candidate is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CandidateMode {
    /// Everything that the plugin is asked, afterwards, and it never decides: where it would have decided otherwise is counted.
    Shadow,
    /// It decides for so many calls in a hundred; always the same calls, by their id. Where it fails, the plugin decides.
    Canary {
        /// Share of the calls, 1 to 100.
        percent: u8,
    },
}

impl fmt::Display for CandidateMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shadow => f.write_str("shadow"),
            Self::Canary { percent } => write!(f, "canary {percent} %"),
        }
    }
}

/// Who is asked, and what stands in when nobody can answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChainSettings {
    /// Names of plugins that are asked where a call goes, in order.
    pub routing: Vec<String>,
    /// Names of plugins that are asked what is allowed, in order. Empty: everything is denied.
    pub authorization: Vec<String>,
    /// Names of plugins that are asked who is called next about an incident, in order. Empty: the built-in alternation.
    pub escalation: Vec<String>,
    /// Names of plugins that are asked what an event looks like, in order. Empty: the canonical JSON.
    pub event_formatting: Vec<String>,
    /// Where calls go when no plugin of the chain can say.
    pub static_routes: Vec<StaticRoute>,
    /// What a failed router means.
    pub routing_on_failure: OnFailure,
}

/// What the failure of one plugin means for the rest of its chain.
///
/// Authorization has no choice: a failed check denies, because a weaker one must not decide in its place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// The next plugin is asked.
    #[default]
    Next,
    /// No other plugin is asked: what stands at the end of the chain answers.
    Fallback,
}

impl ChainSettings {
    /// The names of one chain.
    pub fn of(&self, kind: Kind) -> &[String] {
        match kind {
            Kind::Routing => &self.routing,
            Kind::Authorization => &self.authorization,
            Kind::Escalation => &self.escalation,
            Kind::EventFormatting => &self.event_formatting,
        }
    }

    /// The decision points whose chains name a plugin.
    pub(crate) fn kinds_of(&self, name: &str) -> impl Iterator<Item = Kind> {
        Kind::ALL.into_iter().filter(move |kind| self.of(*kind).iter().any(|other| other == name))
    }
}

/// One line of the static table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaticRoute {
    /// The dialled number; a last `*` stands for any rest. A number beats a prefix, a longer prefix a shorter one.
    pub number: String,
    /// SIP URIs, or `user` and `user@host` of our own, rung one after the other.
    pub targets: Vec<String>,
}
