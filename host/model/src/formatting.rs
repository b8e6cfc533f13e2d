//! What the host asks the formatting plugin about an event, and what that answers.

use serde::{Deserialize, Serialize};

use crate::id::CallId;
use crate::json;
use crate::question::Attributes;

/// Something that happened, as a formatter sees it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct EventFacts {
    /// Unique id; a receiver can use it to recognise a repetition.
    pub id: String,
    /// What happened, such as `call_ended`.
    pub kind: String,
    /// Version of the shape of `json`.
    pub schema: u32,
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
    /// The call that it belongs to.
    pub call_id: Option<CallId>,
    /// The incident that it belongs to.
    pub incident_id: Option<String>,
    /// Extensions of the parties.
    pub extensions: Vec<String>,
    /// The canonical JSON object: everything that is known.
    pub json: String,
    /// Room to grow.
    #[serde(rename = "attrs")]
    pub attributes: Attributes,
}

/// Where a message goes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SinkFacts {
    /// Name in the configuration.
    pub name: String,
    /// `webhook` or another kind.
    pub kind: String,
    /// Room to grow.
    #[serde(rename = "attrs")]
    pub attributes: Attributes,
}

/// The formatting question.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct FormatQuestion {
    /// What happened.
    pub event: EventFacts,
    /// For whom it is to be shaped.
    pub sink: SinkFacts,
    /// Wall clock in milliseconds since 1970.
    pub now_ms: u64,
    /// Room to grow.
    #[serde(rename = "attrs")]
    pub attributes: Attributes,
}

/// One message to deliver.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Message {
    /// Such as `application/json`.
    pub content_type: String,
    /// What is sent. In JSON the text that it is; `{"hex": "..."}` when it is no UTF-8.
    #[serde(with = "json::text_or_hex")]
    pub body: Vec<u8>,
    /// Headers to add.
    pub headers: Attributes,
    /// Room to grow.
    #[serde(rename = "attrs")]
    pub attributes: Attributes,
}

/// The formatting answer.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FormatDecision {
    /// Deliver these, in this order.
    Deliver(Vec<Message>),
    /// The sink does not want the event.
    Drop,
}
