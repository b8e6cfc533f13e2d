//! Encryption that ends at the relay, and encryption that passes.

use super::*;
use crate::command::StreamKeys;
use crate::srtp::{MASTER_BYTES, MasterKey, Protector, Suite, Unprotector};

/// What a phone and the relay have told each other.
fn keys(suite: Suite) -> StreamKeys {
    StreamKeys { suite, receive: MasterKey::new([1; MASTER_BYTES]), send: MasterKey::new([2; MASTER_BYTES]) }
}

/// A phone that encrypts.
struct Phone {
    send: Protector,
    receive: Unprotector,
}

impl Phone {
    fn new(keys: &StreamKeys) -> Self {
        Self {
            send: Protector::new(keys.suite, &keys.receive),
            receive: Unprotector::new(keys.suite, &keys.send),
        }
    }

    fn protected(&mut self, control: bool, packet: &[u8]) -> Vec<u8> {
        let mut buffer = [packet, &[0; MAX_TRAILER_BYTES]].concat();
        let length = if control {
            self.send.rtcp(&mut buffer, packet.len())
        } else {
            self.send.rtp(&mut buffer, packet.len())
        };
        buffer.truncate(length.expect("it can be sent"));
        buffer
    }

    fn opened(&mut self, control: bool, mut packet: Vec<u8>) -> Vec<u8> {
        let length = if control { self.receive.rtcp(&mut packet) } else { self.receive.rtp(&mut packet) };
        packet.truncate(length.expect("it was meant for this phone"));
        packet
    }
}

/// The callee encrypts, the caller does not.
fn announce(call: &mut Call, now: Instant, keys: &StreamKeys) {
    let stream = RemoteStream { secure: true, ..with_events(CALLEE, 101) };
    let keys = [Some(Box::new(keys.clone())), None];
    call.announce(now, Side::Callee, &Announcement { keys, ..says(stream) });
}

fn half_secure(now: Instant, keys: &StreamKeys) -> Call {
    let mut call = Call::new(now, MediaId(1));
    call.announce(now, Side::Caller, &says(with_events(CALLER, 101)));
    announce(&mut call, now, keys);
    call
}

fn numbered(sequence: u16) -> Vec<u8> {
    let mut packet = rtp().to_vec();
    packet[2..4].copy_from_slice(&sequence.to_be_bytes());
    packet
}

#[test]
fn it_ends_here_where_one_side_has_it_and_the_other_has_not() {
    for suite in Suite::ALL {
        let (now, keys) = (origin(), keys(suite));
        let mut call = half_secure(now, &keys);
        let mut phone = Phone::new(&keys);
        for sequence in [65_534, 65_535, 0, 1] {
            let plain = numbered(sequence);
            let (departure, sent) = call.relay(now, FROM_CALLER, at(CALLER), &plain).expect("it is relayed");
            assert_eq!(departure.to, at(CALLEE));
            assert!(sent.len() > plain.len() && sent[12..20] != plain[12..], "{suite:?}");
            assert_eq!(phone.opened(false, sent), plain);
            let secret = phone.protected(false, &plain);
            let (_, sent) = call.relay(now, FROM_CALLEE, at(CALLEE), &secret).expect("it is relayed");
            assert_eq!(sent, plain);
        }
        let (_, sent) = call.relay(now, FROM_CALLER_RTCP, at("192.0.2.1:4001"), &rtcp()).expect("a report");
        assert_eq!(phone.opened(true, sent), rtcp());
        let secret = phone.protected(true, &rtcp());
        let (_, sent) = call.relay(now, FROM_CALLEE_RTCP, at("192.0.2.2:5001"), &secret).expect("a report");
        assert_eq!(sent, rtcp());
        assert_eq!(call.counters(Side::Callee)[0].rejected, 0);
    }
}

