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
