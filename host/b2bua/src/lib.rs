//! The call core: what a PBX does, without I/O.
//!
//! [`Core`] is fed what happens ([`Input`]) together with the time, and then asked for its [`Output`]s until it says
//! [`Output::Wait`]. It never reads a clock, never draws randomness of its own (its generator is seeded by the caller), and
//! asks plugins, DNS and the media relay by outputs whose answers are inputs. So a whole call runs in virtual time.
//!
//! Order of calls: `handle_input(now, input)` once, then `poll_output()` until `Wait`, before the next input.

pub mod admission;
pub mod registrar;
pub mod trunk;

mod authentication;
mod call;
mod context;
mod core;
mod interface;
mod registration;
mod settings;
mod timers;

pub use core::Core;
pub use interface::{Answer, Command, Counters, Input, Output, QueryId, Question, ResolveTarget};
pub use settings::{AdmissionSettings, AuthenticationSettings, CallSettings, RegistrarSettings, Settings};
