//! Reading a message allocates nothing; writing it again allocates its buffer.
use allocation_counter::measure;
use bytes::Bytes;
use cordboard_sip::message::{Edit, HeaderName, MAX_HEADERS, Message};

/// An INVITE with as many header lines as ordinary ones have.
fn invite(extra_lines: usize) -> Bytes {
    let text = super::invite::INVITE.replace("X-Thing: value\r\n", &"X-Thing: value\r\n".repeat(extra_lines));
    // `Bytes` turns a Vec into a shared buffer at the first clone; a real datagram is a slice of one already.
    let bytes = Bytes::from(text);
    drop(bytes.clone());
    bytes
}

fn read_everything(message: &Message) -> bool {
    message.check().is_ok()
        && message.vias().all(|via| via.is_ok_and(|via| via.branch().is_some()))
        && message.contacts().all(|contact| contact.is_ok())
        && message.from().is_ok_and(|from| from.tag().is_some())
        && message.value(HeaderName::RecordRoute).is_some()
        && !message.body().is_empty()
}

#[test]
fn parsing_and_reading_an_ordinary_invite_allocates_nothing() {
    let bytes = invite(12);
    let mut readable = false;
    let counted = measure(|| {
        let message = Message::parse(bytes.clone()).ok();
        readable = message.as_ref().is_some_and(read_everything) && message.clone().is_some();
    });
    assert!(readable);
    assert_eq!(counted.count_total, 0);
}

#[test]
fn many_header_lines_cost_a_bounded_number_of_allocations() {
    let bytes = invite(MAX_HEADERS - 11);
    let counted = measure(|| drop(Message::parse(bytes.clone())));
    assert!((1..=3).contains(&counted.count_total), "{counted:?}");
}

#[test]
fn writing_a_message_again_allocates_its_buffer_once() {
    let message = Message::parse(invite(1)).unwrap();
    let mut written = Bytes::new();
    let counted = measure(|| {
        written = Edit::of(&message)
            .insert(HeaderName::Via, b"SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx")
            .replace(HeaderName::MaxForwards, b"69")
            .remove(HeaderName::RecordRoute)
            .write();
    });
    assert!(written.len() > 500);
    assert_eq!(counted.count_total, 1, "{counted:?}");
}
