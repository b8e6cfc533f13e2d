//! Writing responses (RFC 3261 §8.2.6).
use std::fmt::Display;
use std::io::Write;

use bytes::Bytes;

use super::grammar::{Parts, split_param};
use super::write::{Draft, clean, push_number};
use super::{Header, HeaderName, Message, StatusCode, Via};
use crate::transport::Flow;

/// A response to be sent.
#[derive(Clone, Debug)]
pub struct Response {
    status: StatusCode,
    reason: Option<Vec<u8>>,
    draft: Draft,
}

impl Response {
    /// A response to `request` as RFC 3261 §8.2.6 wants it: every Via (the top one with `received` and
    /// `rport` as `flow` tells, RFC 3581), From, To, Call-ID and CSeq copied. `to_tag` is added to To unless
    /// it has a tag; 100 Trying takes `None`. Record-Route is copied for 101 to 299 of a request that makes a
    /// dialog, Timestamp for 100.
    ///
    /// Works on what could be read of a malformed request too: what is missing there is missing here.
    pub fn new(request: &Message, flow: &Flow, status: StatusCode, to_tag: Option<&str>) -> Self {
        let mut draft = Draft::new();
        copy_vias(&mut draft, request, flow);
        if (101..300).contains(&status.code()) && request.method().makes_dialog() {
            copy(&mut draft, request, HeaderName::RecordRoute);
        }
        if status == StatusCode::TRYING {
            copy(&mut draft, request, HeaderName::Timestamp);
        }
        copy(&mut draft, request, HeaderName::From);
        copy_to(&mut draft, request, to_tag);
        copy(&mut draft, request, HeaderName::CallId);
        copy(&mut draft, request, HeaderName::CSeq);
        Self { status, reason: None, draft }
    }

    /// Its status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Every header line so far, without the Content-Type of [`Response::body`].
    pub fn headers(&self) -> impl Iterator<Item = Header<'_>> {
        self.draft.headers()
    }

    /// Value of the first line of this header so far.
    pub fn value(&self, name: HeaderName) -> Option<&[u8]> {
        self.headers().find(|header| header.name == name).map(|header| header.value)
    }

    /// Replaces the usual reason phrase.
    pub fn reason(&mut self, phrase: &str) -> &mut Self {
        let mut phrase = phrase.as_bytes().to_vec();
        clean(&mut phrase);
        self.reason = Some(phrase);
        self
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

    /// The whole message.
    pub fn write(&self) -> Bytes {
        let mut code = Vec::with_capacity(3);
        push_number(&mut code, self.status.code() as usize);
        let reason = self.reason.as_deref().unwrap_or(self.status.usual_reason().as_bytes());
        self.draft.write(&[b"SIP/2.0 ", &code, b" ", reason, b"\r\n"])
    }
}

/// Copies every line of this header.
fn copy(draft: &mut Draft, request: &Message, name: HeaderName) {
    for value in request.values(name) {
        draft.copied(name, &[value]);
    }
}

/// Copies To, with our tag if it has none.
fn copy_to(draft: &mut Draft, request: &Message, to_tag: Option<&str>) {
    let Some(value) = request.value(HeaderName::To) else { return };
    let has_tag = request.to().is_ok_and(|to| to.param("tag").is_some());
    match to_tag.filter(|_| !has_tag) {
        Some(tag) => draft.copied(HeaderName::To, &[value, b";tag=", tag.as_bytes()]),
        None => draft.copied(HeaderName::To, &[value]),
    }
}

/// Copies the Vias; the top one says where the request really came from.
fn copy_vias(draft: &mut Draft, request: &Message, flow: &Flow) {
    let mut lines = request.values(HeaderName::Via);
    if let Some(first) = lines.next() {
        let mut elements = Parts::list(first);
        let top = elements.next().unwrap_or_default();
        let below = &first[first.len() - elements.rest().len()..];
        let top = Via::parse(top).map_or_else(|| top.to_vec(), |via| with_source(top, &via, flow));
        let comma: &[u8] = if below.is_empty() { b"" } else { b"," };
        draft.copied(HeaderName::Via, &[&top, comma, below]);
    }
    for line in lines {
        draft.copied(HeaderName::Via, &[line]);
    }
}

/// The top Via with `received` where sent-by is not the source address or the client asked for `rport`, which
/// is then filled in (RFC 3261 §18.2.1, RFC 3581 §4). What the client itself claims about its source is taken
/// out.
fn with_source(value: &[u8], via: &Via<'_>, flow: &Flow) -> Vec<u8> {
    let asked = via.param("rport").is_some();
    let source = flow.remote.ip().to_canonical();
    let mut top = value[..value.len() - via.params.len()].to_vec();
    for part in Parts::params(via.params) {
        let (name, _) = split_param(part);
        if !name.eq_ignore_ascii_case(b"received") && !name.eq_ignore_ascii_case(b"rport") {
            top.push(b';');
            top.extend_from_slice(part);
        }
    }
    if asked || !names_address(via.host, source) {
        let _ = write!(top, ";received={source}");
    }
    if asked {
        let _ = write!(top, ";rport={}", flow.remote.port());
    }
    top
}

/// Whether the host of sent-by is this address.
fn names_address(host: &[u8], address: std::net::IpAddr) -> bool {
    let host = host.strip_prefix(b"[").and_then(|host| host.strip_suffix(b"]")).unwrap_or(host);
    std::str::from_utf8(host)
        .ok()
        .and_then(|host| host.parse::<std::net::IpAddr>().ok())
        .is_some_and(|host| host == address)
}
