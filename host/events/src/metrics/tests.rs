//! The text of a scrape, as a golden file; `UPDATE_GOLDEN=1` rewrites it and the difference is read like code.

use std::path::Path;

use cordboard_model::{Aor, CallId, Party, PluginChange, PluginTransition, TrunkState, TrunkStatus};

use super::*;
use crate::figures::{Distribution, GuestFigure, PluginFigures, PortFigures, QueueFigures, StoreFigures};

fn event(kind: EventKind) -> Event {
    Event { call_id: Some(CallId::from_bits(1)), at_ms: 0, kind }
}

fn started() -> Event {
    event(EventKind::CallStarted {
        caller: Party::default(),
        callee: Party::default(),
        sip_call_id: "a".into(),
    })
}

fn ended(reason: EndReason, status: Option<u16>, talk_ms: u64) -> Event {
    event(EventKind::CallEnded { reason, status, duration_ms: talk_ms + 1000, talk_ms })
}

fn an_hour_of_work() -> Metrics {
    let metrics = Metrics::new();
    let answered =
        EventKind::CallAnswered { callee: Party::default(), sip_call_id: "b".into(), setup_ms: 1200 };
    for event in [
        event(EventKind::Registered { aor: Aor::new("1001", "pbx"), bindings: 1 }),
        started(),
        event(answered),
        ended(EndReason::CallerHungUp, None, 42_000),
        started(),
        ended(EndReason::Busy, Some(486), 0),
        started(),
        ended(EndReason::PortsExhausted, Some(503), 0),
        event(EventKind::Unregistered { aor: Aor::new("1001", "pbx"), expired: true }),
        event(EventKind::TrunkStateChanged(figures().trunks.remove(0))),
        event(EventKind::PluginChanged(PluginChange {
            plugin: "route".into(),
            change: PluginTransition::RolledBack,
            generation: Some(2),
            digest: None,
            version: None,
            reason: "it failed".into(),
        })),
    ] {
        metrics.fold(&event);
    }
    metrics
}

fn figures() -> Figures {
    let duration = Distribution { buckets: vec![(0.0001, 2), (0.001, 3)], sum: 0.0007, count: 4 };
    Figures {
        calls: 2,
        registrations: 3,
        transactions: 5,
        connections: 1,
        malformed_dropped: 7,
        malformed_answered: 1,
        rate_limited: 4,
        ports: PortFigures { allocated: 16, quarantined: 8, total: 10_000 },
        queues: vec![QueueFigures { name: "events", depth: 1, capacity: 1024, dropped: 0 }],
        store: Some(StoreFigures { up: true, written: 12, failures: 2 }),
        plugins: vec![PluginFigures {
            name: "route".into(),
            up: true,
            calls: 4,
            failures: vec![("deadline".into(), 1)],
            duration,
            memory_bytes: 1 << 20,
            fallbacks: 1,
            counters: vec![GuestFigure {
                name: "night_calls".into(),
                labels: vec![("tenant".into(), "a".into())],
                value: 2.0,
            }],
        }],
        trunks: vec![TrunkStatus {
            trunk: "carrier".into(),
            state: TrunkState::Up,
            servers_up: 1,
            servers: 2,
            reason: String::new(),
        }],
        ..Figures::default()
    }
}

#[test]
fn a_scrape_reads_as_written_down() {
    let text = an_hour_of_work().render(&figures());
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/metrics.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&golden, &text).expect("the golden file can be written");
    }
    assert_eq!(text, std::fs::read_to_string(&golden).unwrap_or_default());
}

#[test]
fn an_idle_process_already_has_the_names_that_dashboards_ask_for() {
    let text = Metrics::new().render(&Figures::default());
    for name in [
        "sip_pbx_active_calls 0",
        "sip_pbx_total_calls 0",
        "sip_pbx_call_duration_seconds_count 0",
        "sip_pbx_errors_total{reason=\"malformed\"} 0",
        "sip_pbx_ports{state=\"allocated\"} 0",
    ] {
        assert!(text.lines().any(|line| line == name), "{name} is missing in\n{text}");
    }
}

#[test]
fn only_answered_calls_have_a_duration() {
    let metrics = Metrics::new();
    metrics.fold(&ended(EndReason::Busy, Some(486), 0));
    metrics.fold(&ended(EndReason::CalleeHungUp, None, 2000));
    let text = metrics.render(&Figures::default());
    assert!(text.contains("sip_pbx_call_duration_seconds_count 1"), "{text}");
    assert!(text.contains("sip_pbx_call_duration_seconds_sum 2"), "{text}");
}
