//! Another file, other settings, another configuration: while questions are answered, and without losing one.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use cordboard_plugin::{
    CandidateOutcome, ChainSettings, ComponentSettings, Lookup, PluginSettings, Plugins, ReloadError,
};
use serde_json::json;

use crate::support::{
    Exchanged, Told, aor, chains, component, generation, load, outcome, question, router, subject, try_load,
    verdict,
};

#[tokio::test]
async fn a_new_file_answers_from_the_next_question_on() {
    let file = Exchanged::router();
    let plugins = load(&[file.settings("r")], chains(&["r"], &[])).await;
    let told = Told::by(&plugins);
    assert_eq!(generation(&plugins.route(&question("1001")).await), 1);

    let same = plugins.reload("r", false).await.expect("there is nothing to do");
    assert_eq!((same.swapped, same.serving.generation), (None, 1));
    file.put(2);
    assert_eq!(generation(&plugins.route(&question("1001")).await), 1, "nobody has said so yet");

    let reloaded = plugins.reload("r", false).await.expect("it is good");
    let swapped = reloaded.swapped.expect("the file is another one");
    assert_eq!(swapped.before.map(|before| before.generation), Some(1));
    assert_eq!(reloaded.candidate, CandidateOutcome::None);
    assert_eq!((swapped.rehearsal.tally.asked, swapped.rehearsal.differing), (2, 0));
    let decided = plugins.route(&question("1001")).await;
    assert_eq!((generation(&decided), outcome(&decided.answer)), (2, Ok(aor("r-1001"))));
    assert_eq!(told.take(), ["r loaded 1", "r reloaded 2"]);

    let detail = plugins.detail("r").expect("it is configured");
    assert_eq!(detail.state.figures.calls, 3, "of both generations, without the rehearsal");
    let numbers: Vec<_> = detail.generations.iter().map(|state| state.identity.generation).collect();
    assert_eq!(numbers, [2, 1]);
}

#[tokio::test]
async fn a_file_that_is_no_good_changes_nothing_and_is_told() {
    let file = Exchanged::router();
    let plugins = load(&[file.settings("r")], chains(&["r"], &[])).await;
    let told = Told::by(&plugins);
    let authorizer = std::fs::read(component("test/misbehaving-authorizer")).expect("it is read");
    for (bytes, says) in [
        (&b"no component"[..], "expected a WebAssembly component, found a file that begins with"),
        (&authorizer, "expected a plugin that decides routing as the one before does, found none"),
    ] {
        file.put_bytes(bytes);
        let error = plugins.reload("r", false).await.expect_err("it is no good");
        assert!(error.to_string().contains(says), "{error}");
        assert_eq!(outcome(&plugins.route(&question("1001")).await.answer), Ok(aor("r-1001")));
        let detail = plugins.detail("r").expect("it is configured");
        assert_eq!(detail.refusal.map(|refusal| refusal.reason), Some(error.to_string()));
    }
    assert_eq!(told.take(), ["r loaded 1", "r reload-refused -", "r reload-refused -"]);
    assert!(matches!(plugins.reload("nobody", false).await, Err(ReloadError::Unknown(_))));

    file.put(1);
    plugins.reload("r", false).await.expect("it is the old one again");
    file.put(2);
    assert_eq!(plugins.reload("r", false).await.expect("it is good").serving.generation, 2);
    assert_eq!(plugins.detail("r").expect("it is configured").refusal, None);
}

#[tokio::test]
async fn a_plugin_that_never_loaded_answers_as_soon_as_its_file_is_good() {
    let file = Exchanged::router();
    file.put_bytes(b"");
    let (plugins, problems) =
        try_load(&[file.settings("r")], chains(&["r"], &[]), crate::support::Tables::default()).await;
    assert_eq!(problems.len(), 1);
    let told = Told::by(&plugins);
    assert_eq!(outcome(&plugins.route(&question("1001")).await.answer), Err(503));
    plugins.reload("r", false).await.expect_err("it is still empty");
    file.put(1);
    plugins.reload("r", false).await.expect("it is good");
    assert_eq!(generation(&plugins.route(&question("1001")).await), 1);
    assert!(plugins.degraded().is_empty());
    assert_eq!(told.take(), ["r load-failed -", "r load-failed -", "r loaded 1"]);
}

