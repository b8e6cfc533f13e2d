//! Golden pairs in `tests/data/sdp`: `<name>.in.sdp` rewritten is `<name>.v4.sdp` and `<name>.v6.sdp`. `UPDATE_GOLDEN=1`
//! writes them anew; read the difference like code.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use super::*;
use crate::dtmf::{EventFormat, EventFormats};
use crate::srtp::{MASTER_BYTES, MasterKey, Suite};

const PORTS: [u16; STREAMS] = [10_000, 10_002];

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/sdp")
}

fn inputs() -> Vec<PathBuf> {
    let mut inputs: Vec<_> = std::fs::read_dir(data())
        .expect("the golden pairs are in the repository")
        .map(|entry| entry.expect("a readable directory").path())
        .filter(|path| path.to_string_lossy().ends_with(".in.sdp"))
        .collect();
    inputs.sort();
    inputs
}

#[test]
fn golden_pairs() {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let inputs = inputs();
    assert!(inputs.len() >= 12, "the golden pairs are gone: {}", data().display());
    for input in inputs {
        let session = Session::parse(std::fs::read(&input).unwrap().into())
            .unwrap_or_else(|error| panic!("{}: {error}", input.display()));
        for (suffix, address) in [("v4", "198.51.100.1"), ("v6", "2001:db8::1")] {
            let path = input.to_string_lossy().replace(".in.sdp", &format!(".{suffix}.sdp"));
            let ours = session.rewrite(address.parse().unwrap(), PORTS);
            if update {
                std::fs::write(&path, &ours).unwrap();
            }
            let expected = std::fs::read(&path).unwrap_or_default();
            assert_eq!(
                String::from_utf8_lossy(&ours),
                String::from_utf8_lossy(&expected),
                "{path} differs; if the new text is right, run again with UPDATE_GOLDEN=1"
            );
            assert_eq!(ours, expected, "{path} differs in bytes that are not text");
        }
    }
}

/// What we write can be read again, says our address, and rewriting it once more changes nothing.
#[test]
fn a_rewritten_body_is_a_fixed_point() {
    let address: IpAddr = "198.51.100.1".parse().unwrap();
    for input in inputs() {
        let once = Session::parse(std::fs::read(&input).unwrap().into()).unwrap().rewrite(address, PORTS);
        let again = Session::parse(once.clone()).unwrap();
        assert_eq!(again.rewrite(address, PORTS), once, "{}", input.display());
        for stream in again.remote().into_iter().flatten().filter(|stream| !stream.rtp.ip().is_unspecified())
        {
            assert_eq!(stream.rtp.ip(), address, "{}", input.display());
        }
    }
}

fn sdp(lines: &[&str]) -> Bytes {
    let mut body = "v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nt=0 0\r\n".to_owned();
    for line in lines {
        body.push_str(line);
        body.push_str("\r\n");
    }
    body.into()
}

fn remote(rtp: &str, rtcp: &str, sends: bool) -> Option<RemoteStream> {
    let (rtp, rtcp) = (rtp.parse().unwrap(), rtcp.parse().unwrap());
    Some(RemoteStream { rtp, rtcp, sends, secure: false, events: EventFormats::default() })
}

