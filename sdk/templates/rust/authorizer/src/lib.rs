//! Lets some extensions call international numbers, and nobody else.

use cordboard_plugin_sdk::prelude::*;
use serde::Deserialize;

/// The `config:` block of the plugin in the configuration of the PBX.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// How international numbers begin.
    prefix: String,
    /// Who may call them.
    allowed: Vec<String>,
}

/// The plugin.
pub struct International;

impl Plugin for International {
    type Config = Config;

    fn info() -> Info {
        Info::new(env!("CARGO_PKG_VERSION"), env!("CARGO_PKG_NAME"), env!("CARGO_PKG_DESCRIPTION"))
    }

    fn check(config: &Config) -> Vec<Problem> {
        if config.prefix.is_empty() {
            return vec![Problem::new("/prefix", "expected the beginning of a number, found nothing")];
        }
        Vec::new()
    }
}

impl Authorizer for International {
    fn authorize(config: &Config, subject: &Subject, _host: &dyn WebHost) -> Result<AuthorizerAnswer, Fault> {
        let Subject::Call(call) = subject else {
            return Ok(AuthorizerAnswer::pass("no call"));
        };
        if !call.callee.user.starts_with(&config.prefix) {
            return Ok(AuthorizerAnswer::pass("not international"));
        }
        // What the caller's phone proved with a digest answer. Anybody can write anything into From.
        let caller = call.authenticated_as.as_deref().unwrap_or_default();
        Ok(if config.allowed.iter().any(|allowed| allowed == caller) {
            AuthorizerAnswer::allow(format!("{caller} may call abroad"))
        } else {
            AuthorizerAnswer::deny(403, "may not call abroad")
        })
    }
}

export_authorizer!(International);

#[cfg(test)]
mod tests {
    use cordboard_plugin_sdk::testing::{TestHost, authorize, call, problems};
    use serde_json::json;

    use super::*;

    fn decide(caller: Option<&str>, dialled: &str) -> Verdict {
        let config = json!({"prefix": "00", "allowed": ["1001"]});
        let mut call = call("1001", dialled);
        call.authenticated_as = caller.map(str::to_owned);
        let answer = authorize::<International>(&config, &Subject::Call(call), &TestHost::default());
        answer.expect("a verdict").verdict
    }

    #[test]
    fn who_is_allowed_and_proved_it_may_call_abroad() {
        assert_eq!(decide(Some("1001"), "0049301234"), Verdict::Allow(Vec::new()));
    }

    #[test]
    fn a_name_that_is_not_proved_counts_for_nothing() {
        let denied = AuthorizerAnswer::deny(403, "").verdict;
        assert_eq!(decide(None, "0049301234"), denied);
        assert_eq!(decide(Some("1002"), "0049301234"), denied);
    }

    #[test]
    fn other_calls_are_left_to_other_plugins() {
        assert_eq!(decide(None, "1002"), Verdict::Pass);
    }

    #[test]
    fn a_prefix_of_nothing_is_a_mistake() {
        assert_eq!(problems::<International>(&json!({"prefix": "", "allowed": []})).len(), 1);
    }
}
