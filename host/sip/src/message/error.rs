//! Why a message or a header cannot be read.
use super::{HeaderName, Message, StatusCode};

/// The bytes are not a SIP message that can be used as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Nothing but line ends: a keep-alive, not a message.
    #[error("empty datagram")]
    Empty,
    /// Longer than [`MAX_MESSAGE_BYTES`](super::MAX_MESSAGE_BYTES).
    #[error("message of {actual} bytes, at most {limit} are read")]
    TooLong {
        /// The limit in bytes.
        limit: usize,
        /// The length in bytes.
        actual: usize,
    },
    /// The first line is neither that of a SIP request nor that of a response with a status of 100 to 699.
    #[error("the first line is not a SIP request or status line")]
    NotSip,
    /// The start line was understood, something after it was not.
    #[error("{problem}")]
    Malformed {
        /// What could be read: the start line and every header line before the problem, at least.
        message: Box<Message>,
        /// What is wrong.
        problem: Problem,
    },
}

/// A header is missing or cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// The message has none.
    #[error("missing {}", .0.as_str())]
    Missing(HeaderName),
    /// The value does not follow its grammar.
    #[error("malformed {}", .0.as_str())]
    Malformed(HeaderName),
}

/// What is wrong with a message whose start line was understood. A request with one is answered with
/// [`Problem::status`]; the text is fit to be its reason phrase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The start line has spaces, brackets or quotes where none belong, or no Request-URI.
    #[error("Malformed Request-Line")]
    RequestLine,
    /// The Request-URI cannot be read.
    #[error("Malformed Request-URI")]
    RequestUri,
    /// Another version than SIP/2.0.
    #[error("Version Not Supported")]
    Version,
    /// A line of the header block has no colon or no header name.
    #[error("Malformed Header Line")]
    HeaderLine,
    /// A line longer than [`MAX_HEADER_BYTES`](super::MAX_HEADER_BYTES).
    #[error("Header Line Too Long")]
    HeaderTooLong,
    /// More lines than [`MAX_HEADERS`](super::MAX_HEADERS).
    #[error("Too Many Header Lines")]
    TooManyHeaders,
    /// The header block has no empty line at its end.
    #[error("Unterminated Header Block")]
    NoEmptyLine,
    /// Two Content-Length lines that differ.
    #[error("Conflicting Content-Length")]
    ContentLengthsDiffer,
    /// The body is shorter than Content-Length says.
    #[error("Body Shorter Than Content-Length")]
    BodyTruncated,
    /// A mandatory header is missing.
    #[error("Missing {} Header", .0.as_str())]
    Missing(HeaderName),
    /// A header cannot be read.
    #[error("Malformed {} Header", .0.as_str())]
    Malformed(HeaderName),
    /// A header that may come once comes more than once.
    #[error("Repeated {} Header", .0.as_str())]
    Repeated(HeaderName),
    /// CSeq names another method than the request line.
    #[error("CSeq Method Does Not Match")]
    CSeqMethod,
}

impl Problem {
    /// What a request with this problem is answered with.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::Version => StatusCode::VERSION_NOT_SUPPORTED,
            Self::HeaderTooLong | Self::TooManyHeaders => StatusCode::MESSAGE_TOO_LARGE,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

impl From<HeaderError> for Problem {
    fn from(error: HeaderError) -> Self {
        match error {
            HeaderError::Missing(name) => Self::Missing(name),
            HeaderError::Malformed(name) => Self::Malformed(name),
        }
    }
}
