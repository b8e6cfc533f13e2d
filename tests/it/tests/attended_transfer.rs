//! Attended transfers: a party with two calls joins the other ends of both by REFER with Replaces (RFC 5589 §7, RFC 3891;
//! requirement A9).

use cordboard_model::{AuthorizationSubject, EndReason};
use cordboard_test_support::{CallRef, CalleePlan, CallerPlan, Ending, Link, PhoneId, Progress, World};

use crate::blind_transfer::{assert_connected, hang_up, last_call, notified, refer, refer_status};
use crate::{millis, seconds};

/// 1001 talks to 1002 and to 1003.
struct Stage {
    /// Both calls of 1001.
    calls: [CallRef; 2],
    /// The other ends.
    ends: [CallRef; 2],
}

fn stage_in(world: &mut World, link: Link) -> Stage {
    let phones: Vec<PhoneId> = ["1001", "1002", "1003"]
        .iter()
        .map(|user| world.registered(user, CalleePlan::answers_after(millis(500))))
        .collect();
    let calls = ["1002", "1003"].map(|callee| {
        let call = world.call(phones[0], callee, CallerPlan::waits());
        world.run_for(seconds(2));
        call
    });
    for phone in &phones {
        world.set_link(*phone, link);
    }
    let ends = [phones[1], phones[2]].map(|phone| last_call(world, phone));
    Stage { calls, ends }
}

/// The value of Refer-To that replaces a call.
pub(crate) fn replacing(world: &World, call: CallRef) -> String {
    let dialog = world.seen(call).replaces().replace(';', "%3B").replace('=', "%3D").replace('@', "%40");
    format!("<sip:somebody@pbx.test?Replaces={dialog}>")
}

#[test]
fn the_other_ends_of_two_calls_are_joined() {
    // The REFER is sent in the first call or in the second one.
    for (sent_in, replaced) in [(0, 1), (1, 0)] {
        let mut world = World::new(1);
        let Stage { calls, ends } = stage_in(&mut world, Link::GOOD);
        let target = replacing(&world, calls[replaced]);
        refer(&mut world, calls[sent_in], &target);
        world.run_for(seconds(1));
        assert_eq!(refer_status(&world, calls[0].phone), Some(202));
        assert_eq!(notified(&world, calls[sent_in]), ["SIP/2.0 100 Trying", "SIP/2.0 200 OK"]);
        assert_connected(&world, ends[sent_in], ends[replaced]);
        assert_eq!(world.seen(calls[replaced]).ending, Some(Ending::HungUpByPeer), "it was replaced");
        assert_eq!(world.node.policy.route_questions.len(), 2, "nobody is dialled");
        let asked = world.node.policy.authorization_questions.last().expect("it was asked");
        assert!(matches!(asked, AuthorizationSubject::Refer(facts) if facts.replaces), "{asked:?}");
        world.run_for(seconds(5));
        assert_eq!(world.seen(calls[sent_in]).ending, Some(Ending::HungUpByPeer));
        assert_eq!(world.node.ends(), [EndReason::Transferred; 2]);
        hang_up(&mut world, ends[0]);
        world.run_for(seconds(1));
        assert_eq!(world.seen(ends[1]).ending, Some(Ending::HungUpByPeer));
        assert_eq!(world.node.ends().len(), 3);
        world.settle();
    }
}

#[test]
fn a_dialog_that_nobody_knows_is_not_replaced() {
    for change in ["call", "tag", "itself"] {
        let mut world = World::new(1);
        let Stage { calls, ends } = stage_in(&mut world, Link::GOOD);
        let target = match change {
            "call" => replacing(&world, calls[1]).replace("Replaces=", "Replaces=x"),
            "tag" => replacing(&world, calls[1]).replace("from-tag%3D", "from-tag%3Dx"),
            _ => replacing(&world, calls[0]),
        };
        refer(&mut world, calls[0], &target);
        world.run_for(seconds(1));
        let gone = "SIP/2.0 481 Call/Transaction Does Not Exist";
        assert_eq!(notified(&world, calls[0]), ["SIP/2.0 100 Trying", gone], "{change}");
        for call in calls.into_iter().chain(ends) {
            assert_eq!(world.seen(call).progress, Progress::Talking, "{change}");
        }
        assert_eq!(world.seen(ends[0]).reinvites, 0);
        hang_up(&mut world, calls[0]);
        hang_up(&mut world, calls[1]);
        world.settle();
    }
}

#[test]
fn when_the_first_end_refuses_to_move_both_calls_go_on() {
    let mut world = World::new(1);
    let Stage { calls, ends } = stage_in(&mut world, Link::GOOD);
    world.phone_mut(ends[0].phone).refuses_reinvites = Some(488);
    let target = replacing(&world, calls[1]);
    refer(&mut world, calls[0], &target);
    world.run_for(seconds(1));
    assert_eq!(notified(&world, calls[0]).last(), Some(&"SIP/2.0 488 Not Acceptable Here"));
    for call in calls.into_iter().chain(ends) {
        assert_eq!(world.seen(call).progress, Progress::Talking);
    }
    hang_up(&mut world, calls[0]);
    hang_up(&mut world, calls[1]);
    world.settle();
}

#[test]
fn when_the_second_end_refuses_to_move_its_call_goes_on() {
    let mut world = World::new(1);
    let Stage { calls, ends } = stage_in(&mut world, Link::GOOD);
    world.phone_mut(ends[1].phone).refuses_reinvites = Some(488);
    let target = replacing(&world, calls[1]);
    refer(&mut world, calls[0], &target);
    world.run_for(seconds(1));
    assert_eq!(world.seen(ends[0]).ending, Some(Ending::HungUpByPeer), "it had moved, and has nobody");
    assert_eq!(world.seen(ends[1]).progress, Progress::Talking);
    assert_eq!(world.seen(calls[1]).progress, Progress::Talking);
    hang_up(&mut world, calls[1]);
    world.settle();
}

#[test]
fn whoever_hangs_up_meanwhile_leaves_nothing_behind() {
    for wait in [0, 11, 15, 25, 35, 45, 60] {
        for who in 0..4 {
            let mut world = World::new(1);
            let Stage { calls, ends } = stage_in(&mut world, Link::GOOD);
            let all = [calls[0], calls[1], ends[0], ends[1]];
            let target = replacing(&world, calls[1]);
            refer(&mut world, calls[0], &target);
            world.run_for(millis(wait));
            hang_up(&mut world, all[who]);
            world.run_for(seconds(10));
            for call in all {
                hang_up(&mut world, call);
            }
            world.settle();
            for call in all {
                assert!(
                    world.seen(call).ending.is_some(),
                    "{who} hung up after {wait} ms: {:?}",
                    world.seen(call)
                );
            }
        }
    }
}

#[test]
fn an_attended_transfer_survives_a_bad_network() {
    let mut joined = 0;
    for seed in 0..40 {
        let mut world = World::new(seed);
        let Stage { calls, ends } = stage_in(&mut world, Link::bad(0.2));
        let (sent_in, replaced) = if seed % 2 == 0 { (0, 1) } else { (1, 0) };
        let target = replacing(&world, calls[replaced]);
        refer(&mut world, calls[sent_in], &target);
        world.run_for(seconds(60));
        if world.node.ends() == [EndReason::Transferred; 2] {
            joined += 1;
            assert_connected(&world, ends[sent_in], ends[replaced]);
        }
        for call in calls.into_iter().chain(ends) {
            hang_up(&mut world, call);
        }
        world.settle();
    }
    assert!(joined >= 38, "{joined} of 40 were joined");
}
