//! A plugin that was built for a released interface works for as long as its major version is served. The rules are in `wit/README.md`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use cordboard_model::FormatDecision;
use cordboard_model::escalation::EscalationStep;
use cordboard_plugin::gate::{self, GateSettings};
use cordboard_plugin::{ChainSettings, DecidedBy, FailureReason, PluginSettings};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::support::{aor, event, failure, incident, load, outcome, plugin, question, subject, verdict};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The released folders, such as `1.0`, oldest first.
fn released() -> Vec<String> {
    let entries = fs::read_dir(root().join("wit")).expect("the interface is there");
    let mut names: Vec<String> = entries
        .flatten()
        .filter(|entry| entry.path().is_dir())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort_by_key(|name| version(name));
    names
}

fn version(folder: &str) -> (u32, u32) {
    let (major, minor) = folder.split_once('.').expect("a folder is named major.minor");
    (major.parse().expect("a number"), minor.parse().expect("a number"))
}

/// What the files of a folder say, word by word and without comments: what has to stay as it is.
fn words_of_folder(folder: &str) -> BTreeMap<String, Vec<String>> {
    let entries = fs::read_dir(root().join("wit").join(folder)).expect("the folder is there");
    let files = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|e| e == "wit"));
    let words = files.map(|path| {
        let text = fs::read_to_string(&path).expect("a file of the interface is text");
        let name = path.file_name().expect("it has a name").to_string_lossy().into_owned();
        (name, words(&text))
    });
    words.collect()
}

fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    for line in text.lines() {
        let code = line.split("//").next().unwrap_or_default();
        let mut word = String::new();
        for c in code.chars() {
            if c.is_alphanumeric() || "-_%.".contains(c) {
                word.push(c);
                continue;
            }
            words.extend((!word.is_empty()).then(|| std::mem::take(&mut word)));
            words.extend((!c.is_whitespace()).then(|| c.to_string()));
        }
        words.extend((!word.is_empty()).then_some(word));
    }
    words
}

fn digests(folder: &str) -> String {
    let line = |(file, words): (String, Vec<String>)| {
        let digest: String =
            Sha256::digest(words.join(" ")).iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{digest}  {file}\n")
    };
    words_of_folder(folder).into_iter().map(line).collect()
}

#[test]
fn a_released_folder_is_frozen() {
    for folder in released() {
        let file = root().join(format!("tests/data/wit/{folder}.sha256"));
        let frozen = fs::read_to_string(&file).unwrap_or_default();
        assert_eq!(
            digests(&folder),
            frozen,
            "wit/{folder} is not what was released. Plugins of other people are built for it: undo the change, and read \
             wit/README.md for how the interface may grow. Comments may be corrected. (A folder that is new needs {})",
            file.display()
        );
    }
}

#[test]
fn what_a_comment_says_may_be_corrected_and_nothing_else() {
    let one = "/// Old.\nrecord a { b: u32, } // why";
    assert_eq!(words(one), words("/// New.\nrecord a {\n    b: u32,\n}\n"));
    for other in ["record a { b: u64, }", "record a { c: u32, }", "record a { b: u32, c: u32, }", ""] {
        assert_ne!(words(one), words(other), "{other}");
    }
}

/// A minor version without what it marks as added in it.
fn without_additions(words: &[String], version: &str) -> Vec<String> {
    let mark: Vec<String> = self::words(&format!("@since(version = {version})"));
    let mut kept = Vec::new();
    let mut rest = words;
    while let Some((word, after)) = rest.split_first() {
        rest = match rest.strip_prefix(mark.as_slice()) {
            Some(item) => after_item(item),
            None => {
                kept.push(word.clone());
                after
            }
        };
    }
    kept
}

