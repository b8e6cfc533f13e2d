//! Conversion to and from the messages of the `rsip` crate, for code that is written for it. Feature
//! `rsip-compat`.
//!
//! Both ways go through text, so both are slow. To `rsip` the message is written the way it reads messages:
//! full header names, no folds, one CRLF per line. What it cannot hold (header values that are not UTF-8,
//! several URI forms) is an error, not a guess.
use bytes::Bytes;

use super::scan::Line;
use super::{HeaderName, Message, ParseError, StartLine};

/// Why `rsip` cannot take the message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("rsip cannot read the message: {0}")]
pub struct RsipError(
    /// What `rsip` says about it.
    pub String,
);

impl TryFrom<&Message> for rsip::SipMessage {
    type Error = RsipError;

    fn try_from(message: &Message) -> Result<Self, RsipError> {
        let head = plain_head(message);
        let mut converted = Self::try_from(head).map_err(|error| RsipError(error.to_string()))?;
        *converted.body_mut() = message.body().to_vec();
        Ok(converted)
    }
}

impl TryFrom<&rsip::SipMessage> for Message {
    type Error = ParseError;

    fn try_from(message: &rsip::SipMessage) -> Result<Self, ParseError> {
        // Its Display would replace bytes of the body that are not UTF-8.
        let mut head = message.clone();
        head.body_mut().clear();
        let mut bytes = head.to_string().into_bytes();
        bytes.extend_from_slice(message.body());
        Self::parse(Bytes::from(bytes))
    }
}

/// Start line and header lines in the plainest form, with the empty line.
fn plain_head(message: &Message) -> Vec<u8> {
    let mut head = Vec::with_capacity(message.body.start() + 256);
    match message.start() {
        StartLine::Request { token, uri, .. } => {
            for part in [token, b" ", uri, b" SIP/2.0\r\n"] {
                head.extend_from_slice(part);
            }
        }
        StartLine::Response { status, reason } => {
            for part in [b"SIP/2.0 ", status.to_string().as_bytes(), b" ", reason, b"\r\n"] {
                head.extend_from_slice(part);
            }
        }
    }
    for line in message.lines.all() {
        push_plain_line(&mut head, message, line);
    }
    head.extend_from_slice(b"\r\n");
    head
}

fn push_plain_line(head: &mut Vec<u8>, message: &Message, line: &Line) {
    let header = message.header(line);
    let name = if header.name == HeaderName::Other { header.token } else { header.name.as_str().as_bytes() };
    head.extend_from_slice(name);
    head.extend_from_slice(b": ");
    head.extend(header.value.iter().map(|&byte| if matches!(byte, b'\r' | b'\n') { b' ' } else { byte }));
    head.extend_from_slice(b"\r\n");
}
