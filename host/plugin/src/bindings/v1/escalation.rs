//! Escalation of version 1: the question to its record, and the answer back to the host's type, checked.

use cordboard_model as model;
use cordboard_model::escalation as host;

use super::answer::{invalid, text};
use super::wit_escalation as wit;
use crate::failure::Failure;
use crate::plugin::Given;

/// Steps of one answer.
const MAX_STEPS: usize = 64;

/// Longest memo. It is stored with the incident.
const MAX_MEMO: usize = 64 << 10;

/// Longest text to be spoken; the largest carriers take 4,000 characters.
const MAX_SPOKEN: usize = 4 << 10;

/// How often a text may be said in one call.
const MAX_REPEAT: u32 = 10;

/// Longest ring time; beyond it every carrier has given up.
const MAX_RING_MS: u32 = 600_000;

/// The escalation question.
pub(crate) fn escalation_question(question: &model::EscalationQuestion) -> wit::Question {
    wit::Question {
        incident: incident(&question.incident),
        trigger: trigger(&question.trigger),
        now_ms: question.now_ms,
        attrs: question.attributes.clone(),
    }
}

fn incident(incident: &host::IncidentFacts) -> wit::Incident {
    wit::Incident {
        id: incident.id.clone(),
        severity: incident.severity.clone(),
        summary: incident.summary.clone(),
        text: incident.text.clone(),
        opened_ms: incident.opened_ms,
        contacts: incident.contacts.iter().map(contact).collect(),
        providers: incident.providers.iter().map(provider).collect(),
        history: incident.history.iter().map(attempt).collect(),
        timers: incident
            .timers
            .iter()
            .map(|timer| wit::Timer { name: timer.name.clone(), due_ms: timer.due_ms })
            .collect(),
        success: match incident.success {
            host::Success::Acknowledged => wit::Success::Acknowledged,
            host::Success::Answered => wit::Success::Answered,
        },
        attempts_left: incident.attempts_left,
        memo: incident.memo.clone(),
        attrs: incident.attributes.clone(),
    }
}

fn contact(contact: &host::Contact) -> wit::Contact {
    wit::Contact {
        id: contact.id.clone(),
        name: contact.name.clone(),
        role: contact.role.clone(),
        groups: contact.groups.clone(),
        address: contact.address.clone(),
        language: contact.language.clone(),
        priority: contact.priority,
        attrs: contact.attributes.clone(),
    }
}

fn provider(provider: &host::Provider) -> wit::Provider {
    wit::Provider {
        name: provider.name.clone(),
        kind: provider.kind.clone(),
        healthy: provider.healthy,
        attrs: provider.attributes.clone(),
    }
}

fn attempt(attempt: &host::PageAttempt) -> wit::Attempt {
    wit::Attempt {
        number: attempt.number,
        contact: attempt.contact.clone(),
        provider: attempt.provider.clone(),
        started_ms: attempt.started_ms,
        ended_ms: attempt.ended_ms,
        outcome: outcome(attempt.outcome),
        attrs: attempt.attributes.clone(),
    }
}

fn outcome(outcome: host::PageOutcome) -> wit::Outcome {
    match outcome {
        host::PageOutcome::Placed => wit::Outcome::Placed,
        host::PageOutcome::Ringing => wit::Outcome::Ringing,
        host::PageOutcome::Answered => wit::Outcome::Answered,
        host::PageOutcome::Played => wit::Outcome::Played,
        host::PageOutcome::Acknowledged => wit::Outcome::Acknowledged,
        host::PageOutcome::Declined => wit::Outcome::Declined,
        host::PageOutcome::Voicemail => wit::Outcome::Voicemail,
        host::PageOutcome::NoAnswer => wit::Outcome::NoAnswer,
        host::PageOutcome::Busy => wit::Outcome::Busy,
        host::PageOutcome::Failed => wit::Outcome::Failed,
        host::PageOutcome::Cancelled => wit::Outcome::Cancelled,
        host::PageOutcome::Unknown => wit::Outcome::Unknown,
    }
}

