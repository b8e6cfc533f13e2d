//! A name of the configuration, and the code that answers under it.

use std::sync::Arc;

use crate::counters::Counters;
use crate::plugin::Plugin;
use crate::state::{Health, PluginState};

/// One plugin of the configuration as a snapshot has it.
pub(crate) struct Slot {
    /// Its name.
    pub(crate) name: String,
    /// What answers.
    pub(crate) serving: Serving,
}

/// What answers under a name.
#[derive(Clone)]
pub(crate) enum Serving {
    /// A generation.
    Loaded(Arc<Plugin>),
    /// Nothing: there has never been one that could be loaded.
    Broken(Arc<Broken>),
}

/// A plugin that could not be loaded, with the questions that it was missed for.
pub(crate) struct Broken {
    pub(crate) problem: String,
    pub(crate) counters: Counters,
}

impl Slot {
    /// The slot as metrics and people see it.
    pub(crate) fn state(&self) -> PluginState {
        match &self.serving {
            Serving::Loaded(plugin) => plugin.state(),
            Serving::Broken(broken) => PluginState {
                name: self.name.clone(),
                identity: None,
                kinds: Vec::new(),
                health: Health::Broken { problem: broken.problem.clone() },
                figures: broken.counters.figures(),
                counters: Vec::new(),
                dropped: 0,
            },
        }
    }
}
