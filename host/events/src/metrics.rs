//! Prometheus metrics: what is folded from events, and the figures of the moment.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use cordboard_model::{EndReason, Event, EventKind};
use prometheus::proto::MetricFamily;
use prometheus::{
    Encoder as _, Histogram, HistogramOpts, IntCounter, IntCounterVec, Opts, Registry, TextEncoder,
};

use crate::Figures;
use crate::log::is_error;

mod family;

/// From a call that was a mistake to one of four hours.
const CALL_SECONDS: &[f64] = &[1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 14_400.0];
/// From a phone that answers by itself to one that nearly rang out.
const SETUP_SECONDS: &[f64] = &[0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0];

/// All metrics of the process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    calls: IntCounter,
    call_duration: Histogram,
    setup: Histogram,
    ended: IntCounterVec,
    registration_changes: IntCounterVec,
    trunk_changes: IntCounterVec,
    plugin_changes: IntCounterVec,
    /// Calls that ended in an error, by reason. Written by [`Self::fold`] only.
    errors: Mutex<BTreeMap<&'static str, u64>>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Metrics at zero.
    ///
    /// # Panics
    /// When two metrics of this file have one name.
    pub fn new() -> Self {
        const UNIQUE: &str = "the names below are valid and each stands once";
        let registry = Registry::new();
        let counter = |opts| IntCounterVec::new(opts, &["reason"]).expect(UNIQUE);
        let histogram = |name, help, buckets: &[f64]| {
            Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets.to_vec())).expect(UNIQUE)
        };
        let metrics = Self {
            calls: IntCounter::new("sip_pbx_total_calls", "Calls that were admitted.").expect(UNIQUE),
            call_duration: histogram(
                "sip_pbx_call_duration_seconds",
                "Time from answer to end of answered calls.",
                CALL_SECONDS,
            ),
            setup: histogram(
                "sip_pbx_call_setup_seconds",
                "Time from INVITE to answer, ringing included.",
                SETUP_SECONDS,
            ),
            ended: counter(Opts::new("sip_pbx_calls_ended_total", "Calls that ended, by reason.")),
            registration_changes: IntCounterVec::new(
                Opts::new("sip_pbx_registration_changes_total", "Changes of registrations."),
                &["change"],
            )
            .expect(UNIQUE),
            trunk_changes: IntCounterVec::new(
                Opts::new("sip_pbx_trunk_changes_total", "Changes of trunks, by what they became."),
                &["trunk", "state"],
            )
            .expect(UNIQUE),
            plugin_changes: IntCounterVec::new(
                Opts::new(
                    "sip_pbx_plugin_changes_total",
                    "What happened to plugins: reloads, roll-backs, breakers.",
                ),
                &["plugin", "change"],
            )
            .expect(UNIQUE),
            errors: Mutex::default(),
            registry,
        };
        for collector in metrics.collectors() {
            metrics.registry.register(collector).expect(UNIQUE);
        }
        metrics
    }

    fn collectors(&self) -> Vec<Box<dyn prometheus::core::Collector>> {
        vec![
            Box::new(self.calls.clone()),
            Box::new(self.call_duration.clone()),
            Box::new(self.setup.clone()),
            Box::new(self.ended.clone()),
            Box::new(self.registration_changes.clone()),
            Box::new(self.trunk_changes.clone()),
            Box::new(self.plugin_changes.clone()),
        ]
    }

    /// Counts an event.
    pub fn fold(&self, event: &Event) {
        match &event.kind {
            EventKind::CallStarted { .. } => self.calls.inc(),
            EventKind::CallAnswered { setup_ms, .. } => self.setup.observe(seconds(*setup_ms)),
            EventKind::CallEnded { reason, status, talk_ms, .. } => {
                if status.is_none() {
                    self.call_duration.observe(seconds(*talk_ms));
                }
                self.fold_end(*reason);
            }
            EventKind::Registered { .. } => self.count_registration("registered"),
            EventKind::Unregistered { expired: true, .. } => self.count_registration("expired"),
            EventKind::Unregistered { expired: false, .. } => self.count_registration("unregistered"),
            EventKind::TrunkStateChanged(status) => {
                self.trunk_changes.with_label_values(&[status.trunk.as_str(), status.state.name()]).inc();
            }
            EventKind::PluginChanged(happened) => {
                let labels = [happened.plugin.as_str(), happened.change.name()];
                self.plugin_changes.with_label_values(&labels).inc();
            }
            EventKind::LegStarted { .. }
            | EventKind::CallRinging { .. }
            | EventKind::TransferStarted { .. }
            | EventKind::Dtmf { .. }
            | EventKind::MediaSilent { .. } => {}
        }
    }

    fn fold_end(&self, reason: EndReason) {
        self.ended.with_label_values(&[reason.name()]).inc();
        if is_error(reason) {
            let mut errors = self.errors.lock().unwrap_or_else(PoisonError::into_inner);
            *errors.entry(reason.name()).or_default() += 1;
        }
    }

    fn count_registration(&self, change: &str) {
        self.registration_changes.with_label_values(&[change]).inc();
    }

    /// The text that a scrape gets.
    pub fn render(&self, figures: &Figures) -> String {
        let mut families = self.registry.gather();
        families.extend(family::of(figures));
        families.push(self.errors_family(figures));
        families.sort_by(|a, b| a.name().cmp(b.name()));
        encoded(&families)
    }

    /// `sip_pbx_errors_total`: failed calls, and what failed below or beside calls.
    fn errors_family(&self, figures: &Figures) -> MetricFamily {
        let calls = self.errors.lock().unwrap_or_else(PoisonError::into_inner);
        let mut reasons: BTreeMap<&str, u64> = calls.clone();
        let plugin_failures = figures.plugins.iter().flat_map(|plugin| &plugin.failures);
        for (reason, count) in [
            ("malformed", figures.malformed_dropped + figures.malformed_answered),
            ("rate-limited", figures.rate_limited),
            ("refused-overload", figures.overloaded),
            ("kernel-drop", figures.kernel_drops),
            ("send-failed", figures.send_failures),
            ("plugin-failure", plugin_failures.map(|(_, count)| count).sum()),
        ] {
            *reasons.entry(reason).or_default() += count;
        }
        family::errors(&reasons)
    }
}

fn encoded(families: &[MetricFamily]) -> String {
    let mut text = Vec::new();
    // A family without samples is an error to the encoder and nothing to a reader.
    let filled: Vec<MetricFamily> =
        families.iter().filter(|family| !family.get_metric().is_empty()).cloned().collect();
    TextEncoder::new().encode(&filled, &mut text).expect("writing to memory does not fail");
    String::from_utf8(text).expect("the encoder writes UTF-8")
}

fn seconds(ms: u64) -> f64 {
    std::time::Duration::from_millis(ms).as_secs_f64()
}

#[cfg(test)]
mod tests;
