//! What every store has to do, whatever database is behind it: the tests are written against [`Store`] alone, and each implementation
//! calls [`all`] with a way to make an empty one.

use std::time::Duration;

use cordboard_model::CallId;

use crate::{
    Asked, DecidedBy, Decision, DecisionFilter, LookedUp, Outcome, PageRequest, PersonalData, PluginVersion,
    Record, Retention, ShadowDifference, Store,
};

/// A test of a store that is empty at the beginning.
type Case = fn(&dyn Store);

/// Every test with its name.
pub(crate) const CASES: &[(&str, Case)] = &[
    ("a decision comes back as it was written", a_decision_comes_back_as_it_was_written),
    ("a filter chooses", a_filter_chooses),
    ("a list is read page by page in both directions", a_list_is_read_page_by_page_in_both_directions),
    ("a page is bounded", a_page_is_bounded),
    ("what is too old goes", what_is_too_old_goes),
    ("what is too much goes", what_is_too_much_goes),
    ("differences are kept by plugin", differences_are_kept_by_plugin),
    ("the first key stays", the_first_key_stays),
];

/// Runs every test, each with a store of its own.
pub(crate) fn all<S: Store>(mut empty: impl FnMut() -> S) {
    for (name, case) in CASES {
        let store = empty();
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| case(&store)));
        assert!(outcome.is_ok(), "{name}; see above");
    }
}

/// A routing decision of the plugin `router`.
pub(crate) fn decision(number: u64) -> Decision {
    Decision {
        at_ms: 1_700_000_000_000 + number,
        call_id: Some(CallId::from_bits(u128::from(number) << 64 | 7)),
        kind: "routing".into(),
        question: format!("{{\"call\":{{\"hop\":{number}}}}}"),
        answer: "{\"redirect\":[]}".into(),
        by: DecidedBy::Plugin(plugin("router")),
        why: "é \u{1F4DE}".into(),
        elapsed_us: 42,
        trace: vec![
            asked("first", Outcome::Failed { reason: "trap".into(), message: "wasm \"trap\"".into() }),
            asked("router", Outcome::Answered),
        ],
        personal_data: PersonalData::Keep,
    }
}

fn plugin(name: &str) -> PluginVersion {
    PluginVersion {
        name: name.into(),
        version: "1.2.3".into(),
        generation: 7,
        digest: "ab".repeat(32),
        config_digest: "cd".repeat(32),
    }
}

fn asked(plugin: &str, outcome: Outcome) -> Asked {
    let look = |found: Option<(&str, &str)>| LookedUp {
        table: "registrations".into(),
        key: "1001".into(),
        longest_prefix: false,
        found: found.map(|(key, value)| (key.into(), value.into())),
    };
    let lookups = vec![look(None), look(Some(("1001", "sip:1001@192.0.2.7")))];
    Asked { plugin: plugin.into(), outcome, why: String::new(), elapsed_us: 21, lookups }
}

fn difference(plugin: &str, number: u64) -> ShadowDifference {
    ShadowDifference {
        at_ms: number,
        call_id: None,
        kind: "routing".into(),
        plugin: plugin.into(),
        digest: "ab".repeat(32),
        candidate_digest: "ef".repeat(32),
        question: "{}".into(),
        before: "\"pass\"".into(),
        after: "{\"redirect\":[]}".into(),
        fields: vec![String::new(), "dial.targets[0]".into()],
        personal_data: PersonalData::Hash,
    }
}

fn keep(store: &dyn Store, decisions: impl IntoIterator<Item = Decision>) {
    let records: Vec<Record> =
        decisions.into_iter().map(|decision| Record::Decision(Box::new(decision))).collect();
    store.append(&records).expect("they are written");
}

/// The times of the decisions that a filter lets through, less the time of the first.
fn chosen(store: &dyn Store, filter: &DecisionFilter) -> Vec<u64> {
    let page = store.decisions(filter, &PageRequest::oldest(1000)).expect("they are read");
    page.entries.iter().map(|stored| stored.entry.at_ms - 1_700_000_000_000).collect()
}

fn a_decision_comes_back_as_it_was_written(store: &dyn Store) {
    let bare = Decision {
        call_id: None,
        by: DecidedBy::StaticTable,
        trace: Vec::new(),
        why: String::new(),
        personal_data: PersonalData::Drop,
        ..decision(2)
    };
    let fallback =
        Decision { by: DecidedBy::Fallback, personal_data: PersonalData::Hash, ..decision(u64::MAX >> 20) };
    let written = [decision(1), bare, fallback];
    keep(store, written.clone());
    let read = store.decisions(&DecisionFilter::default(), &PageRequest::oldest(10)).expect("they are read");
    let entries: Vec<Decision> = read.entries.into_iter().map(|stored| stored.entry).collect();
    assert_eq!(entries, written);
    assert_eq!(read.next, None);
}

