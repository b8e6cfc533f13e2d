//! Any bytes as RTP and RTCP packets.
#![no_main]

#[path = "../checks/media.rs"]
mod media;

libfuzzer_sys::fuzz_target!(|data: &[u8]| media::rtp(data));
