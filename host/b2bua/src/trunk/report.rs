//! Everything that is known about a trunk, for whoever looks.

use std::time::Instant;

use cordboard_model::{TrunkState, TrunkStatus};

use super::{Server, Trunk};
use crate::context::Context;
use crate::interface::Output;

/// A trunk at one moment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TrunkReport {
    /// What events tell of it.
    pub status: TrunkStatus,
    /// When it came into this state.
    pub since: Instant,
    /// Its servers, in the order of the configuration.
    pub servers: Vec<TrunkServerReport>,
    /// Its registration, where it has one.
    pub registration: Option<TrunkRegistrationReport>,
}

/// One server of a trunk.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TrunkServerReport {
    /// Its URI.
    pub uri: String,
    /// How it is.
    pub state: TrunkServerState,
    /// When it came into this state.
    pub since: Instant,
    /// Status of its latest final response to an OPTIONS or INVITE; `None`: there was none.
    pub last_status: Option<u16>,
    /// Why it did not do well the last time; empty when it did.
    pub reason: String,
}

/// How a server is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TrunkServerState {
    /// Calls go to it.
    Up,
    /// Calls go to it, though it did not do well the last time.
    Doubtful,
    /// It asked by Retry-After to be left alone: no calls go to it.
    Resting,
    /// It failed too often in a row: no calls go to it.
    Down,
}

/// The registration of a trunk.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TrunkRegistrationReport {
    /// How it is.
    pub state: TrunkRegistrationState,
    /// When it came into this state.
    pub since: Instant,
    /// When the registrar will forget it, unless it is refreshed before.
    pub until: Option<Instant>,
    /// Status of the latest final response to a REGISTER; `None`: there was none.
    pub last_status: Option<u16>,
    /// Why the last attempt failed; empty when it did not.
    pub reason: String,
}

/// How a registration is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TrunkRegistrationState {
    /// The first attempt is under way.
    Registering,
    /// The registrar keeps our binding.
    Registered,
    /// It does not, and the attempts go on.
    Failed,
    /// It is being taken back.
    Leaving,
}

impl Trunk {
    /// Shows what is new.
    pub(super) fn show(&mut self, ctx: &mut Context, now: Instant, status: TrunkStatus) {
        let report = self.report(now, status);
        if self.shown.as_ref() != Some(&report) {
            self.shown = Some(report.clone());
            ctx.outputs.push_back(Output::Trunk(Box::new(report)));
        }
    }

    fn report(&self, now: Instant, status: TrunkStatus) -> TrunkReport {
        let shown = self.shown.as_ref();
        let since = shown.filter(|shown| shown.status.state == status.state).map_or(now, |shown| shown.since);
        let servers = self.servers.iter().zip(&self.settings.servers).enumerate();
        let servers = servers.map(|(place, (server, settings))| {
            let before = shown.and_then(|shown| shown.servers.get(place));
            server.report(now, settings.uri.clone(), before)
        });
        let servers = servers.collect();
        TrunkReport { status, since, servers, registration: self.registration_report(now) }
    }

    fn registration_report(&self, now: Instant) -> Option<TrunkRegistrationReport> {
        let registration = self.registration.as_ref()?;
        let state = match () {
            () if registration.is_leaving() => TrunkRegistrationState::Leaving,
            () if registration.is_registered(now) => TrunkRegistrationState::Registered,
            () if registration.has_failed() => TrunkRegistrationState::Failed,
            () => TrunkRegistrationState::Registering,
        };
        let before = self.shown.as_ref().and_then(|shown| shown.registration.as_ref());
        Some(TrunkRegistrationReport {
            state,
            since: before.filter(|before| before.state == state).map_or(now, |before| before.since),
            until: registration.registered_until(),
            last_status: registration.last_status(),
            reason: registration.problem.clone(),
        })
    }
}

impl Server {
    fn report(&self, now: Instant, uri: String, before: Option<&TrunkServerReport>) -> TrunkServerReport {
        let state = match () {
            () if !self.health.is_up() => TrunkServerState::Down,
            () if self.rests(now) => TrunkServerState::Resting,
            () if self.health.is_in_doubt() => TrunkServerState::Doubtful,
            () => TrunkServerState::Up,
        };
        TrunkServerReport {
            uri,
            state,
            since: before.filter(|before| before.state == state).map_or(now, |before| before.since),
            last_status: self.last_status,
            reason: self.problem.clone(),
        }
    }
}

/// Whether nobody has to be shown this trunk any more.
pub(super) fn is_gone(status: &TrunkStatus) -> bool {
    status.state == TrunkState::Removed
}
