//! Who may do what.

pub use crate::bindings::authorization::exports::cordboard::plugin::authorization::{
    Answer as AuthorizerAnswer, Challenge, Credential, Subject, Verdict,
};
use crate::{Fault, Host, Plugin, Rejection};

/// A plugin that decides who may do what. Exported with [`export_authorizer!`](crate::export_authorizer).
pub trait Authorizer: Plugin {
    /// Decides. The same question and configuration have to give the same answer.
    ///
    /// # Errors
    /// When it cannot decide: the host counts it and denies.
    fn authorize(
        config: &Self::Config,
        subject: &Subject,
        host: &dyn Host,
    ) -> Result<AuthorizerAnswer, Fault>;
}

impl AuthorizerAnswer {
    /// Any verdict, and one sentence that says why.
    pub fn new(verdict: Verdict, why: impl Into<String>) -> Self {
        Self { verdict, why: why.into(), attrs: Vec::new() }
    }

    /// Lets it happen.
    pub fn allow(why: impl Into<String>) -> Self {
        Self::new(Verdict::Allow(Vec::new()), why)
    }

    /// Refuses with a SIP status.
    pub fn deny(status: u16, why: impl Into<String>) -> Self {
        let rejection = Rejection { status, reason: String::new(), retry_after_s: None, attrs: Vec::new() };
        Self::new(Verdict::Deny(rejection), why)
    }

    /// Wants a proof of being `user`, which the host verifies with a secret of its configuration.
    pub fn challenge(realm: &str, user: &str, secret: &str, why: impl Into<String>) -> Self {
        let challenge = Challenge {
            realm: realm.to_owned(),
            user: user.to_owned(),
            credential: Credential::Secret(secret.to_owned()),
            algorithms: Vec::new(),
            attrs: Vec::new(),
        };
        Self::new(Verdict::Challenge(challenge), why)
    }

    /// Leaves it to the next plugin of the chain.
    pub fn pass(why: impl Into<String>) -> Self {
        Self::new(Verdict::Pass, why)
    }
}
