//! Real components in the real sandbox. They are built by `cargo xtask plugins`.

mod chains;
mod events;
mod failures;
mod host_functions;
mod incidents;
mod loading;
mod reference;
mod sources;
mod support;
