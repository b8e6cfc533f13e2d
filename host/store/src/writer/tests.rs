//! The queue, with stores that fail in the ways that matter.

use std::sync::atomic::AtomicBool;

use super::*;
use crate::{Decision, DecisionFilter, Page, PageRequest, ShadowDifference, StoreError, suite};

/// Keeps records in memory, or fails as it is told.
#[derive(Default)]
struct Fake {
    records: Mutex<Vec<Record>>,
    transactions: AtomicUsize,
    is_full: AtomicBool,
    /// Held by a test that wants the store to take its time.
    gate: Mutex<()>,
}

impl Fake {
    fn times(&self) -> Vec<u64> {
        let records = self.records.lock().expect("nobody panicked");
        let time = |record: &Record| match record {
            Record::Decision(decision) => decision.at_ms - 1_700_000_000_000,
            Record::Difference(_) => 0,
        };
        records.iter().map(time).collect()
    }
}

impl Store for Fake {
    fn append(&self, records: &[Record]) -> Result<(), StoreError> {
        let _gate = self.gate.lock().expect("nobody panicked");
        self.transactions.fetch_add(1, Ordering::Relaxed);
        if self.is_full.load(Ordering::Relaxed) {
            return Err(StoreError::Full { place: "fake".into(), detail: "full".into() });
        }
        let is_bad =
            |record: &Record| matches!(record, Record::Decision(decision) if decision.kind.is_empty());
        if records.iter().any(is_bad) {
            return Err(StoreError::Refused { place: "fake".into(), detail: "no kind".into() });
        }
        self.records.lock().expect("nobody panicked").extend_from_slice(records);
        Ok(())
    }

    fn decisions(&self, _: &DecisionFilter, _: &PageRequest) -> Result<Page<Decision>, StoreError> {
        Ok(Page { entries: Vec::new(), next: None })
    }

    fn differences(&self, _: Option<&str>, _: &PageRequest) -> Result<Page<ShadowDifference>, StoreError> {
        Ok(Page { entries: Vec::new(), next: None })
    }

    fn prune_journal(&self, _: u64, _: &Retention) -> Result<bool, StoreError> {
        Ok(false)
    }

    fn installation_key(&self, fresh: [u8; 32]) -> Result<[u8; 32], StoreError> {
        Ok(fresh)
    }
}

/// More than a busy machine needs.
const PATIENCE: Duration = Duration::from_secs(60);

fn start(store: &Arc<Fake>, capacity: usize) -> Writer<u64> {
    let journal = Retention { max_age: PATIENCE, max_rows: 10 };
    let settings = WriterSettings { capacity, journal, clock: || 0 };
    let convert = |number| {
        let kind = if number == 13 { "" } else { "routing" };
        (number != 12)
            .then(|| Record::Decision(Box::new(Decision { kind: kind.into(), ..suite::decision(number) })))
    };
    Writer::start(Arc::clone(store) as Arc<dyn Store>, settings, convert).expect("a thread starts")
}

#[test]
fn what_is_handed_over_is_written_in_order_and_many_at_once() {
    let store = Arc::new(Fake::default());
    let writer = start(&store, 1000);
    (100..400).for_each(|number| writer.keep(number));
    assert!(writer.flush(PATIENCE));
    assert_eq!(store.times(), (100..400).collect::<Vec<_>>());
    assert!(store.transactions.load(Ordering::Relaxed) < 30, "many in one transaction");
    let figures = writer.figures();
    assert_eq!((figures.depth, figures.written, figures.lost, figures.problem), (0, 300, 0, None));
}

#[test]
fn a_store_that_is_slow_costs_records_and_keeps_nobody_waiting() {
    let store = Arc::new(Fake::default());
    let writer = start(&store, 10);
    let slow = store.gate.lock().expect("it is free");
    (100..1000).for_each(|number| writer.keep(number));
    let figures = writer.figures();
    // Besides the queue, a batch may be in the hands of the thread.
    assert!(figures.lost >= 900 - 10 - 10 - MAX_BATCH as u64, "{figures:?}");
    drop(slow);
    assert!(writer.flush(PATIENCE));
    assert_eq!(writer.figures().written + writer.figures().lost, 900);
}

#[test]
fn a_store_that_fails_gets_everything_once_it_works_again() {
    let store = Arc::new(Fake::default());
    store.is_full.store(true, Ordering::Relaxed);
    let writer = start(&store, 1000);
    (100..110).for_each(|number| writer.keep(number));
    assert!(!writer.flush(Duration::from_millis(300)), "it cannot be written yet");
    let figures = writer.figures();
    assert!(matches!(figures.problem, Some(StoreError::Full { .. })) && figures.failures > 0, "{figures:?}");
    store.is_full.store(false, Ordering::Relaxed);
    (110..120).for_each(|number| writer.keep(number));
    assert!(writer.flush(PATIENCE));
    assert_eq!(store.times(), (100..120).collect::<Vec<_>>());
    let figures = writer.figures();
    assert_eq!((figures.lost, figures.problem), (0, None));
}

#[test]
fn a_record_that_is_refused_or_not_wanted_does_not_hold_up_the_others() {
    let store = Arc::new(Fake::default());
    let writer = start(&store, 1000);
    (10..16).for_each(|number| writer.keep(number));
    assert!(!writer.flush(PATIENCE), "one of them was not written");
    assert_eq!(store.times(), [10, 11, 14, 15]);
    assert_eq!(writer.figures().lost, 1);
}

#[test]
fn a_process_that_ends_does_not_wait_for_a_store_that_fails() {
    let store = Arc::new(Fake::default());
    store.is_full.store(true, Ordering::Relaxed);
    let writer = start(&store, 1000);
    writer.keep(100);
    assert!(!writer.finish(PATIENCE));
    assert_eq!(writer.figures().lost, 1);
}

#[test]
fn a_process_that_ends_writes_what_is_queued() {
    let store = Arc::new(Fake::default());
    let writer = start(&store, 4);
    let slow = store.gate.lock().expect("it is free");
    (100..600).for_each(|number| writer.keep(number));
    drop(slow);
    assert!(writer.finish(PATIENCE));
    assert_eq!(writer.figures().depth, 0);
}
