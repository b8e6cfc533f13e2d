//! The one way on which new code and new settings come into use while calls run.
//!
//! The file is read once; everything after works on those bytes. They are checked, compiled and asked about themselves, and answer the
//! last recorded questions, all beside the generation that goes on answering. Then the next snapshot is swapped in, and the new
//! generation is on [`crate::probation`]. Whatever goes wrong before the swap leaves everything as it was, and says why.

use std::sync::Arc;

use cordboard_model::PluginTransition;
use tokio::time::Instant;

use crate::candidate::Candidate;
use crate::kind::Kind;
use crate::ledger::Ledger;
use crate::load::{self, LoadProblem};
use crate::plugin::Plugin;
use crate::plugins::{Ledgers, Plugins};
use crate::probation::{Judgement, Probation};
use crate::rehearsal::Rehearsal;
use crate::settings::{ChainSettings, PluginSettings};
use crate::slot::{Serving, Slot};
use crate::snapshot::Snapshot;
use crate::state::Identity;

/// What a reload came to.
#[derive(Clone, PartialEq, Debug)]
pub struct Reloaded {
    /// What answers now.
    pub serving: Arc<Identity>,
    /// What has changed; `None` when file and settings are those that answer already.
    pub swapped: Option<Swapped>,
    /// What is tried beside it.
    pub candidate: CandidateOutcome,
}

/// A generation took over.
#[derive(Clone, PartialEq, Debug)]
pub struct Swapped {
    /// What answered before; `None` when nothing could.
    pub before: Option<Arc<Identity>>,
    /// What it says to the questions that were asked last.
    pub rehearsal: Rehearsal,
}

/// What became of the candidate in a reload.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CandidateOutcome {
    /// None is configured.
    None,
    /// It is the one that there was.
    Unchanged(Arc<Identity>),
    /// A new one is tried.
    Loaded(Arc<Identity>),
    /// It could not be loaded; the one that there was goes on, if any.
    Refused(String),
}

/// Why a reload changed nothing.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// No plugin of the configuration has this name.
    #[error("expected the name of a plugin of the configuration, found {0:?}; see `cordboard plugin list`")]
    Unknown(String),
    /// The file is no good.
    #[error(transparent)]
    Load(#[from] Box<LoadProblem>),
    /// The file has failed before.
    #[error(
        "expected a file that has not failed, found {digest}, which was taken back: {reason}; change the file, or insist with --force"
    )]
    Quarantined {
        /// Its SHA-256, in hex.
        digest: String,
        /// What it did.
        reason: String,
    },
    /// Its chain needs more than it can do.
    #[error(
        "expected a plugin that decides {0} as the one before does, found none in it; build it with that interface, or take it out of the chain"
    )]
    MissingKind(Kind),
    /// It fails where the one before did not.
    #[error(
        "expected answers to the last recorded questions, but {failed} of {asked} failed, the first with: {failure}; correct the plugin, \
         or insist with --force"
    )]
    Rehearsal {
        /// Questions that it could not answer.
        failed: u64,
        /// Questions that it was asked.
        asked: u64,
        /// Why the first one failed.
        failure: String,
    },
}

/// Why nothing was rolled back.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RollbackError {
    /// No plugin of the configuration has this name.
    #[error("expected the name of a plugin of the configuration, found {0:?}; see `cordboard plugin list`")]
    Unknown(String),
    /// There is no earlier generation.
    #[error("plugin {0} has no earlier generation to roll back to; generations live until the process ends")]
    NothingEarlier(String),
}

/// A roll-back that was done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RolledBack {
    /// What answers again.
    pub serving: Arc<Identity>,
    /// What was given up.
    pub given_up: Arc<Identity>,
}

/// What stands ready to be swapped in.
struct Prepared {
    settings: PluginSettings,
    /// `None`: what answers already.
    plugin: Option<(Arc<Plugin>, Rehearsal)>,
    candidate: Tried,
}

enum Tried {
    None,
    Unchanged,
    New(Arc<Candidate>),
    Refused(String),
}

