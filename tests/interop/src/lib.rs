//! Tests from outside: the binary is started as an operator starts it, and programs that know nothing of us talk to it.
//!
//! [`Stage`] is a test's folder and its turn on the machine: one stage at a time, whoever runs the tests. On it stands one
//! [`Pbx`] (or several), called by [`Sipp`] scenarios, by the softphones [`Baresip`] and [`Linphone`], by a bare [`Peer`] that sends
//! whatever bytes a test wants, or by a [`Line`]: a user agent by hand on any transport. Every program's output goes to a file in the folder; a failed test keeps the folder and prints
//! where it is, and with `CORDBOARD_KEEP_LOGS` set in the environment every test keeps it. Programs are ended by their process id when their value is dropped.
//!
//! Tests wait for things to become true, generously, and never assert how long something took.
#![expect(clippy::print_stderr, reason = "a failing test says where its logs are")]

mod artifacts;
mod authority;
mod clock;
mod http;
mod line;
mod media;
mod pbx;
mod peer;
mod phone;
mod ports;
mod program;
mod scenario;
mod sipp;
mod sound;
mod stage;
mod translation;

pub use artifacts::plugin;
pub use authority::{Authority, Identity, Secured, secure};
pub use clock::{eventually, pause};
pub use http::Answer;
pub use line::{Line, Talk};
pub use media::Media;
pub use pbx::{Example, Options, Pbx};
pub use peer::{Peer, header, headers, status};
pub use phone::{Baresip, Linphone, Setup};
pub use ports::{free_ports, media_range};
pub use program::Program;
pub use scenario::Scenario;
pub use sipp::{Sipp, Transport};
pub use sound::{Tone, loudest_tone, seconds_so_far, write_tone};
pub use stage::Stage;
pub use translation::{Place, Translation};
