//! What is refused, what is tolerated, and what can still be answered.
use bytes::Bytes;
use cordboard_sip::message::{
    HeaderName, MAX_HEADER_BYTES, MAX_HEADERS, MAX_MESSAGE_BYTES, Message, ParseError, Problem, Response,
    StartLine, StatusCode, Verdict,
};
use cordboard_sip::{Flow, Transport};

const MANDATORY: &str = "Via: SIP/2.0/UDP a.example;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\n\
    Call-ID: x@y\r\nCSeq: 1 OPTIONS\r\n";

fn request(more: &str) -> Bytes {
    Bytes::from(format!("OPTIONS sip:a@b SIP/2.0\r\n{MANDATORY}{more}"))
}

/// The problem of a request that is to be answered.
fn answered(bytes: Bytes, transport: Transport) -> Problem {
    match Verdict::of(bytes, transport) {
        Verdict::Answer { problem, .. } => problem,
        other => panic!("{other:?}"),
    }
}

fn body_of(bytes: Bytes, transport: Transport) -> Bytes {
    match Verdict::of(bytes, transport) {
        Verdict::Accept(message) => message.body(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn content_length_says_where_the_body_ends() {
    let malformed = Problem::Malformed(HeaderName::ContentLength);
    let problems = [
        ("larger than the datagram", "Content-Length: 5\r\n\r\nbody", Problem::BodyTruncated),
        (
            "larger than any number",
            "Content-Length: 99999999999999999999999\r\n\r\nbody",
            Problem::BodyTruncated,
        ),
        ("negative", "Content-Length: -1\r\n\r\nbody", malformed),
        ("no number", "Content-Length: four\r\n\r\nbody", malformed),
        ("empty", "l:\r\n\r\nbody", malformed),
        ("signed", "l: +4\r\n\r\nbody", malformed),
        ("two that differ", "Content-Length: 4\r\nl: 3\r\n\r\nbody", Problem::ContentLengthsDiffer),
        ("a list", "Content-Length: 4, 4\r\n\r\nbody", malformed),
    ];
    for (name, more, problem) in problems {
        for transport in [Transport::Udp, Transport::Tcp, Transport::Wss] {
            assert_eq!(answered(request(more), transport), problem, "{name} on {transport}");
        }
    }
    let bodies = [
        ("exact", "Content-Length: 4\r\n\r\nbody", "body"),
        ("smaller: the rest is ignored", "Content-Length: 2\r\n\r\nbody", "bo"),
        ("zero", "Content-Length: 0\r\n\r\nbody", ""),
        ("leading zeros", "Content-Length: 0004\r\n\r\nbody", "body"),
        ("two that agree", "Content-Length: 4\r\nl: 4\r\n\r\nbody", "body"),
    ];
    for (name, more, body) in bodies {
        for transport in [Transport::Udp, Transport::Tcp] {
            assert_eq!(body_of(request(more), transport), body, "{name} on {transport}");
        }
    }
}

#[test]
fn an_absent_content_length_means_the_rest_of_the_datagram_and_nothing_on_a_stream() {
    let bytes = request("\r\nbody");
    assert_eq!(body_of(bytes.clone(), Transport::Udp), "body");
    assert_eq!(body_of(bytes.clone(), Transport::Ws), "body");
    for transport in [Transport::Tcp, Transport::Tls] {
        assert_eq!(answered(bytes.clone(), transport), Problem::Missing(HeaderName::ContentLength));
    }
}

#[test]
fn what_is_not_sip_is_dropped() {
    let cases = [
        ("nothing", "", ParseError::Empty),
        ("keep-alive", "\r\n\r\n", ParseError::Empty),
        ("HTTP", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", ParseError::NotSip),
        ("HTTP response", "HTTP/1.1 200 OK\r\n\r\n", ParseError::NotSip),
        ("one word", "OPTIONS\r\n\r\n", ParseError::NotSip),
        ("no version", "OPTIONS sip:a@b\r\n\r\n", ParseError::NotSip),
        ("method with a bracket", "OPT<ONS sip:a@b SIP/2.0\r\n\r\n", ParseError::NotSip),
        ("leading space", " OPTIONS sip:a@b SIP/2.0\r\n\r\n", ParseError::NotSip),
        ("response of another version", "SIP/3.0 200 OK\r\n\r\n", ParseError::NotSip),
        ("status with two digits", "SIP/2.0 99 No\r\n\r\n", ParseError::NotSip),
        ("status of 700", "SIP/2.0 700 No\r\n\r\n", ParseError::NotSip),
        ("status of 000", "SIP/2.0 000 No\r\n\r\n", ParseError::NotSip),
        ("status with letters", "SIP/2.0 2x0 No\r\n\r\n", ParseError::NotSip),
        ("status with four digits", "SIP/2.0 2000 No\r\n\r\n", ParseError::NotSip),
        ("NUL bytes", "\0\0\0\0", ParseError::NotSip),
    ];
    for (name, text, error) in cases {
        assert_eq!(Message::parse(Bytes::from(text)), Err(error), "{name}");
    }
}

#[test]
fn a_message_has_a_longest_length() {
    let mut bytes = request("\r\n").to_vec();
    bytes.resize(MAX_MESSAGE_BYTES, b'x');
    assert_eq!(
        Message::parse(bytes.clone().into()).map(|message| message.bytes().len()),
        Ok(MAX_MESSAGE_BYTES)
    );
    bytes.push(b'x');
    let error = ParseError::TooLong { limit: MAX_MESSAGE_BYTES, actual: MAX_MESSAGE_BYTES + 1 };
    assert_eq!(Message::parse(bytes.into()), Err(error));
}

#[test]
fn header_lines_have_a_longest_length_and_number() {
    let fits = format!("X: {}\r\n\r\n", "x".repeat(MAX_HEADER_BYTES - 5));
    assert!(matches!(Verdict::of(request(&fits), Transport::Udp), Verdict::Accept(_)));
    let long = format!("X: {}\r\n\r\n", "x".repeat(MAX_HEADER_BYTES - 4));
    assert_eq!(answered(request(&long), Transport::Udp), Problem::HeaderTooLong);
    let folded = format!("X: {}\r\n\r\n", "x\r\n ".repeat(MAX_HEADER_BYTES / 4));
    assert_eq!(answered(request(&folded), Transport::Udp), Problem::HeaderTooLong);
    let fits = "X: y\r\n".repeat(MAX_HEADERS - 5) + "\r\n";
    assert!(matches!(Verdict::of(request(&fits), Transport::Udp), Verdict::Accept(_)));
    let many = "X: y\r\n".repeat(MAX_HEADERS - 4) + "\r\n";
    assert_eq!(answered(request(&many), Transport::Udp), Problem::TooManyHeaders);
    assert_eq!(Problem::TooManyHeaders.status(), StatusCode::MESSAGE_TOO_LARGE);
}

#[test]
fn broken_header_lines_are_answered() {
    let cases = [
        ("no colon", "nonsense\r\n\r\n", Problem::HeaderLine),
        ("no name", ": value\r\n\r\n", Problem::HeaderLine),
        ("name with a space", "My Header: value\r\n\r\n", Problem::HeaderLine),
        ("name with a NUL", "X\0: value\r\n\r\n", Problem::HeaderLine),
        ("no empty line", "X: y\r\n", Problem::NoEmptyLine),
        ("no line end", "X: y", Problem::NoEmptyLine),
    ];
    for (name, more, problem) in cases {
        assert_eq!(answered(request(more), Transport::Udp), problem, "{name}");
    }
    let fold_of_nothing = Bytes::from(format!("OPTIONS sip:a@b SIP/2.0\r\n X: y\r\n{MANDATORY}\r\n"));
    assert_eq!(answered(fold_of_nothing, Transport::Udp), Problem::HeaderLine);
}

#[test]
fn mandatory_headers_are_asked_for() {
    // (removed, put in its place, problem)
    let cases = [
        ("From: <sip:a@b>;tag=1\r\n", "", Problem::Missing(HeaderName::From)),
        ("To: <sip:c@d>\r\n", "", Problem::Missing(HeaderName::To)),
        ("Call-ID: x@y\r\n", "", Problem::Missing(HeaderName::CallId)),
        ("CSeq: 1 OPTIONS\r\n", "", Problem::Missing(HeaderName::CSeq)),
        ("From: <sip:a@b>", "From: <sip:a@b", Problem::Malformed(HeaderName::From)),
        ("To: <sip:c@d>", "To: nobody", Problem::Malformed(HeaderName::To)),
        ("x@y", "x y", Problem::Malformed(HeaderName::CallId)),
        ("1 OPTIONS", "OPTIONS", Problem::Malformed(HeaderName::CSeq)),
        ("1 OPTIONS", "1 INVITE", Problem::CSeqMethod),
        ("1 OPTIONS", "1 options", Problem::CSeqMethod),
        ("To: <sip:c@d>", "To: <sip:c@d>\r\nt: <sip:c@d>", Problem::Repeated(HeaderName::To)),
        ("Call-ID: x@y", "Call-ID: x@y\r\ni: x@y", Problem::Repeated(HeaderName::CallId)),
        ("CSeq: ", "Max-Forwards: 1000\r\nCSeq: ", Problem::Malformed(HeaderName::MaxForwards)),
        ("CSeq: ", "Contact: <sip:a\r\nCSeq: ", Problem::Malformed(HeaderName::Contact)),
        ("CSeq: ", "Via: nonsense\r\nCSeq: ", Problem::Malformed(HeaderName::Via)),
        ("sip:a@b SIP/2.0", "a@b SIP/2.0", Problem::RequestUri),
        ("sip:a@b SIP/2.0", "sip:a@b?x=y SIP/2.0", Problem::RequestUri),
        ("sip:a@b SIP/2.0", "<sip:a@b> SIP/2.0", Problem::RequestLine),
        ("sip:a@b SIP/2.0", " sip:a@b SIP/2.0", Problem::RequestLine),
        ("sip:a@b SIP/2.0", "sip:a@b SIP/2.0 ", Problem::RequestLine),
        ("sip:a@b SIP/2.0", "SIP/2.0", Problem::RequestLine),
        ("sip:a@b SIP/2.0", "sip:a@b SIP/7.0", Problem::Version),
    ];
    let valid = String::from_utf8(request("\r\n").to_vec()).unwrap();
    for (removed, instead, problem) in cases {
        assert!(valid.contains(removed), "{removed}");
        let text = valid.replacen(removed, instead, 1);
        assert_eq!(answered(text.into(), Transport::Udp), problem, "{removed} -> {instead}");
    }
}

#[test]
fn what_nobody_waits_for_is_dropped() {
    let valid = String::from_utf8(request("\r\n").to_vec()).unwrap();
    let cases = [
        ("ACK", valid.replace("OPTIONS", "ACK").replace("x@y", "x y")),
        ("no Via to answer to", valid.replace("Via: ", "X: ")),
        ("unreadable Via", valid.replace("SIP/2.0/UDP", "SIP/2.0")),
        (
            "response without CSeq",
            valid.replace("OPTIONS sip:a@b SIP/2.0", "SIP/2.0 200 OK").replace("CSeq:", "X:"),
        ),
        ("truncated response", valid.replace("OPTIONS sip:a@b SIP/2.0", "SIP/2.0 200 OK\r\nl: 3")),
    ];
    for (name, text) in cases {
        assert!(matches!(Verdict::of(text.into(), Transport::Udp), Verdict::Drop(_)), "{name}");
    }
}

#[test]
fn a_malformed_request_can_be_answered() {
    let bytes = request("nonsense\r\nContent-Length: x\r\n\r\n");
    let Verdict::Answer { request, problem } = Verdict::of(bytes, Transport::Udp) else { panic!("answered") };
    let flow = Flow::udp("192.0.2.1:5060".parse().unwrap(), "192.0.2.2:5062".parse().unwrap());
    let mut response = Response::new(&request, &flow, problem.status(), Some("t"));
    response.reason(&problem.to_string());
    let expected = "SIP/2.0 400 Malformed Header Line\r\n\
        Via: SIP/2.0/UDP a.example;branch=z9hG4bK1;received=192.0.2.2\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=t\r\n\
        Call-ID: x@y\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(response.write(), expected);
}

#[test]
fn line_ends_of_lone_lf_and_leading_line_ends_are_tolerated() {
    let text = String::from_utf8(request("\r\nbody").to_vec()).unwrap().replace("\r\n", "\n");
    let message = Message::parse(Bytes::from(format!("\r\n\n\r\n{text}"))).unwrap();
    assert_eq!((message.check(), message.body()), (Ok(()), Bytes::from("body")));
    assert!(message.bytes().starts_with(b"OPTIONS"));
}

#[test]
fn reason_phrases_and_unknown_headers_are_kept_byte_by_byte() {
    let bytes = Bytes::from_static(b"sip/2.0 299 \xff quite  fine \r\nX-A : \xfe\r\n\xc3: no name\r\n\r\n");
    let Err(ParseError::Malformed { message, problem }) = Message::parse(bytes) else { panic!("malformed") };
    assert_eq!(problem, Problem::HeaderLine);
    let status = StatusCode::new(299).unwrap();
    assert_eq!(message.start(), StartLine::Response { status, reason: b"\xff quite  fine " });
    assert_eq!(message.other("x-a"), Some(&b"\xfe"[..]));
    let bare = Message::parse(Bytes::from_static(b"SIP/2.0 100\r\n\r\n")).unwrap();
    assert_eq!(bare.start(), StartLine::Response { status: StatusCode::TRYING, reason: b"" });
}