/// What follows an item, which ends with `;` or with the bracket that closes it.
fn after_item(words: &[String]) -> &[String] {
    let mut depth = 0_usize;
    for (at, word) in words.iter().enumerate() {
        match word.as_str() {
            "{" => depth += 1,
            "}" => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 && matches!(word.as_str(), ";" | "}") {
            return &words[at + 1..];
        }
    }
    &[]
}

#[test]
fn a_minor_version_only_adds_what_it_marks() {
    let folders = released();
    for pair in folders.windows(2) {
        let (old, new) = (version(&pair[0]), version(&pair[1]));
        if old.0 != new.0 {
            continue;
        }
        let as_old = |words: &[String]| -> Vec<String> {
            let (old, new) = (format!("{}.0", pair[0]), format!("{}.0", pair[1]));
            words.iter().map(|word| if *word == new { old.clone() } else { word.clone() }).collect()
        };
        let mut grown = words_of_folder(&pair[1]);
        for words in grown.values_mut() {
            *words = as_old(&without_additions(words, &format!("{}.0", pair[1])));
        }
        for (file, words) in words_of_folder(&pair[0]) {
            assert_eq!(
                grown.get(&file),
                Some(&words),
                "{file}: wit/{} is not wit/{} with additions",
                pair[1],
                pair[0]
            );
        }
    }
}

#[test]
fn what_is_marked_is_taken_away_for_the_comparison() {
    let new = words(
        "interface log { @since(version = 1.1.0) flush: func(); emit: func(); } @since(version = 1.1.0) interface x { a: func(); }",
    );
    assert_eq!(without_additions(&new, "1.1.0"), words("interface log { emit: func(); }"));
    assert_ne!(
        without_additions(&words("interface log { flush: func(); emit: func(); }"), "1.1.0"),
        words("interface log { emit: func(); }")
    );
}

#[test]
fn there_is_no_handle_that_a_guest_could_forge() {
    for folder in released() {
        for (file, words) in words_of_folder(&folder) {
            let handles = ["resource", "own", "borrow", "stream", "future"];
            let found = words.iter().find(|word| handles.contains(&word.as_str()));
            assert_eq!(found, None, "wit/{folder}/{file}: everything is passed by value");
        }
    }
}

/// A component that was built when a version was released.
fn old(folder: &str, name: &str) -> PathBuf {
    let path = root().join(format!("tests/data/guests/{folder}/{name}.wasm"));
    assert!(path.is_file(), "{} is missing; it is part of the repository", path.display());
    path
}

fn settings(folder: &str, name: &str) -> PluginSettings {
    PluginSettings { source: old(folder, name).into(), ..plugin(name, "route-by-extension", json!({})) }
}

#[tokio::test]
async fn components_of_released_interfaces_still_link_and_answer() {
    for folder in released() {
        let names = ["router", "authorizer", "escalator", "formatter"];
        let plugins: Vec<PluginSettings> = names.iter().map(|name| settings(&folder, name)).collect();
        let chain = |name: &str| vec![name.to_owned()];
        let chains = ChainSettings {
            routing: chain("router"),
            authorization: chain("authorizer"),
            escalation: chain("escalator"),
            event_formatting: chain("formatter"),
            ..ChainSettings::default()
        };
        let plugins = load(&plugins, chains).await;

        assert_eq!(outcome(&plugins.route(&question("1001")).await.answer), Ok(aor("1001")), "{folder}");
        let decided = plugins.route(&question("fault")).await;
        assert_eq!(failure(&decided.trace[0]).reason, FailureReason::Fault, "{folder}");
        assert_eq!(plugins.route(&question("lookup")).await.trace.len(), 1, "{folder}");
        assert_eq!(verdict(&plugins.authorize(&subject("challenge")).await.answer), "challenge", "{folder}");
        let escalated = plugins.escalate(&incident("host")).await;
        assert!(matches!(escalated.by, DecidedBy::Plugin(_)), "{folder}: {escalated:?}");
        assert!(matches!(escalated.answer.steps[..], [EscalationStep::Close(_)]), "{folder}");
        let formatted = plugins.format(&event("http")).await;
        assert!(matches!(formatted.by, DecidedBy::Plugin(_)), "{folder}: {formatted:?}");
        assert!(matches!(formatted.answer, FormatDecision::Deliver(_)), "{folder}");
    }
}

#[tokio::test]
async fn components_of_released_interfaces_still_pass_the_gate() {
    for folder in released() {
        for name in ["router", "authorizer", "escalator", "formatter"] {
            let bytes = fs::read(old(&folder, name)).expect("the component is read");
            let report = gate::validate(&bytes, &GateSettings::default()).await.expect("the engine starts");
            assert!(report.passed(), "{folder}/{name}: {report}");
        }
    }
}
