//! Canonical events: what happened, for logs, metrics, records and subscribers.

use serde::{Deserialize, Serialize};

use crate::address::Aor;
use crate::id::CallId;
use crate::plugin::PluginChange;
use crate::privacy::Pii;
use crate::question::Referrer;
use crate::trunk::TrunkStatus;

/// One side of a call as SIP named it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Party {
    /// The whole URI as received.
    pub uri: String,
    /// User part, unescaped; empty when there is none.
    pub user: String,
    /// Host part.
    pub host: String,
    /// Display name.
    pub display: Option<String>,
}

/// Why a call ended. Each has one SIP status towards a caller that has no answer yet; the table is in
/// `b2bua::call::outcome`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndReason {
    /// The caller hung up an answered call.
    CallerHungUp,
    /// The callee hung up an answered call.
    CalleeHungUp,
    /// The caller cancelled before an answer.
    Cancelled,
    /// Every target was busy.
    Busy,
    /// Nobody answered in time.
    NoAnswer,
    /// The callee refused.
    Rejected,
    /// The callee could not be reached: no binding, no response, transport error.
    Unreachable,
    /// No such number.
    NotFound,
    /// The authorization plugin said no, or could not be asked.
    Forbidden,
    /// The caller has to prove who it is first (401); a phone that can sends its INVITE again as a new call.
    Challenged,
    /// The routing plugin refused the call.
    RouteRejected,
    /// The caller was sent elsewhere (302).
    Redirected,
    /// No plugin and no static route could decide.
    NoRoute,
    /// The offer cannot be carried (488).
    NotAcceptable,
    /// No ports left (503).
    PortsExhausted,
    /// Call limit, memory limit or drain (503).
    Overload,
    /// The caller sent no ACK for 64*T1.
    NoAck,
    /// A request within the call went unanswered, the peer forgot the call (408, 481), or its session was not refreshed in
    /// time.
    PeerGone,
    /// No media arrived for the configured time.
    MediaTimeout,
    /// An operator, the API or the end of a drain.
    Operator,
    /// The longest allowed duration was reached.
    DurationLimit,
    /// One party asked for a transfer, and the other one talks on in the call that this began.
    Transferred,
    /// A failure of a kind that no other reason names.
    Failed,
}

impl EndReason {
    /// The name in events, logs and metrics; the same as its serialised form.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CallerHungUp => "caller-hung-up",
            Self::CalleeHungUp => "callee-hung-up",
            Self::Cancelled => "cancelled",
            Self::Busy => "busy",
            Self::NoAnswer => "no-answer",
            Self::Rejected => "rejected",
            Self::Unreachable => "unreachable",
            Self::NotFound => "not-found",
            Self::Forbidden => "forbidden",
            Self::Challenged => "challenged",
            Self::RouteRejected => "route-rejected",
            Self::Redirected => "redirected",
            Self::NoRoute => "no-route",
            Self::NotAcceptable => "not-acceptable",
            Self::PortsExhausted => "ports-exhausted",
            Self::Overload => "overload",
            Self::NoAck => "no-ack",
            Self::PeerGone => "peer-gone",
            Self::MediaTimeout => "media-timeout",
            Self::Operator => "operator",
            Self::DurationLimit => "duration-limit",
            Self::Transferred => "transferred",
            Self::Failed => "failed",
        }
    }
}

/// One of the two legs of a call.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CallLeg {
    /// The one that the call came in on.
    Caller,
    /// The one towards who answered.
    Callee,
}

impl CallLeg {
    /// As the field `leg` of a log line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Caller => "a",
            Self::Callee => "b",
        }
    }
}

