//! Metric families made from figures that are kept elsewhere.

use std::collections::BTreeMap;

use cordboard_model::{TrunkState, TrunkStatus};
use prometheus::proto::{Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType};

use crate::figures::{Distribution, Figures, GuestFigure, PluginFigures, QueueFigures, StoreFigures};

/// Label pairs and a value.
type Sample<'a> = (Vec<(&'static str, &'a str)>, u64);

/// Every family of `figures`.
pub(super) fn of(figures: &Figures) -> Vec<MetricFamily> {
    let mut families = sip(figures);
    families.extend(queues(&figures.queues));
    families.extend(plugins(&figures.plugins));
    families.extend(trunks(&figures.trunks));
    families.extend(figures.store.iter().flat_map(store));
    families
}

/// `sip_pbx_errors_total`.
pub(super) fn errors(reasons: &BTreeMap<&str, u64>) -> MetricFamily {
    let samples = reasons.iter().map(|(reason, count)| (vec![("reason", *reason)], *count)).collect();
    counters("sip_pbx_errors_total", "What went wrong, by reason.", samples)
}

fn sip(figures: &Figures) -> Vec<MetricFamily> {
    let ports = figures.ports;
    let free = ports.total.saturating_sub(ports.allocated + ports.quarantined);
    let state = |name, count: usize| (vec![("state", name)], count as u64);
    vec![
        gauge("sip_pbx_active_calls", "Calls now.", figures.calls),
        gauge("sip_pbx_registrations", "Contact bindings now.", figures.registrations),
        gauge("sip_pbx_transactions", "SIP transactions now.", figures.transactions),
        gauge("sip_pbx_connections", "Stream connections now.", figures.connections),
        gauges(
            "sip_pbx_ports",
            "Relay ports by state; the sum is the pool.",
            vec![
                state("allocated", ports.allocated),
                state("free", free),
                state("quarantined", ports.quarantined),
            ],
        ),
        counters(
            "sip_pbx_malformed_total",
            "Malformed messages, by what became of them.",
            vec![
                (vec![("treatment", "answered")], figures.malformed_answered),
                (vec![("treatment", "dropped")], figures.malformed_dropped),
            ],
        ),
        counters(
            "sip_pbx_messages_total",
            "SIP messages, by direction.",
            vec![
                (vec![("direction", "received")], figures.messages_received),
                (vec![("direction", "sent")], figures.messages_sent),
            ],
        ),
        counters(
            "sip_pbx_resends_total",
            "SIP messages that travelled again, by direction.",
            vec![
                (vec![("direction", "received")], figures.request_resends),
                (vec![("direction", "sent")], figures.resent),
            ],
        ),
        counter(
            "sip_pbx_connections_refused_total",
            "Stream connections refused or cut for breaking a limit.",
            figures.connections_refused,
        ),
        counter(
            "sip_pbx_kernel_drops_total",
            "Datagrams the kernel dropped at the SIP sockets; the first sign of overload.",
            figures.kernel_drops,
        ),
        counter(
            "sip_pbx_overloaded_total",
            "Calls refused by the call limit or a drain.",
            figures.overloaded,
        ),
        counter("sip_pbx_rate_limited_total", "Calls refused by the rate limit.", figures.rate_limited),
        counter(
            "sip_pbx_send_failures_total",
            "Messages that could not be handed to the network.",
            figures.send_failures,
        ),
        counter(
            "sip_pbx_stray_responses_total",
            "Responses that belonged to nothing.",
            figures.stray_responses,
        ),
    ]
}

fn queues(queues: &[QueueFigures]) -> Vec<MetricFamily> {
    let each = |value: fn(&QueueFigures) -> u64| -> Vec<Sample<'_>> {
        queues.iter().map(|queue| (vec![("queue", queue.name)], value(queue))).collect()
    };
    vec![
        gauges("sip_pbx_queue_depth", "Entries in a queue now.", each(|queue| queue.depth as u64)),
        gauges("sip_pbx_queue_capacity", "Entries a queue can hold.", each(|queue| queue.capacity as u64)),
        counters(
            "sip_pbx_queue_dropped_total",
            "Entries that did not fit in a queue.",
            each(|queue| queue.dropped),
        ),
    ]
}

fn store(store: &StoreFigures) -> Vec<MetricFamily> {
    vec![
        gauge("sip_pbx_store_up", "1 when the database took what was written last.", usize::from(store.up)),
        counter("sip_pbx_store_records_total", "Records written to the database.", store.written),
        counter(
            "sip_pbx_store_failures_total",
            "Attempts to write to the database that failed; what was to be written waits.",
            store.failures,
        ),
    ]
}

fn trunks(trunks: &[TrunkStatus]) -> Vec<MetricFamily> {
    let each = |value: fn(&TrunkStatus) -> u64| -> Vec<Sample<'_>> {
        trunks.iter().map(|status| (vec![("trunk", status.trunk.as_str())], value(status))).collect()
    };
    vec![
        gauges(
            "sip_pbx_trunk_up",
            "1 when calls can go out and, where it registers, come in.",
            each(|status| u64::from(status.state == TrunkState::Up)),
        ),
        gauges("sip_pbx_trunk_servers", "Servers of the trunk.", each(|status| status.servers as u64)),
        gauges(
            "sip_pbx_trunk_servers_up",
            "Servers of the trunk that calls may go to.",
            each(|status| status.servers_up as u64),
        ),
    ]
}

