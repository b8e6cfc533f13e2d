//! Requirement A1: two legs that share nothing but what is meant to pass, and B1: bytes of the SDP that are not addresses.

use cordboard_interop::{
    Options, Pbx, Scenario, Sipp, Stage, Transport, free_ports, header, headers, media_range,
};

use crate::calls::registered_callee;

#[test]
fn the_legs_share_only_what_is_meant_to_pass() {
    let stage = Stage::new("the_legs_share_only_what_is_meant_to_pass");
    let media = media_range(16);
    let pbx = Pbx::start(&stage, &Options { media: Some(media.clone()), ..Options::default() });
    let [ours, theirs] = free_ports(2).try_into().expect("two were asked for and given");
    let answers = Scenario::new("callee_is_hung_up").with("ring_ms", 100);
    let mut callee = registered_callee(&stage, &pbx, "callee", &answers, theirs);
    let calls = Scenario::new("caller_hangs_up").with("talk_ms", 300).with("from", 1001);
    let mut caller = Sipp::start(&stage, "caller", &calls, Transport::Udp, ours, pbx.sip(), "1002");
    caller.succeeds();
    callee.succeeds();

    let (first, second) = (caller.invite(), callee.invite());
    legs_have_their_own_identity(&first, &second);
    callers_place_is_not_shown(&second, ours);
    what_is_meant_to_pass_passes(&first, &second);
    only_addresses_of_the_sdp_change(&first, &second, &media);

    let dialogue = caller.messages();
    let answer =
        dialogue.iter().find(|message| message.starts_with("SIP/2.0 200") && message.contains("INVITE"));
    let answer = answer.expect("the call was answered");
    assert!(!answer.contains(&format!(":{theirs}")), "the answer shows where the callee is:\n{answer}");
}

fn legs_have_their_own_identity(first: &str, second: &str) {
    for name in ["Call-ID", "Via", "Contact", "From"] {
        let (first, second) = (header(first, name), header(second, name));
        assert!(first.is_some() && second.is_some(), "{name} is missing");
        assert_ne!(first, second, "{name} is the same on both legs");
    }
    let tag =
        |message| header(message, "From").and_then(|from| from.split(";tag=").nth(1)).map(str::to_owned);
    assert_ne!(tag(first), tag(second), "the From tag is the same on both legs");
    assert_eq!(headers(second, "Via").count(), 1, "the Via of the first leg is on the second:\n{second}");
}

fn callers_place_is_not_shown(second: &str, port: u16) {
    assert!(!second.contains(&format!(":{port}")), "the second leg shows where the caller is:\n{second}");
    let make = header(second, "User-Agent").unwrap_or_default();
    assert!(!make.contains("the caller"), "the second leg shows the caller's make:\n{second}");
}

fn what_is_meant_to_pass_passes(first: &str, second: &str) {
    for name in ["Subject", "X-Ticket"] {
        assert_eq!(header(first, name), header(second, name), "{name}");
        assert!(header(second, name).is_some(), "{name}");
    }
    let hops = |message| header(message, "Max-Forwards").and_then(|hops| hops.parse::<u32>().ok());
    assert_eq!(hops(second), hops(first).map(|hops| hops - 1), "Max-Forwards counts us as one hop");
}

fn only_addresses_of_the_sdp_change(first: &str, second: &str, media: &std::ops::RangeInclusive<u16>) {
    let lines = |message: &str| -> Vec<String> {
        let (_, body) =
            message.split_once("\r\n\r\n").or_else(|| message.split_once("\n\n")).expect("a body");
        body.lines().map(|line| line.trim_end().to_owned()).filter(|line| !line.is_empty()).collect()
    };
    let (first, second) = (lines(first), lines(second));
    assert_eq!(first.len(), second.len(), "lines of {first:?} and {second:?}");
    for (before, after) in first.iter().zip(&second) {
        match &before[..2] {
            "m=" => {
                let port: u16 = after.split(' ').nth(1).and_then(|port| port.parse().ok()).expect("a port");
                assert!(media.contains(&port), "{after}: the port is not one of ours, {media:?}");
                assert_ne!(before, after);
            }
            "o=" | "c=" => assert_eq!(before[..2], after[..2]),
            _ => assert_eq!(before, after),
        }
    }
}
