//! SIP URIs, kept as received.
use std::borrow::Cow;

use super::grammar::{Parts, find_near, host_length, number, param, split_param};

/// A URI as received, with its parts found. `tel:` and unknown schemes are opaque: only `raw` and `scheme`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Uri<'a> {
    /// All of it.
    pub raw: &'a [u8],
    /// Scheme as written.
    pub scheme: &'a [u8],
    /// User part, still escaped; without the password.
    pub user: Option<&'a [u8]>,
    /// Password, still escaped.
    pub password: Option<&'a [u8]>,
    /// Host, as written; with `[]` for IPv6. Empty for an opaque URI.
    pub host: &'a [u8],
    /// Port.
    pub port: Option<u16>,
    /// URI parameters with the leading `;`.
    pub params: &'a [u8],
    /// Headers after `?`.
    pub headers: &'a [u8],
}

impl<'a> Uri<'a> {
    /// Finds the parts. `None` when there is no scheme, when a byte stands there that no URI may hold
    /// unescaped, or when a `sip:` URI has no host.
    pub fn parse(raw: &'a [u8]) -> Option<Self> {
        let colon = find_near(b':', raw)?;
        let (scheme, rest) = (&raw[..colon], &raw[colon + 1..]);
        if rest.is_empty() || holds_delimiter(rest) {
            return None;
        }
        let opaque = Self {
            raw,
            scheme,
            user: None,
            password: None,
            host: b"",
            port: None,
            params: b"",
            headers: b"",
        };
        if opaque.is_sip() { opaque.with_parts(rest) } else { is_scheme(scheme).then_some(opaque) }
    }

    /// Fills in what follows `sip:`.
    fn with_parts(mut self, rest: &'a [u8]) -> Option<Self> {
        let mut rest = rest;
        if let Some(at) = find_near(b'@', rest) {
            let (user, password) = split_at_byte(&rest[..at], b':');
            if user.is_empty() {
                return None;
            }
            (self.user, self.password) = (Some(user), password);
            rest = &rest[at + 1..];
        }
        let (host, rest) = take_host(rest)?;
        self.host = host;
        let (port, rest) = match rest.strip_prefix(b":") {
            Some(port) => take_port(port).map(|(port, rest)| (Some(port), rest))?,
            None => (None, rest),
        };
        self.port = port;
        if !matches!(rest, [] | [b';' | b'?', ..]) {
            return None;
        }
        let (params, headers) = split_at_byte(rest, b'?');
        self.params = params;
        self.headers = headers.unwrap_or_default();
        Some(self)
    }

    /// `sip` or `sips`.
    pub fn is_sip(&self) -> bool {
        self.scheme.eq_ignore_ascii_case(b"sip") || self.is_secure()
    }

    /// `sips`.
    pub fn is_secure(&self) -> bool {
        self.scheme.eq_ignore_ascii_case(b"sips")
    }

    /// Value of a URI parameter; empty for a flag such as `;lr`.
    pub fn param(&self, name: &str) -> Option<&'a [u8]> {
        param(self.params, name)
    }

    /// Value of a header after `?`, with `%` escapes decoded; that of the first one with this name.
    pub fn header(&self, name: &str) -> Option<Cow<'a, [u8]>> {
        let parts = self.headers.split(|&byte| byte == b'&').map(|part| split_at_byte(part, b'='));
        parts
            .filter(|(found, _)| unescape(found).eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| unescape(value.unwrap_or_default()))
            .next()
    }

    /// User part with `%` escapes decoded, lossily as UTF-8; empty when there is none.
    pub fn user_text(&self) -> String {
        String::from_utf8_lossy(&unescape(self.user.unwrap_or_default())).into_owned()
    }

    /// RFC 3261 §19.1.4 comparison. Opaque URIs are equal when their bytes are, apart from the case of the
    /// scheme.
    ///
    /// `transport` in only one of the two makes them differ: the text of the RFC would ignore it, its
    /// examples do not.
    pub fn equivalent(&self, other: &Uri<'_>) -> bool {
        if self.raw == other.raw {
            return true;
        }
        if !self.scheme.eq_ignore_ascii_case(other.scheme) {
            return false;
        }
        if !self.is_sip() {
            return self.raw[self.scheme.len()..] == other.raw[other.scheme.len()..];
        }
        same_optional(self.user, other.user)
            && same_optional(self.password, other.password)
            && self.host.eq_ignore_ascii_case(other.host)
            && self.port == other.port
            && same_params(self, other)
            && same_params(other, self)
            && headers_within(self.headers, other.headers)
            && headers_within(other.headers, self.headers)
    }
}

