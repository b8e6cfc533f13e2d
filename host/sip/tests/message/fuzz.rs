//! The checks of the fuzz targets, on stored inputs and on generated ones.
use std::path::PathBuf;

use bytes::Bytes;
use cordboard_sip::message::{HeaderName, Message, Method, Request};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

#[path = "../../../../tests/fuzz/checks/sip.rs"]
mod checks;

fn data() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/data")
}

/// Runs every file of a folder through a check.
pub(crate) fn stored(folder: &str, check: fn(&[u8])) {
    let folder = data().join(folder);
    let mut inputs = 0;
    for entry in std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        check(&std::fs::read(entry.unwrap().path()).unwrap());
        inputs += 1;
    }
    assert!(inputs > 0, "{} has no inputs", folder.display());
}

#[test]
fn stored_messages_hold() {
    for folder in ["fuzz/sip_message", "sip/rfc4475", "sip/rfc5118"] {
        stored(folder, checks::message);
    }
}

#[test]
fn stored_uris_hold() {
    stored("fuzz/uri", checks::uri);
}

#[test]
fn stored_streams_hold() {
    stored("fuzz/framing", checks::framing);
}

/// A piece of a message: valid ones, nearly valid ones, and any bytes.
fn line() -> impl Strategy<Value = Vec<u8>> {
    let known = [
        "Via: SIP/2.0/UDP a.example;branch=z9hG4bK1;rport",
        "v:SIP/2.0/TCP [::1]:5060,SIP/2.0/UDP b",
        "From: <sip:a@b>;tag=1",
        "f: \"A, \\\" B\" <sip:a@b>\r\n ;tag=2",
        "To: sip:c@d",
        "t: tel:+1;tag=3",
        "Call-ID: x@y",
        "i:",
        "CSeq: 1 INVITE",
        "cseq\t: 4294967296 INVITE",
        "Max-Forwards: 70",
        "Contact: *",
        "m: <sip:a@b;x>;q=1,\"<\" <sip:c>",
        "Content-Length: 0",
        "l: 4",
        "Content-Length: 99999",
        "Content-Length: -1",
        "Route: <sip:r;lr>\r\n\t,<sip:s>",
        "Expires: 1e9",
        "X-Other: \u{e9}",
        ":",
        "no colon",
        " fold",
        "Record-Route: <sip:r;lr>",
        "Subject:\r\n  \r\n x",
    ];
    prop_oneof![
        12 => select(known.to_vec()).prop_map(|line| line.as_bytes().to_vec()),
        1 => vec(any::<u8>(), 0..40),
    ]
}

fn whole() -> impl Strategy<Value = Vec<u8>> {
    let starts = [
        "INVITE sip:a@b SIP/2.0",
        "ACK sip:a SIP/2.0",
        "FOO tel:+1 SIP/2.0",
        "OPTIONS <sip:a> SIP/2.0",
        "BYE sip:a SIP/3.0",
        "SIP/2.0 200 OK",
        "SIP/2.0 100",
        "SIP/2.0 999 No",
        "GET / HTTP/1.1",
        "\r\n\r\nREGISTER sip:a SIP/2.0",
    ];
    let end = prop_oneof![8 => Just("\r\n"), 1 => Just("\n")];
    (select(starts.to_vec()), vec(line(), 0..14), end, vec(any::<u8>(), 0..20)).prop_map(
        |(start, lines, end, body)| {
            let mut text = start.as_bytes().to_vec();
            for line in lines {
                text.extend_from_slice(end.as_bytes());
                text.extend_from_slice(&line);
            }
            text.extend_from_slice(end.as_bytes());
            text.extend_from_slice(end.as_bytes());
            text.extend_from_slice(&body);
            text
        },
    )
}

/// The message with some bytes changed.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    (whole(), vec((any::<Index>(), any::<u8>()), 0..4)).prop_map(|(mut text, changes)| {
        for (at, byte) in changes {
            let at = at.index(text.len());
            text[at] = byte;
        }
        text
    })
}

fn uri_text() -> impl Strategy<Value = Vec<u8>> {
    let pieces = [
        "sip:",
        "sips:",
        "tel:",
        "a",
        "%41",
        "%zz",
        "@",
        ":",
        "5060",
        "[::1]",
        "[2001:db8:::1]",
        "example.com",
        ";",
        "lr",
        "=",
        "transport=tcp",
        "?",
        "&",
        "to",
        "+1",
        "/",
        "*",
        "user=phone",
        "<",
        " ",
    ];
    (vec(select(pieces.to_vec()), 0..12), vec(any::<u8>(), 0..2))
        .prop_map(|(pieces, tail)| [pieces.concat().into_bytes(), tail].concat())
}

/// A header value with bytes that must not get through.
fn value() -> impl Strategy<Value = Vec<u8>> {
    vec(prop_oneof![6 => 0x20_u8..0x7f, 1 => any::<u8>(), 1 => select(&b"\r\n\0:"[..])], 0..30)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn generated_messages_hold(text in damaged()) {
        checks::message(&text);
    }

    #[test]
    fn generated_uris_hold(text in uri_text()) {
        checks::uri(&text);
    }

    #[test]
    fn generated_streams_hold(size in 1_u8..40, messages in vec(whole(), 1..4)) {
        checks::framing(&[vec![size], messages.concat()].concat());
    }

    #[test]
    fn what_a_writer_writes_is_what_is_read(values in vec(value(), 0..12), body in vec(any::<u8>(), 0..60)) {
        let mut request = Request::new(Method::Message, "sip:a@b");
        for value in &values {
            request.header(HeaderName::Subject, value).other("X-Any", value);
        }
        request.body("application/octet-stream", Bytes::from(body.clone()));
        let message = Message::parse_stream(request.write(b"SIP/2.0/UDP a;branch=z9hG4bKx")).unwrap();
        prop_assert_eq!(message.headers().count(), 2 * values.len() + 3);
        for (read, value) in message.values(HeaderName::Subject).zip(&values) {
            let clean: Vec<u8> = value.iter().map(|&byte| if b"\r\n\0".contains(&byte) { b' ' } else { byte }).collect();
            let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
            let start = clean.iter().position(|byte| !blank(byte)).unwrap_or(clean.len());
            let end = clean.iter().rposition(|byte| !blank(byte)).map_or(start, |at| at + 1);
            prop_assert_eq!(read, &clean[start..end]);
        }
        prop_assert_eq!(message.body(), body);
    }
}
