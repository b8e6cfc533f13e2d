//! The figures that the signalling thread shows to the others: metrics, health and the drain read them, nobody waits.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use cordboard_b2bua::Counters;
use cordboard_events::Figures;
use cordboard_model::{TrunkState, TrunkStatus};

use crate::trunks::TrunkTable;

/// A heart that has not beaten for so long has stopped. Ten times the beat, so that a busy machine is not called dead.
const STOPPED_AFTER: Duration = Duration::from_secs(10);

/// Figures of this moment. Each is written by the signalling thread only and may be one input old.
#[derive(Debug)]
pub(crate) struct Board {
    started: Instant,
    beaten_ms: AtomicU64,
    draining: AtomicBool,
    deaf: AtomicBool,
    calls: AtomicUsize,
    bindings: AtomicUsize,
    transactions: AtomicUsize,
    connections: AtomicUsize,
    connections_refused: AtomicU64,
    received: AtomicU64,
    sent: AtomicU64,
    send_failures: AtomicU64,
    malformed_dropped: AtomicU64,
    malformed_answered: AtomicU64,
    stray_responses: AtomicU64,
    request_resends: AtomicU64,
    resent: AtomicU64,
    rate_limited: AtomicU64,
    overloaded: AtomicU64,
    trunk_bindings: AtomicUsize,
    /// Locked when a trunk changes and when somebody looks, both rare.
    trunks: Mutex<BTreeMap<String, TrunkStatus>>,
    /// The same in full, for the API.
    pub(crate) trunk_table: TrunkTable,
}

impl Board {
    /// Everything at zero, the heart beating.
    pub(crate) fn new() -> Self {
        Self {
            started: now(),
            beaten_ms: AtomicU64::default(),
            draining: AtomicBool::default(),
            deaf: AtomicBool::default(),
            calls: AtomicUsize::default(),
            bindings: AtomicUsize::default(),
            transactions: AtomicUsize::default(),
            connections: AtomicUsize::default(),
            connections_refused: AtomicU64::default(),
            received: AtomicU64::default(),
            sent: AtomicU64::default(),
            send_failures: AtomicU64::default(),
            malformed_dropped: AtomicU64::default(),
            malformed_answered: AtomicU64::default(),
            stray_responses: AtomicU64::default(),
            request_resends: AtomicU64::default(),
            resent: AtomicU64::default(),
            rate_limited: AtomicU64::default(),
            overloaded: AtomicU64::default(),
            trunk_bindings: AtomicUsize::default(),
            trunks: Mutex::default(),
            trunk_table: TrunkTable::default(),
        }
    }

    /// The signalling thread turns.
    pub(crate) fn beat(&self) {
        self.beaten_ms.store(self.age_ms(), Ordering::Relaxed);
    }

    /// Whether the signalling thread turned lately.
    pub(crate) fn is_live(&self) -> bool {
        let silent = self.age_ms().saturating_sub(self.beaten_ms.load(Ordering::Relaxed));
        Duration::from_millis(silent) < STOPPED_AFTER
    }

    fn age_ms(&self) -> u64 {
        u64::try_from(now().duration_since(self.started).as_millis()).unwrap_or(u64::MAX)
    }

    /// No new calls from now on.
    pub(crate) fn begin_drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Whether new calls are refused.
    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// A SIP socket can no longer be read.
    pub(crate) fn lose_listener(&self) {
        self.deaf.store(true, Ordering::Relaxed);
    }

    /// Whether every SIP socket is read.
    pub(crate) fn is_listening(&self) -> bool {
        !self.deaf.load(Ordering::Relaxed)
    }

    /// Calls now.
    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }

    /// Transactions now.
    pub(crate) fn transactions(&self) -> usize {
        self.transactions.load(Ordering::Relaxed)
    }

    /// Our registrations with trunks that stand.
    pub(crate) fn trunk_bindings(&self) -> usize {
        self.trunk_bindings.load(Ordering::Relaxed)
    }

    /// A trunk changed.
    pub(crate) fn tell_trunk(&self, status: &TrunkStatus) {
        let mut trunks = self.trunks.lock().unwrap_or_else(PoisonError::into_inner);
        if status.state == TrunkState::Removed {
            trunks.remove(&status.trunk);
        } else {
            trunks.insert(status.trunk.clone(), status.clone());
        }
    }

    /// Every trunk, as it was told last.
    pub(crate) fn trunks(&self) -> Vec<TrunkStatus> {
        self.trunks.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// A message came.
    pub(crate) fn received(&self) {
        self.received.fetch_add(1, Ordering::Relaxed);
    }

    /// A message was sent.
    pub(crate) fn sent(&self) {
        self.sent.fetch_add(1, Ordering::Relaxed);
    }

    /// A message could not be sent.
    pub(crate) fn send_failed(&self) {
        self.send_failures.fetch_add(1, Ordering::Relaxed);
    }

    /// A connection was refused or cut.
    pub(crate) fn connection_refused(&self) {
        self.connections_refused.fetch_add(1, Ordering::Relaxed);
    }

    /// So many connections are open. Between two inputs of the core only this tells those that say nothing.
    pub(crate) fn connections(&self, open: usize) {
        self.connections.store(open, Ordering::Relaxed);
    }

    /// Shows the figures of the core.
    pub(crate) fn publish(&self, counters: &Counters, connections: usize) {
        let endpoint = &counters.endpoint;
        self.calls.store(counters.calls, Ordering::Relaxed);
        self.bindings.store(counters.bindings, Ordering::Relaxed);
        self.transactions.store(counters.transactions, Ordering::Relaxed);
        self.connections.store(connections, Ordering::Relaxed);
        self.malformed_dropped.store(endpoint.malformed_dropped, Ordering::Relaxed);
        self.malformed_answered.store(endpoint.malformed_answered, Ordering::Relaxed);
        self.stray_responses.store(endpoint.stray_responses, Ordering::Relaxed);
        self.request_resends.store(endpoint.request_resends, Ordering::Relaxed);
        self.resent.store(endpoint.resent, Ordering::Relaxed);
        self.rate_limited.store(counters.rate_limited, Ordering::Relaxed);
        self.overloaded.store(counters.overloaded, Ordering::Relaxed);
        self.trunk_bindings.store(counters.trunk_bindings, Ordering::Relaxed);
    }

    /// The figures as metrics have them; what other parts know is left empty.
    pub(crate) fn figures(&self) -> Figures {
        let now = |figure: &AtomicUsize| figure.load(Ordering::Relaxed);
        let total = |figure: &AtomicU64| figure.load(Ordering::Relaxed);
        Figures {
            calls: now(&self.calls),
            registrations: now(&self.bindings),
            transactions: now(&self.transactions),
            connections: now(&self.connections),
            connections_refused: total(&self.connections_refused),
            messages_received: total(&self.received),
            messages_sent: total(&self.sent),
            send_failures: total(&self.send_failures),
            malformed_dropped: total(&self.malformed_dropped),
            malformed_answered: total(&self.malformed_answered),
            stray_responses: total(&self.stray_responses),
            request_resends: total(&self.request_resends),
            resent: total(&self.resent),
            rate_limited: total(&self.rate_limited),
            overloaded: total(&self.overloaded),
            trunks: self.trunks(),
            ..Figures::default()
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the binary is where time enters")]
fn now() -> Instant {
    Instant::now()
}
