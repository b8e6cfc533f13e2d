//! Asks a component one question in a fresh instance and measures what that costs.

use std::sync::Arc;
use std::time::Duration;

use cordboard_model::{PluginDecision, PluginQuestion};
use serde_json::{Value, json};
use tokio::time::Instant;
use wasmtime::Store;

use crate::bindings::v1::{self, Prepared};
use crate::engine::Sandbox;
use crate::failure::{Failure, FailureReason};
use crate::imports::{Grants, Lookup, State};
use crate::instance::{fresh_store, settle, until};
use crate::kind::Kind;
use crate::limits::Limits;
use crate::plugin::{Given, Reply};

/// What came of one question.
#[derive(Clone, Debug)]
pub struct Probed {
    /// The answer.
    pub answer: Answered,
    /// What the plugin says about it; may be empty.
    pub why: String,
    /// Instructions of the guest, instantiation included; `None` where they are not counted.
    pub fuel: Option<u64>,
    /// Largest linear memory.
    pub memory_bytes: usize,
    /// How long it took, instantiation included.
    pub elapsed: Duration,
    /// What it logged.
    pub log: Vec<String>,
}

/// An answer of a component.
#[derive(Clone, PartialEq, Debug)]
pub enum Answered {
    /// It decided.
    Decided(PluginDecision),
    /// It left the question to the next plugin.
    Passed,
    /// It gave no usable answer.
    Failed(Failure),
}

impl Answered {
    /// As samples write it: the decision, `"pass"`, or `{"failure": {"reason": ..., "message": ...}}`.
    pub fn to_json(&self) -> Value {
        match self {
            Self::Decided(decision) => serde_json::to_value(decision)
                .ok()
                .and_then(|mut value| value.get_mut("decision").map(Value::take))
                .unwrap_or_default(),
            Self::Passed => json!("pass"),
            Self::Failed(failure) => {
                json!({"failure": {"reason": failure.reason.as_str(), "message": failure.message}})
            }
        }
    }
}

/// Something to ask.
pub(super) struct Probe<'a> {
    pub(super) sandbox: &'a Sandbox,
    pub(super) prepared: &'a Prepared,
    pub(super) limits: &'a Limits,
    /// How long one question may take.
    pub(super) deadline: Duration,
    /// Fuel that one question may burn, in an engine that counts it.
    pub(super) fuel: Option<u64>,
}

impl Probe<'_> {
    /// Asks in a fresh instance, with budgets of its own for log lines and counters.
    pub(super) async fn ask(
        &self,
        question: &PluginQuestion,
        config: &Value,
        tables: Arc<dyn Lookup>,
    ) -> Probed {
        let grants = Arc::new(Grants::listening("sample", config, tables));
        let begin = Instant::now();
        let mut store = fresh_store(self.sandbox, &grants, self.limits, None, begin + self.deadline);
        if let Some(fuel) = self.fuel {
            // Fails only in an engine that does not count, which has no ceiling.
            let _ = store.set_fuel(fuel);
        }
        let reply = self.decide(&mut store, begin + self.deadline, question).await;
        let left = self.fuel.and_then(|fuel| Some((fuel, store.get_fuel().ok()?)));
        let (answer, why) = match reply {
            Ok(Given { answer: Some(decision), why, .. }) => (Answered::Decided(decision), why),
            Ok(Given { answer: None, why, .. }) => (Answered::Passed, why),
            Err(failure) => (Answered::Failed(out_of_fuel(failure, left)), String::new()),
        };
        Probed {
            answer,
            why,
            fuel: left.map(|(fuel, left)| fuel - left),
            memory_bytes: store.data().meter.used_bytes(),
            elapsed: begin.elapsed(),
            log: grants.heard(),
        }
    }

    async fn decide(
        &self,
        store: &mut Store<State>,
        end: Instant,
        question: &PluginQuestion,
    ) -> Reply<PluginDecision> {
        let (sandbox, prepared) = (self.sandbox, self.prepared);
        match question {
            PluginQuestion::Routing(question) => {
                let wit = v1::routing_question(question);
                let result = until(sandbox, end, prepared.route(store, &wit)).await;
                let reply = settle(result, store, self.deadline).and_then(v1::routed);
                reply.map(|given| given.map(PluginDecision::Routing))
            }
            PluginQuestion::Authorization(subject) => {
                let wit = v1::subject(subject);
                let result = until(sandbox, end, prepared.authorize(store, &wit)).await;
                let reply = settle(result, store, self.deadline).and_then(v1::verdict);
                reply.map(|given| given.map(PluginDecision::Authorization))
            }
            PluginQuestion::Escalation(question) => {
                let wit = v1::escalation_question(question);
                let result = until(sandbox, end, prepared.escalate(store, &wit)).await;
                let reply = settle(result, store, self.deadline);
                let reply = reply.and_then(|answer| v1::escalated(question, answer));
                reply.map(|given| given.map(PluginDecision::Escalation))
            }
            PluginQuestion::EventFormatting(question) => {
                let wit = v1::formatting_question(question);
                let result = until(sandbox, end, prepared.format(store, &wit)).await;
                let reply = settle(result, store, self.deadline).and_then(v1::formatted);
                reply.map(|given| given.map(PluginDecision::EventFormatting))
            }
        }
    }
}

/// The kind of a question.
pub(super) fn kind_of(question: &PluginQuestion) -> Kind {
    match question {
        PluginQuestion::Routing(_) => Kind::Routing,
        PluginQuestion::Authorization(_) => Kind::Authorization,
        PluginQuestion::Escalation(_) => Kind::Escalation,
        PluginQuestion::EventFormatting(_) => Kind::EventFormatting,
    }
}

/// A question that burnt everything would not have answered in time either.
fn out_of_fuel(failure: Failure, left: Option<(u64, u64)>) -> Failure {
    match left {
        Some((fuel, 0)) if failure.reason == FailureReason::Deadline => {
            Failure::new(FailureReason::Deadline, format!("no answer after {fuel} units of fuel"))
        }
        _ => failure,
    }
}
