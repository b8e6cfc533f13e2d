//! One log line per message, at `debug`: what kind, of which SIP dialog, to or from whom. Neither numbers nor bodies.

use std::fmt;

use bytes::Bytes;
use cordboard_sip::transport::Flow;
use cordboard_sip::{Message, Method};

/// A message came.
pub(super) fn heard(flow: &Flow, bytes: &Bytes) {
    if tracing::enabled!(tracing::Level::DEBUG) {
        let message = Brief::of(bytes);
        tracing::debug!(remote = %flow.remote, transport = %flow.transport, %message, sip_call_id = message.call_id(), "received");
    }
}

/// A message leaves.
pub(super) fn said(flow: &Flow, bytes: &Bytes) {
    if tracing::enabled!(tracing::Level::DEBUG) {
        let message = Brief::of(bytes);
        tracing::debug!(remote = %flow.remote, transport = %flow.transport, %message, sip_call_id = message.call_id(), "sent");
    }
}

/// What is told of a message.
struct Brief(Option<Message>);

impl Brief {
    fn of(bytes: &Bytes) -> Self {
        Self(Message::parse(bytes.clone()).ok())
    }

    fn call_id(&self) -> &str {
        self.0.as_ref().and_then(|message| message.call_id().ok()).unwrap_or_default()
    }
}

/// `INVITE`, `200 to INVITE`, or that it is no SIP message.
impl fmt::Display for Brief {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(message) = &self.0 else { return f.write_str("not SIP") };
        let method = match message.method() {
            Method::Other => "an unknown method",
            known => known.as_str(),
        };
        match message.status() {
            Some(status) => write!(f, "{status} to {method}"),
            None => f.write_str(method),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_what_a_message_is_and_no_number() {
        let request = "INVITE sip:+8210@pbx SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKa\r\nFrom: <sip:+822@pbx>;tag=a\r\n\
                       To: <sip:+8210@pbx>\r\nCall-ID: x@h\r\nCSeq: 1 INVITE\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n";
        let response = request.replace("INVITE sip:+8210@pbx SIP/2.0", "SIP/2.0 486 Busy Here");
        for (bytes, expected, call_id) in [
            (request.to_owned(), "INVITE", "x@h"),
            (response, "486 to INVITE", "x@h"),
            ("hello".to_owned(), "not SIP", ""),
        ] {
            let brief = Brief::of(&Bytes::from(bytes));
            assert_eq!((brief.to_string().as_str(), brief.call_id()), (expected, call_id));
        }
    }
}
