//! What a plugin may ask of its host. Every function is bounded and none can fail, so that a guest cannot harm through them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cordboard_outbound::{Client, Failure, Request, Response};
use tokio::time::Instant;
use tracing::Level;

use crate::counters::GuestCounter;
use crate::grants::{Granted, HostFigures, HostMeter};
use crate::limits::Meter;

/// Tables that plugins read. Given by the host; asked from many threads, and must answer from memory.
///
/// The host serves `registrations`: `user` and `user@domain` to the best contact URI.
pub trait Lookup: Send + Sync {
    /// The value of a key; `None` when the key or the table is unknown.
    fn exact(&self, table: &str, key: &str) -> Option<String>;

    /// The entry with the longest key that `key` begins with, and its value.
    fn longest_prefix(&self, table: &str, key: &str) -> Option<(String, String)>;
}

/// Message and fields of one line together.
const MAX_LOG_BYTES: usize = 1 << 10;

/// Lines in a second of one plugin.
const MAX_LOG_LINES: u32 = 100;

const LOG_PERIOD: Duration = Duration::from_secs(1);

const MAX_METRIC_NAMES: usize = 16;
const MAX_METRIC_LABELS: usize = 4;
const MAX_METRIC_SERIES: usize = 64;
const MAX_METRIC_TEXT: usize = 64;

/// What all instances of one plugin share.
pub(crate) struct Grants {
    /// Name of the plugin, for its log lines.
    pub(crate) plugin: String,
    /// The configuration block as JSON.
    pub(crate) config: String,
    /// The host's tables.
    tables: Arc<dyn Lookup>,
    granted: Granted,
    /// What sends requests; `None`: nothing does.
    client: Option<Client>,
    host: HostMeter,
    log: Mutex<LogBudget>,
    metrics: Mutex<GuestMetrics>,
    /// What the guest logged, for those who ask single questions; `None` where the host's log alone has it.
    heard: Option<Mutex<Vec<String>>>,
}

/// One look of a plugin into a table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LookedUp {
    /// Name of the table.
    pub table: String,
    /// What was looked for.
    pub key: String,
    /// The longest key that `key` begins with was looked for, not `key` itself.
    pub longest_prefix: bool,
    /// The entry that was found, key and value.
    pub found: Option<(String, String)>,
}

/// Looks of one question that are written down, and the longest key or value of them. A plugin that looks up more is not slowed down; its
/// decision just cannot be repeated from the journal.
const MAX_LOOKUPS: usize = 64;
const MAX_LOOKUP_BYTES: usize = 1 << 10;

/// What one instance has.
pub(crate) struct State {
    /// What it has looked up so far.
    pub(crate) lookups: Vec<LookedUp>,
    pub(crate) meter: Meter,
    pub(crate) grants: Arc<Grants>,
    /// Id of the call that the question is about.
    pub(crate) call_id: Option<String>,
    /// When the question is over.
    pub(crate) end: Instant,
}

impl State {
    /// Looks for a key.
    pub(crate) fn exact(&mut self, table: String, key: String) -> Option<String> {
        let value = self.grants.look_up(&table, |tables| tables.exact(&table, &key));
        let found = value.clone().map(|value| (key.clone(), value));
        self.write_down(LookedUp { table, key, longest_prefix: false, found });
        value
    }

    /// Looks for the longest key that `key` begins with.
    pub(crate) fn longest_prefix(&mut self, table: String, key: String) -> Option<(String, String)> {
        let found = self.grants.look_up(&table, |tables| tables.longest_prefix(&table, &key));
        self.write_down(LookedUp { table, key, longest_prefix: true, found: found.clone() });
        found
    }

    fn write_down(&mut self, look: LookedUp) {
        let found = look.found.as_ref().map_or(0, |(key, value)| key.len() + value.len());
        if self.lookups.len() < MAX_LOOKUPS && look.table.len() + look.key.len() + found <= MAX_LOOKUP_BYTES {
            self.lookups.push(look);
        }
    }
}

impl Grants {
    pub(crate) fn new(plugin: &str, config: &serde_json::Value, tables: Arc<dyn Lookup>) -> Self {
        Self {
            plugin: plugin.to_owned(),
            config: config.to_string(),
            tables,
            granted: Granted::default(),
            client: None,
            host: HostMeter::default(),
            log: Mutex::new(LogBudget::default()),
            metrics: Mutex::new(GuestMetrics::default()),
            heard: None,
        }
    }

    /// What the configuration grants, and who sends requests for the plugin.
    pub(crate) fn limited_to(self, granted: Granted, client: Option<Client>) -> Self {
        Self { granted, client, ..self }
    }

