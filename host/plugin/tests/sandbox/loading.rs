//! A file that is no good names itself, what was expected, what was found and what to do; nothing else is harmed.

use std::fs;
use std::path::PathBuf;

use cordboard_plugin::{Health, LoadError, PluginSettings, SourceError};
use serde_json::{Value, json};

use crate::support::{Tables, aor, chains, component, outcome, question, router, subject, try_load, verdict};

/// Writes a file and loads it beside a good plugin.
async fn problem_of(content: &[u8], config: Value) -> LoadError {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = folder.path().join("bad.wasm");
    fs::write(&path, content).expect("the file is written");
    problem_of_file(path, config).await
}

async fn problem_of_file(path: PathBuf, config: Value) -> LoadError {
    let bad = PluginSettings { config, ..PluginSettings::new("bad", path.clone()) };
    let order = chains(&["bad", "good"], &["bad"]);
    let (plugins, mut problems) = try_load(&[bad, router("good")], order, Tables::default()).await;
    assert_eq!(problems.len(), 1, "{problems:?}");
    let problem = problems.remove(0);
    assert!(problem.to_string().contains(&path.display().to_string()), "{problem}");

    // The chain goes on without it, a check that cannot be made denies, and the state says why.
    assert_eq!(outcome(&plugins.route(&question("1001")).await.answer), Ok(aor("good-1001")));
    assert_eq!(verdict(&plugins.authorize(&subject("1001")).await.answer), "503");
    let state = plugins.states().into_iter().find(|state| state.name == "bad").expect("it is listed");
    assert_eq!(state.health, Health::Broken { problem: problem.to_string() });
    assert_eq!(plugins.degraded().len(), 2, "routing and authorization");
    problem.error
}

fn wat(text: &str) -> Vec<u8> {
    wat::parse_str(text).expect("the text is WebAssembly")
}

/// A component with an import, and with exports of the right names and the wrong types.
fn importing(import: &str) -> Vec<u8> {
    wat(&format!(
        r#"(component (import "{import}" (instance))
             (instance $none) (export "cordboard:plugin/meta@1.0.0" (instance $none))
             (instance $nothing) (export "cordboard:plugin/routing@1.0.0" (instance $nothing)))"#
    ))
}

#[tokio::test]
async fn what_is_no_component_is_told_by_what_it_is() {
    let whole = fs::read(component("test/misbehaving-router")).expect("the component is read");
    let cases: [(&str, Vec<u8>, &str); 7] = [
        ("an empty file", Vec::new(), "found an empty file"),
        ("a text", b"plugins: []\n".to_vec(), r#"found a file that begins with "plugins: []\n""#),
        ("half a header", whole[..6].to_vec(), "truncated or damaged"),
        ("half a component", whole[..whole.len() / 2].to_vec(), "truncated or damaged"),
        ("a core module", wat("(module)"), "found a core WebAssembly module; make a component of it"),
        ("an empty component", wat("(component)"), "found no exports"),
        (
            "a component of somebody else",
            wat(r#"(component (instance $i) (export "a:b/c@1.0.0" (instance $i)))"#),
            "found a:b/c@1.0.0",
        ),
    ];
    for (case, content, says) in cases {
        let error = problem_of(&content, json!({})).await.to_string();
        assert!(error.contains(says), "{case}: {error}");
    }
}

#[tokio::test]
async fn a_missing_file_says_how_it_is_built() {
    let error = problem_of_file("/nowhere/plugin.wasm".into(), json!({})).await.to_string();
    assert!(error.contains("No such file") && error.contains("cargo xtask plugins"), "{error}");
}

#[tokio::test]
async fn a_file_beyond_32_mib_is_not_read() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = folder.path().join("large.wasm");
    let file = fs::File::create(&path).expect("the file is made");
    file.set_len((32 << 20) + 1).expect("the file is made sparse");
    let error = problem_of_file(path, json!({})).await;
    assert!(matches!(error, LoadError::Source(SourceError::TooLarge { .. })), "{error}");
}

#[tokio::test]
async fn an_import_that_is_not_granted_is_named_with_a_way_out() {
    for (import, hint) in [
        ("wasi:cli/environment@0.2.0", "wasm32-unknown-unknown"),
        ("wasi:clocks/monotonic-clock@0.2.9", "--stub-wasi"),
        ("cordboard:plugin/http@1.0.0", "only authorizers and formatters"),
        ("cordboard:plugin/log@2.0.0", "WIT files of this release"),
        ("cordboard:plugin/shell@1.0.0", "WIT files of this release"),
        ("acme:tools/shell", "remove what needs it"),
    ] {
        let error = problem_of(&importing(import), json!({})).await;
        let text = error.to_string();
        assert!(matches!(error, LoadError::ForbiddenImport { .. }), "{text}");
        assert!(text.contains(import) && text.contains(hint), "{text}");
    }
}

#[tokio::test]
async fn the_right_names_with_the_wrong_types_do_not_link() {
    let error = problem_of(&importing("cordboard:plugin/log@1.0.0"), json!({})).await;
    assert!(matches!(error, LoadError::DoesNotLink { .. }), "{error}");
}

#[tokio::test]
async fn mistakes_in_the_configuration_block_are_the_plugins_own_words() {
    let good = component("test/misbehaving-router");
    for (config, says) in [
        (json!({"wrong": true}), "/wrong: expected false, found true"),
        (json!({"nam": "x"}), "unknown field `nam`"),
    ] {
        let error = problem_of_file(good.clone(), config).await.to_string();
        assert!(error.contains(says), "{error}");
    }
}

#[tokio::test]
async fn a_chain_that_names_what_is_not_there_is_degraded() {
    let order = chains(&["ghost"], &["r"]);
    let (plugins, problems) = try_load(&[router("r")], order, Tables::default()).await;
    assert!(problems.is_empty());
    let why: Vec<String> =
        plugins.degraded().into_iter().map(|(kind, why)| format!("{kind}: {why}")).collect();
    assert!(
        why[0].contains("routing: the routing chain names plugin ghost, which is not configured"),
        "{why:?}"
    );
    assert!(why[1].contains("plugin r does not export authorization"), "{why:?}");
    assert_eq!(outcome(&plugins.route(&question("1001")).await.answer), Err(503));
}
