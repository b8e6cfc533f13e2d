//! SIP without I/O (RFC 3261): messages, transactions, dialogs, digest, and where requests go (RFC 3263).
//!
//! Nothing here opens a socket, reads a clock, spawns or locks. [`endpoint::Endpoint`] is the way in: feed it
//! what arrived together with the time, then take its events and transmissions until it has none, then wait
//! until the instant it names.

pub mod auth;
pub mod dialog;
pub mod endpoint;
pub mod locate;
pub mod message;
pub mod transaction;
pub mod transport;

pub use endpoint::{Endpoint, EndpointEvent, EndpointSettings};
pub use message::{HeaderName, Message, Method, Request, Response, StatusCode};
pub use transport::{Flow, Transport};
