//! Writing new messages. CR, LF and NUL in any value are replaced by a space, so that no plugin, header or
//! display name can add a header line.
use std::fmt::Display;
use std::io::Write;

use bytes::Bytes;

use super::grammar::{is_token_byte, trim};
use super::{Header, HeaderName, Method};

/// Room for the header lines of an ordinary message, so that they are written without growing.
const ORDINARY_BYTES: usize = 1024;

/// A start line if it is known yet, header lines, and a body: what [`Request`] and `Response` have in common.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    lines: Vec<u8>,
    content_type: Vec<u8>,
    body: Bytes,
}

impl Draft {
    pub(super) fn new() -> Self {
        Self { lines: Vec::with_capacity(ORDINARY_BYTES), content_type: Vec::new(), body: Bytes::new() }
    }

    pub(super) fn header(&mut self, name: HeaderName, value: &[u8]) {
        self.line(name.as_str().as_bytes(), value);
    }

    /// Bytes of `token` that no header name may hold are left out; without a name there is no line.
    pub(super) fn line(&mut self, token: &[u8], value: &[u8]) {
        let start = self.lines.len();
        self.lines.extend(token.iter().filter(|&&byte| is_token_byte(byte)));
        if self.lines.len() == start {
            return;
        }
        self.lines.extend_from_slice(b": ");
        extend_clean(&mut self.lines, value);
        self.lines.extend_from_slice(b"\r\n");
    }

    pub(super) fn header_fmt(&mut self, name: HeaderName, value: impl Display) {
        if name == HeaderName::Other {
            return;
        }
        self.lines.extend_from_slice(name.as_str().as_bytes());
        self.lines.extend_from_slice(b": ");
        let start = self.lines.len();
        let written = write!(self.lines, "{value}");
        debug_assert!(
            written.is_ok(),
            "a Vec takes every byte; only a Display that fails by itself can fail here"
        );
        clean(&mut self.lines[start..]);
        self.lines.extend_from_slice(b"\r\n");
    }

    /// Appends the pieces of a received value as one line. Folds become spaces; the rest is kept byte by
    /// byte, also a quoted NUL, because the peer compares it with what it sent.
    pub(super) fn copied(&mut self, name: HeaderName, pieces: &[&[u8]]) {
        self.lines.extend_from_slice(name.as_str().as_bytes());
        self.lines.extend_from_slice(b": ");
        let start = self.lines.len();
        for piece in pieces {
            self.lines.extend_from_slice(piece);
        }
        for byte in &mut self.lines[start..] {
            if matches!(byte, b'\r' | b'\n') {
                *byte = b' ';
            }
        }
        self.lines.extend_from_slice(b"\r\n");
    }

    pub(super) fn body(&mut self, content_type: &[u8], body: Bytes) {
        self.content_type.clear();
        extend_clean(&mut self.content_type, content_type);
        self.body = body;
    }

    /// Every header line so far.
    pub(super) fn headers(&self) -> impl Iterator<Item = Header<'_>> {
        self.lines.split(|&byte| byte == b'\n').filter_map(|line| {
            let colon = memchr::memchr(b':', line)?;
            let token = &line[..colon];
            Some(Header { name: HeaderName::of_token(token), token, value: trim(&line[colon + 1..]) })
        })
    }

    /// Writes the whole message in one buffer: `start` is the start line and what comes before the headers so
    /// far.
    pub(super) fn write(&self, start: &[&[u8]]) -> Bytes {
        /// Names, line ends and digits of Content-Type and Content-Length.
        const TAIL: usize = 64;
        let head: usize = start.iter().map(|piece| piece.len()).sum();
        let size = head + self.lines.len() + self.content_type.len() + self.body.len() + TAIL;
        let mut message = Vec::with_capacity(size);
        for piece in start {
            message.extend_from_slice(piece);
        }
        message.extend_from_slice(&self.lines);
        if !self.content_type.is_empty() {
            message.extend_from_slice(b"Content-Type: ");
            message.extend_from_slice(&self.content_type);
            message.extend_from_slice(b"\r\n");
        }
        message.extend_from_slice(b"Content-Length: ");
        push_number(&mut message, self.body.len());
        message.extend_from_slice(b"\r\n\r\n");
        message.extend_from_slice(&self.body);
        Bytes::from(message)
    }
}

/// Replaces the bytes that end or corrupt a line.
pub(super) fn clean(value: &mut [u8]) {
    for byte in value {
        if matches!(byte, b'\r' | b'\n' | 0) {
            *byte = b' ';
        }
    }
}

