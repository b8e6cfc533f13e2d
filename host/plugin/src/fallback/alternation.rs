//! The built-in escalation: primary, secondary, primary, secondary, until somebody acknowledges or the host's caps are reached.

use cordboard_model::escalation::{
    Contact, EscalationStep, EscalationTrigger, IncidentFacts, Page, PageOutcome, Success,
};
use cordboard_model::{EscalationDecision, EscalationQuestion};

/// One person at a time, each after the other and again from the begin. The memo is kept for the plugin that wrote it.
pub(crate) fn alternation(question: &EscalationQuestion) -> EscalationDecision {
    let incident = &question.incident;
    let steps = match wanted(question) {
        Wanted::Nothing => Vec::new(),
        Wanted::Close(why) => vec![EscalationStep::Close(why)],
        Wanted::Next => next(incident),
        Wanted::NextNow => {
            let cancel = incident.running().map(|attempt| EscalationStep::Cancel(attempt.number));
            cancel.chain(next(incident)).collect()
        }
    };
    EscalationDecision { steps, memo: incident.memo.clone() }
}

/// What a trigger asks for.
enum Wanted {
    Nothing,
    Close(String),
    Next,
    /// Even though somebody is being called.
    NextNow,
}

fn wanted(question: &EscalationQuestion) -> Wanted {
    let incident = &question.incident;
    if let Some(attempt) =
        incident.history.iter().find(|attempt| succeeded(attempt.outcome, incident.success))
    {
        return Wanted::Close(format!("attempt {} reached {}", attempt.number, attempt.contact));
    }
    if let EscalationTrigger::Intervention(intervention) = &question.trigger {
        match intervention.action.as_str() {
            "acknowledge" => return Wanted::Close(format!("acknowledged by {}", intervention.by)),
            "retry" => return Wanted::NextNow,
            _ => {}
        }
    }
    // Somebody is being called; the end of that attempt asks again.
    if incident.running().next().is_some() { Wanted::Nothing } else { Wanted::Next }
}

fn succeeded(outcome: PageOutcome, success: Success) -> bool {
    match success {
        Success::Acknowledged => outcome == PageOutcome::Acknowledged,
        Success::Answered => {
            matches!(outcome, PageOutcome::Acknowledged | PageOutcome::Answered | PageOutcome::Played)
        }
    }
}

fn next(incident: &IncidentFacts) -> Vec<EscalationStep> {
    let order = order(&incident.contacts);
    if incident.attempts_left == 0 {
        return vec![EscalationStep::GiveUp(
            "nobody was reached, and the cap on attempts does not permit another".into(),
        )];
    }
    let last = incident.history.last().map(|attempt| attempt.contact.as_str());
    let after_last =
        order.iter().position(|contact| Some(contact.id.as_str()) == last).map_or(0, |place| place + 1);
    match order.get(after_last).or(order.first()) {
        Some(contact) => vec![EscalationStep::Page(Page::to(&contact.id))],
        None => vec![EscalationStep::GiveUp("the incident has nobody who could be called".into())],
    }
}

/// Primary, secondary, then everybody else; equals by priority, then as configured.
fn order(contacts: &[Contact]) -> Vec<&Contact> {
    let mut order: Vec<&Contact> = contacts.iter().collect();
    order.sort_by_key(|contact| {
        let role = match contact.role.as_str() {
            "primary" => 0,
            "secondary" => 1,
            _ => 2,
        };
        (role, contact.priority)
    });
    order
}

#[cfg(test)]
mod tests {
    use cordboard_model::escalation::{Intervention, PageAttempt};

    use super::*;

    fn contact(id: &str, role: &str, priority: u32) -> Contact {
        Contact {
            id: id.into(),
            name: String::new(),
            role: role.into(),
            groups: Vec::new(),
            address: String::new(),
            language: String::new(),
            priority,
            attributes: Vec::new(),
        }
    }

    fn attempt(number: u32, contact: &str, outcome: PageOutcome) -> PageAttempt {
        let runs = matches!(outcome, PageOutcome::Placed | PageOutcome::Ringing);
        PageAttempt {
            number,
            contact: contact.into(),
            provider: "sip".into(),
            started_ms: 0,
            ended_ms: (!runs).then_some(1),
            outcome,
            attributes: Vec::new(),
        }
    }