    /// The same grants with budgets and counters of their own.
    pub(crate) fn anew(&self) -> Self {
        Self {
            plugin: self.plugin.clone(),
            config: self.config.clone(),
            tables: Arc::clone(&self.tables),
            granted: self.granted.clone(),
            client: self.client.clone(),
            host: HostMeter::default(),
            log: Mutex::default(),
            metrics: Mutex::default(),
            heard: None,
        }
    }

    /// Keeps what the guest logs; no more than its budget of a second.
    pub(crate) fn listening(plugin: &str, config: &serde_json::Value, tables: Arc<dyn Lookup>) -> Self {
        Self { heard: Some(Mutex::default()), ..Self::new(plugin, config, tables) }
    }

    /// What the guest logged, each line with its level.
    pub(crate) fn heard(&self) -> Vec<String> {
        let lines = |lines: &Mutex<Vec<String>>| lines.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.heard.as_ref().map(lines).unwrap_or_default()
    }

    /// Reads a table, if the plugin may.
    pub(crate) fn look_up<T>(&self, table: &str, read: impl FnOnce(&dyn Lookup) -> Option<T>) -> Option<T> {
        let begin = Instant::now();
        let permitted = self.granted.permits(table);
        let found = if permitted { read(self.tables.as_ref()) } else { None };
        self.host.looked_up(begin, permitted);
        found
    }

    /// Sends a request, if the plugin may, and waits for the response until `end` at most.
    pub(crate) async fn send(
        &self,
        request: Request,
        patience: Duration,
        end: Instant,
    ) -> Result<Response, Failure> {
        let left = end.saturating_duration_since(Instant::now());
        let sent =
            self.host.send(self.client.as_ref(), &self.granted.origins, request, patience.min(left)).await;
        if let Err(failure) = &sent {
            tracing::debug!(plugin = self.plugin, %failure, "a request of a plugin failed");
        }
        sent
    }

    /// What the plugin has asked of the host.
    pub(crate) fn host_figures(&self) -> HostFigures {
        self.host.figures()
    }

    /// Writes a line of the guest, cut and rate limited.
    pub(crate) fn log(
        &self,
        call_id: Option<&str>,
        level: Level,
        message: &str,
        fields: &[(String, String)],
    ) {
        let mut budget = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(dropped) = budget.take(Instant::now()) else { return };
        drop(budget);
        if dropped > 0 {
            tracing::warn!(plugin = self.plugin, dropped, "a plugin logs too much; lines were dropped");
        }
        let text = log_text(message, fields);
        if let Some(heard) = &self.heard {
            heard.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{level} {text}"));
        }
        let (plugin, call_id) = (self.plugin.as_str(), call_id.unwrap_or_default());
        match level {
            Level::ERROR => tracing::error!(target: "plugin", plugin, call_id, guest = text, "plugin says"),
            Level::WARN => tracing::warn!(target: "plugin", plugin, call_id, guest = text, "plugin says"),
            Level::INFO => tracing::info!(target: "plugin", plugin, call_id, guest = text, "plugin says"),
            Level::DEBUG => tracing::debug!(target: "plugin", plugin, call_id, guest = text, "plugin says"),
            Level::TRACE => tracing::trace!(target: "plugin", plugin, call_id, guest = text, "plugin says"),
        }
    }

    /// Adds to a counter of the guest.
    pub(crate) fn count(&self, name: &str, labels: Vec<(String, String)>, value: f64) {
        self.metrics.lock().unwrap_or_else(PoisonError::into_inner).add(name, labels, value);
    }

    /// The counters of the guest, and how many additions were dropped.
    pub(crate) fn metrics(&self) -> (Vec<GuestCounter>, u64) {
        let metrics = self.metrics.lock().unwrap_or_else(PoisonError::into_inner);
        let counters = metrics.series.iter().map(|((name, labels), value)| GuestCounter {
            name: name.clone(),
            labels: labels.clone(),
            value: *value,
        });
        (counters.collect(), metrics.dropped)
    }

    /// Lines that were dropped in all.
    pub(crate) fn dropped_log_lines(&self) -> u64 {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).dropped
    }
}

/// One line out of what the guest said, without line breaks and at most [`MAX_LOG_BYTES`] long.
fn log_text(message: &str, fields: &[(String, String)]) -> String {
    let mut text = String::with_capacity(128);
    let parts = std::iter::once(message)
        .chain(fields.iter().flat_map(|(name, value)| [" ", name.as_str(), "=", value.as_str()]));
    for part in parts {
        let room = MAX_LOG_BYTES - text.len();
        text.push_str(&part[..part.floor_char_boundary(room)]);
    }
    one_line(&text, MAX_LOG_BYTES)
}