#[test]
fn what_is_forged_repeated_or_in_clear_is_counted_and_dropped() {
    let (now, keys) = (origin(), keys(Suite::AesCm128HmacSha1_80));
    let mut call = half_secure(now, &keys);
    let mut phone = Phone::new(&keys);
    let secret = phone.protected(false, &numbered(1));
    let mut forged = secret.clone();
    forged[15] ^= 1;
    for (name, packet, expected) in [
        ("forged", forged, None),
        ("as it was sent", secret.clone(), Some(numbered(1))),
        ("the same again", secret, None),
        ("in clear", numbered(2), None),
        ("no RTP at all", vec![0, 1, 0, 0], None),
    ] {
        let sent = call.relay(now, FROM_CALLEE, at(CALLEE), &packet).map(|(_, sent)| sent);
        assert_eq!(sent, expected, "{name}");
    }
    let counters = call.counters(Side::Callee)[0];
    assert_eq!((counters.packets, counters.rejected, counters.refused), (1, 4, 0));
    assert_eq!(call.hear(now, FROM_CALLER, at(CALLER), &[0, 1, 0, 0]), None, "nothing leaves in clear");
}

#[test]
fn keys_that_are_announced_again_go_on() {
    let (now, keys) = (origin(), keys(Suite::AesCm128HmacSha1_80));
    let mut call = half_secure(now, &keys);
    let mut phone = Phone::new(&keys);
    for sequence in [65_535, 0] {
        let secret = phone.protected(false, &numbered(sequence));
        assert!(call.hear(now, FROM_CALLEE, at(CALLEE), &secret).is_some());
    }
    announce(&mut call, now, &keys);
    let secret = phone.protected(false, &numbered(1));
    assert!(
        call.hear(now, FROM_CALLEE, at(CALLEE), &secret).is_some(),
        "with the rollover counter that it had"
    );
    let other = StreamKeys { receive: MasterKey::new([3; MASTER_BYTES]), ..keys };
    announce(&mut call, now, &other);
    let secret = phone.protected(false, &numbered(2));
    assert_eq!(call.hear(now, FROM_CALLEE, at(CALLEE), &secret), None, "the former key is over");
    let secret = Phone::new(&other).protected(false, &numbered(3));
    assert!(call.hear(now, FROM_CALLEE, at(CALLEE), &secret).is_some());
}

#[test]
fn it_passes_byte_for_byte_where_both_sides_have_it() {
    let now = origin();
    let secure = |rtp| RemoteStream { secure: true, ..with_events(rtp, 101) };
    let mut call = call(now, secure(CALLER), secure(CALLEE));
    let mut phone = Phone::new(&keys(Suite::AesCm128HmacSha1_80));
    for sequence in 0..10 {
        let secret = phone.protected(false, &[&numbered(sequence)[..], &[7; 160]].concat());
        let sent = call.relay(now, FROM_CALLER, at(CALLER), &secret).map(|(_, sent)| sent);
        assert_eq!(sent.as_ref(), Some(&secret));
        let again = call.relay(now, FROM_CALLER, at(CALLER), &secret).map(|(_, sent)| sent);
        assert_eq!(again, Some(secret), "repetitions are for the peer to drop");
    }
    let secret = phone.protected(true, &rtcp());
    let sent = call.relay(now, FROM_CALLER_RTCP, at("192.0.2.1:4001"), &secret).map(|(_, sent)| sent);
    assert_eq!(sent, Some(secret));
    call.hear(now, FROM_CALLER, at(CALLER), &pressed(101, 5, 1000));
    assert_eq!(told(&mut call, now), [], "nobody here can read its events");
}

#[test]
fn digits_in_a_stream_whose_encryption_ends_here_are_heard() {
    let (now, keys) = (origin(), keys(Suite::AesCm128HmacSha1_80));
    let mut call = half_secure(now, &keys);
    let secret = Phone::new(&keys).protected(false, &pressed(101, 5, 1000));
    call.hear(now, FROM_CALLEE, at(CALLEE), &secret);
    assert_eq!(told(&mut call, now), [(Side::Callee, '5', 100)]);
}
