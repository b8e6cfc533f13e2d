//! What events look like to their receivers.

use serde_json::Value;

pub use crate::bindings::event_formatting::exports::cordboard::plugin::event_formatting::{
    Answer as FormatAnswer, Decision as Formatted, Event, Message, Question as FormatQuestion, Sink,
};
use crate::{Fault, Plugin, WebHost};

/// A plugin that shapes events. Exported with [`export_formatter!`](crate::export_formatter).
pub trait Formatter: Plugin {
    /// Makes the messages for one sink.
    ///
    /// # Errors
    /// When it cannot: the host counts it and delivers the canonical JSON.
    fn format(
        config: &Self::Config,
        question: &FormatQuestion,
        host: &dyn WebHost,
    ) -> Result<FormatAnswer, Fault>;
}

impl FormatAnswer {
    /// Any decision, and one sentence that says why.
    pub fn new(decision: Formatted, why: impl Into<String>) -> Self {
        Self { decision, why: why.into(), attrs: Vec::new() }
    }

    /// Delivers these in their order.
    pub fn deliver(messages: impl IntoIterator<Item = Message>, why: impl Into<String>) -> Self {
        Self::new(Formatted::Deliver(messages.into_iter().collect()), why)
    }

    /// The sink does not want this event.
    pub fn unwanted(why: impl Into<String>) -> Self {
        Self::new(Formatted::Drop, why)
    }

    /// Leaves the event to the next plugin of the chain.
    pub fn pass(why: impl Into<String>) -> Self {
        Self::new(Formatted::Pass, why)
    }
}

impl Message {
    /// Any content.
    pub fn new(content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            content_type: content_type.to_owned(),
            body: body.into(),
            headers: Vec::new(),
            attrs: Vec::new(),
        }
    }

    /// JSON.
    pub fn json(value: &Value) -> Self {
        Self::new("application/json", value.to_string())
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }
}

impl Event {
    /// Everything that is known about the event.
    ///
    /// # Errors
    /// When the host's JSON cannot be read, which would be a mistake of the host.
    pub fn canonical(&self) -> Result<Value, Fault> {
        serde_json::from_str(&self.json).map_err(|error| Fault::new("bad-event", error.to_string()))
    }
}
