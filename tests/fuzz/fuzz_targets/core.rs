//! Any sequence of messages, answers, reports and times for a whole node in virtual time.
#![no_main]

#[path = "../checks/core/mod.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::core(data));
