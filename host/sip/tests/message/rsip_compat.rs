//! Conversion to and from `rsip`, and `rsip` as an oracle where it is right.
//!
//! Where it is not, it refuses what RFC 3261 allows: folds, compact names (kept as unknown headers), white
//! space before the colon, an empty phrase, methods beyond its list. The conversion writes those away; what
//! remains is in `REFUSED`.
use std::path::PathBuf;

use bytes::Bytes;
use cordboard_sip::message::{HeaderName, Message, StartLine};
use rsip::headers::{ToTypedHeader, UntypedHeader};
use rsip::prelude::{HasHeaders, HeadersExt};

/// Messages that are valid and that `rsip` cannot hold, with the reason.
const REFUSED: [(&str, &str); 11] = [
    ("esc02", "a method of its own"),
    ("intmeth", "a method of its own"),
    ("ipv6-bug-abnf-3-colons", "an IPv6 Request-URI"),
    ("ipv6-good", "an IPv6 Request-URI"),
    ("mult-ip-in-sdp", "an IPv6 Request-URI"),
    ("port-ambiguous", "an IPv6 Request-URI"),
    ("port-unambiguous", "an IPv6 Request-URI"),
    ("semiuri", "a semicolon in the user part"),
    ("unkscm", "an unknown scheme without //"),
    ("via-received-param-no-delim", "an IPv6 Request-URI"),
    ("via-received-param-with-delim", "an IPv6 Request-URI"),
];

fn valid_messages() -> Vec<(String, Message)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/sip");
    let mut found = Vec::new();
    for rfc in ["rfc4475", "rfc5118"] {
        for entry in std::fs::read_dir(folder.join(rfc)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let bytes = Bytes::from(std::fs::read(&path).unwrap());
            found.extend(
                Message::parse(bytes)
                    .ok()
                    .filter(|message| message.check().is_ok())
                    .map(|message| (name, message)),
            );
        }
    }
    found.sort_by(|(left, _), (right, _)| left.cmp(right));
    found
}

#[test]
fn rsip_agrees_on_every_valid_message_it_can_hold() {
    let mut refused = Vec::new();
    for (name, message) in valid_messages() {
        match rsip::SipMessage::try_from(&message) {
            Err(_) => refused.push(name),
            Ok(theirs) => agree(&name, &message, &theirs),
        }
    }
    assert_eq!(refused, REFUSED.map(|(name, _)| name));
}

fn agree(name: &str, ours: &Message, theirs: &rsip::SipMessage) {
    assert_eq!(ours.is_request(), theirs.is_request(), "{name}");
    match (ours.start(), theirs) {
        (StartLine::Request { token, .. }, rsip::SipMessage::Request(request)) => {
            assert_eq!(token, request.method.to_string().as_bytes(), "{name}");
        }
        (StartLine::Response { status, .. }, rsip::SipMessage::Response(response)) => {
            assert_eq!(status.code(), response.status_code.code(), "{name}");
        }
        _ => unreachable!("compared above"),
    }
    assert_eq!(ours.headers().count(), theirs.headers().iter().count(), "{name}");
    let text = |value: &[u8]| String::from_utf8_lossy(value).replace(['\r', '\n'], " ");
    let values = [
        (HeaderName::From, theirs.from_header().unwrap().value().to_owned()),
        (HeaderName::To, theirs.to_header().unwrap().value().to_owned()),
        (HeaderName::CallId, theirs.call_id_header().unwrap().value().to_owned()),
        (HeaderName::CSeq, theirs.cseq_header().unwrap().value().to_owned()),
        (HeaderName::Via, theirs.via_header().unwrap().value().to_owned()),
    ];
    for (header, value) in values {
        assert_eq!(text(ours.value(header).unwrap()), value, "{header:?} of {name}");
    }
    assert_eq!(ours.body(), theirs.body(), "{name}");
}

#[test]
fn a_message_survives_the_way_there_and_back() {
    let message = Message::parse(Bytes::from(super::invite::INVITE)).unwrap();
    let theirs = rsip::SipMessage::try_from(&message).unwrap();
    let back = Message::try_from(&theirs).unwrap();
    assert_eq!(
        (back.start(), back.call_id(), back.body()),
        (message.start(), message.call_id(), message.body())
    );
    assert_eq!(back.from().unwrap().tag(), message.from().unwrap().tag());
    assert_eq!(back.vias().count(), 3);
    assert_eq!(back.contacts().count(), 2);
    assert_eq!(back.other("X-Thing"), Some(&b"value"[..]));
}

#[test]
fn typed_readings_agree_with_those_of_rsip() {
    let message = Message::parse(Bytes::from(super::invite::INVITE)).unwrap();
    let theirs = rsip::SipMessage::try_from(&message).unwrap();
    let cseq = theirs.cseq_header().unwrap().typed().unwrap();
    assert_eq!(
        (message.cseq().unwrap().number, message.method().as_str()),
        (cseq.seq, cseq.method.to_string().as_str())
    );
    let to = theirs.to_header().unwrap().typed().unwrap();
    assert_eq!(to.uri.to_string().as_bytes(), message.to().unwrap().uri.raw);
    let via = theirs.via_header().unwrap().typed().unwrap();
    assert_eq!(via.branch().map(|branch| branch.value().as_bytes()), message.via().unwrap().branch());
    assert_eq!(
        theirs.max_forwards_header().unwrap().num().ok(),
        message.max_forwards().unwrap().map(u32::from)
    );
}

#[test]
fn what_rsip_cannot_hold_is_an_error() {
    let bytes = Bytes::from_static(b"OPTIONS sip:a@b SIP/2.0\r\nSubject: \xff\r\n\r\n");
    let error = rsip::SipMessage::try_from(&Message::parse(bytes).unwrap()).unwrap_err();
    assert!(error.to_string().starts_with("rsip cannot read the message: "), "{error}");
}

#[test]
fn a_body_of_any_bytes_comes_back() {
    let bytes = Bytes::from_static(b"MESSAGE sip:a@b SIP/2.0\r\nContent-Length: 3\r\n\r\n\xff\x00\r");
    let message = Message::parse(bytes).unwrap();
    let theirs = rsip::SipMessage::try_from(&message).unwrap();
    assert_eq!(Message::try_from(&theirs).unwrap().body(), message.body());
}
