//! SUBSCRIBE to how a transfer gets on: the subscription that a REFER implies is refreshed and ended (RFC 6665, RFC 3515 §2.4.4).

use cordboard_sip::message::Message;
use cordboard_sip::{HeaderName, Method, StatusCode};
use cordboard_test_support::{CalleePlan, World};

use crate::ends::{End, connected, hang_up, text};
use crate::raw::Raw;
use crate::seconds;

/// A call whose caller has referred its callee to a phone that rings: caller and callee.
fn referred(world: &mut World) -> (End, End) {
    world.registered("1003", CalleePlan::rings());
    let (mut caller, callee) = connected(world, true);
    caller.send_with(world, "REFER", "Refer-To: <sip:1003@pbx.test>\r\n", "");
    assert_eq!(caller.last_status(world, Method::Refer), 202);
    answer_notify(world, &caller);
    answer_notify(world, &caller);
    (caller, callee)
}

fn answer_notify(world: &mut World, end: &End) -> Message {
    let notify = end.last_request(world, Method::Notify);
    end.answer(world, &notify, StatusCode::OK, "");
    notify
}

fn states(world: &World, end: &End) -> Vec<String> {
    let notifies = world.on(end.wire).received().iter();
    let notifies = notifies.filter(|message| message.is_request() && message.method() == Method::Notify);
    notifies.map(|notify| text(notify, HeaderName::SubscriptionState)).collect()
}

#[test]
fn a_refresh_gets_its_time_and_the_latest_report_again() {
    let mut world = World::new(1);
    let (mut caller, callee) = referred(&mut world);
    let before = states(&world, &caller).len();
    caller.send_with(&mut world, "SUBSCRIBE", "Event: refer\r\nExpires: 60\r\n", "");
    let answer =
        caller.last(&world, |message| !message.is_request() && message.method() == Method::Subscribe);
    assert_eq!(
        (answer.status().map(StatusCode::code), text(&answer, HeaderName::Expires)),
        (Some(200), "60".to_owned())
    );
    let notify = answer_notify(&mut world, &caller);
    assert!(states(&world, &caller).len() > before);
    let state = text(&notify, HeaderName::SubscriptionState);
    assert!(
        state.starts_with("active;expires=")
            && String::from_utf8_lossy(&notify.body()).starts_with("SIP/2.0 180"),
        "{state}"
    );
    // The target has rung out by then, and a BYE ends the call instead of leaving it to the transfer.
    world.run_for(seconds(40));
    hang_up(&mut world, caller, &callee);
}

#[test]
fn an_end_is_confirmed_and_the_transfer_goes_on() {
    let mut world = World::new(2);
    let (mut caller, callee) = referred(&mut world);
    caller.send_with(&mut world, "SUBSCRIBE", "Event: refer\r\nExpires: 0\r\n", "");
    assert_eq!(caller.last_status(&world, Method::Subscribe), 200);
    let notify = answer_notify(&mut world, &caller);
    assert_eq!(text(&notify, HeaderName::SubscriptionState), "terminated;reason=timeout");
    assert_eq!(world.node.counters().calls, 2, "the target rings on");
    let told = states(&world, &caller).len();
    caller.send_with(&mut world, "SUBSCRIBE", "Event: refer\r\nExpires: 60\r\n", "");
    assert_eq!(caller.last_status(&world, Method::Subscribe), 481, "it is over");
    world.run_for(seconds(40));
    assert_eq!(states(&world, &caller).len(), told, "nothing more is reported");
    hang_up(&mut world, caller, &callee);
}

#[test]
fn what_belongs_to_no_refer_is_refused() {
    let mut world = World::new(3);
    let (mut caller, callee) = referred(&mut world);
    for (event, status) in [("refer;id=77", 481), ("presence", 489), ("dialog", 489)] {
        caller.send_with(&mut world, "SUBSCRIBE", &format!("Event: {event}\r\nExpires: 60\r\n"), "");
        assert_eq!(caller.last_status(&world, Method::Subscribe), status, "{event}");
    }
    let wire = world.wire();
    for (event, branch, status) in [("Event: refer", "z9hG4bKa", 403), ("Event: presence", "z9hG4bKb", 489)] {
        Raw { method: "SUBSCRIBE", branch, call_id: branch, lines: &[event], ..Raw::default() }
            .send(&mut world, wire);
        world.run_for(seconds(1));
        assert_eq!(world.on(wire).statuses().last(), Some(&status), "{event}");
    }
    // The target has rung out by then, and a BYE ends the call instead of leaving it to the transfer.
    world.run_for(seconds(40));
    hang_up(&mut world, caller, &callee);
}
