//! A short storm over each transport: the PBX lives, and answers all the time. Figures are not judged here.

use cordboard_hostile::Storm;
use cordboard_interop::Stage;

#[test]
fn a_short_storm_over_each_transport_does_no_harm() {
    let stage = Stage::new("a_short_storm_over_each_transport_does_no_harm");
    let mut storm = Storm::new(&stage, 7);
    let datagrams = storm.datagrams(2_000);
    assert!(datagrams.alive && datagrams.unanswered == 0, "{datagrams}");
    assert!(datagrams.calls > 0.0, "some of it is sound enough to become calls: {datagrams}");
    let messages = storm.messages(500);
    assert!(messages.alive && messages.unanswered == 0, "{messages}");
    assert!(storm.pbx().is_running());
}
