//! The checks of the fuzz targets, on stored inputs and on generated ones.
use std::path::PathBuf;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

#[path = "../../../tests/fuzz/checks/media.rs"]
mod checks;

/// Runs every file of a folder through a check.
fn stored(folder: &str, check: fn(&[u8])) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/data").join(folder);
    let mut inputs = 0;
    for entry in std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        check(&std::fs::read(entry.unwrap().path()).unwrap());
        inputs += 1;
    }
    assert!(inputs > 0, "{} has no inputs", folder.display());
}

#[test]
fn stored_descriptions_hold() {
    for folder in ["fuzz/sdp", "sdp"] {
        stored(folder, checks::sdp);
    }
}

#[test]
fn stored_packets_hold() {
    stored("fuzz/rtp", checks::rtp);
}

#[test]
fn stored_reports_hold() {
    for folder in ["fuzz/rtcp", "fuzz/rtp"] {
        stored(folder, checks::rtcp);
    }
}

fn line() -> impl Strategy<Value = Vec<u8>> {
    let known = [
        "o=- 1 1 IN IP4 192.0.2.7",
        "o=A Phone 1 1 IN IP6 ::1 more",
        "o=IP4 IP6",
        "c=IN IP4 192.0.2.7",
        "c=IN IP4 192.0.2.7/127/3",
        "c=IN IP6 2001:db8::7 ",
        "c=IN IP4 0.0.0.0",
        "c=IN IP6 ::",
        "c=IN IP4 host.example",
        "c=IN  IP4  192.0.2.8",
        "m=audio 4000 RTP/AVP 0",
        "m=audio 4000/2 RTP/SAVPF 0",
        "m=audio 4000 RTP/SAVP 0 101",
        "m=audio 4000 RTP/AVP 101  0 101 ",
        "a=rtpmap:101 telephone-event/8000",
        "a=fmtp:101 0-15",
        "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz",
        "m=video 4000 rtp/avp 31",
        "m=video 4002 UDP/TLS/RTP/SAVPF 31",
        "m=audio 0 RTP/AVP 0",
        "m=image 4004 udptl t38",
        "m=text 65535 RTP/AVP 98",
        "m=application 9 TCP/BFCP *",
        "m=audio",
        "a=rtcp:4001",
        "a=rtcp:4000 IN IP4 192.0.2.9",
        "a=rtcp:9 IN IP4 0.0.0.0",
        "a=rtcp",
        "a=rtcp-mux",
        "a=sendonly",
        "a=inactive",
        "a=recvonly ",
        "a=candidate:1 1 UDP 1 192.0.2.7 4000 typ host",
        "a=ice-ufrag:x",
        "a=end-of-candidates",
        "a=mid:1",
        "s=\u{e9}",
        "t=0 0",
        "",
        "x",
        "=",
    ];
    prop_oneof![
        12 => select(known.to_vec()).prop_map(|line| line.as_bytes().to_vec()),
        1 => vec(any::<u8>(), 0..20),
    ]
}

/// A description with some bytes changed.
fn description() -> impl Strategy<Value = Vec<u8>> {
    let end = prop_oneof![4 => Just("\r\n"), 1 => Just("\n")];
    let changes = vec((any::<Index>(), any::<u8>()), 0..3);
    (vec((line(), end), 0..16), changes, any::<bool>()).prop_map(|(lines, changes, cut)| {
        let mut text = b"v=0\r\n".to_vec();
        for (line, end) in lines {
            text.extend_from_slice(&line);
            text.extend_from_slice(end.as_bytes());
        }
        if cut {
            text.pop();
        }
        for (at, byte) in changes {
            let at = at.index(text.len());
            text[at] = byte;
        }
        text
    })
}

/// Packets of one or two sources with sequence numbers that jump, beside RTCP and noise.
fn packets() -> impl Strategy<Value = Vec<u8>> {
    let rtp = (0_u8..3, any::<u8>(), prop_oneof![Just(0_u16), 0_u16..200, any::<u16>()], any::<u32>());
    let rtp = rtp.prop_map(|(ssrc, payload_type, sequence, timestamp)| {
        let mut packet = vec![0x80, payload_type];
        packet.extend(sequence.to_be_bytes());
        packet.extend(timestamp.to_be_bytes());
        packet.extend([0, 0, 0, ssrc, 1, 2, 3, 4]);
        packet
    });
    let packet = prop_oneof![8 => rtp, 1 => vec(any::<u8>(), 16)];
    vec(packet, 0..200).prop_map(|packets| packets.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn generated_descriptions_hold(text in description()) {
        checks::sdp(&text);
    }

    #[test]
    fn generated_reports_hold(kind in 190_u8..=224, body in vec(any::<u8>(), 0..80)) {
        checks::rtcp(&[vec![0x80, kind], body].concat());
    }

    #[test]
    fn generated_packets_hold(stream in packets()) {
        checks::rtp(&stream);
    }
}