/// What happened.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum EventKind {
    /// A call came in and was admitted.
    CallStarted {
        /// From.
        caller: Party,
        /// Request-URI.
        callee: Party,
        /// `Call-ID` of the caller's leg.
        sip_call_id: String,
    },
    /// A leg towards a target was sent.
    LegStarted {
        /// `Call-ID` of that leg.
        sip_call_id: String,
        /// Request-URI of that leg.
        target: String,
    },
    /// A target rings (first 180 or 183 passed to the caller).
    CallRinging {
        /// Status passed on.
        status: u16,
    },
    /// The first 2xx won.
    CallAnswered {
        /// Who answered.
        callee: Party,
        /// `Call-ID` of the callee's leg.
        sip_call_id: String,
        /// From INVITE to 2xx.
        setup_ms: u64,
    },
    /// A transfer of this call was allowed and has begun. It is a call of its own, whose caller is the party that stays; when it
    /// succeeds, this one ends with [`EndReason::Transferred`].
    TransferStarted {
        /// Who asked for it.
        by: Referrer,
        /// Where to: Refer-To URI, without its headers.
        refer_to: String,
        /// The call that it began.
        successor: CallId,
    },
    /// A key was pressed and released.
    Dtmf {
        /// By whom.
        leg: CallLeg,
        /// `0` to `9`, `*`, `#`, `A` to `D`. Only for those in this process that act on it: it can be somebody's PIN, so it is
        /// left out wherever an event is written down or sent.
        #[serde(skip, default = "hidden_digit")]
        digit: Pii<char>,
        /// How long it was held.
        duration_ms: u32,
    },
    /// One side has sent no media for the configured time, while the other one talks.
    MediaSilent {
        /// Who is not heard.
        leg: CallLeg,
    },
    /// The one end of a call.
    CallEnded {
        /// Why.
        reason: EndReason,
        /// SIP status the caller saw, when the call was not answered.
        status: Option<u16>,
        /// Whole life of the call.
        duration_ms: u64,
        /// From answer to end; 0 when it was not answered.
        talk_ms: u64,
    },
    /// Bindings of an address of record changed.
    Registered {
        /// Whose.
        aor: Aor,
        /// How many bindings are left.
        bindings: usize,
    },
    /// The last binding of an address of record ended.
    Unregistered {
        /// Whose.
        aor: Aor,
        /// It ran out; otherwise the phone took it back.
        expired: bool,
    },
    /// A trunk registered, lost its registration, or its servers came or went.
    TrunkStateChanged(TrunkStatus),
    /// A plugin was loaded, exchanged, rolled back, or its breaker turned.
    PluginChanged(PluginChange),
}

/// What stands for a digit in an event that was written down.
fn hidden_digit() -> Pii<char> {
    Pii('?')
}

/// Something that happened, for everyone who subscribes.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Event {
    /// The call it belongs to.
    pub call_id: Option<CallId>,
    /// Milliseconds since 1970, UTC. The core leaves 0, the driver stamps it.
    pub at_ms: u64,
    /// What happened.
    #[serde(flatten)]
    pub kind: EventKind,
}

impl Event {
    /// Version of the JSON shape of events; grows when a reader would have to change.
    pub const SCHEMA_VERSION: u32 = 1;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digit_is_neither_written_nor_printed() {
        let kind = EventKind::Dtmf { leg: CallLeg::Caller, digit: Pii('7'), duration_ms: 100 };
        let event = Event { call_id: None, at_ms: 0, kind };
        let json = serde_json::to_string(&event).expect("an event serialises");
        assert!(!json.contains('7') && !format!("{event:?}").contains('7'), "{json} {event:?}");
        let read: Event = serde_json::from_str(&json).expect("and is read again");
        assert!(matches!(read.kind, EventKind::Dtmf { duration_ms: 100, .. }));
    }

    #[test]
    fn an_end_reason_is_named_as_it_is_serialised() {
        for reason in
            [EndReason::CallerHungUp, EndReason::NoAck, EndReason::PortsExhausted, EndReason::Transferred]
        {
            let json = serde_json::to_string(&reason).expect("a unit variant serialises");
            assert_eq!(json, format!("\"{}\"", reason.name()));
        }
    }
}
