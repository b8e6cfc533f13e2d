//! The load program itself: a few calls, all of them whole. Figures are not judged here.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use cordboard_interop::{Options, Pbx, Stage, media_range, plugin};
use cordboard_load::{Exchange, Generator, Storm, Usage};

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

#[test]
fn no_call_is_lost_while_a_plugin_is_exchanged() {
    let stage = Stage::new("no_call_is_lost_while_a_plugin_is_exchanged");
    let component = std::fs::read(plugin("route-by-extension")).expect("the plugin was built");
    let file = stage.write("route.wasm", &component);
    let options = Options {
        media: Some(media_range(400)),
        exempt: vec![IpAddr::V4(Ipv4Addr::LOCALHOST)],
        routing_plugin: Some(file.clone()),
        ..Options::default()
    };
    let pbx = Pbx::start(&stage, &options);
    let mut generator = Generator::new(pbx.sip());
    let exchange =
        Exchange { api: pbx.listens("api"), plugin: "route-by-extension".to_owned(), file, component };
    let (run, exchanges) = std::thread::scope(|scope| {
        let exchanging = scope.spawn(|| exchange.run(5, Duration::from_millis(50)));
        let run = generator.run(20, 60, Duration::ZERO);
        (run, exchanging.join().expect("the exchange does not panic"))
    });
    assert_eq!((run.placed, run.whole, run.refused), (60, 60, 0), "{run:?}");
    assert_eq!((exchanges.done, exchanges.refused), (5, 0), "{:?}", exchanges.first_refusal);
}

#[test]
fn a_plugin_that_misbehaves_leaves_everybody_with_an_answer_and_the_process_alive() {
    let stage = Stage::new("a_plugin_that_misbehaves_leaves_everybody_with_an_answer_and_the_process_alive");
    let options = Options {
        media: Some(media_range(400)),
        exempt: vec![IpAddr::V4(Ipv4Addr::LOCALHOST)],
        first_router: Some(plugin("test/misbehaving-router")),
        ..Options::default()
    };
    let mut pbx = Pbx::start(&stage, &options);
    let mut generator = Generator::new(pbx.sip());
    let sip = pbx.sip();
    let (run, storm) = std::thread::scope(|scope| {
        let storming = scope.spawn(|| Storm::run(sip, 4, Duration::from_millis(50)));
        let run = generator.run(10, 20, Duration::ZERO);
        (run, storming.join().expect("the storm does not panic"))
    });
    assert_eq!(storm.answered.count(), storm.placed, "{storm:?}");
    assert_eq!((run.placed, run.whole, run.refused), (20, 20, 0), "{run:?}");
    assert!(pbx.is_running());
}