#[test]
fn what_the_peer_announces() {
    const C: &str = "c=IN IP4 192.0.2.7";
    const AUDIO: &str = "m=audio 4000 RTP/AVP 0";
    const VIDEO: &str = "m=video 5000 RTP/AVP 31";
    let plain = remote("192.0.2.7:4000", "192.0.2.7:4001", true);
    let quiet = remote("192.0.2.7:4000", "192.0.2.7:4001", false);
    let video = remote("192.0.2.7:5000", "192.0.2.7:5001", true);
    let muxed = remote("192.0.2.7:4000", "192.0.2.7:4000", true);
    type Case = (&'static str, &'static [&'static str], [Option<RemoteStream>; STREAMS]);
    let table: &[Case] = &[
        ("RTCP is the next port", &[C, AUDIO], [plain, None]),
        (
            "a c= of the stream stands before that of the session",
            &["c=IN IP4 192.0.2.1", AUDIO, C],
            [plain, None],
        ),
        ("streams in any order", &[C, VIDEO, AUDIO], [plain, video]),
        ("the second audio is the second stream", &[C, AUDIO, "m=audio 5000 RTP/AVP 0"], [plain, video]),
        ("a disabled stream", &[C, "m=audio 0 RTP/AVP 0", VIDEO], [None, video]),
        (
            "a disabled first audio keeps its place",
            &[C, "m=audio 0 RTP/AVP 0", "m=audio 5000 RTP/AVP 0"],
            [None, video],
        ),
        ("video before text, in whatever order", &[C, "m=text 6000 RTP/AVP 98", VIDEO], [None, video]),
        (
            "a=rtcp with a port",
            &[C, AUDIO, "a=rtcp:7"],
            [remote("192.0.2.7:4000", "192.0.2.7:7", true), None],
        ),
        (
            "a=rtcp with an address",
            &[C, AUDIO, "a=rtcp:7 IN IP4 192.0.2.9"],
            [remote("192.0.2.7:4000", "192.0.2.9:7", true), None],
        ),
        ("a=rtcp-mux", &[C, AUDIO, "a=rtcp-mux"], [muxed, None]),
        ("a=rtcp-mux with a fallback", &[C, AUDIO, "a=rtcp:7", "a=rtcp-mux"], [muxed, None]),
        ("a=sendonly sends", &[C, AUDIO, "a=sendonly"], [plain, None]),
        ("a=recvonly does not send", &[C, AUDIO, "a=recvonly"], [quiet, None]),
        ("a=inactive does not send", &[C, AUDIO, "a=inactive"], [quiet, None]),
        ("the direction of the session", &[C, "a=inactive", AUDIO], [quiet, None]),
        (
            "a direction of the stream stands before it",
            &[C, "a=inactive", AUDIO, "a=sendrecv"],
            [plain, None],
        ),
        (
            "hold by 0.0.0.0",
            &["c=IN IP4 0.0.0.0", AUDIO],
            [remote("0.0.0.0:4000", "0.0.0.0:4001", false), None],
        ),
        (
            "IPv6",
            &["c=IN IP6 2001:db8::7", AUDIO],
            [remote("[2001:db8::7]:4000", "[2001:db8::7]:4001", true), None],
        ),
        (
            "the last port has no next one",
            &[C, "m=audio 65535 RTP/AVP 0"],
            [remote("192.0.2.7:65535", "192.0.2.7:65535", true), None],
        ),
        ("what is bundled has no address of its own", &[C, AUDIO, "m=video 4000 RTP/AVP 31"], [plain, None]),
        ("media over TCP are not relayed", &[C, "m=audio 4000 TCP/RTP/AVP 0"], [None, None]),
        ("a host name where nothing depends on it", &["c=IN IP4 host.example", AUDIO, C], [plain, None]),
        ("no stream at all", &[], [None, None]),
    ];
    for (name, lines, expected) in table {
        let session = Session::parse(sdp(lines)).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(session.remote(), *expected, "{name}");
    }
}

#[test]
fn payload_types_of_telephone_events() {
    type Case = (&'static str, &'static [&'static str], &'static [(u8, u32)]);
    let table: &[Case] = &[
        ("none", &["m=audio 4000 RTP/AVP 0", "a=rtpmap:0 PCMU/8000"], &[]),
        ("one", &["m=audio 4000 RTP/AVP 0 101", "a=rtpmap:101 telephone-event/8000"], &[(101, 8_000)]),
        (
            "one for each clock rate, in any case of letters",
            &[
                "m=audio 4000 RTP/AVP 111 110",
                "a=rtpmap:110 Telephone-Event/48000/1",
                "a=rtpmap:126 telephone-event/8000",
            ],
            &[(110, 48_000), (126, 8_000)],
        ),
        (
            "of another stream",
            &["m=audio 4000 RTP/AVP 0", "m=audio 5000 RTP/AVP 101", "a=rtpmap:101 telephone-event/8000"],
            &[],
        ),
        (
            "that are none",
            &[
                "m=audio 4000 RTP/AVP 0",
                "a=rtpmap:200 telephone-event/8000",
                "a=rtpmap:101 telephone-event/0",
            ],
            &[],
        ),
    ];
    for (name, lines, expected) in table {
        let lines: Vec<&str> = ["c=IN IP4 192.0.2.7"].into_iter().chain(lines.iter().copied()).collect();
        let session = Session::parse(sdp(&lines)).unwrap_or_else(|error| panic!("{name}: {error}"));
        let events = session.remote()[0].expect("an audio stream").events;
        for number in 0..128 {
            let wanted = expected.iter().find(|(known, _)| *known == number).map(|(_, rate)| *rate);
            assert_eq!(events.of(number).map(|format| format.clock_rate), wanted, "{name}: {number}");
        }
    }
}

fn line(tag: u32, suite: Suite) -> CryptoLine {
    CryptoLine { tag, suite, key: MasterKey::new([tag as u8; MASTER_BYTES]) }
}

fn encrypted(encryption: &Encryption) -> Changes {
    Changes { encryption: encryption.clone(), ..Changes::default() }
}

#[test]
fn telephone_events_are_added_and_taken_away() {
    let address = "192.0.2.7".parse().unwrap();
    let without = ["c=IN IP4 192.0.2.7", "m=audio 10000 RTP/AVP 0 8", "a=rtpmap:0 PCMU/8000", "a=sendrecv"];
    let with = [
        "c=IN IP4 192.0.2.7",
        "m=audio 10000 RTP/AVP 0 8 101",
        "a=rtpmap:0 PCMU/8000",
        "a=sendrecv",
        "a=rtpmap:101 telephone-event/8000",
        "a=fmtp:101 0-15",
    ];
    let video = "m=video 10002 RTP/AVP 31";
    for rest in [&[][..], &[video]] {
        let [without, with] =
            [[&without[..], rest].concat(), [&with[..], rest].concat()].map(|lines| sdp(&lines));
        let plain = Session::parse(without.clone()).unwrap();
        let format = plain.free_event_format().expect("a number is free");
        assert_eq!(format, EventFormat { payload_type: 101, clock_rate: 8_000 });
        let added = Changes { events: EventChange::Added(format), ..Changes::default() };
        assert_eq!(plain.rewrite_as(address, PORTS, &added), with);
        let session = Session::parse(with).unwrap();
        assert_eq!(session.events().preferred(), Some(format));
        let removed = Changes { events: EventChange::Removed, ..Changes::default() };
        assert_eq!(session.rewrite_as(address, PORTS, &removed), without);
    }
    let taken = ["c=IN IP4 192.0.2.7", "m=audio 10000 RTP/AVP 101 96", "a=rtpmap:101 opus/48000/2"];
    let session = Session::parse(sdp(&taken)).unwrap();
    assert_eq!(session.free_event_format().map(|format| format.payload_type), Some(97));
    assert_eq!(Session::parse(sdp(&without[..1])).unwrap().free_event_format(), None);
}

#[test]
fn encryption_that_ends_here() {
    let key = |tag| line(tag, Suite::AesCm128HmacSha1_80).key.reveal_base64();
    let secure = [
        "c=IN IP4 198.51.100.1",
        "m=audio 10000 RTP/SAVP 0",
        "a=ptime:20",
        &format!("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{}", key(1)),
        &format!("a=crypto:2 AES_CM_128_HMAC_SHA1_32 inline:{}", key(2)),
        "m=video 10002 RTP/SAVPF 31",
        &format!("a=crypto:3 AES_CM_128_HMAC_SHA1_80 inline:{}", key(3)),
    ]
    .map(str::to_owned);
    let plain =
        ["c=IN IP4 198.51.100.1", "m=audio 10000 RTP/AVP 0", "a=ptime:20", "m=video 10002 RTP/AVPF 31"];
    let ours =
        |body: &[&str]| String::from_utf8(sdp(body).to_vec()).unwrap().replace("192.0.2.7", "198.51.100.1");
    let secure: Vec<&str> = secure.iter().map(String::as_str).collect();
    let address = "198.51.100.1".parse().unwrap();

    let lines = [
        vec![line(1, Suite::AesCm128HmacSha1_80), line(2, Suite::AesCm128HmacSha1_32)],
        vec![line(3, Suite::AesCm128HmacSha1_80)],
    ];
    let added = Encryption::Added(lines.clone());
    let session = Session::parse(sdp(&plain)).unwrap();
    assert_eq!(session.crypto(), &[vec![], vec![]]);
    assert_eq!(session.rewrite_as(address, PORTS, &encrypted(&added)), ours(&secure));
    let session = Session::parse(sdp(&secure)).unwrap();
    assert_eq!(session.crypto(), &lines);
    assert_eq!(session.rewrite_as(address, PORTS, &encrypted(&Encryption::Removed)), ours(&plain));
    assert_eq!(
        session.rewrite_as(address, PORTS, &encrypted(&added)),
        ours(&secure),
        "ours in place of theirs"
    );
    assert_eq!(
        session.rewrite_as(address, PORTS, &encrypted(&Encryption::Passed)),
        session.rewrite(address, PORTS)
    );

    let cut = sdp(&plain[..2]);
    let session = Session::parse(cut.slice(..cut.len() - 2)).unwrap();
    assert_eq!(
        session.rewrite_as(address, PORTS, &encrypted(&Encryption::Added([lines[0].clone(), vec![]]))),
        ours(&[secure[0], secure[1], secure[3], secure[4]])
    );
    let fax = ["c=IN IP4 198.51.100.1", "m=image 10002 udptl t38"];
    assert_eq!(Session::parse(sdp(&fax)).unwrap().rewrite_as(address, PORTS, &encrypted(&added)), ours(&fax));
}

#[test]
fn crypto_lines_that_we_can_use() {
    let good = MasterKey::new([7; MASTER_BYTES]).reveal_base64();
    let table = [
        ("plain", format!("4 AES_CM_128_HMAC_SHA1_32 inline:{good}"), true),
        ("with a lifetime", format!("1 AES_CM_128_HMAC_SHA1_80 inline:{good}|2^31"), true),
        ("with a hint for the window", format!("1 AES_CM_128_HMAC_SHA1_80 inline:{good} WSH=64"), true),
        ("with an MKI", format!("1 AES_CM_128_HMAC_SHA1_80 inline:{good}|2^31|1:4"), false),
        ("with two keys", format!("1 AES_CM_128_HMAC_SHA1_80 inline:{good}|1:4;inline:{good}|2:4"), false),
        ("of another suite", format!("1 AES_192_CM_HMAC_SHA1_80 inline:{good}"), false),
        ("without encryption", format!("1 AES_CM_128_HMAC_SHA1_80 inline:{good} UNENCRYPTED_SRTP"), false),
        ("with derived keys", format!("1 AES_CM_128_HMAC_SHA1_80 inline:{good} KDR=1"), false),
        ("with a short key", "1 AES_CM_128_HMAC_SHA1_80 inline:AAAA".to_owned(), false),
        ("of another method", format!("1 AES_CM_128_HMAC_SHA1_80 uri:{good}"), false),
        ("without a tag", format!("AES_CM_128_HMAC_SHA1_80 inline:{good}"), false),
    ];
    for (name, value, expected) in table {
        let value = format!("a=crypto:{value}");
        let session =
            Session::parse(sdp(&["c=IN IP4 192.0.2.7", "m=audio 4000 RTP/SAVP 0", &value])).unwrap();
        assert_eq!(!session.crypto()[0].is_empty(), expected, "{name}");
        let removed =
            session.rewrite_as("192.0.2.1".parse().unwrap(), PORTS, &encrypted(&Encryption::Removed));
        assert!(!String::from_utf8_lossy(&removed).contains("crypto"), "{name}");
    }
}

#[test]
fn which_lines_are_relayed() {
    let session = Session::parse(sdp(&[
        "c=IN IP4 192.0.2.7",
        "m=application 9 TCP/BFCP *",
        "m=audio 4000 RTP/AVP 0",
        "m=video 0 RTP/AVP 31",
        "m=audio 4002 RTP/AVP 0",
    ]))
    .unwrap();
    let line = |slot, disabled| MediaLine { slot, disabled };
    let expected = [line(None, false), line(Some(0), false), line(Some(1), true), line(None, false)];
    assert_eq!(session.lines(), expected);
}

#[test]
fn what_cannot_be_relayed_says_where_and_why() {
    let table: &[(&str, Bytes, &str, u16)] = &[
        ("an empty body", Bytes::new(), "SDP line 1: expected v=0, found an empty body", 399),
        (
            "a multipart body",
            "--boundary\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n".into(),
            "SDP line 1: expected v=0, the first line of a session description",
            399,
        ),
        (
            "an origin without an address",
            "v=0\r\no=- 1 1\r\n".into(),
            "SDP line 2: expected o=<user> <id> <version> IN <IP4 or IP6> <address>",
            399,
        ),
        (
            "a c= without an address",
            sdp(&["c=IN IP4"]),
            "SDP line 5: expected c=IN <IP4 or IP6> <address>",
            399,
        ),
        (
            "a port that is none",
            sdp(&["m=audio x RTP/AVP 0"]),
            "SDP line 5: expected a port from 0 to 65535 after the media type",
            399,
        ),
        (
            "a port that is too large",
            sdp(&["m=audio 65536 RTP/AVP 0"]),
            "SDP line 5: expected a port from 0 to 65535 after the media type",
            399,
        ),
        (
            "a negative port",
            sdp(&["m=audio -1 RTP/AVP 0"]),
            "SDP line 5: expected a port from 0 to 65535 after the media type",
            399,
        ),
        (
            "an m= that ends early",
            sdp(&["m=audio 4000"]),
            "SDP line 5: expected m=<media> <port> <transport> <formats>",
            399,
        ),
        (
            "no c= at all",
            sdp(&["m=audio 4000 RTP/AVP 0"]),
            "SDP line 5: expected a c= line in the session or after this m= line, found none",
            301,
        ),
        (
            "a host name",
            sdp(&["c=IN IP4 host.example", "m=audio 4000 RTP/AVP 0"]),
            "SDP line 5: expected an IPv4 or IPv6 address, found a host name or something else",
            301,
        ),
        (
            "a multicast group",
            sdp(&["c=IN IP4 224.2.1.1/127/3", "m=audio 4000 RTP/AVP 0"]),
            "SDP line 5: expected a unicast address, found a multicast group",
            301,
        ),
        (
            "the wrong address type",
            sdp(&["c=IN IP6 192.0.2.7", "m=audio 4000 RTP/AVP 0"]),
            "SDP line 5: the address is not of the address type before it (IP4 or IP6)",
            301,
        ),
        (
            "another network",
            sdp(&["c=ATM NSAP 192.0.2.7", "m=audio 4000 RTP/AVP 0"]),
            "SDP line 5: expected the network type IN",
            301,
        ),
        (
            "an a=rtcp that is none",
            sdp(&["c=IN IP4 192.0.2.7", "m=audio 4000 RTP/AVP 0", "a=rtcp:x"]),
            "SDP line 7: expected a port from 0 to 65535 after a=rtcp:",
            399,
        ),
    ];
    for (name, body, text, code) in table {
        let error = Session::parse(body.clone()).expect_err(name);
        assert_eq!((error.to_string().as_str(), error.warning_code()), (*text, *code), "{name}");
    }
}

#[test]
fn a_resumed_session_sends_receives_and_has_an_address() {
    let held = Session::parse(sdp(&[
        "c=IN IP4 0.0.0.0",
        "a=inactive",
        "m=audio 4000 RTP/AVP 0",
        "a=recvonly",
        "m=video 0 RTP/AVP 31",
    ]))
    .unwrap();
    let ours = held.resumed().rewrite("198.51.100.1".parse().unwrap(), PORTS);
    assert_eq!(
        String::from_utf8_lossy(&ours),
        "v=0\r\no=- 1 1 IN IP4 198.51.100.1\r\ns=-\r\nt=0 0\r\nc=IN IP4 198.51.100.1\r\na=sendrecv\r\n\
         m=audio 10000 RTP/AVP 0\r\na=sendrecv\r\nm=video 0 RTP/AVP 31\r\n"
    );
}

#[test]
fn a_session_goes_on_under_the_name_of_another() {
    for (origin, name, version) in [
        ("o=- 7 9 IN IP4 192.0.2.7", "- 7", 9),
        (
            "o=a phone 18446744073709551615 18446744073709551615 IN IP6 ::1",
            "a phone 18446744073709551615",
            u64::MAX,
        ),
    ] {
        let body =
            format!("v=0\r\n{origin}\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n");
        let session = Session::parse(body.into()).unwrap();
        let named = Origin { name: Bytes::copy_from_slice(name.as_bytes()), version };
        assert_eq!(session.origin().as_ref(), Some(&named));
        let next = Origin { name: "x 5".into(), version: 6 };
        let changes = Changes { origin: Some(next), ..Changes::default() };
        let ours = session.rewrite_as("198.51.100.1".parse().unwrap(), PORTS, &changes);
        assert!(ours.starts_with(b"v=0\r\no=x 5 6 IN IP4 198.51.100.1\r\ns=-\r\n"), "{ours:?}");
    }
    for (late, expected) in [
        (
            "c=IN IP4 192.0.2.7\r\no=- 1 1 IN IP4 192.0.2.7\r\nm=audio 4000 RTP/AVP 0\r\n",
            "c=IN IP4 198.51.100.1\r\no=x 5 6 ",
        ),
        (
            "m=audio 4000 RTP/AVP 0\r\no=- 1 1 IN IP4 192.0.2.7\r\nc=IN IP4 192.0.2.7\r\n",
            "m=audio 10000 RTP/AVP 0\r\no=x 5 6 ",
        ),
    ] {
        let session = Session::parse(format!("v=0\r\n{late}").into()).unwrap();
        let changes =
            Changes { origin: Some(Origin { name: "x 5".into(), version: 6 }), ..Changes::default() };
        let ours = session.rewrite_as("198.51.100.1".parse().unwrap(), PORTS, &changes);
        assert!(ours.starts_with(format!("v=0\r\n{expected}").as_bytes()), "{ours:?}");
    }
    let odd = Session::parse("v=0\r\no=- x y IN IP4 192.0.2.7\r\ns=-\r\nt=0 0\r\n".into()).unwrap();
    assert_eq!(odd.origin(), None, "nobody knows what comes after y");
}
