//! The relay with real sockets on loopback. Nothing here measures time: a packet that must come is waited for, and what must
//! not come is proved by a later packet that comes without it.

mod ports;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use super::*;
use crate::command::{MediaPorts, RemoteStream, StreamCounters};
use crate::dtmf::{Digit, EventFormat, EventFormats};

/// Longer than anything takes, also on a loaded machine; only a failing test waits so long.
const PATIENCE: Duration = Duration::from_secs(20);

/// Every run has an address of its own in 127.0.0.0/8, so that two of them on one machine do not meet.
fn home() -> Ipv4Addr {
    let [.., high, low] = std::process::id().to_be_bytes();
    Ipv4Addr::new(127, high, low, 53)
}

/// Every test has ports of its own, below those that the kernel gives to others, and below those from 20,000 on that the tests of
/// whole programs take on every address at once. IPv6 has one loopback address only, so where they begin differs between runs too.
fn range(blocks: u16) -> (u16, u16) {
    static TAKEN: AtomicU16 = AtomicU16::new(0);
    let run = 10_000 + (std::process::id() % 19) as u16 * 512;
    let first = run + TAKEN.fetch_add(blocks * BLOCK_PORTS, Ordering::Relaxed);
    (first, first + blocks * BLOCK_PORTS - 1)
}

fn settings(blocks: u16) -> RelaySettings {
    RelaySettings {
        ports: range(blocks),
        quarantine: Duration::ZERO,
        media_timeout: None,
        one_way_timeout: None,
        any_source: false,
        dscp: None,
        threads: 1,
    }
}

fn start(settings: RelaySettings) -> (Relay, Receiver<MediaReply>) {
    let (sender, told) = channel();
    let relay = Relay::start(settings, move |reply| {
        // A test that has ended listens no more.
        let _gone = sender.send(reply);
    });
    (relay.expect("a relay on loopback"), told)
}

/// A phone with RTP and RTCP.
struct Phone {
    rtp: UdpSocket,
    rtcp: UdpSocket,
    sequence: u16,
}

impl Phone {
    fn new() -> Self {
        Self::at(home().into())
    }

    fn at(address: IpAddr) -> Self {
        let socket = || {
            let socket = UdpSocket::bind((address, 0)).unwrap();
            socket.set_read_timeout(Some(PATIENCE)).unwrap();
            socket
        };
        Self { rtp: socket(), rtcp: socket(), sequence: 0 }
    }

    fn announces(&self) -> RemoteStream {
        RemoteStream {
            rtp: self.rtp.local_addr().unwrap(),
            rtcp: self.rtcp.local_addr().unwrap(),
            sends: true,
            secure: false,
            events: EventFormats::default(),
        }
    }

    /// Sends an RTP packet and returns its bytes.
    fn says(&mut self, word: &str, to: u16) -> Vec<u8> {
        let packet = rtp(self.sequence, self.rtp.local_addr().unwrap().port().into(), word);
        self.sequence += 1;
        self.rtp.send_to(&packet, (self.rtp.local_addr().unwrap().ip(), to)).unwrap();
        packet
    }

    /// The next RTP packet and where it came from.
    fn hears(&self) -> (Vec<u8>, u16) {
        receive(&self.rtp)
    }
}

fn receive(socket: &UdpSocket) -> (Vec<u8>, u16) {
    let mut packet = [0; 65_536];
    let (length, from) = socket.recv_from(&mut packet).expect("a packet");
    (packet[..length].to_vec(), from.port())
}

fn rtp(sequence: u16, ssrc: u32, word: &str) -> Vec<u8> {
    let mut packet = vec![0x80, 0];
    packet.extend(sequence.to_be_bytes());
    packet.extend((u32::from(sequence) * 160).to_be_bytes());
    packet.extend(ssrc.to_be_bytes());
    packet.extend(word.as_bytes());
    packet
}

fn allocate(relay: &Relay, media: u64) -> Option<MediaPorts> {
    allocate_at(relay, media, home().into(), home().into())
}

