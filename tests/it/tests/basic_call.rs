//! Two phones talk through the node, on two legs that know nothing of each other.

use cordboard_media::command::Side;
use cordboard_model::EventKind;
use cordboard_test_support::{CalleePlan, CallerPlan, Ending, Progress, World};

use crate::{millis, seconds, talking, two_phones};

#[test]
fn two_phones_talk() {
    let mut world = World::new(1);
    let (out, into) = talking(&mut world);
    let (caller, callee) = (world.seen(out), world.seen(into));
    assert_eq!((caller.progress, callee.progress), (Progress::Talking, Progress::Talking));
    assert_eq!(caller.statuses, [100, 180, 200]);
    assert_eq!((caller.answers, caller.repeated_answers), (1, 0));
    assert_eq!(world.node.counters().calls, 1);
    let kinds: Vec<_> = world.node.events().iter().map(|(_, event)| kind(&event.kind)).collect();
    assert_eq!(kinds, ["registered", "registered", "started", "leg", "ringing", "answered"]);
}

fn kind(kind: &EventKind) -> &'static str {
    match kind {
        EventKind::CallStarted { .. } => "started",
        EventKind::LegStarted { .. } => "leg",
        EventKind::CallRinging { .. } => "ringing",
        EventKind::CallAnswered { .. } => "answered",
        EventKind::CallEnded { .. } => "ended",
        EventKind::Registered { .. } => "registered",
        _ => "other",
    }
}

#[test]
fn every_event_of_a_call_carries_its_id() {
    let mut world = World::new(2);
    let (out, _) = talking(&mut world);
    world.with_phone(out.phone, |phone, now| phone.hang_up(now, out.index));
    world.settle();
    let ids: Vec<_> = world.node.events().iter().filter_map(|(_, event)| event.call_id).collect();
    assert_eq!(ids.len(), 5, "started, leg, ringing, answered, ended");
    assert!(ids.iter().all(|id| *id == ids[0]));
}

#[test]
fn nothing_of_one_leg_leaks_into_the_other() {
    let mut world = World::new(3);
    let (out, into) = talking(&mut world);
    let (caller, callee) = (world.seen(out), world.seen(into));
    let invite = callee.invite.as_ref().expect("the callee was invited");
    assert_ne!(caller.sip_call_id, callee.sip_call_id);
    let text = String::from_utf8_lossy(invite.bytes()).into_owned();
    let address = world.at(out.phone).address().to_string();
    assert!(!text.contains(&address), "the caller's address shows in {text}");
    assert!(!text.contains(&caller.sip_call_id), "the caller's Call-ID shows in {text}");
    assert_eq!(text.matches("\r\nVia: ").count(), 1, "one Via, ours: {text}");
    assert_eq!(text.matches("\r\nMax-Forwards: 69\r\n").count(), 1, "one hop less: {text}");
    assert!(text.contains("1001"), "the callee sees who calls: {text}");
}

#[test]
fn the_media_of_both_sides_meets_at_the_ports_of_the_call() {
    let mut world = World::new(4);
    let (out, into) = talking(&mut world);
    let blocks: Vec<_> = world.node.relay.blocks().map(|(_, block)| block.clone()).collect();
    let [block] = blocks.as_slice() else { panic!("one call has one block of ports: {blocks:?}") };
    let announced = |streams: [Option<cordboard_media::command::RemoteStream>; 2]| streams[0].map(|s| s.rtp);
    let phone = |id| (world.at(id).address().ip(), 4000).into();
    assert_eq!(announced(block.caller), Some(phone(out.phone)), "{:?}", Side::Caller);
    assert_eq!(announced(block.callee), Some(phone(into.phone)), "{:?}", Side::Callee);
    for (seen, port) in [(world.seen(out), block.ports.caller[0]), (world.seen(into), block.ports.callee[0])]
    {
        let sdp = String::from_utf8_lossy(&seen.remote_sdp).into_owned();
        assert!(sdp.contains("c=IN IP4 10.0.0.1\r\n"), "our address: {sdp}");
        assert!(sdp.contains(&format!("m=audio {port} RTP/AVP 0 8 101\r\n")), "our port {port}: {sdp}");
    }
}

#[test]
fn trying_leaves_before_any_plugin_has_answered() {
    let mut world = World::new(5);
    let (caller, _) = two_phones(&mut world, CalleePlan::answers_after(seconds(1)));
    world.node.policy.delay = millis(500);
    let out = world.call(caller, "1002", CallerPlan::hangs_up_after(seconds(5)));
    world.run_for(millis(20));
    assert_eq!(world.seen(out).statuses, [100], "10 ms there, 10 ms back");
    world.run_for(seconds(60));
    assert_eq!(world.seen(out).ending, Some(Ending::HungUp), "slow plugins delay the call and nothing else");
    world.settle();
}

#[test]
fn a_call_without_ringing_is_answered_too() {
    let mut world = World::new(6);
    let plan = CalleePlan { rings_after: None, ..CalleePlan::answers_after(millis(200)) };
    let (caller, _) = two_phones(&mut world, plan);
    let out = world.call(caller, "1002", CallerPlan::hangs_up_after(seconds(1)));
    world.run_for(seconds(3));
    assert_eq!(world.seen(out).statuses, [100, 200]);
    world.settle();
}

#[test]
fn a_phone_calls_many_times_and_every_call_is_its_own() {
    let mut world = World::new(7);
    let (caller, callee) = two_phones(&mut world, CalleePlan::answers_after(millis(100)));
    let calls: Vec<_> =
        (0..8).map(|_| world.call(caller, "1002", CallerPlan::hangs_up_after(seconds(2)))).collect();
    world.run_for(seconds(1));
    assert_eq!((world.node.counters().calls, world.node.relay.ports()), (8, 64));
    world.settle();
    assert!(calls.iter().all(|call| world.seen(*call).ending == Some(Ending::HungUp)));
    assert_eq!(world.at(callee).calls.len(), 8);
}
