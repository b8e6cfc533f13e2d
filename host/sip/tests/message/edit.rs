//! Changes to a received message: what they name changes, the rest is copied byte by byte.
use bytes::Bytes;
use cordboard_sip::message::{Edit, HeaderName, Message};

const RECEIVED: &str = "INVITE sip:a@b SIP/2.0\r\nVIA : one\r\nMax-Forwards: 70\r\nRoute: <sip:r1>\r\nX-Odd:  a\r\n b\r\n\
    route: <sip:r2>\r\nl: 4\r\nSubject: s\r\n\r\nbodyrest";

fn edited(change: impl for<'a, 'b> FnOnce(&'b mut Edit<'a>)) -> String {
    let message = Message::parse(Bytes::from(RECEIVED)).unwrap();
    let mut edit = Edit::of(&message);
    change(&mut edit);
    String::from_utf8(edit.write().to_vec()).unwrap()
}

#[test]
fn without_changes_the_message_is_copied() {
    assert_eq!(edited(|_| {}), RECEIVED.strip_suffix("rest").unwrap());
}

#[test]
fn changes_touch_only_what_they_name() {
    let expected = "INVITE sip:c@d SIP/2.0\r\nVia: new\r\nVIA : one\r\nMax-Forwards: 69\r\nRoute: <sip:r3>\r\nX-Odd:  a\r\n b\r\n\
        Expires: 60\r\nContent-Length: 3\r\n\r\nnew";
    let found = edited(|edit| {
        edit.request_uri(b"sip:c@d").insert(HeaderName::Via, b"new").replace(HeaderName::MaxForwards, b"69");
        edit.replace(HeaderName::Route, b"<sip:r3>")
            .remove(HeaderName::Subject)
            .replace(HeaderName::Expires, b"60")
            .body(b"new");
    });
    assert_eq!(found, expected);
}

#[test]
fn the_last_change_of_a_header_counts() {
    let found = edited(|edit| {
        edit.remove(HeaderName::Route)
            .replace(HeaderName::Route, b"<sip:r3>")
            .replace(HeaderName::Subject, b"x")
            .remove(HeaderName::Subject);
    });
    assert!(
        found.contains("\r\nRoute: <sip:r3>\r\n") && !found.contains("r2") && !found.contains("Subject"),
        "{found}"
    );
}

#[test]
fn later_insertions_stand_above_earlier_ones() {
    let found = edited(|edit| {
        edit.insert(HeaderName::Via, b"1").insert(HeaderName::RecordRoute, b"2");
    });
    assert!(
        found.starts_with("INVITE sip:a@b SIP/2.0\r\nRecord-Route: 2\r\nVia: 1\r\nVIA : one\r\n"),
        "{found}"
    );
}

#[test]
fn no_change_can_add_a_line_or_a_wrong_length() {
    let found = edited(|edit| {
        edit.replace(HeaderName::Subject, b"x\r\nEvil: 1")
            .insert(HeaderName::Via, b"\nEvil: 1")
            .request_uri(b"sip:a\r\nEvil: 1");
        edit.replace(HeaderName::ContentLength, b"999")
            .remove(HeaderName::Other)
            .insert(HeaderName::Other, b"x");
    });
    let message = Message::parse(found.clone().into()).unwrap_err();
    assert!(
        matches!(message, cordboard_sip::message::ParseError::Malformed { .. }),
        "the bad URI is seen: {found}"
    );
    assert!(!found.contains("\nEvil") && found.contains("\r\nl: 4\r\n"), "{found}");
}

#[test]
fn a_response_has_no_request_uri() {
    let message = Message::parse(Bytes::from("SIP/2.0 200 OK\nX: y\n\nbody")).unwrap();
    let written = Edit::of(&message).request_uri(b"sip:a").write();
    assert_eq!(written, "SIP/2.0 200 OK\nX: y\nContent-Length: 4\r\n\r\nbody");
}
