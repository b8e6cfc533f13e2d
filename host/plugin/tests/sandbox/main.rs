//! Real components in the real sandbox. They are built by `cargo xtask plugins`.

mod candidates;
mod chains;
mod escapes;
mod events;
mod evolution;
mod failures;
mod gate;
mod host_functions;
mod http;
mod incidents;
mod loading;
mod reference;
mod reload;
mod roll_back;
mod sources;
mod storm;
mod support;
