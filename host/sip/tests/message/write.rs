//! Writers: no value can add a line, and responses copy what RFC 3261 §8.2.6 and RFC 3581 ask for.
use bytes::Bytes;
use cordboard_sip::Flow;
use cordboard_sip::message::{HeaderName, Message, Method, Request, Response, StatusCode};

fn flow(remote: &str) -> Flow {
    Flow::udp("192.0.2.1:5060".parse().unwrap(), remote.parse().unwrap())
}

fn invite(via: &str, more: &str) -> Message {
    let text = format!(
        "INVITE sip:a@b SIP/2.0\r\nVia: {via}\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\n{more}\r\n"
    );
    Message::parse(text.into()).unwrap()
}

fn text(bytes: Bytes) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn no_value_can_add_a_line() {
    let evil = "x\r\nEvil: 1\r\n\r\nbody\0";
    let mut request = Request::new(Method::Invite, format!("sip:a@b SIP/2.0{evil}"));
    request
        .header(HeaderName::Subject, evil)
        .header_fmt(HeaderName::Reason, evil)
        .other(format!("X{evil}"), evil)
        .other("\r\n: ", "no name left")
        .header(HeaderName::Other, "no name")
        .header_fmt(HeaderName::Other, "no name")
        .body(evil, Bytes::from_static(b"b"));
    let written = request.write(evil.as_bytes());
    let message = Message::parse(written.clone()).unwrap();
    assert_eq!(message.headers().count(), 6, "{written:?}");
    assert_eq!(message.other("Evil"), None);
    assert_eq!(message.body(), "b");
    assert!(!written.contains(&0));

    let mut response =
        Response::new(&invite("SIP/2.0/UDP a", ""), &flow("192.0.2.9:1"), StatusCode::OK, Some(evil));
    response.reason(evil).header(HeaderName::Subject, evil).other(evil, evil).body(evil, Bytes::new());
    let message = Message::parse(response.write()).unwrap();
    assert_eq!(message.headers().count(), 9);
    assert_eq!(message.other("Evil"), None);
}

#[test]
fn unknown_methods_are_written_with_their_token() {
    let request = Request::with_token("FOO BAR\r\n", "sip:a@b");
    assert_eq!(
        (request.method(), request.token(), request.uri()),
        (Method::Other, &b"FOOBAR"[..], &b"sip:a@b"[..])
    );
    assert!(request.write(b"SIP/2.0/UDP a").starts_with(b"FOOBAR sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP a\r\n"));
    assert_eq!(Request::with_token("BYE", "sip:a@b").method(), Method::Bye);
}

#[test]
fn what_was_written_so_far_can_be_read() {
    let mut request = Request::new(Method::Bye, "sip:a@b");
    request
        .header(HeaderName::Route, "<sip:r1;lr>")
        .header(HeaderName::Route, "<sip:r2;lr>")
        .other("X-A", "1");
    let routes: Vec<_> = request.values(HeaderName::Route).collect();
    assert_eq!(routes, [b"<sip:r1;lr>", b"<sip:r2;lr>"]);
    assert_eq!(
        request.headers().last().map(|header| (header.token, header.value)),
        Some((&b"X-A"[..], &b"1"[..]))
    );
    assert_eq!(request.value(HeaderName::To), None);
}

#[test]
fn the_second_body_replaces_the_first() {
    let mut request = Request::new(Method::Info, "sip:a@b");
    request.body("text/plain", Bytes::from_static(b"first")).body("application/x", Bytes::from_static(b"2"));
    let expected =
        "INFO sip:a@b SIP/2.0\r\nVia: v\r\nContent-Type: application/x\r\nContent-Length: 1\r\n\r\n2";
    assert_eq!(text(request.write(b"v")), expected);
}

