//! A component that is tried beside the one that decides.

use std::path::PathBuf;
use std::time::Duration;

use cordboard_model::{CallId, RouteQuestion};
use cordboard_plugin::{
    CandidateMode, CandidateSettings, CandidateState, PluginSettings, Plugins, StepOutcome,
};
use serde_json::json;

use crate::support::{aor, chains, component, generation, load, outcome, question, router};

/// Router `r`, with a candidate that puts another name before what was dialled.
fn with(mode: CandidateMode) -> PluginSettings {
    let candidate = CandidateSettings {
        source: component("test/misbehaving-router").into(),
        config: Some(json!({"name": "candidate-"})),
        mode,
    };
    PluginSettings { candidate: Some(candidate), ..router("r") }
}

async fn loaded(mode: CandidateMode) -> Plugins {
    load(&[with(mode)], chains(&["r"], &[])).await
}

fn candidate(plugins: &Plugins) -> CandidateState {
    plugins.detail("r").and_then(|detail| detail.candidate).expect("it is loaded")
}

/// Waits until the shadow has been asked so often.
async fn compared(plugins: &Plugins, times: u64) -> CandidateState {
    for _ in 0..60_000 {
        let state = candidate(plugins);
        if state.compared + state.skipped >= times {
            return state;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("the shadow was asked too little: {:?}", candidate(plugins));
}

#[tokio::test]
async fn a_shadow_is_asked_everything_and_decides_nothing() {
    let plugins = loaded(CandidateMode::Shadow).await;
    for dialled in ["1001", "1002", "pass", "fault"] {
        let decided = plugins.route(&question(dialled)).await;
        assert!(decided.trace.iter().all(|step| step.identity.as_ref().is_some_and(|by| by.generation == 1)));
    }
    assert_eq!(outcome(&plugins.route(&question("1003")).await.answer), Ok(aor("r-1003")));
    let state = compared(&plugins, 5).await;
    assert_eq!((state.compared, state.differing, state.failed, state.skipped), (5, 3, 1, 0));
    let said: Vec<String> = state.samples[0].differences.iter().map(ToString::to_string).collect();
    assert_eq!(said, [r#"dial.targets[0].address.aor: "candidate-1001" instead of "r-1001""#]);
    assert_eq!(state.samples[0].call_id, Some(CallId::from_bits(42)));
    assert_eq!(plugins.states()[0].figures.calls, 5, "those of the shadow are its own");
    assert_eq!(state.identity.generation, 2);
}

fn of_call(number: u128, dialled: &str) -> RouteQuestion {
    let mut question = question(dialled);
    question.call.call_id = CallId::from_bits(number);
    question
}

#[tokio::test]
async fn a_canary_decides_about_its_share_of_the_calls_and_about_each_call_as_a_whole() {
    let plugins = loaded(CandidateMode::Canary { percent: 20 }).await;
    let mut taken = 0;
    for number in 0..500 {
        let first = generation(&plugins.route(&of_call(number, "1001")).await);
        let again = generation(&plugins.route(&of_call(number, "1002")).await);
        assert_eq!(first, again, "call {number}");
        taken += u32::from(first == 2);
    }
    assert!((80..=120).contains(&taken), "{taken} of 500");

    let all = loaded(CandidateMode::Canary { percent: 100 }).await;
    assert_eq!(outcome(&all.route(&question("1001")).await.answer), Ok(aor("candidate-1001")));
}

#[tokio::test]
async fn where_a_canary_fails_the_plugin_decides() {
    let mut settings = with(CandidateMode::Canary { percent: 100 });
    let plugins = load(std::slice::from_ref(&settings), chains(&["r"], &[])).await;
    let decided = plugins.route(&question("trap")).await;
    let generations: Vec<_> =
        decided.trace.iter().map(|step| step.identity.as_ref().map(|by| by.generation)).collect();
    assert_eq!(generations, [Some(2), Some(1)]);
    assert!(decided.trace.iter().all(|step| matches!(step.outcome, StepOutcome::Failed(_))));

    // A candidate of another kind cannot be asked at all.
    let other = component("test/misbehaving-authorizer");
    settings.candidate =
        settings.candidate.map(|candidate| CandidateSettings { source: other.into(), ..candidate });
    let plugins = load(&[settings], chains(&["r"], &[])).await;
    assert_eq!(generation(&plugins.route(&question("1001")).await), 1);
}

#[tokio::test]
async fn a_candidate_comes_goes_and_is_refused_without_touching_what_answers() {
    let plugins = load(&[router("r")], chains(&["r"], &[])).await;
    let configure = async |settings: PluginSettings| {
        plugins.configure(&[settings], chains(&["r"], &[])).await.remove(0).1
    };
    configure(with(CandidateMode::Shadow)).await.expect("it is loaded");
    assert_eq!(candidate(&plugins).identity.generation, 2);

    let mut wrong = with(CandidateMode::Shadow);
    wrong.candidate = wrong
        .candidate
        .map(|candidate| CandidateSettings { source: PathBuf::from("nowhere").into(), ..candidate });
    configure(wrong).await.expect("the plugin is as good as before");
    assert_eq!(candidate(&plugins).identity.generation, 2, "the one that there was goes on");
    let refusal = plugins.detail("r").and_then(|detail| detail.refusal).expect("and it is told");
    assert!(refusal.reason.starts_with("candidate: plugin r (nowhere)"), "{}", refusal.reason);

    configure(router("r")).await.expect("there is nothing to do");
    assert_eq!(plugins.detail("r").and_then(|detail| detail.candidate), None);
    assert_eq!(generation(&plugins.route(&question("1001")).await), 1);
}
