//! Samples: questions with the decisions that are expected, in files beside a component.
//!
//! ```json
//! {
//!   "name": "a registered extension rings",
//!   "kind": "routing",
//!   "config": {"ring-seconds": 20},
//!   "tables": {"registrations": {"1001": "sip:1001@192.0.2.7"}},
//!   "input": {"call": {"caller": {"user": "1003"}, "callee": {"user": "1001"}}},
//!   "expect": {"dial": {"targets": [{"address": {"aor": "1001"}}]}}
//! }
//! ```
//!
//! A sample stands for itself: its block is its own (`{}` when it has none), not the operator's, so that it means the same everywhere.
//! Fields of the question that it leaves out have the values of an ordinary call; fields of the decision that it leaves out are not
//! compared, lists are compared with their length. `"expect": "pass"` and `{"failure": {"reason": "fault"}}` are expected too.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cordboard_model::PluginQuestion;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::probe::kind_of;
use super::shape;
use crate::compare::compare;
use crate::imports::Lookup;
use crate::kind::Kind;

/// Samples of one folder. Each is asked at every load.
const MAX_SAMPLES: usize = 256;

/// Longest sample. The longest SIP message has 64 KiB, and JSON escapes it.
const MAX_SAMPLE_BYTES: u64 = 1 << 20;

/// One question with the decision that is expected.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The file that it stands in.
    pub file: PathBuf,
    /// What it shows.
    pub name: String,
    /// The question, completed.
    pub question: PluginQuestion,
    /// The configuration block.
    pub config: Value,
    /// The decision as JSON; `None` before it was blessed.
    pub expect: Option<Value>,
    tables: Tables,
}

/// What stands in a file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: String,
    kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    config: Option<Value>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    tables: BTreeMap<String, BTreeMap<String, String>>,
    input: Value,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expect: Option<Value>,
}

/// The samples of a component.
#[derive(Clone, Debug, Default)]
pub struct Samples;

/// A file that holds no sample.
#[derive(Debug, thiserror::Error)]
#[error("{}: {problem}", file.display())]
pub struct SampleError {
    /// The file or folder.
    pub file: PathBuf,
    /// What was expected, what was found, what to do.
    pub problem: String,
}

impl SampleError {
    fn new(file: &Path, problem: impl Into<String>) -> Self {
        Self { file: file.to_owned(), problem: problem.into() }
    }
}

impl Samples {
    /// The samples that belong to a component file: those in the folder `NAME.samples` beside `NAME.wasm`, or, where there is only one
    /// component, in the folder `samples` beside it. None at all is no error.
    ///
    /// # Errors
    /// The first file that holds no sample.
    pub fn beside(component: &Path) -> Result<Vec<Sample>, SampleError> {
        match folder_beside(component) {
            Some(folder) => Self::read(&folder),
            None => Ok(Vec::new()),
        }
    }

    /// The samples in the files `*.json` of a folder, by the names of the files.
    ///
    /// # Errors
    /// When the folder cannot be read, and the first file that holds no sample.
    pub fn read(folder: &Path) -> Result<Vec<Sample>, SampleError> {
        let unreadable =
            |error| SampleError::new(folder, format!("expected a folder of samples, but {error}"));
        let mut files = Vec::new();
        for entry in fs::read_dir(folder).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            if path.extension().is_some_and(|extension| extension == "json") {
                files.push(path);
            }
        }
        files.sort();
        if files.len() > MAX_SAMPLES {
            let found = files.len();
            return Err(SampleError::new(
                folder,
                format!("expected at most {MAX_SAMPLES} samples, found {found}"),
            ));
        }
        files.iter().map(|file| Sample::read(file)).collect()
    }
}

fn folder_beside(component: &Path) -> Option<PathBuf> {
    let own = component.with_extension("samples");
    if own.is_dir() {
        return Some(own);
    }
    let folder = component.parent()?;
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let shared = folder.join("samples");
    let components = |entries: fs::ReadDir| {
        entries.flatten().filter(|entry| entry.path().extension().is_some_and(|end| end == "wasm")).count()
    };
    let is_alone = || fs::read_dir(folder).is_ok_and(|entries| components(entries) == 1);
    (shared.is_dir() && is_alone()).then_some(shared)
}

