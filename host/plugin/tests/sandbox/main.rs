//! Real components in the real sandbox. They are built by `cargo xtask plugins`.

mod candidates;
mod chains;
mod events;
mod failures;
mod host_functions;
mod incidents;
mod loading;
mod reference;
mod reload;
mod roll_back;
mod sources;
mod storm;
mod support;
