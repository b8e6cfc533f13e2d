//! All plugins of the node: who is asked in which order, and what is answered when nobody can.

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use cordboard_model::{
    AuthorizationSubject, EscalationDecision, EscalationQuestion, FormatDecision, FormatQuestion,
    RouteDecision, RouteQuestion, Verdict,
};
use tokio::time::Instant;

use crate::ask::Ask;
use crate::component::{ComponentSettings, Components};
use crate::counters::Counters;
use crate::decided::{Asking, Decided, DecidedBy, StepEnd};
use crate::engine::EngineError;
use crate::fallback;
use crate::imports::Lookup;
use crate::kind::Kind;
use crate::load::{self, LoadProblem};
use crate::settings::{ChainSettings, OnFailure, PluginSettings};
use crate::slot::{Broken, Serving, Slot};
use crate::snapshot::Snapshot;
use crate::state::{Identity, PluginState};

/// All plugins of the node. Asked from any task at once; every question finishes on the generations that it began with.
pub struct Plugins {
    snapshot: ArcSwap<Snapshot>,
}

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
        let components = Components::start(components)?;
        let mut slots = BTreeMap::new();
        let mut problems = Vec::new();
        for settings in plugins {
            let serving = match load::load(&components, settings, Arc::clone(&tables), 1).await {
                Ok(plugin) => Serving::Loaded(Arc::new(plugin)),
                Err(problem) => {
                    let broken = Broken { problem: problem.to_string(), counters: Counters::default() };
                    problems.push(problem);
                    Serving::Broken(Arc::new(broken))
                }
            };
            slots.insert(settings.name.clone(), Arc::new(Slot { name: settings.name.clone(), serving }));
        }
        let snapshot = ArcSwap::from_pointee(Snapshot { slots, chains });
        Ok((Self { snapshot }, problems))
    }

    /// Decides whether something may happen. A plugin that fails denies, because a weaker one must not decide in its place.
    pub async fn authorize(&self, subject: &AuthorizationSubject) -> Decided<Verdict> {
        let snapshot = self.snapshot.load_full();
        let mut asking = Asking::new(Kind::Authorization, subject.call_id());
        match walk(&snapshot, subject, &mut asking, OnFailure::Fallback).await {
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
        if let End::Decided(decision, by) = walk(&snapshot, question, &mut asking, on_failure).await {
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
        match walk(&snapshot, question, &mut asking, OnFailure::Next).await {
            End::Decided(decision, by) => asking.decided(decision, DecidedBy::Plugin(by)),
            End::Failed | End::Nobody => asking.decided(fallback::alternation(question), DecidedBy::Fallback),
        }
    }

    /// Decides what an event looks like to its receiver. A plugin that fails costs the event its form, never its delivery: the
    /// canonical JSON is delivered, with a header that names the failure.
    pub async fn format(&self, question: &FormatQuestion) -> Decided<FormatDecision> {
        let snapshot = self.snapshot.load_full();
        let mut asking = Asking::new(Kind::EventFormatting, question.call_id());
        match walk(&snapshot, question, &mut asking, OnFailure::Fallback).await {
            End::Decided(decision, by) => asking.decided(decision, DecidedBy::Plugin(by)),
            End::Failed | End::Nobody => {
                let form = fallback::canonical(question, asking.last_failure());
                asking.decided(form, DecidedBy::Fallback)
            }
        }
    }

    /// Every plugin of the configuration, by name.
    pub fn states(&self) -> Vec<PluginState> {
        self.snapshot.load().slots.values().map(|slot| slot.state()).collect()
    }

    /// Decision points that do not work as configured, each with the sentence that says why. Empty: all is well.
    pub fn degraded(&self) -> Vec<(Kind, String)> {
        self.snapshot.load().degraded()
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

/// Asks the plugins of a chain in their order until one decides.
async fn walk<Q: Ask>(
    snapshot: &Snapshot,
    question: &Q,
    asking: &mut Asking,
    on_failure: OnFailure,
) -> End<Q::Answer> {
    for name in snapshot.chains.of(Q::KIND) {
        let begin = Instant::now();
        let (reply, by) = match snapshot.find(name, Q::KIND) {
            Ok((_, plugin)) => (question.ask(plugin).await, Some(&plugin.identity)),
            Err(failure) => (Err(failure), None),
        };
        match (asking.note(name, begin, reply), by) {
            (StepEnd::Answer(answer), Some(by)) => return End::Decided(answer, Arc::clone(by)),
            (StepEnd::Failed, _) if on_failure == OnFailure::Fallback => return End::Failed,
            (StepEnd::Answer(_) | StepEnd::Failed | StepEnd::Passed, _) => {}
        }
    }
    End::Nobody
}
