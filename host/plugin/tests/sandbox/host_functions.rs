//! What a guest may ask of the host.

use cordboard_model::TargetAddress;
use cordboard_plugin::{Granted, PluginSettings};

use crate::support::{Tables, aor, chains, load, outcome, question, router, try_load};

#[tokio::test]
async fn a_flood_of_lines_and_counters_is_cut_and_counted() {
    let plugins = load(&[router("r")], chains(&["r"], &[])).await;
    let decided = plugins.route(&question("flood")).await;
    assert_eq!(outcome(&decided.answer), Ok(aor("1001")), "a flood harms nobody: {:?}", decided.trace);
    let state = plugins.states().remove(0);
    assert!(state.counters.len() <= 16, "{:?}", state.counters);
    assert!(!state.counters.is_empty());
    assert!(state.dropped > 0);
    assert!(state.counters.iter().all(|counter| counter.value > 0.0));
}

#[tokio::test]
async fn tables_are_read_by_key_and_by_longest_prefix() {
    let tables = Tables(
        [
            (("registrations", "1001"), "sip:1001@192.0.2.7"),
            (("prefixes", "82"), "korea"),
            (("prefixes", "822"), "seoul"),
        ]
        .into(),
    );
    let (plugins, problems) = try_load(&[router("r")], chains(&["r"], &[]), tables).await;
    assert!(problems.is_empty(), "{problems:?}");
    let decided = plugins.route(&question("lookup")).await;
    let expected = "sip:1001@192.0.2.7|822|seoul|true";
    assert_eq!(outcome(&decided.answer), Ok(TargetAddress::Uri(expected.into())), "{:?}", decided.trace);
}

#[tokio::test]
async fn a_table_that_is_not_granted_is_empty_and_the_attempt_is_counted() {
    let tables =
        Tables([(("registrations", "1001"), "sip:1001@192.0.2.7"), (("prefixes", "82"), "korea")].into());
    let granted = Granted { tables: Some(["registrations".to_owned()].into()), ..Granted::default() };
    let reader = PluginSettings { granted, ..router("r") };
    let (plugins, problems) = try_load(&[reader], chains(&["r"], &[]), tables).await;
    assert!(problems.is_empty(), "{problems:?}");
    let decided = plugins.route(&question("lookup")).await;
    let told = format!("{:?}", outcome(&decided.answer));
    assert!(told.contains("sip:1001@192.0.2.7") && !told.contains("korea"), "{told}");
    let figures = plugins.states().remove(0).host;
    assert!(figures.lookups > figures.lookups_refused && figures.lookups_refused > 0, "{figures:?}");
}
