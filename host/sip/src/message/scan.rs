//! One pass over the bytes of a message that notes where its parts stand.
//!
//! Offsets are 16 bits, which is why a message may be [`MAX_MESSAGE_BYTES`] long and no longer.
use bytes::{Buf, Bytes};
use smallvec::SmallVec;

use super::grammar::{find_near, is_token, number, trim};
use super::uri::holds_delimiter;
use super::{HeaderName, Message, Method, ParseError, Problem, StatusCode};

/// Longest message: the largest a UDP datagram can announce. Nothing a phone sends comes near, and every
/// connection could make us keep this much.
pub const MAX_MESSAGE_BYTES: usize = 65_535;

/// Most header lines. Requests with a Via and Record-Route per hop reach thirty; a sender of thousands wants
/// our CPU.
pub const MAX_HEADERS: usize = 128;

/// Longest header line, folds included. Identity tokens (RFC 8224) reach 2 kB, long Contact lists 4 kB.
pub const MAX_HEADER_BYTES: usize = 8 * 1024;

/// Header lines that are noted without an allocation; ordinary INVITEs have ten to twenty-five.
const INLINE_HEADERS: usize = 32;

/// A range of the message.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Span {
    start: u16,
    end: u16,
}

impl Span {
    pub(super) fn of(self, bytes: &[u8]) -> &[u8] {
        &bytes[self.start as usize..self.end as usize]
    }

    pub(super) fn start(self) -> usize {
        self.start as usize
    }

    pub(super) fn end(self) -> usize {
        self.end as usize
    }

    /// The range of `part`, which borrows from `whole`.
    fn of_part(whole: &[u8], part: &[u8]) -> Self {
        let start = part.as_ptr().addr() - whole.as_ptr().addr();
        Self::new(start, start + part.len())
    }

    /// Both ends are within a message, so they fit: a longer one was refused before it was scanned.
    fn new(start: usize, end: usize) -> Self {
        debug_assert!(end <= MAX_MESSAGE_BYTES);
        Self { start: start as u16, end: end as u16 }
    }
}

/// Where the parts of the first line stand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Start {
    Request { method: Method, token: Span, uri: Span },
    Response { status: StatusCode, reason: Span },
}

/// Where one header line stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Line {
    pub(super) name: HeaderName,
    pub(super) token: Span,
    pub(super) value: Span,
    /// Just behind its line end.
    pub(super) end: u16,
}

/// Where every header line stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Lines {
    all: SmallVec<[Line; INLINE_HEADERS]>,
    /// Where in `all` the first line of each name stands; `NONE` when there is none.
    first: [u8; HeaderName::COUNT],
}

/// No line. `MAX_HEADERS` is below it.
const NONE: u8 = u8::MAX;

impl Lines {
    fn new() -> Self {
        Self { all: SmallVec::new(), first: [NONE; HeaderName::COUNT] }
    }

    fn push(&mut self, line: Line) {
        let first = &mut self.first[line.name as usize];
        if *first == NONE {
            *first = self.all.len() as u8;
        }
        self.all.push(line);
    }

    /// Every line in order.
    pub(super) fn all(&self) -> &[Line] {
        &self.all
    }

    /// Every line of this name in order.
    pub(super) fn of(&self, name: HeaderName) -> impl Iterator<Item = &Line> {
        let first = usize::from(self.first[name as usize]);
        self.all.get(first..).unwrap_or_default().iter().filter(move |line| line.name == name)
    }
}

/// What Content-Length means where it is absent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum AbsentLength {
    /// The body is the rest of the datagram (RFC 3261 §18.3).
    RestOfDatagram,
    /// An error: the message came on a stream.
    Error,
}

