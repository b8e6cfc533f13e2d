//! The raw shape of a configuration: a tree in which every node knows where it came from.
//!
//! Serde stops at the first mistake, and a person wants all of them; so the file is read into this tree, which only
//! fails on broken YAML, and `section` picks typed values out of it.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{DuplicateKeyPolicy, Options, Spanned};

use super::complaint::{Complaint, Origin};

/// One value and its place.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// Where it stands.
    pub(crate) origin: Origin,
    /// What it is.
    pub(crate) kind: Kind,
}

/// What a value is.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    /// `null`, or a key without a value: the same as an absent key.
    Null,
    /// One scalar.
    Scalar(Scalar),
    /// A list.
    List(Vec<Node>),
    /// Keys in their order; a key that stands twice is twice here.
    Map(Vec<Entry>),
}

/// One key with its value.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// The key.
    pub(crate) key: String,
    /// Where the key stands.
    pub(crate) origin: Origin,
    /// Its value.
    pub(crate) value: Node,
}

/// One scalar.
#[derive(Clone, Debug)]
pub(crate) struct Scalar {
    /// What it means, with `${NAME}` and `file:` resolved.
    pub(crate) text: String,
    /// As written, for messages: a resolved secret never gets into one.
    pub(crate) written: String,
    /// How YAML types it, for blocks that are handed on as JSON.
    pub(crate) typed: Typed,
}

/// The YAML type of a scalar.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Typed {
    /// `true` or `false`.
    Bool,
    /// A number.
    Number,
    /// Anything else.
    Text,
}

/// Reads YAML into a tree.
///
/// # Errors
/// When the text is not one YAML document.
pub(crate) fn parse(source: &str) -> Result<Node, Complaint> {
    let parsed: Spanned<Raw> =
        serde_saphyr::from_str_with_options(source, options()).map_err(|error| broken(&error))?;
    Ok(place(parsed, source))
}

/// Booleans are only `true` and `false`, so that `off` stays a word; duplicate keys pass, to be told with the other mistakes.
fn options() -> Options {
    let mut options = Options::default();
    options.duplicate_keys = DuplicateKeyPolicy::LastWins;
    options.strict_booleans = true;
    options.with_snippet = false;
    options
}

fn broken(error: &serde_saphyr::Error) -> Complaint {
    let origin =
        error.location().map_or(Origin::Whole, |at| Origin::File { line: at.line(), column: at.column() });
    let text = error.without_snippet().to_string();
    let what = text.split(" at line ").next().unwrap_or_default();
    Complaint { origin, path: String::new(), message: format!("this is not valid YAML: {what}") }
}

/// Puts places and spellings to what serde gave.
fn place(spanned: Spanned<Raw>, source: &str) -> Node {
    let origin = origin(&spanned);
    let spelling = spelling(&spanned, source);
    let scalar = |typed, text: String| Kind::Scalar(Scalar { written: text.clone(), text, typed });
    let kind = match spanned.value {
        Raw::Null => Kind::Null,
        Raw::Bool(value) => scalar(Typed::Bool, value.to_string()),
        // The spelling keeps what the number would lose: the zeros of extension 0100.
        Raw::Number(value) => scalar(Typed::Number, spelling.unwrap_or(value)),
        Raw::Text(text) => scalar(Typed::Text, text),
        Raw::List(list) => Kind::List(list.into_iter().map(|item| place(item, source)).collect()),
        Raw::Map(map) => Kind::Map(map.into_iter().map(|(key, value)| entry(key, value, source)).collect()),
    };
    Node { origin, kind }
}

fn entry(key: Spanned<Raw>, value: Spanned<Raw>, source: &str) -> Entry {
    let key = place(key, source);
    let name = match &key.kind {
        Kind::Scalar(scalar) => scalar.text.clone(),
        Kind::Null => "null".to_owned(),
        Kind::List(_) | Kind::Map(_) => "a list or map as a key".to_owned(),
    };
    let mut value = place(value, source);
    // A key without a value is placed after the colon, where there is nothing to see.
    if matches!(value.kind, Kind::Null) {
        value.origin = key.origin.clone();
    }
    Entry { key: name, origin: key.origin, value }
}

fn origin(spanned: &Spanned<Raw>) -> Origin {
    Origin::File { line: spanned.referenced.line(), column: spanned.referenced.column() }
}

fn spelling(spanned: &Spanned<Raw>, source: &str) -> Option<String> {
    let span = spanned.defined.span();
    let start = usize::try_from(span.byte_offset()?).ok()?;
    let end = start.checked_add(usize::try_from(span.byte_len()?).ok()?)?;
    source.get(start..end).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// The untyped YAML data model.
#[derive(Debug)]
enum Raw {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<Raw>, Spanned<Raw>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any YAML value")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
        Ok(Raw::Number(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Number(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Raw, E> {
        Ok(Raw::Number(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Raw, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Raw::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Raw, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Raw::Map(map))
    }
}

impl Node {
    /// What it is, for messages: `"abc"`, `a list`...
    pub(crate) fn shown(&self) -> String {
        match &self.kind {
            Kind::Null => "nothing".to_owned(),
            Kind::Scalar(scalar) => format!("{:?}", scalar.written.chars().take(80).collect::<String>()),
            Kind::List(_) => "a list".to_owned(),
            Kind::Map(_) => "keys with values".to_owned(),
        }
    }

    /// The value as JSON, for blocks whose shape belongs to somebody else.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        use serde_json::Value;
        match &self.kind {
            Kind::Null => Value::Null,
            Kind::Scalar(scalar) => match scalar.typed {
                Typed::Bool => Value::Bool(scalar.text == "true"),
                Typed::Number => {
                    scalar.text.parse().map_or_else(|_| scalar.text.clone().into(), Value::Number)
                }
                Typed::Text => scalar.text.clone().into(),
            },
            Kind::List(list) => list.iter().map(Self::to_json).collect(),
            Kind::Map(map) => map.iter().map(|entry| (entry.key.clone(), entry.value.to_json())).collect(),
        }
    }
}
