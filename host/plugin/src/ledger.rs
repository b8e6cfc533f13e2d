//! What is remembered about the generations of one name, beside the questions that they answer.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::time::Instant;

use crate::counters::PluginFigures;
use crate::plugin::Plugin;
use crate::settings::PluginSettings;
use crate::slot::Slot;
use crate::state::{GenerationOutcome, GenerationState, Identity, Quarantined, Refusal};

/// Generations that are kept, with the one that answers. Each holds the compiled code of its component.
const KEPT_GENERATIONS: usize = 3;

/// Generations that are remembered.
const HISTORY: usize = 20;

/// Files that are remembered as bad.
const QUARANTINE: usize = 16;

/// The generations of one name.
pub(crate) struct Ledger {
    /// What the configuration wants, loaded or not.
    pub(crate) configured: PluginSettings,
    generations: u32,
    /// Generations to roll back to, newest last.
    earlier: VecDeque<Earlier>,
    history: VecDeque<Entry>,
    quarantine: VecDeque<Bad>,
    refusal: Option<(Instant, String)>,
    /// What generations have done that are gone.
    retired: PluginFigures,
}

/// A generation to roll back to.
pub(crate) struct Earlier {
    pub(crate) plugin: Arc<Plugin>,
    pub(crate) settings: Arc<PluginSettings>,
}

struct Entry {
    identity: Arc<Identity>,
    since: Instant,
    outcome: GenerationOutcome,
}

struct Bad {
    digest: String,
    settings: PluginSettings,
    reason: String,
}

impl Ledger {
    pub(crate) fn new(configured: PluginSettings) -> Self {
        Self {
            configured,
            generations: 0,
            earlier: VecDeque::new(),
            history: VecDeque::new(),
            quarantine: VecDeque::new(),
            refusal: None,
            retired: PluginFigures::default(),
        }
    }

    /// The number of the generation that would be next.
    pub(crate) fn next_generation(&self) -> u32 {
        self.generations + 1
    }

    /// A generation begins to answer in the place of what `slot` has had.
    pub(crate) fn begin(&mut self, now: Instant, identity: &Arc<Identity>, slot: Option<&Slot>) {
        self.count(identity.generation);
        self.refusal = None;
        self.end(GenerationOutcome::Replaced);
        match slot.map(|slot| (slot, slot.serving.plugin())) {
            Some((slot, Some(plugin))) => self.keep(Arc::clone(plugin), Arc::clone(&slot.settings)),
            Some((slot, None)) => self.retired.add(&slot.serving.figures()),
            None => {}
        }
        let entry = Entry { identity: Arc::clone(identity), since: now, outcome: GenerationOutcome::Serving };
        self.history.push_back(entry);
        if self.history.len() > HISTORY {
            self.history.pop_front();
        }
    }

    /// Nothing answers, and nothing did.
    pub(crate) fn lose(&mut self, slot: Option<&Slot>) {
        if let Some(slot) = slot {
            self.retired.add(&slot.serving.figures());
        }
    }

    /// A number was given to a candidate.
    pub(crate) fn count(&mut self, generation: u32) {
        self.generations = self.generations.max(generation);
    }

    /// The generation that answers is given up for the one before, which is returned, and its file is not taken again. `None` when there
    /// is none before.
    pub(crate) fn step_back(&mut self, now: Instant, slot: &Slot, reason: &str) -> Option<Earlier> {
        let bad = slot.serving.plugin()?;
        let earlier = self.earlier.pop_back()?;
        self.retired.add(&bad.figures());
        self.end(GenerationOutcome::RolledBack { reason: reason.to_owned() });
        self.quarantine.push_back(Bad {
            digest: bad.identity.digest.clone(),
            settings: PluginSettings::clone(&slot.settings),
            reason: reason.to_owned(),
        });
        if self.quarantine.len() > QUARANTINE {
            self.quarantine.pop_front();
        }
        let again = earlier.plugin.identity.generation;
        if let Some(entry) = self.history.iter_mut().find(|entry| entry.identity.generation == again) {
            (entry.since, entry.outcome) = (now, GenerationOutcome::Serving);
        }
        Some(earlier)
    }

    /// Why a file is not taken with these settings.
    pub(crate) fn why_quarantined(&self, digest: &str, settings: &PluginSettings) -> Option<&str> {
        let found =
            self.quarantine.iter().find(|bad| bad.digest == digest && bad.settings.builds_the_same(settings));
        found.map(|bad| bad.reason.as_str())
    }

    /// Somebody insists on a file.
    pub(crate) fn pardon(&mut self, digest: &str) {
        self.quarantine.retain(|bad| bad.digest != digest);
    }

    /// A change did not come about, or was taken back.
    pub(crate) fn refuse(&mut self, now: Instant, reason: String) {
        self.refusal = Some((now, reason));
    }

    /// What all generations of this name have done together.
    pub(crate) fn figures(&self, slot: &Slot) -> PluginFigures {
        let mut sum = slot.serving.figures();
        sum.add(&self.retired);
        for earlier in &self.earlier {
            sum.add(&earlier.plugin.figures());
        }
        sum
    }

    pub(crate) fn refusal(&self, now: Instant) -> Option<Refusal> {
        let (at, reason) = self.refusal.as_ref()?;
        Some(Refusal { age: now.duration_since(*at), reason: reason.clone() })
    }

    pub(crate) fn quarantine(&self) -> Vec<Quarantined> {
        let bad = self.quarantine.iter();
        bad.map(|bad| Quarantined { digest: bad.digest.clone(), reason: bad.reason.clone() }).collect()
    }

    /// Newest first.
    pub(crate) fn history(&self, now: Instant, slot: &Slot) -> Vec<GenerationState> {
        let kept = |generation: u32| {
            let earlier = self.earlier.iter().map(|earlier| &earlier.plugin);
            earlier.chain(slot.serving.plugin()).find(|plugin| plugin.identity.generation == generation)
        };
        let states = self.history.iter().rev().map(|entry| {
            let plugin = kept(entry.identity.generation);
            GenerationState {
                identity: Arc::clone(&entry.identity),
                age: now.duration_since(entry.since),
                outcome: entry.outcome.clone(),
                is_kept: plugin.is_some(),
                figures: plugin.map(|plugin| plugin.figures()),
            }
        });
        states.collect()
    }

    fn keep(&mut self, plugin: Arc<Plugin>, settings: Arc<PluginSettings>) {
        self.earlier.push_back(Earlier { plugin, settings });
        if self.earlier.len() == KEPT_GENERATIONS {
            let gone = self.earlier.pop_front().expect("it is not empty");
            self.retired.add(&gone.plugin.figures());
        }
    }

    fn end(&mut self, outcome: GenerationOutcome) {
        let serving = |entry: &&mut Entry| entry.outcome == GenerationOutcome::Serving;
        if let Some(entry) = self.history.iter_mut().find(serving) {
            entry.outcome = outcome;
        }
    }
}
