//! In which fields two answers to one question differ: what `replay`, the live shadow and sample tests show.
//!
//! Answers are compared in their JSON form, the one that samples and the journal have, so that a field that a later release adds is
//! compared without a change here. A field that is `null` and one that is not there are the same.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Differences of one pair that are kept. An answer with more of them is another answer altogether.
const MAX_DIFFERENCES: usize = 32;

/// Characters of a value that are shown to a person.
const MAX_SHOWN: usize = 120;

/// One field in which two answers differ.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Difference {
    /// Where, such as `dial.targets[0].address.aor`. Empty: the answers are of different kinds.
    pub field: String,
    /// What the plugin that is trusted today says; `null` when it has no such field.
    pub before: Value,
    /// What the candidate says; `null` when it has no such field.
    pub after: Value,
}

impl Difference {
    /// The field without the places in lists, so that equal changes of several entries are one: `dial.targets[].address.aor`.
    pub fn kind_of_field(&self) -> String {
        let mut kind = String::with_capacity(self.field.len());
        let mut in_index = false;
        for c in self.field.chars() {
            in_index = in_index && c != ']';
            if !in_index {
                kind.push(c);
            }
            in_index = in_index || c == '[';
        }
        kind
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let field = if self.field.is_empty() { "answer" } else { &self.field };
        write!(f, "{field}: {} instead of {}", shown(&self.after), shown(&self.before))
    }
}

fn shown(value: &Value) -> String {
    let text = match value {
        Value::Null => "nothing".to_owned(),
        value => value.to_string(),
    };
    match text.char_indices().nth(MAX_SHOWN) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

/// The fields in which `after` differs from `before`, in the order of their names and at most 32; empty when they say the same.
pub fn compare(before: &Value, after: &Value) -> Vec<Difference> {
    let mut differences = Vec::new();
    compare_at("", before, after, &mut differences);
    differences
}

fn compare_at(field: &str, before: &Value, after: &Value, differences: &mut Vec<Difference>) {
    if before == after || differences.len() == MAX_DIFFERENCES {
        return;
    }
    match (before, after) {
        (Value::Object(before), Value::Object(after)) if are_alike(before, after) => {
            let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
            for name in names {
                let field = if field.is_empty() { name.clone() } else { format!("{field}.{name}") };
                compare_at(&field, entry(before, name), entry(after, name), differences);
            }
        }
        (Value::Array(before), Value::Array(after)) => {
            for index in 0..before.len().max(after.len()) {
                let at = |list: &[Value]| list.get(index).cloned().unwrap_or_default();
                compare_at(&format!("{field}[{index}]"), &at(before), &at(after), differences);
            }
        }
        (before, after) => differences.push(Difference {
            field: field.to_owned(),
            before: before.clone(),
            after: after.clone(),
        }),
    }
}

/// Whether two objects are of one kind. Those without a common name are two cases of a variant, such as `{"dial": ...}` and
/// `{"reject": ...}`: that is one difference, not a missing and an added field.
fn are_alike(before: &Map<String, Value>, after: &Map<String, Value>) -> bool {
    before.is_empty() || after.is_empty() || before.keys().any(|name| after.contains_key(name))
}

fn entry<'a>(object: &'a Map<String, Value>, name: &str) -> &'a Value {
    object.get(name).unwrap_or(&Value::Null)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn dial(users: &[&str], strategy: &str) -> Value {
        let targets: Vec<Value> = users.iter().map(|user| json!({"address": {"aor": user}})).collect();
        json!({"dial": {"targets": targets, "strategy": strategy}})
    }

    #[test]
    fn the_fields_that_differ_are_named() {
        let reject = json!({"reject": {"status": 486, "reason": "", "retry-after-s": null}});
        for (name, before, after, expected) in [
            ("the same", dial(&["1"], "parallel"), dial(&["1"], "parallel"), vec![]),
            (
                "another target",
                dial(&["1"], "parallel"),
                dial(&["2"], "parallel"),
                vec!["dial.targets[0].address.aor"],
            ),
            (
                "one more, and another order of ringing",
                dial(&["1"], "parallel"),
                dial(&["1", "2"], "sequential"),
                vec!["dial.strategy", "dial.targets[1]"],
            ),
            ("another kind of answer", dial(&["1"], "parallel"), reject.clone(), vec![""]),
            ("a word instead of a record", json!("pass"), reject.clone(), vec![""]),
            (
                "null is nothing",
                reject,
                json!({"reject": {"status": 480, "reason": ""}}),
                vec!["reject.status"],
            ),
        ] {
            let differences = compare(&before, &after);
            let fields: Vec<&str> = differences.iter().map(|difference| difference.field.as_str()).collect();
            assert_eq!(fields, expected, "{name}");
        }
    }

    #[test]
    fn a_difference_reads_as_a_sentence() {
        let said: Vec<String> = compare(&dial(&["1"], "parallel"), &dial(&["2", "3"], "parallel"))
            .iter()
            .map(Difference::to_string)
            .collect();
        assert_eq!(
            said,
            [
                r#"dial.targets[0].address.aor: "2" instead of "1""#,
                r#"dial.targets[1]: {"address":{"aor":"3"}} instead of nothing"#,
            ]
        );
        let long = compare(&json!("é".repeat(500)), &json!(1));
        assert!(long[0].to_string().chars().count() < 200, "a value is cut for people");
    }

    #[test]
    fn places_in_lists_are_one_kind_of_field() {
        let differences = compare(&dial(&["1", "2"], "parallel"), &dial(&["3", "4"], "parallel"));
        let kinds: BTreeSet<String> = differences.iter().map(Difference::kind_of_field).collect();
        assert_eq!(kinds.into_iter().collect::<Vec<_>>(), ["dial.targets[].address.aor"]);
    }

    #[test]
    fn two_answers_that_have_nothing_in_common_are_cut_short() {
        let list = |value: u32| Value::from((0..1000).map(|index| index * value).collect::<Vec<_>>());
        assert_eq!(compare(&list(1), &list(2)).len(), MAX_DIFFERENCES);
    }
}
