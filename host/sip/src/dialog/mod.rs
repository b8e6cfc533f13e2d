//! Dialogs (RFC 3261 §12) and the 2xx that is resent until its ACK comes (§13.3.1.4).
//!
//! A [`Dialog`] knows how requests within it look and which requests of the peer fit in. Its owner keeps it, finds it by
//! its [`DialogId`], sends through the endpoint, and repeats the 2xx ([`AnswerResend`]) and the ACK: neither belongs to
//! a transaction.

use crate::message::{CSeq, HeaderError, HeaderName, Message, Method, NameAddr, Request};

mod answer_resend;
mod route;

#[cfg(test)]
mod tests;

pub use answer_resend::{AnswerResend, AnswerStep};
use route::RouteSet;

/// Hops that a request of ours may pass (RFC 3261 §8.1.1.6).
pub(crate) const MAX_FORWARDS: &str = "70";

/// What names a dialog: Call-ID, local tag, remote tag (RFC 3261 §12).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct DialogId {
    /// `Call-ID` of this leg.
    pub sip_call_id: String,
    /// Our tag.
    pub local_tag: String,
    /// The peer's tag; empty for a peer that sends none (RFC 2543).
    pub remote_tag: String,
}

/// A request that does not fit the dialog, or a message that makes none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DialogError {
    /// Its CSeq is lower than one already seen: 500 (RFC 3261 §12.2.2).
    #[error("CSeq {found} after {last}")]
    OutOfOrder {
        /// Highest seen.
        last: u32,
        /// In this request.
        found: u32,
    },
    /// A provisional response without To tag belongs to no dialog.
    #[error("provisional response without To tag")]
    NoToTag,
    /// A header that the dialog needs is missing or malformed.
    #[error(transparent)]
    Header(#[from] HeaderError),
}

/// One dialog as one of its two ends sees it.
#[derive(Clone, Debug)]
pub struct Dialog {
    /// What names it.
    pub id: DialogId,
    /// From of our requests, tag included, as first seen.
    local: Vec<u8>,
    /// To of our requests, tag included, as first seen.
    remote: Vec<u8>,
    routes: RouteSet,
    /// The peer's latest Contact.
    remote_target: String,
    /// CSeq of our latest request; 0 before the first.
    local_cseq: u32,
    /// CSeq of the peer's latest request.
    remote_cseq: Option<u32>,
    secure: bool,
}

impl Dialog {
    /// The dialog that a UAS makes by answering `invite` with `local_tag` (RFC 3261 §12.1.1).
    ///
    /// # Errors
    /// When From, To, Call-ID, CSeq, Record-Route or Contact cannot be read.
    pub fn uas(invite: &Message, local_tag: &str) -> Result<Self, DialogError> {
        let (from, to) = (invite.from()?, invite.to()?);
        let mut local = raw(invite, HeaderName::To)?;
        if to.tag().is_none() {
            local.extend_from_slice(b";tag=");
            local.extend_from_slice(local_tag.as_bytes());
        }
        Ok(Self {
            id: DialogId {
                sip_call_id: invite.call_id()?.to_owned(),
                local_tag: to.tag().unwrap_or(local_tag).to_owned(),
                remote_tag: from.tag().unwrap_or_default().to_owned(),
            },
            local,
            remote: raw(invite, HeaderName::From)?,
            routes: RouteSet::of_uas(invite)?,
            remote_target: contact(invite)?.ok_or(HeaderError::Missing(HeaderName::Contact))?,
            local_cseq: 0,
            remote_cseq: Some(invite.cseq()?.number),
            secure: invite.request_uri().is_some_and(is_secure),
        })
    }

    /// The dialog that a UAC has after `response` to the INVITE it sent as `request` (RFC 3261 §12.1.2).
    ///
    /// Without Contact, as in many a 180, the target is the Request-URI until a response brings one. A 2xx without To tag
    /// comes from a peer of RFC 2543 and counts as one with an empty tag.
    ///
    /// # Errors
    /// When a provisional response has no To tag, the headers of the response cannot be read, or the request has no From,
    /// Call-ID or CSeq.
    pub fn uac(request: &Request, response: &Message) -> Result<Self, DialogError> {
        let to = response.to()?;
        let answered = response.status().is_some_and(|status| status.is_success());
        let remote_tag = to.tag().or(answered.then_some("")).ok_or(DialogError::NoToTag)?;
        // What is ours is taken from what we sent: a peer may return it changed.
        let local = own(request, HeaderName::From)?;
        let cseq =
            CSeq::parse(own(request, HeaderName::CSeq)?).ok_or(HeaderError::Malformed(HeaderName::CSeq))?;
        let uri = request.uri();
        Ok(Self {
            id: DialogId {
                sip_call_id: String::from_utf8_lossy(own(request, HeaderName::CallId)?).into_owned(),
                local_tag: NameAddr::parse(local).and_then(|from| from.tag()).unwrap_or_default().to_owned(),
                remote_tag: remote_tag.to_owned(),
            },
            local: local.to_vec(),
            remote: raw(response, HeaderName::To)?,
            routes: RouteSet::of_uac(response)?,
            remote_target: contact(response)?.unwrap_or_else(|| String::from_utf8_lossy(uri).into_owned()),
            local_cseq: cseq.number,
            remote_cseq: None,
            secure: is_secure(uri),
        })
    }

