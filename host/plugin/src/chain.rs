//! Who is asked in which order, and what is answered when nobody can.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use cordboard_model::{AuthorizationSubject, CallId, RouteDecision, RouteQuestion, Verdict};
use tokio::time::Instant;

use crate::counters::Counters;
use crate::engine::{EngineError, Sandbox};
use crate::failure::{Failure, FailureReason};
use crate::fallback;
use crate::imports::Lookup;
use crate::kind::Kind;
use crate::load::{self, LoadProblem};
use crate::plugin::{Given, Health, Identity, Plugin, PluginState, Reply};
use crate::settings::{ChainSettings, PluginSettings};

/// An answer, and how it came about.
#[derive(Clone, PartialEq, Debug)]
pub struct Decided<T> {
    /// What to do.
    pub answer: T,
    /// Who said so.
    pub by: DecidedBy,
    /// How long it took in all.
    pub elapsed: Duration,
    /// Each plugin that was asked, in order.
    pub trace: Vec<Step>,
}

/// Who decided.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DecidedBy {
    /// A plugin.
    Plugin(Arc<Identity>),
    /// The static table of the configuration.
    StaticTable,
    /// The refusal that stands in when a plugin failed or nobody could decide.
    Fallback,
}

impl fmt::Display for DecidedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plugin(identity) => identity.fmt(f),
            Self::StaticTable => f.write_str("static table"),
            Self::Fallback => f.write_str("fallback"),
        }
    }
}

/// One plugin of a chain that was asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Step {
    /// Name in the configuration.
    pub plugin: String,
    /// What came of it.
    pub outcome: StepOutcome,
    /// What the plugin says about it; may be empty.
    pub why: String,
    /// How long it took.
    pub elapsed: Duration,
}

/// What came of asking one plugin.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum StepOutcome {
    /// It decided.
    Answered,
    /// It left the question to the next.
    Passed,
    /// It gave no usable answer.
    Failed(Failure),
}

/// All plugins of the node. Asked from any task at once; every question finishes on the plugins that it began with.
pub struct Plugins {
    snapshot: ArcSwap<Snapshot>,
}

/// The plugins and chains of one moment.
struct Snapshot {
    slots: BTreeMap<String, Slot>,
    chains: ChainSettings,
}

/// A name of the configuration.
enum Slot {
    Loaded(Box<Plugin>, Arc<Identity>),
    Broken(Box<Broken>),
}

/// A plugin that could not be loaded, with the questions that it was missed for.
struct Broken {
    problem: String,
    counters: Counters,
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
    ) -> Result<(Self, Vec<LoadProblem>), EngineError> {
        let sandbox = Sandbox::new()?;
        let mut slots = BTreeMap::new();
        let mut problems = Vec::new();
        for settings in plugins {
            let slot = match load::load(&sandbox, settings, Arc::clone(&tables), 1).await {
                Ok(plugin) => {
                    let identity = Arc::new(plugin.identity.clone());
                    Slot::Loaded(Box::new(plugin), identity)
                }
                Err(problem) => {
                    let slot = Slot::Broken(Box::new(Broken {
                        problem: problem.to_string(),
                        counters: Counters::default(),
                    }));
                    problems.push(problem);
                    slot
                }
            };
            slots.insert(settings.name.clone(), slot);
        }
        let snapshot = ArcSwap::from_pointee(Snapshot { slots, chains });
        Ok((Self { snapshot }, problems))
    }

    /// Decides whether something may happen. A plugin that fails denies, because a weaker one must not decide in its place.
    pub async fn authorize(&self, subject: &AuthorizationSubject) -> Decided<Verdict> {
        let snapshot = self.snapshot.load_full();
        let mut asking = Asking::new(Kind::Authorization, subject.facts().call_id);
        for name in &snapshot.chains.authorization {
            let begin = Instant::now();
            let reply = match snapshot.slot(name, Kind::Authorization) {
                Ok((plugin, _)) => plugin.authorize(subject).await,
                Err(failure) => Err(snapshot.refused(name, failure)),
            };
            match asking.note(name, begin, reply) {
                StepEnd::Answer(verdict) => return asking.decided(verdict, snapshot.by(name)),
                StepEnd::Failed => {
                    return asking.decided(fallback::authorization_failed(), DecidedBy::Fallback);
                }
                StepEnd::Passed => {}
            }
        }
        asking.decided(fallback::nobody_allows(), DecidedBy::Fallback)
    }

    /// Decides where a call goes.
    pub async fn route(&self, question: &RouteQuestion) -> Decided<RouteDecision> {
        let snapshot = self.snapshot.load_full();
        let mut asking = Asking::new(Kind::Routing, question.call.call_id);
        for name in &snapshot.chains.routing {
            let begin = Instant::now();
            let reply = match snapshot.slot(name, Kind::Routing) {
                Ok((plugin, _)) => plugin.route(question).await,
                Err(failure) => Err(snapshot.refused(name, failure)),
            };
            match asking.note(name, begin, reply) {
                StepEnd::Answer(decision) => return asking.decided(decision, snapshot.by(name)),
                StepEnd::Failed | StepEnd::Passed => {}
            }
        }
        match fallback::static_route(&snapshot.chains.static_routes, question) {
            Some(decision) => asking.decided(decision, DecidedBy::StaticTable),
            None => asking.decided(fallback::no_route(), DecidedBy::Fallback),
        }
    }

    /// Every plugin of the configuration, by name.
    pub fn states(&self) -> Vec<PluginState> {
        let snapshot = self.snapshot.load();
        snapshot.slots.iter().map(|(name, slot)| slot.state(name)).collect()
    }

    /// Decision points that do not work as configured, each with the sentence that says why. Empty: all is well.
    pub fn degraded(&self) -> Vec<(Kind, String)> {
        let snapshot = self.snapshot.load();
        let chains = [
            (Kind::Routing, &snapshot.chains.routing),
            (Kind::Authorization, &snapshot.chains.authorization),
        ];
        let mut degraded = Vec::new();
        for (kind, chain) in chains {
            for name in chain {
                match snapshot.slot(name, kind) {
                    Err(failure) => degraded.push((kind, failure.message)),
                    Ok((plugin, _)) if plugin.has_open_breaker() => {
                        degraded.push((kind, format!("plugin {name} fails too often; its fallback answers")));
                    }
                    Ok(_) => {}
                }
            }
        }
        degraded
    }
}

