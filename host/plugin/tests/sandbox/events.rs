//! Event formatting: what a plugin makes of an event, what is not believed, and that nothing it does loses an event.

use cordboard_model::FormatDecision;
use cordboard_model::formatting::Message;
use cordboard_plugin::{ChainSettings, DecidedBy, FailureReason, PluginSettings, Plugins};
use serde_json::json;

use crate::support::{event, failure, load, plugin};

fn formatter(name: &str) -> PluginSettings {
    plugin(name, "test/misbehaving-formatter", json!({}))
}

async fn chain(names: &[&str]) -> Plugins {
    let settings: Vec<PluginSettings> = names.iter().map(|name| formatter(name)).collect();
    let event_formatting = names.iter().map(|name| (*name).to_owned()).collect();
    load(&settings, ChainSettings { event_formatting, ..ChainSettings::default() }).await
}

fn json_message(body: &str, headers: &[(&str, &str)]) -> Message {
    Message {
        content_type: "application/json".into(),
        body: body.as_bytes().to_vec(),
        headers: headers.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
        attributes: Vec::new(),
    }
}

#[tokio::test]
async fn an_event_gets_the_form_that_the_plugin_gives_it() {
    let plugins = chain(&["f"]).await;
    let shaped = plugins.format(&event("call_ended")).await;
    assert!(matches!(shaped.by, DecidedBy::Plugin(_)), "{shaped:?}");
    let body = r#"{"to":"crm","event":{"kind":"call_ended"}}"#;
    let expected = json_message(body, &[("X-Kind", "call_ended")]);
    assert_eq!(shaped.answer, FormatDecision::Deliver(vec![expected]));
    assert_eq!(plugins.format(&event("drop")).await.answer, FormatDecision::Drop);
}

#[tokio::test]
async fn an_event_is_never_lost_and_the_receiver_is_told_why_it_looks_otherwise() {
    for (kind, reason) in [
        ("trap", FailureReason::Trap),
        ("nothing", FailureReason::Invalid),
        ("many", FailureReason::Invalid),
        ("large", FailureReason::Invalid),
        ("header", FailureReason::Invalid),
        ("mark", FailureReason::Invalid),
        ("line", FailureReason::Invalid),
    ] {
        let shaped = chain(&["f", "g"]).await.format(&event(kind)).await;
        assert_eq!(shaped.trace.len(), 1, "{kind}: the next plugin does not speak for one that failed");
        assert_eq!(failure(&shaped.trace[0]).reason, reason, "{kind}");
        let mark = format!("plugin=f; reason={reason}");
        let canonical =
            json_message(&format!(r#"{{"kind":"{kind}"}}"#), &[("X-Cordboard-Format-Error", &mark)]);
        assert_eq!(shaped.answer, FormatDecision::Deliver(vec![canonical]), "{kind}");
    }
}

#[tokio::test]
async fn when_all_pass_the_canonical_json_is_delivered_unmarked() {
    let canonical = FormatDecision::Deliver(vec![json_message(r#"{"kind":"pass"}"#, &[])]);
    for names in [&["f", "g"][..], &[]] {
        let shaped = chain(names).await.format(&event("pass")).await;
        assert_eq!(shaped.trace.len(), names.len());
        assert_eq!(shaped.answer, canonical, "{names:?}");
    }
}
