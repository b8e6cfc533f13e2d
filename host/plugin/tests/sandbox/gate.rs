//! The gate: what continuous integration is told about a component, and that the host judges by the same.

use std::fs;
use std::path::{Path, PathBuf};

use cordboard_plugin::gate::{self, CheckStatus, GateSettings, Report, Sample, Samples, Specimen};
use cordboard_plugin::{ChainSettings, LoadError, PluginSettings};
use serde_json::{Value, json};

use crate::support::{Tables, component, plugin, try_load};

fn bytes(name: &str) -> Vec<u8> {
    fs::read(component(name)).expect("the component is read")
}

/// A folder with a component and samples beside it.
struct Bundle {
    folder: tempfile::TempDir,
}

impl Bundle {
    fn new(name: &str, samples: &[Value]) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the test");
        fs::write(folder.path().join("plugin.wasm"), bytes(name)).expect("the component is written");
        fs::create_dir(folder.path().join("samples")).expect("a folder for samples");
        for (number, sample) in samples.iter().enumerate() {
            let file = folder.path().join(format!("samples/{number:02}.json"));
            fs::write(file, sample.to_string()).expect("the sample is written");
        }
        Self { folder }
    }

    fn component(&self) -> PathBuf {
        self.folder.path().join("plugin.wasm")
    }

    fn samples(&self) -> Vec<Sample> {
        Samples::beside(&self.component()).expect("they are samples")
    }

    async fn validated(&self) -> Report {
        let settings = GateSettings { samples: self.samples(), ..GateSettings::default() };
        let content = fs::read(self.component()).expect("the component is read");
        gate::validate(&content, &settings).await.expect("the engine starts")
    }

    /// What the host says when it loads the same.
    async fn loaded(&self) -> Option<LoadError> {
        let settings = PluginSettings {
            source: self.component().into(),
            ..plugin("p", "route-by-extension", json!({}))
        };
        let (_, mut problems) = try_load(&[settings], ChainSettings::default(), Tables::default()).await;
        problems.pop().map(|problem| problem.error)
    }
}

fn sample(user: &str, expect: Value) -> Value {
    json!({
        "name": user, "kind": "routing", "expect": expect,
        "input": {"call": {"caller": {"user": "1003"}, "callee": {"user": user}}},
    })
}

fn message<'a>(report: &'a Report, name: &str) -> &'a str {
    let check = report.checks.iter().find(|check| check.name == name);
    check.map_or("", |check| check.message.as_str())
}

#[tokio::test]
async fn the_reference_plugins_pass_every_check() {
    for name in ["route-by-extension", "authorize-open", "authorize-own-extension"] {
        let report = gate::validate(&bytes(name), &GateSettings::default()).await.expect("the engine starts");
        let not_ok: Vec<_> = report
            .checks
            .iter()
            .filter(|check| check.status != CheckStatus::Ok)
            .map(|check| check.name)
            .collect();
        assert_eq!(not_ok, ["samples"], "{name} has none here: {report}");
        assert_eq!(report.checks.len(), 11, "{report}");
        assert!(report.passed());
    }
}

#[tokio::test]
async fn all_four_kinds_survive_hostile_inputs() {
    for (name, kind) in [
        ("test/misbehaving-router", "routing"),
        ("test/misbehaving-authorizer", "authorization"),
        ("test/misbehaving-escalator", "escalation"),
        ("test/misbehaving-formatter", "event-formatting"),
    ] {
        let report = gate::validate(&bytes(name), &GateSettings::default()).await.expect("the engine starts");
        assert_eq!(report.component.kinds, [kind]);
        assert!(report.passed(), "{report}");
        assert!(report.component.most_fuel.is_some_and(|fuel| fuel > 1_000), "{report}");
    }
}

