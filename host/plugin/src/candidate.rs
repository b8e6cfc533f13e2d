//! A component that is tried beside the one that decides: as a shadow or as a canary.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Semaphore;

use crate::ask::Ask;
use crate::plugin::Plugin;
use crate::said::Said;
use crate::settings::{CandidateMode, PluginSettings};
use crate::state::{CandidateState, Disagreement};

/// Questions that shadows are asked at once. Beyond they are skipped and counted: a slow candidate must not pile up work.
const SHADOWS: usize = 32;

/// Questions with different answers that are kept for people to look at.
const SAMPLES: usize = 20;

/// A loaded candidate.
pub(crate) struct Candidate {
    pub(crate) plugin: Arc<Plugin>,
    pub(crate) settings: PluginSettings,
    pub(crate) mode: CandidateMode,
    shadows: Arc<Semaphore>,
    compared: AtomicU64,
    differing: AtomicU64,
    failed: AtomicU64,
    skipped: AtomicU64,
    /// The last disagreements. Held for a moment when there is one, and when somebody looks.
    samples: Mutex<VecDeque<Disagreement>>,
}

impl Candidate {
    pub(crate) fn new(plugin: Arc<Plugin>, settings: PluginSettings, mode: CandidateMode) -> Self {
        Self {
            plugin,
            settings,
            mode,
            shadows: Arc::new(Semaphore::new(SHADOWS)),
            compared: AtomicU64::default(),
            differing: AtomicU64::default(),
            failed: AtomicU64::default(),
            skipped: AtomicU64::default(),
            samples: Mutex::default(),
        }
    }

    /// Whether it decides about this question before the plugin is asked.
    pub(crate) fn takes<Q: Ask>(&self, question: &Q) -> bool {
        match self.mode {
            CandidateMode::Shadow => false,
            CandidateMode::Canary { percent } => {
                self.plugin.serves(Q::KIND) && question.key() % 100 < u64::from(percent)
            }
        }
    }

    /// Asks it too, on a task of its own, and compares. Whoever asked does not wait.
    pub(crate) fn shadow<Q: Ask>(self: &Arc<Self>, question: &Q, said: Said<Q::Answer>) {
        if self.mode != CandidateMode::Shadow || !self.plugin.serves(Q::KIND) {
            return;
        }
        let Ok(permit) = Arc::clone(&self.shadows).try_acquire_owned() else {
            self.skipped.fetch_add(1, Relaxed);
            return;
        };
        let (candidate, question) = (Arc::clone(self), question.clone());
        tokio::spawn(async move {
            let reply = question.ask(&candidate.plugin).await;
            match Said::of(&reply) {
                Some(own) => candidate.compare(&question, &said, &own),
                None => candidate.skip(),
            }
            drop(permit);
        });
    }

    fn skip(&self) {
        self.skipped.fetch_add(1, Relaxed);
    }

    fn compare<Q: Ask>(&self, question: &Q, said: &Said<Q::Answer>, own: &Said<Q::Answer>) {
        self.compared.fetch_add(1, Relaxed);
        if *own == Said::Failed {
            self.failed.fetch_add(1, Relaxed);
            return;
        }
        let differences = said.differences(own);
        if differences.is_empty() {
            return;
        }
        self.differing.fetch_add(1, Relaxed);
        self.keep(Disagreement { kind: Q::KIND, call_id: question.call_id(), differences });
    }

    fn keep(&self, disagreement: Disagreement) {
        let mut samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        if samples.len() == SAMPLES {
            samples.pop_front();
        }
        samples.push_back(disagreement);
    }

    /// The candidate as metrics and people see it.
    pub(crate) fn state(&self) -> CandidateState {
        CandidateState {
            identity: Arc::clone(&self.plugin.identity),
            source: self.settings.source.clone(),
            mode: self.mode,
            figures: self.plugin.figures(),
            compared: self.compared.load(Relaxed),
            differing: self.differing.load(Relaxed),
            failed: self.failed.load(Relaxed),
            skipped: self.skipped.load(Relaxed),
            samples: self.samples.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect(),
        }
    }
}
