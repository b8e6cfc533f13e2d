//! People call and register only as themselves.
//!
//! What counts as a proof, in this order:
//!
//! 1. The user of a digest answer (`authenticated-as`), which the host has verified. It has to be the user that From (for a
//!    registration: To) names; otherwise 403.
//! 2. The trunk that a call came from. A carrier presents foreign numbers by its nature, so it may call if the configuration names it.
//! 3. Where the phone registered from. A call whose From is a registered user is allowed when it comes from the address of that user's
//!    contact. This is the weaker proof (addresses can be shared behind a NAT, and forged over UDP), so it can be switched off with
//!    `by-source: false`.
//!
//! Whoever has no proof is asked for one when the configuration names `secrets`, else refused with 403. Registrations are allowed
//! without a proof only when `secrets` is absent: then this plugin protects From, not the registrar.

use cordboard_plugin_sdk::prelude::*;
use serde::Deserialize;

const SCHEMA: &str = include_str!("config.schema.json");

/// What an operator can say.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    #[serde(default = "default_realm")]
    realm: String,
    secrets: Option<String>,
    #[serde(default = "yes")]
    by_source: bool,
    #[serde(default)]
    trunks: Vec<String>,
}

fn default_realm() -> String {
    "cordboard".to_owned()
}

fn yes() -> bool {
    true
}

/// The plugin.
pub struct AuthorizeOwnExtension;

impl Plugin for AuthorizeOwnExtension {
    type Config = Config;

    fn info() -> Info {
        Info::new(env!("CARGO_PKG_VERSION"), "authorize-own-extension", env!("CARGO_PKG_DESCRIPTION"))
            .config_schema(SCHEMA)
            .tables(&["registrations"])
    }

    fn check(config: &Config) -> Vec<Problem> {
        let empty = config.secrets.as_deref() == Some("");
        empty
            .then(|| Problem::new("/secrets", "expected the name of a secret, found an empty text"))
            .into_iter()
            .collect()
    }
}

impl Authorizer for AuthorizeOwnExtension {
    fn authorize(config: &Config, subject: &Subject, host: &dyn WebHost) -> Result<AuthorizerAnswer, Fault> {
        Ok(match subject {
            Subject::Call(call) => authorize_call(config, call, host),
            Subject::Register(call) => authorize_registration(config, call),
            Subject::Refer(refer) => authorize_call(config, &refer.call, host),
            Subject::Dashboard(_) | Subject::Api(_) => AuthorizerAnswer::pass("only phones are known here"),
        })
    }
}

export_authorizer!(AuthorizeOwnExtension);

fn authorize_call(config: &Config, call: &Call, host: &dyn Host) -> AuthorizerAnswer {
    if let Some(user) = &call.authenticated_as {
        return same_user(user, &call.caller.user);
    }
    if let Some(trunk) = &call.trunk {
        return if config.trunks.contains(trunk) {
            AuthorizerAnswer::allow("from a trusted trunk")
        } else {
            AuthorizerAnswer::deny(403, format!("trunk {trunk} may not call in"))
        };
    }
    if config.by_source && registered_from(&call.caller.user, &call.source, host) {
        return AuthorizerAnswer::allow("from the address that the user registered");
    }
    let refusal = format!("nothing proves that this is {}", call.caller.user);
    challenge(config, &call.caller.user).unwrap_or_else(|| AuthorizerAnswer::deny(403, refusal))
}

fn authorize_registration(config: &Config, call: &Call) -> AuthorizerAnswer {
    match &call.authenticated_as {
        Some(user) => same_user(user, &call.callee.user),
        None => challenge(config, &call.callee.user)
            .unwrap_or_else(|| AuthorizerAnswer::allow("registrations are open here")),
    }
}

fn same_user(proved: &str, claimed: &str) -> AuthorizerAnswer {
    if proved == claimed {
        AuthorizerAnswer::allow("proved by digest")
    } else {
        AuthorizerAnswer::deny(403, format!("{proved} has no right to appear as {claimed}"))
    }
}

fn challenge(config: &Config, user: &str) -> Option<AuthorizerAnswer> {
    let secret = config.secrets.as_ref()?.replace("{user}", user);
    Some(AuthorizerAnswer::challenge(&config.realm, user, &secret, "a proof is needed"))
}

