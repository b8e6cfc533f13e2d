//! Storms: damaged messages by the ten thousand against the running binary, over UDP and TCP (goal M2).
//!
//! [`Storm`] starts from real requests and responses and from the torture messages of RFC 4475 and 5118, damages each in one to three
//! ways, and sends it. Which damage the n-th message suffers depends on the seed and on n alone, so that a find can be repeated.
//! Meanwhile a [`Probe`] asks OPTIONS and measures how long the answer takes, and users of the storm answer the calls that
//! reach them, damaged likewise. What is looked for is in [`Report`]: whether the PBX lives, whether it ever stood still, and what its memory grew by.
//!
//! **Nothing leaves the machine.** Every address in a template is one of loopback, what damage makes of it is checked before it is
//! sent ([`loopback::leads_off`]), and names are asked for at a DNS server that is a socket of ours and says nothing.

pub mod loopback;
mod mutation;
mod probe;
mod report;
mod storm;
mod streams;
mod template;
mod user;

pub use probe::Probe;
pub use report::Report;
pub use storm::Storm;
