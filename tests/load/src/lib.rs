//! The load program: a caller and a callee in one thread, who place calls by the thousand through the running binary.
//!
//! [`Generator`] holds both. [`Generator::run`] places calls at a steady rate and gives back a [`Run`]: how fast the first
//! responses came, how many calls were whole, and every message that had to be sent again, by either side. [`Usage`] reads what
//! the PBX used meanwhile. [`Exchange`] puts one version of a plugin after the other in its place meanwhile, and a [`Storm`] of calls makes one misbehave. The generator shares no code with the product, and shares its two cores with it.
//!
//! It is deliberately a poor phone: no retransmission timers of its own except one resend after half a second, because at the
//! rates that count as clean nothing may need to be sent twice.

mod call;
mod exchange;
mod generator;
mod message;
mod storm;
mod usage;

pub use call::{Delays, Run};
pub use exchange::{Exchange, Exchanges};
pub use generator::Generator;
pub use storm::{MISBEHAVIOUR, Storm};
pub use usage::Usage;
