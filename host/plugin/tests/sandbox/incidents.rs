//! Escalation: what a policy decides, what is not believed, and that nothing it does loses a page.

use cordboard_model::EscalationDecision;
use cordboard_model::escalation::{EscalationStep, Page, Wait};
use cordboard_plugin::{ChainSettings, DecidedBy, FailureReason, PluginSettings, Plugins, StepOutcome};
use serde_json::json;

use crate::support::{Tables, failure, hurried, incident, load, plugin, try_load};

fn escalator(name: &str) -> PluginSettings {
    plugin(name, "test/misbehaving-escalator", json!({"team": "night"}))
}

fn order(names: &[&str]) -> ChainSettings {
    ChainSettings {
        escalation: names.iter().map(|name| (*name).to_owned()).collect(),
        ..ChainSettings::default()
    }
}

async fn one() -> Plugins {
    load(&[escalator("e")], order(&["e"])).await
}

fn paged(decision: &EscalationDecision) -> Vec<&str> {
    let pages = decision.steps.iter().filter_map(|step| match step {
        EscalationStep::Page(page) => Some(page.contact.as_str()),
        _ => None,
    });
    pages.collect()
}

#[tokio::test]
async fn the_steps_of_a_policy_arrive_as_they_were_meant() {
    let plugins = one().await;
    let decided = plugins.escalate(&incident("next")).await;
    assert!(matches!(decided.by, DecidedBy::Plugin(_)), "{decided:?}");
    let steps = vec![
        EscalationStep::Page(Page::to("anna")),
        EscalationStep::Wait(Wait { timer: "next".into(), after_ms: 15_000 }),
    ];
    assert_eq!(decided.answer, EscalationDecision { steps, memo: "memo+".into() });
    assert_eq!(paged(&plugins.escalate(&incident("everybody")).await.answer), ["anna", "ben"]);
}

#[tokio::test]
async fn a_policy_reads_its_block_and_the_tables() {
    let tables = Tables([(("shifts", "monday"), "ben")].into());
    let (plugins, problems) = try_load(&[escalator("e")], order(&["e"]), tables).await;
    assert!(problems.is_empty(), "{problems:?}");
    let said = plugins.escalate(&incident("host")).await.answer.steps;
    let close = EscalationStep::Close(r#"{"team":"night"} Some(("monday", "ben")) Some("ben")"#.into());
    assert_eq!(said, [close]);
}

#[tokio::test]
async fn a_page_is_never_lost() {
    for (summary, reason) in [
        ("trap", FailureReason::Trap),
        ("fault", FailureReason::Fault),
        ("idle", FailureReason::Invalid),
        ("stranger", FailureReason::Invalid),
        ("carrier", FailureReason::Invalid),
        ("digit", FailureReason::Invalid),
    ] {
        let decided = one().await.escalate(&incident(summary)).await;
        assert_eq!(failure(&decided.trace[0]).reason, reason, "{summary}");
        assert_eq!(decided.by, DecidedBy::Fallback, "{summary}");
        assert_eq!(paged(&decided.answer), ["anna"], "{summary}");
        assert_eq!(decided.answer.memo, "memo", "{summary}");
    }
    let nobody = load(&[], order(&[])).await;
    assert_eq!(paged(&nobody.escalate(&incident("next")).await.answer), ["anna"]);
}

#[tokio::test]
async fn a_policy_that_does_not_answer_is_late_after_200_ms() {
    let plugins = load(&[hurried(escalator("e"))], order(&["e"])).await;
    let decided = plugins.escalate(&incident("spin")).await;
    let found = failure(&decided.trace[0]);
    assert_eq!(found.reason, FailureReason::Deadline);
    assert!(found.message.contains("no answer within 200 ms"), "{found}");
    assert_eq!(paged(&decided.answer), ["anna"]);
}

#[tokio::test]
async fn passing_and_failing_both_lead_to_the_next_policy() {
    let plugins = load(&[escalator("a"), escalator("b")], order(&["a", "b"])).await;
    let decided = plugins.escalate(&incident("pass")).await;
    let outcomes: Vec<&StepOutcome> = decided.trace.iter().map(|step| &step.outcome).collect();
    assert_eq!(outcomes, [&StepOutcome::Passed, &StepOutcome::Passed]);
    assert_eq!(paged(&decided.answer), ["anna"], "the built-in alternation stands at the end");
    assert_eq!(plugins.escalate(&incident("trap")).await.trace.len(), 2);
}
