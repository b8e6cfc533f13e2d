//! What holds for any input of the media parsers.
//!
//! Each function takes the bytes of one input and panics when something does not hold. The fuzz targets call them, and the
//! tests of the crate call them on stored inputs and on generated ones.
#![allow(dead_code, reason = "each target calls one of them")]

use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use cordboard_media::dtmf::EventFormat;
use cordboard_media::rtp::{Reception, RtpHeader, is_rtcp};
use cordboard_media::sdp::{Changes, CryptoLine, Encryption, EventChange, Origin, Session, keep_codecs};
use cordboard_media::srtp::{MASTER_BYTES, MAX_TRAILER_BYTES, MasterKey, Protector, Suite, Unprotector};

const PORTS: [u16; 2] = [10_000, 10_002];

/// A session description: what was rewritten names only us, is read again with the same streams, is a fixed point, and every
/// line that is none of ours is there as it was.
pub(crate) fn sdp(data: &[u8]) {
    let Ok(session) = Session::parse(Bytes::copy_from_slice(data)) else { return };
    for address in ["198.51.100.1", "2001:db8::1"] {
        let address: IpAddr = address.parse().expect("a literal address");
        let ours = session.rewrite(address, PORTS);
        let again = Session::parse(ours.clone()).expect("what was rewritten can be read");
        assert_eq!(again.rewrite(address, PORTS), ours);
        assert_eq!(again.lines().len(), session.lines().len());
        for (stream, was) in again.remote().iter().zip(session.remote()) {
            assert_eq!(stream.is_some(), was.is_some());
            for stream in stream.iter().filter(|stream| !stream.rtp.ip().is_unspecified()) {
                assert!(stream.rtp.ip() == address && PORTS.contains(&stream.rtp.port()));
                assert_eq!(stream.sends, was.expect("compared above").sends);
            }
        }
        for changes in changes() {
            let changed = Session::parse(session.rewrite_as(address, PORTS, &changes));
            let changed = changed.expect("what was changed can be read");
            assert_eq!(changed.lines().len(), session.lines().len());
            assert!(changes.events != EventChange::Removed || changed.events().is_empty());
        }
        let untouched =
            |body: &[u8]| body.split(|&byte| byte == b'\n').filter(passes).map(<[u8]>::to_vec).collect();
        let (before, after): (Vec<_>, Vec<_>) = (untouched(data), untouched(&ours));
        assert_eq!(before, after);
    }
    cut_down(&session);
}

/// Some codecs alone: what is left can be read and has the same streams, and nothing more can be taken from it.
fn cut_down(session: &Session) {
    let names = ["PCMA", "opus", "telephone-event"].map(str::to_owned);
    let before = session.rewrite("198.51.100.1".parse().expect("a literal address"), PORTS);
    let kept = keep_codecs(&before, &names);
    assert_eq!(session.has_any_codec_of(&names), kept.is_some());
    let Some(kept) = kept else { return };
    assert!(kept.len() <= before.len() + 1, "a port becomes 0 at most");
    let again = Session::parse(kept.clone()).expect("what was cut down can be read");
    assert_eq!(again.remote().len(), session.remote().len());
    assert_eq!(keep_codecs(&kept, &names), Some(kept));
}

/// Everything that can be changed besides addresses and ports.
fn changes() -> [Changes; 2] {
    let line =
        CryptoLine { tag: 1, suite: Suite::AesCm128HmacSha1_80, key: MasterKey::new([7; MASTER_BYTES]) };
    let format = EventFormat { payload_type: 101, clock_rate: 8_000 };
    [
        Changes { encryption: Encryption::Removed, events: EventChange::Removed, origin: None },
        Changes {
            encryption: Encryption::Added([vec![line.clone()], vec![line]]),
            events: EventChange::Added(format),
            origin: Some(Origin { name: "- 7".into(), version: 8 }),
        },
    ]
}

/// Whether a line is none of those that the rewriting is for.
fn passes(line: &&[u8]) -> bool {
    let edited: [&[u8]; 6] = [b"o=", b"c=", b"m=", b"a=rtcp", b"a=ice-", b"a=candidate"];
    let removed: [&[u8]; 2] = [b"a=remote-candidates", b"a=end-of-candidates"];
    // An ICE line at the very end leaves an empty one behind.
    !line.is_empty() && !edited.iter().chain(&removed).any(|start| line.starts_with(start))
}

/// A stream of packets of 16 bytes each, or one packet if it is shorter: RTP and RTCP exclude each other, and loss and
/// jitter take whatever comes.
pub(crate) fn rtp(data: &[u8]) {
    let mut reception = Reception::default();
    let mut packets = 0;
    for (number, packet) in data.chunks(16).enumerate() {
        let header = RtpHeader::read(packet);
        assert!(header.is_none() || !is_rtcp(packet));
        if let Some(header) = header {
            reception.receive(&header, Duration::from_millis(20 * number as u64));
            packets += 1;
        }
    }
    // A gap is shorter than 3,000, and every source begins without one.
    assert!(reception.lost() <= 3_000 * packets);
    let _ = reception.jitter();
}

/// One packet as RTCP: what we protect, the other side makes the same packet of, once; and no bytes pass as protected.
pub(crate) fn rtcp(data: &[u8]) {
    for suite in [Suite::AesCm128HmacSha1_80, Suite::AesCm128HmacSha1_32] {
        let key = MasterKey::new([7; MASTER_BYTES]);
        let mut buffer = [data, &[0; MAX_TRAILER_BYTES]].concat();
        let protected = Protector::new(suite, &key).rtcp(&mut buffer, data.len());
        assert_eq!(protected.is_ok(), data.len() >= 8, "header and sender are needed, and nothing else");
        if let Ok(length) = protected {
            let mut reader = Unprotector::new(suite, &key);
            let mut packet = buffer[..length].to_vec();
            assert_eq!(reader.rtcp(&mut packet), Ok(data.len()));
            assert_eq!(&packet[..data.len()], data);
            assert!(reader.rtcp(&mut buffer[..length].to_vec()).is_err(), "it came before");
        } else {
            assert_eq!(&buffer[..data.len()], data, "what cannot be sent is as it was");
        }
        let mut packet = data.to_vec();
        // A tag of 80 or 32 bits is not guessed.
        assert!(Unprotector::new(suite, &key).rtcp(&mut packet).is_err());
        assert_eq!(packet, data, "what is dropped is as it was");
    }
    assert!(!is_rtcp(data) || RtpHeader::read(data).is_none());
}