/// Text of a guest, cut, and without a way to begin another line of the log.
pub(crate) fn one_line(text: &str, max_bytes: usize) -> String {
    text[..text.floor_char_boundary(max_bytes)].replace(char::is_control, " ")
}

#[derive(Default)]
struct LogBudget {
    period: Option<Instant>,
    lines: u32,
    dropped_in_period: u64,
    dropped: u64,
}

impl LogBudget {
    /// Takes one line. When there is one: how many were dropped in the period before, once.
    fn take(&mut self, now: Instant) -> Option<u64> {
        let is_new = self.period.is_none_or(|since| now.duration_since(since) >= LOG_PERIOD);
        let dropped_before = if is_new { std::mem::take(&mut self.dropped_in_period) } else { 0 };
        if is_new {
            (self.period, self.lines) = (Some(now), 0);
        }
        if self.lines == MAX_LOG_LINES {
            self.dropped_in_period += 1;
            self.dropped += 1;
            return None;
        }
        self.lines += 1;
        Some(dropped_before)
    }
}

type Series = (String, Vec<(String, String)>);

#[derive(Default)]
struct GuestMetrics {
    series: BTreeMap<Series, f64>,
    dropped: u64,
}

impl GuestMetrics {
    fn add(&mut self, name: &str, mut labels: Vec<(String, String)>, value: f64) {
        labels.sort();
        let series = (name.to_owned(), labels);
        let permitted = value.is_finite() && value >= 0.0 && self.has_room(&series);
        if permitted {
            *self.series.entry(series).or_default() += value;
        } else {
            self.dropped += 1;
        }
    }

    fn has_room(&self, series: &Series) -> bool {
        if self.series.contains_key(series) {
            return true;
        }
        let (name, labels) = series;
        let names: BTreeSet<&str> = self.series.keys().map(|(name, _)| name.as_str()).collect();
        is_word(name)
            && labels.len() <= MAX_METRIC_LABELS
            && labels.iter().all(|(label, value)| is_word(label) && value.len() <= MAX_METRIC_TEXT)
            && labels.windows(2).all(|pair| pair[0].0 != pair[1].0)
            && self.series.len() < MAX_METRIC_SERIES
            && (names.contains(name.as_str()) || names.len() < MAX_METRIC_NAMES)
    }
}

fn is_word(text: &str) -> bool {
    (1..=MAX_METRIC_TEXT).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        && !text.starts_with(|first: char| first.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_cut_and_has_no_line_breaks() {
        let fields = [("key".to_owned(), "x".repeat(5_000))];
        let text = log_text("one\ntwo", &fields);
        assert_eq!(text.len(), MAX_LOG_BYTES);
        assert!(text.starts_with("one two key=xxx"), "{text}");
        assert_eq!(log_text(&"é".repeat(4_000), &[]).len(), MAX_LOG_BYTES);
    }

    #[test]
    fn a_hundred_lines_pass_in_a_second_and_the_rest_is_counted() {
        let mut budget = LogBudget::default();
        let now = Instant::now();
        let passed = (0..150).filter(|_| budget.take(now).is_some()).count();
        assert_eq!((passed, budget.dropped), (100, 50));
        assert_eq!(budget.take(now + LOG_PERIOD), Some(50), "told once");
        assert_eq!(budget.take(now + LOG_PERIOD), Some(0));
    }

    #[test]
    fn counters_are_bounded_and_bad_ones_are_dropped() {
        let label = |value: &str| vec![("label".to_owned(), value.to_owned())];
        let mut metrics = GuestMetrics::default();
        for number in 0..100 {
            metrics.add("calls", label(&number.to_string()), 1.0);
        }
        assert_eq!((metrics.series.len(), metrics.dropped), (MAX_METRIC_SERIES, 36));
        metrics.add("calls", label("0"), 2.0);
        assert_eq!(metrics.series[&("calls".to_owned(), label("0"))], 3.0);

        let mut metrics = GuestMetrics::default();
        for (name, value) in [("Calls", 1.0), ("1st", 1.0), ("", 1.0), ("ok", f64::NAN), ("ok", -1.0)] {
            metrics.add(name, Vec::new(), value);
        }
        assert_eq!((metrics.series.len(), metrics.dropped), (0, 5));
        for number in 0..20 {
            metrics.add(&format!("name_{number}"), Vec::new(), 1.0);
        }
        assert_eq!(metrics.series.len(), MAX_METRIC_NAMES);
    }
}
