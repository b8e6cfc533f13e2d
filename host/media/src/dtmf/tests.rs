use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;
use crate::port::tests::origin;
use crate::rtp::RtpHeader;

const RATE: u32 = 8_000;
const FORMAT: EventFormat = EventFormat { payload_type: 101, clock_rate: RATE };

fn digit(key: char) -> Digit {
    Digit::from_char(key).expect("a key")
}

/// A packet of an event as the detector sees it.
#[derive(Clone, Copy, Debug)]
struct Packet {
    timestamp: u32,
    key: char,
    duration: u16,
    marker: bool,
    end: bool,
}

fn part(timestamp: u32, key: char, duration: u16) -> Packet {
    Packet { timestamp, key, duration, marker: false, end: false }
}

fn end(timestamp: u32, key: char, duration: u16) -> Packet {
    Packet { end: true, ..part(timestamp, key, duration) }
}

/// What a detector makes of packets that come every 20 ms, and of the silence after them.
struct Ear {
    now: Instant,
    detector: Detector,
    heard: Vec<(char, u128)>,
}

impl Ear {
    fn new() -> Self {
        Self { now: origin(), detector: Detector::new(origin()), heard: Vec::new() }
    }

    fn hear(&mut self, ssrc: u32, packet: Packet) {
        let header = RtpHeader { payload_type: 101, sequence: 0, timestamp: packet.timestamp, ssrc };
        let code = digit(packet.key).event();
        let Packet { marker, end, duration, .. } = packet;
        let presses =
            self.detector.receive(self.now, &header, TelephoneEvent { code, end, marker, duration }, RATE);
        self.note(presses.into_iter().flatten());
        self.wait(20);
    }

    fn wait(&mut self, milliseconds: u64) {
        self.now += Duration::from_millis(milliseconds);
        let press = self.detector.expire(self.now);
        self.note(press);
    }

    fn note(&mut self, presses: impl IntoIterator<Item = Press>) {
        self.heard
            .extend(presses.into_iter().map(|press| (press.digit.as_char(), press.duration.as_millis())));
    }
}

#[test]
fn one_press_is_one_digit() {
    let press = [
        part(1000, '5', 160),
        part(1000, '5', 320),
        end(1000, '5', 480),
        end(1000, '5', 480),
        end(1000, '5', 480),
    ];
    let next = [part(5000, '5', 160), end(5000, '5', 800)];
    let long = [part(1000, '5', 0xff00), part(1000 + 0xffff, '5', 160), end(1000 + 0xffff, '5', 8_000)];
    type Case<'a> = (&'a str, Vec<Packet>, &'a [(char, u128)]);
    let table: &[Case<'_>] = &[
        ("said in full", press.to_vec(), &[('5', 60)]),
        ("its end alone", vec![press[4]], &[('5', 60)]),
        ("without an end", press[..2].to_vec(), &[('5', 40)]),
        ("doubled", [press, press].concat(), &[('5', 60)]),
        ("its end before its middle", vec![press[0], press[2], press[1], press[3]], &[('5', 60)]),
        ("the same key twice", [press.as_slice(), &next].concat(), &[('5', 60), ('5', 100)]),
        (
            "the same key twice, the first end lost",
            vec![press[0], next[0], next[1]],
            &[('5', 20), ('5', 100)],
        ),
        (
            "a late packet of the press before",
            vec![press[2], next[0], press[3], next[1]],
            &[('5', 60), ('5', 100)],
        ),
        (
            "all that is left of a press comes late",
            vec![next[0], press[3], next[1]],
            &[('5', 60), ('5', 100)],
        ),
        ("longer than a duration can say", long.to_vec(), &[('5', 9191)]),
        ("longer, and doubled", [long, long].concat(), &[('5', 9191)]),
        (
            "timestamps over the wrap",
            vec![part(u32::MAX, '1', 160), end(u32::MAX, '1', 160), end(79, '2', 160)],
            &[('1', 20), ('2', 20)],
        ),
    ];
    for (name, packets, expected) in table {
        let mut ear = Ear::new();
        for packet in packets {
            ear.hear(1, *packet);
        }
        ear.wait(1_000);
        assert_eq!(ear.heard, *expected, "{name}");
    }
}

