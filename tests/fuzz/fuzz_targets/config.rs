//! Any text as a configuration file: the tree, its places, its values and what is told about mistakes.
#![no_main]

#[path = "../checks/config_modules.rs"]
mod config;

libfuzzer_sys::fuzz_target!(|data: &[u8]| config::config(data));
