//! Tells whoever listens what happens to plugins.

use std::sync::OnceLock;

use cordboard_model::{PluginChange, PluginTransition};

use crate::state::Identity;

type Sink = Box<dyn Fn(PluginChange) + Send + Sync>;

/// The way of a change to its listener; must not wait, as questions walk it.
#[derive(Default)]
pub(crate) struct Reporter(OnceLock<Sink>);

impl Reporter {
    /// Changes go to `sink` from now on. There is one listener for the life of the process.
    pub(crate) fn listen(&self, sink: Sink) {
        // A second listener would be a mistake of the wiring, and harmless.
        let _ = self.0.set(sink);
    }

    /// Something happened to a generation.
    pub(crate) fn tell(&self, identity: &Identity, change: PluginTransition, reason: impl Into<String>) {
        self.send(PluginChange {
            plugin: identity.name.clone(),
            change,
            generation: Some(identity.generation),
            digest: Some(identity.digest.clone()),
            version: Some(identity.version.clone()),
            reason: reason.into(),
        });
    }

    /// Something happened to a name.
    pub(crate) fn tell_of_name(&self, plugin: &str, change: PluginTransition, reason: impl Into<String>) {
        self.send(PluginChange {
            plugin: plugin.to_owned(),
            change,
            generation: None,
            digest: None,
            version: None,
            reason: reason.into(),
        });
    }

    fn send(&self, change: PluginChange) {
        if let Some(sink) = self.0.get() {
            sink(change);
        }
    }
}
