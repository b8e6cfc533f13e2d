//! Plugins as decisions, metrics and people see them.

use std::fmt;

use crate::counters::{GuestCounter, PluginFigures};
use crate::kind::Kind;

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
    /// Its figures.
    pub figures: PluginFigures,
    /// Counters that it keeps itself.
    pub counters: Vec<GuestCounter>,
    /// Log lines and counter additions beyond its bounds.
    pub dropped: u64,
}
