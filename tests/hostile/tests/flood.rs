//! A flood from one source while another one telephones (goal S1). Figures are not judged here.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use cordboard_interop::{Options, Pbx, Stage, media_range, pause};
use cordboard_load::Generator;

/// Sends new INVITEs, and junk between them, until it is told to stop; gives the number of INVITEs.
fn flood(pbx: SocketAddr, stop: Arc<AtomicBool>) -> JoinHandle<u64> {
    let socket = UdpSocket::bind((Ipv4Addr::new(127, 0, 0, 4), 0)).expect("all of 127/8 is this machine");
    let me = socket.local_addr().expect("it is bound");
    std::thread::spawn(move || {
        let mut sent = 0;
        while !stop.load(Ordering::Relaxed) {
            for _ in 0..20 {
                sent += 1;
                let invite = format!(
                    "INVITE sip:nobody@{pbx} SIP/2.0\r\nVia: SIP/2.0/UDP {me};branch=z9hG4bK-f{sent};rport\r\n\
                     Max-Forwards: 70\r\nFrom: <sip:flood@{pbx}>;tag=f\r\nTo: <sip:nobody@{pbx}>\r\n\
                     Call-ID: {sent}@flood\r\nCSeq: 1 INVITE\r\nContact: <sip:flood@{me}>\r\nContent-Length: 0\r\n\r\n"
                );
                // What the kernel does not take is lost, as in any flood.
                let _ = (socket.send_to(invite.as_bytes(), pbx), socket.send_to(b"junk\r\n\r\n", pbx));
            }
            pause(Duration::from_millis(10));
        }
        sent
    })
}

#[test]
fn a_flood_from_one_source_does_not_cost_another_a_call() {
    let stage = Stage::new("a_flood_from_one_source_does_not_cost_another_a_call");
    let options = Options {
        media: Some(media_range(400)),
        exempt: vec![IpAddr::V4(Ipv4Addr::LOCALHOST)],
        log_level: Some("error"),
        ..Options::default()
    };
    let mut pbx = Pbx::start(&stage, &options);
    let mut generator = Generator::new(pbx.sip());
    let stop = Arc::new(AtomicBool::new(false));
    let flooder = flood(pbx.sip(), stop.clone());
    let run = generator.run(10, 30, Duration::from_millis(500));
    stop.store(true, Ordering::Relaxed);
    let sent = flooder.join().expect("the flood ends");
    assert_eq!((run.placed, run.whole, run.refused), (30, 30, 0), "{run:?}");
    assert!(pbx.is_running());
    let refused = pbx.metric("sip_pbx_errors_total{reason=\"rate-limited\"}").unwrap_or_default();
    #[expect(clippy::cast_precision_loss, reason = "a count of some thousands")]
    let half = sent as f64 / 2.0;
    assert!(refused > half, "{refused} of {sent} INVITEs were refused");
}
