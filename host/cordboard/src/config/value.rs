//! How single values are written: durations, sizes, addresses, ranges.

use std::fmt::Display;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use cordboard_b2bua::trunk::Network;
use cordboard_sip::message::Uri;

use super::section::Expected;

/// A whole number within bounds.
pub(crate) fn number<T: FromStr + PartialOrd + Display>(
    range: RangeInclusive<T>,
) -> impl Fn(&str) -> Result<T, Expected> {
    move |text| {
        let expected = || format!("a whole number from {} to {}", range.start(), range.end());
        text.parse().ok().filter(|value| range.contains(value)).ok_or_else(expected)
    }
}

/// A number of bytes, such as `512KiB`, within bounds.
pub(crate) fn size(range: RangeInclusive<usize>) -> impl Fn(&str) -> Result<usize, Expected> {
    move |text| {
        let expected =
            || format!("a size such as 512KiB or 4MiB, from {} to {} bytes", range.start(), range.end());
        parse_size(text).filter(|value| range.contains(value)).ok_or_else(expected)
    }
}

fn parse_size(text: &str) -> Option<usize> {
    let (count, factor) =
        with_unit(text, &[("KiB", 1024), ("MiB", 1024 * 1024), ("GiB", 1 << 30), ("B", 1)])?;
    usize::try_from(count.checked_mul(factor)?).ok()
}

/// A duration with its unit, such as `500ms`, `30s`, `5m` or `4h`, within bounds.
pub(crate) fn duration(range: RangeInclusive<Duration>) -> impl Fn(&str) -> Result<Duration, Expected> {
    move |text| {
        let expected = || {
            let (from, to) = (shown(*range.start()), shown(*range.end()));
            format!("a duration with its unit (ms, s, m or h), from {from} to {to}")
        };
        parse_duration(text).filter(|value| range.contains(value)).ok_or_else(expected)
    }
}

