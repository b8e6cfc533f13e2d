//! Any bytes as a session description.
#![no_main]

#[path = "../checks/media.rs"]
mod media;

libfuzzer_sys::fuzz_target!(|data: &[u8]| media::sdp(data));
