//! Damage: what a message suffers between who meant well and us, or in the head of who did not.

use rand::seq::{IndexedRandom as _, SliceRandom as _};
use rand::{Rng, RngExt as _};

/// What fits into one datagram.
const MAX_BYTES: usize = 65_000;

/// A message with one to three kinds of damage.
pub(crate) fn damaged(rng: &mut impl Rng, message: &[u8]) -> Vec<u8> {
    let mut bytes = message.to_vec();
    for _ in 0..rng.random_range(1..=3) {
        if bytes.is_empty() {
            break;
        }
        damage(rng, &mut bytes);
    }
    bytes.truncate(MAX_BYTES);
    bytes
}

fn damage(rng: &mut impl Rng, bytes: &mut Vec<u8>) {
    match rng.random_range(0..16) {
        0 | 1 => flip_bits(rng, bytes),
        2 => bytes.truncate(rng.random_range(0..bytes.len())),
        3 => repeat_a_piece(rng, bytes),
        4 => change_lines(rng, bytes, |rng, lines| lines.shuffle(rng)),
        5 => change_lines(rng, bytes, |rng, lines| drop(lines.remove(rng.random_range(0..lines.len())))),
        6 => change_lines(rng, bytes, |rng, lines| {
            let line = lines[rng.random_range(0..lines.len())].clone();
            lines.insert(rng.random_range(0..=lines.len()), line);
        }),
        7 => huge_value(rng, bytes),
        8 => fold(rng, bytes),
        9 => wrong_length(rng, bytes),
        10 => another_number(rng, bytes),
        11 => insert(rng, bytes),
        12 => overwrite(rng, bytes),
        13 => many_lines(rng, bytes),
        14 => change_case(rng, bytes),
        _ => deep(rng, bytes),
    }
}

fn flip_bits(rng: &mut impl Rng, bytes: &mut [u8]) {
    for _ in 0..rng.random_range(1..=4) {
        let at = rng.random_range(0..bytes.len());
        bytes[at] ^= 1 << rng.random_range(0..8);
    }
}

fn repeat_a_piece(rng: &mut impl Rng, bytes: &mut Vec<u8>) {
    let from = rng.random_range(0..bytes.len());
    let length = rng.random_range(1..=(bytes.len() - from).min(300));
    let piece = bytes[from..from + length].repeat(rng.random_range(1..=8));
    bytes.splice(from..from, piece);
}

/// Works on the header lines, the first line left out.
fn change_lines<R: Rng>(rng: &mut R, bytes: &mut Vec<u8>, change: impl FnOnce(&mut R, &mut Vec<Vec<u8>>)) {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or(bytes.len());
    let mut lines: Vec<Vec<u8>> = bytes[..end].split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    let mut headers = lines.split_off(1);
    if headers.is_empty() {
        return;
    }
    change(rng, &mut headers);
    lines.extend(headers);
    let body = bytes[end..].to_vec();
    *bytes = [lines.join(&b'\n'), body].concat();
}

fn huge_value(rng: &mut impl Rng, bytes: &mut Vec<u8>) {
    let filler = *b"A;,<\"% ".choose(rng).expect("there are some");
    let length = [200, 3_000, 8_200, 20_000, 60_000][rng.random_range(0..5)];
    let at = place_in_line(rng, bytes);
    bytes.splice(at..at, vec![filler; length]);
}

fn fold(rng: &mut impl Rng, bytes: &mut Vec<u8>) {
    for _ in 0..rng.random_range(1..=20) {
        let at = place_in_line(rng, bytes);
        bytes.splice(at..at, *b"\r\n ");
    }
}

fn wrong_length(rng: &mut impl Rng, bytes: &mut Vec<u8>) {
    let name = b"Content-Length:";
    let Some(at) = bytes.windows(name.len()).position(|window| window.eq_ignore_ascii_case(name)) else {
        return;
    };
    let end = bytes[at..].iter().position(|byte| *byte == b'\r').map_or(bytes.len(), |length| at + length);
    let lengths: [&[u8]; 9] =
        [b" 0", b" 1", b" -1", b" 65535", b" 4294967296", b" 99999999999999999999", b"", b" 5 5", b" 0x10"];
    bytes.splice(at + name.len()..end, lengths.choose(rng).expect("there are some").to_vec());
}

fn another_number(rng: &mut impl Rng, bytes: &mut Vec<u8>) {
    let from = rng.random_range(0..bytes.len());
    let Some(at) = bytes[from..].iter().position(u8::is_ascii_digit).map(|at| from + at) else { return };
    let length = bytes[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let numbers =
        ["0", "-1", "255", "65536", "2147483647", "4294967295", "4294967296", "18446744073709551616"];
    bytes.splice(at..at + length, numbers.choose(rng).expect("there are some").bytes());
}

fn insert(rng: &mut impl Rng, bytes: &mut Vec<u8>) {
    let pieces: [&[u8]; 12] = [
        b"\0",
        b"\r",
        b"\n",
        b"\r\n\r\n",
        b"\"",
        b"\\",
        b"%00",
        b"%",
        b";;;;",
        b",,,,",
        b"<<>>",
        b"\xff\xfe\xc0\x80",
    ];
    let at = rng.random_range(0..=bytes.len());
    bytes.splice(at..at, pieces.choose(rng).expect("there are some").to_vec());
}

fn overwrite(rng: &mut impl Rng, bytes: &mut [u8]) {
    let from = rng.random_range(0..bytes.len());
    let end = (from + rng.random_range(1..=32)).min(bytes.len());
    rng.fill_bytes(&mut bytes[from..end]);
}

fn many_lines(rng: &mut impl Rng, bytes: &mut Vec<u8>) {
    let lines = [
        "X: y\r\n",
        "Via: SIP/2.0/UDP 127.0.0.9;branch=z9hG4bKx\r\n",
        "Route: <sip:127.0.0.9;lr>\r\n",
        ":\r\n",
    ];
    let line = lines.choose(rng).expect("there are some");
    let count = [3, 60, 127, 129, 1_000][rng.random_range(0..5)];
    let at = bytes.windows(2).position(|two| two == b"\r\n").map_or(0, |at| at + 2);
    bytes.splice(at..at, line.repeat(count).into_bytes());
}

fn change_case(rng: &mut impl Rng, bytes: &mut [u8]) {
    let from = rng.random_range(0..bytes.len());
    let end = (from + 40).min(bytes.len());
    for byte in &mut bytes[from..end] {
        *byte = if byte.is_ascii_lowercase() { byte.to_ascii_uppercase() } else { byte.to_ascii_lowercase() };
    }
}

fn deep(rng: &mut impl Rng, bytes: &mut Vec<u8>) {
    let (open, close) = [("(", ")"), ("<", ">"), ("\"", "\""), ("[", "]")][rng.random_range(0..4)];
    let depth = [2, 100, 4_000][rng.random_range(0..3)];
    let at = place_in_line(rng, bytes);
    bytes.splice(at..at, [open.repeat(depth), close.repeat(depth)].concat().into_bytes());
}

/// Somewhere behind a colon or a space, so that it is within a value.
fn place_in_line(rng: &mut impl Rng, bytes: &[u8]) -> usize {
    let from = rng.random_range(0..bytes.len());
    bytes[from..]
        .iter()
        .position(|byte| matches!(byte, b' ' | b':' | b';'))
        .map_or(bytes.len(), |at| from + at + 1)
}