fn parse_duration(text: &str) -> Option<Duration> {
    let (count, factor) = with_unit(text, &[("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000)])?;
    Some(Duration::from_millis(count.checked_mul(factor)?))
}

/// Writes a duration the way it is read.
pub(crate) fn shown(duration: Duration) -> String {
    let ms = duration.as_millis();
    for (unit, factor) in [("h", 3_600_000), ("m", 60_000), ("s", 1000)] {
        if ms >= factor && ms.is_multiple_of(factor) {
            return format!("{}{unit}", ms / factor);
        }
    }
    format!("{ms}ms")
}

fn with_unit(text: &str, units: &[(&str, u64)]) -> Option<(u64, u64)> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (count, unit) = text.split_at(digits);
    let factor = units.iter().find(|(name, _)| *name == unit.trim_start())?.1;
    Some((count.parse().ok()?, factor))
}

/// The word `off` or a value.
pub(crate) fn or_off<T>(
    parse: impl Fn(&str) -> Result<T, Expected>,
) -> impl Fn(&str) -> Result<Option<T>, Expected> {
    move |text| match text {
        "off" => Ok(None),
        _ => parse(text).map(Some).map_err(|expected| format!("{expected}, or off")),
    }
}

/// An address to listen on. Port 0 lets the kernel choose.
pub(crate) fn listen(text: &str) -> Result<SocketAddr, Expected> {
    text.parse().map_err(|_| "an IP address with a port, such as 0.0.0.0:5060 or [::]:5060".to_owned())
}

/// The IP address that is shown to peers.
pub(crate) fn shown_address(text: &str) -> Result<IpAddr, Expected> {
    let expected = || "the IP address that phones reach us at, such as 203.0.113.10".to_owned();
    let address: IpAddr = text.parse().map_err(|_| expected())?;
    let nowhere = [IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED)];
    if nowhere.contains(&address) || address.is_multicast() { Err(expected()) } else { Ok(address) }
}

/// Any IP address.
pub(crate) fn ip(text: &str) -> Result<IpAddr, Expected> {
    text.parse().map_err(|_| "an IP address, such as 192.0.2.7 or 2001:db8::7".to_owned())
}

/// An address, or all that begin alike.
pub(crate) fn network(text: &str) -> Result<Network, Expected> {
    text.parse().map_err(|_| "an IP address or a network, such as 192.0.2.7 or 192.0.2.0/24".to_owned())
}

/// A host name or an IP address, without a port.
pub(crate) fn host(text: &str) -> Result<String, Expected> {
    let name = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'));
    let address = text.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
    if (name && !text.is_empty() && text.len() <= 253) || address {
        return Ok(text.to_ascii_lowercase());
    }
    Err("a host name or an IP address without a port".to_owned())
}

/// First and last port, such as `10000-20000`.
pub(crate) fn ports(text: &str) -> Result<(u16, u16), Expected> {
    let range = || {
        let (first, last) = text.split_once('-')?;
        let (first, last) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        (first <= last && first >= 1024).then_some((first, last))
    };
    range().ok_or_else(|| "first and last port from 1024 to 65535, such as 10000-20000".to_owned())
}

/// The name of a plugin: what chains, logs and metrics call it.
pub(crate) fn name(text: &str) -> Result<String, Expected> {
    let fits = !text.is_empty()
        && text.len() <= 64
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
    if fits { Ok(text.to_owned()) } else { Err("a name of up to 64 letters, digits and - _ .".to_owned()) }
}

/// The SIP URI of a peer, without a user.
pub(crate) fn sip_peer(text: &str) -> Result<String, Expected> {
    let uri =
        Uri::parse(text.as_bytes()).filter(|uri| uri.is_sip() && uri.user.is_none() && !uri.host.is_empty());
    uri.map(|_| text.to_owned()).ok_or_else(|| {
        "a SIP URI without a user, such as sip:192.0.2.7:5060 or sip:trunk.example;transport=tcp".to_owned()
    })
}

/// A SHA-256 as `sha256sum` prints it.
pub(crate) fn sha256(text: &str) -> Result<String, Expected> {
    let is_digest = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_digest {
        Ok(text.to_ascii_lowercase())
    } else {
        Err("64 hex digits, as `sha256sum` prints them".to_owned())
    }
}

/// Text that says something.
pub(crate) fn text(text: &str) -> Result<String, Expected> {
    if text.is_empty() { Err("a text".to_owned()) } else { Ok(text.to_owned()) }
}

/// The words of a [`word`] that turns something on or off.
pub(crate) const SWITCH: &[(&str, bool)] = &[("on", true), ("off", false)];

/// One of a few words.
pub(crate) fn word<T: Copy>(words: &[(&str, T)]) -> impl Fn(&str) -> Result<T, Expected> {
    move |text| {
        let found = words.iter().find(|(word, _)| word.eq_ignore_ascii_case(text));
        found.map(|(_, value)| *value).ok_or_else(|| {
            let accepted: Vec<_> = words.iter().map(|(word, _)| *word).collect();
            format!("one of {}", accepted.join(", "))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_needs_its_unit() {
        for (text, ms) in [
            ("500ms", Some(500)),
            ("30s", Some(30_000)),
            ("5 m", Some(300_000)),
            ("4h", Some(14_400_000)),
            ("30", None),
            ("-1s", None),
            ("1.5s", None),
            ("99999999999999999999h", None),
            ("18446744073709551615h", None),
            ("", None),
        ] {
            assert_eq!(parse_duration(text), ms.map(Duration::from_millis), "{text:?}");
        }
    }

    #[test]
    fn a_size_needs_its_unit() {
        for (text, bytes) in [
            ("64KiB", Some(65_536)),
            ("4MiB", Some(4 << 20)),
            ("1GiB", Some(1 << 30)),
            ("10B", Some(10)),
            ("64", None),
            ("64kb", None),
        ] {
            assert_eq!(parse_size(text), bytes, "{text:?}");
        }
    }

    #[test]
    fn a_duration_is_shown_as_it_is_written() {
        for text in ["500ms", "30s", "5m", "4h", "90s"] {
            assert_eq!(parse_duration(text).map(shown).as_deref(), Some(text));
        }
    }
}