#[test]
fn the_top_via_says_where_the_request_came_from() {
    // (via, source, expected)
    let cases = [
        ("SIP/2.0/UDP 192.0.2.9;branch=z", "192.0.2.9:5060", "SIP/2.0/UDP 192.0.2.9;branch=z"),
        ("SIP/2.0/UDP 192.0.2.9;branch=z", "192.0.2.9:9999", "SIP/2.0/UDP 192.0.2.9;branch=z"),
        (
            "SIP/2.0/UDP 10.0.0.1;branch=z",
            "192.0.2.9:5060",
            "SIP/2.0/UDP 10.0.0.1;branch=z;received=192.0.2.9",
        ),
        (
            "SIP/2.0/UDP a.example;branch=z",
            "192.0.2.9:5060",
            "SIP/2.0/UDP a.example;branch=z;received=192.0.2.9",
        ),
        (
            "SIP/2.0/UDP 192.0.2.9;rport;branch=z",
            "192.0.2.9:9999",
            "SIP/2.0/UDP 192.0.2.9;branch=z;received=192.0.2.9;rport=9999",
        ),
        (
            "SIP/2.0/UDP a;received=6.6.6.6;rport=6;branch=z",
            "192.0.2.9:9",
            "SIP/2.0/UDP a;branch=z;received=192.0.2.9;rport=9",
        ),
        ("SIP/2.0/UDP [2001:db8::9];branch=z", "[2001:db8::9]:5060", "SIP/2.0/UDP [2001:db8::9];branch=z"),
        (
            "SIP/2.0/UDP [2001:db8::8];branch=z",
            "[2001:db8::9]:5060",
            "SIP/2.0/UDP [2001:db8::8];branch=z;received=2001:db8::9",
        ),
        ("SIP/2.0/UDP 192.0.2.9;branch=z", "[::ffff:192.0.2.9]:5060", "SIP/2.0/UDP 192.0.2.9;branch=z"),
        (
            "SIP/2.0/UDP a;x=\"1;rport\", SIP/2.0/UDP b;rport",
            "192.0.2.9:1",
            "SIP/2.0/UDP a;x=\"1;rport\";received=192.0.2.9, SIP/2.0/UDP b;rport",
        ),
    ];
    for (via, source, expected) in cases {
        let response = Response::new(&invite(via, ""), &flow(source), StatusCode::OK, Some("t"));
        assert_eq!(
            response.value(HeaderName::Via).map(String::from_utf8_lossy).as_deref(),
            Some(expected),
            "{via} from {source}"
        );
    }
}

#[test]
fn record_route_and_timestamp_are_copied_where_they_belong() {
    let request = invite(
        "SIP/2.0/UDP a",
        "Record-Route: <sip:r1;lr>\r\nRecord-Route: <sip:r2;lr>\r\nTimestamp: 54\r\n",
    );
    // (status, Record-Routes, Timestamp)
    for (code, routes, timestamp) in
        [(100, 0, true), (101, 2, false), (183, 2, false), (200, 2, false), (300, 0, false), (486, 0, false)]
    {
        let response = Response::new(&request, &flow("192.0.2.9:1"), StatusCode::new(code).unwrap(), None);
        let found = response.headers().filter(|header| header.name == HeaderName::RecordRoute).count();
        assert_eq!((found, response.value(HeaderName::Timestamp).is_some()), (routes, timestamp), "{code}");
    }
}

#[test]
fn a_tag_is_added_only_where_there_is_none() {
    let to = |request: &Message, tag| {
        let response = Response::new(request, &flow("192.0.2.9:1"), StatusCode::OK, tag);
        String::from_utf8(response.value(HeaderName::To).unwrap().to_vec()).unwrap()
    };
    let without = invite("SIP/2.0/UDP a", "");
    assert_eq!(to(&without, Some("t")), "<sip:c@d>;tag=t");
    assert_eq!(to(&without, None), "<sip:c@d>");
    let text = String::from_utf8(without.bytes().to_vec())
        .unwrap()
        .replace("To: <sip:c@d>", "To: <sip:c@d>;x;TAG=2");
    assert_eq!(to(&Message::parse(text.into()).unwrap(), Some("t")), "<sip:c@d>;x;TAG=2");
}

#[test]
fn a_quoted_nul_and_a_fold_are_copied_without_adding_a_line() {
    let request = Bytes::from_static(
        b"BYE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP a\r\nFrom: \"\\\0\"\r\n <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\nCall-ID: x\r\nCSeq: 1 BYE\r\n\r\n",
    );
    let response =
        Response::new(&Message::parse(request).unwrap(), &flow("192.0.2.9:1"), StatusCode::OK, None);
    assert_eq!(response.value(HeaderName::From), Some(&b"\"\\\0\"   <sip:a@b>;tag=1"[..]));
}
