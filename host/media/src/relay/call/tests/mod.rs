mod digits;
mod security;

use proptest::prelude::*;

use super::*;
use crate::dtmf::{EventFormat, EventFormats};
use crate::port::tests::origin;

const CALLER: &str = "192.0.2.1:4000";
const CALLEE: &str = "192.0.2.2:5000";
const STRANGER: &str = "203.0.113.66:6000";
/// Announced by a phone behind NAT, and where its packets come from.
const PRIVATE: &str = "192.168.1.20:7000";
const NAT: &str = "198.51.100.3:31234";

const FROM_CALLER: Port = Port { side: Side::Caller, stream: 0, control: false };
const FROM_CALLEE: Port = Port { side: Side::Callee, stream: 0, control: false };
const FROM_CALLER_RTCP: Port = Port { control: true, ..FROM_CALLER };
const FROM_CALLEE_RTCP: Port = Port { control: true, ..FROM_CALLEE };

fn at(address: &str) -> SocketAddr {
    address.parse().unwrap()
}

/// RTCP on the next port.
fn announced(rtp: &str) -> RemoteStream {
    let rtp = at(rtp);
    RemoteStream {
        rtp,
        rtcp: SocketAddr::new(rtp.ip(), rtp.port() + 1),
        sends: true,
        secure: false,
        events: EventFormats::default(),
    }
}

fn muxed(rtp: &str) -> RemoteStream {
    RemoteStream { rtcp: at(rtp), ..announced(rtp) }
}

/// What a phone announces whose SIP comes through the NAT.
fn says(stream: RemoteStream) -> Announcement {
    Announcement {
        streams: [Some(stream), None],
        signalling: Some(at(NAT).ip()),
        keys: [None, None],
        digits_by_info: false,
    }
}

fn call(now: Instant, caller: RemoteStream, callee: RemoteStream) -> Call {
    let mut call = Call::new(now, MediaId(1));
    call.announce(now, Side::Caller, &says(caller));
    call.announce(now, Side::Callee, &says(callee));
    call
}

fn rtp() -> [u8; 20] {
    let mut packet = [0; 20];
    packet[0] = 0x80;
    packet
}

fn rtcp() -> [u8; 28] {
    let mut packet = [0; 28];
    [packet[0], packet[1]] = [0x80, 200];
    packet
}

impl Call {
    /// Where a packet goes.
    fn hear(&mut self, now: Instant, port: Port, from: SocketAddr, packet: &[u8]) -> Option<Departure> {
        self.relay(now, port, from, packet).map(|(departure, _)| departure)
    }

    /// Where a packet goes, and as what.
    fn relay(
        &mut self,
        now: Instant,
        port: Port,
        from: SocketAddr,
        packet: &[u8],
    ) -> Option<(Departure, Vec<u8>)> {
        let mut buffer = [packet, &[0; MAX_TRAILER_BYTES]].concat();
        let mut packet = Packet { buffer: &mut buffer, length: packet.len() };
        let departure = self.receive(now, port, from, &mut packet)?;
        Some((departure, packet.bytes().to_vec()))
    }
}

fn to(port: Port, address: &str) -> Option<Departure> {
    Some(Departure { port, to: at(address) })
}

#[test]
fn ports_have_their_place_in_the_block() {
    for index in 0..PORTS {
        assert_eq!(Port::from_index(index).index(), index);
    }
    assert_eq!(Port::from_index(0), FROM_CALLER);
    assert_eq!(Port::from_index(5), FROM_CALLEE_RTCP);
    assert_eq!(Port::from_index(2), Port { side: Side::Caller, stream: 1, control: false });
}

#[test]
fn a_packet_leaves_at_the_other_side() {
    let now = origin();
    let mut call = call(now, announced(CALLER), announced(CALLEE));
    assert_eq!(call.hear(now, FROM_CALLER, at(CALLER), &rtp()), to(FROM_CALLEE, CALLEE));
    assert_eq!(call.hear(now, FROM_CALLEE, at(CALLEE), &rtp()), to(FROM_CALLER, CALLER));
    let [caller, _] = [Side::Caller, Side::Callee].map(|side| call.counters(side)[0]);
    assert_eq!((caller.packets, caller.bytes, caller.refused), (1, 20, 0));
}

