//! Any text as a configuration file: the tree, its places, its values and what is told about mistakes.
//!
//! The modules are those of the binary, which is no library; what they are handed on to is left out.
#![no_main]
#![allow(dead_code, reason = "what reads the sections is not here")]

mod config {
    #[path = "../../../../host/cordboard/src/config/complaint.rs"]
    mod complaint;
    #[path = "../../../../host/cordboard/src/config/environment.rs"]
    mod environment;
    #[path = "../../../../host/cordboard/src/config/node.rs"]
    mod node;
    #[path = "../../../../host/cordboard/src/config/section.rs"]
    mod section;
    #[path = "../../../../host/cordboard/src/config/value.rs"]
    mod value;

    #[path = "../../checks/config.rs"]
    mod checks;

    pub(crate) use checks::config;
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| config::config(data));
