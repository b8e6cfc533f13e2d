//! The decision points that a component can serve.

use std::fmt;
use std::time::Duration;

/// A decision point that a component can serve.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Kind {
    /// Where calls go.
    Routing,
    /// Who may do what.
    Authorization,
    /// Who is called next about an incident.
    Escalation,
    /// What an event looks like to its receiver.
    EventFormatting,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Routing, Self::Authorization, Self::Escalation, Self::EventFormatting];

    /// How long an answer may take by default, host functions and the wait for a free slot included.
    pub const fn deadline(self) -> Duration {
        Duration::from_millis(match self {
            Self::Routing | Self::Authorization => 50,
            Self::Escalation => 200,
            Self::EventFormatting => 20,
        })
    }

    /// The kind of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// The word for logs and metrics, which is the name of the interface that a component exports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Routing => "routing",
            Self::Authorization => "authorization",
            Self::Escalation => "escalation",
            Self::EventFormatting => "event-formatting",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
