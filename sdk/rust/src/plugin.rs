//! What every plugin says about itself.

use serde::de::DeserializeOwned;

use crate::bindings::base::exports::cordboard::plugin::meta;
pub use crate::bindings::base::exports::cordboard::plugin::meta::Problem;

/// Name, version and needs of a plugin.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Info {
    /// Version of the plugin; usually `env!("CARGO_PKG_VERSION")`.
    pub version: String,
    /// Short name.
    pub name: String,
    /// One sentence for the operator.
    pub summary: String,
    /// JSON Schema of the configuration block; empty when there is nothing to configure.
    pub config_schema: String,
    /// Lookup tables that the plugin reads.
    pub tables: Vec<String>,
}

impl Info {
    /// A plugin without configuration and tables.
    pub fn new(version: &str, name: &str, summary: &str) -> Self {
        Self {
            version: version.to_owned(),
            name: name.to_owned(),
            summary: summary.to_owned(),
            config_schema: String::new(),
            tables: Vec::new(),
        }
    }

    /// Sets the schema of the configuration block.
    #[must_use]
    pub fn config_schema(mut self, json_schema: &str) -> Self {
        self.config_schema = json_schema.to_owned();
        self
    }

    /// Names the tables that the plugin reads.
    #[must_use]
    pub fn tables(mut self, names: &[&str]) -> Self {
        self.tables = names.iter().map(|name| (*name).to_owned()).collect();
        self
    }
}

impl From<Info> for meta::Info {
    fn from(info: Info) -> Self {
        Self {
            name: info.name,
            version: info.version,
            summary: info.summary,
            config_schema: info.config_schema,
            tables: info.tables,
            attrs: Vec::new(),
        }
    }
}

impl Problem {
    /// A mistake at a place: a JSON Pointer such as `/trunks/0/prefix`, or nothing for the whole block.
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into() }
    }
}

/// A Cordboard plugin. What it decides is said by [`Router`](crate::Router), [`Authorizer`](crate::Authorizer),
/// [`Escalator`](crate::Escalator) or [`Formatter`](crate::Formatter).
pub trait Plugin {
    /// The configuration block, read from JSON. Use `#[serde(deny_unknown_fields)]`, so that a misspelt key is a mistake.
    type Config: DeserializeOwned;

    /// Describes the plugin.
    fn info() -> Info;

    /// Finds mistakes that the type alone cannot see. All of them at once.
    fn check(_config: &Self::Config) -> Vec<Problem> {
        Vec::new()
    }
}

/// Reads a configuration block and checks it: what the host calls before it uses the plugin.
pub(crate) fn read_config<P: Plugin>(json: &str) -> Result<P::Config, Vec<Problem>> {
    let config: P::Config =
        serde_json::from_str(json).map_err(|error| vec![Problem::new("", error.to_string())])?;
    let problems = P::check(&config);
    if problems.is_empty() { Ok(config) } else { Err(problems) }
}
