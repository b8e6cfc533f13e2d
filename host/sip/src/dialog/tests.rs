//! Dialogs as both ends see them (RFC 3261 §12), and the 2xx that waits for its ACK (§13.3.1.4).
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::{AnswerResend, AnswerStep, Dialog, DialogError, DialogId};
use crate::message::{HeaderError, HeaderName, Message, Method, Request};

fn message(text: &str) -> Message {
    Message::parse(Bytes::from(format!("{}\r\n\r\n", text.replace('\n', "\r\n")))).expect("a message")
}

/// The request as its peer reads it.
fn sent(request: &Request) -> Message {
    let message = Message::parse(request.write(b"SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx"))
        .expect("a message of our own");
    message.check().expect("a request that a peer can read");
    message
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn header(message: &Message, name: HeaderName) -> String {
    text(message.value(name).unwrap_or_default())
}

fn headers(message: &Message, name: HeaderName) -> Vec<String> {
    message.values(name).map(text).collect()
}

/// The peer's INVITE, with these lines besides the mandatory ones.
fn invite(lines: &str) -> Message {
    message(&format!(
        "INVITE sip:bob@192.0.2.1 SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bKx\n\
         From: \"Al, ice\" <sip:alice@a.example>;tag=alice\nTo: Bob <sip:bob@b.example>\nCall-ID: one\n\
         CSeq: 314 INVITE\n{lines}"
    ))
}

/// Our INVITE and the peer's response to it.
fn answered(status: &str, to: &str, lines: &str) -> (Request, Message) {
    let mut request = Request::new(Method::Invite, "sip:bob@b.example");
    request
        .header(HeaderName::From, "<sip:alice@a.example>;tag=alice")
        .header(HeaderName::To, "<sip:bob@b.example>")
        .header(HeaderName::CallId, "one")
        .header(HeaderName::CSeq, "7 INVITE");
    let response = message(&format!(
        "SIP/2.0 {status}\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx\nFrom: <sip:alice@a.example>;tag=alice\n\
         To: {to}\nCall-ID: one\nCSeq: 7 INVITE\n{lines}"
    ));
    (request, response)
}

fn id(local: &str, remote: &str) -> DialogId {
    DialogId { sip_call_id: "one".to_owned(), local_tag: local.to_owned(), remote_tag: remote.to_owned() }
}

#[test]
fn a_uas_takes_route_set_and_target_from_the_request() {
    let routes =
        "Record-Route: <sip:p1.example;lr>, <sip:p2.example;lr>;x=\"a,b\"\nRecord-Route: <sip:p3.example;lr>";
    let mut dialog =
        Dialog::uas(&invite(&format!("Contact: <sip:alice@192.0.2.2:5070>\n{routes}")), "bob").unwrap();
    assert_eq!(dialog.id, id("bob", "alice"));
    assert_eq!(dialog.remote_target(), "sip:alice@192.0.2.2:5070");
    assert_eq!(dialog.next_hop(), "sip:p1.example;lr");
    let bye = sent(&dialog.request(Method::Bye));
    assert_eq!(bye.request_uri(), Some(b"sip:alice@192.0.2.2:5070".as_slice()));
    let expected = ["<sip:p1.example;lr>", "<sip:p2.example;lr>;x=\"a,b\"", "<sip:p3.example;lr>"];
    assert_eq!(headers(&bye, HeaderName::Route), expected);
    assert_eq!(header(&bye, HeaderName::From), "Bob <sip:bob@b.example>;tag=bob");
    assert_eq!(header(&bye, HeaderName::To), "\"Al, ice\" <sip:alice@a.example>;tag=alice");
    assert_eq!(header(&bye, HeaderName::CallId), "one");
    assert_eq!(header(&bye, HeaderName::CSeq), "1 BYE");
    assert_eq!(header(&bye, HeaderName::MaxForwards), "70");
}

#[test]
fn a_uac_takes_the_route_set_in_reverse_from_the_response() {
    let lines = "Contact: <sip:bob@192.0.2.2>\nRecord-Route: <sip:p1.example;lr>, <sip:p2.example;lr>";
    let (request, response) = answered("200 OK", "<sip:bob@b.example>;tag=bob", lines);
    let mut dialog = Dialog::uac(&request, &response).unwrap();
    assert_eq!(dialog.id, id("alice", "bob"));
    assert_eq!(dialog.next_hop(), "sip:p2.example;lr");
    let bye = sent(&dialog.request(Method::Bye));
    assert_eq!(headers(&bye, HeaderName::Route), ["<sip:p2.example;lr>", "<sip:p1.example;lr>"]);
    assert_eq!(header(&bye, HeaderName::CSeq), "8 BYE", "one more than the INVITE");
    assert_eq!(header(&bye, HeaderName::From), "<sip:alice@a.example>;tag=alice");
    assert_eq!(header(&bye, HeaderName::To), "<sip:bob@b.example>;tag=bob");
}

#[test]
fn what_is_ours_is_not_taken_from_a_response_that_changed_it() {
    let (request, _) = answered("200 OK", "<sip:bob@b.example>;tag=bob", "");
    let response = message(
        "SIP/2.0 200 OK\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx\nFrom: <sip:mallory@m.example>;tag=mallory\n\
         To: <sip:bob@b.example>;tag=bob\nCall-ID: two\nCSeq: 2147483647 INVITE\nContact: <sip:bob@192.0.2.2>",
    );
    let mut dialog = Dialog::uac(&request, &response).unwrap();
    assert_eq!(dialog.id, id("alice", "bob"));
    let bye = sent(&dialog.request(Method::Bye));
    assert_eq!(header(&bye, HeaderName::From), "<sip:alice@a.example>;tag=alice");
    assert_eq!(header(&bye, HeaderName::CSeq), "8 BYE");
}

#[test]
fn an_ack_has_the_number_of_its_invite_and_takes_none() {
    let (request, response) =
        answered("200 OK", "<sip:bob@b.example>;tag=bob", "Contact: <sip:bob@192.0.2.2>");
    let mut dialog = Dialog::uac(&request, &response).unwrap();
    let ack = sent(&dialog.ack(7));
    assert_eq!((ack.method(), header(&ack, HeaderName::CSeq)), (Method::Ack, "7 ACK".to_owned()));
    assert_eq!(ack.request_uri(), Some(b"sip:bob@192.0.2.2".as_slice()));
    assert_eq!(header(&sent(&dialog.request(Method::Invite)), HeaderName::CSeq), "8 INVITE");
    assert_eq!(header(&sent(&dialog.request(Method::Bye)), HeaderName::CSeq), "9 BYE");
}

#[test]
fn a_strict_router_gets_the_request_uri_and_the_target_comes_last() {
    let routes = "Record-Route: <sip:strict.example;method=INVITE;x=1?Subject=no>, <sip:loose.example;lr>";
    let mut dialog =
        Dialog::uas(&invite(&format!("Contact: <sip:alice@192.0.2.2>\n{routes}")), "bob").unwrap();
    let bye = sent(&dialog.request(Method::Bye));
    assert_eq!(
        bye.request_uri(),
        Some(b"sip:strict.example;x=1".as_slice()),
        "only what a Request-URI may have"
    );
    assert_eq!(headers(&bye, HeaderName::Route), ["<sip:loose.example;lr>", "<sip:alice@192.0.2.2>"]);
    assert!(dialog.next_hop().starts_with("sip:strict.example"));
}

#[test]
fn a_contact_with_headers_gives_a_request_uri_without() {
    let dialog =
        Dialog::uas(&invite("Contact: <sip:a?lice@192.0.2.2;method=BYE;ob?Subject=x>"), "bob").unwrap();
    assert_eq!(sent(&dialog.ack(1)).request_uri(), Some(b"sip:a?lice@192.0.2.2;ob".as_slice()));
}

#[test]
fn early_dialogs_of_a_fork_differ_by_their_tag_and_learn_their_target_with_the_2xx() {
    let (request, ringing) = answered("180 Ringing", "<sip:bob@b.example>;tag=desk", "");
    let mut desk = Dialog::uac(&request, &ringing).unwrap();
    let (_, other) = answered("180 Ringing", "<sip:bob@b.example>;tag=cell", "Contact: <sip:bob@192.0.2.3>");
    assert_ne!(desk.id, Dialog::uac(&request, &other).unwrap().id);
    assert_eq!(desk.remote_target(), "sip:bob@b.example", "without Contact: where the INVITE went");
    let (_, answer) = answered("200 OK", "<sip:bob@b.example>;tag=desk", "Contact: <sip:bob@192.0.2.2>");
    desk.refresh(&answer);
    assert_eq!(desk.remote_target(), "sip:bob@192.0.2.2");
}

#[test]
fn a_confirmed_dialog_goes_on_numbering_where_its_early_one_was() {
    let (request, ringing) = answered("180 Ringing", "<sip:bob@b.example>;tag=desk", "");
    let mut early = Dialog::uac(&request, &ringing).unwrap();
    early.request(Method::Prack);
    early.receive(&inside("UPDATE", 7, "\nContact: <sip:bob@192.0.2.2>")).unwrap();
    let (_, answer) = answered("200 OK", "<sip:bob@b.example>;tag=desk", "Contact: <sip:bob@192.0.2.2>");
    let mut confirmed = Dialog::uac(&request, &answer).unwrap();
    confirmed.go_on_from(&early);
    assert_eq!(header(&sent(&confirmed.request(Method::Bye)), HeaderName::CSeq), "9 BYE");
    let late = confirmed.receive(&inside("INFO", 6, "\nContact: <sip:bob@192.0.2.2>"));
    assert_eq!(late, Err(DialogError::OutOfOrder { last: 7, found: 6 }));
}

#[test]
fn a_peer_of_rfc_2543_has_an_empty_tag_but_a_tagless_provisional_makes_no_dialog() {
    let (request, answer) = answered("200 OK", "<sip:bob@b.example>", "Contact: <sip:bob@192.0.2.2>");
    assert_eq!(Dialog::uac(&request, &answer).unwrap().id, id("alice", ""));
    let (request, ringing) = answered("180 Ringing", "<sip:bob@b.example>", "");
    assert_eq!(Dialog::uac(&request, &ringing).unwrap_err(), DialogError::NoToTag);
    let old = message(
        "INVITE sip:bob@192.0.2.1 SIP/2.0\nFrom: sip:alice@a.example\nTo: sip:bob@b.example\nCall-ID: one\n\
         CSeq: 1 INVITE\nContact: sip:alice@192.0.2.2",
    );
    let mut dialog = Dialog::uas(&old, "bob").unwrap();
    assert_eq!(dialog.id, id("bob", ""));
    let bye = sent(&dialog.request(Method::Bye));
    assert_eq!(header(&bye, HeaderName::From), "sip:bob@b.example;tag=bob");
    assert_eq!(header(&bye, HeaderName::To), "sip:alice@a.example");
}

#[test]
fn what_a_dialog_needs_and_is_not_there_is_named() {
    let missing = DialogError::Header(HeaderError::Missing(HeaderName::Contact));
    assert_eq!(Dialog::uas(&invite("Subject: x"), "bob").unwrap_err(), missing);
    let malformed = DialogError::Header(HeaderError::Malformed(HeaderName::RecordRoute));
    let lines = "Contact: <sip:a@192.0.2.2>\nRecord-Route: <sip:open";
    assert_eq!(Dialog::uas(&invite(lines), "bob").unwrap_err(), malformed);
}

/// A request of the peer within the dialog.
fn inside(method: &str, cseq: u32, contact: &str) -> Message {
    message(&format!(
        "{method} sip:bob@192.0.2.1 SIP/2.0\nFrom: <sip:alice@a.example>;tag=alice\nTo: <sip:bob@b.example>;tag=bob\n\
         Call-ID: one\nCSeq: {cseq} {method}{contact}"
    ))
}

#[test]
fn requests_of_the_peer_come_in_order() {
    let mut dialog = Dialog::uas(&invite("Contact: <sip:alice@192.0.2.2>"), "bob").unwrap();
    assert_eq!(dialog.receive(&inside("ACK", 314, "")), Ok(()));
    assert_eq!(dialog.receive(&inside("INFO", 320, "")), Ok(()), "numbers may be left out");
    let late = DialogError::OutOfOrder { last: 320, found: 319 };
    assert_eq!(dialog.receive(&inside("INFO", 319, "")), Err(late));
    assert_eq!(dialog.receive(&inside("ACK", 314, "")), Ok(()), "a late ACK has the number of its INVITE");
    assert_eq!(dialog.receive(&inside("CANCEL", 314, "")), Ok(()));
    assert_eq!(dialog.receive(&inside("BYE", 321, "")), Ok(()));
}

#[test]
fn the_first_request_of_a_called_peer_sets_its_order() {
    let (request, response) =
        answered("200 OK", "<sip:bob@b.example>;tag=bob", "Contact: <sip:bob@192.0.2.2>");
    let mut dialog = Dialog::uac(&request, &response).unwrap();
    assert_eq!(dialog.receive(&inside("INFO", 3, "")), Ok(()), "its numbers are its own");
    assert_eq!(dialog.receive(&inside("BYE", 2, "")), Err(DialogError::OutOfOrder { last: 3, found: 2 }));
}

#[test]
fn invite_and_update_of_the_peer_refresh_the_target_and_nothing_else_does() {
    let contact = "\nContact: <sip:alice@192.0.2.9>";
    for (method, refreshes) in [("INVITE", true), ("UPDATE", true), ("INFO", false), ("OPTIONS", false)] {
        let routes = "Contact: <sip:alice@192.0.2.2>\nRecord-Route: <sip:p1.example;lr>";
        let mut dialog = Dialog::uas(&invite(routes), "bob").unwrap();
        dialog.receive(&inside(method, 315, contact)).unwrap();
        let expected = if refreshes { "sip:alice@192.0.2.9" } else { "sip:alice@192.0.2.2" };
        assert_eq!(dialog.remote_target(), expected, "{method}");
        assert_eq!(dialog.next_hop(), "sip:p1.example;lr", "the route set stays");
        dialog.receive(&inside("INVITE", 316, "")).unwrap();
        assert_eq!(dialog.remote_target(), expected, "without Contact nothing changes");
    }
}

#[test]
fn a_sips_request_makes_a_secure_dialog() {
    let secure = invite("Contact: <sips:alice@192.0.2.2>").bytes().clone();
    let secure = String::from_utf8(secure.to_vec()).unwrap().replace("INVITE sip:", "INVITE SIPS:");
    let dialog = Dialog::uas(&Message::parse(Bytes::from(secure)).unwrap(), "bob").unwrap();
    assert!(dialog.is_secure());
    assert!(!Dialog::uas(&invite("Contact: <sip:alice@192.0.2.2>"), "bob").unwrap().is_secure());
}

#[test]
fn a_2xx_is_resent_at_doubling_intervals_up_to_t2_until_64_t1() {
    #[expect(
        clippy::disallowed_methods,
        reason = "an Instant can only be had from the clock; all others are added to it"
    )]
    let begin = Instant::now();
    let bytes = Bytes::from_static(b"SIP/2.0 200 OK");
    let mut resend =
        AnswerResend::new(begin, bytes.clone(), Duration::from_millis(500), Duration::from_secs(4));
    assert_eq!(resend.poll(begin), AnswerStep::Wait);
    let mut times = Vec::new();
    loop {
        let due = resend.deadline();
        match resend.poll(due) {
            AnswerStep::Resend(again) => assert_eq!(again, bytes),
            AnswerStep::GiveUp => break,
            AnswerStep::Wait => panic!("a deadline with nothing to do"),
        }
        assert_eq!(resend.poll(due), AnswerStep::Wait);
        times.push((due - begin).as_millis());
    }
    assert_eq!(times, [500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500]);
    assert_eq!(resend.deadline(), begin + Duration::from_secs(32));
}
