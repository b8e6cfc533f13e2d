//! What the host asks a plugin about calls. These are the host's own types; the WIT records of each published
//! major version are converted to and from them in `plugin::bindings`.
//!
//! As JSON, in samples and in the decision journal, questions and answers have the names of the WIT package, every field is
//! written, and one that is added later has to have a default, so that what was written before is still read.

use serde::{Deserialize, Serialize};

use crate::answer::TargetAddress;
use crate::event::Party;
use crate::id::CallId;

/// Ordered name and value pairs; a name may occur more than once.
pub type Attributes = Vec<(String, String)>;

/// Names one question that the core asked, so that its answer finds the way back.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct QuestionId(pub u64);

/// What is known about a request when a plugin is asked about it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct CallFacts {
    /// Our id; for a registration, one minted for the question.
    #[serde(rename = "id")]
    pub call_id: CallId,
    /// `Call-ID` of the leg the request came in on.
    pub sip_call_id: String,
    /// Request method, such as `INVITE`.
    pub method: String,
    /// `udp`, `tcp`, `tls`, `ws` or `wss`.
    pub transport: String,
    /// Address and port the request came from.
    pub source: String,
    /// From header.
    pub caller: Party,
    /// Request-URI: who is called. For REGISTER, the address of record of To.
    pub callee: Party,
    /// Name of the trunk that the request came from.
    pub trunk: Option<String>,
    /// Extension of the callee, when the callee is one.
    pub extension: Option<String>,
    /// User that proved itself by digest.
    pub authenticated_as: Option<String>,
    /// Headers in the order of the message, without those the host owns (Via, Route, Authorization...).
    pub headers: Attributes,
    /// Value of Max-Forwards.
    pub hop: u32,
    /// Wall clock in milliseconds since 1970. The core leaves 0, the driver stamps it.
    pub now_ms: u64,
    /// Room to grow, names like `host:feature`.
    #[serde(rename = "attrs")]
    pub attributes: Attributes,
}

/// Whom or what the authorization plugin is asked about.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AuthorizationSubject {
    /// A new call.
    Call(CallFacts),
    /// A REGISTER.
    Register(CallFacts),
    /// A party of a call asks to transfer it.
    Refer(ReferFacts),
}

/// A transfer that a party of a call asks for (REFER, RFC 3515).
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ReferFacts {
    /// The REFER, as if its sender called the target itself: `caller` is who refers, `callee` whom to. `call_id` is that of the
    /// call that the transfer would begin; the transferred one is in the attributes as [`TRANSFERS`].
    pub call: CallFacts,
    /// Refer-To URI, without its headers.
    pub refer_to: String,
    /// It replaces another dialog (attended transfer, RFC 3891).
    pub replaces: bool,
}

/// Attribute that names the call which is being transferred.
pub const TRANSFERS: &str = "host:transfers";

impl AuthorizationSubject {
    /// The request the question is about.
    pub fn facts(&self) -> &CallFacts {
        match self {
            Self::Call(facts) | Self::Register(facts) => facts,
            Self::Refer(refer) => &refer.call,
        }
    }

    /// Wall-clock stamp for the driver to fill in.
    pub fn facts_mut(&mut self) -> &mut CallFacts {
        match self {
            Self::Call(facts) | Self::Register(facts) => facts,
            Self::Refer(refer) => &mut refer.call,
        }
    }
}

/// Why routing is asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RouteReason {
    /// A call came in.
    New,
    /// Every target of the last decision failed.
    Failed,
    /// A callee answered 3xx; its contacts are in `redirects`.
    Redirected,
    /// A party asked to be transferred; where to is in `referral`.
    Refer,
}

/// One of the two parties of a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Referrer {
    /// The party that called.
    Caller,
    /// The party that was called.
    Callee,
}

/// A transfer that a party asked for (REFER, RFC 3515).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Referral {
    /// Who asked.
    pub by: Referrer,
    /// Refer-To URI, without its headers.
    pub refer_to: String,
    /// It replaces another dialog (attended transfer, RFC 3891).
    pub replaces: bool,
}

/// How one attempt to reach a target ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AttemptOutcome {
    /// 486 or 600.
    Busy,
    /// The ring time ran out, or 408/480 from the callee.
    NoAnswer,
    /// The callee refused: 603, 403 and other refusals.
    Rejected,
    /// No binding, no route, transport error or no response at all.
    Unreachable,
    /// The callee answered 3xx.
    Redirected,
    /// Anything else that is not a 2xx.
    Failed,
}

/// One target that was tried for this call.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Attempt {
    /// The target as the decision named it.
    #[serde(rename = "address")]
    pub target: TargetAddress,
    /// How it ended.
    pub outcome: AttemptOutcome,
    /// SIP status that ended it; 408 when nothing came.
    pub status: u16,
    /// From INVITE to the end.
    pub duration_ms: u32,
}

/// The routing question.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RouteQuestion {
    /// The call as it came in; with [`RouteReason::Refer`], and after it, the REFER as in [`ReferFacts::call`].
    pub call: CallFacts,
    /// Why it is asked now.
    pub reason: RouteReason,
    /// Everything tried so far, oldest first.
    pub attempts: Vec<Attempt>,
    /// Contacts of the last 3xx, in its order.
    pub redirects: Vec<String>,
    /// The transfer that began this call, if one did.
    pub referral: Option<Referral>,
}
