//! A new generation that is worse than the one before gives way to it again, by itself or by hand.

use std::time::Duration;

use cordboard_plugin::{
    GenerationOutcome, PluginSettings, Plugins, ProbationSettings, ReloadError, RollbackError,
};

use crate::support::{Exchanged, Told, aor, chains, generation, load, outcome, question};

async fn ask(plugins: &Plugins, dialled: &str, times: usize) {
    for _ in 0..times {
        plugins.route(&question(dialled)).await;
    }
}

/// The first generation has answered, and the second answers now.
async fn reloaded(file: &Exchanged) -> (Plugins, Told) {
    let plugins = load(&[file.settings("r")], chains(&["r"], &[])).await;
    ask(&plugins, "1001", 5).await;
    file.put(2);
    plugins.reload("r", false).await.expect("it is good");
    let told = Told::by(&plugins);
    told.take();
    (plugins, told)
}

#[tokio::test]
async fn a_generation_that_fails_on_probation_gives_way_and_its_file_is_not_taken_again() {
    let file = Exchanged::router();
    let (plugins, told) = reloaded(&file).await;
    ask(&plugins, "1001", 3).await;
    ask(&plugins, "trap", 2).await;
    assert_eq!(generation(&plugins.route(&question("1001")).await), 2, "two are an accident");
    ask(&plugins, "trap", 1).await;
    assert_eq!(generation(&plugins.route(&question("1001")).await), 1);
    assert_eq!(told.take(), ["r quarantined 2", "r rolled-back 1"]);

    let detail = plugins.detail("r").expect("it is configured");
    let outcomes: Vec<_> = detail.generations.iter().map(|state| (&state.outcome, state.is_kept)).collect();
    let reason = "3 of 7 questions failed on probation, of the generation before 0 of 5".to_owned();
    assert_eq!(
        outcomes,
        [
            (&GenerationOutcome::RolledBack { reason: reason.clone() }, false),
            (&GenerationOutcome::Serving, true)
        ]
    );
    assert_eq!(detail.state.figures.calls, 13);
    assert!(detail.refusal.is_some_and(|refusal| refusal.reason.contains(&reason)));

    let error = plugins.reload("r", false).await.expect_err("it is the same file");
    assert!(matches!(&error, ReloadError::Quarantined { reason: said, .. } if *said == reason), "{error}");
    let insisted = plugins.reload("r", true).await.expect("somebody insists");
    assert_eq!(insisted.serving.generation, 3);
    file.put(3);
    assert_eq!(plugins.reload("r", false).await.expect("another file").serving.generation, 4);
}

#[tokio::test]
async fn a_file_in_quarantine_may_come_with_another_block() {
    let file = Exchanged::router();
    let (plugins, _told) = reloaded(&file).await;
    ask(&plugins, "trap", 3).await;
    assert_eq!(generation(&plugins.route(&question("1001")).await), 1);
    let corrected = PluginSettings { config: serde_json::json!({"name": "b-"}), ..file.settings("r") };
    let mut outcomes = plugins.configure(&[corrected], chains(&["r"], &[])).await;
    outcomes.remove(0).1.expect("the block may have been the cause");
    assert_eq!(outcome(&plugins.route(&question("1001")).await.answer), Ok(aor("b-1001")));
}

#[tokio::test]
async fn a_generation_that_was_no_worse_for_long_enough_is_confirmed() {
    let file = Exchanged::router();
    let probation = ProbationSettings { time: Duration::ZERO, questions: 4 };
    let settings = PluginSettings { probation, ..file.settings("r") };
    let plugins = load(&[settings], chains(&["r"], &[])).await;
    file.put(2);
    plugins.reload("r", false).await.expect("it is good");
    let told = Told::by(&plugins);
    told.take();
    ask(&plugins, "1001", 3).await;
    let state = plugins.detail("r").and_then(|detail| detail.probation).expect("it is on probation");
    assert_eq!((state.tally.asked, state.tally.failed), (3, 0));
    ask(&plugins, "1001", 1).await;
    assert_eq!(told.take(), ["r confirmed 2"]);
    assert_eq!(plugins.detail("r").and_then(|detail| detail.probation), None);
    ask(&plugins, "trap", 4).await;
    assert_eq!(generation(&plugins.route(&question("1001")).await), 2, "its breaker looks after it now");
}

#[tokio::test]
async fn a_breaker_belongs_to_a_generation_and_its_turns_are_told() {
    let file = Exchanged::router();
    let plugins = load(&[file.settings("r")], chains(&["r"], &[])).await;
    let told = Told::by(&plugins);
    ask(&plugins, "trap", 6).await;
    assert_eq!(outcome(&plugins.route(&question("1001")).await.answer), Err(503), "it is left alone");
    assert_eq!(told.take(), ["r loaded 1", "r breaker-opened 1"]);
    file.put(2);
    plugins.reload("r", false).await.expect("the one before failed as often");
    assert_eq!(
        generation(&plugins.route(&question("1001")).await),
        2,
        "a new one begins with a closed breaker"
    );
}

#[tokio::test]
async fn by_hand_two_generations_back_and_no_further() {
    let file = Exchanged::router();
    let plugins = load(&[file.settings("r")], chains(&["r"], &[])).await;
    assert_eq!(plugins.rollback("r"), Err(RollbackError::NothingEarlier("r".into())));
    assert_eq!(plugins.rollback("x"), Err(RollbackError::Unknown("x".into())));
    for version in 2..=5 {
        file.put(version);
        plugins.reload("r", false).await.expect("it is good");
    }
    let told = Told::by(&plugins);
    told.take();
    for (serving, given_up) in [(4, 5), (3, 4)] {
        let done = plugins.rollback("r").expect("three generations are kept");
        assert_eq!((done.serving.generation, done.given_up.generation), (serving, given_up));
        assert_eq!(generation(&plugins.route(&question("1001")).await), serving);
    }
    assert_eq!(plugins.rollback("r"), Err(RollbackError::NothingEarlier("r".into())));
    assert_eq!(told.take(), ["r quarantined 5", "r rolled-back 4", "r quarantined 4", "r rolled-back 3"]);
    let error = plugins.reload("r", false).await.expect_err("nobody wants it back by accident");
    assert!(error.to_string().contains("it was rolled back by hand"), "{error}");
    assert_eq!(plugins.reload("r", true).await.expect("somebody does").serving.generation, 6);
}
