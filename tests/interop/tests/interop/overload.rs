//! What is too much is refused, cheaply and early; what stands is not touched, and neither is anybody else.

use std::net::Ipv4Addr;

use cordboard_interop::{
    Options, Pbx, Peer, Scenario, Sipp, Stage, Transport, free_ports, header, media_range, status,
};

use crate::calls::registered_callee;
use crate::stories::Cast;

const FLOOD: u32 = 40;

#[test]
fn one_source_is_limited_and_another_is_not() {
    let stage = Stage::new("one_source_is_limited_and_another_is_not");
    let pbx = Pbx::start(&stage, &Options::default());
    let mut flood = Peer::new(Ipv4Addr::LOCALHOST, pbx.sip());
    let invites: Vec<String> = (0..FLOOD).map(|_| flood.invite("nobody-we-know")).collect();
    for invite in &invites {
        flood.send(invite);
    }
    let mut other = Peer::new(Ipv4Addr::new(127, 0, 0, 2), pbx.sip());
    let invite = other.invite("nobody-we-know");
    other.send(&invite);
    let answer = other.final_response(&invite);
    other.acknowledge(&invite, &answer);
    assert_eq!(status(&answer), Some(404), "the other source is asked about as ever: {answer}");

    let mut refused = 0_u32;
    for invite in &invites {
        let answer = flood.final_response(invite);
        flood.acknowledge(invite, &answer);
        match status(&answer) {
            Some(404) => {}
            Some(429 | 503) => {
                refused += 1;
                assert!(header(&answer, "Retry-After").is_some(), "it is told when to come back: {answer}");
            }
            _ => panic!("expected 404 or a refusal, got {answer}"),
        }
    }
    // Ten at once are allowed; a slow machine may see some more of the seconds' allowance, never most of the flood.
    assert!(refused >= FLOOD / 4, "only {refused} of {FLOOD} were refused");
    assert!(refused <= FLOOD - 10, "{refused} of {FLOOD} were refused, the first ten are within the limit");
    pbx.wait_for_metric("sip_pbx_errors_total{reason=\"rate-limited\"}", f64::from(refused));
}

#[test]
fn without_free_ports_a_call_gets_503_and_the_one_that_stands_goes_on() {
    let stage = Stage::new("without_free_ports_a_call_gets_503_and_the_one_that_stands_goes_on");
    let pbx = Pbx::start(&stage, &Options { media: Some(media_range(8)), ..Options::default() });
    let [ours, theirs] = free_ports(2).try_into().expect("two were asked for and given");
    let answers = Scenario::new("callee_is_hung_up").with("ring_ms", 100);
    let mut callee = registered_callee(&stage, &pbx, "callee", &answers, theirs);
    let calls = Scenario::new("caller_hangs_up").with("talk_ms", 5000).with("from", 1001);
    let mut caller = Sipp::start(&stage, "caller", &calls, Transport::Udp, ours, pbx.sip(), "1002");
    callee.wait_for_message("ACK sip:");

    let mut second = Peer::new(Ipv4Addr::new(127, 0, 0, 2), pbx.sip());
    let invite = second.invite("1002");
    second.send(&invite);
    let answer = second.final_response(&invite);
    second.acknowledge(&invite, &answer);
    assert_eq!(status(&answer), Some(503), "{answer}");
    let wait: u32 =
        header(&answer, "Retry-After").and_then(|wait| wait.parse().ok()).expect("a Retry-After in seconds");
    assert!(wait > 0);

    caller.succeeds();
    callee.succeeds();
    pbx.wait_for_metric("sip_pbx_active_calls", 0.0);
}

#[test]
fn beyond_the_call_ceiling_a_call_gets_503_and_the_one_that_stands_goes_on() {
    let stage = Stage::new("beyond_the_call_ceiling_a_call_gets_503_and_the_one_that_stands_goes_on");
    let sections = "admission: {max_calls: 1}\n".into();
    let pbx = Pbx::start(&stage, &Options { sections, ..Options::default() });
    let cast = Cast { stage: &stage, pbx: &pbx };
    let refused = Scenario::new("is_told_when_to_come_back").with("status", 503);
    for transport in [Transport::Udp, Transport::Tcp] {
        let answers = Scenario::new("callee_hangs_up").with("ring_ms", 100).with("talk_ms", 1500);
        let mut callee = cast.is_called("1002", &answers);
        let mut caller = cast.calls("1002", &Scenario::new("talks_until_hung_up/caller"), Transport::Udp);
        callee.wait_for_message("ACK sip:");
        cast.calls("1002", &refused, transport).succeeds();
        cast.succeed([&mut caller, &mut callee]);
    }
}
