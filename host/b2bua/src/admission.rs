//! Admission: what is refused before any work is done (requirements A13 and B3).
//!
//! One token bucket per source address, a limit of calls, and the drain. It reads no clock, and its memory is bounded
//! however many addresses are spoofed.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

use crate::AdmissionSettings;

/// Why an INVITE is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RefusalReason {
    /// Its source sends more than its share.
    RateLimited,
    /// As many calls as there may be.
    CallLimit,
    /// The node takes no new calls.
    Draining,
}

/// A new INVITE that must not become a call: 503 with Retry-After.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// Why.
    pub reason: RefusalReason,
    /// When it is worth trying again.
    pub retry_after_s: u32,
}

impl Refusal {
    const RATE_LIMITED: Self = Self { reason: RefusalReason::RateLimited, retry_after_s: 1 };
    // Calls last minutes; a caller that tries again after some seconds finds a free place under a usual load.
    const CALL_LIMIT: Self = Self { reason: RefusalReason::CallLimit, retry_after_s: 5 };
    // A restart takes seconds, a load balancer needs about as long to notice it.
    const DRAINING: Self = Self { reason: RefusalReason::Draining, retry_after_s: 30 };
}

/// The gate in front of the call core.
#[derive(Debug)]
pub struct Admission {
    settings: AdmissionSettings,
    /// When the bucket of a source is full again. A source that is not listed has a full bucket.
    full_at: BTreeMap<IpAddr, Instant>,
    /// The same, fullest first: what can be forgotten at the least cost.
    by_fill: BTreeSet<(Instant, IpAddr)>,
}

impl Admission {
    /// A gate that has seen nobody.
    pub fn new(settings: AdmissionSettings) -> Self {
        Self { settings, full_at: BTreeMap::new(), by_fill: BTreeSet::new() }
    }

    /// New bounds, for the calls from now on.
    pub fn configure(&mut self, settings: AdmissionSettings) {
        self.settings = settings;
    }

    /// Decides about one new INVITE from `source`, with `calls_now` calls alive, and counts it when it may pass.
    ///
    /// # Errors
    /// When it must be refused.
    pub fn check(
        &mut self,
        now: Instant,
        source: IpAddr,
        calls_now: usize,
        draining: bool,
    ) -> Result<(), Refusal> {
        if draining {
            return Err(Refusal::DRAINING);
        }
        // Before the call limit, so that a source that floods a full node spends its own tokens.
        if !self.takes_token(now, source) {
            return Err(Refusal::RATE_LIMITED);
        }
        if calls_now >= self.settings.max_calls {
            return Err(Refusal::CALL_LIMIT);
        }
        Ok(())
    }

    /// How many sources are remembered.
    pub fn sources(&self) -> usize {
        self.full_at.len()
    }

    /// The bucket holds one second's worth of tokens and is described by the instant at which it will be full (the generic
    /// cell rate algorithm): a token moves that instant one interval on.
    fn takes_token(&mut self, now: Instant, source: IpAddr) -> bool {
        let source = source.to_canonical();
        let Some(per_second) = self.settings.invites_per_second else { return true };
        if self.settings.exempt.iter().any(|exempt| exempt.to_canonical() == source) {
            return true;
        }
        let Some(interval) = Duration::from_secs(1).checked_div(per_second) else { return false };
        let source = bucket_of(source);
        let full_at = self.full_at.get(&source).map_or(now, |full_at| (*full_at).max(now));
        let emptied_to = full_at + interval;
        if emptied_to > now + interval * per_second {
            return false;
        }
        self.remember(now, source, emptied_to);
        true
    }

    fn remember(&mut self, now: Instant, source: IpAddr, full_at: Instant) {
        if let Some(old) = self.full_at.insert(source, full_at) {
            self.by_fill.remove(&(old, source));
        }
        self.by_fill.insert((full_at, source));
        self.forget_full(now);
        while self.full_at.len() > self.settings.max_sources.max(1) {
            self.forget_fullest();
        }
    }

    /// Forgets at most two sources, so that the cost of one INVITE is bounded and the list still shrinks.
    fn forget_full(&mut self, now: Instant) {
        for _ in 0..2 {
            if self.by_fill.first().is_some_and(|(full_at, _)| *full_at <= now) {
                self.forget_fullest();
            }
        }
    }

    fn forget_fullest(&mut self) {
        if let Some((_, source)) = self.by_fill.pop_first() {
            self.full_at.remove(&source);
        }
    }
}

