//! Addresses in headers (RFC 3261 §20.10): a display name, a URI, header parameters.
use super::Uri;
use super::grammar::{is_token_byte, param, take_quoted, trim};

/// `"Name" <uri>;params` as in From, To, Contact, Route.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NameAddr<'a> {
    /// Display name, without its quotes, escapes kept.
    pub display: Option<&'a [u8]>,
    /// The URI.
    pub uri: Uri<'a>,
    /// Header parameters after `>`, with the leading `;`; empty when there are none.
    pub params: &'a [u8],
}

impl<'a> NameAddr<'a> {
    /// Reads one name-addr or addr-spec.
    ///
    /// A display name without quotes may hold any byte but `"`, `<`, `,` and `;`: phones send names that RFC
    /// 3261 would have quoted. Without brackets the URI ends at the first `;` and may hold neither `,` nor
    /// `?` (RFC 3261 §20).
    pub fn parse(value: &'a [u8]) -> Option<Self> {
        let value = trim(value);
        if value.starts_with(b"\"") {
            let (display, rest) = take_quoted(value)?;
            return Self::in_brackets(Some(display), trim(rest));
        }
        match memchr::memchr2(b'<', b';', value) {
            Some(at) if value[at] == b'<' => {
                let display = trim(&value[..at]);
                let display = if display.is_empty() { None } else { Some(unquoted(display)?) };
                Self::in_brackets(display, &value[at..])
            }
            semicolon => Self::bare(value, semicolon.unwrap_or(value.len())),
        }
    }

    /// `<uri>;params`
    fn in_brackets(display: Option<&'a [u8]>, value: &'a [u8]) -> Option<Self> {
        let inside = value.strip_prefix(b"<")?;
        let end = memchr::memchr(b'>', inside)?;
        let params = trim(&inside[end + 1..]);
        let uri = Uri::parse(trim(&inside[..end]))?;
        (params.is_empty() || params.starts_with(b";")).then_some(Self { display, uri, params })
    }

    /// `uri;params`: everything behind the semicolon belongs to the header.
    fn bare(value: &'a [u8], uri_end: usize) -> Option<Self> {
        let raw = trim(&value[..uri_end]);
        if memchr::memchr2(b',', b'?', raw).is_some() {
            return None;
        }
        Some(Self { display: None, uri: Uri::parse(raw)?, params: &value[uri_end..] })
    }

    /// Value of a header parameter, without quotes around it; empty for a flag.
    pub fn param(&self, name: &str) -> Option<&'a [u8]> {
        param(self.params, name)
    }

    /// The tag of From or To.
    pub fn tag(&self) -> Option<&'a str> {
        let tag = self.param("tag")?;
        tag.iter().all(|&byte| is_token_byte(byte)).then_some(())?;
        std::str::from_utf8(tag).ok().filter(|tag| !tag.is_empty())
    }

    /// Display name as text: escapes taken off, bytes that are not UTF-8 replaced. Empty when there is none.
    pub fn display_text(&self) -> String {
        let mut text = Vec::new();
        let mut bytes = self.display.unwrap_or_default().iter();
        while let Some(&byte) = bytes.next() {
            text.push(if byte == b'\\' { *bytes.next().unwrap_or(&byte) } else { byte });
        }
        String::from_utf8_lossy(&text).into_owned()
    }
}

/// A display name without quotes.
fn unquoted(display: &[u8]) -> Option<&[u8]> {
    memchr::memchr2(b'"', b',', display).is_none().then_some(display)
}