/// Finds the parts of one message.
pub(super) fn scan(mut bytes: Bytes, absent: AbsentLength) -> Result<Message, ParseError> {
    let skipped = bytes.iter().take_while(|&&byte| matches!(byte, b'\r' | b'\n')).count();
    bytes.advance(skipped);
    if bytes.is_empty() {
        return Err(ParseError::Empty);
    }
    if bytes.len() > MAX_MESSAGE_BYTES {
        return Err(ParseError::TooLong { limit: MAX_MESSAGE_BYTES, actual: bytes.len() });
    }
    let line_end = memchr::memchr(b'\n', &bytes).map_or(bytes.len(), |at| at + 1);
    let (start, start_problem) = start_line(&bytes, strip_line_end(&bytes[..line_end]))?;
    // Filled in place: the lines are most of a message, and moving them costs more than finding them.
    let mut message = Message { start, lines: Lines::new(), body: Span::default(), bytes };
    let block = header_block(&message.bytes, line_end, &mut message.lines);
    let (length, length_problem) = match content_length(&message.bytes, &message.lines, absent) {
        Ok(length) => (length, None),
        Err(problem) => (None, Some(problem)),
    };
    let available = message.bytes.len() - block.body_start;
    let truncated = length.filter(|&length| length > available).map(|_| Problem::BodyTruncated);
    let body_length = length.map_or(available, |length| length.min(available));
    message.body = Span::new(block.body_start, block.body_start + body_length);
    match start_problem.or(block.problem).or(length_problem).or(truncated) {
        None => Ok(message),
        Some(problem) => Err(ParseError::Malformed { message: Box::new(message), problem }),
    }
}

/// Reads the first line; `bytes` is the message it borrows from.
fn start_line(bytes: &[u8], line: &[u8]) -> Result<(Start, Option<Problem>), ParseError> {
    if line.get(..4).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"SIP/")) {
        return status_line(bytes, line).map(|start| (start, None)).ok_or(ParseError::NotSip);
    }
    request_line(bytes, line).ok_or(ParseError::NotSip)
}

/// `SIP/2.0 status reason`. A response that cannot be read is of use to nobody, hence no problem beside it.
fn status_line(bytes: &[u8], line: &[u8]) -> Option<Start> {
    let after_version = line.get(..8)?.eq_ignore_ascii_case(b"SIP/2.0 ").then(|| &line[8..])?;
    let (digits, reason) = after_version.split_at_checked(3)?;
    // Peers leave out the space when there is no phrase.
    let reason = if reason.is_empty() { reason } else { reason.strip_prefix(b" ")? };
    let status = StatusCode::new(u16::try_from(number(digits, 699)?).ok()?)?;
    Some(Start::Response { status, reason: Span::of_part(bytes, reason) })
}

/// `METHOD uri SIP/2.0`. The method and the word `SIP/` have to be there, so that other protocols are not
/// answered.
fn request_line(bytes: &[u8], line: &[u8]) -> Option<(Start, Option<Problem>)> {
    let method_end = find_near(b' ', line)?;
    let (token, rest) = (&line[..method_end], &line[method_end + 1..]);
    if !is_token(token) {
        return None;
    }
    let clean = trim(rest);
    let version_start = memchr::memrchr(b' ', clean).map_or(0, |at| at + 1);
    let version = &clean[version_start..];
    if !version.get(..4)?.eq_ignore_ascii_case(b"SIP/") {
        return None;
    }
    let uri = trim(&clean[..version_start]);
    let untidy = clean.len() != rest.len() || uri.len() + 1 != version_start;
    let problem = if untidy || holds_delimiter(uri) {
        Some(Problem::RequestLine)
    } else if !version.eq_ignore_ascii_case(b"SIP/2.0") {
        Some(Problem::Version)
    } else {
        None
    };
    let start = Start::Request {
        method: Method::of_token(token),
        token: Span::of_part(bytes, token),
        uri: Span::of_part(bytes, uri),
    };
    Some((start, problem))
}

/// Where the header block ended and what was wrong in it.
struct Block {
    body_start: usize,
    problem: Option<Problem>,
}