#[test]
fn what_is_no_rtp_passes_from_the_peer_only() {
    let now = origin();
    let mut call = call(now, announced(CALLER), announced(CALLEE));
    for (name, packet) in
        [("STUN", &[0, 1, 0, 0][..]), ("DTLS", &[22, 254, 253]), ("T.38", &[0x80, 200, 1]), ("", &[])]
    {
        assert_eq!(call.hear(now, FROM_CALLER, at(CALLER), packet), to(FROM_CALLEE, CALLEE), "{name}");
        assert_eq!(call.hear(now, FROM_CALLER, at(STRANGER), packet), None, "{name}");
    }
}

#[test]
fn nothing_is_relayed_or_learnt_before_both_sides_are_known() {
    let now = origin();
    let mut call = Call::new(now, MediaId(1));
    assert_eq!(call.hear(now, FROM_CALLER, at(CALLER), &rtp()), None);
    call.announce(now, Side::Caller, &says(announced(CALLER)));
    let later = now + Duration::from_secs(30);
    for _ in 0..100 {
        assert_eq!(call.hear(later, FROM_CALLER, at(STRANGER), &rtp()), None);
    }
    call.announce(later, Side::Callee, &says(announced(CALLEE)));
    assert_eq!(call.hear(later, FROM_CALLEE, at(CALLEE), &rtp()), to(FROM_CALLER, CALLER));
    assert_eq!(call.hear(later, FROM_CALLER, at(STRANGER), &rtp()), None);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Not even on the host that the SIP of the leg comes from, and however long the peer is silent.
    #[test]
    fn no_report_and_no_short_packet_teaches_a_source(
        packets in proptest::collection::vec(
            prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..crate::rtp::HEADER_BYTES),
                (192_u8..=223, proptest::collection::vec(any::<u8>(), 0..60))
                    .prop_map(|(kind, rest)| [vec![0x80, kind], rest].concat()),
            ],
            1..40,
        ),
    ) {
        let mut now = origin();
        let mut call = call(now, announced(PRIVATE), announced(CALLEE));
        for packet in packets {
            now += Duration::from_secs(1);
            prop_assert_eq!(call.hear(now, FROM_CALLER, at(NAT), &packet), None);
            prop_assert_eq!(call.hear(now, FROM_CALLEE, at(CALLEE), &rtp()), to(FROM_CALLER, PRIVATE));
        }
    }
}

#[test]
fn where_rtcp_goes() {
    let table = [
        (
            "ports of its own",
            announced(CALLER),
            announced(CALLEE),
            FROM_CALLER_RTCP,
            to(FROM_CALLEE_RTCP, "192.0.2.2:5001"),
        ),
        ("agreed multiplexing", muxed(CALLER), muxed(CALLEE), FROM_CALLER, to(FROM_CALLEE, CALLEE)),
        (
            "an offer to multiplex that the answer does not take",
            announced(CALLER),
            muxed(CALLEE),
            FROM_CALLER_RTCP,
            to(FROM_CALLEE_RTCP, "192.0.2.2:5001"),
        ),
        ("hold by 0.0.0.0", announced(CALLER), announced("0.0.0.0:5000"), FROM_CALLER_RTCP, None),
    ];
    for (name, caller, callee, port, expected) in table {
        let now = origin();
        let mut call = call(now, caller, callee);
        let from = if port.control { caller.rtcp } else { caller.rtp };
        assert_eq!(call.hear(now, port, from, &rtcp()), expected, "{name}");
        assert_eq!(call.hear(now, port, at(STRANGER), &rtcp()), None, "{name}: a stranger's");
        let counters = call.counters(Side::Caller)[0];
        assert_eq!((counters.rtcp_packets, counters.packets), (u64::from(expected.is_some()), 0), "{name}");
    }
}

