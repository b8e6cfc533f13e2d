//! Calls one contact after the other, in the order of their priority, so many rounds as configured.

use cordboard_plugin_sdk::escalation::{EscalationAnswer, EscalationQuestion, Step};
use cordboard_plugin_sdk::prelude::*;
use serde::Deserialize;

/// The `config:` block of the plugin in the configuration of the PBX.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// How often everybody is called.
    rounds: usize,
}

/// The plugin.
pub struct InTurn;

impl Plugin for InTurn {
    type Config = Config;

    fn info() -> Info {
        Info::new(env!("CARGO_PKG_VERSION"), env!("CARGO_PKG_NAME"), env!("CARGO_PKG_DESCRIPTION"))
    }

    fn check(config: &Config) -> Vec<Problem> {
        if config.rounds == 0 {
            return vec![Problem::new("/rounds", "expected a number from 1, found 0")];
        }
        Vec::new()
    }
}

impl Escalator for InTurn {
    fn escalate(
        config: &Config,
        question: &EscalationQuestion,
        _host: &dyn Host,
    ) -> Result<EscalationAnswer, Fault> {
        let incident = &question.incident;
        if incident.history.iter().any(|attempt| attempt.ended_ms.is_none()) {
            return Ok(EscalationAnswer::steps([Step::wait("next", 30_000)], "somebody is being called"));
        }
        let mut contacts: Vec<_> = incident.contacts.iter().collect();
        contacts.sort_by_key(|contact| contact.priority);
        let calls = incident.history.len();
        if calls >= config.rounds * contacts.len() {
            let step = Step::GiveUp("nobody acknowledged".to_owned());
            return Ok(EscalationAnswer::steps([step], "everybody was called"));
        }
        let next = contacts[calls % contacts.len()];
        Ok(EscalationAnswer::steps([Step::page(&next.id)], format!("{} is next", next.name)))
    }
}

export_escalator!(InTurn);

#[cfg(test)]
mod tests {
    use cordboard_plugin_sdk::escalation::{Decision, Outcome};
    use cordboard_plugin_sdk::testing::{TestHost, escalate, incident, incident_after, problems};
    use serde_json::json;

    use super::*;

    fn decide(question: &EscalationQuestion) -> Decision {
        escalate::<InTurn>(&json!({"rounds": 1}), question, &TestHost::default()).expect("steps").decision
    }

    #[test]
    fn one_contact_after_the_other_is_called() {
        let opened = incident(&["ada", "ben"]);
        assert_eq!(decide(&opened), Decision::Steps(vec![Step::page("ada")]));
        let after = incident_after(opened, "ada", Outcome::NoAnswer);
        assert_eq!(decide(&after), Decision::Steps(vec![Step::page("ben")]));
        let after = incident_after(after, "ben", Outcome::Busy);
        assert_eq!(decide(&after), Decision::Steps(vec![Step::GiveUp("nobody acknowledged".to_owned())]));
    }

    #[test]
    fn nobody_is_called_while_a_phone_rings() {
        let mut ringing = incident_after(incident(&["ada", "ben"]), "ada", Outcome::Ringing);
        ringing.incident.history[0].ended_ms = None;
        assert_eq!(decide(&ringing), Decision::Steps(vec![Step::wait("next", 30_000)]));
    }

    #[test]
    fn no_rounds_are_a_mistake() {
        assert_eq!(problems::<InTurn>(&json!({"rounds": 0})).len(), 1);
    }
}