#[tokio::test]
async fn what_is_no_component_fails_at_the_check_that_names_it() {
    let wat = |text: &str| wat::parse_str(text).expect("the text is WebAssembly");
    let whole = bytes("test/misbehaving-router");
    let importing = r#"(component (import "wasi:cli/environment@0.2.0" (instance))
        (instance $none) (export "cordboard:plugin/meta@1.0.0" (instance $none))
        (instance $nothing) (export "cordboard:plugin/routing@1.0.0" (instance $nothing)))"#;
    for (check, content, says) in [
        ("structure", Vec::new(), "an empty file"),
        ("structure", wat("(module)"), "core WebAssembly module"),
        ("structure", whole[..whole.len() / 2].to_vec(), "truncated or damaged"),
        ("exports", wat("(component)"), "found no exports"),
        ("imports", wat(importing), "wasm32-unknown-unknown"),
        (
            "link",
            wat(&importing.replace("wasi:cli/environment@0.2.0", "cordboard:plugin/log@1.0.0")),
            "WIT files",
        ),
    ] {
        let report = gate::validate(&content, &GateSettings::default()).await.expect("the engine starts");
        let last = report.checks.last().expect("there is a check");
        assert_eq!((last.name, last.status), (check, CheckStatus::Failed), "{report}");
        assert!(last.message.contains(says), "{report}");
        assert!(!report.passed());
    }
}

#[tokio::test]
async fn a_block_is_held_against_the_schema_and_against_the_plugins_own_check() {
    for (name, config, says) in [
        ("route-by-extension", json!({"extensions": "XXX"}), "/extensions: "),
        ("test/misbehaving-router", json!({"wrong": true}), "/wrong: expected false, found true"),
    ] {
        let settings = GateSettings { config, ..GateSettings::default() };
        let report = gate::validate(&bytes(name), &settings).await.expect("the engine starts");
        let check = report.checks.iter().find(|check| check.name == "config").expect("it is checked");
        assert_eq!(check.status, CheckStatus::Failed, "{report}");
        assert!(check.details.iter().any(|detail| detail.starts_with(says)), "{report}");
    }
}

#[tokio::test]
async fn samples_that_are_decided_as_they_say_pass_here_and_in_the_host() {
    let bundle = Bundle::new(
        "test/misbehaving-router",
        &[
            sample("1001", json!({"dial": {"targets": [{"address": {"aor": "1001"}}]}})),
            sample("pass", json!("pass")),
            sample("fault", json!({"failure": {"reason": "fault"}})),
            sample("page", json!({"failure": {"reason": "unsupported"}})),
        ],
    );
    let report = bundle.validated().await;
    assert!(report.passed(), "{report}");
    assert_eq!(message(&report, "samples"), "it decides all 4 samples as they say");
    assert!(bundle.loaded().await.is_none());
}

#[tokio::test]
async fn a_sample_that_is_decided_otherwise_is_refused_here_and_in_the_host() {
    let wrong = sample("1001", json!({"dial": {"targets": [{"address": {"aor": "1002"}}]}}));
    let bundle = Bundle::new("test/misbehaving-router", &[sample("pass", json!("pass")), wrong]);
    let report = bundle.validated().await;
    let check = report.checks.iter().find(|check| check.name == "samples").expect("it is checked");
    assert_eq!(check.status, CheckStatus::Failed, "{report}");
    let says = r#"1001: dial.targets[0].address.aor: "1001" instead of "1002""#;
    assert_eq!(check.details, [says]);
    assert_eq!(report.samples.iter().filter(|sample| sample.passed()).count(), 1);
    match bundle.loaded().await {
        Some(LoadError::Samples(lines)) => assert_eq!(lines, [says]),
        other => panic!("the host takes what the gate refuses: {other:?}"),
    }
}

#[tokio::test]
async fn a_file_that_is_no_sample_says_where_it_is_wrong() {
    for (content, says) in [
        (json!({"name": "x", "kind": "routing", "input": {"cal": {}}}), "found \"cal\""),
        (json!({"name": "x", "kind": "router", "input": {}}), "expected a kind out of routing"),
        (json!({"name": "x", "kind": "routing"}), "missing field `input`"),
        (json!({"name": "x", "kind": "routing", "input": {}, "expected": {}}), "unknown field `expected`"),
    ] {
        let bundle = Bundle::new("test/misbehaving-router", &[content]);
        let problem = Samples::beside(&bundle.component()).expect_err("it is no sample").to_string();
        assert!(problem.contains(says) && problem.contains("00.json"), "{problem}");
        assert!(matches!(bundle.loaded().await, Some(LoadError::Sample(_))), "{problem}");
    }
}

