//! The message layer: lazy and byte-exact.
//!
//! [`Message::parse`] finds the lines and remembers offsets; values are read when asked for. [`Request`] and
//! [`Response`] write new messages, [`Edit`] a received one with changes.
//!
//! **What arrived goes through [`Verdict::of`]** (or [`Message::parse`] and [`Message::check`], which it
//! joins): it gives a message whose mandatory headers are readable, or a request with the status it deserves,
//! or nothing to answer. [`ParseError::Malformed`] carries what could be read, and [`Problem::status`] names
//! the answer.
//!
//! What is tolerated: line ends of a lone LF, leading line ends, white space before the colon, folds, compact
//! names, any case of names, bytes that are not UTF-8 in values and bodies, a status line without its phrase.
//! [`Request`] and [`Response`] repeat no line end of a received value, [`Edit`] copies what it does not change.
//! Limits: [`MAX_MESSAGE_BYTES`], [`MAX_HEADERS`], [`MAX_HEADER_BYTES`].
//!
//! Content-Length: larger than what is there, not a number, or two that differ are a [`Problem`]; smaller
//! leaves the rest of the datagram out of the body; absent means the rest of the datagram, on a stream it is
//! a problem.

use bytes::Bytes;

mod check;
mod edit;
mod error;
mod grammar;
mod headers;
mod method;
mod name;
mod name_addr;
mod replaces;
mod response;
#[cfg(feature = "rsip-compat")]
mod rsip_compat;
mod scan;
mod start;
mod status;
mod uri;
mod via;
mod write;

pub use check::Verdict;
pub use edit::Edit;
pub use error::{HeaderError, ParseError, Problem};
pub use headers::{CSeq, RAck};
pub use method::Method;
pub use name::HeaderName;
pub use name_addr::NameAddr;
pub use replaces::Replaces;
pub use response::Response;
#[cfg(feature = "rsip-compat")]
pub use rsip_compat::RsipError;
pub(crate) use scan::announced_length;
pub use scan::{MAX_HEADER_BYTES, MAX_HEADERS, MAX_MESSAGE_BYTES};
pub use start::{Header, StartLine};
pub use status::StatusCode;
pub use uri::Uri;
pub use via::Via;
pub use write::Request;

use scan::{AbsentLength, Line, Lines, Span, Start};

/// A received message: its bytes and where in them everything stands. Cloning shares the bytes and copies the
/// offsets, about 400 bytes; no allocation up to 32 header lines.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message {
    bytes: Bytes,
    start: Start,
    lines: Lines,
    body: Span,
}

impl Message {
    /// Finds the parts of one message that came in a datagram or in a WebSocket frame.
    ///
    /// # Errors
    /// When the bytes are not a SIP message within the limits. [`ParseError::Malformed`] still carries what
    /// could be read, so that a request can be answered.
    pub fn parse(bytes: Bytes) -> Result<Self, ParseError> {
        scan::scan(bytes, AbsentLength::RestOfDatagram)
    }

    /// Finds the parts of one message cut from a stream; without Content-Length it is malformed (RFC 3261
    /// §18.3).
    ///
    /// # Errors
    /// As [`Message::parse`].
    pub fn parse_stream(bytes: Bytes) -> Result<Self, ParseError> {
        scan::scan(bytes, AbsentLength::Error)
    }

    /// The bytes as received, without leading line ends. May go on behind the body.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The first line.
    pub fn start(&self) -> StartLine<'_> {
        match self.start {
            Start::Request { method, token, uri } => {
                StartLine::Request { method, token: token.of(&self.bytes), uri: uri.of(&self.bytes) }
            }
            Start::Response { status, reason } => {
                StartLine::Response { status, reason: reason.of(&self.bytes) }
            }
        }
    }

    /// Whether it is a request.
    pub fn is_request(&self) -> bool {
        matches!(self.start, Start::Request { .. })
    }

    /// Method of a request, or of the request that a response belongs to (CSeq); `Other` when unreadable.
    pub fn method(&self) -> Method {
        match self.start {
            Start::Request { method, .. } => method,
            Start::Response { .. } => self.cseq().map_or(Method::Other, |cseq| cseq.method),
        }
    }

    /// Status of a response.
    pub fn status(&self) -> Option<StatusCode> {
        match self.start {
            Start::Request { .. } => None,
            Start::Response { status, .. } => Some(status),
        }
    }

    /// Request-URI of a request, as received.
    pub fn request_uri(&self) -> Option<&[u8]> {
        match self.start {
            Start::Request { uri, .. } => Some(uri.of(&self.bytes)),
            Start::Response { .. } => None,
        }
    }

    /// Every header line in order.
    pub fn headers(&self) -> impl Iterator<Item = Header<'_>> {
        self.lines.all().iter().map(|line| self.header(line))
    }

    /// Value of the first line of this header.
    pub fn value(&self, name: HeaderName) -> Option<&[u8]> {
        self.values(name).next()
    }

    /// Value of each line of this header, not split at commas.
    pub fn values(&self, name: HeaderName) -> impl Iterator<Item = &[u8]> {
        self.lines.of(name).map(|line| line.value.of(&self.bytes))
    }

    /// Every element of a comma-separated header, over all its lines; commas in quotes and `<>` do not split,
    /// empty elements are left out.
    pub fn elements(&self, name: HeaderName) -> impl Iterator<Item = &[u8]> {
        self.values(name).flat_map(grammar::Parts::list)
    }

    /// First line of a header this crate has no name for, without regard to case.
    pub fn other(&self, token: &str) -> Option<&[u8]> {
        self.lines
            .of(HeaderName::Other)
            .map(|line| self.header(line))
            .find(|header| header.token.eq_ignore_ascii_case(token.as_bytes()))
            .map(|header| header.value)
    }

    /// The body.
    pub fn body(&self) -> Bytes {
        self.bytes.slice(self.body.start()..self.body.end())
    }

    fn header(&self, line: &Line) -> Header<'_> {
        Header { name: line.name, token: line.token.of(&self.bytes), value: line.value.of(&self.bytes) }
    }
}
