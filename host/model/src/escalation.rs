//! What the host asks the escalation plugin about an incident, and what that answers.

use serde::{Deserialize, Serialize};

use crate::question::Attributes;

/// Somebody who can be called.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Contact {
    /// Id, unique in the incident.
    pub id: String,
    /// For people.
    pub name: String,
    /// `primary`, `secondary` or another word of the configuration.
    pub role: String,
    /// Groups that the contact belongs to.
    pub groups: Vec<String>,
    /// Number or URI.
    pub address: String,
    /// Language tag for what is spoken; empty for the configured one.
    pub language: String,
    /// Smaller is called earlier.
    pub priority: u32,
    /// Room to grow.
    #[serde(rename = "attrs")]
    pub attributes: Attributes,
}

/// Something that can place calls.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Provider {
    /// Name in the configuration.
    pub name: String,
    /// `sip`, `twilio`, `vonage`, `simulated`.
    pub kind: String,
    /// Whether it has worked lately.
    pub healthy: bool,
    /// Room to grow.
    #[serde(rename = "attrs")]
    pub attributes: Attributes,
}

/// How far an attempt to reach somebody came.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PageOutcome {
    /// It has been handed to a provider; nothing is known yet.
    Placed,
    /// The phone rings.
    Ringing,
    /// Answered; what is said is being heard.
    Answered,
    /// Heard to the end, without an acknowledgement.
    Played,
    /// The person pressed the digit that acknowledges.
    Acknowledged,
    /// The person pressed the digit that declines.
    Declined,
    /// A machine answered.
    Voicemail,
    /// It rang until the time-out.
    NoAnswer,
    /// Busy.
    Busy,
    /// The network or the provider failed.
    Failed,
    /// Ended by the host.
    Cancelled,
    /// The host cannot find out.
    Unknown,
}

/// One call to one contact.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PageAttempt {
    /// Number of the attempt in the incident, from 1.
    pub number: u32,
    /// Id of the contact.
    pub contact: String,
    /// Provider that carried it.
    pub provider: String,
    /// When it was placed, in milliseconds since 1970.
    pub started_ms: u64,
    /// When it ended; `None` while it goes on.
    pub ended_ms: Option<u64>,
    /// How far it came.
    pub outcome: PageOutcome,
    /// Room to grow.
    #[serde(rename = "attrs")]
    pub attributes: Attributes,
}

/// A timer that has been set and has not fired.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Timer {
    /// The name that the policy gave it.
    pub name: String,
    /// When it fires, in milliseconds since 1970.
    pub due_ms: u64,
}

/// What counts as success.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Success {
    /// Somebody pressed the digit.
    Acknowledged,
    /// Somebody answered; a machine does not count.
    Answered,
}

/// The incident, as far as a policy may look.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct IncidentFacts {
    /// Id.
    pub id: String,
    /// `critical`, `high`, `normal` or the word that it was opened with.
    pub severity: String,
    /// One line.
    pub summary: String,
    /// What is to be spoken.
    pub text: String,
    /// When it was opened, in milliseconds since 1970.
    pub opened_ms: u64,
    /// Everybody who may be called, in the order of the configuration.
    pub contacts: Vec<Contact>,
    /// Providers in the order of the configuration.
    pub providers: Vec<Provider>,
    /// Every attempt so far, oldest first, those that go on included.
    pub history: Vec<PageAttempt>,
    /// Timers that have been set, in the order in which they fire.
    pub timers: Vec<Timer>,
    /// What counts as success.
    pub success: Success,
    /// Attempts that the host's caps still permit.
    pub attempts_left: u32,
    /// What the last answer left.
    pub memo: String,
    /// Room to grow.
    #[serde(rename = "attrs")]
    pub attributes: Attributes,
}

impl IncidentFacts {
    /// Attempts that go on.
    pub fn running(&self) -> impl Iterator<Item = &PageAttempt> {
        self.history.iter().filter(|attempt| attempt.ended_ms.is_none())
    }
}

/// What an operator or a webhook asked for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Intervention {
    /// `retry`, `acknowledge`, `reassign`, or a later word.
    pub action: String,
    /// Who.
    pub by: String,
    /// What they said.
    pub note: String,
}

/// Why the question is asked.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EscalationTrigger {
    /// The incident was opened.
    Opened,
    /// The attempt with this number ended without success.
    AttemptEnded(u32),
    /// The timer with this name fired.
    Timer(String),
    /// The same alert arrived again and was folded into this incident.
    Repeated,
    /// Somebody intervened.
    Intervention(Intervention),
    /// The host resumed the incident after a restart.
    Resumed,
}

/// The escalation question.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct EscalationQuestion {
    /// The incident.
    pub incident: IncidentFacts,
    /// Why it is asked.
    pub trigger: EscalationTrigger,
    /// Wall clock in milliseconds since 1970.
    pub now_ms: u64,
    /// Room to grow.
    #[serde(rename = "attrs")]
    pub attributes: Attributes,
}

/// Call one contact.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Page {
    /// Id of the contact, one of the incident's.
    pub contact: String,
    /// Providers in order of preference; empty for the order of the configuration.
    pub providers: Vec<String>,
    /// What to say; the incident's text when absent.
    pub say: Option<String>,
    /// How often it is said; 0 for the configured number.
    pub repeat: u32,
    /// Digit that acknowledges; empty for the configured one.
    pub acknowledge_digit: String,
    /// How long it rings; 0 for the configured time.
    pub answer_timeout_ms: u32,
    /// Room to grow.
    #[serde(rename = "attrs")]
    pub attributes: Attributes,
}

impl Page {
    /// A call with everything as configured.
    pub fn to(contact: impl Into<String>) -> Self {
        Self {
            contact: contact.into(),
            providers: Vec::new(),
            say: None,
            repeat: 0,
            acknowledge_digit: String::new(),
            answer_timeout_ms: 0,
            attributes: Attributes::new(),
        }
    }
}

/// Be asked again later.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Wait {
    /// Names the timer. One that is set already is moved.
    pub timer: String,
    /// From now.
    pub after_ms: u32,
}

/// One thing to do. Several pages in one answer ring at the same time.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EscalationStep {
    /// Call somebody.
    Page(Page),
    /// Be asked again later.
    Wait(Wait),
    /// Cancel the running attempt with this number.
    Cancel(u32),
    /// Clear the timer with this name.
    Clear(String),
    /// Close the incident as handled, with a reason.
    Close(String),
    /// Give up, with a reason: the incident fails.
    GiveUp(String),
}

/// The escalation answer.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct EscalationDecision {
    /// Carried out in this order.
    pub steps: Vec<EscalationStep>,
    /// Comes back in the next question.
    pub memo: String,
}

impl EscalationDecision {
    /// Whether the incident goes on or ends after these steps. Otherwise nothing would ever ask about it again, and nobody would be
    /// called.
    pub fn leads_on(&self, incident: &IncidentFacts) -> bool {
        let begins_or_ends = |step: &EscalationStep| match step {
            EscalationStep::Page(_)
            | EscalationStep::Wait(_)
            | EscalationStep::Close(_)
            | EscalationStep::GiveUp(_) => true,
            EscalationStep::Cancel(_) | EscalationStep::Clear(_) => false,
        };
        // A cancelled attempt ends, and its end is a question again.
        let is_cleared =
            |timer: &Timer| self.steps.iter().any(|step| *step == EscalationStep::Clear(timer.name.clone()));
        self.steps.iter().any(begins_or_ends)
            || incident.running().next().is_some()
            || incident.timers.iter().any(|timer| !is_cleared(timer))
    }
}