#[test]
fn rtcp_of_a_phone_behind_nat() {
    let now = origin();
    let mut call = call(now, announced(CALLER), announced(PRIVATE));
    let report = at("198.51.100.3:31777");
    assert_eq!(call.hear(now, FROM_CALLEE_RTCP, report, &rtcp()), None, "its host is not known yet");
    for _ in 0..3 {
        call.hear(now, FROM_CALLEE, at(NAT), &rtp());
    }
    assert_eq!(call.hear(now, FROM_CALLEE_RTCP, report, &rtcp()), to(FROM_CALLER_RTCP, "192.0.2.1:4001"));
    let back = call.hear(now, FROM_CALLER_RTCP, at("192.0.2.1:4001"), &rtcp());
    assert_eq!(back, to(FROM_CALLEE_RTCP, "198.51.100.3:31235"), "RTCP has taught nothing");
    assert_eq!(call.hear(now, FROM_CALLER, at(CALLER), &rtp()), to(FROM_CALLEE, NAT));
}

#[test]
fn a_stream_that_a_side_withdrew_is_dropped_and_counted() {
    let now = origin();
    let mut call = call(now, announced(CALLER), announced(CALLEE));
    call.announce(now, Side::Callee, &Announcement { streams: [None, None], ..says(announced(CALLEE)) });
    assert_eq!(call.hear(now, FROM_CALLEE, at(CALLEE), &rtp()), None);
    assert_eq!(call.hear(now, FROM_CALLER, at(CALLER), &rtp()), None);
    assert_eq!(call.counters(Side::Callee)[0].refused, 1);
    call.announce(now, Side::Callee, &says(announced(CALLEE)));
    assert_eq!(call.hear(now, FROM_CALLEE, at(CALLEE), &rtp()), to(FROM_CALLER, CALLER));
}

#[test]
fn when_a_call_is_dead() {
    const TIMEOUT: Duration = Duration::from_secs(60);
    let quiet = |rtp| RemoteStream { sends: false, ..announced(rtp) };
    let [both, holding, held] = [
        (announced(CALLER), announced(CALLEE)),
        (announced(CALLER), quiet(CALLEE)),
        (quiet(CALLER), quiet(CALLEE)),
    ];
    let table = [
        ("both should send and nobody does", both, Duration::from_secs(60), true),
        ("not a moment earlier", both, Duration::from_nanos(59_999_999_999), false),
        ("one side holds the other", holding, Duration::from_secs(3600), false),
        ("both hold", held, Duration::from_secs(3600), false),
    ];
    for (name, (caller, callee), silence, expected) in table {
        let start = origin();
        let mut call = call(start, caller, callee);
        assert_eq!(call.is_dead(start + silence, TIMEOUT), expected, "{name}");
        assert!(!call.is_dead(start + silence, TIMEOUT), "{name}: said once for one silence");
    }
}

#[test]
fn what_keeps_a_call_alive() {
    const TIMEOUT: Duration = Duration::from_secs(60);
    let table = [
        ("RTP of one side", FROM_CALLER, CALLER, &rtp()[..], false),
        (
            "RTCP of one side, when both have nothing to say",
            FROM_CALLER_RTCP,
            "192.0.2.1:4001",
            &rtcp(),
            false,
        ),
        ("packets of a stranger do not", FROM_CALLER, STRANGER, &rtp(), true),
        ("RTCP of a stranger does not", FROM_CALLER_RTCP, STRANGER, &rtcp(), true),
    ];
    for (name, port, from, packet, dead) in table {
        let start = origin();
        let mut call = call(start, announced(CALLER), announced(CALLEE));
        call.hear(start + Duration::from_millis(100), port, at(from), packet);
        assert_eq!(call.is_dead(start + TIMEOUT, TIMEOUT), dead, "{name}");
    }
    let start = origin();
    let mut call = Call::new(start, MediaId(1));
    call.announce(start, Side::Caller, &says(announced(CALLER)));
    assert!(!call.is_dead(start + TIMEOUT, TIMEOUT), "nobody has answered yet");
    let late = start + Duration::from_secs(3600);
    call.announce(late, Side::Callee, &says(announced(CALLEE)));
    assert!(!call.is_dead(late, TIMEOUT), "an announcement begins anew");
}

