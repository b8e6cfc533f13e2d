//! Any bytes as an RTCP packet, protected and not.
#![no_main]

#[path = "../checks/media.rs"]
mod media;

libfuzzer_sys::fuzz_target!(|data: &[u8]| media::rtcp(data));
