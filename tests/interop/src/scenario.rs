//! SIPp scenarios: XML files with places that a test fills, and parts that several of them share.
//!
//! * `{{name}}` is a place that the test fills; `{{name|text}}` is one with a text in case that it does not.
//! * `{{> part name="value"}}`, alone on a line, is the file `parts/<part>.xml` with places of its own filled; all others are
//!   those of the file around it. `\n` in a value is the end of a line,
//!   `&quot;` a quotation mark.
//! * A line of which nothing is left goes, so that a header can be left out.
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::Stage;

/// A part within a part within a part; beyond, a part includes itself.
const MAX_DEPTH: usize = 8;

type Values = BTreeMap<String, String>;

/// A file of `scenarios/`.
#[derive(Clone, Debug)]
pub struct Scenario {
    name: String,
    values: Values,
    pub(crate) calls: u32,
}

impl Scenario {
    /// The file `scenarios/<name>.xml`.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), values: BTreeMap::new(), calls: 1 }
    }

    /// The name that it was made with.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Puts a value in place of `{{name}}`.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.values.insert(name.to_owned(), value.to_string());
        self
    }

    /// How many calls it plays before it ends; one otherwise.
    #[must_use]
    pub fn calls(self, calls: u32) -> Self {
        Self { calls, ..self }
    }

    /// Writes the filled file into the test's folder.
    ///
    /// # Panics
    /// When there is no such scenario, or a place in it is left unfilled.
    pub(crate) fn write(&self, stage: &Stage, role: &str) -> PathBuf {
        stage.write(&format!("{role}.xml"), expanded(&self.name, &self.values, 0))
    }
}

fn expanded(name: &str, values: &Values, depth: usize) -> String {
    assert!(depth < MAX_DEPTH, "the part {name} of a scenario includes itself");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios").join(format!("{name}.xml"));
    let text = fs::read_to_string(&source)
        .unwrap_or_else(|error| panic!("cannot read the scenario {}: {error}", source.display()));
    let mut whole = String::with_capacity(text.len());
    for line in text.lines() {
        if let Some(inclusion) = line.trim().strip_prefix("{{> ").and_then(|rest| rest.strip_suffix("}}")) {
            let inclusion = filled(name, inclusion, values);
            let (part, own) = inclusion.split_once(' ').unwrap_or((&inclusion, ""));
            let mut all = values.clone();
            all.extend(attributes(name, own));
            whole += &expanded(&format!("parts/{part}"), &all, depth + 1);
            continue;
        }
        let filled = filled(name, line, values);
        if line.trim().is_empty() || !filled.trim().is_empty() {
            whole += &filled;
            whole.push('\n');
        }
    }
    whole
}

/// The values in `name="value" other="value"`.
fn attributes(scenario: &str, text: &str) -> Values {
    let mut values = Values::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (name, value, more) =
            attribute(rest).unwrap_or_else(|| panic!("{scenario}: expected name=\"value\", found {rest:?}"));
        values.insert(name.to_owned(), value.replace("\\n", "\n").replace("&quot;", "\""));
        rest = more.trim_start();
    }
    values
}

fn attribute(text: &str) -> Option<(&str, &str, &str)> {
    let (name, rest) = text.split_once("=\"")?;
    let (value, rest) = rest.split_once('"')?;
    Some((name, value, rest))
}

/// A text with its places filled.
fn filled(scenario: &str, text: &str, values: &Values) -> String {
    let (mut whole, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once("{{") {
        let (place, more) =
            after.split_once("}}").unwrap_or_else(|| panic!("{scenario}: a place is not closed: {text}"));
        let (name, default) = place.split_once('|').map_or((place, None), |(name, text)| (name, Some(text)));
        let value = values.get(name).map(String::as_str).or(default);
        whole += before;
        whole +=
            value.unwrap_or_else(|| panic!("the scenario {scenario} has a place {name} that nobody fills"));
        rest = more;
    }
    whole + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Values {
        attributes("test", text)
    }

    #[test]
    fn places_are_filled_by_name_or_by_their_own_text() {
        let values = values(r#"method="BYE" header="A: b\nC: d""#);
        let filled = |text| filled("test", text, &values);
        assert_eq!(filled("{{method}} x {{cseq|1}}"), "BYE x 1");
        assert_eq!(filled("{{header}}"), "A: b\nC: d");
        assert_eq!(filled("{{none|}}"), "");
        assert_eq!(filled("nothing"), "nothing");
    }

    #[test]
    #[should_panic(expected = "has a place cseq that nobody fills")]
    fn a_place_that_nobody_fills_is_named() {
        filled("test", "{{cseq}}", &Values::new());
    }

    #[test]
    fn a_part_sees_the_values_around_it_and_its_own() {
        let values = values(r#"cseq="7" method="INFO""#);
        let whole = expanded("parts/asks", &values, 0);
        assert!(whole.contains("CSeq: 7 INFO"), "{whole}");
        assert!(!whole.contains("{{"), "{whole}");
    }
}
