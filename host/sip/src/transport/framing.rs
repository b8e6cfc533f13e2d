//! Cutting a byte stream into messages by Content-Length (RFC 3261 §18.3).
//!
//! Feed the buffer, take frames until `None`, read more. Where one message ends and the next begins is known
//! by Content-Length alone. A header block without a usable one is therefore delivered by itself, so that the
//! endpoint answers it with 400 ([`Message::parse_stream`](crate::Message::parse_stream) finds the same
//! fault), and the next call gives [`FramingError::UnknownLength`]: the connection is closed after the
//! answer.
use bytes::{Buf, Bytes, BytesMut};

use crate::message::{MAX_MESSAGE_BYTES, announced_length};

/// Why a stream cannot be cut any further; the connection has to be closed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FramingError {
    /// The header block is longer than the limit.
    #[error("header block of more than {limit} bytes on a stream")]
    HeadersTooLong {
        /// The limit in bytes.
        limit: usize,
    },
    /// Header block and body together are longer than the limit.
    #[error("message of {announced} bytes on a stream, at most {limit} are read")]
    MessageTooLong {
        /// The limit in bytes.
        limit: usize,
        /// What the header block and Content-Length add up to.
        announced: usize,
    },
    /// The message before had no Content-Length, one that is not a number, or two that differ.
    #[error("no usable Content-Length on a stream, so the next message cannot be found")]
    UnknownLength,
}

/// Cuts one stream into messages.
#[derive(Debug, Default)]
pub struct Framer {
    /// How much of the buffer has been searched for the end of the header block, so that a peer that sends
    /// single bytes does not make us search from the start each time.
    searched: usize,
    /// Length of the frame whose header block has been read.
    expected: Option<usize>,
    /// A message without a usable length was delivered.
    lost: bool,
}

/// What the framer found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// One whole message.
    Message(Bytes),
    /// A double CRLF keep-alive (RFC 5626 §3.5.1), to be answered with a single CRLF.
    Ping,
}

impl Framer {
    /// Takes the next whole frame out of `buffer`; `None` when more bytes are needed. Line ends between
    /// messages are dropped. The buffer never has to hold more than [`MAX_MESSAGE_BYTES`].
    ///
    /// # Errors
    /// When the stream cannot be framed any more. Every later call says the same if the buffer is left as it
    /// is.
    pub fn next(&mut self, buffer: &mut BytesMut) -> Result<Option<Frame>, FramingError> {
        if self.lost {
            return Err(FramingError::UnknownLength);
        }
        if self.searched == 0 && skip_line_ends(buffer) {
            return Ok(Some(Frame::Ping));
        }
        let Some(expected) = self.expected_length(buffer)? else { return Ok(None) };
        if buffer.len() < expected {
            return Ok(None);
        }
        (self.searched, self.expected) = (0, None);
        Ok(Some(Frame::Message(buffer.split_to(expected).freeze())))
    }

    /// Length of the frame at the start of `buffer`; `None` while its header block is not complete.
    fn expected_length(&mut self, buffer: &[u8]) -> Result<Option<usize>, FramingError> {
        if self.expected.is_some() {
            return Ok(self.expected);
        }
        let Some(head) = header_block_end(buffer, self.searched) else {
            if buffer.len() > MAX_MESSAGE_BYTES {
                return Err(FramingError::HeadersTooLong { limit: MAX_MESSAGE_BYTES });
            }
            // The last three bytes may be the start of the empty line.
            self.searched = buffer.len().saturating_sub(3);
            return Ok(None);
        };
        if head > MAX_MESSAGE_BYTES {
            return Err(FramingError::HeadersTooLong { limit: MAX_MESSAGE_BYTES });
        }
        let Some(body) = announced_length(&buffer[..head]) else {
            self.lost = true;
            return Ok(Some(head));
        };
        let announced = head.saturating_add(body);
        if announced > MAX_MESSAGE_BYTES {
            return Err(FramingError::MessageTooLong { limit: MAX_MESSAGE_BYTES, announced });
        }
        self.expected = Some(announced);
        Ok(self.expected)
    }
}

/// Drops line ends before a message; `true` at a double CRLF, which is taken out. A single CRLF, the answer
/// to a ping of ours, stays in the buffer until it is known not to be half of a double one.
fn skip_line_ends(buffer: &mut BytesMut) -> bool {
    loop {
        match &buffer[..] {
            [b'\r', b'\n', b'\r', b'\n', ..] => {
                buffer.advance(4);
                return true;
            }
            [] | [b'\r'] | [b'\r', b'\n'] | [b'\r', b'\n', b'\r'] => return false,
            [b'\r', b'\n', ..] => buffer.advance(2),
            [b'\n', ..] => buffer.advance(1),
            _ => return false,
        }
    }
}

/// Just behind the first empty line, searched for from `from` on.
fn header_block_end(buffer: &[u8], from: usize) -> Option<usize> {
    memchr::memchr_iter(b'\n', &buffer[from..]).find_map(|at| match &buffer[from + at + 1..] {
        [b'\r', b'\n', ..] => Some(from + at + 3),
        [b'\n', ..] => Some(from + at + 2),
        _ => None,
    })
}
