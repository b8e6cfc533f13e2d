//! The load program itself: a few calls, all of them whole. Figures are not judged here.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use cordboard_interop::{Options, Pbx, Stage, media_range};
use cordboard_load::{Generator, Usage};

#[test]
fn a_few_calls_are_whole_and_leave_nothing_behind() {
    let stage = Stage::new("a_few_calls_are_whole_and_leave_nothing_behind");
    let options = Options {
        media: Some(media_range(400)),
        exempt: vec![IpAddr::V4(Ipv4Addr::LOCALHOST)],
        ..Options::default()
    };
    let pbx = Pbx::start(&stage, &options);
    let mut generator = Generator::new(pbx.sip());
    let mut stood = false;
    let run = generator.run_and(20, 30, Duration::from_secs(2), || stood = true);
    assert_eq!((run.placed, run.whole, run.refused), (30, 30, 0), "{run:?}");
    assert!(stood, "all calls stood at once");
    assert_eq!((run.trying.count(), run.ringing.count()), (30, 30), "{run:?}");
    assert!(Usage::of(pbx.id(), pbx.sip().port()).resident_bytes > 0);
    pbx.wait_for_metric("sip_pbx_active_calls", 0.0);
    pbx.wait_for_metric("sip_pbx_total_calls", 30.0);
}
