//! Bad answers by the dozen: everybody gets an answer, and whoever asks for something reasonable gets what he asked for. The bench
//! `exchange` does the same by the thousand and measures it.

use cordboard_model::TargetAddress;
use cordboard_plugin::PluginSettings;
use serde_json::json;

use crate::support::{chains, hurried, load, outcome, question, router};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_of_misbehaviour_costs_nobody_else_an_answer() {
    let plugins = load(&[router("good"), hurried(router("bad"))], chains(&["bad", "good"], &[])).await;
    for (round, behaviour) in ["trap", "spin", "bomb", "overflow", "flood"].into_iter().enumerate() {
        for number in 0..3 {
            // A new generation begins with a closed breaker, so that each question is really asked.
            let name = json!({"name": format!("bad-{round}-{number}-")});
            let fresh = PluginSettings { config: name, ..hurried(router("bad")) };
            let order = chains(&["bad", "good"], &[]);
            let outcomes = plugins.configure(&[router("good"), fresh], order).await;
            assert!(outcomes.iter().all(|(_, outcome)| outcome.is_ok()), "{outcomes:?}");
            for _ in 0..4 {
                let decided = plugins.route(&question(behaviour)).await;
                assert!(!decided.trace.is_empty(), "{behaviour}");
            }
        }
        let decided = plugins.route(&question("1001")).await;
        let Ok(TargetAddress::Aor(target)) = outcome(&decided.answer) else {
            panic!("after {behaviour}: {decided:?}")
        };
        assert!(target.ends_with("-1001"), "after {behaviour}: {target}");
    }
    assert_eq!(plugins.states().len(), 2);
}
