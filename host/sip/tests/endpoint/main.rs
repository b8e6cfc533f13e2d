//! The endpoint in virtual time: what leaves it, what it reports and what it forgets, message by message.
//!
//! Proves RFC 3261 §8.1.3.3, §8.2.2.2, §9, §17, §18.1.2, §18.2.2 and RFC 3581, RFC 6026 from outside. The transitions of the single
//! machines are in `src/transaction/tests.rs`.

mod pair;

mod acknowledge;
mod cancel;
mod client;
mod large_requests;
mod lossy;
mod matching;
mod memory;
mod random;
mod refusals;
mod response_routing;
mod server;
mod transport_failure;
