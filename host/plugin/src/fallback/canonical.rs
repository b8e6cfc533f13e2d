//! The form that an event has when no plugin gives it one.

use cordboard_model::formatting::Message;
use cordboard_model::{FormatDecision, FormatQuestion};

use crate::failure::Failure;

/// Header that tells the receiver why it gets the canonical JSON instead of the form that it expects.
const FORMAT_ERROR: &str = "X-Cordboard-Format-Error";

/// The canonical JSON; marked, when a plugin failed. The header has the reason only: the message is for the operator's log and could hold
/// what the receiver may not know.
pub(crate) fn canonical(question: &FormatQuestion, failed: Option<(&str, &Failure)>) -> FormatDecision {
    let mark = |(plugin, failure): (&str, &Failure)| {
        (FORMAT_ERROR.to_owned(), format!("plugin={plugin}; reason={}", failure.reason))
    };
    FormatDecision::Deliver(vec![Message {
        content_type: "application/json".into(),
        body: question.event.json.clone().into_bytes(),
        headers: failed.map(mark).into_iter().collect(),
        attributes: Vec::new(),
    }])
}
