//! Makes a line for a chat room of every call that has ended.

use cordboard_plugin_sdk::prelude::*;
use serde::Deserialize;
use serde_json::json;

/// There is nothing to configure; a misspelt key is still a mistake.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {}

/// The plugin.
pub struct ChatLine;

impl Plugin for ChatLine {
    type Config = Config;

    fn info() -> Info {
        Info::new(env!("CARGO_PKG_VERSION"), env!("CARGO_PKG_NAME"), env!("CARGO_PKG_DESCRIPTION"))
    }
}

impl Formatter for ChatLine {
    fn format(_config: &Config, question: &FormatQuestion, _host: &dyn WebHost) -> Result<FormatAnswer, Fault> {
        if question.event.kind != "call-ended" {
            return Ok(FormatAnswer::unwanted("only ended calls are told"));
        }
        let known = question.event.canonical()?;
        let cause = known["cause"].as_str().unwrap_or("no cause is known");
        let message = Message::json(&json!({"text": format!("A call has ended: {cause}")}));
        Ok(FormatAnswer::deliver([message], "an ended call"))
    }
}

export_formatter!(ChatLine);

#[cfg(test)]
mod tests {
    use cordboard_plugin_sdk::testing::{TestHost, event, format, problems};

    use super::*;

    fn decide(kind: &str) -> Formatted {
        let question = event(kind, &json!({"cause": "hung up"}));
        format::<ChatLine>(&json!({}), &question, &TestHost::default()).expect("an answer").decision
    }

    #[test]
    fn an_ended_call_becomes_a_line() {
        let expected = Message::json(&json!({"text": "A call has ended: hung up"}));
        assert_eq!(decide("call-ended"), Formatted::Deliver(vec![expected]));
    }

    #[test]
    fn other_events_are_not_told() {
        assert_eq!(decide("call-started"), Formatted::Drop);
    }

    #[test]
    fn a_key_is_a_mistake() {
        assert_eq!(problems::<ChatLine>(&json!({"room": "x"})).len(), 1);
    }
}
