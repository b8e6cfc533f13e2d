//! What is wrong is answered or dropped, counted, and harms nobody.

use std::net::Ipv4Addr;

use cordboard_interop::{Options, Pbx, Peer, Scenario, Sipp, Stage, Transport, free_ports, header, status};

use crate::calls::registered_callee;

#[test]
fn an_unknown_method_gets_405_with_what_is_allowed() {
    let stage = Stage::new("an_unknown_method_gets_405_with_what_is_allowed");
    let pbx = Pbx::start(&stage, &Options::default());
    let mut peer = Peer::new(Ipv4Addr::LOCALHOST, pbx.sip());
    for method in ["PUBLISH", "BREW"] {
        let answer = peer.ask(method, "1001", "");
        assert_eq!(status(&answer), Some(405), "{answer}");
        let allowed = header(&answer, "Allow").unwrap_or_default();
        for method in ["INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "REGISTER"] {
            assert!(allowed.contains(method), "{method} is missing in Allow: {allowed}");
        }
    }
}

#[test]
fn an_unknown_requirement_gets_420_and_is_named() {
    let stage = Stage::new("an_unknown_requirement_gets_420_and_is_named");
    let pbx = Pbx::start(&stage, &Options::default());
    let mut peer = Peer::new(Ipv4Addr::LOCALHOST, pbx.sip());
    let answer = peer.ask("OPTIONS", "1001", "Require: teleportation\r\n");
    assert_eq!(status(&answer), Some(420), "{answer}");
    assert_eq!(header(&answer, "Unsupported"), Some("teleportation"), "{answer}");
}

#[test]
fn a_dialog_that_we_do_not_have_gets_481() {
    let stage = Stage::new("a_dialog_that_we_do_not_have_gets_481");
    let pbx = Pbx::start(&stage, &Options::default());
    let mut peer = Peer::new(Ipv4Addr::LOCALHOST, pbx.sip());
    let bye = peer.request("BYE", "1001", "");
    let to = header(&bye, "To").expect("just written").to_owned();
    let bye = bye.replace(&format!("To: {to}"), &format!("To: {to};tag=long-gone"));
    peer.send(&bye);
    assert_eq!(status(&peer.final_response(&bye)), Some(481));
}

#[test]
fn malformed_datagrams_do_not_harm_a_call() {
    let stage = Stage::new("malformed_datagrams_do_not_harm_a_call");
    let mut pbx = Pbx::start(&stage, &Options::default());
    let [ours, theirs] = free_ports(2).try_into().expect("two were asked for and given");
    let answers = Scenario::new("callee_is_hung_up").with("ring_ms", 100);
    let mut callee = registered_callee(&stage, &pbx, "callee", &answers, theirs);
    let calls = Scenario::new("caller_hangs_up").with("talk_ms", 5000).with("from", 1001);
    let mut caller = Sipp::start(&stage, "caller", &calls, Transport::Udp, ours, pbx.sip(), "1002");
    pbx.wait_for_metric("sip_pbx_active_calls", 1.0);

    let before = malformed(&pbx);
    let mut peer = Peer::new(Ipv4Addr::new(127, 0, 0, 2), pbx.sip());
    for bytes in malformed_datagrams(&mut peer) {
        peer.send(&bytes);
    }
    cordboard_interop::eventually("the malformed datagrams are counted", || {
        (malformed(&pbx) >= before + 5.0).then_some(())
    });
    let alive = peer.ask("OPTIONS", "1001", "");
    assert_eq!(status(&alive), Some(200), "{alive}");
    assert_eq!(pbx.metric("sip_pbx_active_calls"), Some(1.0), "the call stood all the time");

    caller.succeeds();
    callee.succeeds();
    assert!(pbx.is_running());
}

fn malformed(pbx: &Pbx) -> f64 {
    pbx.metric("sip_pbx_errors_total{reason=\"malformed\"}").unwrap_or_default()
}

fn malformed_datagrams(peer: &mut Peer) -> Vec<Vec<u8>> {
    let good = peer.invite("1002");
    let without = |name: &str| {
        let line = format!("{name}: {}\r\n", header(&good, name).expect("just written"));
        good.replace(&line, "").into_bytes()
    };
    let length = header(&good, "Content-Length").expect("just written").to_owned();
    let with_length =
        |other: &str| good.replace(&format!("Content-Length: {length}"), &format!("Content-Length: {other}"));
    vec![
        b"\0".to_vec(),
        b"hello\r\n\r\n".to_vec(),
        vec![0xff; 60_000],
        good.as_bytes()[..good.len() / 3].to_vec(),
        without("Call-ID"),
        without("CSeq"),
        without("Via"),
        without("From"),
        with_length("999999").into_bytes(),
        with_length("-1").into_bytes(),
        with_length("many").into_bytes(),
        good.replace("SIP/2.0\r\n", "SIP/9.9\r\n").into_bytes(),
        good.replace("CSeq: 1 INVITE", "CSeq: 99999999999 INVITE").into_bytes(),
        good.replace("CSeq: 1 INVITE", "CSeq: 1 BYE").into_bytes(),
        good.replace("Contact: ", &format!("X-Long: {}\r\nContact: ", "A".repeat(40_000))).into_bytes(),
        format!("{}{}\r\n\r\n", good.split("\r\n\r\n").next().unwrap_or_default(), "\r\nX: y".repeat(5_000))
            .into_bytes(),
    ]
}
