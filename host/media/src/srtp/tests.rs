use aes::Aes128;
use aes::cipher::KeyInit;
use proptest::prelude::*;

use super::crypto::{derive, keystream};
use super::index::WINDOW;
use super::*;

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

fn array<const N: usize>(text: &str) -> [u8; N] {
    hex(text).try_into().unwrap()
}

/// The master key of RFC 3711 appendix B.3.
fn key() -> MasterKey {
    MasterKey::new(array("E1F97A0D3E018BE0D64FA32C06DE4139 0EC675AD498AFEEBB6960B3AABE6"))
}

fn both(suite: Suite) -> (Protector, Unprotector) {
    (Protector::new(suite, &key()), Unprotector::new(suite, &key()))
}

#[test]
fn appendix_b_2_the_keystream_of_aes_in_counter_mode() {
    let cipher = Aes128::new(&array::<16>("2B7E151628AED2A6ABF7158809CF4F3C").into());
    let table = [
        (
            "F0F1F2F3F4F5F6F7F8F9FAFBFCFD0000",
            "E03EAD0935C95E80E166B16DD92B4EB4 D23513162B02D0F72A43A2FE4A5F97AB 41E95B3BB0A2E8DD477901E4FCA894C0",
        ),
        (
            "F0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFF",
            "EC8CDF7398607CB0F2D21675EA9EA1E4 362B7C3C6773516318A077D7FC5073AE 6A2CC3787889374FBEB4C81B17BA6C44",
        ),
    ];
    for (block, expected) in table {
        let mut stream = vec![0; 48];
        keystream(&cipher, &array(block), &mut stream);
        assert_eq!(stream, hex(expected), "{block}");
    }
}

#[test]
fn appendix_b_3_session_keys() {
    assert_eq!(*derive::<16>(&key(), 0), array("C61E7A93744F39EE10734AFE3FF7A087"));
    assert_eq!(*derive::<14>(&key(), 2), array("30CBBC08863D8C85D49DB34A9AE1"));
    assert_eq!(*derive::<20>(&key(), 1), array("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4"));
}

/// The packets with which libsrtp checks itself.
#[test]
fn whole_packets_as_another_implementation_makes_them() {
    let (mut protector, mut unprotector) = both(Suite::AesCm128HmacSha1_80);
    let plain = [hex("800f1234decafbadcafebabe"), vec![0xab; 16]].concat();
    let secret = hex("800f1234decafbadcafebabe4e55dc4ce79978d88ca4d215949d2402b78d6acc99ea179b8dbb");
    let mut buffer = [plain.clone(), vec![0; MAX_TRAILER_BYTES]].concat();
    let length = protector.rtp(&mut buffer, plain.len()).unwrap();
    assert_eq!(buffer[..length], secret);
    assert_eq!(unprotector.rtp(&mut buffer[..length]), Ok(plain.len()));
    assert_eq!(buffer[..plain.len()], plain);

    let plain = [hex("81c8000bcafebabe"), vec![0xab; 16]].concat();
    let secret = hex("81c8000bcafebabe7128035be487b9bdbef89041f977a5a880000001993e08cd54d6c1230798");
    let mut buffer = [plain.clone(), vec![0; MAX_TRAILER_BYTES]].concat();
    let length = protector.rtcp(&mut buffer, plain.len()).unwrap();
    assert_eq!(buffer[..length], secret);
    assert_eq!(unprotector.rtcp(&mut buffer[..length]), Ok(plain.len()));
    assert_eq!(buffer[..plain.len()], plain);
}

fn rtp(sequence: u16, ssrc: u32) -> Vec<u8> {
    let mut packet = vec![0x80, 0];
    packet.extend(sequence.to_be_bytes());
    packet.extend([0; 4]);
    packet.extend(ssrc.to_be_bytes());
    packet.extend(b"what was said");
    packet
}

fn protected(protector: &mut Protector, packet: &[u8]) -> Vec<u8> {
    let mut buffer = [packet, &[0; MAX_TRAILER_BYTES]].concat();
    let length = protector.rtp(&mut buffer, packet.len()).expect("it can be sent");
    buffer.truncate(length);
    buffer
}

fn opened(unprotector: &mut Unprotector, packet: &[u8]) -> Result<Vec<u8>, Rejected> {
    let mut packet = packet.to_vec();
    let length = unprotector.rtp(&mut packet)?;
    packet.truncate(length);
    Ok(packet)
}

#[test]
fn the_lengths_of_the_suites() {
    for (suite, rtp_tag) in [(Suite::AesCm128HmacSha1_80, 10), (Suite::AesCm128HmacSha1_32, 4)] {
        let (mut protector, mut unprotector) = both(suite);
        let plain = rtp(1, 1);
        let secret = protected(&mut protector, &plain);
        assert_eq!(secret.len(), plain.len() + rtp_tag, "{suite:?}");
        assert_eq!(opened(&mut unprotector, &secret), Ok(plain), "{suite:?}");
        let mut report = [hex("80c80001cafebabe"), vec![0; MAX_TRAILER_BYTES]].concat();
        assert_eq!(
            protector.rtcp(&mut report, 8),
            Ok(8 + 4 + 10),
            "{suite:?}: ten bytes on RTCP (RFC 4568 §6.2.2)"
        );
        assert_eq!(Suite::from_name(&suite.name().to_lowercase()), Some(suite));
    }
    assert_eq!(Suite::from_name("AES_192_CM_HMAC_SHA1_80"), None);
}