fn allocate_at(
    relay: &Relay,
    media: u64,
    caller_address: IpAddr,
    callee_address: IpAddr,
) -> Option<MediaPorts> {
    let media = MediaId(media);
    match relay.command(MediaCommand::Allocate { media, caller_address, callee_address }) {
        Some(MediaReply::Allocated { media: answered, ports }) => {
            assert_eq!(answered, media);
            Some(ports)
        }
        Some(MediaReply::Exhausted { media: answered }) => {
            assert_eq!(answered, media);
            None
        }
        other => panic!("an allocation is answered, not with {other:?}"),
    }
}

fn announce(relay: &Relay, media: u64, side: Side, audio: RemoteStream) {
    let reply = relay.command(announcement(media, side, [Some(audio), None]));
    assert_eq!(reply, None);
}

/// Of a phone whose SIP comes from home.
fn announcement(media: u64, side: Side, streams: [Option<RemoteStream>; STREAMS]) -> MediaCommand {
    MediaCommand::Announce {
        media: MediaId(media),
        side,
        signalling: home().into(),
        streams,
        keys: [None, None],
        digits_by_info: false,
    }
}

/// A call between two phones that both announced themselves.
fn connect(relay: &Relay, media: u64, caller: &Phone, callee: &Phone) -> MediaPorts {
    let ports = allocate(relay, media).expect("free ports");
    announce(relay, media, Side::Caller, caller.announces());
    announce(relay, media, Side::Callee, callee.announces());
    ports
}

/// Ends a call; returns what was counted of the first stream, received from the caller and from the callee.
fn release(relay: &Relay, told: &Receiver<MediaReply>, media: u64) -> [StreamCounters; 2] {
    assert_eq!(relay.command(MediaCommand::Release { media: MediaId(media) }), None);
    match told.recv_timeout(PATIENCE).expect("the end is told") {
        MediaReply::Released { media: told, caller, callee } => {
            assert_eq!(told, MediaId(media));
            [caller[0], callee[0]]
        }
        other => panic!("expected the end of the call, found {other:?}"),
    }
}

#[test]
fn both_phones_hear_each_other_byte_for_byte() {
    for address in [IpAddr::from(home()), Ipv6Addr::LOCALHOST.into()] {
        let (relay, told) = start(settings(1));
        let [mut caller, mut callee] = [Phone::at(address), Phone::at(address)];
        let ports = allocate_at(&relay, 1, address, address).unwrap();
        announce(&relay, 1, Side::Caller, caller.announces());
        announce(&relay, 1, Side::Callee, callee.announces());
        for word in ["hello", "who is there", ""] {
            let said = caller.says(word, ports.caller[0]);
            assert_eq!(callee.hears(), (said, ports.callee[0]), "from the port that the callee sends to");
            let said = callee.says(word, ports.callee[0]);
            assert_eq!(caller.hears(), (said, ports.caller[0]));
        }
        let [from_caller, from_callee] = release(&relay, &told, 1);
        assert_eq!((from_caller.packets, from_caller.bytes), (3, 3 * 12 + 17));
        assert_eq!((from_callee.packets, from_callee.lost, from_callee.refused), (3, 0, 0));
    }
}

#[test]
fn two_sides_in_two_networks() {
    let (relay, _told) = start(settings(1));
    let [mut caller, callee] = [Phone::at(Ipv6Addr::LOCALHOST.into()), Phone::new()];
    let ports = allocate_at(&relay, 1, Ipv6Addr::LOCALHOST.into(), home().into()).unwrap();
    announce(&relay, 1, Side::Caller, caller.announces());
    announce(&relay, 1, Side::Callee, callee.announces());
    let said = caller.says("from IPv6 to IPv4", ports.caller[0]);
    assert_eq!(callee.hears(), (said, ports.callee[0]));
}

