//! Identifiers that Cordboard mints.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Our name for one call: both legs, every log line, event, record and API answer carry it.
///
/// It is not a SIP `Call-ID` (that one is per leg and is written `sip_call_id`). The value is 128
/// random bits, so ids of different nodes never need to be coordinated; it prints as 32 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallId(u128);

impl CallId {
    /// Makes an id of random bits that the caller drew.
    pub const fn from_bits(bits: u128) -> Self {
        Self(bits)
    }

    /// The bits this id was made of.
    pub const fn bits(self) -> u128 {
        self.0
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text was not a call id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a call id of 32 hex digits, found {found:?}")]
pub struct InvalidCallId {
    found: String,
}

impl FromStr for CallId {
    type Err = InvalidCallId;

    fn from_str(text: &str) -> Result<Self, InvalidCallId> {
        let invalid = || InvalidCallId { found: text.chars().take(64).collect() };
        if text.len() != 32 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(invalid());
        }
        u128::from_str_radix(text, 16).map(Self).map_err(|_| invalid())
    }
}

impl Serialize for CallId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for CallId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_id_prints_and_parses_back() {
        let id = CallId::from_bits(0x1f);
        assert_eq!(id.to_string(), "0000000000000000000000000000001f");
        assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn what_is_not_32_hex_digits_is_refused() {
        for text in ["", "1f", "+000000000000000000000000000001f", "zz00000000000000000000000000001f"] {
            assert!(text.parse::<CallId>().is_err(), "{text:?}");
        }
    }
}
