//! Any bytes as a datagram or a frame: no panic, and what is read can be written and read again.
#![no_main]

#[path = "../checks/sip.rs"]
mod sip;

libfuzzer_sys::fuzz_target!(|data: &[u8]| sip::message(data));
