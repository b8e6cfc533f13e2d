//! Any bytes as a challenge and as credentials.
#![no_main]

#[path = "../checks/auth.rs"]
mod auth;

libfuzzer_sys::fuzz_target!(|data: &[u8]| auth::digest(data));
