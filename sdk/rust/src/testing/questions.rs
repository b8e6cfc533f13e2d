//! Questions for tests.

use crate::escalation::{self, Contact, EscalationQuestion, Incident, Provider, Success, Trigger};
use crate::{Attempt, Call, Event, FormatQuestion, Outcome, Party, Question, Reason, Sink, TargetAddress};

/// A new call from one user to another, both of `pbx.example`.
pub fn call(from: &str, to: &str) -> Call {
    Call {
        id: "0000000000000000000000000000002a".to_owned(),
        sip_call_id: "2a@192.0.2.7".to_owned(),
        method: "INVITE".to_owned(),
        transport: "udp".to_owned(),
        source: "192.0.2.7:5060".to_owned(),
        caller: party(from),
        callee: party(to),
        trunk: None,
        extension: Some(to.to_owned()),
        authenticated_as: None,
        tenant: None,
        headers: Vec::new(),
        hop: 70,
        now_ms: NOW_MS,
        attrs: Vec::new(),
    }
}

/// One side of a call.
pub fn party(user: &str) -> Party {
    Party {
        uri: format!("sip:{user}@pbx.example"),
        user: user.to_owned(),
        host: "pbx.example".to_owned(),
        display: None,
        attrs: Vec::new(),
    }
}

/// The routing question about a new call.
pub fn question(call: Call) -> Question {
    Question {
        call,
        reason: Reason::New,
        attempts: Vec::new(),
        redirects: Vec::new(),
        referral: None,
        digits: None,
        recording: None,
        stream_end: None,
        memo: String::new(),
        attrs: Vec::new(),
    }
}

/// The routing question after targets were tried in vain.
pub fn question_after(call: Call, attempts: impl IntoIterator<Item = Attempt>) -> Question {
    let attempts = attempts.into_iter().collect();
    Question { reason: Reason::Failed, attempts, ..question(call) }
}

/// One attempt that came to nothing.
pub fn attempt(address: TargetAddress, outcome: Outcome, status: u16) -> Attempt {
    Attempt { address, outcome, status, duration_ms: 1_000, attrs: Vec::new() }
}

/// The question about an incident that was just opened, with these contacts. The first one is `primary`, the others are `secondary`.
pub fn incident(contacts: &[&str]) -> EscalationQuestion {
    let contacts = contacts.iter().enumerate().map(|(index, id)| Contact {
        id: (*id).to_owned(),
        name: (*id).to_owned(),
        role: if index == 0 { "primary" } else { "secondary" }.to_owned(),
        groups: Vec::new(),
        address: format!("+8225550{index:03}"),
        language: String::new(),
        priority: u32::try_from(index).unwrap_or(u32::MAX),
        attrs: Vec::new(),
    });
    let provider =
        Provider { name: "carrier".to_owned(), kind: "sip".to_owned(), healthy: true, attrs: Vec::new() };
    EscalationQuestion {
        incident: Incident {
            id: "incident-1".to_owned(),
            severity: "critical".to_owned(),
            summary: "The database does not answer".to_owned(),
            text: "The database does not answer".to_owned(),
            opened_ms: NOW_MS,
            contacts: contacts.collect(),
            providers: vec![provider],
            history: Vec::new(),
            timers: Vec::new(),
            success: Success::Acknowledged,
            attempts_left: 20,
            memo: String::new(),
            attrs: Vec::new(),
        },
        trigger: Trigger::Opened,
        now_ms: NOW_MS,
        attrs: Vec::new(),
    }
}

/// The question after a call to a contact ended; the attempt is added to the history.
pub fn incident_after(
    mut question: EscalationQuestion,
    contact: &str,
    outcome: escalation::Outcome,
) -> EscalationQuestion {
    let history = &mut question.incident.history;
    let number = u32::try_from(history.len()).unwrap_or(u32::MAX).saturating_add(1);
    history.push(escalation::Attempt {
        number,
        contact: contact.to_owned(),
        provider: "carrier".to_owned(),
        started_ms: question.now_ms,
        ended_ms: Some(question.now_ms + 15_000),
        outcome,
        attrs: Vec::new(),
    });
    question.trigger = Trigger::AttemptEnded(number);
    question.now_ms += 15_000;
    question
}

/// The question about an event, with its canonical JSON, for a webhook.
pub fn event(kind: &str, json: &serde_json::Value) -> FormatQuestion {
    let event = Event {
        id: "event-1".to_owned(),
        kind: kind.to_owned(),
        schema: 1,
        at_ms: NOW_MS,
        call_id: None,
        incident_id: None,
        extensions: Vec::new(),
        json: json.to_string(),
        attrs: Vec::new(),
    };
    let sink = Sink { name: "webhook".to_owned(), kind: "webhook".to_owned(), attrs: Vec::new() };
    FormatQuestion { event, sink, now_ms: NOW_MS, attrs: Vec::new() }
}

/// The time at which all of this happens: 2023-11-14T22:13:20Z.
const NOW_MS: u64 = 1_700_000_000_000;