/// The end of a press, as its only packet.
fn pressed(payload_type: u8, code: u8, timestamp: u32) -> Vec<u8> {
    let mut packet = rtp()[..12].to_vec();
    packet[1] = payload_type;
    packet[4..8].copy_from_slice(&timestamp.to_be_bytes());
    packet.extend([code, 0x8a, 3, 32]);
    packet
}

fn told(call: &mut Call, now: Instant) -> Vec<(Side, char, u128)> {
    let mut told = Vec::new();
    let tell = |side, press: Press| told.push((side, press.digit.as_char(), press.duration.as_millis()));
    call.serve(now, tell, |_, _| {});
    told
}

fn with_events(rtp: &str, payload_type: u8) -> RemoteStream {
    let mut stream = announced(rtp);
    stream.events.add(EventFormat { payload_type, clock_rate: 8_000 });
    stream
}

#[test]
fn a_side_that_falls_silent_while_the_other_talks() {
    const TIMEOUT: Duration = Duration::from_secs(30);
    let start = origin();
    let at_second = |second| start + Duration::from_secs(second);
    let mut call = call(start, announced(CALLER), announced(CALLEE));
    call.hear(at_second(1), FROM_CALLER, at(CALLER), &rtp());
    assert_eq!(call.silent_side(at_second(29), TIMEOUT), None);
    assert_eq!(call.silent_side(at_second(30), TIMEOUT), Some(Side::Callee));
    call.hear(at_second(40), FROM_CALLER, at(CALLER), &rtp());
    assert_eq!(call.silent_side(at_second(60), TIMEOUT), None, "said once for one silence");
    call.hear(at_second(60), FROM_CALLEE_RTCP, at("192.0.2.2:5001"), &rtcp());
    assert_eq!(
        call.silent_side(at_second(65), TIMEOUT),
        None,
        "RTCP of a phone that is muted is a sign of life"
    );
    call.hear(at_second(90), FROM_CALLEE, at(CALLEE), &rtp());
    assert_eq!(call.silent_side(at_second(90), TIMEOUT), Some(Side::Caller), "and the other way round");
    call.announce(at_second(90), Side::Caller, &says(RemoteStream { sends: false, ..announced(CALLER) }));
    call.hear(at_second(120), FROM_CALLEE, at(CALLEE), &rtp());
    assert_eq!(call.silent_side(at_second(120), TIMEOUT), None, "a hold suspends it");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever comes from whomever: a packet only goes to an announced or once heard address, and every packet on a stream
    /// of two announced sides is either relayed or counted as refused.
    #[test]
    fn any_packets_from_anybody(
        packets in proptest::collection::vec((0_usize..PORTS, 0_u8..6, any::<[u8; 2]>(), 0_usize..24, 0_u64..900), 0..200),
    ) {
        let mut now = origin();
        let mut call = call(now, announced(CALLER), announced(CALLEE));
        let mut known = vec![at(CALLER), at("192.0.2.1:4001"), at(CALLEE), at("192.0.2.2:5001")];
        let (mut shown, mut relayed) = (0, 0);
        for (index, source, first, length, milliseconds) in packets {
            now += Duration::from_millis(milliseconds);
            let port = Port { stream: 0, ..Port::from_index(index) };
            let from = match source {
                0 => at(CALLER),
                1 => at(CALLEE),
                other => SocketAddr::new(at(STRANGER).ip(), 6000 + u16::from(other)),
            };
            let mut packet = vec![0; length];
            for (byte, value) in packet.iter_mut().zip(first) {
                *byte = value;
            }
            shown += 1;
            known.extend([from, SocketAddr::new(from.ip(), from.port() + 1)]);
            if let Some(departure) = call.hear(now, port, from, &packet) {
                relayed += 1;
                prop_assert!(known.contains(&departure.to), "{departure:?}");
                prop_assert_ne!(departure.port.side, port.side);
            }
        }
        let counted = [Side::Caller, Side::Callee].map(|side| call.counters(side)[0]);
        let refused: u64 = counted.iter().map(|counters| counters.refused).sum();
        let counted_relayed: u64 = counted.iter().map(|counters| counters.packets + counters.rtcp_packets).sum();
        prop_assert_eq!((counted_relayed, refused), (relayed, shown - relayed));
    }
}
