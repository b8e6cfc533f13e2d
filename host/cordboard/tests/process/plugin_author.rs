//! `cordboard plugin`, as the author of a plugin uses it.

use std::path::Path;
use std::process::{Command, Output};

fn cordboard(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cordboard"));
    command.current_dir(folder).args(arguments).output().expect("the binary runs")
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn a_new_project_has_the_interface_and_the_sdk_in_it() {
    let folder = tempfile::tempdir().expect("a folder of our own");
    let output =
        cordboard(folder.path(), &["plugin", "new", "--lang", "rust", "--kind", "router", "night-service"]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("cordboard plugin build"), "{}", said(&output));
    let project = folder.path().join("night-service");
    for file in
        ["cordboard-plugin.json", ".gitignore", "src/lib.rs", "wit/1.0/routing.wit", "sdk/rust/Cargo.toml"]
    {
        let text =
            std::fs::read_to_string(project.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert!(!text.contains("{{"), "{file} has a place that is not filled:\n{text}");
    }
    let again =
        cordboard(folder.path(), &["plugin", "new", "--lang", "rust", "--kind", "router", "night-service"]);
    assert_eq!(again.status.code(), Some(1));
    assert!(said(&again).contains("choose another name, or remove it"), "{}", said(&again));
}

#[test]
fn a_name_that_some_language_does_not_take_is_refused_before_anything_is_written() {
    let folder = tempfile::tempdir().expect("a folder of our own");
    let output =
        cordboard(folder.path(), &["plugin", "new", "--lang", "rust", "--kind", "router", "../Night"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("such as night-service"), "{}", said(&output));
    assert_eq!(std::fs::read_dir(folder.path()).expect("it is there").count(), 0);
}

#[test]
fn every_language_and_kind_has_a_template_with_a_plugin_and_a_sample() {
    let folder = tempfile::tempdir().expect("a folder of our own");
    let sources =
        [("rust", "src/lib.rs"), ("js", "src/plugin.js"), ("python", "src/plugin.py"), ("c", "src/plugin.c")];
    for (language, source) in sources {
        for kind in ["router", "authorizer", "escalator", "formatter"] {
            let name = format!("{language}-{kind}");
            let arguments = ["plugin", "new", "--lang", language, "--kind", kind, &name];
            let output = cordboard(folder.path(), &arguments);
            assert!(output.status.success(), "{name}: {}", said(&output));
            let project = folder.path().join(&name);
            let text = std::fs::read_to_string(project.join(source)).expect("the template has its source");
            assert!(!text.contains("{{"), "{name}: a place is not filled:\n{text}");
            let samples = std::fs::read_dir(project.join("samples")).expect("the template has samples");
            assert_eq!(samples.count(), 1, "{name}");
            assert!(project.join("README.md").is_file() && project.join(".gitignore").is_file(), "{name}");
        }
    }
}

#[test]
fn a_build_without_its_compiler_says_what_installs_it() {
    let folder = tempfile::tempdir().expect("a folder of our own");
    let cases = [
        ("js", "npm install"),
        ("python", ".venv/bin/pip install -r requirements.txt"),
        ("c", ".venv/bin/pip install -r requirements.txt"),
    ];
    for (language, install) in cases {
        let output = cordboard(
            folder.path(),
            &["plugin", "new", "--lang", language, "--kind", "router", &format!("in-{language}")],
        );
        assert!(output.status.success(), "{}", said(&output));
        let mut build = Command::new(env!("CARGO_BIN_EXE_cordboard"));
        build.current_dir(folder.path()).args(["plugin", "build", &format!("in-{language}")]);
        let output = build.env("PATH", folder.path()).output().expect("the binary runs");
        assert_eq!(output.status.code(), Some(1), "{language}");
        let said = said(&output);
        assert!(said.contains("install it with") && said.contains(install), "{language}: {said}");
    }
}

#[test]
fn a_folder_without_a_project_is_told_from_one_with() {
    let folder = tempfile::tempdir().expect("a folder of our own");
    let output = cordboard(folder.path(), &["plugin", "build"]);
    assert_eq!(output.status.code(), Some(1));
    let told = said(&output);
    assert!(told.contains("cordboard-plugin.json") && told.contains("cordboard plugin new"), "{told}");
    let project = r#"{"name": "x", "language": "cobol", "kind": "router"}"#;
    std::fs::write(folder.path().join("cordboard-plugin.json"), project).expect("it is written");
    let told = said(&cordboard(folder.path(), &["plugin", "build"]));
    assert!(told.contains("cobol") && told.contains("python"), "{told}");
}