fn trigger(trigger: &host::EscalationTrigger) -> wit::Trigger {
    match trigger {
        host::EscalationTrigger::Opened => wit::Trigger::Opened,
        host::EscalationTrigger::AttemptEnded(number) => wit::Trigger::AttemptEnded(*number),
        host::EscalationTrigger::Timer(name) => wit::Trigger::Timer(name.clone()),
        host::EscalationTrigger::Repeated => wit::Trigger::Repeated,
        host::EscalationTrigger::Intervention(intervention) => {
            wit::Trigger::Intervention(wit::Intervention {
                action: intervention.action.clone(),
                by: intervention.by.clone(),
                note: intervention.note.clone(),
            })
        }
        host::EscalationTrigger::Resumed => wit::Trigger::Resumed,
    }
}

/// The escalation answer.
///
/// # Errors
/// When the answer cannot be right: somebody unknown is to be called, or nobody ever would be.
pub(crate) fn escalated(
    question: &model::EscalationQuestion,
    answer: wit::Answer,
) -> Result<Given<model::EscalationDecision>, Failure> {
    let steps = match answer.decision {
        wit::Decision::Steps(steps) => steps,
        wit::Decision::Pass => return Ok(Given::pass(&answer.why)),
    };
    if steps.len() > MAX_STEPS {
        return Err(invalid(format!("expected at most {MAX_STEPS} steps, found {}", steps.len())));
    }
    if answer.memo.len() > MAX_MEMO {
        return Err(invalid(format!(
            "expected a memo of at most {MAX_MEMO} bytes, found {}",
            answer.memo.len()
        )));
    }
    let incident = &question.incident;
    let steps = steps.into_iter().map(|step| self::step(incident, step)).collect::<Result<_, _>>()?;
    let decision = model::EscalationDecision { steps, memo: answer.memo };
    if !decision.leads_on(incident) {
        return Err(invalid(
            "expected a page, a wait, close or give-up, as nothing runs and no timer is set: nobody would ever be called",
        ));
    }
    Ok(Given::answer(decision, &answer.why))
}

fn step(incident: &host::IncidentFacts, step: wit::Step) -> Result<host::EscalationStep, Failure> {
    Ok(match step {
        wit::Step::Page(wanted) => host::EscalationStep::Page(page(incident, wanted)?),
        wit::Step::Wait(wait) => host::EscalationStep::Wait(host::Wait {
            timer: text("name of a timer", wait.timer)?,
            after_ms: wait.after_ms,
        }),
        wit::Step::Cancel(number) => host::EscalationStep::Cancel(number),
        wit::Step::Clear(name) => host::EscalationStep::Clear(text("name of a timer", name)?),
        wit::Step::Close(why) => host::EscalationStep::Close(text("reason to close", why)?),
        wit::Step::GiveUp(why) => host::EscalationStep::GiveUp(text("reason to give up", why)?),
    })
}

fn page(incident: &host::IncidentFacts, page: wit::Page) -> Result<host::Page, Failure> {
    if !incident.contacts.iter().any(|contact| contact.id == page.contact) {
        let found: String = page.contact.chars().take(64).collect();
        return Err(invalid(format!("expected the id of a contact of the incident, found {found:?}")));
    }
    for name in &page.providers {
        if !incident.providers.iter().any(|provider| provider.name == *name) {
            let found: String = name.chars().take(64).collect();
            return Err(invalid(format!("expected the name of a provider of the incident, found {found:?}")));
        }
    }
    if page.say.as_ref().is_some_and(|say| say.is_empty() || say.len() > MAX_SPOKEN) {
        return Err(invalid(format!("expected a text of 1 to {MAX_SPOKEN} bytes to be spoken")));
    }
    if page.repeat > MAX_REPEAT || page.answer_timeout_ms > MAX_RING_MS {
        let found = format!("{} and {} ms", page.repeat, page.answer_timeout_ms);
        return Err(invalid(format!(
            "expected at most {MAX_REPEAT} repetitions and {MAX_RING_MS} ms of ringing, found {found}"
        )));
    }
    let is_digit = page.acknowledge_digit.len() <= 1
        && page.acknowledge_digit.bytes().all(|digit| digit.is_ascii_digit() || b"*#".contains(&digit));
    if !is_digit {
        return Err(invalid("expected one of the digits 0 to 9, * and # to acknowledge, or nothing"));
    }
    Ok(host::Page {
        contact: page.contact,
        providers: page.providers,
        say: page.say,
        repeat: page.repeat,
        acknowledge_digit: page.acknowledge_digit,
        answer_timeout_ms: page.answer_timeout_ms,
        attributes: page.attrs,
    })
}
