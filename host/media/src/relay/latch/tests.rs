use super::*;

/// What comes, from whom, and what the latch shall do with it.
#[derive(Clone, Copy)]
enum Step {
    /// So many RTP packets every 20 ms from a source with an SSRC; how many of them are taken.
    Rtp(&'static str, u32, usize, usize),
    /// Something that is no RTP packet; whether it is taken.
    Other(&'static str, bool),
    /// Time passes.
    Wait(u64),
    /// The peer announces.
    Announce(&'static str),
    /// Where packets go now.
    GoesTo(&'static str),
}
use Step::*;

/// Announced, public.
const PEER: &str = "192.0.2.7:4000";
/// A stranger on a host of its own, and somebody else on the peer's host.
const STRANGER: &str = "203.0.113.66:4000";
const NEIGHBOUR: &str = "192.0.2.7:6666";
/// Announced by a phone behind NAT, and where its packets come from.
const PRIVATE: &str = "192.168.1.20:4000";
const NAT: &str = "198.51.100.3:31234";

/// The SIP of the peer comes through the NAT.
fn check(name: &str, announced: &str, steps: &[Step]) {
    let nat: SocketAddr = NAT.parse().unwrap();
    check_with(name, announced, Some(nat.ip()), steps);
}

fn check_with(name: &str, start: &str, signalling: Option<IpAddr>, steps: &[Step]) {
    let announced = |address: &str| Announced { address: address.parse().unwrap(), signalling };
    let mut now = crate::port::tests::origin();
    let mut latch = Latch::new(now, announced(start));
    latch.open(now);
    for (number, step) in steps.iter().enumerate() {
        let place = format!("{name}, step {}", number + 1);
        match *step {
            Rtp(from, ssrc, packets, expected) => {
                let header = RtpHeader { payload_type: 0, sequence: 0, timestamp: 0, ssrc };
                let mut taken = 0;
                for _ in 0..packets {
                    now += Duration::from_millis(20);
                    taken += usize::from(latch.receive(now, from.parse().unwrap(), Some(&header)));
                }
                assert_eq!(taken, expected, "{place}: packets taken");
            }
            Other(from, expected) => {
                assert_eq!(latch.receive(now, from.parse().unwrap(), None), expected, "{place}");
            }
            Wait(milliseconds) => now += Duration::from_millis(milliseconds),
            Announce(address) => latch.announce(now, announced(address)),
            GoesTo(address) => {
                let expected = (!address.is_empty()).then(|| address.parse().unwrap());
                assert_eq!(latch.destination(), expected, "{place}: destination");
            }
        }
    }
}

#[test]
fn the_announced_source() {
    check("is right at once", PEER, &[GoesTo(PEER), Rtp(PEER, 1, 100, 100), GoesTo(PEER)]);
    check("may change its SSRC", PEER, &[Rtp(PEER, 1, 50, 50), Rtp(PEER, 2, 50, 50)]);
    check("may send what is no RTP (STUN, DTLS, T.38)", PEER, &[Other(PEER, true), GoesTo(PEER)]);
    check(
        "may be silent for long once it is locked",
        PEER,
        &[Rtp(PEER, 1, 3, 3), Wait(60_000), Rtp(STRANGER, 9, 100, 0), Rtp(PEER, 1, 1, 1)],
    );
    check("wants nothing while it holds by 0.0.0.0", "0.0.0.0:4000", &[GoesTo("")]);
}

#[test]
fn a_phone_behind_nat() {
    check(
        "with a private address is learnt with its third packet",
        PRIVATE,
        &[Rtp(NAT, 1, 2, 0), GoesTo(PRIVATE), Rtp(NAT, 1, 98, 98), GoesTo(NAT)],
    );
    check(
        "that announces a public address is learnt after a silence",
        PEER,
        &[Rtp(NEIGHBOUR, 1, 24, 0), GoesTo(PEER), Rtp(NEIGHBOUR, 1, 76, 76), GoesTo(NEIGHBOUR)],
    );
    check(
        "is learnt although a stranger sends in turn with it, whoever comes first stays",
        PRIVATE,
        &[
            Rtp(NAT, 1, 1, 0),
            Rtp(STRANGER, 9, 1, 0),
            Rtp(NAT, 1, 1, 0),
            Rtp(STRANGER, 9, 1, 0),
            Rtp(NAT, 1, 1, 1),
            Rtp(STRANGER, 9, 20, 0),
            Rtp(NAT, 1, 1, 1),
            Rtp(STRANGER, 9, 20, 0),
            Rtp(NAT, 1, 1, 1),
            GoesTo(NAT),
        ],
    );
    check(
        "keeps its learnt address when it announces the same again",
        PRIVATE,
        &[Rtp(NAT, 1, 100, 98), Announce(PRIVATE), GoesTo(NAT), Rtp(NAT, 1, 10, 10)],
    );
    check(
        "is learnt anew when its NAT gave it another port during a hold",
        PRIVATE,
        &[
            Rtp(NAT, 1, 100, 98),
            Wait(60_000),
            Announce(PRIVATE),
            Wait(500),
            Rtp("198.51.100.3:40000", 1, 10, 8),
            GoesTo("198.51.100.3:40000"),
        ],
    );
}

#[test]
fn injection() {
    check(
        "beside a peer that speaks: 0 of 80",
        PEER,
        &[Rtp(PEER, 1, 3, 3), Rtp(STRANGER, 9, 80, 0), Rtp(NEIGHBOUR, 1, 80, 0), GoesTo(PEER)],
    );
    check(
        "before the peer's first packet: 0",
        PEER,
        &[Rtp(STRANGER, 9, 20, 0), Rtp(PEER, 1, 3, 3), Rtp(STRANGER, 9, 80, 0), GoesTo(PEER)],
    );
    check(
        "in turn with the peer from the first packet on: 0",
        PEER,
        &[
            Rtp(STRANGER, 9, 3, 0),
            Rtp(PEER, 1, 1, 1),
            Rtp(STRANGER, 9, 20, 0),
            Rtp(PEER, 1, 1, 1),
            Rtp(STRANGER, 9, 20, 0),
            Rtp(PEER, 1, 1, 1),
            Wait(60_000),
            Rtp(STRANGER, 9, 80, 0),
        ],
    );
    check("with the peer's own SSRC", PEER, &[Rtp(PEER, 1, 3, 3), Rtp(STRANGER, 1, 80, 0)]);
    check(
        "with another SSRC in every packet",
        PEER,
        &[
            Wait(1_000),
            Rtp(NEIGHBOUR, 1, 2, 0),
            Rtp(NEIGHBOUR, 2, 2, 0),
            Rtp(NEIGHBOUR, 3, 2, 0),
            GoesTo(PEER),
        ],
    );
    check(
        "of RTCP and short packets teaches nothing, however long the peer is silent",
        PEER,
        &[
            Wait(60_000),
            Other(NEIGHBOUR, false),
            Other(NEIGHBOUR, false),
            Other(NEIGHBOUR, false),
            Other(NEIGHBOUR, false),
            GoesTo(PEER),
            Rtp(PEER, 1, 1, 1),
        ],
    );
    check(
        "after a neighbour was learnt, the announced source wins back at once and for good",
        PEER,
        &[
            Wait(1_000),
            Rtp(NEIGHBOUR, 9, 20, 18),
            GoesTo(NEIGHBOUR),
            Other(PEER, false),
            Rtp(PEER, 1, 1, 1),
            GoesTo(PEER),
            Rtp(NEIGHBOUR, 9, 20, 0),
            Rtp(PEER, 1, 3, 3),
            Wait(1_000),
            Rtp(NEIGHBOUR, 9, 80, 0),
        ],
    );
    check(
        "while the announced peer is silent for ever: 0",
        PEER,
        &[Wait(60_000), Rtp(STRANGER, 9, 80, 0), GoesTo(PEER), Rtp(PEER, 1, 3, 3)],
    );
    check(
        "before a phone behind NAT with a private address: 0",
        PRIVATE,
        &[Rtp(STRANGER, 9, 80, 0), GoesTo(PRIVATE), Rtp(NAT, 1, 10, 8), GoesTo(NAT)],
    );
    check(
        "after a phone behind NAT has fallen silent: 0",
        PRIVATE,
        &[Rtp(NAT, 1, 10, 8), Wait(60_000), Rtp(STRANGER, 9, 80, 0), GoesTo(NAT)],
    );
}

#[test]
fn strangers_that_the_configuration_allows() {
    check_with(
        "are learnt after a silence",
        PEER,
        None,
        &[Rtp(STRANGER, 9, 10, 0), Wait(1_000), Rtp(STRANGER, 9, 20, 20), GoesTo(STRANGER)],
    );
    check_with("are learnt at once in place of a private address", PRIVATE, None, &[Rtp(STRANGER, 9, 9, 7)]);
}

#[test]
fn a_learnt_source_does_not_outlive_the_leg_that_it_belongs_to() {
    let now = crate::port::tests::origin();
    let announced =
        |host: &str| Announced { address: PRIVATE.parse().unwrap(), signalling: Some(host.parse().unwrap()) };
    let mut latch = Latch::new(now, announced("198.51.100.3"));
    latch.open(now);
    let header = RtpHeader { payload_type: 0, sequence: 0, timestamp: 0, ssrc: 1 };
    for _ in 0..3 {
        latch.receive(now, NAT.parse().unwrap(), Some(&header));
    }
    assert_eq!(latch.destination(), Some(NAT.parse().unwrap()));
    latch.announce(now, announced("203.0.113.9"));
    assert_eq!(latch.destination(), Some(PRIVATE.parse().unwrap()));
}

#[test]
fn the_lock() {
    check(
        "of a learnt source comes after a second",
        PRIVATE,
        &[Rtp(NAT, 1, 49, 47), Rtp(PRIVATE, 2, 1, 1), GoesTo(PRIVATE)],
    );
    check(
        "of a learnt source is final",
        PRIVATE,
        &[Rtp(NAT, 1, 60, 58), Rtp(PRIVATE, 2, 10, 0), GoesTo(NAT)],
    );
    check(
        "wants one SSRC",
        PEER,
        &[
            Rtp(PEER, 1, 1, 1),
            Rtp(PEER, 2, 1, 1),
            Rtp(PEER, 3, 1, 1),
            Wait(1_000),
            Rtp(NEIGHBOUR, 4, 10, 8),
            GoesTo(NEIGHBOUR),
        ],
    );
    check(
        "ends with a new announcement",
        PEER,
        &[
            Rtp(PEER, 1, 50, 50),
            Announce("192.0.2.8:5000"),
            GoesTo("192.0.2.8:5000"),
            Rtp(PEER, 1, 10, 0),
            Rtp("192.0.2.8:5000", 2, 10, 10),
        ],
    );
}

#[test]
fn addresses_that_mean_nothing_outside() {
    let table = [
        ("10.0.0.1", true),
        ("172.16.0.1", true),
        ("172.32.0.1", false),
        ("192.168.0.1", true),
        ("169.254.0.1", true),
        ("100.64.0.1", true),
        ("100.128.0.1", false),
        ("192.0.2.1", false),
        ("127.0.0.1", false),
        ("fd00::1", true),
        ("fe80::1", true),
        ("2001:db8::1", false),
    ];
    for (address, expected) in table {
        assert_eq!(is_private(address.parse().unwrap()), expected, "{address}");
    }
}
