//! What is answered when no plugin can. Pure functions of the question and the configuration.

mod alternation;
mod calls;
mod canonical;

pub(crate) use alternation::alternation;
pub(crate) use calls::{authorization_failed, no_route, nobody_allows, static_route};
pub(crate) use canonical::canonical;
