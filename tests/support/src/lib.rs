//! A whole node in virtual time: the call core, a network that loses and doubles packets by a seed, and phones that do what
//! a test tells them.
//!
//! [`World`] owns all of it. A test adds phones, registers them, places calls and lets time pass with
//! [`World::run_for`]; nothing else moves the clock. Our own crates are used for real, on both sides; fakes stand for the
//! network, the media relay, name resolution and the plugins. Everything that happens is a function of the seed, and
//! [`Trace`] holds it as text, so that two runs can be compared byte for byte.

mod carrier;
mod network;
mod node;
mod phone;
mod policy;
mod relay;
mod trace;
mod wire;
mod world;

pub use carrier::{Carrier, REALM};
pub use network::Link;
pub use node::Node;
pub use phone::{CalleePlan, CallerPlan, Ending, Manner, Phone, PhoneCall, Progress, Reply};
pub use policy::{Policy, dial, dial_in_turn, reject, target};
pub use relay::{Block, Relay};
pub use trace::Trace;
pub use wire::Wire;
pub use world::{CallRef, CarrierId, PhoneId, WireId, World};
