//! Stands between the core's questions and the plugins that answer them.

use std::sync::Arc;

use cordboard_api::{Part, PartState};
use cordboard_b2bua::{Answer, Question};
use cordboard_events::figures::{Distribution, GuestFigure, PluginFigures};
use cordboard_model::CallFacts;
use cordboard_outbound::{Client, SystemNames};
use cordboard_plugin::{
    ChainSettings, ComponentSettings, Decided, EngineError, Health, LATENCY_BUCKETS_US, LoadProblem, Lookup,
    PluginSettings, PluginState, Plugins, StaticRoute,
};

use tracing::Instrument as _;

use crate::config::{Config, PluginConfig};
use crate::journal::{Journal, Taken};

/// Answers questions. Asked from many tasks at once.
pub(crate) struct Decider {
    plugins: Arc<Plugins>,
    /// Where decisions are written down; `None`: nowhere.
    journal: Option<Journal>,
}

impl Decider {
    /// Loads the plugins of a configuration. Those that cannot be loaded are returned with what to do; their fallbacks answer.
    ///
    /// # Errors
    /// When no plugin can run on this machine at all.
    pub(crate) async fn load(
        config: &Config,
        tables: Arc<dyn Lookup>,
    ) -> Result<(Self, Vec<LoadProblem>), EngineError> {
        let settings: Vec<PluginSettings> = config.plugins.iter().map(settings).collect();
        let client = Client::new(Arc::new(SystemNames), config.tls.requests());
        let components = ComponentSettings { client: Some(client), ..config.components.settings() };
        let (plugins, problems) = Plugins::load(&settings, chains(config), tables, &components).await?;
        Ok((Self { plugins: Arc::new(plugins), journal: None }, problems))
    }

    /// Writes every decision down.
    pub(crate) fn journalled(self, journal: Option<Journal>) -> Self {
        Self { journal, ..self }
    }

    /// The plugins themselves, for those who change them.
    pub(crate) fn plugins(&self) -> &Arc<Plugins> {
        &self.plugins
    }

    /// Takes over the plugins and chains of another configuration. What is no good is told as an event, and goes on as it was.
    pub(crate) async fn configure(&self, config: &Config) {
        let settings: Vec<PluginSettings> = config.plugins.iter().map(settings).collect();
        self.plugins.configure(&settings, chains(config)).await;
        for (chain, reason) in self.degraded() {
            tracing::warn!(chain, reason, "a chain does not work as configured");
        }
    }

    /// The answer to a question; the documented fallback when a plugin has none. Whatever is logged meanwhile carries the call's id.
    pub(crate) async fn decide(&self, question: Question) -> Answer {
        match question {
            Question::Authorize(subject) => {
                let span = span(subject.facts());
                let decided = self.plugins.authorize(&subject).instrument(span.clone()).await;
                span.in_scope(|| note("authorization", &decided));
                let keep = |decided| Taken::Authorize(Box::new((subject, decided)));
                Answer::Authorized(self.kept(decided, keep))
            }
            Question::Route(question) => {
                let span = span(&question.call);
                let decided = self.plugins.route(&question).instrument(span.clone()).await;
                span.in_scope(|| note("routing", &decided));
                let keep = |decided| Taken::Route(Box::new((question, decided)));
                Answer::Routed(self.kept(decided, keep))
            }
        }
    }

    /// The answer of a decision that goes into the journal.
    fn kept<T: Clone>(&self, decided: Decided<T>, taken: impl FnOnce(Decided<T>) -> Taken) -> T {
        let Some(journal) = &self.journal else { return decided.answer };
        let answer = decided.answer.clone();
        journal.keep(taken(decided));
        answer
    }

    /// The health of each plugin, and of each chain that does not work as configured.
    pub(crate) fn parts(&self) -> Vec<Part> {
        let plugins = self.plugins.states().into_iter().map(part);
        let chains = self.degraded().into_iter().map(|(chain, reason)| Part {
            name: format!("{chain} chain"),
            state: PartState::Degraded,
            reason,
        });
        plugins.chain(chains).collect()
    }

    /// Chains that do not work as configured, each with the sentence that says why.
    pub(crate) fn degraded(&self) -> Vec<(String, String)> {
        let degraded = self.plugins.degraded().into_iter();
        degraded.map(|(kind, reason)| (kind.as_str().to_owned(), reason)).collect()
    }

    /// The figures of each plugin.
    pub(crate) fn figures(&self) -> Vec<PluginFigures> {
        self.plugins.states().into_iter().map(figures).collect()
    }
}

fn settings(plugin: &PluginConfig) -> PluginSettings {
    PluginSettings {
        config: plugin.config.clone(),
        limits: plugin.limits.clone(),
        granted: plugin.granted.clone(),
        probation: plugin.probation,
        candidate: plugin.candidate.clone(),
        ..PluginSettings::new(plugin.name.as_str(), plugin.source.clone())
    }
}

fn chains(config: &Config) -> ChainSettings {
    let routes = config.chains.static_routes.iter();
    ChainSettings {
        routing: config.chains.routing.clone(),
        authorization: config.chains.authorization.clone(),
        static_routes: routes
            .map(|route| StaticRoute { number: route.number.clone(), targets: route.targets.clone() })
            .collect(),
        routing_on_failure: config.chains.routing_on_failure,
        // Nothing asks about incidents and events yet.
        ..ChainSettings::default()
    }
}

/// Of the highest level, so that it is there whatever is logged.
fn span(facts: &CallFacts) -> tracing::Span {
    tracing::error_span!("question", call_id = %facts.call_id)
}

fn note<T>(kind: &str, decided: &Decided<T>) {
    let elapsed_us = u64::try_from(decided.elapsed.as_micros()).unwrap_or(u64::MAX);
    tracing::debug!(kind, plugin = %decided.by, asked = decided.trace.len(), elapsed_us, "decided");
}

fn part(plugin: PluginState) -> Part {
    let (state, reason) = match plugin.health {
        Health::Ready => (PartState::Ok, String::new()),
        Health::BreakerOpen => {
            let reason =
                "it failed too often lately and is not asked for a while; its fallback answers".to_owned();
            (PartState::Degraded, reason)
        }
        Health::Broken { problem } => (PartState::Degraded, problem),
    };
    Part { name: format!("plugin {}", plugin.name), state, reason }
}

fn figures(plugin: PluginState) -> PluginFigures {
    let counted = &plugin.figures;
    let failures: Vec<(String, u64)> =
        counted.failures.iter().map(|(reason, count)| (reason.as_str().to_owned(), *count)).collect();
    PluginFigures {
        up: plugin.health == Health::Ready,
        calls: counted.calls,
        // Whatever the reason, a failed question goes past the plugin.
        fallbacks: failures.iter().map(|(_, count)| count).sum(),
        failures,
        duration: distribution(counted),
        memory_bytes: counted.memory_high_water_bytes as u64,
        counters: plugin
            .counters
            .into_iter()
            .map(|counter| GuestFigure { name: counter.name, labels: counter.labels, value: counter.value })
            .collect(),
        name: plugin.name,
    }
}

/// Metrics have buckets that hold all smaller ones too, and seconds.
fn distribution(counted: &cordboard_plugin::PluginFigures) -> Distribution {
    let mut below = 0;
    let buckets = LATENCY_BUCKETS_US.iter().zip(&counted.latency).map(|(bound_us, count)| {
        below += count;
        (std::time::Duration::from_micros(*bound_us).as_secs_f64(), below)
    });
    Distribution {
        buckets: buckets.collect(),
        sum: counted.latency_sum.as_secs_f64(),
        count: counted.latency.iter().sum(),
    }
}
