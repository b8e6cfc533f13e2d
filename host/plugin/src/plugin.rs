//! One loaded component: asks it, measures it, and finds out what went wrong.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cordboard_model::{
    AuthorizationSubject, CallId, EscalationDecision, EscalationQuestion, FormatDecision, FormatQuestion,
    RouteDecision, RouteQuestion, Verdict,
};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};
use wasmtime::Store;

use crate::bindings::v1::{self, Prepared, wit};
use crate::breaker::{Breaker, Turn};
use crate::counters::{Counters, PluginFigures};
use crate::engine::Sandbox;
use crate::failure::{Failure, FailureReason};
use crate::imports::{Grants, LookedUp, State, one_line};
use crate::instance::{fresh_store, settle, until};
use crate::kind::Kind;
use crate::limits::Limits;
use crate::state::{Health, Identity, PluginState};

/// A loaded component.
pub(crate) struct Plugin {
    pub(crate) identity: Arc<Identity>,
    sandbox: Sandbox,
    prepared: Prepared,
    grants: Arc<Grants>,
    limits: Limits,
    /// One permit for each question that may be answered at once.
    slots: Semaphore,
    counters: Counters,
    /// Held for the moment of asking it or telling it.
    breaker: Mutex<Breaker>,
}

/// What came of one question.
pub(crate) type Reply<T> = Result<Given<T>, Failure>;

/// What a plugin gave back.
#[derive(Debug)]
pub(crate) struct Given<T> {
    /// The answer; `None` for a pass.
    pub(crate) answer: Option<T>,
    /// What the plugin says about it, fit for a log line.
    pub(crate) why: String,
    /// What it looked up.
    pub(crate) lookups: Vec<LookedUp>,
}

impl<T> Given<T> {
    pub(crate) fn answer(answer: T, why: &str) -> Self {
        Self { answer: Some(answer), why: one_line(why, MAX_WHY_BYTES), lookups: Vec::new() }
    }

    /// The same about another type of answer.
    pub(crate) fn map<U>(self, change: impl FnOnce(T) -> U) -> Given<U> {
        Given { answer: self.answer.map(change), why: self.why, lookups: self.lookups }
    }

    pub(crate) fn pass(why: &str) -> Self {
        Self { answer: None, why: one_line(why, MAX_WHY_BYTES), lookups: Vec::new() }
    }
}

/// Longest reason that is kept of an answer.
const MAX_WHY_BYTES: usize = 512;

impl Plugin {
    pub(crate) fn new(
        sandbox: Sandbox,
        prepared: Prepared,
        identity: Identity,
        grants: Arc<Grants>,
        limits: Limits,
    ) -> Self {
        Self {
            identity: Arc::new(identity),
            sandbox,
            prepared,
            grants,
            slots: Semaphore::new(limits.concurrency.clamp(1, Semaphore::MAX_PERMITS)),
            limits,
            counters: Counters::default(),
            breaker: Mutex::new(Breaker::new()),
        }
    }

    /// Whether it decides such questions.
    pub(crate) fn serves(&self, kind: Kind) -> bool {
        self.prepared.serves(kind)
    }

    /// The same code with the same settings, which has not done anything yet and shares nothing with this one.
    pub(crate) fn twin(&self) -> Self {
        Self {
            identity: Arc::clone(&self.identity),
            sandbox: self.sandbox.clone(),
            prepared: self.prepared.clone(),
            grants: Arc::new(self.grants.anew()),
            slots: Semaphore::new(self.limits.concurrency.clamp(1, Semaphore::MAX_PERMITS)),
            limits: self.limits.clone(),
            counters: Counters::default(),
            breaker: Mutex::new(Breaker::new()),
        }
    }

    /// What its breaker has done since this was asked last.
    pub(crate) fn take_turn(&self) -> Option<Turn> {
        self.breaker().take_turn()
    }

    /// What it has done.
    pub(crate) fn figures(&self) -> PluginFigures {
        self.counters.figures()
    }

    /// Whether it is left alone for now.
    pub(crate) fn has_open_breaker(&self) -> bool {
        self.breaker().is_open()
    }

    /// Forgets its failures: for tools, where nobody has to be spared a plugin that fails.
    pub(crate) fn forgive(&self) {
        *self.breaker() = Breaker::new();
    }

    /// Asks where a call goes.
    pub(crate) async fn route(&self, question: &RouteQuestion) -> Reply<RouteDecision> {
        let asked = self.begin(Kind::Routing)?;
        let mut store = self.store(&asked, Some(question.call.call_id));
        let wit = v1::routing_question(question);
        let result = self.run(&asked, self.prepared.route(&mut store, &wit)).await;
        self.finish(&asked, &mut store, result, v1::routed)
    }

    /// Asks whether something may happen.
    pub(crate) async fn authorize(&self, subject: &AuthorizationSubject) -> Reply<Verdict> {
        let asked = self.begin(Kind::Authorization)?;
        let mut store = self.store(&asked, Some(subject.facts().call_id));
        let wit = v1::subject(subject);
        let result = self.run(&asked, self.prepared.authorize(&mut store, &wit)).await;
        self.finish(&asked, &mut store, result, v1::verdict)
    }

    /// Asks who is called next about an incident.
    pub(crate) async fn escalate(&self, question: &EscalationQuestion) -> Reply<EscalationDecision> {
        let asked = self.begin(Kind::Escalation)?;
        let mut store = self.store(&asked, None);
        let wit = v1::escalation_question(question);
        let result = self.run(&asked, self.prepared.escalate(&mut store, &wit)).await;
        self.finish(&asked, &mut store, result, |answer| v1::escalated(question, answer))
    }

