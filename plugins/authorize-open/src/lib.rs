//! The authorization plugin that Cordboard starts with: everybody may register and call.
//!
//! Fit for a first try and for a network where every device is trusted. It passes on what it does not know about the dashboard and the
//! management interface, so that those stay closed unless another plugin opens them.

use cordboard_plugin_sdk::prelude::*;
use serde::Deserialize;

/// There is nothing to configure; a misspelt key is still a mistake.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {}

/// The plugin.
pub struct AuthorizeOpen;

impl Plugin for AuthorizeOpen {
    type Config = Config;

    fn info() -> Info {
        Info::new(env!("CARGO_PKG_VERSION"), "authorize-open", env!("CARGO_PKG_DESCRIPTION"))
            .config_schema(r#"{"type": "object", "additionalProperties": false}"#)
    }
}

impl Authorizer for AuthorizeOpen {
    fn authorize(
        _config: &Config,
        subject: &Subject,
        _host: &dyn WebHost,
    ) -> Result<AuthorizerAnswer, Fault> {
        Ok(match subject {
            Subject::Call(_) | Subject::Register(_) | Subject::Refer(_) => AuthorizerAnswer::allow("open"),
            Subject::Dashboard(_) | Subject::Api(_) => AuthorizerAnswer::pass("only phones are open"),
        })
    }
}

export_authorizer!(AuthorizeOpen);

#[cfg(test)]
mod tests {
    use cordboard_plugin_sdk::testing::{TestHost, authorize, call, problems};
    use serde_json::json;

    use super::*;

    #[test]
    fn everybody_may_call_and_register() {
        for subject in [Subject::Call(call("1001", "1002")), Subject::Register(call("1001", "1001"))] {
            let answer = authorize::<AuthorizeOpen>(&json!({}), &subject, &TestHost::default());
            assert_eq!(answer.expect("a verdict").verdict, Verdict::Allow(Vec::new()));
        }
    }

    #[test]
    fn a_key_is_a_mistake() {
        assert_eq!(problems::<AuthorizeOpen>(&json!({"realm": "x"})).len(), 1);
    }
}
