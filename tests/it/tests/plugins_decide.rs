//! What plugins are told and what happens when they say nothing.

use cordboard_model::{CallerIdentity, Dial, EndReason, RouteDecision, Strategy, Target, Verdict};
use cordboard_test_support::{CalleePlan, CallerPlan, Ending, World, target};

use crate::{seconds, two_phones};

#[test]
fn a_question_tells_what_the_invite_said() {
    let mut world = World::new(1);
    let (caller, _) = two_phones(&mut world, CalleePlan::rejects(486, seconds(1)));
    let granted = vec![("department".to_owned(), "sales".to_owned())];
    world.node.policy.authorize("1001", Verdict::Allow { attributes: granted.clone() });
    let headers = vec![("X-Ticket".to_owned(), "4711".to_owned())];
    let out = world.call(caller, "1002", CallerPlan { headers, ..CallerPlan::waits() });
    world.settle();
    let facts = &world.node.policy.route_questions[0].call;
    assert_eq!((facts.method.as_str(), facts.transport.as_str(), facts.hop), ("INVITE", "udp", 70));
    assert_eq!((facts.caller.user.as_str(), facts.callee.user.as_str()), ("1001", "1002"));
    assert_eq!(facts.caller.display.as_deref(), Some("1001"));
    assert_eq!(facts.extension.as_deref(), Some("1002"));
    assert_eq!(facts.source, world.at(caller).address().to_string());
    assert_eq!(facts.sip_call_id, world.seen(out).sip_call_id);
    assert!(facts.headers.contains(&("X-Ticket".to_owned(), "4711".to_owned())), "{:?}", facts.headers);
    assert!(!facts.headers.iter().any(|(name, _)| name == "Via"), "{:?}", facts.headers);
    assert!(granted.iter().all(|pair| facts.attributes.contains(pair)), "{:?}", facts.attributes);
}

#[test]
fn the_callee_sees_the_headers_and_the_number_that_the_plugin_chose() {
    let mut world = World::new(2);
    let (caller, callee) = two_phones(&mut world, CalleePlan::answers_after(seconds(1)));
    let chosen = Target {
        caller: Some(CallerIdentity {
            user: "+4930".to_owned(),
            display: Some("The Firm".to_owned()),
            ..CallerIdentity::default()
        }),
        headers: vec![("X-Queue".to_owned(), "blue".to_owned())],
        remove_headers: vec!["X-Secret".to_owned()],
        ..target("1002")
    };
    let decision = Dial { targets: vec![chosen], strategy: Strategy::Parallel };
    world.node.policy.route("1002", RouteDecision::Dial(decision));
    let headers = vec![("X-Secret".to_owned(), "no".to_owned()), ("X-Open".to_owned(), "yes".to_owned())];
    world.call(caller, "1002", CallerPlan { headers, ..CallerPlan::hangs_up_after(seconds(1)) });
    world.settle();
    let invite = world.at(callee).calls[0].invite.clone().expect("the callee was invited");
    let from = invite.from().expect("From is readable");
    assert_eq!((from.uri.user_text().as_str(), from.display), ("+4930", Some(b"The Firm".as_slice())));
    assert_eq!(invite.other("X-Queue"), Some(b"blue".as_slice()));
    assert_eq!(invite.other("X-Secret"), None);
    assert_eq!(invite.other("X-Open"), Some(b"yes".as_slice()));
}

#[test]
fn no_header_of_a_plugin_can_write_another_line() {
    let mut world = World::new(3);
    let (caller, callee) = two_phones(&mut world, CalleePlan::answers_after(seconds(1)));
    let evil = "x\r\nRoute: <sip:evil.test;lr>\r\n\r\nv=0".to_owned();
    let chosen = Target {
        caller: Some(CallerIdentity {
            user: evil.clone(),
            display: Some(evil.clone()),
            host: Some(evil.clone()),
            anonymous: false,
        }),
        headers: vec![("X-Queue".to_owned(), evil.clone()), (evil.clone(), "x".to_owned())],
        ..target("1002")
    };
    let decision = Dial { targets: vec![chosen], strategy: Strategy::Parallel };
    world.node.policy.route("1002", RouteDecision::Dial(decision));
    world.call(caller, "1002", CallerPlan::hangs_up_after(seconds(1)));
    world.settle();
    for call in &world.at(callee).calls {
        let text = String::from_utf8_lossy(call.invite.as_ref().expect("an INVITE").bytes()).into_owned();
        assert!(!text.contains("\r\nRoute:"), "{text}");
    }
}

#[test]
fn a_host_that_never_answers_costs_its_own_call() {
    let mut world = World::new(4);
    let (caller, callee) = two_phones(&mut world, CalleePlan::answers_after(seconds(1)));
    world.node.policy.silent = true;
    let lost = world.call(caller, "1002", CallerPlan::waits());
    world.run_for(seconds(1));
    world.node.policy.silent = false;
    let other = world.call(caller, "1002", CallerPlan::hangs_up_after(seconds(1)));
    world.run_for(seconds(10));
    assert_eq!(world.seen(lost).ending, Some(Ending::Refused(503)));
    assert_eq!(world.seen(other).ending, Some(Ending::HungUp));
    assert_eq!(world.at(callee).calls.len(), 1);
    assert_eq!(world.node.ends(), [EndReason::Forbidden, EndReason::CallerHungUp]);
    world.settle();
}

#[test]
fn an_empty_decision_is_not_a_call() {
    let mut world = World::new(5);
    let (caller, callee) = two_phones(&mut world, CalleePlan::rings());
    for _ in 0..20 {
        let nobody = Dial { targets: Vec::new(), strategy: Strategy::Parallel };
        world.node.policy.route("1002", RouteDecision::Dial(nobody));
    }
    let out = world.call(caller, "1002", CallerPlan::waits());
    world.run_for(seconds(5));
    assert!(
        matches!(world.seen(out).ending, Some(Ending::Refused(400..=699))),
        "{:?}",
        world.seen(out).ending
    );
    assert!(world.at(callee).calls.is_empty());
    world.settle();
}

#[test]
fn a_decision_with_a_status_that_is_no_refusal_refuses_all_the_same() {
    for (seed, status) in [0, 100, 200, 999].into_iter().enumerate() {
        let mut world = World::new(seed as u64);
        let (caller, _) = two_phones(&mut world, CalleePlan::rings());
        world.node.policy.route("1002", cordboard_test_support::reject(status));
        let out = world.call(caller, "1002", CallerPlan::waits());
        world.run_for(seconds(5));
        assert!(
            matches!(world.seen(out).ending, Some(Ending::Refused(400..=699))),
            "{status}: {:?}",
            world.seen(out)
        );
        world.settle();
    }
}
