//! The order of a chain, passing, and what stands in at its end.

use std::sync::Arc;

use cordboard_model::{Attempt, AttemptOutcome, RouteDecision, RouteQuestion, TargetAddress, Verdict};
use cordboard_plugin::{ChainSettings, DecidedBy, OnFailure, Plugins, StaticRoute, StepOutcome};

use crate::support::{aor, authorizer, chains, load, outcome, question, router, subject, verdict};

fn table() -> Vec<StaticRoute> {
    let route = |number: &str, targets: &[&str]| StaticRoute {
        number: number.into(),
        targets: targets.iter().map(|target| (*target).to_owned()).collect(),
    };
    vec![
        route("1*", &["reception"]),
        route("100", &["sip:desk@desks.example", "1001"]),
        route("10*", &["operator@pbx.example"]),
        route("pass", &["passed"]),
        route("trap", &["trapped"]),
    ]
}

async fn only_the_table() -> Plugins {
    load(&[], ChainSettings { static_routes: table(), ..ChainSettings::default() }).await
}

#[tokio::test]
async fn the_first_plugin_that_does_not_pass_decides() {
    let passing = authorizer("a");
    let plugins =
        load(&[router("first"), router("second"), passing], chains(&["first", "second"], &["a"])).await;
    let decided = plugins.route(&question("1001")).await;
    assert_eq!(outcome(&decided.answer), Ok(aor("first-1001")));
    assert_eq!(decided.trace.len(), 1);
    let DecidedBy::Plugin(identity) = &decided.by else { panic!("a plugin decided: {decided:?}") };
    assert_eq!((identity.name.as_str(), identity.plugin.as_str()), ("first", "misbehaving-router"));
    assert_eq!((identity.generation, identity.digest.len()), (1, 64));
}

#[tokio::test]
async fn passing_and_failing_both_lead_to_the_next_router() {
    let order = chains(&["a", "b"], &[]);
    let plugins = load(&[router("a"), router("b")], ChainSettings { static_routes: table(), ..order }).await;
    for (dialled, target) in [("pass", "passed"), ("trap", "trapped")] {
        let decided = plugins.route(&question(dialled)).await;
        assert_eq!(decided.trace.len(), 2, "{dialled}");
        assert_eq!(decided.by, DecidedBy::StaticTable, "{dialled}");
        assert_eq!(outcome(&decided.answer), Ok(aor(target)), "{dialled}");
    }
}

#[tokio::test]
async fn a_failure_can_lead_straight_to_the_end_of_the_chain_and_a_pass_does_not() {
    let order = ChainSettings {
        routing_on_failure: OnFailure::Fallback,
        static_routes: table(),
        ..chains(&["a", "b"], &[])
    };
    let plugins = load(&[router("a"), router("b")], order).await;
    for (dialled, asked) in [("trap", 1), ("pass", 2)] {
        let decided = plugins.route(&question(dialled)).await;
        assert_eq!((decided.trace.len(), decided.by), (asked, DecidedBy::StaticTable), "{dialled}");
    }
}

#[tokio::test]
async fn in_the_table_a_number_beats_a_prefix_and_the_longest_prefix_wins() {
    let plugins = only_the_table().await;
    for (dialled, expected) in [
        ("100", Ok(TargetAddress::Uri("sip:desk@desks.example".into()))),
        ("1001", Ok(aor("operator@pbx.example"))),
        ("1101", Ok(aor("reception"))),
        ("2001", Err(503)),
    ] {
        let decided = plugins.route(&question(dialled)).await;
        assert_eq!(outcome(&decided.answer), expected, "{dialled}");
    }
    let RouteDecision::Reject(rejection) = plugins.route(&question("2001")).await.answer else {
        panic!("nobody knows 2001")
    };
    assert!(rejection.retry_after_s.is_some());
}

#[tokio::test]
async fn the_table_does_not_dial_what_was_tried_and_ends_as_the_last_attempt_did() {
    let attempt = |target: TargetAddress, status: u16| Attempt {
        target,
        outcome: AttemptOutcome::Failed,
        status,
        duration_ms: 10,
    };
    let plugins = only_the_table().await;
    let desk = attempt(TargetAddress::Uri("sip:desk@desks.example".into()), 503);
    let again = RouteQuestion { attempts: vec![desk.clone()], ..question("100") };
    assert_eq!(outcome(&plugins.route(&again).await.answer), Ok(aor("1001")));
    let again = RouteQuestion { attempts: vec![desk, attempt(aor("1001"), 486)], ..question("100") };
    assert_eq!(outcome(&plugins.route(&again).await.answer), Err(486));
}

#[tokio::test]
async fn an_authorizer_that_passes_leaves_it_to_the_next_and_nobody_means_no() {
    let plugins = load(&[authorizer("a"), authorizer("b")], chains(&[], &["a", "b"])).await;
    let decided = plugins.authorize(&subject("pass")).await;
    assert_eq!(verdict(&decided.answer), "403");
    assert!(decided.trace.iter().all(|step| step.outcome == StepOutcome::Passed));
    assert_eq!(decided.trace.len(), 2);

    let nobody = load(&[], chains(&[], &[])).await;
    assert_eq!(verdict(&nobody.authorize(&subject("1001")).await.answer), "403");
}

#[tokio::test]
async fn every_verdict_arrives_as_it_was_meant() {
    let plugins = load(&[authorizer("a")], chains(&[], &["a"])).await;
    assert_eq!(verdict(&plugins.authorize(&subject("deny")).await.answer), "403");
    assert_eq!(verdict(&plugins.authorize(&subject("challenge")).await.answer), "challenge");
    let Verdict::Allow { attributes } = plugins.authorize(&subject("attributes")).await.answer else {
        panic!("it is allowed")
    };
    assert_eq!(attributes, [("x:seen".to_owned(), "yes".to_owned())]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn questions_are_answered_from_many_tasks_at_once() {
    let plugins = Arc::new(load(&[router("r")], chains(&["r"], &[])).await);
    let tasks: Vec<_> = (0..32)
        .map(|number: u32| {
            let plugins = Arc::clone(&plugins);
            tokio::spawn(async move {
                let dialled = number.to_string();
                let decided = plugins.route(&question(&dialled)).await;
                assert_eq!(outcome(&decided.answer), Ok(aor(&format!("r-{dialled}"))), "{decided:?}");
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("the task ends");
    }
}