#[test]
fn order_is_kept_and_duplicates_pass() {
    let (relay, _told) = start(settings(1));
    let [caller, callee] = [Phone::new(), Phone::new()];
    let ports = connect(&relay, 1, &caller, &callee);
    let sequences = [5, 6, 6, 9, 7, 8, 5];
    for sequence in sequences {
        caller.rtp.send_to(&rtp(sequence, 1, "x"), (home(), ports.caller[0])).unwrap();
    }
    for sequence in sequences {
        assert_eq!(callee.hears().0, rtp(sequence, 1, "x"));
    }
}

#[test]
fn words_that_overtake_the_answer_are_not_lost() {
    let (relay, told) = start(settings(1));
    let [caller, mut callee] = [Phone::new(), Phone::new()];
    let ports = allocate(&relay, 1).unwrap();
    announce(&relay, 1, Side::Caller, caller.announces());
    let said: Vec<_> = (0..25).map(|_| callee.says("half a second of hello", ports.callee[0])).collect();
    announce(&relay, 1, Side::Callee, callee.announces());
    for packet in said {
        assert_eq!(caller.hears().0, packet);
    }
    assert_eq!(release(&relay, &told, 1)[1].packets, 25);
}

#[test]
fn a_phone_behind_nat_is_heard_and_reached() {
    let (relay, told) = start(settings(1));
    let [mut caller, mut callee] = [Phone::new(), Phone::new()];
    let ports = allocate(&relay, 1).unwrap();
    announce(&relay, 1, Side::Caller, caller.announces());
    // It announces an address of its own network, which nothing here answers at.
    let useless: SocketAddr = "192.168.77.77:4000".parse().unwrap();
    announce(
        &relay,
        1,
        Side::Callee,
        RemoteStream {
            rtp: useless,
            rtcp: useless,
            sends: true,
            secure: false,
            events: EventFormats::default(),
        },
    );
    let said: Vec<_> = (0..10).map(|_| callee.says("hello", ports.callee[0])).collect();
    for packet in &said[2..] {
        assert_eq!(caller.hears().0, *packet, "from its third packet on");
    }
    let said = caller.says("I hear you", ports.caller[0]);
    assert_eq!(callee.hears().0, said);
    let [_, from_callee] = release(&relay, &told, 1);
    assert_eq!((from_callee.packets, from_callee.refused), (8, 2));
}

#[test]
fn no_injected_packet_is_relayed_and_none_goes_to_a_stranger() {
    for stranger_first in [false, true] {
        let (relay, told) = start(settings(1));
        let [mut caller, mut callee, mut stranger] = [Phone::new(), Phone::new(), Phone::new()];
        let ports = allocate(&relay, 1).unwrap();
        announce(&relay, 1, Side::Caller, caller.announces());
        // Before the answer, and two more after it: silence long enough to learn the stranger from a third one is for the
        // table of the latch, which has its own time.
        let early = if stranger_first { 10 } else { 0 };
        for _ in 0..early {
            stranger.says("listen to me", ports.caller[0]);
        }
        announce(&relay, 1, Side::Callee, callee.announces());
        for _ in 0..early.min(2) {
            stranger.says("listen to me", ports.caller[0]);
        }
        for _ in 0..80 {
            let said = caller.says("the real one", ports.caller[0]);
            stranger.says("listen to me", ports.caller[0]);
            assert_eq!(callee.hears().0, said, "stranger first: {stranger_first}");
            let said = callee.says("answer", ports.callee[0]);
            assert_eq!(caller.hears().0, said, "stranger first: {stranger_first}");
        }
        stranger.rtp.set_nonblocking(true).unwrap();
        let heard = stranger.rtp.recv(&mut [0; 100]).map_err(|error| error.kind());
        assert_eq!(heard, Err(io::ErrorKind::WouldBlock));
        let [from_caller, from_callee] = release(&relay, &told, 1);
        assert_eq!((from_caller.packets, from_callee.packets), (80, 80));
        // Those before the answer may be read before it or after it, and the last one after the end.
        let refused = 80 + early.min(2) - 1..=80 + early.min(2) + early;
        assert!(refused.contains(&from_caller.refused), "{} not in {refused:?}", from_caller.refused);
    }
}

