//! Addresses in messages: all of them are made loopback addresses, and none may become another one.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;

/// A message of somebody else with all its addresses on loopback. Those of IPv4 keep their length where they can, so that a length
/// that was right stays right.
pub fn rewritten(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.len());
    let mut done = 0;
    for (range, ip) in addresses(message) {
        out.extend_from_slice(&message[done..range.start]);
        match ip {
            IpAddr::V4(_) => out.extend_from_slice(loopback_of_length(range.len()).as_bytes()),
            IpAddr::V6(_) => out.extend_from_slice(b"::1"),
        }
        done = range.end;
    }
    out.extend_from_slice(&message[done..]);
    out
}

/// Whether a message names an address that is not on this machine.
pub fn leads_off(message: &[u8]) -> bool {
    addresses(message).iter().any(|(_, ip)| !ip.is_loopback() && !ip.is_unspecified())
}

/// Everything that a reader could take for an address, wherever it stands.
fn addresses(message: &[u8]) -> Vec<(Range<usize>, IpAddr)> {
    let v4 = runs(message, |byte| byte.is_ascii_digit() || byte == b'.').into_iter().filter_map(|run| {
        let ip: Ipv4Addr = text(message, &run).trim_matches('.').parse().ok()?;
        Some((trimmed(message, run), ip.into()))
    });
    let v6 = runs(message, |byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.')).into_iter();
    let v6 = v6.filter_map(|run| {
        let ip: Ipv6Addr = text(message, &run).parse().ok()?;
        Some((run, ip.into()))
    });
    let mut found: Vec<_> = v6.collect();
    let free = |found: &[(Range<usize>, IpAddr)], range: &Range<usize>| {
        !found.iter().any(|(taken, _)| taken.start < range.end && range.start < taken.end)
    };
    let v4: Vec<_> = v4.filter(|(range, _)| free(&found, range)).collect();
    found.extend(v4);
    found.sort_by_key(|(range, _)| range.start);
    found
}

fn text<'m>(message: &'m [u8], range: &Range<usize>) -> &'m str {
    std::str::from_utf8(&message[range.clone()]).unwrap_or_default()
}

/// Without the full stops of a sentence around it.
fn trimmed(message: &[u8], run: Range<usize>) -> Range<usize> {
    let text = &message[run.clone()];
    let before = text.iter().take_while(|byte| **byte == b'.').count();
    let behind = text.iter().rev().take_while(|byte| **byte == b'.').count();
    run.start + before..run.end - behind
}

/// The longest pieces that consist of such bytes.
fn runs(message: &[u8], belongs: impl Fn(u8) -> bool) -> Vec<Range<usize>> {
    let mut runs = Vec::new();
    let mut begin = None;
    for (at, byte) in message.iter().chain([&b' ']).enumerate() {
        match (belongs(*byte), begin) {
            (true, None) => begin = Some(at),
            (false, Some(start)) => {
                runs.push(start..at);
                begin = None;
            }
            _ => {}
        }
    }
    runs
}

fn loopback_of_length(length: usize) -> &'static str {
    match length {
        ..=9 => "127.0.0.9",
        10 => "127.0.0.19",
        11 => "127.0.0.119",
        12 => "127.0.10.119",
        13 => "127.0.110.119",
        14 => "127.10.110.119",
        _ => "127.110.110.119",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_is_rewritten_and_nothing_else() {
        for (before, after) in [
            ("Via: SIP/2.0/UDP 192.0.2.1:5060;x", "Via: SIP/2.0/UDP 127.0.0.9:5060;x"),
            ("c=IN IP4 198.51.100.77.", "c=IN IP4 127.0.110.119."),
            ("<sip:a@[2001:db8::1]:5060>", "<sip:a@[::1]:5060>"),
            ("[::ffff:192.0.2.1]", "[::1]"),
            ("CSeq: 1.2.3 1.2.3.4.5 2.0", "CSeq: 1.2.3 1.2.3.4.5 2.0"),
        ] {
            let rewritten = rewritten(before.as_bytes());
            assert_eq!(String::from_utf8_lossy(&rewritten), after);
            assert!(!leads_off(&rewritten));
        }
    }

    #[test]
    fn what_damage_makes_of_an_address_is_noticed() {
        for (message, off) in [
            ("sip:a@127.0.0.1", false),
            ("sip:a@127.255.0.1:5060", false),
            ("c=IN IP4 0.0.0.0", false),
            ("sip:a@227.0.0.1", true),
            ("sip:a@12.0.0.1", true),
            ("maddr=2001:db8::1;", true),
            ("[fe80::1]", true),
            ("[::1]", false),
            ("at 12:30:45", false),
        ] {
            assert_eq!(leads_off(message.as_bytes()), off, "{message}");
        }
    }
}
