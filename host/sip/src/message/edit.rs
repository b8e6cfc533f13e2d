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
        let mut out = Vec::with_capacity(self.size_bytes());
        let headers_start = self.write_start_line(&mut out);
        for &(name, value) in self.top.iter().rev() {
            push_line(&mut out, name, value);
        }
        self.write_lines(&mut out, headers_start);
        self.write_missing(&mut out);
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(self.body_bytes());
        Bytes::from(out)
    }

    /// At least what the written message needs.
    fn size_bytes(&self) -> usize {
        /// Room for a name, colon and line end beside each new value, and for Content-Length.
        const LINE: usize = 32;
        let inserted: usize = self.top.iter().map(|(_, value)| value.len() + LINE).sum();
        let replaced: usize =
            self.changed.iter().filter_map(|(_, value)| *value).map(|value| value.len() + LINE).sum();
        let uri = self.request_uri.map_or(0, <[u8]>::len);
        self.message.body.start() + inserted + replaced + uri + self.body_bytes().len() + LINE
    }

    fn body_bytes(&self) -> &[u8] {
        self.body.unwrap_or_else(|| self.message.body.of(&self.message.bytes))
    }

    /// Writes the first line and says where the header lines start in the received one.
    fn write_start_line(&self, out: &mut Vec<u8>) -> usize {
        let bytes = &self.message.bytes;
        let end = memchr::memchr(b'\n', bytes).map_or(bytes.len(), |at| at + 1);
        match (self.message.start(), self.request_uri) {
            (StartLine::Request { token, .. }, Some(uri)) => {
                out.extend_from_slice(token);
                out.push(b' ');
                extend_clean(out, uri);
                out.extend_from_slice(b" SIP/2.0\r\n");
            }
            _ => out.extend_from_slice(&bytes[..end]),
        }
        end
    }

    /// Copies the header lines from `from` on, but for the changed ones.
    fn write_lines(&self, out: &mut Vec<u8>, from: usize) {
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
        out.extend_from_slice(&bytes[run_start..end]);
    }

    /// Copies up to a line that is not copied itself.
    fn write_run(&self, out: &mut Vec<u8>, run_start: &mut usize, line: &Line) {
        out.extend_from_slice(&self.message.bytes[*run_start..line.token.start()]);
        *run_start = line.end as usize;
    }

    /// Writes the replaced headers that the received message does not have, and Content-Length.
    fn write_missing(&self, out: &mut Vec<u8>) {
        for &(name, value) in &self.changed {
            if let Some(value) = value.filter(|_| self.message.value(name).is_none()) {
                push_line(out, name, value);
            }
        }
        if self.body.is_some() || self.message.value(HeaderName::ContentLength).is_none() {
            out.extend_from_slice(b"Content-Length: ");
            push_number(out, self.body_bytes().len());
            out.extend_from_slice(b"\r\n");
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

fn push_line(out: &mut Vec<u8>, name: HeaderName, value: &[u8]) {
    out.extend_from_slice(name.as_str().as_bytes());
    out.extend_from_slice(b": ");
    extend_clean(out, value);
    out.extend_from_slice(b"\r\n");
}