#[test]
fn rtcp_has_its_own_ports_or_shares_those_of_rtp() {
    let report = [&[0x80, 200, 0, 6][..], &[7; 24]].concat();
    for mux in [false, true] {
        let (relay, told) = start(settings(1));
        let [mut caller, callee] = [Phone::new(), Phone::new()];
        let ports = allocate(&relay, 1).unwrap();
        let [caller_says, callee_says] = [&caller, &callee].map(|phone| {
            let announced = phone.announces();
            RemoteStream { rtcp: if mux { announced.rtp } else { announced.rtcp }, ..announced }
        });
        announce(&relay, 1, Side::Caller, caller_says);
        announce(&relay, 1, Side::Callee, callee_says);
        let (from, at, port) =
            if mux { (&caller.rtp, &callee.rtp, 0) } else { (&caller.rtcp, &callee.rtcp, 1) };
        from.send_to(&report, (home(), ports.caller[0] + port)).unwrap();
        assert_eq!(receive(at), (report.clone(), ports.callee[0] + port), "mux: {mux}");
        let said = caller.says("and speech beside it", ports.caller[0]);
        assert_eq!(callee.hears().0, said);
        let [from_caller, _] = release(&relay, &told, 1);
        assert_eq!((from_caller.rtcp_packets, from_caller.packets), (1, 1), "mux: {mux}");
    }
}

#[test]
fn video_gets_its_ports_when_it_is_announced() {
    let (relay, told) = start(settings(1));
    let [caller, callee] = [Phone::new(), Phone::new()];
    let [mut caller_video, callee_video] = [Phone::new(), Phone::new()];
    let ports = allocate(&relay, 1).unwrap();
    for (side, audio, video) in
        [(Side::Caller, &caller, &caller_video), (Side::Callee, &callee, &callee_video)]
    {
        let streams = [Some(audio.announces()), Some(video.announces())];
        assert_eq!(relay.command(announcement(1, side, streams)), None);
    }
    let said = caller_video.says("a picture", ports.caller[1]);
    assert_eq!(callee_video.hears(), (said, ports.callee[1]));
    relay.command(MediaCommand::Release { media: MediaId(1) });
    let Ok(MediaReply::Released { caller, .. }) = told.recv_timeout(PATIENCE) else {
        panic!("the end is told")
    };
    assert_eq!(caller.map(|stream| stream.packets), [0, 1]);
}

#[test]
fn a_new_announcement_moves_the_stream() {
    let (relay, _told) = start(settings(1));
    let [mut caller, mut callee, mut elsewhere] = [Phone::new(), Phone::new(), Phone::new()];
    let ports = connect(&relay, 1, &caller, &callee);
    for _ in 0..5 {
        let said = callee.says("locked", ports.callee[0]);
        assert_eq!(caller.hears().0, said);
    }
    announce(&relay, 1, Side::Callee, elsewhere.announces());
    let said = elsewhere.says("I took over", ports.callee[0]);
    assert_eq!(caller.hears().0, said);
    let said = caller.says("welcome", ports.caller[0]);
    assert_eq!(elsewhere.hears().0, said);
    callee.says("nobody hears this", ports.callee[0]);
    let said = elsewhere.says("next", ports.callee[0]);
    assert_eq!(caller.hears().0, said);
}

#[test]
fn a_new_call_never_hears_an_old_one() {
    let (relay, told) = start(settings(1));
    let [mut old_caller, old_callee] = [Phone::new(), Phone::new()];
    let old_ports = connect(&relay, 1, &old_caller, &old_callee);
    let said = old_caller.says("old", old_ports.caller[0]);
    assert_eq!(old_callee.hears().0, said);
    release(&relay, &told, 1);
    // The same ports at once, because the quarantine of this test is zero; the old caller did not hear that it is over.
    for round in 2..20 {
        old_caller.says("old, in between", old_ports.caller[0]);
        let ports = allocate(&relay, round).unwrap();
        assert_eq!(ports, old_ports);
        old_caller.says("old, before the announcement", ports.caller[0]);
        let [mut caller, callee] = [Phone::new(), Phone::new()];
        announce(&relay, round, Side::Caller, caller.announces());
        announce(&relay, round, Side::Callee, callee.announces());
        old_caller.says("old, after the announcement", ports.caller[0]);
        let said = caller.says("new", ports.caller[0]);
        assert_eq!(callee.hears().0, said);
        let [from_caller, _] = release(&relay, &told, round);
        assert_eq!(from_caller.packets, 1);
    }
}

