//! All plugins of the node: who is asked in which order, and what is answered when nobody can.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use cordboard_model::{
    AuthorizationSubject, EscalationDecision, EscalationQuestion, FormatDecision, FormatQuestion,
    PluginChange, PluginTransition, RouteDecision, RouteQuestion, Verdict,
};
use tokio::time::Instant;

use crate::ask::Ask;
use crate::breaker::Turn;
use crate::component::{ComponentSettings, Components};
use crate::decided::{Asking, Decided, DecidedBy, StepEnd};
use crate::engine::EngineError;
use crate::fallback;
use crate::imports::Lookup;
use crate::kind::Kind;
use crate::ledger::Ledger;
use crate::load::LoadProblem;
use crate::plugin::{Plugin, Reply};
use crate::reload::ReloadError;
use crate::report::Reporter;
use crate::said::Said;
use crate::settings::{ChainSettings, OnFailure, PluginSettings};
use crate::slot::{Serving, Slot};
use crate::snapshot::Snapshot;
use crate::state::Identity;

/// All plugins of the node. Asked from any task at once; every question finishes on the generations that it began with.
pub struct Plugins {
    /// What questions see. Stored only while `ledgers` is held.
    pub(crate) snapshot: ArcSwap<Snapshot>,
    pub(crate) components: Components,
    pub(crate) tables: Arc<dyn Lookup>,
    pub(crate) reporter: Reporter,
    /// Held while new code is loaded and tried: one change at a time. Whoever asks a question never waits for it.
    pub(crate) changing: tokio::sync::Mutex<()>,
    /// What is remembered by name. Held for moments.
    ledgers: Mutex<Ledgers>,
}

pub(crate) type Ledgers = BTreeMap<String, Ledger>;

impl Plugins {
    /// Loads the plugins of a configuration. One that cannot be loaded does not keep the others from it: its problem is returned, its
    /// decision points are degraded, and its questions get the fallback.
    ///
    /// # Errors
    /// When no plugin can run at all, because the engine does not start.
    pub async fn load(
        plugins: &[PluginSettings],
        chains: ChainSettings,
        tables: Arc<dyn Lookup>,
        components: &ComponentSettings,
    ) -> Result<(Self, Vec<LoadProblem>), EngineError> {
        let none = Snapshot { slots: BTreeMap::new(), chains: Arc::default() };
        let loaded = Self {
            snapshot: ArcSwap::from_pointee(none),
            components: Components::start(components)?,
            tables,
            reporter: Reporter::default(),
            changing: tokio::sync::Mutex::new(()),
            ledgers: Mutex::default(),
        };
        let outcomes = loaded.configure(plugins, chains).await;
        let problems = outcomes.into_iter().filter_map(|(_, outcome)| match outcome {
            Err(ReloadError::Load(problem)) => Some(*problem),
            _ => None,
        });
        let problems = problems.collect();
        Ok((loaded, problems))
    }

    /// Tells `sink` what is loaded now, and from now on whatever happens to plugins. The sink must not wait, as questions call it, and
    /// must not ask anything of these plugins.
    pub fn on_change(&self, sink: impl Fn(PluginChange) + Send + Sync + 'static) {
        self.reporter.listen(Box::new(sink));
        for (name, slot) in &self.snapshot.load().slots {
            match &slot.serving {
                Serving::Loaded(plugin) => {
                    self.reporter.tell(&plugin.identity, PluginTransition::Loaded, "");
                }
                Serving::Broken(broken) => {
                    self.reporter.tell_of_name(name, PluginTransition::LoadFailed, broken.problem.as_str());
                }
            }
        }
    }

    /// Decides whether something may happen. A plugin that fails denies, because a weaker one must not decide in its place.
    pub async fn authorize(&self, subject: &AuthorizationSubject) -> Decided<Verdict> {
        let snapshot = self.snapshot.load_full();
        let mut asking = Asking::new(Kind::Authorization, subject.call_id());
        match self.walk(&snapshot, subject, &mut asking, OnFailure::Fallback).await {
            End::Decided(verdict, by) => asking.decided(verdict, DecidedBy::Plugin(by)),
            End::Failed => asking.decided(fallback::authorization_failed(), DecidedBy::Fallback),
            End::Nobody => asking.decided(fallback::nobody_allows(), DecidedBy::Fallback),
        }
    }

    /// Decides where a call goes.
    pub async fn route(&self, question: &RouteQuestion) -> Decided<RouteDecision> {
        let snapshot = self.snapshot.load_full();
        let mut asking = Asking::new(Kind::Routing, question.call_id());
        let on_failure = snapshot.chains.routing_on_failure;
        if let End::Decided(decision, by) = self.walk(&snapshot, question, &mut asking, on_failure).await {
            return asking.decided(decision, DecidedBy::Plugin(by));
        }
        match fallback::static_route(&snapshot.chains.static_routes, question) {
            Some(decision) => asking.decided(decision, DecidedBy::StaticTable),
            None => asking.decided(fallback::no_route(), DecidedBy::Fallback),
        }
    }