#[test]
fn a_press_is_over_when_nothing_more_is_heard_of_it() {
    let mut ear = Ear::new();
    ear.hear(1, part(1000, '#', 160));
    ear.wait(170);
    assert_eq!(ear.heard, []);
    ear.wait(20);
    assert_eq!(ear.heard, [('#', 20)]);
    ear.hear(1, end(1000, '#', 9_000));
    ear.hear(1, part(1000 + 0xffff, '#', 160));
    assert_eq!(ear.heard.len(), 1, "it was held all the time");
}

#[test]
fn another_source_counts_anew() {
    let mut ear = Ear::new();
    ear.hear(1, part(1000, '1', 160));
    ear.hear(2, end(1000, '1', 160));
    assert_eq!(ear.heard, [('1', 20), ('1', 20)]);
    ear.hear(2, end(1000u32.wrapping_sub(1 << 30), '2', 160));
    assert_eq!(ear.heard.len(), 3, "a clock that was set back is not late");
}

#[test]
fn a_flash_is_no_digit() {
    let mut detector = Detector::new(origin());
    let header = RtpHeader { payload_type: 101, sequence: 0, timestamp: 0, ssrc: 1 };
    let flash = TelephoneEvent { code: 16, end: true, marker: true, duration: 160 };
    assert_eq!(detector.receive(origin(), &header, flash, RATE), [None, None]);
}

#[test]
fn a_flood_of_digits_is_cut() {
    let mut ear = Ear::new();
    for press in 0..5_000 {
        ear.hear(1, end(press * 160, '1', 160));
    }
    assert!(ear.heard.len() < 2_600, "{} in 100 seconds", ear.heard.len());
}

#[test]
fn what_a_packet_says() {
    let mut packet = vec![0x80, 0x80 | 101, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 11, 0x8a, 0x01, 0x40];
    let expected = TelephoneEvent { code: 11, end: true, marker: true, duration: 320 };
    assert_eq!(TelephoneEvent::read(&packet), Some(expected));
    packet.pop();
    assert_eq!(TelephoneEvent::read(&packet), None, "cut");
    let extended = [&[0x91, 101][..], &[0; 10], &[0; 4], &[0, 0, 0, 1], &[9; 4], &[5, 10, 0, 160]].concat();
    let expected = TelephoneEvent { code: 5, end: false, marker: false, duration: 160 };
    assert_eq!(TelephoneEvent::read(&extended), Some(expected), "behind a CSRC and a header extension");
}

#[test]
fn keys_and_event_codes() {
    for (code, key) in "0123456789*#ABCD".chars().enumerate() {
        let digit = Digit::from_event(code as u8).expect("a digit");
        assert_eq!((digit.as_char(), Digit::from_char(key)), (key, Some(digit)));
    }
    assert_eq!(Digit::from_char('d'), Digit::from_char('D'));
    assert_eq!((Digit::from_event(16), Digit::from_char('x'), Digit::from_char('Ā')), (None, None, None));
    assert_eq!(format!("{:?}", digit('7')), "<digit>");
}

#[test]
fn payload_types_of_events() {
    let mut formats = EventFormats::default();
    assert!(formats.is_empty() && formats.preferred().is_none());
    for (payload_type, clock_rate) in [(110, 48_000), (101, 8_000), (101, 16_000), (127, 16_000)] {
        formats.add(EventFormat { payload_type, clock_rate });
    }
    assert_eq!(formats.preferred(), Some(FORMAT));
    assert_eq!(formats.of(127).map(|format| format.clock_rate), Some(16_000));
    let types = formats.types();
    assert_eq!(
        [0, 101, 110, 111, 127].map(|number| types.contains(number)),
        [false, true, true, false, true]
    );
}

