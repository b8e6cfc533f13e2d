//! Any bytes as a stream that arrives in chunks.
#![no_main]

#[path = "../checks/sip.rs"]
mod sip;

libfuzzer_sys::fuzz_target!(|data: &[u8]| sip::framing(data));
