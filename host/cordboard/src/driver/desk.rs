//! Asks plugins and names on another runtime, so that signalling never waits for them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cordboard_b2bua::{Answer, Input, QueryId, Question, ResolveTarget};
use cordboard_events::figures::QueueFigures;
use cordboard_model::{QuestionId, Rejection, RouteDecision, Verdict};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc};

use crate::decide::Decider;
use crate::resolve::{Beginning, Resolver};

/// Questions and names that are asked at once. A flood beyond is answered 503 instead of piling up.
const MAX_ASKED: usize = 2048;

/// Seconds after which a caller that was turned away may try again.
const RETRY_AFTER_S: u32 = 5;

/// Sends questions out and their answers to the inbox.
#[derive(Clone)]
pub(crate) struct Desk {
    decider: Arc<Decider>,
    resolver: Arc<Resolver>,
    elsewhere: Handle,
    inbox: mpsc::Sender<Input>,
    asked: Arc<Semaphore>,
    refused: Arc<AtomicU64>,
}

impl Desk {
    /// A desk whose questions are answered on `elsewhere`.
    pub(crate) fn new(
        decider: Arc<Decider>,
        resolver: Resolver,
        elsewhere: Handle,
        inbox: mpsc::Sender<Input>,
    ) -> Self {
        let asked = Arc::new(Semaphore::new(MAX_ASKED));
        Self { decider, resolver: Arc::new(resolver), elsewhere, inbox, asked, refused: Arc::default() }
    }

    /// Asks plugins; the answer comes through the inbox.
    pub(super) fn ask(&self, question: QuestionId, content: Question) {
        let (decider, inbox) = (self.decider.clone(), self.inbox.clone());
        let permit = self.asked.clone().try_acquire_owned();
        if permit.is_err() {
            self.refused.fetch_add(1, Ordering::Relaxed);
        }
        self.elsewhere.spawn(async move {
            let answer = match &permit {
                Ok(_) => decider.decide(stamped(content)).await,
                Err(_) => overloaded(&content),
            };
            // Only a process that is ending takes no answers any more.
            let _ = inbox.send(Input::Answered { question, answer }).await;
        });
    }

    /// Finds the flows to a URI. An address is answered at once; a name is asked elsewhere, and its answer comes through the inbox.
    pub(super) fn resolve(&self, query: QueryId, target: &ResolveTarget) -> Option<Input> {
        let search = match self.resolver.begin(&target.uri) {
            Beginning::Known(flows) => return Some(Input::Resolved { query, flows }),
            Beginning::Ask(search) => search,
        };
        let (resolver, inbox) = (self.resolver.clone(), self.inbox.clone());
        let permit = self.asked.clone().try_acquire_owned();
        if permit.is_err() {
            self.refused.fetch_add(1, Ordering::Relaxed);
        }
        self.elsewhere.spawn(async move {
            let flows = match &permit {
                Ok(_) => resolver.look_up(*search).await,
                Err(_) => Vec::new(),
            };
            let _ = inbox.send(Input::Resolved { query, flows }).await;
        });
        None
    }

    /// How much is being asked.
    pub(crate) fn figures(&self) -> QueueFigures {
        QueueFigures {
            name: "questions",
            depth: MAX_ASKED - self.asked.available_permits(),
            capacity: MAX_ASKED,
            dropped: self.refused.load(Ordering::Relaxed),
        }
    }
}

fn stamped(mut content: Question) -> Question {
    let now_ms = crate::clock::unix_ms();
    match &mut content {
        Question::Authorize(subject) => subject.facts_mut().now_ms = now_ms,
        Question::Route(question) => question.call.now_ms = now_ms,
    }
    content
}

/// The answer when too much is asked already.
fn overloaded(content: &Question) -> Answer {
    let rejection = Rejection { status: 503, reason: String::new(), retry_after_s: Some(RETRY_AFTER_S) };
    match content {
        Question::Authorize(_) => Answer::Authorized(Verdict::Deny(rejection)),
        Question::Route(_) => Answer::Routed(RouteDecision::Reject(rejection)),
    }
}