impl Plugins {
    /// Reads the file of a plugin again and lets it answer, with the settings of the configuration. `insist` takes a file that has been
    /// rolled back, and one that fails recorded questions.
    ///
    /// # Errors
    /// Why the generation before goes on answering.
    pub async fn reload(&self, name: &str, insist: bool) -> Result<Reloaded, ReloadError> {
        let _one_at_a_time = self.changing.lock().await;
        let configured = self.ledgers().get(name).map(|ledger| ledger.configured.clone());
        let Some(settings) = configured else { return Err(ReloadError::Unknown(name.to_owned())) };
        let chains = Arc::clone(&self.snapshot.load().chains);
        let prepared = self.prepare(settings.clone(), &chains, insist).await;
        self.change(|ledgers, snapshot| self.settle(ledgers, snapshot, &settings, prepared))
    }

    /// Takes over a whole configuration at once: settings, new and removed plugins, chains. A plugin whose new file or settings are no
    /// good goes on as it was; the outcome of each is returned by name.
    pub async fn configure(
        &self,
        plugins: &[PluginSettings],
        chains: ChainSettings,
    ) -> Vec<(String, Result<Reloaded, ReloadError>)> {
        let _one_at_a_time = self.changing.lock().await;
        let chains = Arc::new(chains);
        let mut ready = Vec::new();
        for settings in plugins {
            ready.push((settings, self.prepare(settings.clone(), &chains, false).await));
        }
        self.change(|ledgers, snapshot| {
            let is_gone = |name: &String| plugins.iter().all(|settings| settings.name != *name);
            for (name, _) in snapshot.slots.extract_if(.., |name, _| is_gone(name)) {
                ledgers.remove(&name);
                self.reporter.tell_of_name(&name, PluginTransition::Removed, "");
            }
            snapshot.chains = chains;
            let settle = |(settings, prepared): (&PluginSettings, _)| {
                (settings.name.clone(), self.settle(ledgers, snapshot, settings, prepared))
            };
            ready.into_iter().map(settle).collect()
        })
    }

    /// Lets the generation before answer again, by hand. The file that is given up is not taken again until it changes or somebody
    /// insists.
    ///
    /// # Errors
    /// When there is none.
    pub fn rollback(&self, name: &str) -> Result<RolledBack, RollbackError> {
        self.change(|ledgers, snapshot| {
            let unknown = || RollbackError::Unknown(name.to_owned());
            let slot = snapshot.slots.get(name).cloned().ok_or_else(unknown)?;
            let ledger = ledgers.get_mut(name).ok_or_else(unknown)?;
            let done = self.step_back(ledger, snapshot, &slot, "it was rolled back by hand");
            done.ok_or_else(|| RollbackError::NothingEarlier(name.to_owned()))
        })
    }

    /// Ends a probation.
    pub(crate) fn judge(&self, plugin: &Arc<Plugin>, judgement: Judgement) {
        let name = &plugin.identity.name;
        self.change(|ledgers, snapshot| {
            // Somebody may have changed it between the last answer and now.
            let Some(slot) = snapshot.slots.get(name).cloned() else { return };
            let Some(ledger) = ledgers.get_mut(name) else { return };
            if !slot.serving.plugin().is_some_and(|serving| Arc::ptr_eq(serving, plugin)) {
                return;
            }
            match judgement {
                Judgement::Passed => {
                    let confirmed = Slot { probation: None, ..Slot::clone(&slot) };
                    snapshot.slots.insert(name.clone(), Arc::new(confirmed));
                    self.reporter.tell(&plugin.identity, PluginTransition::Confirmed, "");
                }
                Judgement::Failed(reason) => {
                    self.step_back(ledger, snapshot, &slot, &reason);
                }
            }
        });
    }

    fn step_back(
        &self,
        ledger: &mut Ledger,
        snapshot: &mut Snapshot,
        slot: &Slot,
        reason: &str,
    ) -> Option<RolledBack> {
        let given_up = Arc::clone(slot.serving.identity()?);
        let now = Instant::now();
        let earlier = ledger.step_back(now, slot, reason)?;
        let serving = Arc::clone(&earlier.plugin.identity);
        ledger.refuse(now, format!("generation {} was rolled back: {reason}", given_up.generation));
        let again = Slot {
            serving: Serving::Loaded(earlier.plugin),
            settings: earlier.settings,
            probation: None,
            ..slot.clone()
        };
        snapshot.slots.insert(given_up.name.clone(), Arc::new(again));
        self.reporter.tell(&given_up, PluginTransition::Quarantined, reason);
        self.reporter.tell(&serving, PluginTransition::RolledBack, reason);
        Some(RolledBack { serving, given_up })
    }

