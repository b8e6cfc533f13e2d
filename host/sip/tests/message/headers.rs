//! Typed readings of header values.
use bytes::Bytes;
use cordboard_sip::message::{
    CSeq, HeaderError, HeaderName, Message, Method, NameAddr, RAck, Replaces, StatusCode, Uri, Via,
};

fn with(headers: &str) -> Message {
    Message::parse(Bytes::from(format!("OPTIONS sip:a@b SIP/2.0\r\n{headers}\r\n"))).unwrap()
}

#[test]
fn addresses_are_read_in_every_form() {
    // (value, display, uri, params)
    let cases = [
        ("<sip:a@b>", None, "sip:a@b", ""),
        ("sip:a@b", None, "sip:a@b", ""),
        ("sip:a@b;tag=1", None, "sip:a@b", ";tag=1"),
        ("<sip:a@b;lr>;tag=1", None, "sip:a@b;lr", ";tag=1"),
        ("Bob <sip:a@b>", Some("Bob"), "sip:a@b", ""),
        ("Bob Smith<sip:a@b>", Some("Bob Smith"), "sip:a@b", ""),
        ("\"\" <sip:a@b>", Some(""), "sip:a@b", ""),
        ("\"B, <x>; \\\" y\" <sip:a@b> ; q=1", Some("B, <x>; \\\" y"), "sip:a@b", "; q=1"),
        ("Jürgen <sip:a@b>", Some("Jürgen"), "sip:a@b", ""),
        ("< sip:a@b >", None, "sip:a@b", ""),
        ("<tel:+1;phone-context=x>", None, "tel:+1;phone-context=x", ""),
        ("<sip:a@b?Route=%3Csip:c%3E>", None, "sip:a@b?Route=%3Csip:c%3E", ""),
        ("\"A\"\r\n <sip:a@b>\r\n ;tag=1", Some("A"), "sip:a@b", ";tag=1"),
    ];
    for (value, display, uri, params) in cases {
        let read = NameAddr::parse(value.as_bytes()).unwrap_or_else(|| panic!("{value}"));
        let expected = NameAddr {
            display: display.map(str::as_bytes),
            uri: Uri::parse(uri.as_bytes()).unwrap(),
            params: params.as_bytes(),
        };
        assert_eq!(read, expected, "{value}");
    }
}

#[test]
fn malformed_addresses_are_refused() {
    let cases = [
        "",
        "Bob",
        "<>",
        "<sip:a@b",
        "sip:a@b>",
        "\"Bob <sip:a@b>",
        "Bob\" <sip:a@b>",
        "\"Bob\" sip:a@b",
        "Bob, B <sip:a@b>",
        "<sip:a@b> tag=1",
        "sip:a@b?Route=x",
        "sip:a@b,sip:c@d",
        "\"\"\" <sip:a@b>",
        "<sip:a b@c>",
    ];
    for value in cases {
        assert_eq!(NameAddr::parse(value.as_bytes()), None, "{value}");
    }
}

#[test]
fn tags_are_tokens() {
    let tag = |value: &'static str| NameAddr::parse(value.as_bytes()).and_then(|address| address.tag());
    assert_eq!(tag("<sip:a@b>;x=y;TAG = a.b-c "), Some("a.b-c"));
    assert_eq!(tag("<sip:a@b;tag=no>"), None);
    assert_eq!(tag("<sip:a@b>;tag"), None);
    assert_eq!(tag("<sip:a@b>;tag=\"a b\""), None);
    assert_eq!(tag("<sip:a@b>;x=\";tag=no\";tag=yes"), Some("yes"));
}

#[test]
fn quotes_around_a_parameter_are_taken_off() {
    let contact = NameAddr::parse(b"<sip:a@b>;+sip.instance=\"<urn:uuid:1;2,3>\";reg-id=1").unwrap();
    assert_eq!(contact.param("+sip.instance"), Some(&b"<urn:uuid:1;2,3>"[..]));
    assert_eq!(contact.param("reg-id"), Some(&b"1"[..]));
}

