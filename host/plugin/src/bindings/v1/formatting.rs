//! Event formatting of version 1: the question to its record, and the answer back to the host's type, checked.

use cordboard_model as model;
use cordboard_model::formatting as host;

use super::answer::{has_controls, invalid, is_token};
use super::wit_formatting as wit;
use crate::failure::Failure;
use crate::plugin::Given;

/// Messages that one event may become.
const MAX_MESSAGES: usize = 16;

/// Longest body of a message.
const MAX_BODY: usize = 256 << 10;

/// Headers of one message.
const MAX_HEADERS: usize = 64;

/// Longest value of a header.
const MAX_VALUE: usize = 8 << 10;

/// Longest content type.
const MAX_CONTENT_TYPE: usize = 128;

/// Headers that belong to the host: they frame the request, or say who sends it.
const HOST_HEADERS: [&str; 6] =
    ["host", "content-type", "content-length", "connection", "transfer-encoding", "authorization"];

/// The formatting question.
pub(crate) fn formatting_question(question: &model::FormatQuestion) -> wit::Question {
    let (event, sink) = (&question.event, &question.sink);
    wit::Question {
        event: wit::Event {
            id: event.id.clone(),
            kind: event.kind.clone(),
            schema: event.schema,
            at_ms: event.at_ms,
            call_id: event.call_id.map(|id| id.to_string()),
            incident_id: event.incident_id.clone(),
            extensions: event.extensions.clone(),
            json: event.json.clone(),
            attrs: event.attributes.clone(),
        },
        sink: wit::Sink { name: sink.name.clone(), kind: sink.kind.clone(), attrs: sink.attributes.clone() },
        now_ms: question.now_ms,
        attrs: question.attributes.clone(),
    }
}

/// The formatting answer.
///
/// # Errors
/// When the answer cannot be sent as it is.
pub(crate) fn formatted(answer: wit::Answer) -> Result<Given<model::FormatDecision>, Failure> {
    let decision = match answer.decision {
        wit::Decision::Deliver(messages) => model::FormatDecision::Deliver(deliver(messages)?),
        wit::Decision::Drop => model::FormatDecision::Drop,
        wit::Decision::Pass => return Ok(Given::pass(&answer.why)),
    };
    Ok(Given::answer(decision, &answer.why))
}

fn deliver(messages: Vec<wit::Message>) -> Result<Vec<host::Message>, Failure> {
    if !(1..=MAX_MESSAGES).contains(&messages.len()) {
        let found = messages.len();
        return Err(invalid(format!(
            "expected 1 to {MAX_MESSAGES} messages, found {found}; answer drop for none"
        )));
    }
    messages.into_iter().map(message).collect()
}

fn message(message: wit::Message) -> Result<host::Message, Failure> {
    if message.body.len() > MAX_BODY {
        let found = message.body.len();
        return Err(invalid(format!("expected a body of at most {MAX_BODY} bytes, found {found}")));
    }
    let content_type = message.content_type;
    if content_type.len() > MAX_CONTENT_TYPE || !content_type.contains('/') || !is_value(&content_type) {
        let found: String = content_type.chars().take(64).collect();
        return Err(invalid(format!("expected a content type such as application/json, found {found:?}")));
    }
    if message.headers.len() > MAX_HEADERS {
        let found = message.headers.len();
        return Err(invalid(format!("expected at most {MAX_HEADERS} headers, found {found}")));
    }
    message.headers.iter().try_for_each(|(name, value)| check_header(name, value))?;
    Ok(host::Message {
        content_type,
        body: message.body,
        headers: message.headers,
        attributes: message.attrs,
    })
}

fn check_header(name: &str, value: &str) -> Result<(), Failure> {
    if !is_token(name) {
        let found: String = name.chars().take(64).collect();
        return Err(invalid(format!("expected a header name, found {found:?}")));
    }
    let lower = name.to_ascii_lowercase();
    if HOST_HEADERS.contains(&lower.as_str()) || lower.starts_with("x-cordboard-") {
        return Err(invalid(format!("header {name} belongs to the host; a plugin may not set it")));
    }
    if value.len() > MAX_VALUE || !is_value(value) {
        return Err(invalid(format!(
            "the value of header {name} is too long, has control characters or is not ASCII"
        )));
    }
    Ok(())
}

/// Fit for a header (RFC 9110 §5.5): some servers refuse what is not ASCII.
fn is_value(value: &str) -> bool {
    value.is_ascii() && !has_controls(value)
}
