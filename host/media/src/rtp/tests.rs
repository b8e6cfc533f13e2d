use super::*;
use std::time::Duration;

fn packet(first: u8, second: u8, length: usize) -> Vec<u8> {
    let mut packet = vec![0; length];
    for (byte, value) in packet.iter_mut().zip([first, second, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]) {
        *byte = value;
    }
    packet
}

#[test]
fn what_is_rtp_and_what_is_rtcp() {
    let table = [
        ("RTP", packet(0x80, 0, 172), true, false),
        ("RTP with padding, extension and CSRC", packet(0xbf, 0x80 | 96, 172), true, false),
        ("RTP without payload", packet(0x80, 0, 12), true, false),
        ("too short for RTP", packet(0x80, 0, 11), false, false),
        ("nothing", vec![], false, false),
        ("RTCP sender report", packet(0x80, 200, 28), false, true),
        ("RTCP of the smallest kind", packet(0x81, 203, 8), false, true),
        ("the last type below RTCP", packet(0x80, 191, 28), true, false),
        ("the first type above RTCP", packet(0x80, 224, 28), true, false),
        ("STUN", packet(0x00, 0x01, 20), false, false),
        ("DTLS", packet(0x16, 0xfe, 40), false, false),
        ("RTP version 1", packet(0x40, 0, 40), false, false),
    ];
    for (name, packet, rtp, rtcp) in table {
        assert_eq!((RtpHeader::read(&packet).is_some(), is_rtcp(&packet)), (rtp, rtcp), "{name}");
    }
}

#[test]
fn the_fields_of_a_header() {
    let expected =
        RtpHeader { payload_type: 96, sequence: 0x0102, timestamp: 0x0304_0506, ssrc: 0x0708_090a };
    assert_eq!(RtpHeader::read(&packet(0x80, 0x80 | 96, 12)), Some(expected));
}

/// A packet of 20 ms at 8 kHz.
fn header(sequence: u16, ssrc: u32) -> RtpHeader {
    RtpHeader { payload_type: 0, sequence, timestamp: u32::from(sequence) * 160, ssrc }
}

fn lost(sequences: impl IntoIterator<Item = u16>) -> u64 {
    let mut reception = Reception::default();
    for sequence in sequences {
        reception.receive(&header(sequence, 1), Duration::ZERO);
    }
    reception.lost()
}

#[test]
fn losses() {
    let table: &[(&str, &[u16], u64)] = &[
        ("nothing yet", &[], 0),
        ("one packet", &[7], 0),
        ("in order", &[1, 2, 3], 0),
        ("a gap", &[1, 2, 5], 2),
        ("a late one fills the gap", &[1, 3, 2, 4], 0),
        ("a duplicate", &[1, 2, 2, 3], 0),
        ("over the wrap", &[65_534, 65_535, 0, 1], 0),
        ("a gap over the wrap", &[65_534, 1], 2),
        ("late over the wrap", &[65_535, 1, 0], 0),
        ("one wild number is no gap", &[1, 2, 40_000, 3], 0),
        ("a restart begins anew", &[1, 2, 40_000, 40_001, 40_002], 0),
        ("what was lost before a restart stays lost", &[1, 3, 40_000, 40_001, 40_004], 3),
    ];
    for (name, sequences, expected) in table {
        assert_eq!(lost(sequences.iter().copied()), *expected, "{name}");
    }
}

#[test]
fn every_tenth_of_a_long_stream() {
    let sequences = (0..200_000_u32).filter(|n| n % 10 != 5).map(|n| n as u16);
    assert_eq!(lost(sequences), 20_000);
}

#[test]
fn losses_add_up_over_sources() {
    let mut reception = Reception::default();
    for (sequence, ssrc) in [(1, 1), (3, 1), (900, 2), (903, 2)] {
        reception.receive(&header(sequence, ssrc), Duration::ZERO);
    }
    assert_eq!(reception.lost(), 1 + 2);
}

/// Shows 200 packets of 20 ms, of which every second one comes `late` milliseconds late.
fn jitter(payload_type: u8, hertz: u32, late: u64) -> u32 {
    let mut reception = Reception::default();
    for number in 0..200_u16 {
        let timestamp = u32::MAX - 500; // Close to the wrap, which must not matter.
        let header = RtpHeader {
            payload_type,
            sequence: number,
            timestamp: timestamp.wrapping_add(u32::from(number) * (hertz / 50)),
            ssrc: 1,
        };
        let arrival = 20 * u64::from(number) + late * u64::from(number % 2);
        reception.receive(&header, Duration::from_millis(arrival));
    }
    reception.jitter()
}

#[test]
fn jitter_is_in_units_of_the_clock() {
    let table = [
        ("steady", 0, 8_000, 0, 0..=0),
        ("5 ms at 8 kHz", 0, 8_000, 5, 38..=40),
        ("5 ms at 48 kHz, measured", 111, 48_000, 5, 230..=241),
        ("5 ms at 16 kHz, measured", 96, 16_000, 5, 76..=81),
        ("5 ms of video", 31, 90_000, 5, 440..=450),
        ("steady at 48 kHz", 111, 48_000, 0, 0..=0),
    ];
    for (name, payload_type, hertz, late, expected) in table {
        let jitter = jitter(payload_type, hertz, late);
        assert!(expected.contains(&jitter), "{name}: {jitter} is not in {expected:?}");
    }
}

#[test]
fn an_event_in_between_is_no_jitter() {
    let mut reception = Reception::default();
    for number in 0..50_u16 {
        let mut header = header(number, 1);
        if (20..30).contains(&number) {
            header.payload_type = 101;
            header.timestamp = 20 * 160;
        }
        reception.receive(&header, Duration::from_millis(20 * u64::from(number)));
    }
    assert_eq!(reception.jitter(), 0);
}

#[test]
fn forged_timestamps_do_not_overflow() {
    let mut reception = Reception::default();
    for number in 0..100_000_u32 {
        let timestamp = if number % 2 == 0 { 0 } else { 1 << 31 };
        let header = RtpHeader { payload_type: 0, sequence: number as u16, timestamp, ssrc: 1 };
        reception.receive(&header, Duration::ZERO);
    }
    assert!(reception.jitter() > 0);
}