#[test]
fn vias_are_read_in_every_form() {
    // (value, transport, host, port, branch)
    let cases = [
        ("SIP/2.0/UDP a.example:5060;branch=z9hG4bK1", "UDP", "a.example", Some(5060), Some("z9hG4bK1")),
        ("SIP/2.0/WSS df7jal23ls0d.invalid;branch=x;rport", "WSS", "df7jal23ls0d.invalid", None, Some("x")),
        ("sip / 2.0 /TLS-SCTP [::1] : 5061 ; branch = x", "TLS-SCTP", "[::1]", Some(5061), Some("x")),
        ("SIP/2.0/UDP 192.0.2.1", "UDP", "192.0.2.1", None, None),
        ("SIP/7.0/UDP c", "UDP", "c", None, None),
    ];
    for (value, transport, host, port, branch) in cases {
        let via = Via::parse(value.as_bytes()).unwrap_or_else(|| panic!("{value}"));
        assert_eq!(
            (via.transport, via.host, via.port),
            (transport.as_bytes(), host.as_bytes(), port),
            "{value}"
        );
        assert_eq!(via.branch(), branch.map(str::as_bytes), "{value}");
    }
}

#[test]
fn malformed_vias_are_refused() {
    let cases = [
        "",
        ";",
        "SIP/2.0/UDP",
        "SIP/2.0/UDP ",
        "SIP/2.0/UDPa.example",
        "SIP/2.0 UDP a",
        "HTTP/2.0/TCP a",
        "SIP/2.0/UDP a:",
        "SIP/2.0/UDP a:99999",
        "SIP/2.0/UDP a b",
        "SIP/2.0/UDP [::g]",
        "SIP/2.0/UDP ;branch=x",
        "SIP//UDP a",
    ];
    for value in cases {
        assert_eq!(Via::parse(value.as_bytes()), None, "{value}");
    }
}

#[test]
fn sequence_numbers_stay_below_2_to_the_31() {
    let cases = [
        ("1 INVITE", Some((1, Method::Invite))),
        ("0009\r\n  INVITE", Some((9, Method::Invite))),
        ("2147483647 BYE", Some((2_147_483_647, Method::Bye))),
        ("2147483648 BYE", None),
        ("36893488147419103232 REGISTER", None),
        ("1 invite", Some((1, Method::Other))),
        ("1INVITE", None),
        ("1", None),
        ("INVITE 1", None),
        ("-1 INVITE", None),
        ("1 INVITE x", None),
        ("", None),
    ];
    for (value, expected) in cases {
        let expected = expected.map(|(number, method)| CSeq { number, method });
        assert_eq!(CSeq::parse(value.as_bytes()), expected, "{value}");
    }
    let rack = RAck { rseq: 776_656, cseq: CSeq { number: 1, method: Method::Invite } };
    assert_eq!(RAck::parse(b"776656 1 INVITE"), Some(rack));
    assert_eq!(RAck::parse(b"776656 INVITE"), None);
}

#[test]
fn numbers_are_bounded() {
    assert_eq!(with("Max-Forwards: 255\r\n").max_forwards(), Ok(Some(255)));
    assert_eq!(with("").max_forwards(), Ok(None));
    for value in ["256", "x", "", "-1", "1 1"] {
        let found = with(&format!("Max-Forwards: {value}\r\n")).max_forwards();
        assert_eq!(found, Err(HeaderError::Malformed(HeaderName::MaxForwards)), "{value}");
    }
    assert_eq!(with("Expires: 99999999999999999999\r\n").expires(), Ok(Some(u32::MAX)));
    assert_eq!(with("Expires: soon\r\n").expires(), Err(HeaderError::Malformed(HeaderName::Expires)));
    assert_eq!(with("Min-Expires: 60\r\n").min_expires(), Ok(Some(60)));
    assert_eq!(with("RSeq: 1\r\n").rseq(), Ok(Some(1)));
    assert_eq!(with("").rack(), Err(HeaderError::Missing(HeaderName::RAck)));
}

#[test]
fn call_ids_have_no_white_space_and_are_text() {
    assert_eq!(with("Call-ID: a@b\r\n").call_id(), Ok("a@b"));
    let malformed = Err(HeaderError::Malformed(HeaderName::CallId));
    assert_eq!(with("Call-ID: a b\r\n").call_id(), malformed);
    assert_eq!(with("Call-ID:\r\n").call_id(), malformed);
    let bytes = Bytes::from_static(b"OPTIONS sip:a SIP/2.0\r\ni: \xff\r\n\r\n");
    assert_eq!(Message::parse(bytes).unwrap().call_id(), malformed);
}

#[test]
fn a_star_is_no_contact() {
    let message = with("Contact: *\r\n");
    assert!(message.is_wildcard_contact());
    assert_eq!(message.contacts().count(), 0);
    assert!(!with("Contact: <sip:*@b>\r\n").is_wildcard_contact());
}