/// Whoever has one IPv6 address has 2^64 of them, so the network counts.
fn bucket_of(source: IpAddr) -> IpAddr {
    match source {
        IpAddr::V4(_) => source,
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::disallowed_methods, reason = "virtual time needs a first instant")]
    fn start() -> Instant {
        Instant::now()
    }

    fn gate(change: impl FnOnce(&mut AdmissionSettings)) -> Admission {
        let mut settings = AdmissionSettings::default();
        change(&mut settings);
        Admission::new(settings)
    }

    fn spoofed(number: u32) -> IpAddr {
        IpAddr::from((0x0a00_0000 + number).to_be_bytes())
    }

    /// How many of `per_second` evenly spread INVITEs pass in the given second.
    fn passed(gate: &mut Admission, source: IpAddr, from: Instant, per_second: u32) -> u32 {
        let sent = (0..per_second).map(|n| from + Duration::from_secs(1) * n / per_second);
        sent.map(|now| u32::from(gate.check(now, source, 0, false).is_ok())).sum()
    }

    #[test]
    fn ten_invites_a_second_pass_whatever_is_sent() {
        for offered in [11, 50, 1_000] {
            let (mut gate, begin) = (gate(|_| ()), start());
            let first = passed(&mut gate, spoofed(1), begin, offered);
            assert!(
                (10..=20).contains(&first),
                "{offered} a second: a burst of 10 and what refills, was {first}"
            );
            for second in 1..30 {
                let passed = passed(&mut gate, spoofed(1), begin + Duration::from_secs(second), offered);
                assert!((9..=11).contains(&passed), "{offered} a second: {passed} in second {second}");
            }
        }
    }

    #[test]
    fn a_burst_of_ten_passes_at_once_and_the_eleventh_does_not() {
        let (mut gate, now) = (gate(|_| ()), start());
        let passed = (0..100).filter(|_| gate.check(now, spoofed(1), 0, false).is_ok()).count();
        assert_eq!(passed, 10);
        assert_eq!(gate.check(now, spoofed(1), 0, false), Err(Refusal::RATE_LIMITED));
    }

    #[test]
    fn ten_a_second_are_never_refused() {
        let (mut gate, begin) = (gate(|_| ()), start());
        for second in 0..60 {
            assert_eq!(passed(&mut gate, spoofed(1), begin + Duration::from_secs(second), 10), 10);
        }
    }

    #[test]
    fn a_flood_of_one_source_leaves_the_others_alone() {
        let (mut gate, begin) = (gate(|_| ()), start());
        for second in 0..10 {
            let from = begin + Duration::from_secs(second);
            passed(&mut gate, spoofed(1), from, 10_000);
            assert_eq!(passed(&mut gate, spoofed(2), from, 10), 10);
        }
    }

    #[test]
    fn a_million_spoofed_sources_are_bounded_and_do_not_free_the_flooder() {
        let (mut gate, now) = (gate(|_| ()), start());
        assert_eq!(passed(&mut gate, spoofed(0), now, 1), 1);
        while gate.check(now, spoofed(0), 0, false).is_ok() {}
        for number in 1..=1_000_000 {
            assert_eq!(gate.check(now, spoofed(number), 0, false), Ok(()));
            assert!(gate.sources() <= 65_536);
        }
        assert_eq!(gate.by_fill.len(), gate.full_at.len());
        assert_eq!(gate.check(now, spoofed(0), 0, false), Err(Refusal::RATE_LIMITED));
    }

    #[test]
    fn sources_that_went_quiet_are_forgotten_first() {
        let (mut gate, now) = (gate(|_| ()), start());
        for number in 0..1_000 {
            let _ = gate.check(now, spoofed(number), 0, false);
        }
        let later = now + Duration::from_secs(2);
        for number in 0..1_000 {
            let _ = gate.check(later, spoofed(1_000_000 + number), 0, false);
        }
        assert_eq!(gate.sources(), 1_000, "each new source took the place of quiet ones");
    }

    #[test]
    fn the_addresses_of_one_ipv6_network_share_a_bucket() {
        let (mut gate, now) = (gate(|_| ()), start());
        let address = |network: u16, host: u16| IpAddr::from([0x2001, 0xdb8, 0, network, 0, 0, 0, host]);
        let passed = (0..50).filter(|host| gate.check(now, address(1, *host), 0, false).is_ok()).count();
        assert_eq!(passed, 10);
        assert_eq!(gate.check(now, address(2, 1), 0, false), Ok(()));
    }

    #[test]
    fn an_ipv4_address_is_one_source_on_a_dual_stack_socket_too() {
        let (mut gate, now) = (gate(|_| ()), start());
        while gate.check(now, "192.0.2.1".parse().expect("an address"), 0, false).is_ok() {}
        let mapped = "::ffff:192.0.2.1".parse().expect("an address");
        assert_eq!(gate.check(now, mapped, 0, false), Err(Refusal::RATE_LIMITED));
    }

    #[test]
    fn exempt_sources_and_a_gate_without_a_rate_count_nothing() {
        let now = start();
        for mut gate in [gate(|s| s.exempt = vec![spoofed(1)]), gate(|s| s.invites_per_second = None)] {
            assert_eq!(passed(&mut gate, spoofed(1), now, 5_000), 5_000);
            assert_eq!(gate.sources(), 0);
        }
    }

    #[test]
    fn a_rate_of_zero_admits_nobody() {
        let mut gate = gate(|settings| settings.invites_per_second = Some(0));
        assert_eq!(gate.check(start(), spoofed(1), 0, false), Err(Refusal::RATE_LIMITED));
    }

    #[test]
    fn the_call_limit_and_the_drain_refuse_with_a_time_to_come_back() {
        let (mut gate, now) = (gate(|settings| settings.max_calls = 2), start());
        for (calls_now, draining, verdict) in [
            (0, false, Ok(())),
            (1, false, Ok(())),
            (2, false, Err(Refusal::CALL_LIMIT)),
            (3, false, Err(Refusal::CALL_LIMIT)),
            (0, true, Err(Refusal::DRAINING)),
        ] {
            assert_eq!(
                gate.check(now, spoofed(1), calls_now, draining),
                verdict,
                "{calls_now} calls, {draining}"
            );
        }
        assert!(
            [Refusal::RATE_LIMITED, Refusal::CALL_LIMIT, Refusal::DRAINING]
                .iter()
                .all(|r| r.retry_after_s > 0)
        );
    }
}