impl Sample {
    /// Reads one sample.
    ///
    /// # Errors
    /// What was expected in the file, and what was found.
    pub fn read(file: &Path) -> Result<Self, SampleError> {
        let content = read_file(file)?;
        let question = Self::question_of(file, &content.kind, &content.input)?;
        Ok(Self {
            file: file.to_owned(),
            name: content.name,
            question,
            config: content.config.unwrap_or_else(|| json!({})),
            expect: content.expect,
            tables: Tables(content.tables),
        })
    }

    /// A question of a file that is no sample: the bare question, or a sample whose expectation is not looked at.
    ///
    /// # Errors
    /// What was expected in the file, and what was found.
    pub fn question(file: &Path, kind: Kind, config: Value) -> Result<Self, SampleError> {
        if let Ok(sample) = Self::read(file) {
            return Ok(sample);
        }
        let input = read_json(file)?;
        let question = Self::question_of(file, kind.as_str(), &input)?;
        let name = file.display().to_string();
        Ok(Self { file: file.to_owned(), name, question, config, expect: None, tables: Tables::default() })
    }

    fn question_of(file: &Path, kind: &str, input: &Value) -> Result<PluginQuestion, SampleError> {
        let Some(kind) = Kind::named(kind) else {
            let known: Vec<&str> = Kind::ALL.into_iter().map(Kind::as_str).collect();
            let problem = format!("expected a kind out of {}, found {kind:?}", known.join(", "));
            return Err(SampleError::new(file, problem));
        };
        shape::complete(kind, input)
            .map_err(|problem| SampleError::new(file, format!("the input is no {kind} question: {problem}")))
    }

    /// An ordinary question of a kind, which expects nothing.
    ///
    /// # Panics
    /// Never: the shape of every kind is a question.
    pub fn ordinary(kind: Kind, config: Value) -> Self {
        let input = if kind == Kind::Authorization { json!({"call": {}}) } else { json!({}) };
        let question = shape::complete(kind, &input).expect("a test completes an empty input of every kind");
        let name = format!("an ordinary {kind} question");
        Self { file: PathBuf::new(), name, question, config, expect: None, tables: Tables::default() }
    }

    /// The kind of its question.
    pub fn kind(&self) -> Kind {
        kind_of(&self.question)
    }

    pub(super) fn tables(&self) -> Arc<dyn Lookup> {
        Arc::new(self.tables.clone())
    }
}

fn read_json(file: &Path) -> Result<Value, SampleError> {
    let size = fs::metadata(file).map_err(|error| SampleError::new(file, error.to_string()))?.len();
    if size > MAX_SAMPLE_BYTES {
        return Err(SampleError::new(
            file,
            format!("expected at most {MAX_SAMPLE_BYTES} bytes, found {size}"),
        ));
    }
    let text = fs::read_to_string(file).map_err(|error| SampleError::new(file, error.to_string()))?;
    serde_json::from_str(&text)
        .map_err(|error| SampleError::new(file, format!("expected JSON, found {error}")))
}

fn read_file(file: &Path) -> Result<File, SampleError> {
    let json = read_json(file)?;
    serde_json::from_value(json).map_err(|error| {
        let problem = format!(
            "expected a sample with the keys name, kind, input, and as needed config, tables and expect, found {error}"
        );
        SampleError::new(file, problem)
    })
}

/// Writes what was found into the file of a sample as what is expected from now on. What was not compared before stays out, unless
/// the decision has become another one.
///
/// # Errors
/// When the file cannot be read or written.
pub fn bless(sample: &Sample, found: &Value) -> Result<(), SampleError> {
    let mut content = read_file(&sample.file)?;
    let wanted = match &content.expect {
        Some(expect) if are_alike(expect, found) => prune(found, expect),
        _ => without_nothing(found),
    };
    content.expect = Some(wanted);
    let text = serde_json::to_string_pretty(&content)
        .map_err(|error| SampleError::new(&sample.file, error.to_string()))?;
    fs::write(&sample.file, text + "\n").map_err(|error| SampleError::new(&sample.file, error.to_string()))
}

