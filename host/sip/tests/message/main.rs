//! The message layer from outside.
mod allocations;
mod edit;
mod framing;
mod fuzz;
mod fuzz_digest;
mod fuzz_locate;
mod headers;
mod invite;
mod limits;
mod rsip_compat;
mod torture;
mod uri;
mod write;
