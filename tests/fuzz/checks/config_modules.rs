//! The modules of the binary that read a configuration, for the fuzz target: the binary is no library. Those that they hand their
//! values on to are left out.
#![allow(dead_code, reason = "what reads the sections is not here")]

#[path = "../../../host/cordboard/src/config/complaint.rs"]
mod complaint;
#[path = "../../../host/cordboard/src/config/environment.rs"]
mod environment;
#[path = "../../../host/cordboard/src/config/node.rs"]
mod node;
#[path = "../../../host/cordboard/src/config/section.rs"]
mod section;
#[path = "../../../host/cordboard/src/config/value.rs"]
mod value;

#[path = "config.rs"]
mod checks;

pub(crate) use checks::config;
