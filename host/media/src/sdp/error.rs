//! Why a session description cannot be relayed.

/// An SDP body that cannot be relayed. Its text is fit for the Warning header of a 488 (RFC 3261 §20.43).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SdpError {
    /// A line breaks the grammar.
    #[error("SDP line {line}: {problem}")]
    Malformed {
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The address where media should go cannot be used.
    #[error("SDP line {line}: {problem}")]
    UnusableAddress {
        /// Counted from 1; a `c=` line, or the `m=` line that has none.
        line: usize,
        /// What was found and what was expected.
        problem: &'static str,
    },
}

impl SdpError {
    /// The warn-code of RFC 3261 §20.43: 301 (incompatible network address formats) for an address, 399 (miscellaneous)
    /// for a line that breaks the grammar.
    pub fn warning_code(&self) -> u16 {
        match self {
            Self::Malformed { .. } => 399,
            Self::UnusableAddress { .. } => 301,
        }
    }
}
