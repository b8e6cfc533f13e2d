//! What a flood with spoofed sources can make the admission remember (goal S1), in a binary of its own, because memory is counted
//! for the whole process.

use std::net::IpAddr;
use std::time::Instant;

use cordboard_b2bua::AdmissionSettings;
use cordboard_b2bua::admission::Admission;

#[test]
#[expect(clippy::disallowed_methods, reason = "virtual time needs a first instant")]
fn a_million_spoofed_sources_cost_64_mb_at_most() {
    let now = Instant::now();
    let counted = allocation_counter::measure(|| {
        let mut gate = Admission::new(AdmissionSettings::default());
        for number in 0..1_000_000_u32 {
            let source = IpAddr::from((0x0a00_0000 + number).to_be_bytes());
            assert_eq!(gate.check(now, source, 0, false), Ok(()));
        }
    });
    assert!(counted.bytes_max <= 64_000_000, "{} bytes at once", counted.bytes_max);
}
