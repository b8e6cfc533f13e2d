//! The journal of decisions: what was asked, who decided what, and how long it took.

use cordboard_model::CallId;
use serde::{Deserialize, Serialize};

/// One decision, as it is kept and exported.
///
/// Its JSON holds `kind`, `input` and `decision` in the form that samples have.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Decision {
    /// When it was asked, in milliseconds since 1970.
    pub at_ms: u64,
    /// The call that it is about, if it is about one.
    pub call_id: Option<CallId>,
    /// Decision point: `routing`, `authorization`...
    pub kind: String,
    /// What was asked, as JSON.
    #[serde(rename = "input", with = "json_text")]
    pub question: String,
    /// What was decided, as JSON.
    #[serde(rename = "decision", with = "json_text")]
    pub answer: String,
    /// Who decided.
    pub by: DecidedBy,
    /// What the plugin says about it; may be empty.
    pub why: String,
    /// How long it took in all.
    pub elapsed_us: u64,
    /// Each plugin that was asked, in order.
    pub trace: Vec<Asked>,
    /// What became of numbers and names.
    pub personal_data: PersonalData,
}

/// Who decided.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DecidedBy {
    /// A plugin.
    Plugin(PluginVersion),
    /// The static table of the configuration.
    StaticTable,
    /// The refusal that stands in when a plugin failed or nobody could decide.
    Fallback,
}

impl DecidedBy {
    /// The word in the database.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Plugin(_) => "plugin",
            Self::StaticTable => "static-table",
            Self::Fallback => "fallback",
        }
    }
}

/// Which code decided.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PluginVersion {
    /// Name in the configuration.
    pub name: String,
    /// Version that the plugin gives itself.
    pub version: String,
    /// How often this name was loaded.
    pub generation: u32,
    /// SHA-256 of the component, in hex.
    pub digest: String,
    /// SHA-256 of its configuration block, in hex.
    pub config_digest: String,
}

/// One plugin that was asked.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Asked {
    /// Name in the configuration.
    pub plugin: String,
    /// What came of it.
    pub outcome: Outcome,
    /// What the plugin says about it; may be empty.
    pub why: String,
    /// How long it took.
    pub elapsed_us: u64,
    /// What it looked up in the tables of the host, in order: what `replay` answers a candidate with.
    #[serde(default)]
    pub lookups: Vec<LookedUp>,
}

/// What came of asking one plugin.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It decided.
    Answered,
    /// It left the question to the next.
    Passed,
    /// It gave no usable answer.
    Failed {
        /// The word of the metric, such as `trap`.
        reason: String,
        /// What happened.
        message: String,
    },
}

/// One look into a table of the host.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LookedUp {
    /// Name of the table.
    pub table: String,
    /// What was looked for.
    pub key: String,
    /// The longest key that `key` begins with was looked for, not `key` itself.
    pub longest_prefix: bool,
    /// The entry that was found, key and value.
    pub found: Option<(String, String)>,
}

/// What becomes of numbers, names and addresses of persons before anything is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PersonalData {
    /// They are kept.
    Keep,
    /// Each is replaced by a keyed hash: equal ones stay equal.
    Hash,
    /// They are left out; `replay` cannot ask such a question again.
    Drop,
}

impl PersonalData {
    /// The word in the database and in the configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Hash => "hash",
            Self::Drop => "drop",
        }
    }
}

/// Which decisions are wanted; every one when empty.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DecisionFilter {
    /// Those for which this plugin was asked, whatever came of it.
    pub plugin: Option<String>,
    /// Those of this decision point.
    pub kind: Option<String>,
    /// Those about this call.
    pub call_id: Option<CallId>,
    /// Those at or after this time, in milliseconds since 1970.
    pub since_ms: Option<u64>,
    /// Those before this time.
    pub until_ms: Option<u64>,
    /// Only those that no plugin decided.
    pub fallbacks_only: bool,
}

/// A question to which a candidate would have said something else than the plugin that decided.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ShadowDifference {
    /// When it was asked, in milliseconds since 1970.
    pub at_ms: u64,
    /// The call that it is about, if it is about one.
    pub call_id: Option<CallId>,
    /// Decision point.
    pub kind: String,
    /// Name of the plugin in the configuration.
    pub plugin: String,
    /// SHA-256 of the component that decided, in hex.
    pub digest: String,
    /// SHA-256 of the candidate, in hex.
    pub candidate_digest: String,
    /// What was asked, as JSON.
    #[serde(rename = "input", with = "json_text")]
    pub question: String,
    /// What was decided, as JSON.
    #[serde(with = "json_text")]
    pub before: String,
    /// What the candidate says, as JSON.
    #[serde(with = "json_text")]
    pub after: String,
    /// The fields that differ, such as `dial.targets[0].address.aor`.
    pub fields: Vec<String>,
    /// What became of numbers and names.
    pub personal_data: PersonalData,
}

/// JSON that is kept as text and shown as what it is.
mod json_text {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use serde_json::Value;

    pub(super) fn serialize<S: Serializer>(text: &str, to: S) -> Result<S::Ok, S::Error> {
        let value: Value = serde_json::from_str(text).map_err(serde::ser::Error::custom)?;
        value.serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
        Ok(Value::deserialize(from)?.to_string())
    }
}
