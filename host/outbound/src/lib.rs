//! HTTP requests to servers whose addresses come from others: plugins, webhooks, sources of components.
//!
//! A URL of somebody else must not become a way into our own network (server-side request forgery). So [`Client::send`] takes, with each
//! request, the [`Origins`] that it may go to, and goes nowhere else:
//!
//! 1. The URL is read as browsers read it, so that each of the many spellings of an address (`0x7f.1`, `2130706433`, `[::ffff:7f00:1]`)
//!    becomes that address, and scheme, host and port have to be those of a permitted [`Origin`].
//! 2. The host is resolved, once, and every address has to be public, unless the entry permits private ones.
//! 3. The connection goes to one of the addresses that were checked: a name that changes its mind meanwhile gains nothing.
//! 4. A redirect is a response like any other. Whoever follows one asks again, from step 1.
//!
//! Bodies are bounded by [`Bounds`], and the whole takes no longer than the time that the caller gives it. Connections are not kept.

mod address;
mod client;
mod origin;

pub use address::is_public;
pub use client::{Addresses, Bounds, Client, Failure, Names, Request, Response, SystemNames};
pub use origin::{BadOrigin, Origin, Origins};
