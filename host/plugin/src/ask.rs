//! What all kinds of questions have in common, so that chains, recorders and candidates are written once.

use std::fmt;

use cordboard_model::{
    AuthorizationSubject, CallId, EscalationDecision, EscalationQuestion, FormatDecision, FormatQuestion,
    RouteDecision, RouteQuestion, Verdict,
};

use crate::kind::Kind;
use crate::plugin::{Plugin, Reply};

/// A question that a chain of plugins answers.
pub(crate) trait Ask: Clone + Send + Sync + 'static {
    /// Its decision point.
    const KIND: Kind;

    /// What a plugin answers that does not pass.
    type Answer: Clone + PartialEq + fmt::Debug + Send + Sync + 'static;

    /// The call that it is about, for log lines.
    fn call_id(&self) -> Option<CallId>;

    /// Asks one plugin, in a fresh instance.
    fn ask(&self, plugin: &Plugin) -> impl Future<Output = Reply<Self::Answer>> + Send;
}

impl Ask for AuthorizationSubject {
    const KIND: Kind = Kind::Authorization;
    type Answer = Verdict;

    fn call_id(&self) -> Option<CallId> {
        Some(self.facts().call_id)
    }

    async fn ask(&self, plugin: &Plugin) -> Reply<Verdict> {
        plugin.authorize(self).await
    }
}

impl Ask for RouteQuestion {
    const KIND: Kind = Kind::Routing;
    type Answer = RouteDecision;

    fn call_id(&self) -> Option<CallId> {
        Some(self.call.call_id)
    }

    async fn ask(&self, plugin: &Plugin) -> Reply<RouteDecision> {
        plugin.route(self).await
    }
}

impl Ask for EscalationQuestion {
    const KIND: Kind = Kind::Escalation;
    type Answer = EscalationDecision;

    fn call_id(&self) -> Option<CallId> {
        None
    }

    async fn ask(&self, plugin: &Plugin) -> Reply<EscalationDecision> {
        plugin.escalate(self).await
    }
}

impl Ask for FormatQuestion {
    const KIND: Kind = Kind::EventFormatting;
    type Answer = FormatDecision;

    fn call_id(&self) -> Option<CallId> {
        self.event.call_id
    }

    async fn ask(&self, plugin: &Plugin) -> Reply<FormatDecision> {
        plugin.format(self).await
    }
}
