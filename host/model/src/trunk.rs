//! Trunks: peers such as carriers, known by name.

use serde::{Deserialize, Serialize};

/// How a trunk is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TrunkState {
    /// Its first registration is under way.
    Registering,
    /// Calls can go out, and come in where it registers.
    Up,
    /// A server answers, but the registration was refused or ran out: calls may still go out, none come in.
    Unregistered,
    /// No server answers: calls to it fail at once.
    Down,
    /// The configuration does not name it any more.
    Removed,
}

impl TrunkState {
    /// The name in events, logs and metrics; the same as its serialised form.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Registering => "registering",
            Self::Up => "up",
            Self::Unregistered => "unregistered",
            Self::Down => "down",
            Self::Removed => "removed",
        }
    }
}

/// What is known about a trunk at one moment.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TrunkStatus {
    /// Its name in the configuration.
    pub trunk: String,
    /// How it is.
    pub state: TrunkState,
    /// Servers that calls may go to.
    pub servers_up: usize,
    /// Servers in all.
    pub servers: usize,
    /// Why it is not up, for a person; empty when it is.
    pub reason: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_named_as_it_is_serialised() {
        for state in [TrunkState::Registering, TrunkState::Up, TrunkState::Unregistered, TrunkState::Down] {
            let json = serde_json::to_string(&state).expect("a unit variant serialises");
            assert_eq!(json, format!("\"{}\"", state.name()));
        }
    }
}