/// Appends `value` with the bytes replaced that end or corrupt a line.
pub(super) fn extend_clean(buffer: &mut Vec<u8>, value: &[u8]) {
    let start = buffer.len();
    buffer.extend_from_slice(value);
    if memchr::memchr3(b'\r', b'\n', 0, value).is_some() {
        clean(&mut buffer[start..]);
    }
}

/// Appends a number in decimal, faster than `write!`.
pub(super) fn push_number(buffer: &mut Vec<u8>, mut number: usize) {
    let mut digits = [0_u8; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    buffer.extend_from_slice(&digits[at..]);
}

/// A request to be sent: everything but its Via, which the endpoint writes on top for each hop.
#[derive(Clone, Debug)]
pub struct Request {
    method: Method,
    start: Vec<u8>,
    uri_start: usize,
    draft: Draft,
}

impl Request {
    /// A request without headers. For `Method::Other` see [`Request::with_token`].
    pub fn new(method: Method, uri: impl AsRef<[u8]>) -> Self {
        Self::with_token(method.as_str().as_bytes(), uri)
    }

    /// A request of any method. Bytes that no method may hold are left out of the token; white space and line
    /// ends are left out of the URI.
    pub fn with_token(token: impl AsRef<[u8]>, uri: impl AsRef<[u8]>) -> Self {
        let mut start: Vec<u8> = token.as_ref().iter().copied().filter(|&byte| is_token_byte(byte)).collect();
        let method = Method::of_token(&start);
        start.push(b' ');
        let uri_start = start.len();
        start.extend(uri.as_ref().iter().filter(|&&byte| byte > b' ' && byte != 0x7f));
        Self { method, start, uri_start, draft: Draft::new() }
    }

    /// Its method.
    pub fn method(&self) -> Method {
        self.method
    }

    /// Its method as it will be written.
    pub fn token(&self) -> &[u8] {
        &self.start[..self.uri_start - 1]
    }

    /// Its Request-URI.
    pub fn uri(&self) -> &[u8] {
        &self.start[self.uri_start..]
    }

    /// Every header line so far, without Via, and without the Content-Type of [`Request::body`].
    pub fn headers(&self) -> impl Iterator<Item = Header<'_>> {
        self.draft.headers()
    }

    /// Value of the first line of this header so far.
    pub fn value(&self, name: HeaderName) -> Option<&[u8]> {
        self.values(name).next()
    }

    /// Value of each line of this header so far.
    pub fn values(&self, name: HeaderName) -> impl Iterator<Item = &[u8]> {
        self.headers().filter(move |header| header.name == name).map(|header| header.value)
    }

    /// Appends a header line. Not for `HeaderName::Other`, which has no text and is left out.
    pub fn header(&mut self, name: HeaderName, value: impl AsRef<[u8]>) -> &mut Self {
        self.draft.header(name, value.as_ref());
        self
    }

    /// Appends a header line written by `Display`.
    pub fn header_fmt(&mut self, name: HeaderName, value: impl Display) -> &mut Self {
        self.draft.header_fmt(name, value);
        self
    }

    /// Appends a header line with any name.
    pub fn other(&mut self, token: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> &mut Self {
        self.draft.line(token.as_ref(), value.as_ref());
        self
    }

    /// Sets the body and its Content-Type.
    pub fn body(&mut self, content_type: impl AsRef<[u8]>, body: Bytes) -> &mut Self {
        self.draft.body(content_type.as_ref(), body);
        self
    }

    /// The same request for another try with credentials: with this CSeq number, and with this line in place of those of the
    /// same header (RFC 3261 §8.1.3.5, §22.2).
    #[must_use]
    pub fn with_credentials(&self, cseq: u32, name: HeaderName, value: &str) -> Self {
        let mut again = Self { draft: Draft::new(), start: self.start.clone(), ..*self };
        for header in self.headers().filter(|header| header.name != name) {
            match header.name {
                HeaderName::CSeq => {
                    let token = String::from_utf8_lossy(self.token());
                    again.header_fmt(HeaderName::CSeq, format_args!("{cseq} {token}"));
                }
                _ => {
                    again.other(header.token, header.value);
                }
            }
        }
        again.header(name, value);
        again.draft.body(&self.draft.content_type, self.draft.body.clone());
        again
    }

    /// The whole message with this Via value on top, Content-Length last.
    pub fn write(&self, via: &[u8]) -> Bytes {
        if memchr::memchr3(b'\r', b'\n', 0, via).is_some() {
            let mut cleaned = via.to_vec();
            clean(&mut cleaned);
            return self.write(&cleaned);
        }
        self.draft.write(&[&self.start, b" SIP/2.0\r\nVia: ", via, b"\r\n"])
    }
}
