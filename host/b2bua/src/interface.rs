//! Inputs and outputs of the core.
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use cordboard_media::command::{MediaCommand, MediaReply};
use cordboard_model::{
    Aor, AuthorizationSubject, CallId, Event, QuestionId, RouteDecision, RouteQuestion, Verdict,
};
use cordboard_sip::endpoint::EndpointCounters;
use cordboard_sip::transport::{Flow, Transmit};

use crate::Settings;
use crate::trunk::TrunkReport;

/// Names one name resolution.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct QueryId(pub u64);

/// What happened.
#[derive(Debug)]
pub enum Input {
    /// A datagram, or one message of a stream.
    Received {
        /// Where it travelled.
        flow: Flow,
        /// All of it.
        bytes: Bytes,
    },
    /// The flow cannot deliver any more: connection closed or refused, ICMP error.
    FlowFailed {
        /// Which.
        flow: Flow,
    },
    /// The answer to [`Output::Ask`].
    Answered {
        /// Which question.
        question: QuestionId,
        /// The answer; the plugin host has already put the documented fallback in place of a failure.
        answer: Answer,
    },
    /// The answer to [`Output::Resolve`]: flows to try in order; empty when the name leads nowhere.
    Resolved {
        /// Which query.
        query: QueryId,
        /// Where it leads.
        flows: Vec<Flow>,
    },
    /// The relay speaks.
    Media(MediaReply),
    /// Somebody with the right to steers.
    Command(Command),
    /// The instant of [`Output::Wait`] has come. The first one starts the trunks.
    Timeout,
}

/// Steering.
#[derive(Debug)]
pub enum Command {
    /// End a call.
    EndCall(CallId),
    /// No new calls: 503 with Retry-After. Calls in progress go on.
    Drain,
    /// End every call now (the drain took too long).
    EndAll,
    /// New settings, for what begins from now on.
    Configure(Arc<Settings>),
}

/// A question for a plugin.
#[derive(Clone, Debug, PartialEq)]
pub enum Question {
    /// May it?
    Authorize(AuthorizationSubject),
    /// Where to?
    Route(RouteQuestion),
}

/// A plugin's answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// To [`Question::Authorize`].
    Authorized(Verdict),
    /// To [`Question::Route`].
    Routed(RouteDecision),
}

/// What has to be resolved (RFC 3263): the next hop of a request.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ResolveTarget {
    /// A SIP URI as text.
    pub uri: String,
}

/// What the driver has to do.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "outputs are taken one by one; a box for each question would cost more"
)]
pub enum Output {
    /// Send it.
    Transmit(Transmit),
    /// Ask the plugins, answer with [`Input::Answered`].
    Ask {
        /// For the answer.
        question: QuestionId,
        /// What is asked.
        content: Question,
    },
    /// Find the flows to a URI, answer with [`Input::Resolved`].
    Resolve {
        /// For the answer.
        query: QueryId,
        /// What to resolve.
        target: ResolveTarget,
    },
    /// For the relay.
    Media(MediaCommand),
    /// For whoever subscribes; `at_ms` is to be stamped.
    Event(Event),
    /// The bindings of an AOR changed; for the lookup tables of plugins. Contact URIs, best first; empty: none left.
    Location {
        /// Whose.
        aor: Aor,
        /// Where they are now.
        contacts: Vec<String>,
    },
    /// A trunk, its servers or its registration changed; `status.state` says when it is gone. For whoever looks at them.
    Trunk(Box<TrunkReport>),
    /// Nothing more to do before this instant (`None`: before the next input).
    Wait(Option<Instant>),
}

/// Figures for metrics. Totals only ever grow.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counters {
    /// Calls now.
    pub calls: usize,
    /// Bindings now.
    pub bindings: usize,
    /// Transactions now.
    pub transactions: usize,
    /// Trunks of the configuration.
    pub trunks: usize,
    /// Trunks that are up.
    pub trunks_up: usize,
    /// Our registrations with trunks that stand, or are under way; a process that ends waits until they are taken back.
    pub trunk_bindings: usize,
    /// INVITEs refused by the rate limit.
    pub rate_limited: u64,
    /// INVITEs refused by the call limit or a drain.
    pub overloaded: u64,
    /// Below the calls.
    pub endpoint: EndpointCounters,
}
