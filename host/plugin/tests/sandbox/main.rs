//! Real components in the real sandbox. They are built by `cargo xtask plugins`.

mod chains;
mod failures;
mod host_functions;
mod loading;
mod reference;
mod support;
