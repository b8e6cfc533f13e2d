//! Whether a message has what every message must have, and what to do with one that has not.
use bytes::Bytes;

use super::{HeaderError, HeaderName, Message, Method, ParseError, Problem, StartLine, Uri};
use crate::transport::Transport;

/// Headers that may come once and are read by everybody (RFC 3261 §7.3.1).
const SINGLE: [HeaderName; 5] =
    [HeaderName::From, HeaderName::To, HeaderName::CallId, HeaderName::CSeq, HeaderName::MaxForwards];

/// What to do with bytes that arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "the variant that nearly every message takes does not allocate"
)]
pub enum Verdict {
    /// The start line and Via, From, To, Call-ID, CSeq, Max-Forwards and Contact are readable where they are
    /// needed.
    Accept(Message),
    /// A request that is answered with [`Problem::status`] and otherwise left alone. Its Via can be copied;
    /// other headers may be missing or unreadable.
    Answer {
        /// What could be read of it.
        request: Box<Message>,
        /// What is wrong.
        problem: Problem,
    },
    /// Nothing that could be answered: not SIP, a response, an ACK, or a request without a readable Via.
    Drop(ParseError),
}

impl Verdict {
    /// Reads one datagram or one frame of a stream, and checks it. Never panics, whatever the bytes are.
    pub fn of(bytes: Bytes, transport: Transport) -> Self {
        let parsed = match transport {
            Transport::Tcp | Transport::Tls => Message::parse_stream(bytes),
            // A WebSocket frame has an end, like a datagram (RFC 7118 §5).
            Transport::Udp | Transport::Ws | Transport::Wss => Message::parse(bytes),
        };
        match parsed {
            Ok(message) => match message.check() {
                Ok(()) => Self::Accept(message),
                Err(problem) => Self::of_malformed(Box::new(message), problem),
            },
            Err(ParseError::Malformed { message, problem }) => Self::of_malformed(message, problem),
            Err(error) => Self::Drop(error),
        }
    }

    fn of_malformed(message: Box<Message>, problem: Problem) -> Self {
        let answerable = message.is_request() && message.method() != Method::Ack && message.via().is_ok();
        if answerable {
            Self::Answer { request: message, problem }
        } else {
            Self::Drop(ParseError::Malformed { message, problem })
        }
    }
}

impl Message {
    /// Checks what RFC 3261 §8.1.1 asks of every request and response: Via, From, To, Call-ID and CSeq are
    /// there once and readable; of a request also that CSeq has its method, that the Request-URI is a URI,
    /// and that Max-Forwards and Contact are readable where they are present. An unknown URI scheme is left
    /// to the user, who answers 416.
    ///
    /// # Errors
    /// The first problem found.
    pub fn check(&self) -> Result<(), Problem> {
        if self.via().is_err() || self.vias().any(|via| via.is_err()) {
            return Err(self.via().err().unwrap_or(HeaderError::Malformed(HeaderName::Via)).into());
        }
        self.from()?;
        self.to()?;
        self.call_id()?;
        self.cseq()?;
        self.max_forwards()?;
        if let Some(name) = self.repeated() {
            return Err(Problem::Repeated(name));
        }
        match self.start() {
            StartLine::Request { token, uri, .. } => self.check_request(token, uri),
            StartLine::Response { .. } => Ok(()),
        }
    }

    fn check_request(&self, token: &[u8], uri: &[u8]) -> Result<(), Problem> {
        if self.cseq_token() != Some(token) {
            return Err(Problem::CSeqMethod);
        }
        // Headers in a Request-URI would be for the peer to add to a new request (RFC 3261 §19.1.5).
        Uri::parse(uri).filter(|uri| uri.headers.is_empty()).ok_or(Problem::RequestUri)?;
        self.contacts().try_for_each(|contact| contact.map(|_| ()))?;
        Ok(())
    }

    /// The first of the headers that may come once which does not.
    fn repeated(&self) -> Option<HeaderName> {
        SINGLE.into_iter().find(|&name| self.values(name).nth(1).is_some())
    }
}
