//! Start, degraded start, and the way out.

use std::net::Ipv4Addr;

use cordboard_interop::{
    Options, Pbx, Peer, Scenario, Sipp, Stage, Transport, eventually, free_ports, header, status,
};

use crate::calls::registered_callee;

#[test]
fn sigterm_lets_a_call_finish_and_refuses_new_ones() {
    let stage = Stage::new("sigterm_lets_a_call_finish_and_refuses_new_ones");
    let mut pbx = Pbx::start(&stage, &Options::default());
    let [ours, theirs] = free_ports(2).try_into().expect("two were asked for and given");
    let answers = Scenario::new("callee_is_hung_up").with("ring_ms", 100);
    let mut callee = registered_callee(&stage, &pbx, "callee", &answers, theirs);
    let calls = Scenario::new("caller_hangs_up").with("talk_ms", 8000).with("from", 1001);
    let mut caller = Sipp::start(&stage, "caller", &calls, Transport::Udp, ours, pbx.sip(), "1002");
    callee.wait_for_message("ACK sip:");

    pbx.terminate();
    eventually("/health/ready says no", || pbx.health("/health/ready").filter(|answer| answer.status == 503));
    let mut late = Peer::new(Ipv4Addr::new(127, 0, 0, 2), pbx.sip());
    let invite = late.invite("1002");
    late.send(&invite);
    let answer = late.final_response(&invite);
    late.acknowledge(&invite, &answer);
    assert_eq!(status(&answer), Some(503), "{answer}");
    assert!(header(&answer, "Retry-After").is_some(), "{answer}");

    caller.succeeds();
    callee.succeeds();
    assert_eq!(pbx.wait_for_exit().code(), Some(0), "it said:\n{}", pbx.output());
}

#[test]
fn a_drain_ends_calls_that_outlast_its_limit() {
    let stage = Stage::new("a_drain_ends_calls_that_outlast_its_limit");
    let mut pbx = Pbx::start(&stage, &Options { drain_limit_s: Some(1), ..Options::default() });
    let [ours, theirs] = free_ports(2).try_into().expect("two were asked for and given");
    let answers = Scenario::new("callee_is_hung_up").with("ring_ms", 100);
    let mut callee = registered_callee(&stage, &pbx, "callee", &answers, theirs);
    let calls = Scenario::new("caller_is_hung_up").with("from", 1001);
    let mut caller = Sipp::start(&stage, "caller", &calls, Transport::Udp, ours, pbx.sip(), "1002");
    callee.wait_for_message("ACK sip:");

    pbx.terminate();
    caller.succeeds();
    callee.succeeds();
    assert_eq!(pbx.wait_for_exit().code(), Some(0), "it said:\n{}", pbx.output());
}

#[test]
fn a_broken_routing_plugin_degrades_and_calls_get_503() {
    let stage = Stage::new("a_broken_routing_plugin_degrades_and_calls_get_503");
    let broken = stage.write("broken.wasm", "this is no component");
    let mut pbx =
        Pbx::start_degraded(&stage, &Options { routing_plugin: Some(broken), ..Options::default() });
    says_degraded(&pbx, "route-by-extension");

    let mut peer = Peer::new(Ipv4Addr::LOCALHOST, pbx.sip());
    let contact = "Expires: 600\r\n";
    assert_eq!(status(&peer.ask("REGISTER", "1001", contact)), Some(200), "authorization works as ever");
    let invite = peer.invite("1001");
    peer.send(&invite);
    let answer = peer.final_response(&invite);
    peer.acknowledge(&invite, &answer);
    assert_eq!(status(&answer), Some(503), "{answer}");
    assert!(header(&answer, "Retry-After").is_some(), "{answer}");
    assert!(pbx.is_running());
}

#[test]
fn a_broken_authorization_plugin_degrades_and_everything_is_denied() {
    let stage = Stage::new("a_broken_authorization_plugin_degrades_and_everything_is_denied");
    let missing = stage.file("not-there.wasm");
    let mut pbx =
        Pbx::start_degraded(&stage, &Options { authorization_plugin: Some(missing), ..Options::default() });
    says_degraded(&pbx, "authorize-open");

    let mut peer = Peer::new(Ipv4Addr::LOCALHOST, pbx.sip());
    let register = peer.ask("REGISTER", "1001", "Expires: 600\r\n");
    assert!(matches!(status(&register), Some(403 | 503)), "{register}");
    let invite = peer.invite("1001");
    peer.send(&invite);
    let answer = peer.final_response(&invite);
    peer.acknowledge(&invite, &answer);
    assert!(matches!(status(&answer), Some(403 | 503)), "{answer}");
    assert!(pbx.is_running());
}

fn says_degraded(pbx: &Pbx, plugin: &str) {
    let health = pbx.health("/health").expect("HTTP answers");
    assert!(health.body.contains("degraded"), "{}", health.body);
    assert!(health.body.contains(plugin), "the health names the plugin: {}", health.body);
}

#[test]
fn ports_in_use_are_named_and_the_exit_status_says_so() {
    let stage = Stage::new("ports_in_use_are_named_and_the_exit_status_says_so");
    let mut first = Pbx::start(&stage, &Options::default());
    let [sip, http, metrics] = first.ports();
    let [free_sip, free_http, free_metrics] =
        free_ports(3).try_into().expect("three were asked for and given");
    for (ports, taken) in [
        ([sip, free_http, free_metrics], sip),
        ([free_sip, http, free_metrics], http),
        ([free_sip, free_http, metrics], metrics),
    ] {
        let (status, said) =
            Pbx::start_in_vain(&stage, &Options { ports: Some(ports), ..Options::default() });
        assert!(status.code().is_some_and(|code| code != 0), "{status}; it said:\n{said}");
        assert!(said.contains(&taken.to_string()), "the port {taken} is named; it said:\n{said}");
        assert!(said.contains("in use"), "the reason is named; it said:\n{said}");
    }
    assert!(first.is_running());
}
