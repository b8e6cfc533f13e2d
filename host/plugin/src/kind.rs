//! The decision points that a component can serve.

use std::fmt;

/// A decision point that a component can serve.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Kind {
    /// Where calls go.
    Routing,
    /// Who may do what.
    Authorization,
}

impl Kind {
    /// The word for logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Routing => "routing",
            Self::Authorization => "authorization",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
