//! URIs: their parts, and the comparison of RFC 3261 §19.1.4 with the RFC's own examples.
use cordboard_sip::message::Uri;

fn parse(text: &str) -> Uri<'_> {
    Uri::parse(text.as_bytes()).unwrap_or_else(|| panic!("{text} is a URI"))
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn the_parts_of_a_sip_uri_are_found() {
    let cases = [
        // (uri, user, password, host, port, params, headers)
        ("sip:alice@atlanta.com", Some("alice"), None, "atlanta.com", None, "", ""),
        (
            "sip:alice:secretword@atlanta.com;transport=tcp",
            Some("alice"),
            Some("secretword"),
            "atlanta.com",
            None,
            ";transport=tcp",
            "",
        ),
        (
            "sips:alice@atlanta.com?subject=project%20x&priority=urgent",
            Some("alice"),
            None,
            "atlanta.com",
            None,
            "",
            "subject=project%20x&priority=urgent",
        ),
        (
            "sip:+1-212-555-1212:1234@gateway.com;user=phone",
            Some("+1-212-555-1212"),
            Some("1234"),
            "gateway.com",
            None,
            ";user=phone",
            "",
        ),
        (
            "sip:atlanta.com;method=REGISTER?to=alice%40atlanta.com",
            None,
            None,
            "atlanta.com",
            None,
            ";method=REGISTER",
            "to=alice%40atlanta.com",
        ),
        ("sip:alice;day=tuesday@atlanta.com", Some("alice;day=tuesday"), None, "atlanta.com", None, "", ""),
        ("SIP:a?b/c@[2001:db8::1]:5070;lr", Some("a?b/c"), None, "[2001:db8::1]", Some(5070), ";lr", ""),
        ("sip:192.0.2.1:65535", None, None, "192.0.2.1", Some(65535), "", ""),
        ("sip:*97@pbx_1.local", Some("*97"), None, "pbx_1.local", None, "", ""),
    ];
    for (raw, user, password, host, port, params, headers) in cases {
        let uri = parse(raw);
        let found = (
            uri.user.map(text),
            uri.password.map(text),
            text(uri.host),
            uri.port,
            text(uri.params),
            text(uri.headers),
        );
        assert_eq!(found, (user, password, host, port, params, headers), "{raw}");
        assert!(uri.is_sip() && uri.raw == raw.as_bytes());
    }
}

#[test]
fn other_schemes_stay_opaque() {
    for raw in [
        "tel:+1-201-555-0123;phone-context=example.com",
        "isbn:2983792873",
        "soap.beep://192.0.2.103:3002",
        "urn:service:sos",
    ] {
        let uri = parse(raw);
        assert_eq!(
            (uri.is_sip(), uri.host, uri.user, uri.raw),
            (false, &b""[..], None, raw.as_bytes()),
            "{raw}"
        );
    }
}

#[test]
fn what_is_no_uri_is_refused() {
    let cases = [
        ("no scheme", "alice"),
        ("empty", ""),
        ("nothing behind the scheme", "sip:"),
        ("scheme starts with a digit", "1sip:alice@atlanta.com"),
        ("no host", "sip:alice@"),
        ("no user before the @", "sip:@atlanta.com"),
        ("two @", "sip:alice@bob@atlanta.com"),
        ("space", "sip:alice@atlanta.com; lr"),
        ("bracket", "<sip:alice@atlanta.com>"),
        ("quote", "sip:\"alice\"@atlanta.com"),
        ("line end", "sip:alice@atlanta.com\r\nX: y"),
        ("port with letters", "sip:alice@atlanta.com:50a"),
        ("port too large", "sip:alice@atlanta.com:65536"),
        ("empty port", "sip:alice@atlanta.com:"),
        ("IPv6 without brackets", "sip:2001:db8::10"),
        ("open bracket", "sip:[2001:db8::10"),
        ("no address in the brackets", "sip:[example.com]"),
        ("text behind the brackets", "sip:[::1]x"),
    ];
    for (name, raw) in cases {
        assert_eq!(Uri::parse(raw.as_bytes()), None, "{name}");
    }
}

#[test]
fn user_text_decodes_escapes() {
    let cases = [
        ("sip:%61lice%20b@h", "alice b"),
        ("sip:100%25@h", "100%"),
        ("sip:a%zz%4@h", "a%zz%4"),
        ("sip:%ff@h", "\u{fffd}"),
        ("sip:h", ""),
    ];
    for (raw, expected) in cases {
        assert_eq!(parse(raw).user_text(), expected, "{raw}");
    }
}

#[test]
fn parameters_are_found_without_regard_to_case() {
    let uri = parse("sip:a@b;Transport=TCP;lr;x=%41;=odd;;y=");
    assert_eq!(uri.param("transport"), Some(&b"TCP"[..]));
    assert_eq!(uri.param("LR"), Some(&b""[..]));
    assert_eq!(uri.param("x"), Some(&b"%41"[..]));
    assert_eq!(uri.param("y"), Some(&b""[..]));
    assert_eq!(uri.param("z"), None);
}

#[test]
fn equivalent_in_rfc_3261() {
    let cases = [
        ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;security=on"),
        ("sip:carol@chicago.com;newparam=5", "sip:carol@chicago.com;security=on"),
        (
            "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
            "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
        ),
        (
            "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
            "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
        ),
        ("tel:+12015550123", "TEL:+12015550123"),
    ];
    for (left, right) in cases {
        assert!(parse(left).equivalent(&parse(right)), "{left} = {right}");
        assert!(parse(right).equivalent(&parse(left)), "{right} = {left}");
    }
}

#[test]
fn not_equivalent_in_rfc_3261() {
    let cases = [
        ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
        ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
        ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"),
        ("sip:carol@chicago.com", "sips:carol@chicago.com"),
        ("sip:carol:a@chicago.com", "sip:carol:b@chicago.com"),
        ("sip:carol@chicago.com", "sip:chicago.com"),
        ("sip:carol@chicago.com;maddr=192.0.2.1", "sip:carol@chicago.com"),
        ("sip:carol@chicago.com;user=phone", "sip:carol@chicago.com"),
        ("tel:+12015550123", "tel:+12015550124"),
    ];
    for (left, right) in cases {
        assert!(!parse(left).equivalent(&parse(right)), "{left} != {right}");
        assert!(!parse(right).equivalent(&parse(left)), "{right} != {left}");
    }
}

#[test]
fn a_header_of_a_uri_is_decoded() {
    let uri = parse("sip:a@b;x=Replaces?Subject=a&replaces=1%402%3Bto-tag%3D3&Replaces=4&flag");
    let header = |name| uri.header(name).map(|value| String::from_utf8_lossy(&value).into_owned());
    assert_eq!(header("Replaces").as_deref(), Some("1@2;to-tag=3"));
    assert_eq!(header("flag").as_deref(), Some(""));
    assert_eq!(header("x"), None);
}
