//! The load program: a caller and a callee in one thread, who place calls by the thousand through the running binary.
//!
//! [`Generator`] holds both. [`Generator::run`] places calls at a steady rate and gives back a [`Run`]: how fast the first
//! responses came, how many calls were whole, and every message that had to be sent again, by either side. [`Usage`] reads what
//! the PBX used meanwhile. The generator shares no code with the product, and shares its two cores with it.
//!
//! It is deliberately a poor phone: no retransmission timers of its own except one resend after half a second, because at the
//! rates that count as clean nothing may need to be sent twice.

mod call;
mod generator;
mod message;
mod usage;

pub use call::{Delays, Run};
pub use generator::Generator;
pub use usage::Usage;