/// Cuts a host name, an IPv4 address or an IPv6 reference in `[]` off the front.
pub(super) fn take_host(value: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = if value.starts_with(b"[") {
        let end = memchr::memchr(b']', value)?;
        is_ipv6(std::str::from_utf8(&value[1..end]).ok()?).then_some(end + 1)?
    } else {
        host_length(value)
    };
    (end > 0).then(|| value.split_at(end))
}

/// Cuts a port number off the front.
pub(super) fn take_port(value: &[u8]) -> Option<(u16, &[u8])> {
    let end = value.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(value.len());
    let port = number(&value[..end], u64::from(u16::MAX))?;
    Some((u16::try_from(port).ok()?, &value[end..]))
}

/// Whether it is an IPv6 address, or one with the three colons that the grammar of RFC 3261 allows by mistake
/// (RFC 5118 §4.10).
fn is_ipv6(address: &str) -> bool {
    let parses = |address: &str| address.parse::<std::net::Ipv6Addr>().is_ok();
    parses(address) || (address.contains(":::") && parses(&address.replacen(":::", "::", 1)))
}

fn is_scheme(scheme: &[u8]) -> bool {
    scheme.first().is_some_and(u8::is_ascii_alphabetic)
        && scheme.iter().all(|&byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
}

/// Bytes that end a URI wherever one stands in text, so none holds them.
const fn is_delimiter(byte: u8) -> bool {
    matches!(byte, 0..=b' ' | b'<' | b'>' | b'"' | 0x7f)
}

/// Whether a delimiter stands anywhere. Looks at every byte, which the compiler does for many at once; URIs
/// are short.
pub(super) fn holds_delimiter(uri: &[u8]) -> bool {
    uri.iter().fold(false, |found, &byte| found | is_delimiter(byte))
}

/// What stands before the first `byte`, and what behind it if it is there.
fn split_at_byte(value: &[u8], byte: u8) -> (&[u8], Option<&[u8]>) {
    match find_near(byte, value) {
        Some(at) => (&value[..at], Some(&value[at + 1..])),
        None => (value, None),
    }
}

/// `value` with `%` escapes decoded; a `%` that starts none stays.
fn unescape(value: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(b'%', value).is_none() {
        return Cow::Borrowed(value);
    }
    let mut plain = Vec::with_capacity(value.len());
    let mut rest = value;
    while let [first, after @ ..] = rest {
        match (first, after) {
            (b'%', [high, low, behind @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                plain.push(hex_digit(*high) << 4 | hex_digit(*low));
                rest = behind;
            }
            _ => {
                plain.push(*first);
                rest = after;
            }
        }
    }
    Cow::Owned(plain)
}

/// The value of a byte that is known to be a hexadecimal digit.
const fn hex_digit(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20) - b'a' + 10,
    }
}

fn same_optional(left: Option<&[u8]>, right: Option<&[u8]>) -> bool {
    match (left, right) {
        (Some(left), Some(right)) => unescape(left) == unescape(right),
        (left, right) => left.is_none() && right.is_none(),
    }
}

/// Parameters that make two URIs differ when only one has them.
const NEVER_IGNORED: [&str; 5] = ["user", "ttl", "method", "maddr", "transport"];

/// Whether every parameter of `left` agrees with those of `right`.
fn same_params(left: &Uri<'_>, right: &Uri<'_>) -> bool {
    Parts::params(left.params).map(split_param).all(|(name, value)| {
        let name = String::from_utf8_lossy(&unescape(name)).into_owned();
        match unescaped_param(right.params, &name) {
            Some(found) => unescape(value).eq_ignore_ascii_case(&unescape(found)),
            None => !NEVER_IGNORED.iter().any(|needed| name.eq_ignore_ascii_case(needed)),
        }
    })
}

/// As [`param`], with escapes in the names decoded.
fn unescaped_param<'a>(params: &'a [u8], name: &str) -> Option<&'a [u8]> {
    Parts::params(params)
        .map(split_param)
        .find(|(found, _)| unescape(found).eq_ignore_ascii_case(name.as_bytes()))
        .map(|(_, value)| value)
}

/// Whether every header of `left` is one of `right`, in any order; names without regard to case.
fn headers_within(left: &[u8], right: &[u8]) -> bool {
    let parts = |headers: &'_ [u8]| -> Vec<(Vec<u8>, Vec<u8>)> {
        headers
            .split(|&byte| byte == b'&')
            .filter(|part| !part.is_empty())
            .map(|part| {
                let (name, value) = split_at_byte(part, b'=');
                (unescape(name).to_ascii_lowercase(), unescape(value.unwrap_or_default()).into_owned())
            })
            .collect()
    };
    let right = parts(right);
    parts(left).iter().all(|part| right.contains(part))
}
