//! Whatever a guest does, its question gets the fallback, the reason is counted, and the next question is answered.

use cordboard_plugin::{DecidedBy, FailureReason, Health};

use crate::support::{
    aor, authorizer, chains, failure, hurried, load, outcome, question, router, subject, verdict,
};

/// Asks twice: for the misbehaviour, and for an ordinary number.
async fn check(behaviour: &str, reason: FailureReason, says: &str) {
    let plugins = load(&[router("r")], chains(&["r"], &[])).await;
    let decided = plugins.route(&question(behaviour)).await;
    let found = failure(&decided.trace[0]);
    assert_eq!(found.reason, reason, "{behaviour}: {found}");
    assert!(found.message.contains(says), "{behaviour}: {found}");
    assert_eq!(decided.by, DecidedBy::Fallback, "{behaviour}");
    assert_eq!(outcome(&decided.answer), Err(503), "{behaviour}");

    let next = plugins.route(&question("1001")).await;
    assert_eq!(outcome(&next.answer), Ok(aor("r-1001")), "after {behaviour}");
    let figures = plugins.states().remove(0).figures;
    assert_eq!((figures.calls, figures.failures[&reason]), (2, 1), "{behaviour}");
}

#[tokio::test]
async fn a_trap_names_the_function_of_the_guest() {
    check("trap", FailureReason::Trap, "misbehaving_router").await;
}

#[tokio::test]
async fn an_endless_loop_ends_at_the_deadline() {
    let plugins = load(&[hurried(router("r"))], chains(&["r"], &[])).await;
    let decided = plugins.route(&question("spin")).await;
    let found = failure(&decided.trace[0]);
    assert_eq!(found.reason, FailureReason::Deadline, "{found}");
    assert!(found.message.contains("no answer within 50 ms"), "{found}");
    assert_eq!(plugins.states().remove(0).figures.failures[&FailureReason::Deadline], 1);
}

#[tokio::test]
async fn a_memory_bomb_ends_at_the_limit() {
    let plugins = load(&[router("r")], chains(&["r"], &[])).await;
    let decided = plugins.route(&question("bomb")).await;
    assert_eq!(failure(&decided.trace[0]).reason, FailureReason::Memory);
    assert_eq!(outcome(&plugins.route(&question("1001")).await.answer), Ok(aor("r-1001")));
    let most = plugins.states().remove(0).figures.memory_high_water_bytes;
    assert!((16 << 20..=32 << 20).contains(&most), "{most}");
}

#[tokio::test]
async fn a_stack_overflow_is_told_apart_from_other_traps() {
    check("overflow", FailureReason::Stack, "call stack exhausted").await;
}

#[tokio::test]
async fn an_answer_of_8_mib_is_not_copied() {
    check("huge", FailureReason::Output, "").await;
}

#[tokio::test]
async fn a_list_of_many_long_texts_is_not_copied() {
    check("amplify", FailureReason::Output, "").await;
}

#[tokio::test]
async fn a_fault_says_what_the_plugin_says() {
    check("fault", FailureReason::Fault, "the test asked for it (as-told)").await;
}

#[tokio::test]
async fn an_answer_that_cannot_be_right_is_not_believed() {
    check("status", FailureReason::Invalid, "expected a status from 400 to 699, found 200").await;
    check("nowhere", FailureReason::Invalid, "expected 1 to 32 targets, found 0").await;
    check("header", FailureReason::Invalid, "header Via belongs to the host").await;
}

#[tokio::test]
async fn a_decision_of_a_later_release_is_a_counted_failure() {
    check("page", FailureReason::Unsupported, "cannot carry out: page").await;
}

#[tokio::test]
async fn a_failed_check_denies_and_the_next_one_is_not_asked() {
    for (caller, reason) in
        [("trap", FailureReason::Trap), ("fault", FailureReason::Fault), ("status", FailureReason::Invalid)]
    {
        let plugins = load(&[authorizer("a"), authorizer("b")], chains(&[], &["a", "b"])).await;
        let decided = plugins.authorize(&subject(caller)).await;
        assert_eq!(verdict(&decided.answer), "503", "{caller}");
        assert_eq!(decided.trace.len(), 1, "{caller}");
        assert_eq!(failure(&decided.trace[0]).reason, reason, "{caller}");
        assert_eq!(verdict(&plugins.authorize(&subject("1001")).await.answer), "allow", "after {caller}");
    }
    let plugins = load(&[hurried(authorizer("a"))], chains(&[], &["a"])).await;
    let decided = plugins.authorize(&subject("spin")).await;
    assert_eq!(verdict(&decided.answer), "503");
    assert_eq!(failure(&decided.trace[0]).reason, FailureReason::Deadline);
}

#[tokio::test]
async fn a_plugin_that_keeps_failing_is_left_alone_and_says_so() {
    let plugins = load(&[router("r")], chains(&["r"], &[])).await;
    for _ in 0..5 {
        assert_eq!(failure(&plugins.route(&question("trap")).await.trace[0]).reason, FailureReason::Trap);
    }
    let decided = plugins.route(&question("1001")).await;
    assert_eq!(failure(&decided.trace[0]).reason, FailureReason::Breaker);
    assert_eq!(outcome(&decided.answer), Err(503));
    let state = plugins.states().remove(0);
    assert_eq!(state.health, Health::BreakerOpen);
    assert_eq!((state.figures.calls, state.figures.failures[&FailureReason::Breaker]), (5, 1));
    assert_eq!(plugins.degraded().len(), 1);
}

#[tokio::test]
async fn a_spinning_guest_gives_way_to_others_on_the_same_thread() {
    let plugins = load(&[hurried(router("slow")), authorizer("a")], chains(&["slow"], &["a"])).await;
    let (spin, check) = (question("spin"), subject("1001"));
    let (routed, allowed) = tokio::join!(plugins.route(&spin), plugins.authorize(&check));
    assert_eq!(failure(&routed.trace[0]).reason, FailureReason::Deadline);
    assert_eq!(verdict(&allowed.answer), "allow");
}