    /// Takes up the numbering of the early dialog that this one was. The 2xx gives route set and target anew
    /// (RFC 3261 §13.2.2.4), while the CSeq numbers of both ends go on.
    pub fn go_on_from(&mut self, early: &Self) {
        self.local_cseq = self.local_cseq.max(early.local_cseq);
        self.remote_cseq = self.remote_cseq.max(early.remote_cseq);
    }

    /// A request within the dialog: Request-URI, Route, From, To, Call-ID, the next CSeq and Max-Forwards are set
    /// (RFC 3261 §12.2.1.1). Not for ACK.
    pub fn request(&mut self, method: Method) -> Request {
        let cseq = self.next_cseq();
        self.compose(method, cseq)
    }

    /// The CSeq number for a request of ours that is sent once more in another form, as with credentials (RFC 3261 §8.1.3.5).
    pub fn next_cseq(&mut self) -> u32 {
        self.local_cseq += 1;
        self.local_cseq
    }

    /// The ACK for a 2xx to the INVITE with this CSeq number (RFC 3261 §13.2.2.4).
    pub fn ack(&self, invite_cseq: u32) -> Request {
        self.compose(Method::Ack, invite_cseq)
    }

    /// Takes note of a request from the peer: order of CSeq, target refresh by INVITE and UPDATE.
    ///
    /// # Errors
    /// When it came out of order.
    pub fn receive(&mut self, request: &Message) -> Result<(), DialogError> {
        let found = request.cseq()?.number;
        let method = request.method();
        // An ACK and a CANCEL repeat the number of their INVITE, however late they come.
        if !matches!(method, Method::Ack | Method::Cancel) {
            if let Some(last) = self.remote_cseq.filter(|last| found < *last) {
                return Err(DialogError::OutOfOrder { last, found });
            }
            self.remote_cseq = Some(found);
        }
        if matches!(method, Method::Invite | Method::Update) {
            self.retarget(contact(request)?);
        }
        Ok(())
    }

    /// Takes note of a 2xx to our INVITE or UPDATE: target refresh (RFC 3261 §12.2.1.2).
    pub fn refresh(&mut self, response: &Message) {
        if let Ok(target) = contact(response) {
            self.retarget(target);
        }
    }

    /// The URI the next request is sent to: topmost Route, else the remote target (RFC 3261 §8.1.2).
    pub fn next_hop(&self) -> &str {
        self.routes.next_hop(&self.remote_target)
    }

    /// The peer's latest Contact.
    pub fn remote_target(&self) -> &str {
        &self.remote_target
    }

    /// Whether the dialog was begun with a `sips` Request-URI, so that its requests need secure hops (RFC 3261 §12.1).
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    fn retarget(&mut self, target: Option<String>) {
        if let Some(target) = target {
            self.remote_target = target;
        }
    }

    fn compose(&self, method: Method, cseq: u32) -> Request {
        let mut request = Request::new(method, self.routes.request_uri(&self.remote_target));
        self.routes.write(&self.remote_target, &mut request);
        request.header(HeaderName::MaxForwards, MAX_FORWARDS);
        request.header(HeaderName::From, &self.local);
        request.header(HeaderName::To, &self.remote);
        request.header(HeaderName::CallId, &self.id.sip_call_id);
        request.header_fmt(HeaderName::CSeq, format_args!("{cseq} {}", method.as_str()));
        request
    }
}

fn raw(message: &Message, name: HeaderName) -> Result<Vec<u8>, HeaderError> {
    message.value(name).map(<[u8]>::to_vec).ok_or(HeaderError::Missing(name))
}

/// A header of a request of ours.
fn own(request: &Request, name: HeaderName) -> Result<&[u8], HeaderError> {
    request.value(name).ok_or(HeaderError::Missing(name))
}

/// The URI of the first Contact, if there is one.
fn contact(message: &Message) -> Result<Option<String>, HeaderError> {
    let first = message.contacts().next().transpose()?;
    Ok(first.map(|contact: NameAddr<'_>| String::from_utf8_lossy(contact.uri.raw).into_owned()))
}

fn is_secure(uri: &[u8]) -> bool {
    uri.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"sips:"))
}
