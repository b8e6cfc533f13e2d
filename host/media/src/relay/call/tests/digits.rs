//! Digits: heard in telephone events, and converted between a side that takes those and one that takes INFO.

use super::*;

#[test]
fn telephone_events_are_recognised_and_relayed() {
    let now = origin();
    let mut call = call(now, with_events(CALLER, 101), with_events(CALLEE, 96));
    let five = pressed(96, 5, 1000);
    assert_eq!(call.hear(now, FROM_CALLER, at(CALLER), &five), to(FROM_CALLEE, CALLEE));
    assert_eq!(call.due(), Some(now));
    assert_eq!(told(&mut call, now), [(Side::Caller, '5', 100)], "under the payload type of the other side");
    assert_eq!(call.due(), None);
    call.hear(now, FROM_CALLER, at(CALLER), &five);
    call.hear(now, FROM_CALLER, at(CALLER), &pressed(101, 6, 5000));
    call.hear(now, FROM_CALLER, at(STRANGER), &pressed(96, 7, 9000));
    assert_eq!(told(&mut call, now), [], "a repetition, another payload type, a stranger");
    call.hear(now, FROM_CALLEE, at(CALLEE), &pressed(101, 11, 1000));
    assert_eq!(told(&mut call, now), [(Side::Callee, '#', 100)]);
}

#[test]
fn a_press_whose_end_is_lost_is_told_after_a_while() {
    let now = origin();
    let mut call = call(now, with_events(CALLER, 101), with_events(CALLEE, 101));
    let mut held = pressed(101, 5, 1000);
    held[13] = 10;
    call.hear(now, FROM_CALLEE, at(CALLEE), &held);
    assert_eq!(told(&mut call, now), []);
    let due = call.due().expect("it is waited for");
    assert!(due > now);
    assert_eq!(told(&mut call, due), [(Side::Callee, '5', 100)]);
    assert_eq!(call.due(), None);
}

#[test]
fn they_are_taken_out_for_a_side_that_takes_info() {
    let now = origin();
    let mut call = Call::new(now, MediaId(1));
    call.announce(now, Side::Caller, &says(with_events(CALLER, 101)));
    call.announce(now, Side::Callee, &Announcement { digits_by_info: true, ..says(announced(CALLEE)) });
    let numbered = |sequence: u16, packet: &[u8]| {
        let mut packet = packet.to_vec();
        packet[2..4].copy_from_slice(&sequence.to_be_bytes());
        packet
    };
    let (_, sent) = call.relay(now, FROM_CALLER, at(CALLER), &numbered(9, &rtp())).expect("speech passes");
    assert_eq!(sent, numbered(9, &rtp()));
    for sequence in 10..13 {
        let event = numbered(sequence, &pressed(101, 5, 1000));
        assert_eq!(call.hear(now, FROM_CALLER, at(CALLER), &event), None);
    }
    assert_eq!(told(&mut call, now), [(Side::Caller, '5', 100)]);
    let (_, sent) = call.relay(now, FROM_CALLER, at(CALLER), &numbered(13, &rtp())).expect("speech passes");
    assert_eq!(sent, numbered(10, &rtp()), "without a gap");
    let counters = call.counters(Side::Caller)[0];
    assert_eq!((counters.packets, counters.lost), (5, 0));
}

/// Everything that a call sends of itself until nothing is due.
fn sent(call: &mut Call) -> Vec<(Departure, Vec<u8>)> {
    let mut packets = Vec::new();
    while let Some(due) = call.due() {
        call.serve(due, |_, _| {}, |departure, packet| packets.push((departure, packet.to_vec())));
    }
    packets
}

#[test]
fn those_of_an_info_go_into_the_stream_of_who_pressed_them() {
    let now = origin();
    let mut call = call(now, with_events(CALLER, 101), announced(CALLEE));
    let mut speech = rtp().to_vec();
    (speech[3], speech[11]) = (100, 77);
    assert!(call.hear(now, FROM_CALLEE, at(CALLEE), &speech).is_some());
    let digit = Digit::from_char('7').expect("a key");
    call.press(now, Side::Callee, digit, Duration::from_millis(100), 0x1234_5678);
    let events = sent(&mut call);
    assert_eq!(events.len(), 7);
    for (place, (departure, packet)) in events.iter().enumerate() {
        assert_eq!(*departure, to(FROM_CALLER, CALLER).expect("a departure"));
        let header = RtpHeader::read(packet).expect("RTP");
        let sequence = 101 + place as u16;
        assert_eq!((header.payload_type, header.sequence, header.ssrc), (101, sequence, 77));
        assert_eq!(packet[12], 7);
    }
    speech[3] = 101;
    let (_, relayed) = call.relay(now, FROM_CALLEE, at(CALLEE), &speech).expect("speech passes");
    assert_eq!(relayed[2..4], [0, 108], "numbered after the events");
    assert_eq!(relayed[4..], speech[4..]);
}

#[test]
fn those_of_a_side_that_has_sent_nothing_make_a_stream_of_their_own() {
    let now = origin();
    let mut call = call(now, with_events(CALLER, 101), announced(CALLEE));
    let digit = Digit::from_char('7').expect("a key");
    call.press(now, Side::Callee, digit, Duration::from_millis(100), 0x1234_5678);
    let events = sent(&mut call);
    let headers: Vec<_> = events.iter().filter_map(|(_, packet)| RtpHeader::read(packet)).collect();
    assert_eq!(headers.len(), 7);
    assert!(
        headers.iter().all(|header| (header.ssrc, header.timestamp) == (0x1234_5678, headers[0].timestamp))
    );
    assert!(headers.windows(2).all(|pair| pair[1].sequence == pair[0].sequence.wrapping_add(1)));
}

#[test]
fn nobody_gets_a_payload_type_that_was_not_announced() {
    let now = origin();
    let mut call = call(now, announced(CALLER), announced(CALLEE));
    call.press(now, Side::Callee, Digit::from_char('7').expect("a key"), Duration::from_millis(100), 1);
    assert_eq!(sent(&mut call), []);
}
