//! What a folder says about the plugin in it: the file `cordboard-plugin.json`.

use std::fmt;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// Name of the file that makes a folder a project.
pub(crate) const FILE: &str = "cordboard-plugin.json";

/// What the plugin is written in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Language {
    /// Rust, compiled for wasm32-unknown-unknown.
    Rust,
    /// JavaScript, with QuickJS.
    #[value(name = "js", alias = "javascript")]
    JavaScript,
    /// Python, with CPython.
    Python,
    /// C, or anything else that clang compiles.
    C,
}

impl Language {
    /// The word for the command line and for folders.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::JavaScript => "javascript",
            Self::Python => "python",
            Self::C => "c",
        }
    }
}

/// What the plugin decides: the world of `cordboard:plugin` that it is built for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum World {
    /// Where a call goes.
    Router,
    /// Who may do what.
    Authorizer,
    /// Who is called next about an incident.
    Escalator,
    /// What an event looks like to its receiver.
    Formatter,
}

impl World {
    /// The word for the command line, and the name of the world.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Router => "router",
            Self::Authorizer => "authorizer",
            Self::Escalator => "escalator",
            Self::Formatter => "formatter",
        }
    }
}

impl fmt::Display for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The content of [`FILE`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Project {
    /// Name of the plugin, and of the component without `.wasm`.
    pub(crate) name: String,
    /// What it is written in.
    pub(crate) language: Language,
    /// What it decides.
    pub(crate) kind: World,
}

/// Longest name of a plugin, in bytes.
const LONGEST_NAME: usize = 64;

/// A name that package managers, file systems and configuration files of every language take: lower-case letters, digits and single
/// hyphens, beginning with a letter.
///
/// # Errors
/// The sentence that says what is wrong with it.
pub(crate) fn checked_name(name: &str) -> Result<String, String> {
    let word = |word: &str| {
        !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    let begins_well = name.starts_with(|first: char| first.is_ascii_lowercase());
    if name.len() <= LONGEST_NAME && begins_well && name.split('-').all(word) {
        return Ok(name.to_owned());
    }
    Err(format!(
        "expected at most {LONGEST_NAME} lower-case letters, digits and single hyphens, beginning with a letter, such as night-service"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_to_every_language() {
        for good in ["a", "night-service", "route-2"] {
            assert_eq!(checked_name(good).as_deref(), Ok(good));
        }
        for bad in
            ["", "2-routes", "Night", "night--service", "-night", "night-", "night_service", "né", "a/b"]
        {
            assert!(checked_name(bad).is_err(), "{bad:?}");
        }
    }
}
