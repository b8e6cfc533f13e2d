//! What happens to plugins while calls run.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Something that happened to a plugin of the configuration.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PluginChange {
    /// Name in the configuration.
    pub plugin: String,
    /// What happened.
    pub change: PluginTransition,
    /// Which generation of that name it is about; `None` when nothing was loaded.
    pub generation: Option<u32>,
    /// SHA-256 of the component file, in hex; `None` when it was not read.
    pub digest: Option<String>,
    /// Version that the plugin gives itself.
    pub version: Option<String>,
    /// Why, for the operator; may be empty.
    pub reason: String,
}

/// What happened to a plugin.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PluginTransition {
    /// It was loaded at the start, or when it joined the configuration.
    Loaded,
    /// It could not be loaded, and nothing answers under its name.
    LoadFailed,
    /// A new generation answers, on probation.
    Reloaded,
    /// A new generation was not good enough; the one before goes on answering.
    ReloadRefused,
    /// The new generation has passed its probation.
    Confirmed,
    /// The generation before answers again.
    RolledBack,
    /// The file of a generation is not taken again until it changes or somebody insists.
    Quarantined,
    /// It failed too often and is left alone for a while.
    BreakerOpened,
    /// It answers again.
    BreakerClosed,
    /// It left the configuration.
    Removed,
}

impl PluginTransition {
    /// The name in events, logs and metrics; the same as its serialised form.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Loaded => "loaded",
            Self::LoadFailed => "load-failed",
            Self::Reloaded => "reloaded",
            Self::ReloadRefused => "reload-refused",
            Self::Confirmed => "confirmed",
            Self::RolledBack => "rolled-back",
            Self::Quarantined => "quarantined",
            Self::BreakerOpened => "breaker-opened",
            Self::BreakerClosed => "breaker-closed",
            Self::Removed => "removed",
        }
    }
}

impl fmt::Display for PluginTransition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
