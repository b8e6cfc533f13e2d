//! Figures of one plugin. Totals only ever grow.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use crate::failure::FailureReason;
use crate::probation::Tally;
use crate::said::was_asked;

/// Upper bounds of the latency buckets in microseconds; the last bucket has none.
pub const LATENCY_BUCKETS_US: [u64; 14] =
    [5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000];

/// Counters, written by every question and read by metrics.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    calls: AtomicU64,
    failures: [AtomicU64; FailureReason::ALL.len()],
    latency: [AtomicU64; LATENCY_BUCKETS_US.len() + 1],
    latency_sum_us: AtomicU64,
    memory: AtomicUsize,
}

impl Counters {
    /// Takes note of one question.
    pub(crate) fn record(&self, elapsed: Duration, memory_bytes: usize, failure: Option<FailureReason>) {
        self.calls.fetch_add(1, Relaxed);
        if let Some(reason) = failure {
            self.failures[reason.index()].fetch_add(1, Relaxed);
        }
        let us = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
        let bucket = LATENCY_BUCKETS_US.partition_point(|bound| *bound < us);
        self.latency[bucket].fetch_add(1, Relaxed);
        self.latency_sum_us.fetch_add(us, Relaxed);
        self.memory.fetch_max(memory_bytes, Relaxed);
    }

    /// Takes note of a question that was not asked.
    pub(crate) fn refuse(&self, reason: FailureReason) {
        self.failures[reason.index()].fetch_add(1, Relaxed);
    }

    pub(crate) fn figures(&self) -> PluginFigures {
        let failures =
            FailureReason::ALL.into_iter().zip(self.failures.iter().map(|count| count.load(Relaxed)));
        PluginFigures {
            calls: self.calls.load(Relaxed),
            failures: failures.collect(),
            latency: std::array::from_fn(|bucket| self.latency[bucket].load(Relaxed)),
            latency_sum: Duration::from_micros(self.latency_sum_us.load(Relaxed)),
            memory_high_water_bytes: self.memory.load(Relaxed),
        }
    }
}

/// What a plugin has done since it was loaded.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PluginFigures {
    /// Questions that it was asked.
    pub calls: u64,
    /// Questions that failed, by every reason; those that it was not asked (`breaker`, `not-loaded`) are not among the calls.
    pub failures: BTreeMap<FailureReason, u64>,
    /// Questions by the bucket of [`LATENCY_BUCKETS_US`] that their time fell into; not cumulative.
    pub latency: [u64; LATENCY_BUCKETS_US.len() + 1],
    /// Sum of all times.
    pub latency_sum: Duration,
    /// Largest linear memory of one instance.
    pub memory_high_water_bytes: usize,
}

impl PluginFigures {
    /// Adds what another generation of the same plugin has done.
    pub(crate) fn add(&mut self, other: &Self) {
        self.calls += other.calls;
        for (reason, count) in &other.failures {
            *self.failures.entry(*reason).or_default() += count;
        }
        for (sum, count) in self.latency.iter_mut().zip(&other.latency) {
            *sum += count;
        }
        self.latency_sum += other.latency_sum;
        self.memory_high_water_bytes = self.memory_high_water_bytes.max(other.memory_high_water_bytes);
    }

    /// Questions that it was asked, and those without a usable answer.
    pub fn tally(&self) -> Tally {
        let failed = self.failures.iter().filter(|(reason, _)| was_asked(**reason));
        Tally { asked: self.calls, failed: failed.map(|(_, count)| count).sum() }
    }
}

/// A counter that a plugin keeps through the import `metrics`.
#[derive(Clone, PartialEq, Debug)]
pub struct GuestCounter {
    /// Lower-case words with `_`.
    pub name: String,
    /// Names and values.
    pub labels: Vec<(String, String)>,
    /// Sum of what was added.
    pub value: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_falls_into_the_first_bucket_that_holds_it() {
        let counters = Counters::default();
        for us in [5, 6, 100_000, 100_001] {
            counters.record(Duration::from_micros(us), 10, None);
        }
        let figures = counters.figures();
        assert_eq!((figures.latency[0], figures.latency[1]), (1, 1));
        assert_eq!((figures.latency[13], figures.latency[14]), (1, 1));
        assert_eq!((figures.calls, figures.memory_high_water_bytes), (4, 10));
    }
}
