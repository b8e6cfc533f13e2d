//! A name of the configuration, and the code that answers under it.

use std::sync::Arc;

use crate::candidate::Candidate;
use crate::counters::{Counters, PluginFigures};
use crate::plugin::Plugin;
use crate::probation::Probation;
use crate::said::Recorder;
use crate::settings::PluginSettings;
use crate::state::Identity;

/// One plugin of the configuration as a snapshot has it.
#[derive(Clone)]
pub(crate) struct Slot {
    /// What answers.
    pub(crate) serving: Serving,
    /// What it was loaded with.
    pub(crate) settings: Arc<PluginSettings>,
    /// What it was asked last; handed on from generation to generation.
    pub(crate) recorder: Arc<Recorder>,
    /// Watches it while it is new.
    pub(crate) probation: Option<Arc<Probation>>,
    /// What is tried beside it.
    pub(crate) candidate: Option<Arc<Candidate>>,
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

impl Serving {
    pub(crate) fn broken(problem: String) -> Self {
        Self::Broken(Arc::new(Broken { problem, counters: Counters::default() }))
    }

    pub(crate) fn plugin(&self) -> Option<&Arc<Plugin>> {
        match self {
            Self::Loaded(plugin) => Some(plugin),
            Self::Broken(_) => None,
        }
    }

    pub(crate) fn identity(&self) -> Option<&Arc<Identity>> {
        self.plugin().map(|plugin| &plugin.identity)
    }

    pub(crate) fn figures(&self) -> PluginFigures {
        match self {
            Self::Loaded(plugin) => plugin.figures(),
            Self::Broken(broken) => broken.counters.figures(),
        }
    }
}

impl Slot {
    pub(crate) fn new(serving: Serving, settings: &PluginSettings) -> Self {
        Self {
            serving,
            settings: Arc::new(settings.clone()),
            recorder: Arc::default(),
            probation: None,
            candidate: None,
        }
    }
}
