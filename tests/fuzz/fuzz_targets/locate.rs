//! Any answers of the DNS to the questions that a URI raises.
#![no_main]

#[path = "../checks/locate.rs"]
mod locate;

libfuzzer_sys::fuzz_target!(|data: &[u8]| locate::locate(data));
