//! An authorizer that does what the caller's name says.

use cordboard_plugin_sdk::prelude::*;
use serde::Deserialize;

/// The block is not looked at.
#[derive(Deserialize)]
pub struct Config {}

/// The plugin.
pub struct MisbehavingAuthorizer;

impl Plugin for MisbehavingAuthorizer {
    type Config = Config;

    fn info() -> Info {
        Info::new(env!("CARGO_PKG_VERSION"), "misbehaving-authorizer", env!("CARGO_PKG_DESCRIPTION"))
    }
}

impl Authorizer for MisbehavingAuthorizer {
    fn authorize(
        _config: &Config,
        subject: &Subject,
        _host: &dyn WebHost,
    ) -> Result<AuthorizerAnswer, Fault> {
        let (Subject::Call(call) | Subject::Register(call)) = subject else {
            return Ok(AuthorizerAnswer::pass("only calls and registrations are asked about"));
        };
        match call.caller.user.as_str() {
            "trap" => panic!("as told"),
            "spin" => loop {
                std::hint::black_box(subject);
            },
            "fault" => Err(Fault::new("as-told", "the test asked for it")),
            "pass" => Ok(AuthorizerAnswer::pass("as told")),
            "deny" => Ok(AuthorizerAnswer::deny(403, "as told")),
            "status" => Ok(AuthorizerAnswer::deny(99, "99 is no status")),
            "challenge" => Ok(AuthorizerAnswer::challenge("realm", "1001", "phones", "as told")),
            "attributes" => {
                let attributes = vec![("x:seen".to_owned(), "yes".to_owned())];
                Ok(AuthorizerAnswer::new(Verdict::Allow(attributes), "as told"))
            }
            _ => Ok(AuthorizerAnswer::allow("as told")),
        }
    }
}

export_authorizer!(MisbehavingAuthorizer);