fn a_filter_chooses(store: &dyn Store) {
    let other = Decision {
        kind: "authorization".into(),
        by: DecidedBy::Fallback,
        trace: vec![asked("rout", Outcome::Passed)],
        ..decision(2)
    };
    keep(store, [decision(1), other, decision(3)]);
    let all = DecisionFilter::default();
    let plugin = |name: &str| DecisionFilter { plugin: Some(name.into()), ..DecisionFilter::default() };
    let kind = |kind: &str| DecisionFilter { kind: Some(kind.into()), ..DecisionFilter::default() };
    let second = Some(1_700_000_000_002);
    for (name, filter, expected) in [
        ("nothing is asked for", all.clone(), vec![1, 2, 3]),
        ("by a plugin that decided", plugin("router"), vec![1, 3]),
        ("by a plugin that failed", plugin("first"), vec![1, 3]),
        ("by the whole name of a plugin", plugin("rout"), vec![2]),
        ("by a plugin that nobody knows", plugin("%"), vec![]),
        ("by kind", kind("authorization"), vec![2]),
        ("by call", DecisionFilter { call_id: decision(3).call_id, ..all.clone() }, vec![3]),
        ("from a time on", DecisionFilter { since_ms: second, ..all.clone() }, vec![2, 3]),
        ("before a time", DecisionFilter { until_ms: second, ..all.clone() }, vec![1]),
        ("fallbacks", DecisionFilter { fallbacks_only: true, ..all.clone() }, vec![2]),
        ("two at once", DecisionFilter { since_ms: second, ..plugin("router") }, vec![3]),
    ] {
        assert_eq!(chosen(store, &filter), expected, "{name}");
    }
}

fn a_list_is_read_page_by_page_in_both_directions(store: &dyn Store) {
    keep(store, (0..7).map(decision));
    for (first, expected) in
        [(PageRequest::oldest(3), [0, 1, 2, 3, 4, 5, 6]), (PageRequest::newest(3), [6, 5, 4, 3, 2, 1, 0])]
    {
        let (mut request, mut read, mut pages) = (first, Vec::new(), 0);
        loop {
            let page = store.decisions(&DecisionFilter::default(), &request).expect("it is read");
            read.extend(page.entries.iter().map(|stored| stored.entry.at_ms - 1_700_000_000_000));
            pages += 1;
            let Some(next) = page.next else { break };
            request = request.behind(Some(next));
            // What comes meanwhile does not disturb those who read backwards.
            if request.newest_first {
                keep(store, [decision(100)]);
            }
        }
        assert_eq!((read, pages), (expected.to_vec(), 3));
    }
}

fn a_page_is_bounded(store: &dyn Store) {
    keep(store, (0..1100).map(decision));
    let read = |limit| {
        let page = store.decisions(&DecisionFilter::default(), &PageRequest::newest(limit));
        page.expect("it is read").entries.len()
    };
    assert_eq!((read(0), read(10), read(usize::MAX)), (1, 10, PageRequest::MAX_LIMIT));
}

fn prune(store: &dyn Store, now_ms: u64, max_age_ms: u64, max_rows: u64) {
    let keep = Retention { max_age: Duration::from_millis(max_age_ms), max_rows };
    while store.prune_journal(now_ms, &keep).expect("it is pruned") {}
}

fn what_is_too_old_goes(store: &dyn Store) {
    keep(store, (0..2500).map(decision));
    prune(store, 1_700_000_000_000 + 2500, 10, 1_000_000);
    assert_eq!(chosen(store, &DecisionFilter::default()), (2490..2500).collect::<Vec<_>>());
}

fn what_is_too_much_goes(store: &dyn Store) {
    keep(store, (0..2500).map(decision));
    store
        .append(&(0..5).map(|n| Record::Difference(Box::new(difference("router", n)))).collect::<Vec<_>>())
        .expect("they are written");
    prune(store, 0, 1, 3);
    assert_eq!(chosen(store, &DecisionFilter::default()), [2497, 2498, 2499]);
    let left = store.differences(None, &PageRequest::oldest(10)).expect("they are read");
    assert_eq!(left.entries.len(), 3);
    keep(store, [decision(3000)]);
    assert_eq!(chosen(store, &DecisionFilter::default()).len(), 4, "ids go on");
}

fn differences_are_kept_by_plugin(store: &dyn Store) {
    let written = [difference("a", 1), difference("b", 2), difference("a", 3)];
    store
        .append(&written.clone().map(|difference| Record::Difference(Box::new(difference))))
        .expect("they are written");
    let of = |plugin| {
        let page = store.differences(plugin, &PageRequest::oldest(10)).expect("they are read");
        page.entries.into_iter().map(|stored| stored.entry).collect::<Vec<_>>()
    };
    assert_eq!(of(None), written);
    assert_eq!(of(Some("a")), [written[0].clone(), written[2].clone()]);
}

fn the_first_key_stays(store: &dyn Store) {
    assert_eq!(store.installation_key([1; 32]), Ok([1; 32]));
    assert_eq!(store.installation_key([2; 32]), Ok([1; 32]));
}
