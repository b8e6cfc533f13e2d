//! Who may do what.

pub use crate::bindings::authorization::exports::cordboard::plugin::authorization::{
    Access, Algorithm, Answer as AuthorizerAnswer, Challenge, Credential, Ha1, Refer, Subject, Verdict,
};
use crate::{Attributes, Fault, Plugin, Rejection, WebHost};

/// A plugin that decides who may do what. Exported with [`export_authorizer!`](crate::export_authorizer).
pub trait Authorizer: Plugin {
    /// Decides. The same question and configuration have to give the same answer.
    ///
    /// # Errors
    /// When it cannot decide: the host counts it and denies.
    fn authorize(
        config: &Self::Config,
        subject: &Subject,
        host: &dyn WebHost,
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

    /// Lets it happen, and tells routing something: the attributes are in `call.attrs` there.
    pub fn allow_with(attributes: Attributes, why: impl Into<String>) -> Self {
        Self::new(Verdict::Allow(attributes), why)
    }

    /// Refuses with a SIP status.
    pub fn deny(status: u16, why: impl Into<String>) -> Self {
        let rejection = Rejection { status, reason: String::new(), retry_after_s: None, attrs: Vec::new() };
        Self::new(Verdict::Deny(rejection), why)
    }

    /// Wants a proof of being `user`, which the host verifies with a secret of its configuration.
    pub fn challenge(realm: &str, user: &str, secret: &str, why: impl Into<String>) -> Self {
        let credential = Credential::Secret(secret.to_owned());
        Self::new(Verdict::Challenge(Challenge::new(realm, user, credential)), why)
    }

    /// Wants a proof of being `user`, which the host verifies with hashes that the plugin knows.
    pub fn challenge_with_ha1(realm: &str, user: &str, hashes: Vec<Ha1>, why: impl Into<String>) -> Self {
        Self::new(Verdict::Challenge(Challenge::new(realm, user, Credential::Ha1(hashes))), why)
    }

    /// Leaves it to the next plugin of the chain.
    pub fn pass(why: impl Into<String>) -> Self {
        Self::new(Verdict::Pass, why)
    }
}

impl Challenge {
    /// A challenge with the algorithms that the host offers by itself.
    pub fn new(realm: &str, user: &str, credential: Credential) -> Self {
        Self {
            realm: realm.to_owned(),
            user: user.to_owned(),
            credential,
            algorithms: Vec::new(),
            attrs: Vec::new(),
        }
    }
}
