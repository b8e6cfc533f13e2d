//! Cutting a stream into messages, however its bytes arrive.
use bytes::BytesMut;
use cordboard_sip::message::{HeaderName, MAX_MESSAGE_BYTES, Problem, Verdict};
use cordboard_sip::transport::Transport;
use cordboard_sip::transport::framing::{Frame, Framer, FramingError};

const HELLO: &str = "MESSAGE sip:a@b SIP/2.0\r\nContent-Length: 5\r\n\r\nhello";
const EMPTY: &str = "OPTIONS sip:a@b SIP/2.0\r\nl:0\r\n\r\n";

/// Feeds `stream` in chunks of `size` and collects what comes out.
fn cut(stream: &[u8], size: usize) -> (Vec<String>, Option<FramingError>) {
    let (mut framer, mut buffer, mut frames) = (Framer::default(), BytesMut::new(), Vec::new());
    for chunk in stream.chunks(size) {
        buffer.extend_from_slice(chunk);
        loop {
            match framer.next(&mut buffer) {
                Ok(Some(Frame::Message(bytes))) => frames.push(String::from_utf8_lossy(&bytes).into_owned()),
                Ok(Some(Frame::Ping)) => frames.push("ping".to_owned()),
                Ok(None) => break,
                Err(error) => return (frames, Some(error)),
            }
        }
    }
    (frames, None)
}

#[test]
fn frames_do_not_depend_on_how_the_bytes_arrive() {
    let cases: [(&str, String, &[&str]); 7] = [
        ("one message", HELLO.to_owned(), &[HELLO]),
        ("two messages at once", format!("{HELLO}{EMPTY}"), &[HELLO, EMPTY]),
        ("a ping between", format!("{EMPTY}\r\n\r\n{HELLO}"), &[EMPTY, "ping", HELLO]),
        ("a pong between", format!("{EMPTY}\r\n{HELLO}"), &[EMPTY, HELLO]),
        ("ping and pong", format!("\r\n\r\n\r\n{HELLO}"), &["ping", HELLO]),
        (
            "lone LF",
            "OPTIONS sip:a@b SIP/2.0\nl:1\n\nxOPT".to_owned(),
            &["OPTIONS sip:a@b SIP/2.0\nl:1\n\nx"],
        ),
        ("not complete yet", format!("{EMPTY}{}", &HELLO[..HELLO.len() - 1]), &[EMPTY]),
    ];
    for (name, stream, expected) in &cases {
        for size in 1..stream.len() {
            assert_eq!(
                cut(stream.as_bytes(), size),
                (expected.iter().map(|&text| text.to_owned()).collect(), None),
                "{name} by {size}"
            );
        }
    }
}

#[test]
fn without_a_usable_content_length_the_message_is_answered_and_the_connection_ends() {
    let cases = [
        ("absent", "", Problem::Missing(HeaderName::ContentLength)),
        ("no number", "Content-Length: x\r\n", Problem::Malformed(HeaderName::ContentLength)),
        ("two that differ", "l: 1\r\nl: 2\r\n", Problem::ContentLengthsDiffer),
    ];
    for (name, length, problem) in cases {
        let head = format!("OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP a\r\n{length}\r\n");
        let stream = format!("{head}{EMPTY}");
        for size in [1, 7, stream.len()] {
            let (frames, error) = cut(stream.as_bytes(), size);
            assert_eq!(
                (frames.as_slice(), error),
                (&[head.clone()][..], Some(FramingError::UnknownLength)),
                "{name} by {size}"
            );
        }
        let Verdict::Answer { problem: found, .. } = Verdict::of(head.into(), Transport::Tcp) else {
            panic!("{name}")
        };
        assert_eq!(found, problem, "{name}");
    }
}

#[test]
fn a_header_block_without_end_is_refused() {
    let stream = vec![b'x'; MAX_MESSAGE_BYTES + 1];
    let error = FramingError::HeadersTooLong { limit: MAX_MESSAGE_BYTES };
    for size in [1000, stream.len()] {
        assert_eq!(cut(&stream, size), (Vec::new(), Some(error.clone())));
    }
}

#[test]
fn a_message_that_is_too_long_is_refused_before_its_body_comes() {
    let head = "OPTIONS sip:a@b SIP/2.0\r\nl: 99999999999999999999\r\n\r\n";
    let (frames, error) = cut(head.as_bytes(), 10);
    assert!(frames.is_empty());
    assert_eq!(error, Some(FramingError::MessageTooLong { limit: MAX_MESSAGE_BYTES, announced: usize::MAX }));
    let length = MAX_MESSAGE_BYTES - "OPTIONS sip:a@b SIP/2.0\r\nl: 65500\r\n\r\n".len();
    let fits = format!("OPTIONS sip:a@b SIP/2.0\r\nl: {length}\r\n\r\n{}", "x".repeat(length));
    assert_eq!(fits.len(), MAX_MESSAGE_BYTES);
    assert_eq!(cut(fits.as_bytes(), 4096), (vec![fits.clone()], None));
}
