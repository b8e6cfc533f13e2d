//! Plugins as metrics and people see them.

use std::sync::Arc;

use tokio::time::Instant;

use crate::grants::HostFigures;
use crate::ledger::Ledger;
use crate::plugins::Plugins;
use crate::slot::{Serving, Slot};
use crate::snapshot::Snapshot;
use crate::state::{Health, PluginDetail, PluginState, ProbationState};

impl Plugins {
    /// Every plugin of the configuration, by name.
    pub fn states(&self) -> Vec<PluginState> {
        // The ledgers first: no snapshot is stored while they are held, so that no generation is counted twice.
        let ledgers = self.ledgers();
        let snapshot = self.snapshot.load();
        let slots = snapshot.slots.iter();
        slots.map(|(name, slot)| state(name, slot, ledgers.get(name))).collect()
    }

    /// Everything about every plugin, by name.
    pub fn details(&self) -> Vec<PluginDetail> {
        let names: Vec<String> = self.snapshot.load().slots.keys().cloned().collect();
        names.iter().filter_map(|name| self.detail(name)).collect()
    }

    /// Everything about one plugin; `None` when the configuration has none of this name.
    pub fn detail(&self, name: &str) -> Option<PluginDetail> {
        let ledgers = self.ledgers();
        let snapshot: Arc<Snapshot> = self.snapshot.load_full();
        let (slot, ledger) = (snapshot.slots.get(name)?, ledgers.get(name)?);
        let now = Instant::now();
        Some(PluginDetail {
            state: state(name, slot, Some(ledger)),
            source: ledger.configured.source.clone(),
            generations: ledger.history(now, slot),
            probation: slot.probation.as_ref().map(|probation| {
                let (tally, age) = probation.so_far(now);
                ProbationState { tally, age }
            }),
            refusal: ledger.refusal(now),
            quarantine: ledger.quarantine(),
            candidate: slot.candidate.as_ref().map(|candidate| candidate.state()),
        })
    }
}

fn state(name: &str, slot: &Slot, ledger: Option<&Ledger>) -> PluginState {
    let mut state = match &slot.serving {
        Serving::Loaded(plugin) => plugin.state(),
        Serving::Broken(broken) => PluginState {
            name: name.to_owned(),
            identity: None,
            kinds: Vec::new(),
            health: Health::Broken { problem: broken.problem.clone() },
            figures: broken.counters.figures(),
            host: HostFigures::default(),
            counters: Vec::new(),
            dropped: 0,
        },
    };
    if let Some(ledger) = ledger {
        state.figures = ledger.figures(slot);
    }
    state
}
