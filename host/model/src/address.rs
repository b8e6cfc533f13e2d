//! Who can be called: addresses of record and extensions.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An address of record (RFC 3261 §10): the key of the location service, `user@host`.
///
/// The user part is compared byte for byte and the host without regard to case (RFC 3261 §19.1.4),
/// so the host is kept in lower case. Scheme, port and parameters are not part of it: a phone that
/// registers `sips:1001@pbx:5061` and one that registers `sip:1001@PBX` share their bindings.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Aor(String);

impl Aor {
    /// Makes the address of a user at a domain.
    pub fn new(user: &str, host: &str) -> Self {
        Self(format!("{user}@{}", host.to_ascii_lowercase()))
    }

    /// The user part; what stands before the last `@`.
    pub fn user(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(user, _)| user)
    }

    /// The domain, in lower case.
    pub fn host(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, host)| host)
    }

    /// The whole address, `user@host`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Aor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A number inside the PBX, such as `1004`: what a person logs in with and what others dial.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Extension(String);

impl Extension {
    /// The one rule that turns the user part of a SIP or tel URI into an extension.
    ///
    /// Parameters after `;` are dropped, then visual separators (`-`, `.`, `(`, `)`), and what is left has to be
    /// 1 to 32 characters out of letters, digits and `+ * # _`. Anything else is not an extension.
    pub fn from_user(user: &str) -> Option<Self> {
        let number: String = user
            .split(';')
            .next()
            .unwrap_or_default()
            .chars()
            .filter(|c| !matches!(c, '-' | '.' | '(' | ')'))
            .collect();
        let fits = (1..=32).contains(&number.len())
            && number.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '*' | '#' | '_'));
        fits.then_some(Self(number))
    }

    /// The extension as dialled.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Extension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_of_an_aor_ignores_case_and_the_user_does_not() {
        assert_eq!(Aor::new("Bob", "PBX.Example"), Aor::new("Bob", "pbx.example"));
        assert_ne!(Aor::new("Bob", "pbx"), Aor::new("bob", "pbx"));
        assert_eq!(Aor::new("a@b", "h").user(), "a@b");
        assert_eq!(Aor::new("a@b", "h").host(), "h");
    }

    #[test]
    fn one_rule_turns_a_user_part_into_an_extension() {
        for (user, extension) in [
            ("1004", Some("1004")),
            ("+82-2-555.0100", Some("+8225550100")),
            ("1004;phone-context=pbx", Some("1004")),
            ("*72", Some("*72")),
            ("", None),
            ("a b", None),
            ("1004%41", None),
        ] {
            assert_eq!(Extension::from_user(user).as_ref().map(Extension::as_str), extension, "{user:?}");
        }
    }
}
