//! Changes that a message suffers on its way.

use super::script::Script;

/// A message as it arrives: mostly as it was.
pub(crate) fn of(script: &mut Script<'_>, bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    match script.below(64) {
        63 => flip(script, &mut bytes),
        1 => bytes.truncate(place(script, bytes.len())),
        2 => double(script, &mut bytes),
        3 => replace_a_number(script, &mut bytes),
        4 => drop_a_line(script, &mut bytes),
        5 => double_a_line(script, &mut bytes),
        7 => insert(script, &mut bytes),
        _ => {}
    }
    bytes
}

fn place(script: &mut Script<'_>, length: usize) -> usize {
    script.below(length.max(257)).min(length.saturating_sub(1))
}

fn flip(script: &mut Script<'_>, bytes: &mut [u8]) {
    let at = place(script, bytes.len());
    if let Some(byte) = bytes.get_mut(at) {
        *byte ^= 1 << script.below(8);
    }
}

fn double(script: &mut Script<'_>, bytes: &mut Vec<u8>) {
    let (from, length) = (place(script, bytes.len()), script.below(200));
    let piece = bytes[from..].iter().copied().take(length).collect::<Vec<_>>();
    bytes.splice(from..from, piece);
}

/// The first number after some place becomes one that no counter holds, or that says nothing.
fn replace_a_number(script: &mut Script<'_>, bytes: &mut Vec<u8>) {
    const NUMBERS: [&str; 8] = [
        "0",
        "-1",
        "4294967295",
        "4294967296",
        "2147483648",
        "99999999999999999999",
        "",
        "00000000000000000001",
    ];
    let from = place(script, bytes.len());
    let Some(begin) = bytes[from..].iter().position(u8::is_ascii_digit).map(|at| from + at) else { return };
    let length = bytes[begin..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let number = NUMBERS[script.below(NUMBERS.len())];
    bytes.splice(begin..begin + length, number.bytes());
}

fn drop_a_line(script: &mut Script<'_>, bytes: &mut Vec<u8>) {
    if let Some(line) = line(script, bytes) {
        bytes.drain(line);
    }
}

fn double_a_line(script: &mut Script<'_>, bytes: &mut Vec<u8>) {
    if let Some(line) = line(script, bytes) {
        let copy = bytes[line.clone()].to_vec();
        bytes.splice(line.end..line.end, copy);
    }
}

/// A whole line, not the first one.
fn line(script: &mut Script<'_>, bytes: &[u8]) -> Option<std::ops::Range<usize>> {
    let ends: Vec<usize> =
        bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1).collect();
    let which = script.below(ends.len().saturating_sub(1));
    Some(*ends.get(which)?..*ends.get(which + 1)?)
}

fn insert(script: &mut Script<'_>, bytes: &mut Vec<u8>) {
    const PIECES: [&str; 8] = ["\r\n ", ",", ";tag=x", "\"", "<", "%00", "\0", "\r\n\r\n"];
    let at = place(script, bytes.len());
    bytes.splice(at..at, PIECES[script.below(PIECES.len())].bytes());
}
