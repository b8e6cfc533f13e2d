use cordboard_plugin_sdk::Srtp;
use cordboard_plugin_sdk::testing::{TestHost, attempt, call, problems, question, question_after, route};
use serde_json::{Value, json};

use super::*;

fn config() -> Value {
    json!({
        "extensions": ["1XXX"],
        "numbers": {
            "100": {"targets": ["1001", "1002"], "overflow": ["trunk:carrier/+8225550100"], "together": true},
            "101": {"targets": ["sip:desk@desks.example"], "srtp": "required"},
        },
        "trunks": [
            {"prefix": "0", "trunk": "national", "strip": 1, "prepend": "+82"},
            {"prefix": "00", "trunk": "cheap", "strip": 2, "prepend": "+", "srtp": "off"},
            {"prefix": "00", "trunk": "reserve", "strip": 2, "prepend": "+"},
        ],
        "ring-seconds": 20,
    })
}

fn decide(question: &Question) -> Decision {
    let host = TestHost::with_registered(&["1001", "1002"]);
    route::<RouteByExtension>(&config(), question, &host).expect("a decision").decision
}

/// The addresses that are rung for a dialled number, or the status of the refusal.
fn outcome(question: &Question) -> Result<Vec<TargetAddress>, u16> {
    match decide(question) {
        Decision::Dial(dial) => Ok(dial.targets.into_iter().map(|target| target.address).collect()),
        Decision::Reject(rejection) => Err(rejection.status),
        other => panic!("neither dialled nor rejected: {other:?}"),
    }
}

fn aor(user: &str) -> TargetAddress {
    Target::aor(user).address
}

fn trunk(name: &str, number: &str) -> TargetAddress {
    Target::trunk(name, number).address
}

#[test]
fn a_new_call_goes_where_its_number_says() {
    for (dialled, expected) in [
        ("1001", Ok(vec![aor("1001")])),
        ("100", Ok(vec![aor("1001"), aor("1002")])),
        ("101", Ok(vec![Target::uri("sip:desk@desks.example").address])),
        ("025550100", Ok(vec![trunk("national", "+8225550100")])),
        ("00492215550100", Ok(vec![trunk("cheap", "+492215550100")])),
        ("1099", Err(480)),
        ("nobody", Err(404)),
        ("", Err(404)),
    ] {
        assert_eq!(outcome(&question(call("1003", dialled))), expected, "{dialled:?}");
    }
}

#[test]
fn every_target_rings_as_long_as_configured_and_groups_ring_together() {
    let Decision::Dial(dial) = decide(&question(call("1003", "100"))) else { panic!("100 is dialled") };
    assert_eq!(dial.strategy, Strategy::Parallel);
    assert!(dial.targets.iter().all(|target| target.ring_timeout_ms == Some(20_000)));
}

#[test]
fn numbers_and_trunks_say_what_is_encrypted() {
    for (dialled, expected) in [
        ("100", Srtp::Unspecified),
        ("101", Srtp::Required),
        ("00492215550100", Srtp::Off),
        ("1001", Srtp::Unspecified),
    ] {
        let Decision::Dial(dial) = decide(&question(call("1003", dialled))) else { panic!("it is dialled") };
        assert!(dial.targets.iter().all(|target| target.srtp == expected), "{dialled}: {:?}", dial.targets);
    }
    let wrong =
        problems::<RouteByExtension>(&json!({"numbers": {"100": {"targets": ["1001"], "srtp": "on"}}}));
    assert!(wrong[0].message.contains("on"), "{wrong:?}");
}

#[test]
fn when_all_failed_the_next_possibility_is_tried() {
    let group = [attempt(aor("1001"), Outcome::NoAnswer, 408), attempt(aor("1002"), Outcome::Busy, 486)];
    let again = question_after(call("1003", "100"), group);
    assert_eq!(outcome(&again), Ok(vec![trunk("carrier", "+8225550100")]));

    let cheap = attempt(trunk("cheap", "+492215550100"), Outcome::Failed, 503);
    let again = question_after(call("1003", "00492215550100"), [cheap]);
    assert_eq!(outcome(&again), Ok(vec![trunk("reserve", "+492215550100")]));
}

#[test]
fn in_the_end_the_caller_learns_what_happened() {
    for (outcomes, status) in [
        (vec![Outcome::Busy], 486),
        (vec![Outcome::NoAnswer, Outcome::Busy], 486),
        (vec![Outcome::NoAnswer], 480),
        (vec![Outcome::Unreachable], 480),
        (vec![Outcome::Rejected], 603),
        (vec![Outcome::Failed], 502),
    ] {
        let attempts = outcomes.iter().map(|outcome| attempt(aor("1001"), *outcome, 400));
        assert_eq!(outcome(&question_after(call("1003", "1001"), attempts)), Err(status), "{outcomes:?}");
    }
}

#[test]
fn a_forward_is_followed_only_to_our_own_users() {
    for (contact, expected) in [
        ("sip:1002@pbx.example", Ok(vec![aor("1002")])),
        ("sip:1002@PBX.example:5060;user=phone", Ok(vec![aor("1002")])),
        ("sip:1002@elsewhere.example", Err(480)),
        ("sip:0900123456@pbx.example", Err(480)),
        ("sip:1001@pbx.example", Err(480)),
        ("tel:+8225550100", Err(480)),
    ] {
        let tried = attempt(aor("1001"), Outcome::Redirected, 302);
        let mut again = question_after(call("1003", "1001"), [tried]);
        again.reason = Reason::Redirected;
        again.redirects = vec![contact.to_owned()];
        assert_eq!(outcome(&again), expected, "{contact}");
    }
}

#[test]
fn without_configuration_extensions_reach_each_other() {
    let host = TestHost::with_registered(&["1001"]);
    let answer =
        route::<RouteByExtension>(&json!({}), &question(call("1002", "1001")), &host).expect("a decision");
    assert!(matches!(answer.decision, Decision::Dial(_)));
    assert_eq!(answer.why, "1001 is registered");
}

#[test]
fn every_mistake_of_the_configuration_is_named_with_its_place() {
    let config = json!({
        "numbers": {"100": {"targets": []}, "101": {"targets": ["trunk:carrier", "1 2"]}},
        "trunks": [{"prefix": "0", "trunk": "a", "strip": 2}],
        "ring-seconds": 0,
    });
    let paths: Vec<String> = problems::<RouteByExtension>(&config).into_iter().map(|p| p.path).collect();
    assert_eq!(
        paths,
        [
            "/numbers/100/targets",
            "/numbers/101/targets/0",
            "/numbers/101/targets/1",
            "/trunks/0/strip",
            "/ring-seconds"
        ]
    );
    let unknown = problems::<RouteByExtension>(&json!({"trunk": []}));
    assert!(unknown[0].message.contains("unknown field `trunk`"), "{unknown:?}");
}

#[test]
fn the_schema_is_json() {
    let schema: Value = serde_json::from_str(SCHEMA).expect("the schema parses");
    assert_eq!(schema["type"], "object");
}
