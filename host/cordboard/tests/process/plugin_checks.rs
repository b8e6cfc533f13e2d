//! `cordboard plugin inspect`, `validate`, `test`, `run` and `bench`, as continuous integration and authors use them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};

fn component(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../target/plugins/{name}.wasm"));
    assert!(path.is_file(), "{} is missing; build it with `cargo xtask plugins`", path.display());
    path
}

/// A folder with the routing plugin that Cordboard starts with and two samples.
struct Project {
    folder: tempfile::TempDir,
}

impl Project {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder of our own");
        fs::copy(component("route-by-extension"), folder.path().join("router.wasm")).expect("it is copied");
        fs::create_dir(folder.path().join("samples")).expect("a folder for samples");
        let project = Self { folder };
        project.sample("registered", "1001", &json!({"dial": {"targets": [{"address": {"aor": "1001"}}]}}));
        project.sample("away", "1002", &json!({"reject": {"status": 480}}));
        project
    }

    fn sample(&self, name: &str, dialled: &str, expect: &Value) {
        let sample = json!({
            "name": name, "kind": "routing", "tables": {"registrations": {"1001": "sip:1001@192.0.2.7"}},
            "input": {"call": {"caller": {"user": "1003"}, "callee": {"user": dialled}}}, "expect": expect,
        });
        fs::write(self.file(name), sample.to_string()).expect("the sample is written");
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(format!("samples/{name}.json"))
    }

    fn plugin(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cordboard"));
        command.current_dir(self.folder.path()).arg("plugin").args(arguments);
        command.output().expect("the binary runs")
    }
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn json_of(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", said(output)))
}

#[test]
fn a_good_plugin_is_valid_and_a_bad_one_is_not() {
    let project = Project::new();
    let good = project.plugin(&["validate", "router.wasm"]);
    assert_eq!(good.status.code(), Some(0), "{}", said(&good));
    assert!(said(&good).contains("it decides all 2 samples as they say"), "{}", said(&good));
    assert!(said(&good).contains("router.wasm: it may be used"), "{}", said(&good));

    project.sample("away", "1002", &json!({"reject": {"status": 404}}));
    let bad = project.plugin(&["validate", "router.wasm", "--json"]);
    assert_eq!(bad.status.code(), Some(1), "{}", said(&bad));
    let report = json_of(&bad);
    assert_eq!((&report["status"], &report["format"]), (&json!("failed"), &json!(1)));
    let samples =
        report["checks"].as_array().and_then(|checks| checks.iter().find(|c| c["name"] == "samples"));
    assert_eq!(samples.expect("it is checked")["details"][0], "away: reject.status: 480 instead of 404");

    fs::write(project.folder.path().join("text.wasm"), "text").expect("it is written");
    let text = project.plugin(&["validate", "text.wasm"]);
    assert_eq!(text.status.code(), Some(1), "{}", said(&text));
    assert!(said(&text).contains("found a file that begins with \"text\""), "{}", said(&text));
}

#[test]
fn a_mistake_in_the_command_line_is_told_apart_from_a_bad_plugin() {
    let project = Project::new();
    for (arguments, says) in [
        (&["validate", "missing.wasm"][..], "missing.wasm"),
        (&["validate", "router.wasm", "--samples", "nowhere"], "expected a folder of samples"),
        (&["validate", "router.wasm", "--config", "missing.yaml"], "expected a configuration block"),
        (&["validate", "router.wasm", "--max-fuel", "much"], "invalid value 'much'"),
        (&["validate"], "required"),
    ] {
        let output = project.plugin(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", said(&output));
        assert!(said(&output).contains(says), "{arguments:?}: {}", said(&output));
    }
}

#[test]
fn a_configuration_block_is_checked_as_json_and_as_yaml() {
    let project = Project::new();
    for (file, text, status) in [
        ("good.yaml", "ring-seconds: 20\n", 0),
        ("good.json", "{\"ring-seconds\": 20}", 0),
        ("bad.yaml", "ring-seconds: 0\n", 1),
    ] {
        fs::write(project.folder.path().join(file), text).expect("it is written");
        let output = project.plugin(&["validate", "router.wasm", "--config", file]);
        assert_eq!(output.status.code(), Some(status), "{file}: {}", said(&output));
    }
}

#[test]
fn a_component_says_what_it_is() {
    let project = Project::new();
    let output = project.plugin(&["inspect", "router.wasm"]);
    let told = said(&output);
    assert_eq!(output.status.code(), Some(0), "{told}");
    for line in [
        "name       route-by-extension 0.1.0",
        "decides    routing",
        "tables     registrations",
        "digest     ",
    ] {
        assert!(told.contains(line), "{told}");
    }
    let report = json_of(&project.plugin(&["inspect", "router.wasm", "--json"]));
    assert_eq!(report["component"]["kinds"], json!(["routing"]));
    assert_eq!(report["component"]["digest"].as_str().map(str::len), Some(64));
}

#[test]
fn samples_are_tests_and_blessing_writes_what_was_decided() {
    let project = Project::new();
    let passing = project.plugin(&["test", "router.wasm"]);
    assert_eq!(passing.status.code(), Some(0), "{}", said(&passing));
    assert!(said(&passing).contains("2 samples, 0 failed"), "{}", said(&passing));

    project.sample("away", "1002", &json!({"dial": {}}));
    let failing = project.plugin(&["test", "router.wasm"]);
    assert_eq!(failing.status.code(), Some(1), "{}", said(&failing));
    assert!(
        said(&failing).contains("FAILED   away") && said(&failing).contains("it decided: {\"reject\""),
        "{}",
        said(&failing)
    );

    let blessed = project.plugin(&["test", "router.wasm", "--bless"]);
    assert_eq!(blessed.status.code(), Some(0), "{}", said(&blessed));
    let text = fs::read_to_string(project.file("away")).expect("it is there");
    let sample: Value = serde_json::from_str(&text).expect("it is JSON");
    assert_eq!(sample["expect"]["reject"]["status"], 480, "{text}");
    assert_eq!(project.plugin(&["test", "router.wasm"]).status.code(), Some(0));
}

#[test]
fn one_question_shows_its_answer_and_its_cost() {
    let project = Project::new();
    let sample = project.plugin(&["run", "router.wasm", "--input", "samples/registered.json"]);
    assert_eq!(sample.status.code(), Some(0), "{}", said(&sample));
    assert!(said(&sample).contains("why     1001 is registered"), "{}", said(&sample));
    assert!(said(&sample).contains("units of fuel"), "{}", said(&sample));

    let question = project.folder.path().join("question.json");
    fs::write(&question, json!({"call": {"callee": {"user": "nobody"}}}).to_string()).expect("it is written");
    let bare = json_of(&project.plugin(&["run", "router.wasm", "--input", "question.json", "--json"]));
    assert_eq!(bare["answer"]["reject"]["status"], 404);
    assert!(bare["fuel"].as_u64().is_some_and(|fuel| fuel > 1_000), "{bare}");
}

#[test]
fn a_measurement_tells_the_middle_and_the_end() {
    let project = Project::new();
    let output = project.plugin(&["bench", "router.wasm", "--rounds", "20", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let figures = json_of(&output);
    let fresh = &figures["fresh"][0];
    assert_eq!(fresh["question"], "an ordinary routing question");
    assert!(fresh["p50-us"].as_f64() <= fresh["p99-us"].as_f64(), "{figures}");
}
