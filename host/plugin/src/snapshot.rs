//! The plugins and chains of one moment.
//!
//! A snapshot never changes: whatever reloads, rolls back or configures makes the next one and swaps it in with one store. A question
//! takes the snapshot once, so that it finishes on the generations that it began with.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::failure::{Failure, FailureReason};
use crate::kind::Kind;
use crate::plugin::Plugin;
use crate::settings::ChainSettings;
use crate::slot::{Serving, Slot};

/// Everything that a question needs.
#[derive(Clone)]
pub(crate) struct Snapshot {
    pub(crate) slots: BTreeMap<String, Arc<Slot>>,
    pub(crate) chains: Arc<ChainSettings>,
}

impl Snapshot {
    /// The plugin of a name, if it is loaded and decides this kind.
    pub(crate) fn find(&self, name: &str, kind: Kind) -> Result<(&Arc<Slot>, &Arc<Plugin>), Failure> {
        let message = match self.slots.get(name).map(|slot| (slot, &slot.serving)) {
            Some((slot, Serving::Loaded(plugin))) if plugin.serves(kind) => return Ok((slot, plugin)),
            Some((_, Serving::Loaded(_))) => {
                format!("plugin {name} does not export {kind}; take it out of the {kind} chain")
            }
            Some((_, Serving::Broken(broken))) => {
                broken.counters.refuse(FailureReason::NotLoaded);
                broken.problem.clone()
            }
            None => format!("the {kind} chain names plugin {name}, which is not configured"),
        };
        Err(Failure::new(FailureReason::NotLoaded, message))
    }

    /// Decision points that do not work as configured, each with the sentence that says why.
    pub(crate) fn degraded(&self) -> Vec<(Kind, String)> {
        let mut degraded = Vec::new();
        for kind in Kind::ALL {
            for name in self.chains.of(kind) {
                degraded.extend(self.reason(name, kind).map(|reason| (kind, reason)));
            }
        }
        degraded
    }

    /// Why a plugin of a chain does not answer.
    fn reason(&self, name: &str, kind: Kind) -> Option<String> {
        match self.slots.get(name).map(|slot| &slot.serving) {
            Some(Serving::Loaded(plugin)) if plugin.serves(kind) => plugin
                .has_open_breaker()
                .then(|| format!("plugin {name} fails too often; its fallback answers")),
            Some(Serving::Broken(broken)) => Some(broken.problem.clone()),
            Some(Serving::Loaded(_)) | None => self.find(name, kind).err().map(|failure| failure.message),
        }
    }
}