    fn question(contacts: Vec<Contact>, history: Vec<PageAttempt>, left: u32) -> EscalationQuestion {
        let incident = IncidentFacts {
            id: "47".into(),
            severity: "critical".into(),
            summary: String::new(),
            text: String::new(),
            opened_ms: 0,
            contacts,
            providers: Vec::new(),
            history,
            timers: Vec::new(),
            success: Success::Acknowledged,
            attempts_left: left,
            memo: "kept".into(),
            attributes: Vec::new(),
        };
        let trigger = EscalationTrigger::Opened;
        EscalationQuestion { incident, trigger, now_ms: 0, attributes: Vec::new() }
    }

    fn two() -> Vec<Contact> {
        vec![contact("ben", "secondary", 1), contact("anna", "primary", 9)]
    }

    fn steps(question: &EscalationQuestion) -> Vec<String> {
        let decision = alternation(question);
        assert_eq!(decision.memo, "kept");
        let said = decision.steps.into_iter().map(|step| match step {
            EscalationStep::Page(page) => page.contact,
            EscalationStep::Cancel(number) => format!("cancel {number}"),
            EscalationStep::Close(_) => "close".into(),
            EscalationStep::GiveUp(_) => "give up".into(),
            other => panic!("the alternation does not {other:?}"),
        });
        said.collect()
    }

    #[test]
    fn primary_and_secondary_take_turns_until_the_cap() {
        let mut history = Vec::new();
        for (number, expected) in [(1, "anna"), (2, "ben"), (3, "anna"), (4, "ben")] {
            let asked = question(two(), history.clone(), 5 - number);
            assert_eq!(steps(&asked), [expected], "attempt {number}");
            history.push(attempt(number, expected, PageOutcome::NoAnswer));
        }
        assert_eq!(steps(&question(two(), history, 0)), ["give up"]);
    }

    #[test]
    fn everybody_else_follows_by_priority() {
        let contacts = vec![contact("d", "", 7), contact("c", "", 3), contact("a", "primary", 1)];
        let mut history = Vec::new();
        for (number, expected) in [(1, "a"), (2, "c"), (3, "d"), (4, "a")] {
            assert_eq!(steps(&question(contacts.clone(), history.clone(), 9)), [expected]);
            history.push(attempt(number, expected, PageOutcome::Busy));
        }
    }

    #[test]
    fn never_two_people_at_once() {
        let ringing = vec![attempt(1, "anna", PageOutcome::Ringing)];
        let mut asked = question(two(), ringing, 3);
        for trigger in
            [EscalationTrigger::Resumed, EscalationTrigger::Repeated, EscalationTrigger::Timer("x".into())]
        {
            asked.trigger = trigger;
            assert_eq!(steps(&asked), [""; 0], "{:?}", asked.trigger);
        }
        let by = |action: &str| {
            EscalationTrigger::Intervention(Intervention {
                action: action.into(),
                by: "ops".into(),
                note: String::new(),
            })
        };
        for (action, expected) in
            [("retry", vec!["cancel 1", "ben"]), ("acknowledge", vec!["close"]), ("new", vec![])]
        {
            asked.trigger = by(action);
            assert_eq!(steps(&asked), expected, "{action}");
        }
    }

    #[test]
    fn success_closes_and_a_machine_that_answers_is_none() {
        for (outcome, acknowledged, answered) in [
            (PageOutcome::Acknowledged, "close", "close"),
            (PageOutcome::Played, "ben", "close"),
            (PageOutcome::Voicemail, "ben", "ben"),
            (PageOutcome::Unknown, "ben", "ben"),
        ] {
            let mut asked = question(two(), vec![attempt(1, "anna", outcome)], 3);
            assert_eq!(steps(&asked), [acknowledged], "{outcome:?}");
            asked.incident.success = Success::Answered;
            assert_eq!(steps(&asked), [answered], "{outcome:?}");
        }
    }

    #[test]
    fn an_incident_without_contacts_is_given_up() {
        assert_eq!(steps(&question(Vec::new(), Vec::new(), 4)), ["give up"]);
    }
}