    /// Decides who is called next about an incident. When no plugin can, the built-in alternation does: a page is never lost.
    pub async fn escalate(&self, question: &EscalationQuestion) -> Decided<EscalationDecision> {
        let snapshot = self.snapshot.load_full();
        let mut asking = Asking::new(Kind::Escalation, question.call_id());
        match self.walk(&snapshot, question, &mut asking, OnFailure::Next).await {
            End::Decided(decision, by) => asking.decided(decision, DecidedBy::Plugin(by)),
            End::Failed | End::Nobody => asking.decided(fallback::alternation(question), DecidedBy::Fallback),
        }
    }

    /// Decides what an event looks like to its receiver. A plugin that fails costs the event its form, never its delivery: the
    /// canonical JSON is delivered, with a header that names the failure.
    pub async fn format(&self, question: &FormatQuestion) -> Decided<FormatDecision> {
        let snapshot = self.snapshot.load_full();
        let mut asking = Asking::new(Kind::EventFormatting, question.call_id());
        match self.walk(&snapshot, question, &mut asking, OnFailure::Fallback).await {
            End::Decided(decision, by) => asking.decided(decision, DecidedBy::Plugin(by)),
            End::Failed | End::Nobody => {
                let form = fallback::canonical(question, asking.last_failure());
                asking.decided(form, DecidedBy::Fallback)
            }
        }
    }

    /// Decision points that do not work as configured, each with the sentence that says why. Empty: all is well.
    pub fn degraded(&self) -> Vec<(Kind, String)> {
        self.snapshot.load().degraded()
    }

    /// Asks the plugins of a chain in their order until one decides.
    async fn walk<Q: Ask>(
        &self,
        snapshot: &Snapshot,
        question: &Q,
        asking: &mut Asking,
        on_failure: OnFailure,
    ) -> End<Q::Answer> {
        for name in snapshot.chains.of(Q::KIND) {
            let end = match snapshot.find(name, Q::KIND) {
                Ok((slot, plugin)) => self.ask(slot, plugin, question, asking).await,
                Err(failure) => asking.miss(name, failure),
            };
            match end {
                StepEnd::Answer(answer, by) => return End::Decided(answer, by),
                StepEnd::Failed if on_failure == OnFailure::Fallback => return End::Failed,
                StepEnd::Failed | StepEnd::Passed => {}
            }
        }
        End::Nobody
    }

    /// Asks what answers under one name: the canary, if there is one and this is a call of its share, and the plugin where that fails.
    async fn ask<Q: Ask>(
        &self,
        slot: &Slot,
        plugin: &Arc<Plugin>,
        question: &Q,
        asking: &mut Asking,
    ) -> StepEnd<Q::Answer> {
        if let Some(canary) = slot.candidate.as_ref().filter(|candidate| candidate.takes(question)) {
            let begin = Instant::now();
            let reply = question.ask(&canary.plugin).await;
            self.tell_turn(&canary.plugin);
            let end = asking.note(&canary.plugin.identity, begin, reply);
            if !matches!(end, StepEnd::Failed) {
                return end;
            }
        }
        let begin = Instant::now();
        let reply = question.ask(plugin).await;
        self.take_note(slot, plugin, question, &reply);
        asking.note(&plugin.identity, begin, reply)
    }

    /// Remembers a question for the next generation, shows it to the shadow, and watches the plugin.
    fn take_note<Q: Ask>(&self, slot: &Slot, plugin: &Arc<Plugin>, question: &Q, reply: &Reply<Q::Answer>) {
        self.tell_turn(plugin);
        let Some(said) = Said::of(reply) else { return };
        if let Some(shadow) = &slot.candidate {
            shadow.shadow(question, said.clone());
        }
        if let Some(probation) = &slot.probation {
            let judgement = probation.note(Instant::now(), said == Said::Failed, plugin.has_open_breaker());
            if let Some(judgement) = judgement {
                self.judge(plugin, judgement);
            }
        }
        Q::ring(&slot.recorder).record(question, said);
    }

    fn tell_turn(&self, plugin: &Plugin) {
        let (change, reason) = match plugin.take_turn() {
            Some(Turn::Opened) => (PluginTransition::BreakerOpened, "it failed too often lately"),
            Some(Turn::Closed) => (PluginTransition::BreakerClosed, "a probe was answered"),
            None => return,
        };
        self.reporter.tell(&plugin.identity, change, reason);
    }

    /// Makes the next snapshot out of the one there is, and swaps it in.
    pub(crate) fn change<T>(&self, act: impl FnOnce(&mut Ledgers, &mut Snapshot) -> T) -> T {
        let mut ledgers = self.ledgers();
        let mut next = Snapshot::clone(&self.snapshot.load());
        let result = act(&mut ledgers, &mut next);
        self.snapshot.store(Arc::new(next));
        result
    }

    pub(crate) fn ledgers(&self) -> MutexGuard<'_, Ledgers> {
        self.ledgers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How a walk along a chain ended.
enum End<T> {
    /// A plugin decided.
    Decided(T, Arc<Identity>),
    /// A plugin failed, and the policy is to ask no other.
    Failed,
    /// Nobody is left.
    Nobody,
}