/// Whether the best contact of a user is on the host that a request came from.
fn registered_from(user: &str, source: &str, host: &dyn Host) -> bool {
    let contact = host.lookup("registrations", user);
    contact.is_some_and(|contact| !user.is_empty() && host_of_uri(&contact) == host_of(source))
}

fn host_of_uri(uri: &str) -> &str {
    let address = uri.split_once(':').map_or(uri, |(_, rest)| rest);
    let address = address.split([';', '?', '>']).next().unwrap_or_default();
    host_of(address.rsplit_once('@').map_or(address, |(_, host)| host))
}

/// The host of `host:port`; an IPv6 address keeps its brackets.
fn host_of(address: &str) -> &str {
    match address.rfind(']') {
        Some(end) => &address[..=end],
        None => address.split(':').next().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use cordboard_plugin_sdk::testing::{TestHost, authorize, call, problems};
    use serde_json::{Value, json};

    use super::*;

    /// `allow`, `challenge SECRET`, or the status of the refusal.
    fn verdict(config: &Value, subject: &Subject) -> String {
        let host = TestHost::default()
            .entry("registrations", "1001", "sip:1001@192.0.2.7:5062;transport=udp")
            .entry("registrations", "1006", "sip:1006@[2001:db8::7]:5060");
        match authorize::<AuthorizeOwnExtension>(config, subject, &host).expect("a verdict").verdict {
            Verdict::Allow(_) => "allow".to_owned(),
            Verdict::Deny(rejection) => rejection.status.to_string(),
            Verdict::Challenge(challenge) => format!("challenge {:?}", challenge.credential),
            Verdict::Pass => "pass".to_owned(),
        }
    }

    fn from(user: &str, change: impl FnOnce(&mut Call)) -> Call {
        let mut call = call(user, "1002");
        change(&mut call);
        call
    }

    #[test]
    fn a_call_needs_a_proof_of_its_from() {
        let mut no_source = json!({});
        no_source["by-source"] = json!(false);
        for (case, config, call, expected) in [
            ("from where the user registered", json!({}), from("1001", |_| ()), "allow"),
            ("over IPv6", json!({}), from("1006", |c| c.source = "[2001:db8::7]:5099".to_owned()), "allow"),
            ("as somebody who registered elsewhere", json!({}), from("1006", |_| ()), "403"),
            ("as somebody who is not registered", json!({}), from("1009", |_| ()), "403"),
            ("as nobody", json!({}), from("", |_| ()), "403"),
            ("where the source proves nothing", no_source, from("1001", |_| ()), "403"),
            (
                "with a digest of that user",
                json!({}),
                from("1009", |c| c.authenticated_as = Some("1009".into())),
                "allow",
            ),
            (
                "with a digest of another",
                json!({}),
                from("1001", |c| c.authenticated_as = Some("1002".into())),
                "403",
            ),
            (
                "from a trusted trunk",
                json!({"trunks": ["t"]}),
                from("x", |c| c.trunk = Some("t".into())),
                "allow",
            ),
            (
                "from another trunk",
                json!({"trunks": ["t"]}),
                from("1001", |c| c.trunk = Some("u".into())),
                "403",
            ),
            (
                "where secrets exist",
                json!({"secrets": "sip/{user}"}),
                from("1009", |_| ()),
                r#"challenge Credential::Secret("sip/1009")"#,
            ),
        ] {
            assert_eq!(verdict(&config, &Subject::Call(call)), expected, "{case}");
        }
    }

    #[test]
    fn a_registration_is_open_until_secrets_exist() {
        let register = |user: Option<&str>| {
            Subject::Register(Call { authenticated_as: user.map(str::to_owned), ..call("1001", "1001") })
        };
        let secrets = json!({"secrets": "phones"});
        assert_eq!(verdict(&json!({}), &register(None)), "allow");
        assert_eq!(verdict(&secrets, &register(None)), r#"challenge Credential::Secret("phones")"#);
        assert_eq!(verdict(&secrets, &register(Some("1001"))), "allow");
        assert_eq!(verdict(&secrets, &register(Some("1002"))), "403");
    }

    #[test]
    fn mistakes_of_the_configuration_are_named() {
        assert_eq!(problems::<AuthorizeOwnExtension>(&json!({"secrets": ""}))[0].path, "/secrets");
        assert_eq!(problems::<AuthorizeOwnExtension>(&json!({"realms": "x"})).len(), 1);
    }
}