    /// Does everything that takes time, and changes nothing.
    async fn prepare(
        &self,
        settings: PluginSettings,
        chains: &ChainSettings,
        insist: bool,
    ) -> Result<Prepared, ReloadError> {
        let slot = self.snapshot.load().slots.get(&settings.name).cloned();
        let next = self.ledgers().get(&settings.name).map_or(1, Ledger::next_generation);
        let plugin = self.prepare_plugin(&settings, slot.as_deref(), next, chains, insist).await?;
        let next = next + u32::from(plugin.is_some());
        let candidate = self.prepare_candidate(&settings, slot.as_deref(), next).await;
        Ok(Prepared { settings, plugin, candidate })
    }

    async fn prepare_plugin(
        &self,
        settings: &PluginSettings,
        slot: Option<&Slot>,
        generation: u32,
        chains: &ChainSettings,
        insist: bool,
    ) -> Result<Option<(Arc<Plugin>, Rehearsal)>, ReloadError> {
        let fetched = load::fetch(&self.components, settings).await.map_err(Box::new)?;
        let serving = slot.and_then(|slot| Some((slot, slot.serving.plugin()?)));
        let is_there = |(slot, plugin): (&Slot, &Arc<Plugin>)| {
            plugin.identity.digest == fetched.digest && slot.settings.builds_the_same(settings)
        };
        if serving.is_some_and(is_there) {
            return Ok(None);
        }
        self.check_quarantine(&fetched.digest, settings, insist)?;
        let plugin = load::build(&self.components, settings, fetched, Arc::clone(&self.tables), generation);
        let plugin = plugin.await.map_err(Box::new)?;
        let Some((slot, before)) = serving else { return Ok(Some((Arc::new(plugin), Rehearsal::default()))) };
        for kind in chains.kinds_of(&settings.name) {
            if before.serves(kind) && !plugin.serves(kind) {
                return Err(ReloadError::MissingKind(kind));
            }
        }
        let rehearsal = Rehearsal::of(&plugin.twin(), &slot.recorder).await;
        if rehearsal.is_worse() && !insist {
            let (failed, asked) = (rehearsal.tally.failed, rehearsal.tally.asked);
            let failure = rehearsal.failure.unwrap_or_default();
            return Err(ReloadError::Rehearsal { failed, asked, failure });
        }
        Ok(Some((Arc::new(plugin), rehearsal)))
    }

    fn check_quarantine(
        &self,
        digest: &str,
        settings: &PluginSettings,
        insist: bool,
    ) -> Result<(), ReloadError> {
        let mut ledgers = self.ledgers();
        let Some(ledger) = ledgers.get_mut(&settings.name) else { return Ok(()) };
        if insist {
            ledger.pardon(digest);
        }
        match ledger.why_quarantined(digest, settings) {
            Some(reason) => {
                Err(ReloadError::Quarantined { digest: digest.to_owned(), reason: reason.to_owned() })
            }
            None => Ok(()),
        }
    }

    async fn prepare_candidate(
        &self,
        settings: &PluginSettings,
        slot: Option<&Slot>,
        generation: u32,
    ) -> Tried {
        let (Some(wanted), Some(tried)) = (&settings.candidate, settings.of_candidate()) else {
            return Tried::None;
        };
        let refused = |problem: LoadProblem| Tried::Refused(format!("candidate: {problem}"));
        let fetched = match load::fetch(&self.components, &tried).await {
            Ok(fetched) => fetched,
            Err(problem) => return refused(problem),
        };
        if let Some(candidate) = slot.and_then(|slot| slot.candidate.as_ref()) {
            let same_code = candidate.plugin.identity.digest == fetched.digest;
            if same_code && candidate.settings.builds_the_same(&tried) && candidate.mode == wanted.mode {
                return Tried::Unchanged;
            }
        }
        match load::build(&self.components, &tried, fetched, Arc::clone(&self.tables), generation).await {
            Ok(plugin) => Tried::New(Arc::new(Candidate::new(Arc::new(plugin), tried, wanted.mode))),
            Err(problem) => refused(problem),
        }
    }