#[tokio::test]
async fn samples_of_one_component_are_not_those_of_its_neighbours() {
    let bundle = Bundle::new("test/misbehaving-router", &[sample("pass", json!("pass"))]);
    assert_eq!(bundle.samples().len(), 1);
    let neighbour = bundle.folder.path().join("other.wasm");
    fs::write(&neighbour, b"").expect("the neighbour is written");
    assert_eq!(bundle.samples().len(), 0, "it is not clear whose they are");
    fs::rename(bundle.folder.path().join("samples"), bundle.folder.path().join("plugin.samples"))
        .expect("the folder is renamed");
    assert_eq!(bundle.samples().len(), 1);
    assert_eq!(Samples::beside(&neighbour).expect("none is no error").len(), 0);
}

#[tokio::test]
async fn an_endless_loop_and_a_memory_bomb_are_found_by_count_and_not_by_clock() {
    let loops = Bundle::new("test/misbehaving-router", &[sample("spin", json!("pass"))]).validated().await;
    assert!(message(&loops, "fuel").contains("found 200000000 for sample \"spin\""), "{loops}");
    assert!(!loops.passed());
    let bomb = Bundle::new("test/misbehaving-router", &[sample("bomb", json!("pass"))]).validated().await;
    assert!(message(&bomb, "memory").contains("sample \"bomb\" wants more"), "{bomb}");
    assert!(!bomb.passed());
}

#[tokio::test]
async fn the_same_question_costs_the_same_fuel_every_time() {
    let bundle = Bundle::new("route-by-extension", &[sample("1001", json!({"reject": {"status": 480}}))]);
    let content = bytes("route-by-extension");
    let mut costs = Vec::new();
    for _ in 0..2 {
        let specimen = Specimen::open(&content, &GateSettings::default()).expect("it opens");
        for _ in 0..2 {
            costs.push(specimen.ask(&bundle.samples()[0]).await.fuel.expect("it is counted"));
        }
    }
    assert!(costs.windows(2).all(|pair| pair[0] == pair[1]), "{costs:?}");
    let report = {
        let settings = GateSettings { samples: bundle.samples(), max_fuel: 100, ..GateSettings::default() };
        gate::validate(&content, &settings).await.expect("the engine starts")
    };
    assert!(message(&report, "fuel").contains("expected at most 100 units of fuel"), "{report}");
}

#[tokio::test]
async fn the_report_has_a_stable_json() {
    let bundle = Bundle::new("test/misbehaving-router", &[sample("pass", json!("pass"))]);
    let json = serde_json::to_value(bundle.validated().await).expect("it serialises");
    assert_eq!((&json["format"], &json["status"]), (&json!(1), &json!("warning")), "{json:#}");
    let keys = |value: &Value| value.as_object().map(|object| object.keys().cloned().collect::<Vec<_>>());
    assert_eq!(
        keys(&json),
        Some(["checks", "component", "format", "samples", "status"].map(String::from).to_vec())
    );
    assert_eq!(
        keys(&json["checks"][0]),
        Some(["details", "message", "name", "status"].map(String::from).to_vec())
    );
    assert_eq!(json["samples"][0]["found"], json!("pass"));
    assert_eq!(json["component"]["kinds"], json!(["routing"]));
}

#[tokio::test]
async fn blessing_writes_what_was_found_where_it_was_expected() {
    let mut unspoken = sample("1001", Value::Null);
    unspoken.as_object_mut().expect("an object").remove("expect");
    let narrow = sample("fault", json!({"failure": {"reason": "trap"}}));
    let bundle = Bundle::new("test/misbehaving-router", &[unspoken, narrow]);
    let specimen =
        Specimen::open(&bytes("test/misbehaving-router"), &GateSettings::default()).expect("it opens");
    for sample in bundle.samples() {
        let found = specimen.ask(&sample).await.answer.to_json();
        gate::bless(&sample, &found).expect("it is written");
    }
    let expected = |file: &str| {
        let text = fs::read_to_string(Path::new(bundle.folder.path()).join("samples").join(file))
            .expect("it is there");
        serde_json::from_str::<Value>(&text).expect("it is JSON")["expect"].take()
    };
    let dial = json!({"dial": {"strategy": "sequential", "targets": [{"address": {"aor": "1001"}, "srtp": "unspecified"}]}});
    assert_eq!(expected("00.json"), dial);
    assert_eq!(
        expected("01.json"),
        json!({"failure": {"reason": "fault"}}),
        "the message is not compared before nor after"
    );
    assert!(bundle.validated().await.passed());
}
