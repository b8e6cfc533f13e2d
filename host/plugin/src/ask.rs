//! What all kinds of questions have in common, so that chains, recorders and candidates are written once.

use std::fmt;

use cordboard_model::{
    AuthorizationSubject, CallId, EscalationDecision, EscalationQuestion, FormatDecision, FormatQuestion,
    RouteDecision, RouteQuestion, Verdict,
};
use serde::Serialize;

use crate::kind::Kind;
use crate::plugin::{Plugin, Reply};
use crate::said::{Recorder, Ring};

/// A question that a chain of plugins answers.
pub(crate) trait Ask: Clone + Send + Sync + 'static {
    /// Its decision point.
    const KIND: Kind;

    /// What a plugin answers that does not pass.
    type Answer: Clone + PartialEq + fmt::Debug + Serialize + Send + Sync + 'static;

    /// The call that it is about, for log lines.
    fn call_id(&self) -> Option<CallId>;

    /// Equal for all questions about one call or incident, so that a canary decides about it as a whole.
    fn key(&self) -> u64;

    /// The last questions of this kind.
    fn ring(recorder: &Recorder) -> &Ring<Self>;

    /// Asks one plugin, in a fresh instance.
    fn ask(&self, plugin: &Plugin) -> impl Future<Output = Reply<Self::Answer>> + Send;
}

fn key_of_call(id: CallId) -> u64 {
    spread((id.bits() as u64) ^ ((id.bits() >> 64) as u64))
}

/// FNV-1a.
fn key_of_text(text: &str) -> u64 {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    spread(hash)
}

/// Spreads keys evenly (the finish of SplitMix64), whatever numbers they were made of.
fn spread(key: u64) -> u64 {
    let mut bits = key.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

impl Ask for AuthorizationSubject {
    const KIND: Kind = Kind::Authorization;
    type Answer = Verdict;

    fn call_id(&self) -> Option<CallId> {
        Some(self.facts().call_id)
    }

    fn key(&self) -> u64 {
        key_of_call(self.facts().call_id)
    }

    fn ring(recorder: &Recorder) -> &Ring<Self> {
        &recorder.authorization
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

    fn key(&self) -> u64 {
        key_of_call(self.call.call_id)
    }

    fn ring(recorder: &Recorder) -> &Ring<Self> {
        &recorder.routing
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

    fn key(&self) -> u64 {
        key_of_text(&self.incident.id)
    }

    fn ring(recorder: &Recorder) -> &Ring<Self> {
        &recorder.escalation
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

    fn key(&self) -> u64 {
        self.event.call_id.map_or_else(|| key_of_text(&self.event.id), key_of_call)
    }

    fn ring(recorder: &Recorder) -> &Ring<Self> {
        &recorder.event_formatting
    }

    async fn ask(&self, plugin: &Plugin) -> Reply<FormatDecision> {
        plugin.format(self).await
    }
}