    /// Takes over what was prepared, or remembers why it was not.
    fn settle(
        &self,
        ledgers: &mut Ledgers,
        snapshot: &mut Snapshot,
        settings: &PluginSettings,
        prepared: Result<Prepared, ReloadError>,
    ) -> Result<Reloaded, ReloadError> {
        let name = &settings.name;
        let ledger = ledgers.entry(name.clone()).or_insert_with(|| Ledger::new(settings.clone()));
        ledger.configured = settings.clone();
        let slot = snapshot.slots.get(name).cloned();
        match prepared {
            Ok(prepared) => {
                let (slot, reloaded) = self.take_over(ledger, slot.as_deref(), prepared);
                snapshot.slots.insert(name.clone(), Arc::new(slot));
                Ok(reloaded)
            }
            Err(error) => {
                let reason = error.to_string();
                let is_missing = slot.as_ref().is_none_or(|slot| slot.serving.plugin().is_none());
                if is_missing {
                    let broken = Slot::new(Serving::broken(reason.clone()), settings);
                    ledger.lose(slot.as_deref());
                    snapshot.slots.insert(name.clone(), Arc::new(broken));
                }
                let change = match is_missing {
                    true => PluginTransition::LoadFailed,
                    false => PluginTransition::ReloadRefused,
                };
                ledger.refuse(Instant::now(), reason.clone());
                self.reporter.tell_of_name(name, change, reason);
                Err(error)
            }
        }
    }

    /// The slot that a question sees from now on.
    fn take_over(&self, ledger: &mut Ledger, slot: Option<&Slot>, prepared: Prepared) -> (Slot, Reloaded) {
        let Prepared { settings, plugin, candidate } = prepared;
        let now = Instant::now();
        let mut next = slot.cloned().unwrap_or_else(|| Slot::new(Serving::broken(String::new()), &settings));
        let mut swapped = None;
        if let Some((plugin, rehearsal)) = plugin {
            ledger.begin(now, &plugin.identity, slot);
            let before = slot.and_then(|slot| slot.serving.plugin());
            let watch = |before: &Arc<Plugin>| {
                Arc::new(Probation::new(settings.probation, now, before.figures().tally()))
            };
            next.probation = before.map(watch);
            let change = before.map_or(PluginTransition::Loaded, |_| PluginTransition::Reloaded);
            self.reporter.tell(&plugin.identity, change, "");
            swapped = Some(Swapped { before: before.map(|before| Arc::clone(&before.identity)), rehearsal });
            next.serving = Serving::Loaded(plugin);
        }
        next.settings = Arc::new(settings);
        let candidate = self.take_candidate(ledger, &mut next, candidate);
        let serving = next.serving.identity().cloned();
        let serving = serving.expect("what was prepared is a plugin, or there is one already");
        (next, Reloaded { serving, swapped, candidate })
    }

    fn take_candidate(&self, ledger: &mut Ledger, next: &mut Slot, candidate: Tried) -> CandidateOutcome {
        match candidate {
            Tried::None => {
                next.candidate = None;
                CandidateOutcome::None
            }
            Tried::Unchanged => {
                let identity = next.candidate.as_ref().map(|candidate| &candidate.plugin.identity);
                identity.cloned().map_or(CandidateOutcome::None, CandidateOutcome::Unchanged)
            }
            Tried::New(candidate) => {
                let identity = Arc::clone(&candidate.plugin.identity);
                ledger.count(identity.generation);
                self.reporter.tell(&identity, PluginTransition::Loaded, candidate.mode.to_string());
                next.candidate = Some(candidate);
                CandidateOutcome::Loaded(identity)
            }
            Tried::Refused(reason) => {
                ledger.refuse(Instant::now(), reason.clone());
                let name = &next.settings.name;
                self.reporter.tell_of_name(name, PluginTransition::ReloadRefused, reason.as_str());
                CandidateOutcome::Refused(reason)
            }
        }
    }
}
