//! What a plugin answers about calls, as the host keeps it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::json;
use crate::privacy::Secret;
use crate::question::Attributes;

/// A final answer of a plugin that refuses the request.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Rejection {
    /// SIP status, 400 to 699.
    pub status: u16,
    /// Reason phrase; empty for the usual one.
    pub reason: String,
    /// Retry-After in seconds.
    pub retry_after_s: Option<u32>,
}

/// A digest hash (RFC 8760).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DigestAlgorithm {
    /// Old phones know nothing else.
    Md5,
    /// SHA-256.
    Sha256,
    /// SHA-512/256.
    Sha512_256,
}

/// What a digest answer is verified with.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Credential {
    /// Name of a secret of the host's configuration that holds the password.
    Secret(String),
    /// `H(user:realm:password)` in hex, one for each hash that may be offered.
    #[serde(with = "json::hidden_hashes")]
    Ha1(Vec<(DigestAlgorithm, Secret<String>)>),
}

/// Asks the host to challenge the request with digest (RFC 8760) and to verify the answer natively.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Challenge {
    /// Realm shown to the phone.
    pub realm: String,
    /// The user that has to prove itself.
    pub user: String,
    /// What the answer is verified with.
    pub credential: Credential,
}

/// The authorization answer. Hashes of passwords that it holds are left out of its JSON.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Goes ahead.
    Allow {
        /// Added to the attributes that routing sees.
        #[serde(rename = "attrs")]
        attributes: Attributes,
    },
    /// Has to prove itself first.
    Challenge(Challenge),
    /// Refused.
    Deny(Rejection),
}

/// Where one target is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TargetAddress {
    /// One of our registered users: every binding of this address of record rings. `user@host`, or only
    /// `user` for the domain the call came in with.
    Aor(String),
    /// A SIP URI somewhere else.
    Uri(String),
    /// A trunk of the configuration and the number to send.
    Trunk {
        /// Name of the trunk.
        trunk: String,
        /// Number to dial.
        number: String,
    },
}

/// Who the callee sees as the caller.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct CallerIdentity {
    /// User part of From, such as a number.
    pub user: String,
    /// Display name.
    pub display: Option<String>,
    /// Host part of From; the host's own domain when absent.
    pub host: Option<String>,
    /// The callee sees an anonymous caller (RFC 3323); a trunk that is trusted still learns the identity (RFC 3325).
    pub anonymous: bool,
}

/// What is asked of the media encryption towards a target.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Srtp {
    /// As the caller has it.
    #[default]
    Unspecified,
    /// Plain RTP.
    Off,
    /// SRTP when the target can, else RTP.
    Preferred,
    /// SRTP, or the target fails.
    Required,
}

/// One place to try.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Target {
    /// Where it is.
    pub address: TargetAddress,
    /// How long it may ring; the configured default when absent.
    #[serde(rename = "ring-timeout-ms", with = "json::milliseconds")]
    pub ring_timeout: Option<Duration>,
    /// What the callee sees in From. The caller's own when absent.
    pub caller: Option<CallerIdentity>,
    /// Headers to add to the INVITE.
    #[serde(rename = "add-headers")]
    pub headers: Attributes,
    /// Headers of the caller that are not passed on.
    pub remove_headers: Vec<String>,
    /// Wish for media encryption.
    pub srtp: Srtp,
}

impl Target {
    /// A place without further wishes.
    pub fn at(address: TargetAddress) -> Self {
        Self {
            address,
            ring_timeout: None,
            caller: None,
            headers: Attributes::new(),
            remove_headers: Vec::new(),
            srtp: Srtp::Unspecified,
        }
    }
}

/// Whether targets ring together.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// All at once; the first 2xx wins.
    Parallel,
    /// One after the other.
    Sequential,
}

/// Ring these targets.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Dial {
    /// At least one.
    pub targets: Vec<Target>,
    /// Together or one after the other.
    pub strategy: Strategy,
}

/// The routing answer.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RouteDecision {
    /// Ring targets.
    Dial(Dial),
    /// Refuse the call.
    Reject(Rejection),
    /// Tell the caller to try elsewhere (302) with these URIs.
    Redirect(Vec<String>),
}