impl Snapshot {
    /// The plugin of a name, if it is loaded and decides this kind.
    fn slot(&self, name: &str, kind: Kind) -> Result<(&Plugin, &Arc<Identity>), Failure> {
        let message = match self.slots.get(name) {
            Some(Slot::Loaded(plugin, identity)) if plugin.serves(kind) => {
                return Ok((plugin, identity));
            }
            Some(Slot::Loaded(..)) => {
                format!("plugin {name} does not export {kind}; take it out of the {kind} chain")
            }
            Some(Slot::Broken(broken)) => broken.problem.clone(),
            None => format!("the {kind} chain names plugin {name}, which is not configured"),
        };
        Err(Failure::new(FailureReason::NotLoaded, message))
    }

    /// Counts a question for a plugin that is not there.
    fn refused(&self, name: &str, failure: Failure) -> Failure {
        if let Some(Slot::Broken(broken)) = self.slots.get(name) {
            broken.counters.refuse(failure.reason);
        }
        failure
    }

    fn by(&self, name: &str) -> DecidedBy {
        match self.slots.get(name) {
            Some(Slot::Loaded(_, identity)) => DecidedBy::Plugin(Arc::clone(identity)),
            Some(Slot::Broken(_)) | None => DecidedBy::Fallback,
        }
    }
}

impl Slot {
    fn state(&self, name: &str) -> PluginState {
        match self {
            Self::Loaded(plugin, _) => plugin.state(),
            Self::Broken(broken) => PluginState {
                name: name.to_owned(),
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

/// What one step means for the chain.
enum StepEnd<T> {
    Answer(T),
    Passed,
    Failed,
}

/// A question on its way through a chain.
struct Asking {
    kind: Kind,
    call_id: CallId,
    begin: Instant,
    trace: Vec<Step>,
}

impl Asking {
    fn new(kind: Kind, call_id: CallId) -> Self {
        Self { kind, call_id, begin: Instant::now(), trace: Vec::new() }
    }

    /// Writes down what came of one plugin.
    fn note<T>(&mut self, plugin: &str, begin: Instant, reply: Reply<T>) -> StepEnd<T> {
        let elapsed = begin.elapsed();
        let (call_id, kind) = (self.call_id, self.kind.as_str());
        let (outcome, why, end) = match reply {
            Ok(Given { answer: Some(answer), why }) => {
                tracing::debug!(%call_id, plugin, kind, why, "a plugin decided");
                (StepOutcome::Answered, why, StepEnd::Answer(answer))
            }
            Ok(Given { answer: None, why }) => {
                tracing::debug!(%call_id, plugin, kind, why, "a plugin passed");
                (StepOutcome::Passed, why, StepEnd::Passed)
            }
            Err(failure) => {
                let (reason, message) = (failure.reason.as_str(), failure.message.as_str());
                tracing::warn!(%call_id, plugin, kind, reason, message, "a plugin failed; its fallback follows");
                (StepOutcome::Failed(failure), String::new(), StepEnd::Failed)
            }
        };
        self.trace.push(Step { plugin: plugin.to_owned(), outcome, why, elapsed });
        end
    }

    fn decided<T>(self, answer: T, by: DecidedBy) -> Decided<T> {
        Decided { answer, by, elapsed: self.begin.elapsed(), trace: self.trace }
    }
}