#[test]
fn lists_go_over_lines_and_keep_commas_in_quotes_and_brackets() {
    let message = with("Contact: \"a,b\" <sip:a@b>, <sip:c,d@e>\r\nm: ,,<sip:f@g>;x=\"1,2\" ,\r\n");
    let elements: Vec<_> = message.elements(HeaderName::Contact).collect();
    assert_eq!(elements, [&b"\"a,b\" <sip:a@b>"[..], b"<sip:c,d@e>", b"<sip:f@g>;x=\"1,2\""]);
    let message = with("Supported: replaces,\r\n timer\r\nk: 100rel\r\n");
    let listed =
        ["100REL", "timer", "replaces", "path"].map(|token| message.lists(HeaderName::Supported, token));
    assert_eq!(listed, [true, true, true, false]);
}

#[test]
fn routes_keep_their_order() {
    let message = with("Route: <sip:a;lr>, <sip:b;lr>\r\nRoute: <sip:c;lr>\r\n");
    let hosts: Vec<_> = message.name_addrs(HeaderName::Route).map(|route| route.unwrap().uri.host).collect();
    assert_eq!(hosts, [b"a", b"b", b"c"]);
}

#[test]
fn every_name_is_read_in_any_case_and_as_it_is_written() {
    for name in [
        HeaderName::Via,
        HeaderName::To,
        HeaderName::WwwAuthenticate,
        HeaderName::PPreferredIdentity,
        HeaderName::MinSe,
    ] {
        let text = name.as_str();
        for token in [text.to_owned(), text.to_ascii_uppercase(), text.to_ascii_lowercase()] {
            assert_eq!(HeaderName::of_token(token.as_bytes()), name, "{token}");
        }
    }
    let compact = b"bcefiklmorstuvx".map(|letter| HeaderName::of_token(&[letter]).as_str());
    let expected = [
        "Referred-By",
        "Content-Type",
        "Content-Encoding",
        "From",
        "Call-ID",
        "Supported",
        "Content-Length",
        "Contact",
        "Event",
        "Refer-To",
        "Subject",
        "To",
        "Allow-Events",
        "Via",
        "Session-Expires",
    ];
    assert_eq!(compact, expected);
    for unknown in [
        "",
        "X-Foo",
        "Vi",
        "Via2",
        "Proxy-AuthorizationX",
        "d",
        "A-Header-Name-Longer-Than-Any-Known",
        "Call\rID",
        "Content\rLength",
        "Content-Lengtl",
        "Contfnt-Length",
        "\u{14}o",
    ] {
        assert_eq!(HeaderName::of_token(unknown.as_bytes()), HeaderName::Other, "{unknown}");
    }
}

#[test]
fn methods_and_statuses_have_their_text() {
    for token in [
        "INVITE",
        "ACK",
        "BYE",
        "CANCEL",
        "REGISTER",
        "OPTIONS",
        "UPDATE",
        "PRACK",
        "INFO",
        "REFER",
        "NOTIFY",
        "SUBSCRIBE",
        "MESSAGE",
        "PUBLISH",
    ] {
        assert_eq!(Method::of_token(token.as_bytes()).as_str(), token);
        assert_eq!(
            Method::of_token(token.to_ascii_lowercase().as_bytes()),
            Method::Other,
            "methods are case-sensitive"
        );
    }
    assert_eq!(StatusCode::BUSY_HERE.usual_reason(), "Busy Here");
    assert_eq!(StatusCode::new(299).unwrap().usual_reason(), "Unknown");
    assert_eq!((StatusCode::new(99), StatusCode::new(700)), (None, None));
}

#[test]
fn replaces_names_a_dialog_as_its_receiver_knows_it() {
    let full = |early_only| {
        let (sip_call_id, to_tag, from_tag) = ("98732@sip.test".into(), "r33".into(), "ff8".into());
        Some(Replaces { sip_call_id, to_tag, from_tag, early_only })
    };
    for (value, expected) in [
        ("98732@sip.test;from-tag=ff8;to-tag=r33", full(false)),
        (" 98732@sip.test ; To-Tag=r33 ; From-Tag=ff8 ; x", full(false)),
        ("98732@sip.test;to-tag=r33;from-tag=ff8;early-only", full(true)),
        ("98732@sip.test;to-tag=r33", None),
        ("98732@sip.test;to-tag=;from-tag=ff8", None),
        (";to-tag=r33;from-tag=ff8", None),
        ("98732@sip.test", None),
        ("", None),
    ] {
        assert_eq!(Replaces::parse(value.as_bytes()), expected, "{value:?}");
    }
}
