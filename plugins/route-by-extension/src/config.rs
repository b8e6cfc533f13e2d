//! The configuration block of this plugin.

use std::collections::BTreeMap;

use cordboard_plugin_sdk::Srtp;
use cordboard_plugin_sdk::prelude::*;
use serde::Deserialize;

/// JSON Schema of [`Config`], for tools and people.
pub(crate) const SCHEMA: &str = include_str!("config.schema.json");

/// What an operator can say.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// What an extension looks like; decides between 480 (it exists, but nobody is there) and 404.
    #[serde(default = "three_or_four_digits")]
    pub extensions: Vec<String>,
    /// Numbers with targets of their own.
    #[serde(default)]
    pub numbers: BTreeMap<String, Number>,
    /// Where other numbers go.
    #[serde(default)]
    pub trunks: Vec<Trunk>,
    /// Ring time of every target; the host's default when absent.
    pub ring_seconds: Option<u32>,
}

/// One line of the number table.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Number {
    /// Tried first.
    pub targets: Vec<String>,
    /// Tried when all of `targets` failed.
    #[serde(default)]
    pub overflow: Vec<String>,
    /// Whether the targets ring together.
    #[serde(default)]
    pub together: bool,
    /// Encryption of the media of the targets.
    #[serde(default)]
    pub srtp: Encryption,
}

/// One way out.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Trunk {
    /// What the dialled number begins with.
    pub prefix: String,
    /// Name of a trunk of the host.
    pub trunk: String,
    /// How many characters of the number are not sent.
    #[serde(default)]
    pub strip: usize,
    /// What is sent in their place.
    #[serde(default)]
    pub prepend: String,
    /// Encryption of the media of its calls.
    #[serde(default)]
    pub srtp: Encryption,
}

/// What is asked of the media encryption towards a target.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Encryption {
    /// What the caller offers passes.
    #[default]
    AsOffered,
    /// Plain RTP; the encryption of a caller ends at the host.
    Off,
    /// SRTP when the target can, else RTP.
    Preferred,
    /// SRTP; that of a caller without it begins at the host.
    Required,
}

impl Encryption {
    /// In the words of the interface.
    pub fn wish(self) -> Srtp {
        match self {
            Self::AsOffered => Srtp::Unspecified,
            Self::Off => Srtp::Off,
            Self::Preferred => Srtp::Preferred,
            Self::Required => Srtp::Required,
        }
    }
}

fn three_or_four_digits() -> Vec<String> {
    vec!["XXX".to_owned(), "XXXX".to_owned()]
}

impl Config {
    /// Whether a number looks like one of our extensions.
    pub fn looks_like_extension(&self, number: &str) -> bool {
        self.extensions.iter().any(|pattern| matches_pattern(pattern, number))
    }

    /// The ring time in the unit of the interface.
    pub fn ring_ms(&self) -> Option<u32> {
        self.ring_seconds.map(|seconds| seconds.saturating_mul(1_000))
    }

    /// Everything that the shape alone does not forbid.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (number, entry) in &self.numbers {
            for (list, targets) in [("targets", &entry.targets), ("overflow", &entry.overflow)] {
                problems.extend(targets.iter().enumerate().filter_map(|(index, text)| {
                    let message = parse_target(text).err()?;
                    Some(Problem::new(format!("/numbers/{number}/{list}/{index}"), message))
                }));
            }
            if entry.targets.is_empty() {
                problems
                    .push(Problem::new(format!("/numbers/{number}/targets"), "expected at least one target"));
            }
        }
        for (index, trunk) in self.trunks.iter().enumerate() {
            if trunk.strip > trunk.prefix.len() {
                let message = format!(
                    "expected at most {}, the length of the prefix {:?}, found {}",
                    trunk.prefix.len(),
                    trunk.prefix,
                    trunk.strip
                );
                problems.push(Problem::new(format!("/trunks/{index}/strip"), message));
            }
        }
        if self.ring_seconds.is_some_and(|seconds| !(1..=600).contains(&seconds)) {
            problems.push(Problem::new("/ring-seconds", "expected 1 to 600 seconds"));
        }
        problems
    }
}

/// Reads one target as the configuration writes it.
pub(crate) fn parse_target(text: &str) -> Result<Target, String> {
    if let Some(trunk) = text.strip_prefix("trunk:") {
        return match trunk.split_once('/') {
            Some((name, number)) if !name.is_empty() && !number.is_empty() => Ok(Target::trunk(name, number)),
            _ => Err(format!("expected trunk:NAME/NUMBER, found {text:?}")),
        };
    }
    if text.starts_with("sip:") || text.starts_with("sips:") {
        return Ok(Target::uri(text));
    }
    if text.is_empty() || text.contains([':', ' ', '/']) {
        return Err(format!(
            "expected 1001, user@domain, sip:user@host or trunk:NAME/NUMBER, found {text:?}"
        ));
    }
    Ok(Target::aor(text))
}

/// `X` stands for one digit, a final `*` for any rest, everything else for itself.
fn matches_pattern(pattern: &str, number: &str) -> bool {
    let (pattern, open) = match pattern.strip_suffix('*') {
        Some(begin) => (begin, true),
        None => (pattern, false),
    };
    let fits = |(wanted, found): (u8, u8)| wanted == found || (wanted == b'X' && found.is_ascii_digit());
    let long_enough = number.len() == pattern.len() || (open && number.len() > pattern.len());
    long_enough && pattern.bytes().zip(number.bytes()).all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_describes_extensions() {
        for (pattern, number, expected) in [
            ("1XXX", "1001", true),
            ("1XXX", "2001", false),
            ("1XXX", "100", false),
            ("1XXX", "10010", false),
            ("9*", "9", true),
            ("9*", "911", true),
            ("XX", "1a", false),
        ] {
            assert_eq!(matches_pattern(pattern, number), expected, "{pattern} {number}");
        }
    }
}
