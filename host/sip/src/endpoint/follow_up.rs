//! The requests that the transaction layer derives from one it sent: the ACK for a failed INVITE (RFC 3261 §17.1.1.3) and
//! the CANCEL (§9.1). Both travel the path of the INVITE: same Via, same Route.
use bytes::Bytes;

use crate::dialog::MAX_FORWARDS;
use crate::message::{HeaderName, Message, Method, ParseError, Request};

/// The ACK that confirms a 300 to 699 `response` to our INVITE.
pub(crate) fn ack(invite: &Bytes, response: &Message) -> Option<Bytes> {
    derive(&own(invite)?, Method::Ack, "ACK", response.value(HeaderName::To))
}

/// The CANCEL of our INVITE, and the branch that both have.
pub(crate) fn cancel(invite: &Bytes) -> Option<(Vec<u8>, Bytes)> {
    let invite = own(invite)?;
    let branch = invite.via().ok()?.branch()?.to_vec();
    Some((branch, derive(&invite, Method::Cancel, "CANCEL", invite.value(HeaderName::To))?))
}

fn derive(invite: &Message, method: Method, token: &str, to: Option<&[u8]>) -> Option<Bytes> {
    let mut request = Request::new(method, invite.request_uri()?);
    for route in invite.values(HeaderName::Route) {
        request.header(HeaderName::Route, route);
    }
    request.header(HeaderName::MaxForwards, MAX_FORWARDS);
    request.header(HeaderName::From, invite.value(HeaderName::From)?);
    request.header(HeaderName::To, to?);
    request.header(HeaderName::CallId, invite.value(HeaderName::CallId)?);
    request.header_fmt(HeaderName::CSeq, format_args!("{} {token}", invite.cseq().ok()?.number));
    Some(request.write(invite.elements(HeaderName::Via).next()?))
}

/// Reads what we sent. The user may have put values into it that are against the grammar; then the peer is not going
/// to answer it either, and what cannot be derived is not sent.
fn own(request: &Bytes) -> Option<Message> {
    match Message::parse(request.clone()) {
        Ok(message) => Some(message),
        Err(ParseError::Malformed { message, .. }) => Some(*message),
        Err(_) => None,
    }
}
