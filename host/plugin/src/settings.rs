//! What is to be loaded and who is asked.

use crate::kind::Kind;
use crate::limits::Limits;
use crate::source::Source;

/// One component of the configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct PluginSettings {
    /// What chains, logs and metrics call it. Unique.
    pub name: String,
    /// Where its component is.
    pub source: Source,
    /// The plugin's own block, an object. The plugin checks it when it is loaded.
    pub config: serde_json::Value,
    /// What it may use.
    pub limits: Limits,
}

/// Who is asked, and what stands in when nobody can answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChainSettings {
    /// Names of plugins that are asked where a call goes, in order.
    pub routing: Vec<String>,
    /// Names of plugins that are asked what is allowed, in order. Empty: everything is denied.
    pub authorization: Vec<String>,
    /// Names of plugins that are asked who is called next about an incident, in order. Empty: the built-in alternation.
    pub escalation: Vec<String>,
    /// Names of plugins that are asked what an event looks like, in order. Empty: the canonical JSON.
    pub event_formatting: Vec<String>,
    /// Where calls go when no plugin of the chain can say.
    pub static_routes: Vec<StaticRoute>,
    /// What a failed router means.
    pub routing_on_failure: OnFailure,
}

/// What the failure of one plugin means for the rest of its chain.
///
/// Authorization has no choice: a failed check denies, because a weaker one must not decide in its place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// The next plugin is asked.
    #[default]
    Next,
    /// No other plugin is asked: what stands at the end of the chain answers.
    Fallback,
}

impl ChainSettings {
    /// The names of one chain.
    pub fn of(&self, kind: Kind) -> &[String] {
        match kind {
            Kind::Routing => &self.routing,
            Kind::Authorization => &self.authorization,
            Kind::Escalation => &self.escalation,
            Kind::EventFormatting => &self.event_formatting,
        }
    }
}

/// One line of the static table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaticRoute {
    /// The dialled number; a last `*` stands for any rest. A number beats a prefix, a longer prefix a shorter one.
    pub number: String,
    /// SIP URIs, or `user` and `user@host` of our own, rung one after the other.
    pub targets: Vec<String>,
}