fn plugins(plugins: &[PluginFigures]) -> Vec<MetricFamily> {
    let each = |value: fn(&PluginFigures) -> u64| -> Vec<Sample<'_>> {
        plugins.iter().map(|plugin| (vec![("plugin", plugin.name.as_str())], value(plugin))).collect()
    };
    let failures = plugins.iter().flat_map(|plugin| {
        let sample = |(reason, count): &'_ (String, u64)| (reason.clone(), *count);
        plugin.failures.iter().map(move |failure| (plugin.name.as_str(), sample(failure)))
    });
    let failures: Vec<(&str, (String, u64))> = failures.collect();
    let failures = failures
        .iter()
        .map(|(plugin, (reason, count))| (vec![("plugin", *plugin), ("reason", reason.as_str())], *count));
    vec![
        gauges(
            "sip_pbx_plugin_up",
            "1 when the plugin is loaded and asked.",
            each(|plugin| u64::from(plugin.up)),
        ),
        counters("sip_pbx_plugin_calls_total", "Questions asked.", each(|plugin| plugin.calls)),
        counters(
            "sip_pbx_plugin_failures_total",
            "Questions not answered, by reason.",
            failures.collect::<Vec<_>>(),
        ),
        counters(
            "sip_pbx_plugin_fallbacks_total",
            "Questions that went past the plugin because it failed.",
            each(|plugin| plugin.fallbacks),
        ),
        gauges(
            "sip_pbx_plugin_memory_bytes",
            "Largest memory that one answer took.",
            each(|plugin| plugin.memory_bytes),
        ),
        guest_counters(plugins),
        family(
            "sip_pbx_plugin_duration_seconds",
            "Time per answer.",
            MetricType::HISTOGRAM,
            plugins.iter().map(|plugin| distribution(&plugin.name, &plugin.duration)).collect(),
        ),
    ]
}

/// Counters of plugins share one family: a plugin cannot take a name that is ours.
fn guest_counters(plugins: &[PluginFigures]) -> MetricFamily {
    let of = |plugin: &PluginFigures, figure: &GuestFigure| {
        let mut pairs = vec![("plugin", plugin.name.as_str()), ("counter", figure.name.as_str())];
        let own = figure.labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        pairs.extend(own.filter(|(name, _)| !matches!(*name, "plugin" | "counter")));
        let mut counter = Counter::default();
        counter.set_value(figure.value);
        let mut metric = Metric::from_label(labels(&pairs));
        metric.set_counter(counter);
        metric
    };
    let each = plugins.iter().flat_map(|plugin| plugin.counters.iter().map(move |figure| of(plugin, figure)));
    family(
        "sip_pbx_plugin_counter_total",
        "What plugins count themselves.",
        MetricType::COUNTER,
        each.collect(),
    )
}

fn distribution(plugin: &str, counted: &Distribution) -> Metric {
    let bucket = |(bound, count): &(f64, u64)| {
        let mut bucket = Bucket::default();
        bucket.set_upper_bound(*bound);
        bucket.set_cumulative_count(*count);
        bucket
    };
    let mut histogram = Histogram::default();
    histogram.set_bucket(counted.buckets.iter().map(bucket).collect());
    histogram.set_sample_sum(counted.sum);
    histogram.set_sample_count(counted.count);
    let mut metric = Metric::from_label(labels(&[("plugin", plugin)]));
    metric.set_histogram(histogram);
    metric
}

fn gauge(name: &str, help: &str, value: usize) -> MetricFamily {
    gauges(name, help, vec![(vec![], value as u64)])
}

fn counter(name: &str, help: &str, value: u64) -> MetricFamily {
    counters(name, help, vec![(vec![], value)])
}

fn gauges(name: &str, help: &str, samples: Vec<Sample<'_>>) -> MetricFamily {
    let metric = |(pairs, value): Sample<'_>| {
        let mut gauge = Gauge::default();
        gauge.set_value(value as f64);
        let mut metric = Metric::from_label(labels(&pairs));
        metric.set_gauge(gauge);
        metric
    };
    family(name, help, MetricType::GAUGE, samples.into_iter().map(metric).collect())
}

fn counters(name: &str, help: &str, samples: Vec<Sample<'_>>) -> MetricFamily {
    let metric = |(pairs, value): Sample<'_>| {
        let mut counter = Counter::default();
        counter.set_value(value as f64);
        let mut metric = Metric::from_label(labels(&pairs));
        metric.set_counter(counter);
        metric
    };
    family(name, help, MetricType::COUNTER, samples.into_iter().map(metric).collect())
}

fn family(name: &str, help: &str, kind: MetricType, metrics: Vec<Metric>) -> MetricFamily {
    let mut family = MetricFamily::default();
    family.set_name(name.to_owned());
    family.set_help(help.to_owned());
    family.set_field_type(kind);
    family.set_metric(metrics);
    family
}

fn labels(pairs: &[(&str, &str)]) -> Vec<LabelPair> {
    let pair = |(name, value): &(&str, &str)| {
        let mut pair = LabelPair::default();
        pair.set_name((*name).to_owned());
        pair.set_value((*value).to_owned());
        pair
    };
    pairs.iter().map(pair).collect()
}
