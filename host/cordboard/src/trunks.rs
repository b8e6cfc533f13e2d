//! The trunks as the API shows them.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use cordboard_api::management::{Trunk, TrunkRegistration, TrunkServer};
use cordboard_b2bua::trunk::{
    TrunkRegistrationReport, TrunkRegistrationState, TrunkReport, TrunkServerReport, TrunkServerState,
};
use cordboard_model::TrunkState;

/// What is known of each trunk. Written by the signalling thread when one changes.
#[derive(Debug, Default)]
pub(crate) struct TrunkTable {
    /// By name. Locked for one change or one look.
    trunks: Mutex<BTreeMap<String, Trunk>>,
}

impl TrunkTable {
    /// A trunk changed, or is gone.
    pub(crate) fn put(&self, report: TrunkReport, clock: &Clock) {
        let mut trunks = self.trunks.lock().unwrap_or_else(PoisonError::into_inner);
        if report.status.state == TrunkState::Removed {
            trunks.remove(&report.status.trunk);
        } else {
            trunks.insert(report.status.trunk.clone(), trunk(report, clock));
        }
    }

    /// All of them.
    pub(crate) fn all(&self) -> Vec<Trunk> {
        self.trunks.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }
}

/// Tells the time of day of an instant, by one moment at which both are known.
pub(crate) struct Clock {
    /// That moment.
    pub(crate) now: Instant,
    /// The same in Unix milliseconds.
    pub(crate) unix_ms: u64,
}

impl Clock {
    fn ms(&self, at: Instant) -> u64 {
        let millis = |later: Instant, earlier| {
            u64::try_from(later.saturating_duration_since(earlier).as_millis()).unwrap_or(u64::MAX)
        };
        (self.unix_ms + millis(at, self.now)).saturating_sub(millis(self.now, at))
    }
}

fn trunk(report: TrunkReport, clock: &Clock) -> Trunk {
    Trunk {
        name: report.status.trunk,
        state: report.status.state.name(),
        since_ms: clock.ms(report.since),
        reason: report.status.reason,
        servers: report.servers.into_iter().map(|server| self::server(server, clock)).collect(),
        registration: report.registration.map(|registration| self::registration(registration, clock)),
    }
}

fn server(report: TrunkServerReport, clock: &Clock) -> TrunkServer {
    let state = match report.state {
        TrunkServerState::Up => "up",
        TrunkServerState::Doubtful => "doubtful",
        TrunkServerState::Resting => "resting",
        TrunkServerState::Down => "down",
    };
    let TrunkServerReport { uri, since, last_status, reason, .. } = report;
    TrunkServer { uri, state, since_ms: clock.ms(since), last_status, reason }
}

fn registration(report: TrunkRegistrationReport, clock: &Clock) -> TrunkRegistration {
    let state = match report.state {
        TrunkRegistrationState::Registering => "registering",
        TrunkRegistrationState::Registered => "registered",
        TrunkRegistrationState::Failed => "failed",
        TrunkRegistrationState::Leaving => "leaving",
    };
    TrunkRegistration {
        state,
        since_ms: clock.ms(report.since),
        until_ms: report.until.map(|until| clock.ms(until)),
        last_status: report.last_status,
        reason: report.reason,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "any moment will do, and only the clock gives one")]
    fn times_before_and_after_the_moment_are_told_by_it() {
        let now = Instant::now();
        let clock = Clock { now, unix_ms: 1_000_000 };
        let second = Duration::from_secs(1);
        for (at, ms) in [(now, 1_000_000), (now + second, 1_001_000), (now - second, 999_000)] {
            assert_eq!(clock.ms(at), ms);
        }
    }
}
