//! Every question that a plugin can be asked, and every decision that it can come to, for those who treat all kinds alike: samples,
//! the decision journal and replay.

use serde::{Deserialize, Serialize};

use crate::answer::{RouteDecision, Verdict};
use crate::escalation::{EscalationDecision, EscalationQuestion};
use crate::formatting::{FormatDecision, FormatQuestion};
use crate::question::{AuthorizationSubject, RouteQuestion};

/// A question of any kind: `{"kind": "routing", "input": {...}}`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", content = "input", rename_all = "kebab-case")]
pub enum PluginQuestion {
    /// Where does the call go?
    Routing(RouteQuestion),
    /// May it?
    Authorization(AuthorizationSubject),
    /// Who is called next?
    Escalation(EscalationQuestion),
    /// What does the event look like?
    EventFormatting(FormatQuestion),
}

/// A decision of any kind: `{"kind": "routing", "decision": {...}}`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", content = "decision", rename_all = "kebab-case")]
pub enum PluginDecision {
    /// On [`PluginQuestion::Routing`].
    Routing(RouteDecision),
    /// On [`PluginQuestion::Authorization`].
    Authorization(Verdict),
    /// On [`PluginQuestion::Escalation`].
    Escalation(EscalationDecision),
    /// On [`PluginQuestion::EventFormatting`].
    EventFormatting(FormatDecision),
}
