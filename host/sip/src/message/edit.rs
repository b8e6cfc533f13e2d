//! Writing a received message again with changes: what is not changed is copied as it came.
use bytes::Bytes;
use smallvec::SmallVec;

use super::scan::Line;
use super::write::{extend_clean, push_number};
use super::{HeaderName, Message, StartLine};

/// Changes that are noted without an allocation.
const INLINE_CHANGES: usize = 8;

/// A line to be put on top.
type Inserted<'a> = (HeaderName, &'a [u8]);

/// A header and its new value; `None` when it goes.
type Changed<'a> = (HeaderName, Option<&'a [u8]>);

/// Changes to a received message. Header lines that no change names are copied byte by byte, in runs; a
/// change says something about every line of its header, and the last change of one header counts.
///
/// The message must have come out of [`Message::parse`] without an error. Changes to Content-Length and to
/// `HeaderName::Other` are ignored.
///
/// ```
/// use cordboard_sip::message::{Edit, HeaderName, Message};
/// let bytes = b"OPTIONS sip:a SIP/2.0\r\nMax-Forwards: 70\r\nX: y\r\n\r\n";
/// let message = Message::parse(bytes.as_slice().into()).unwrap();
/// let written = Edit::of(&message).replace(HeaderName::MaxForwards, b"69").write();
/// assert_eq!(written, "OPTIONS sip:a SIP/2.0\r\nMax-Forwards: 69\r\nX: y\r\nContent-Length: 0\r\n\r\n");
/// ```
#[derive(Clone, Debug)]
pub struct Edit<'a> {
    message: &'a Message,
    request_uri: Option<&'a [u8]>,
    top: SmallVec<[Inserted<'a>; INLINE_CHANGES]>,
    changed: SmallVec<[Changed<'a>; INLINE_CHANGES]>,
    body: Option<&'a [u8]>,
}

impl<'a> Edit<'a> {
    /// No changes yet.
    pub fn of(message: &'a Message) -> Self {
        Self { message, request_uri: None, top: SmallVec::new(), changed: SmallVec::new(), body: None }
    }

    /// Gives a request another Request-URI. Of a response nothing changes.
    pub fn request_uri(&mut self, uri: &'a [u8]) -> &mut Self {
        self.request_uri = Some(uri);
        self
    }

    /// Puts a line above all others, and above what was inserted before: the next Via, a Record-Route.
    pub fn insert(&mut self, name: HeaderName, value: &'a [u8]) -> &mut Self {
        if !matches!(name, HeaderName::ContentLength | HeaderName::Other) {
            self.top.push((name, value));
        }
        self
    }

    /// Gives the first line of this header another value and removes the others; appends the line if there
    /// was none.
    pub fn replace(&mut self, name: HeaderName, value: &'a [u8]) -> &mut Self {
        self.change(name, Some(value))
    }

    /// Removes every line of this header.
    pub fn remove(&mut self, name: HeaderName) -> &mut Self {
        self.change(name, None)
    }

    /// Replaces the body; Content-Length follows by itself.
    pub fn body(&mut self, body: &'a [u8]) -> &mut Self {
        self.body = Some(body);
        self
    }

    /// The message with the changes, in one buffer. Always has a Content-Length that is true.
    pub fn write(&self) -> Bytes {
        let mut size = Size(0);
        self.write_to(&mut size);
        // A buffer with room left over would cost `Bytes` another allocation.
        let mut out = Vec::with_capacity(size.0);
        self.write_to(&mut out);
        Bytes::from(out)
    }

    fn write_to(&self, out: &mut impl Sink) {
        let headers_start = self.write_start_line(out);
        for &(name, value) in self.top.iter().rev() {
            push_line(out, name, value);
        }
        self.write_lines(out, headers_start);
        self.write_missing(out);
        out.copy(b"\r\n");
        out.copy(self.body_bytes());
    }

    fn body_bytes(&self) -> &[u8] {
        self.body.unwrap_or_else(|| self.message.body.of(&self.message.bytes))
    }

    /// Writes the first line and says where the header lines start in the received one.
    fn write_start_line(&self, out: &mut impl Sink) -> usize {
        let bytes = &self.message.bytes;
        let end = memchr::memchr(b'\n', bytes).map_or(bytes.len(), |at| at + 1);
        match (self.message.start(), self.request_uri) {
            (StartLine::Request { token, .. }, Some(uri)) => {
                out.copy(token);
                out.copy(b" ");
                out.copy_clean(uri);
                out.copy(b" SIP/2.0\r\n");
            }
            _ => out.copy(&bytes[..end]),
        }
        end
    }

    /// Copies the header lines from `from` on, but for the changed ones.
    fn write_lines(&self, out: &mut impl Sink, from: usize) {
        let bytes = &self.message.bytes;
        let mut run_start = from;
        for line in self.message.lines.all() {
            if line.name == HeaderName::ContentLength && self.body.is_some() {
                self.write_run(out, &mut run_start, line);
                continue;
            }
            let Some(value) = self.change_of(line.name) else { continue };
            self.write_run(out, &mut run_start, line);
            let first = self.message.lines.of(line.name).next() == Some(line);
            if let Some(value) = value.filter(|_| first) {
                push_line(out, line.name, value);
            }
        }
        let end = self.message.lines.all().last().map_or(from, |line| line.end as usize);
        out.copy(&bytes[run_start..end]);
    }

    /// Copies up to a line that is not copied itself.
    fn write_run(&self, out: &mut impl Sink, run_start: &mut usize, line: &Line) {
        out.copy(&self.message.bytes[*run_start..line.token.start()]);
        *run_start = line.end as usize;
    }

    /// Writes the replaced headers that the received message does not have, and Content-Length.
    fn write_missing(&self, out: &mut impl Sink) {
        for &(name, value) in &self.changed {
            if let Some(value) = value.filter(|_| self.message.value(name).is_none()) {
                push_line(out, name, value);
            }
        }
        if self.body.is_some() || self.message.value(HeaderName::ContentLength).is_none() {
            out.copy(b"Content-Length: ");
            out.number(self.body_bytes().len());
            out.copy(b"\r\n");
        }
    }

    /// What becomes of this header: `None` when it stays, `Some(None)` when it goes.
    fn change_of(&self, name: HeaderName) -> Option<Option<&'a [u8]>> {
        self.changed.iter().find(|(changed, _)| *changed == name).map(|&(_, value)| value)
    }

    /// Content-Length is ours, and headers without a name here cannot be told apart.
    fn change(&mut self, name: HeaderName, value: Option<&'a [u8]>) -> &mut Self {
        if matches!(name, HeaderName::ContentLength | HeaderName::Other) {
            return self;
        }
        self.changed.retain(|(changed, _)| *changed != name);
        self.changed.push((name, value));
        self
    }
}

/// Where a message is written to: its buffer, or before that the count of the bytes it will take.
trait Sink {
    fn copy(&mut self, bytes: &[u8]);

    /// Copies a new value, with the bytes replaced that end or corrupt a line.
    fn copy_clean(&mut self, value: &[u8]);

    fn number(&mut self, number: usize);
}

impl Sink for Vec<u8> {
    fn copy(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }

    fn copy_clean(&mut self, value: &[u8]) {
        extend_clean(self, value);
    }

    fn number(&mut self, number: usize) {
        push_number(self, number);
    }
}

/// How many bytes were written.
struct Size(usize);

impl Sink for Size {
    fn copy(&mut self, bytes: &[u8]) {
        self.0 += bytes.len();
    }

    fn copy_clean(&mut self, value: &[u8]) {
        self.0 += value.len();
    }

    fn number(&mut self, number: usize) {
        self.0 += 1 + number.checked_ilog10().unwrap_or(0) as usize;
    }
}

fn push_line(out: &mut impl Sink, name: HeaderName, value: &[u8]) {
    out.copy(name.as_str().as_bytes());
    out.copy(b": ");
    out.copy_clean(value);
    out.copy(b"\r\n");
}