    /// Asks what an event looks like.
    pub(crate) async fn format(&self, question: &FormatQuestion) -> Reply<FormatDecision> {
        let asked = self.begin(Kind::EventFormatting)?;
        let mut store = self.store(&asked, question.event.call_id);
        let wit = v1::formatting_question(question);
        let result = self.run(&asked, self.prepared.format(&mut store, &wit)).await;
        self.finish(&asked, &mut store, result, v1::formatted)
    }

    /// The plugin as metrics and people see it.
    pub(crate) fn state(&self) -> PluginState {
        let (counters, dropped_counters) = self.grants.metrics();
        PluginState {
            name: self.identity.name.clone(),
            identity: Some(Identity::clone(&self.identity)),
            kinds: Kind::ALL.into_iter().filter(|kind| self.serves(*kind)).collect(),
            health: if self.has_open_breaker() { Health::BreakerOpen } else { Health::Ready },
            figures: self.counters.figures(),
            host: self.grants.host_figures(),
            counters,
            dropped: dropped_counters + self.grants.dropped_log_lines(),
        }
    }

    /// Starts the clock of a question, if the breaker lets it through.
    fn begin(&self, kind: Kind) -> Result<Asked, Failure> {
        let begin = Instant::now();
        if self.breaker().permits(begin) {
            return Ok(Asked { begin, end: begin + self.limits.deadline_of(kind) });
        }
        self.counters.refuse(FailureReason::Breaker);
        let message = "it has failed too often lately, and is left alone for a while".to_owned();
        Err(Failure::new(FailureReason::Breaker, message))
    }

    fn store(&self, asked: &Asked, call_id: Option<CallId>) -> Store<State> {
        let call_id = call_id.map(|id| id.to_string());
        fresh_store(&self.sandbox, &self.grants, &self.limits, call_id, asked.end)
    }

    /// Waits for a free slot, which counts into the deadline, and runs the guest.
    async fn run<T>(
        &self,
        asked: &Asked,
        call: impl Future<Output = wasmtime::Result<T>>,
    ) -> Result<T, Option<wasmtime::Error>> {
        let Ok(slot) = timeout_at(asked.end, self.slots.acquire()).await else { return Err(None) };
        let result = until(&self.sandbox, asked.end, call).await;
        drop(slot);
        result
    }

    /// Checks and counts what came of a question.
    fn finish<A, T>(
        &self,
        asked: &Asked,
        store: &mut Store<State>,
        result: Result<Result<A, wit::Fault>, Option<wasmtime::Error>>,
        convert: impl FnOnce(A) -> Result<Given<T>, Failure>,
    ) -> Reply<T> {
        let mut reply = settle(result, store, asked.end - asked.begin).and_then(convert);
        if let Ok(given) = &mut reply {
            given.lookups = std::mem::take(&mut store.data_mut().lookups);
        }
        let now = Instant::now();
        let failure = reply.as_ref().err().map(|failure| failure.reason);
        self.counters.record(now - asked.begin, store.data().meter.used_bytes(), failure);
        self.breaker().record(now, failure.is_some());
        reply
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The clock of one question.
struct Asked {
    begin: Instant,
    end: Instant,
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use cordboard_model::{CallFacts, Party, RouteReason};

    use super::*;
    use crate::component::{ComponentSettings, Components};
    use crate::imports::Lookup;
    use crate::load;
    use crate::settings::PluginSettings;

    struct NoTables;

    impl Lookup for NoTables {
        fn exact(&self, _table: &str, _key: &str) -> Option<String> {
            None
        }

        fn longest_prefix(&self, _table: &str, _key: &str) -> Option<(String, String)> {
            None
        }
    }

    fn question() -> RouteQuestion {
        let call = CallFacts {
            call_id: CallId::from_bits(1),
            sip_call_id: String::new(),
            method: "INVITE".into(),
            transport: "udp".into(),
            source: "192.0.2.7:5060".into(),
            caller: Party::default(),
            callee: Party { user: "1001".into(), ..Party::default() },
            trunk: None,
            extension: None,
            authenticated_as: None,
            headers: Vec::new(),
            hop: 70,
            now_ms: 0,
            attributes: Vec::new(),
        };
        RouteQuestion {
            call,
            reason: RouteReason::New,
            attempts: Vec::new(),
            redirects: Vec::new(),
            referral: None,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_for_a_free_slot_counts_into_the_deadline() {
        let path =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/plugins/test/misbehaving-router.wasm");
        assert!(path.is_file(), "{} is missing; build it with `cargo xtask plugins`", path.display());
        let limits =
            Limits { concurrency: 1, deadline: Some(Duration::from_millis(50)), ..Limits::default() };
        let settings = PluginSettings { limits, ..PluginSettings::new("r", path) };
        let components = Components::start(&ComponentSettings::default()).expect("the engine starts");
        let fetched = load::fetch(&components, &settings).await.expect("it is a file");
        let tables = Arc::new(NoTables);
        let plugin = load::build(&components, &settings, fetched, tables, 1).await.expect("it loads");

        let taken = plugin.slots.acquire().await.expect("the semaphore is never closed");
        let begin = Instant::now();
        let failure = plugin.route(&question()).await.expect_err("there is no slot");
        assert_eq!(failure.reason, FailureReason::Deadline);
        assert_eq!(begin.elapsed(), Duration::from_millis(50), "in virtual time");

        drop(taken);
        assert!(plugin.route(&question()).await.is_ok());
    }
}
