//! Two softphones of different make talk to each other through us, and each hears what the other one plays.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use cordboard_interop::{
    Authority, Baresip, Linphone, Options, Pbx, Setup, Stage, Tone, Transport, loudest_tone, pause,
};

const TALK: Duration = Duration::from_secs(3);

fn phones(stage: &Stage, pbx: SocketAddr, baresip: Transport, linphone: Transport) -> (Baresip, Linphone) {
    let mut first = Baresip::start(stage, "1001", pbx, &Setup::new(baresip, Tone::Low));
    let mut second = Linphone::start(stage, "1002", pbx, &Setup::new(linphone, Tone::High));
    first.is_registered();
    second.is_registered();
    (first, second)
}

pub(crate) fn uri(user: &str, pbx: SocketAddr, transport: Transport) -> String {
    match transport {
        Transport::Udp => format!("sip:{user}@{pbx}"),
        Transport::Tcp | Transport::Tls => format!("sip:{user}@{pbx};transport={}", transport.name()),
    }
}

fn hears(who: &str, recording: &Path, tone: Tone) {
    let heard = loudest_tone(recording);
    assert!(
        matches!(heard, Some((found, _)) if found == tone),
        "{who} should hear the tone {tone:?} of the other phone, its recording {} holds {heard:?}",
        recording.display()
    );
}

fn check(name: &str, baresip: Transport, linphone: Transport) {
    let stage = Stage::new(name);
    let pbx = Pbx::start(&stage, &Options::default());
    let (mut first, mut second) = phones(&stage, pbx.sip(), baresip, linphone);
    for (first_calls, first_hangs_up) in [(true, true), (true, false), (false, true), (false, false)] {
        let called =
            if first_calls { uri("1002", pbx.sip(), baresip) } else { uri("1001", pbx.sip(), linphone) };
        talk(&pbx, &mut first, &mut second, &called, (first_calls, first_hangs_up));
    }
}

/// One call, after which each has heard the other.
pub(crate) fn talk(
    pbx: &Pbx,
    first: &mut Baresip,
    second: &mut Linphone,
    called: &str,
    (first_calls, first_hangs_up): (bool, bool),
) {
    if first_calls {
        first.dial(called);
        second.answers();
    } else {
        second.dial(called);
        first.answers();
    }
    first.is_talking();
    second.is_talking();
    pause(TALK);
    if first_hangs_up {
        first.hangs_up();
    } else {
        second.hangs_up();
    }
    first.is_idle();
    second.is_idle();
    hears("baresip", &first.recording(), Tone::High);
    hears("linphone", &second.recording(), Tone::Low);
    pbx.wait_for_metric("sip_pbx_active_calls", 0.0);
}

#[test]
fn baresip_and_linphone_call_each_other_over_udp() {
    check("baresip_and_linphone_call_each_other_over_udp", Transport::Udp, Transport::Udp);
}

#[test]
fn baresip_over_tcp_and_linphone_over_udp_call_each_other() {
    check("baresip_over_tcp_and_linphone_over_udp_call_each_other", Transport::Tcp, Transport::Udp);
}

#[test]
fn baresip_over_udp_and_linphone_over_tcp_call_each_other() {
    check("baresip_over_udp_and_linphone_over_tcp_call_each_other", Transport::Udp, Transport::Tcp);
}

/// A PBX that listens for TLS at a free port, with a certificate that the phones of this test believe.
pub(crate) fn with_tls(stage: &Stage, options: Options) -> Options {
    let authority = Authority::new();
    authority.sign("127.0.0.1").write(stage.folder());
    stage.write("authorities.pem", authority.pem());
    Options {
        listeners: [options.listeners.as_slice(), &["tls: 127.0.0.1:0".to_owned()]].concat(),
        sections: format!("{}tls: {{certificate: pbx.crt, key: pbx.key}}\n", options.sections),
        ..options
    }
}

#[test]
fn two_phones_that_verify_our_certificate_call_each_other_over_tls() {
    let stage = Stage::new("two_phones_that_verify_our_certificate_call_each_other_over_tls");
    let options = with_tls(&stage, Options::default());
    let pbx = Pbx::start(&stage, &options);
    let place = pbx.listens("tls");
    let (mut first, mut second) = phones(&stage, place, Transport::Tls, Transport::Tls);
    talk(&pbx, &mut first, &mut second, &uri("1002", place, Transport::Tls), (true, false));
}