#[test]
fn silence_of_both_is_told_and_a_hold_is_not() {
    let timeout = Duration::from_millis(50);
    let (relay, told) = start(RelaySettings { media_timeout: Some(timeout), ..settings(3) });
    let [caller, callee] = [Phone::new(), Phone::new()];
    let held = RemoteStream { sends: false, ..callee.announces() };
    allocate(&relay, 1).unwrap();
    announce(&relay, 1, Side::Caller, caller.announces());
    announce(&relay, 1, Side::Callee, held);
    allocate(&relay, 2).unwrap();
    announce(&relay, 2, Side::Caller, caller.announces());
    connect(&relay, 3, &caller, &callee);
    for _ in 0..3 {
        let reply = told.recv_timeout(PATIENCE).expect("it is told, and told again while it lasts");
        assert_eq!(reply, MediaReply::TimedOut { media: MediaId(3) });
    }
    announce(&relay, 1, Side::Callee, callee.announces());
    let of_the_resumed = |reply: MediaReply| reply == MediaReply::TimedOut { media: MediaId(1) };
    assert!(
        std::iter::from_fn(|| told.recv_timeout(PATIENCE).ok()).any(of_the_resumed),
        "a resumed call is watched"
    );
}

#[test]
fn a_key_is_told_and_its_packets_are_relayed() {
    let (relay, told) = start(settings(1));
    let [caller, callee] = [Phone::new(), Phone::new()];
    let ports = allocate(&relay, 1).unwrap();
    let mut events = EventFormats::default();
    events.add(EventFormat { payload_type: 101, clock_rate: 8_000 });
    announce(&relay, 1, Side::Caller, caller.announces());
    announce(&relay, 1, Side::Callee, RemoteStream { events, ..callee.announces() });
    let mut packet = rtp(1, 9, "");
    packet[1] = 101;
    packet.extend([5, 10, 3, 32]);
    for end in [0, 0x80, 0x80, 0x80] {
        packet[13] = end;
        caller.rtp.send_to(&packet, (home(), ports.caller[0])).unwrap();
        assert_eq!(callee.hears().0, packet);
    }
    let digit = Digit::from_char('5').unwrap();
    let (media, duration) = (MediaId(1), Duration::from_millis(100));
    let expected = MediaReply::Pressed { media, side: Side::Caller, digit, duration };
    assert_eq!(told.recv_timeout(PATIENCE), Ok(expected));
    packet[12] = 6;
    packet[13] = 0;
    packet[7] = 200;
    caller.rtp.send_to(&packet, (home(), ports.caller[0])).unwrap();
    let Ok(MediaReply::Pressed { digit, .. }) = told.recv_timeout(PATIENCE) else {
        panic!("its end was lost")
    };
    assert_eq!(digit.as_char(), '6');
    release(&relay, &told, 1);
}

#[test]
fn commands_for_unknown_calls_do_nothing() {
    let (relay, told) = start(settings(1));
    let nobody = MediaId(77);
    assert_eq!(relay.command(MediaCommand::Release { media: nobody }), None);
    let streams = [Some(Phone::new().announces()), None];
    assert_eq!(relay.command(announcement(77, Side::Caller, streams)), None);
    let ports = allocate(&relay, 1);
    assert_eq!(allocate(&relay, 1), ports, "a second allocation is answered with the same ports");
    release(&relay, &told, 1);
    assert_eq!(relay.command(MediaCommand::Release { media: MediaId(1) }), None);
    assert!(told.try_recv().is_err(), "an end is told once");
}