#[test]
fn a_changed_bit_anywhere_is_noticed_and_harms_nothing() {
    let (mut protector, mut unprotector) = both(Suite::AesCm128HmacSha1_80);
    let plain = rtp(1, 1);
    let secret = protected(&mut protector, &plain);
    for bit in 0..secret.len() * 8 {
        let mut changed = secret.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(opened(&mut unprotector, &changed).is_err(), "bit {bit}");
    }
    let (_, mut stranger) = both(Suite::AesCm128HmacSha1_32);
    assert!(opened(&mut stranger, &secret).is_err(), "another suite");
    assert_eq!(opened(&mut unprotector, &secret), Ok(plain));
    for length in 0..secret.len() {
        assert!(unprotector.rtp(&mut secret[..length].to_vec()).is_err(), "cut to {length}");
        assert!(unprotector.rtcp(&mut secret[..length].to_vec()).is_err(), "cut to {length}");
    }
}

#[test]
fn what_comes_twice_is_dropped() {
    let (mut protector, mut unprotector) = both(Suite::AesCm128HmacSha1_80);
    let packets: Vec<_> = (0..300).map(|sequence| protected(&mut protector, &rtp(sequence, 1))).collect();
    let newest = packets.len() - 1;
    assert!(opened(&mut unprotector, &packets[newest]).is_ok());
    for behind in 1..packets.len() {
        let expected = if (behind as u64) < WINDOW { None } else { Some(Rejected::Replayed) };
        assert_eq!(opened(&mut unprotector, &packets[newest - behind]).err(), expected, "{behind} behind");
    }
    for packet in &packets {
        assert_eq!(opened(&mut unprotector, packet), Err(Rejected::Replayed));
    }
    let mut report = [hex("80c80001cafebabe"), vec![0; MAX_TRAILER_BYTES]].concat();
    let length = protector.rtcp(&mut report, 8).unwrap();
    assert_eq!(unprotector.rtcp(&mut report[..length].to_vec()), Ok(8));
    assert_eq!(unprotector.rtcp(&mut report[..length]), Err(Rejected::Replayed));
}

#[test]
fn the_rollover_counter_goes_on_over_a_wrap() {
    let (mut protector, mut unprotector) = both(Suite::AesCm128HmacSha1_80);
    for sequence in (0..200_000_u32).step_by(1_000) {
        let plain = rtp(sequence as u16, 1);
        let secret = protected(&mut protector, &plain);
        assert_eq!(opened(&mut unprotector, &secret), Ok(plain), "packet {sequence}");
    }
    let (mut protector, mut unprotector) = both(Suite::AesCm128HmacSha1_80);
    let [before, wrapped, late] =
        [65_534, 0, 65_535].map(|sequence| protected(&mut protector, &rtp(sequence, 1)));
    assert!(opened(&mut unprotector, &before).is_ok());
    assert!(opened(&mut unprotector, &wrapped).is_ok());
    assert!(opened(&mut unprotector, &late).is_ok(), "late, from before the wrap");
}

#[test]
fn every_source_has_its_own_numbers() {
    let (mut protector, mut unprotector) = both(Suite::AesCm128HmacSha1_80);
    for (sequence, ssrc) in [(60_000, 1), (5, 2), (60_001, 1), (6, 2)] {
        let plain = rtp(sequence, ssrc);
        let secret = protected(&mut protector, &plain);
        assert_eq!(opened(&mut unprotector, &secret), Ok(plain));
    }
}

#[test]
fn no_keystream_is_used_twice() {
    let (mut protector, _) = both(Suite::AesCm128HmacSha1_80);
    protected(&mut protector, &rtp(7, 1));
    let mut buffer = [rtp(7, 1), vec![0; MAX_TRAILER_BYTES]].concat();
    let before = buffer.clone();
    let length = buffer.len() - MAX_TRAILER_BYTES;
    assert_eq!(protector.rtp(&mut buffer, length), Err(Unsent::Repeated));
    assert_eq!(buffer, before);
}

#[test]
fn keys_are_read_as_a_crypto_line_says_them_and_never_printed() {
    let text = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz";
    let key = MasterKey::from_base64(text).expect("the key of RFC 4568 §6.1");
    assert_eq!(key.reveal_base64(), text);
    assert_eq!(format!("{key:?}"), "<secret>");
    assert_eq!(MasterKey::from_base64("WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9"), None, "too short");
    assert_eq!(MasterKey::from_base64("%"), None);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever bytes come: nothing that was not protected with the key is taken, and nothing panics.
    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200), control: bool) {
        let (mut protector, mut unprotector) = both(Suite::AesCm128HmacSha1_80);
        let mut packet = bytes.clone();
        let taken = if control { unprotector.rtcp(&mut packet) } else { unprotector.rtp(&mut packet) };
        prop_assert!(taken.is_err());
        prop_assert_eq!(&packet, &bytes);
        let mut buffer = [bytes.as_slice(), &[0; MAX_TRAILER_BYTES]].concat();
        let sent = if control { protector.rtcp(&mut buffer, bytes.len()) } else { protector.rtp(&mut buffer, bytes.len()) };
        if let Ok(length) = sent {
            let opened = if control { unprotector.rtcp(&mut buffer[..length]) } else { unprotector.rtp(&mut buffer[..length]) };
            prop_assert_eq!(opened, Ok(bytes.len()));
            prop_assert_eq!(&buffer[..bytes.len()], &bytes);
        }
    }
}
