//! The timers of RFC 3261 §17 (Table 4) and RFC 6026, and when the next of them is due.
use std::time::{Duration, Instant};

use smallvec::SmallVec;

use crate::endpoint::EndpointSettings;

/// How long a client keeps an INVITE that failed, at least, to answer its resent response (§17.1.1.2, timer D).
const TIMER_D_MINIMUM: Duration = Duration::from_secs(32);

/// What an expiry means. Timer C (a proxy's limit on ringing) belongs to the transaction user.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Timer {
    /// Client INVITE, `Calling`, datagrams only: send the INVITE again, wait twice as long.
    A,
    /// Client INVITE, `Calling`: nothing came back; the transaction failed.
    B,
    /// Client INVITE, `Completed`: resent final responses have died out; end.
    D,
    /// Client non-INVITE, `Trying` and `Proceeding`, datagrams only: send the request again.
    E,
    /// Client non-INVITE: no final response; the transaction failed.
    F,
    /// Server INVITE, `Completed`, datagrams only: send the final response again, wait twice as long up to T2.
    G,
    /// Server INVITE, `Completed`: the ACK never came; the transaction failed.
    H,
    /// Server INVITE, `Confirmed`: resent ACKs have died out; end.
    I,
    /// Server non-INVITE, `Completed`: resent requests have died out; end.
    J,
    /// Client non-INVITE, `Completed`: resent final responses have died out; end.
    K,
    /// Server INVITE, `Accepted` (RFC 6026): resent INVITEs have died out; end.
    L,
    /// Client INVITE, `Accepted` (RFC 6026): no 2xx of another fork can come any more; end.
    M,
    /// Client INVITE, `Proceeding`, 64*T1 after its CANCEL: the peer ignores it (§9.1); the transaction failed.
    CancelIgnored,
}

/// The moment of an event and the intervals that hold for this transaction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// Now.
    pub(crate) now: Instant,
    /// Round-trip estimate.
    pub(crate) t1: Duration,
    /// Longest resend interval.
    pub(crate) t2: Duration,
    /// Whether the transport delivers by itself.
    pub(crate) reliable: bool,
    t4: Duration,
}

impl Pace {
    /// The pace of `settings` at `now`.
    pub(crate) fn new(now: Instant, settings: &EndpointSettings, reliable: bool) -> Self {
        Self { now, t1: settings.t1, t2: settings.t2, t4: settings.t4, reliable }
    }

    /// 64*T1: how long a transaction waits for its other side (timers B, F, H, J, L and M).
    pub(crate) fn lifetime(&self) -> Duration {
        self.t1 * 64
    }

    /// Timer D: zero on a reliable transport.
    pub(crate) fn linger_after_failure(&self) -> Duration {
        if self.reliable { Duration::ZERO } else { self.lifetime().max(TIMER_D_MINIMUM) }
    }

    /// Timers I and K: T4, zero on a reliable transport.
    pub(crate) fn linger_for_strays(&self) -> Duration {
        if self.reliable { Duration::ZERO } else { self.t4 }
    }

    /// Timer J: 64*T1, zero on a reliable transport.
    pub(crate) fn linger_after_response(&self) -> Duration {
        if self.reliable { Duration::ZERO } else { self.lifetime() }
    }
}

/// The running timers of one transaction. No state of any machine runs more than two.
#[derive(Clone, Default, Debug)]
pub(crate) struct Timers {
    running: SmallVec<[(Instant, Timer); 2]>,
}

impl Timers {
    /// Starts a timer, or starts it anew.
    pub(crate) fn start(&mut self, timer: Timer, at: Instant) {
        self.running.retain(|(_, running)| *running != timer);
        self.running.push((at, timer));
    }

    /// Stops every timer, as each change of state does first.
    pub(crate) fn clear(&mut self) {
        self.running.clear();
    }

    /// When the next timer expires.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.running.iter().map(|(at, _)| *at).min()
    }

    /// Takes the earliest timer that is due.
    pub(crate) fn take_due(&mut self, now: Instant) -> Option<Timer> {
        let earliest = (0..self.running.len()).min_by_key(|index| self.running[*index])?;
        (self.running[earliest].0 <= now).then(|| self.running.remove(earliest).1)
    }
}
