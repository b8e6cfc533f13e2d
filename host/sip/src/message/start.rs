//! The first line and the header lines as a reader sees them.
use super::{HeaderName, Method, StatusCode};

/// The first line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StartLine<'a> {
    /// `METHOD uri SIP/2.0`
    Request {
        /// The method.
        method: Method,
        /// Its token as written, for methods we do not know.
        token: &'a [u8],
        /// Request-URI as received.
        uri: &'a [u8],
    },
    /// `SIP/2.0 status reason`
    Response {
        /// The status.
        status: StatusCode,
        /// The phrase as received.
        reason: &'a [u8],
    },
}

/// One header line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header<'a> {
    /// Which header; `HeaderName::Other` for one this crate has no name for.
    pub name: HeaderName,
    /// The name as written.
    pub token: &'a [u8],
    /// The value without surrounding white space; folds are kept as they are.
    pub value: &'a [u8],
}