/// Notes every header line from `at` to the empty line. A bad line is left out and the rest is read on,
/// because the headers that an answer needs may follow it.
fn header_block(bytes: &[u8], mut at: usize, lines: &mut Lines) -> Block {
    let mut problem = None;
    loop {
        let rest = &bytes[at..];
        if let Some(length) = empty_line(rest) {
            return Block { body_start: at + length, problem };
        }
        let Some(length) = logical_line(rest) else {
            return Block { body_start: bytes.len(), problem: problem.or(Some(Problem::NoEmptyLine)) };
        };
        let found = if length > MAX_HEADER_BYTES {
            Err(Problem::HeaderTooLong)
        } else if lines.all.len() == MAX_HEADERS {
            Err(Problem::TooManyHeaders)
        } else {
            header_line(&rest[..length], at)
        };
        match found {
            Ok(line) => lines.push(line),
            Err(found) => problem = problem.or(Some(found)),
        }
        at += length;
    }
}

/// Length of the empty line that `bytes` starts with, if it does.
fn empty_line(bytes: &[u8]) -> Option<usize> {
    match bytes {
        [b'\r', b'\n', ..] => Some(2),
        [b'\n', ..] => Some(1),
        _ => None,
    }
}

/// Length of the line that `bytes` starts with, its folds (RFC 3261 §7.3.1) and line end included. `None`
/// when the line end is missing.
fn logical_line(bytes: &[u8]) -> Option<usize> {
    let mut end = 0;
    loop {
        end += memchr::memchr(b'\n', &bytes[end..])? + 1;
        if !matches!(bytes.get(end), Some(b' ' | b'\t')) {
            return Some(end);
        }
    }
}

/// Reads the header line `line`, which stands at `start`.
fn header_line(line: &[u8], start: usize) -> Result<Line, Problem> {
    let colon = find_near(b':', line).ok_or(Problem::HeaderLine)?;
    let token = trim_blanks(&line[..colon]);
    let name = HeaderName::of_token(token);
    // A known name is a token; only the others have to be looked at.
    if name == HeaderName::Other && !is_token(token) {
        return Err(Problem::HeaderLine);
    }
    let value = trim(&line[colon + 1..]);
    let value_start = start + Span::of_part(line, value).start();
    Ok(Line {
        name,
        token: Span::new(start, start + token.len()),
        value: Span::new(value_start, value_start + value.len()),
        end: Span::new(start, start + line.len()).end,
    })
}

/// A name without the white space that may precede the colon. None may precede the name: a line that starts
/// with it would be a fold of nothing.
fn trim_blanks(mut name: &[u8]) -> &[u8] {
    while let [before @ .., b' ' | b'\t'] = name {
        name = before;
    }
    name
}

/// A line without the CRLF or LF that ends it.
fn strip_line_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// What the Content-Length lines agree on.
fn content_length(bytes: &[u8], lines: &Lines, absent: AbsentLength) -> Result<Option<usize>, Problem> {
    let mut agreed = None;
    for line in lines.of(HeaderName::ContentLength) {
        let length = content_length_value(line.value.of(bytes))?;
        if agreed.is_some_and(|agreed| agreed != length) {
            return Err(Problem::ContentLengthsDiffer);
        }
        agreed = Some(length);
    }
    match (agreed, absent) {
        (None, AbsentLength::Error) => Err(Problem::Missing(HeaderName::ContentLength)),
        _ => Ok(agreed),
    }
}

/// Reads a Content-Length. A number too large for any message is still a number: the body is shorter than it.
fn content_length_value(value: &[u8]) -> Result<usize, Problem> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return Err(Problem::Malformed(HeaderName::ContentLength));
    }
    Ok(number(value, u64::from(u32::MAX)).map_or(usize::MAX, |length| length as usize))
}

/// The header block of `head` and the length its Content-Length lines agree on, for stream framing.
pub(crate) fn announced_length(head: &[u8]) -> Option<usize> {
    let line_end = memchr::memchr(b'\n', head).map_or(head.len(), |at| at + 1);
    let mut lines = Lines::new();
    if head.len() > MAX_MESSAGE_BYTES {
        return None;
    }
    header_block(head, line_end, &mut lines);
    content_length(head, &lines, AbsentLength::Error).ok().flatten()
}
