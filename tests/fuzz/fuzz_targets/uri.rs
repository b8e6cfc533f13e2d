//! Any bytes as a URI.
#![no_main]

#[path = "../checks/sip.rs"]
mod sip;

libfuzzer_sys::fuzz_target!(|data: &[u8]| sip::uri(data));