#[tokio::test]
async fn what_a_new_generation_would_decide_otherwise_is_told() {
    let old = router("r");
    let plugins = load(std::slice::from_ref(&old), chains(&["r"], &[])).await;
    for dialled in ["1001", "pass", "1002", "trap"] {
        plugins.route(&question(dialled)).await;
    }
    let new = PluginSettings { config: json!({"name": "new-"}), ..old };
    let mut outcomes = plugins.configure(&[new], chains(&["r"], &[])).await;
    let swapped = outcomes.remove(0).1.expect("it is good").swapped.expect("the block is another one");
    let rehearsal = swapped.rehearsal;
    assert_eq!((rehearsal.tally.asked, rehearsal.tally.failed, rehearsal.before.failed), (4, 1, 1));
    assert_eq!(rehearsal.differing, 2, "not the pass, and not the failure");
    let said = rehearsal.examples[0].differences[0].to_string();
    assert_eq!(said, r#"dial.targets[0].address.aor: "new-1001" instead of "r-1001""#);
    assert_eq!(outcome(&plugins.route(&question("1001")).await.answer), Ok(aor("new-1001")));
}

/// May say no more than what it says about itself.
fn tongue_tied(settings: PluginSettings) -> PluginSettings {
    let mut limits = settings.limits.clone();
    limits.output_bytes = 900;
    PluginSettings { limits, ..settings }
}

#[tokio::test]
async fn a_generation_that_fails_the_last_questions_is_refused_unless_somebody_insists() {
    let good = router("r");
    let plugins = load(std::slice::from_ref(&good), chains(&["r"], &[])).await;
    let long = "1".repeat(1_000);
    for _ in 0..5 {
        plugins.route(&question(&long)).await;
    }
    let mut outcomes = plugins.configure(&[tongue_tied(good)], chains(&["r"], &[])).await;
    let error = outcomes.remove(0).1.expect_err("it answers nothing");
    assert!(matches!(error, ReloadError::Rehearsal { failed: 5, asked: 5, .. }), "{error}");
    assert_eq!(generation(&plugins.route(&question(&long)).await), 1);
    plugins.reload("r", true).await.expect("somebody insists");
    assert_eq!(outcome(&plugins.route(&question(&long)).await.answer), Err(503), "it does fail");
}

#[tokio::test]
async fn a_configuration_is_taken_over_as_a_whole() {
    let plugins = load(&[router("a"), router("b")], chains(&["a"], &[])).await;
    let told = Told::by(&plugins);
    let authorizer = crate::support::authorizer("c");
    let outcomes = plugins.configure(&[router("a"), authorizer], chains(&["a"], &["c"])).await;
    assert!(outcomes.iter().all(|(_, outcome)| outcome.is_ok()), "{outcomes:?}");
    assert_eq!(told.take(), ["a loaded 1", "b loaded 1", "b removed -", "c loaded 1"]);
    assert_eq!(verdict(&plugins.authorize(&subject("1001")).await.answer), "allow");
    let names: Vec<_> = plugins.states().into_iter().map(|state| state.name).collect();
    assert_eq!(names, ["a", "c"]);

    plugins.configure(&[router("a")], ChainSettings::default()).await;
    assert_eq!(verdict(&plugins.authorize(&subject("1001")).await.answer), "403");
    assert!(plugins.detail("c").is_none());
}

/// A table that does not answer before it is told to.
struct Slow {
    asked: Mutex<Sender<()>>,
    go_on: Mutex<Receiver<()>>,
}

impl Lookup for Slow {
    fn exact(&self, table: &str, _key: &str) -> Option<String> {
        if table != "registrations" {
            return None;
        }
        self.asked.lock().expect("nobody panics with it").send(()).ok()?;
        self.go_on.lock().expect("nobody panics with it").recv().ok()?;
        Some("sip:seen@192.0.2.7".into())
    }

    fn longest_prefix(&self, _table: &str, _key: &str) -> Option<(String, String)> {
        None
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_question_that_is_under_way_finishes_on_the_generation_that_it_began_with() {
    let ((asked, is_asked), (go_on, may_go_on)) = (channel(), channel());
    let tables = Slow { asked: Mutex::new(asked), go_on: Mutex::new(may_go_on) };
    let file = Exchanged::router();
    let (plugins, _) = Plugins::load(
        &[file.settings("r")],
        chains(&["r"], &[]),
        Arc::new(tables),
        &ComponentSettings::default(),
    )
    .await
    .expect("the engine starts");
    let plugins = Arc::new(plugins);
    let asking = Arc::clone(&plugins);
    let under_way = tokio::spawn(async move { asking.route(&question("lookup")).await });
    tokio::task::block_in_place(|| is_asked.recv().expect("the plugin looks something up"));

    for version in 2..=5 {
        file.put(version);
        plugins.reload("r", false).await.expect("it is good");
    }
    assert_eq!(generation(&plugins.route(&question("1001")).await), 5);
    go_on.send(()).expect("the table waits");
    let decided = under_way.await.expect("the task ends");
    assert_eq!(generation(&decided), 1, "four generations later, when its own is not kept any more");
}
