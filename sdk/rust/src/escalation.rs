//! Who is called next about an incident.

pub use crate::bindings::escalation::exports::cordboard::plugin::escalation::{
    Answer as EscalationAnswer, Attempt, Contact, Decision, Incident, Intervention, Outcome, Page, Provider,
    Question as EscalationQuestion, Step, Success, Timer, Trigger, Wait,
};
use crate::{Fault, Host, Plugin};

/// A plugin that decides who is called next. Exported with [`export_escalator!`](crate::export_escalator).
pub trait Escalator: Plugin {
    /// Decides. The same question and configuration have to give the same answer; what has to be remembered goes into the memo of
    /// the answer and comes back with the next question.
    ///
    /// # Errors
    /// When it cannot decide: the host counts it and asks the next of the chain, or goes on with its own alternation.
    fn escalate(
        config: &Self::Config,
        question: &EscalationQuestion,
        host: &dyn Host,
    ) -> Result<EscalationAnswer, Fault>;
}

impl EscalationAnswer {
    /// Any decision, and one sentence that says why.
    pub fn new(decision: Decision, why: impl Into<String>) -> Self {
        Self { decision, memo: String::new(), why: why.into(), attrs: Vec::new() }
    }

    /// Carries these out in their order.
    pub fn steps(steps: impl IntoIterator<Item = Step>, why: impl Into<String>) -> Self {
        Self::new(Decision::Steps(steps.into_iter().collect()), why)
    }

    /// Leaves the incident to the next plugin of the chain.
    pub fn pass(why: impl Into<String>) -> Self {
        Self::new(Decision::Pass, why)
    }

    /// Comes back in the next question about this incident, at most 64 KiB.
    #[must_use]
    pub fn memo(mut self, memo: impl Into<String>) -> Self {
        self.memo = memo.into();
        self
    }
}

impl Step {
    /// Calls a contact with everything as configured.
    pub fn page(contact: &str) -> Self {
        Self::Page(Page::new(contact))
    }

    /// Wants to be asked again. Setting a timer's name again moves that timer.
    pub fn wait(timer: &str, after_ms: u32) -> Self {
        Self::Wait(Wait { timer: timer.to_owned(), after_ms })
    }
}

impl Page {
    /// A call to a contact with everything as configured: providers, text, repetitions, digit, ring time.
    pub fn new(contact: &str) -> Self {
        Self {
            contact: contact.to_owned(),
            providers: Vec::new(),
            say: None,
            repeat: 0,
            acknowledge_digit: String::new(),
            answer_timeout_ms: 0,
            attrs: Vec::new(),
        }
    }
}

impl Incident {
    /// Whether a call to this contact goes on.
    pub fn is_being_called(&self, contact: &str) -> bool {
        self.history.iter().any(|attempt| attempt.contact == contact && attempt.ended_ms.is_none())
    }

    /// How many calls were made to this contact, those that go on included.
    pub fn attempts_to(&self, contact: &str) -> usize {
        self.history.iter().filter(|attempt| attempt.contact == contact).count()
    }
}