/// Fields in which what was found differs from what a sample expects.
pub(super) fn differences(sample: &Sample, found: &Value) -> Vec<String> {
    let Some(expect) = &sample.expect else {
        return vec![
            "it says nothing that is expected; write `expect`, or have it written with --bless".to_owned(),
        ];
    };
    compare(expect, &prune(found, expect)).iter().map(ToString::to_string).collect()
}

/// What was found, without the fields that are not expected.
fn prune(found: &Value, expect: &Value) -> Value {
    match (found, expect) {
        (Value::Object(found), Value::Object(expected))
            if expected.keys().any(|name| found.contains_key(name)) =>
        {
            let kept = expected
                .iter()
                .filter_map(|(name, expect)| Some((name.clone(), prune(found.get(name)?, expect))));
            Value::Object(kept.collect())
        }
        (Value::Object(_), Value::Object(expected)) if expected.is_empty() => json!({}),
        (Value::Array(found), Value::Array(expected)) => {
            let nothing = Value::Null;
            let expected = expected.iter().chain(std::iter::repeat(&nothing));
            Value::Array(found.iter().zip(expected).map(|(found, expect)| prune(found, expect)).collect())
        }
        (found, _) => found.clone(),
    }
}

fn are_alike(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => one.keys().any(|name| other.contains_key(name)),
        _ => false,
    }
}

/// The same without fields that are null, empty texts and empty lists.
fn without_nothing(value: &Value) -> Value {
    let is_nothing = |value: &Value| match value {
        Value::Null => true,
        Value::Array(list) => list.is_empty(),
        Value::String(text) => text.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => false,
    };
    match value {
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(_, value)| !is_nothing(value));
            Value::Object(
                kept.map(|(name, value)| (name.clone(), without_nothing(value))).collect::<Map<_, _>>(),
            )
        }
        Value::Array(list) => Value::Array(list.iter().map(without_nothing).collect()),
        value => value.clone(),
    }
}

/// The tables of a sample.
#[derive(Clone, Debug, Default)]
pub(super) struct Tables(BTreeMap<String, BTreeMap<String, String>>);

impl Lookup for Tables {
    fn exact(&self, table: &str, key: &str) -> Option<String> {
        self.0.get(table)?.get(key).cloned()
    }

    fn longest_prefix(&self, table: &str, key: &str) -> Option<(String, String)> {
        let fitting = self.0.get(table)?.iter().filter(|(prefix, _)| key.starts_with(prefix.as_str()));
        fitting.max_by_key(|(prefix, _)| prefix.len()).map(|(prefix, value)| (prefix.clone(), value.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_expected_is_not_compared() {
        let found = json!({"dial": {"targets": [{"address": {"aor": "1001"}, "srtp": "unspecified"}], "strategy": "parallel"}});
        for (case, expect, differs) in [
            ("a part", json!({"dial": {"strategy": "parallel"}}), false),
            ("any dial", json!({"dial": {}}), false),
            ("a part of an entry", json!({"dial": {"targets": [{"address": {"aor": "1001"}}]}}), false),
            ("another entry", json!({"dial": {"targets": [{"address": {"aor": "1002"}}]}}), true),
            ("a longer list", json!({"dial": {"targets": [{}, {}]}}), true),
            ("a shorter list", json!({"dial": {"targets": []}}), true),
            ("a field that is not there", json!({"dial": {"strategy": "parallel", "stratgy": "x"}}), true),
            ("another case", json!({"reject": {"status": 480}}), true),
            ("a word", json!("pass"), true),
        ] {
            let differences = compare(&expect, &prune(&found, &expect));
            assert_eq!(!differences.is_empty(), differs, "{case}: {differences:?}");
        }
    }
}
