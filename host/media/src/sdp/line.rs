//! Lines and fields of a session description, as byte ranges of its body.

use std::net::IpAddr;
use std::ops::Range;

/// One `x=value` line.
pub(super) struct Line {
    /// Counted from 1.
    pub(super) number: usize,
    /// The letter before `=`; `None` for a line of another shape, which passes unread.
    pub(super) letter: Option<u8>,
    /// What follows `=`, without the line ending.
    pub(super) value: Range<usize>,
    /// All of it with its line ending.
    pub(super) whole: Range<usize>,
}

/// The lines of a body. CRLF, a bare LF and a missing last line ending are all in use.
pub(super) fn lines(body: &[u8]) -> impl Iterator<Item = Line> {
    let mut start = 0;
    body.split_inclusive(|&byte| byte == b'\n').enumerate().map(move |(index, bytes)| {
        let whole = start..start + bytes.len();
        start = whole.end;
        let text = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        let (letter, value) = match text {
            [letter, b'=', ..] => (Some(*letter), whole.start + 2..whole.start + text.len()),
            _ => (None, whole.start..whole.start + text.len()),
        };
        Line { number: index + 1, letter, value, whole }
    })
}

/// The fields of a value: runs of bytes between spaces. Peers write double and trailing spaces.
pub(super) fn fields(body: &[u8], value: Range<usize>) -> Vec<Range<usize>> {
    let mut fields = Vec::new();
    let mut start = value.start;
    for part in body[value].split(|&byte| byte == b' ') {
        if !part.is_empty() {
            fields.push(start..start + part.len());
        }
        start += part.len() + 1;
    }
    fields
}

/// A decimal port.
pub(super) fn port(text: &[u8]) -> Option<u16> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// The unicast address of a `c=` or `a=rtcp` line: network type, address type, address.
///
/// # Errors
/// What is wrong, for a person.
pub(super) fn unicast(net: &[u8], family: &[u8], address: &[u8]) -> Result<IpAddr, &'static str> {
    if !net.eq_ignore_ascii_case(b"IN") {
        return Err("expected the network type IN");
    }
    // A TTL or a count after a slash belongs to multicast; on a unicast address it has no meaning.
    let address = address.split(|&byte| byte == b'/').next().unwrap_or_default();
    let address: IpAddr = std::str::from_utf8(address)
        .ok()
        .and_then(|text| text.parse().ok())
        .ok_or("expected an IPv4 or IPv6 address, found a host name or something else")?;
    let expected: &[u8] = if address.is_ipv4() { b"IP4" } else { b"IP6" };
    if !family.eq_ignore_ascii_case(expected) {
        return Err("the address is not of the address type before it (IP4 or IP6)");
    }
    if address.is_multicast() {
        return Err("expected a unicast address, found a multicast group");
    }
    Ok(address)
}
