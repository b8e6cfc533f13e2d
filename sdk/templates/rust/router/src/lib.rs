//! Sends calls for one number to the phone of somebody who is there.

use cordboard_plugin_sdk::prelude::*;
use serde::Deserialize;

/// The `config:` block of the plugin in the configuration of the PBX.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The number that people dial.
    number: String,
    /// Extensions that may take the call, the first one that is registered does.
    team: Vec<String>,
}

/// The plugin.
pub struct TeamNumber;

impl Plugin for TeamNumber {
    type Config = Config;

    fn info() -> Info {
        Info::new(env!("CARGO_PKG_VERSION"), env!("CARGO_PKG_NAME"), env!("CARGO_PKG_DESCRIPTION"))
            .tables(&["registrations"])
    }

    fn check(config: &Config) -> Vec<Problem> {
        if config.team.is_empty() {
            return vec![Problem::new("/team", "expected at least one extension, found none")];
        }
        Vec::new()
    }
}

impl Router for TeamNumber {
    fn route(config: &Config, question: &Question, host: &dyn Host) -> Result<RouteAnswer, Fault> {
        if question.call.callee.user != config.number {
            return Ok(RouteAnswer::pass("another number"));
        }
        if !question.attempts.is_empty() {
            return Ok(RouteAnswer::reject(480, "the team does not answer"));
        }
        let there = config.team.iter().find(|extension| host.lookup("registrations", extension).is_some());
        Ok(match there {
            Some(extension) => {
                RouteAnswer::dial([Target::aor(extension)], format!("{extension} is there"))
            }
            None => RouteAnswer::reject(480, "nobody of the team is registered"),
        })
    }
}

export_router!(TeamNumber);

#[cfg(test)]
mod tests {
    use cordboard_plugin_sdk::testing::{TestHost, call, problems, question, route};
    use serde_json::json;

    use super::*;

    fn decide(dialled: &str, registered: &[&str]) -> Decision {
        let config = json!({"number": "100", "team": ["1001", "1002"]});
        let question = question(call("1003", dialled));
        route::<TeamNumber>(&config, &question, &TestHost::with_registered(registered))
            .expect("a decision")
            .decision
    }

    #[test]
    fn the_first_of_the_team_that_is_there_is_called() {
        let expected = RouteAnswer::dial([Target::aor("1002")], "").decision;
        assert_eq!(decide("100", &["1002"]), expected);
    }

    #[test]
    fn nobody_is_there() {
        assert_eq!(decide("100", &[]), RouteAnswer::reject(480, "").decision);
    }

    #[test]
    fn other_numbers_are_left_to_other_plugins() {
        assert_eq!(decide("200", &["1001"]), Decision::Pass);
    }

    #[test]
    fn a_team_without_anybody_is_a_mistake() {
        assert_eq!(problems::<TeamNumber>(&json!({"number": "100", "team": []})).len(), 1);
    }
}