/// Everything that is sent for some presses, with the time of each packet.
fn played(presses: &[(char, u64)]) -> Vec<(Duration, RtpHeader, TelephoneEvent)> {
    let start = origin();
    let mut sender = EventSender::new(start, FORMAT);
    for (key, milliseconds) in presses {
        sender.press(digit(*key), Duration::from_millis(*milliseconds));
    }
    let mut stream = Stream { ssrc: 7, sequence: u16::MAX - 1, timestamp: 1_000, at: start };
    let mut packets = Vec::new();
    while let Some(at) = sender.deadline() {
        assert!(sender.poll(at - Duration::from_nanos(1), stream).is_none());
        let packet = sender.poll(at, stream).expect("its time has come");
        stream.sequence = stream.sequence.wrapping_add(1);
        let header = RtpHeader::read(&packet).expect("RTP");
        packets.push((at - start, header, TelephoneEvent::read(&packet).expect("an event")));
    }
    packets
}

#[test]
fn a_press_that_we_send() {
    let packets = played(&[('5', 100)]);
    assert_eq!(packets.len(), 7);
    for (place, (at, header, event)) in packets.iter().enumerate() {
        let number = place as u16;
        assert_eq!(*at, Duration::from_millis(20) * u32::from(number));
        let expected = RtpHeader {
            payload_type: 101,
            sequence: (u16::MAX).wrapping_add(number),
            timestamp: 1_000,
            ssrc: 7,
        };
        assert_eq!(*header, expected);
        let expected = TelephoneEvent {
            code: 5,
            marker: place == 0,
            end: place >= 4,
            duration: 160 * (number + 1).min(5),
        };
        assert_eq!(*event, expected, "packet {place}");
    }
}

#[test]
fn presses_that_we_send_follow_each_other() {
    let packets = played(&[('1', 100), ('1', 40)]);
    let second = packets[7];
    assert_eq!(second.0, Duration::from_millis(140 + 60));
    assert_eq!(second.1.timestamp, 1_000 + 8 * 200);
    assert!(second.2.marker);
    assert_eq!(packets.len(), 14, "nobody hears a press of 40 ms");
    let packets = played(&[('1', 100); 100]);
    assert_eq!(packets.len(), 32 * 7, "what waits is bounded");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is lost, doubled or overtaken: as long as one packet of each press arrives, each press is one digit.
    #[test]
    fn any_loss_gives_exactly_the_pressed_digits(
        presses in proptest::collection::vec((0_usize..16, 1_u16..20, 3_u32..100), 1..24),
        start: u32,
        fates in proptest::collection::vec((0_u8..4, any::<bool>(), any::<bool>()), 1..97),
        survivor: prop::sample::Index,
    ) {
        let mut timestamp = start;
        let mut arrivals: Vec<(usize, Packet)> = Vec::new();
        let (mut place, mut fates) = (0, fates.iter().cycle());
        for (key, steps, pause) in &presses {
            let key = char::from(KEYS[*key]);
            let part = |step: u16| Packet {
                timestamp,
                key,
                duration: 160 * step.min(*steps),
                marker: step == 1,
                end: step > *steps,
            };
            let count = usize::from(steps + 3);
            let kept = survivor.index(count);
            for index in 0..count {
                let (luck, overtaken, doubled) = *fates.next().expect("a cycle");
                place += 2;
                if luck == 0 || index == kept {
                    arrivals.push((place + if overtaken { 3 } else { 0 }, part(index as u16 + 1)));
                    if doubled {
                        arrivals.push((place + 5, part(index as u16 + 1)));
                    }
                }
            }
            timestamp = timestamp.wrapping_add(160 * (u32::from(steps + 3) + pause));
        }
        arrivals.sort_by_key(|(place, _)| *place);
        let mut ear = Ear::new();
        for (_, packet) in arrivals {
            ear.hear(1, packet);
        }
        ear.wait(1_000);
        let expected: Vec<char> = presses.iter().map(|(key, ..)| char::from(KEYS[*key])).collect();
        let heard: Vec<char> = ear.heard.iter().map(|(key, _)| *key).collect();
        prop_assert_eq!(heard, expected);
    }
}
