//! Phones behind address translation: their addresses in Via, Contact and SDP lead nowhere, and only the flows that they opened
//! lead to them. The same for a PBX that is itself behind a router, whose ports are forwarded.
//!
//! With a router of the kernel's own where this machine allows network namespaces, and in any case with a phone whose packets
//! come from elsewhere than it says.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use cordboard_interop::{
    Baresip, Line, Media, Options, Pbx, Place, Setup, Stage, Talk, Tone, Translation, Transport,
    loudest_tone, pause, status,
};

const TALK: Duration = Duration::from_secs(3);

/// Where a translated phone of a machine without namespaces believes to be, and where its packets come from.
const BELIEVED: Ipv4Addr = Ipv4Addr::new(127, 0, 7, 2);
const TRANSLATED: Ipv4Addr = Ipv4Addr::new(127, 0, 8, 1);

fn uri(user: &str, pbx: SocketAddr) -> String {
    format!("sip:{user}@{pbx}")
}

#[track_caller]
fn hears(who: &str, recording: &Path, tone: Tone) {
    let heard = loudest_tone(recording);
    let right = matches!(heard, Some((found, _)) if found == tone);
    assert!(right, "{who} should hear {tone:?}, its recording {} holds {heard:?}", recording.display());
}

/// Two softphones call each other in both directions; each hears the other, and each hangs up once.
fn talk(first: &mut Baresip, second: &mut Baresip, place_of: [SocketAddr; 2]) {
    let [seen_by_first, seen_by_second] = place_of;
    for first_calls in [true, false] {
        let (caller, callee) =
            if first_calls { (&mut *first, &mut *second) } else { (&mut *second, &mut *first) };
        let number = if first_calls { uri("1002", seen_by_first) } else { uri("1001", seen_by_second) };
        caller.dial(&number);
        callee.answers();
        caller.is_talking();
        callee.is_talking();
        pause(TALK);
        callee.hangs_up();
        caller.is_idle();
        callee.is_idle();
        hears("the first phone", &first.recording(), Tone::High);
        hears("the second phone", &second.recording(), Tone::Low);
    }
}

#[test]
fn a_softphone_behind_a_router_registers_calls_and_is_called() {
    let stage = Stage::new("a_softphone_behind_a_router_registers_calls_and_is_called");
    let Some(network) = Translation::where_possible() else { return by_hand(&stage) };
    let pbx = network.at(Place::Outside, || Pbx::start(&stage, &Options::default()));
    let place = SocketAddr::from((Translation::OUTSIDE, pbx.sip().port()));
    let start = |at, user, address: Ipv4Addr, tone| {
        network.at(at, || {
            let setup = Setup { address: address.into(), ..Setup::new(Transport::Udp, tone) };
            let mut phone = Baresip::start(&stage, user, place, &setup);
            phone.is_registered();
            phone
        })
    };
    let mut inside = start(Place::Inside, "1001", Translation::INSIDE, Tone::Low);
    let mut outside = start(Place::Outside, "1002", Translation::OUTSIDE, Tone::High);
    talk(&mut inside, &mut outside, [place; 2]);
    network.at(Place::Outside, || {
        holds_and_hangs_up(&mut inside, place);
        pbx.wait_for_metric("sip_pbx_active_calls", 0.0);
    });
}

/// A line outside and the softphone inside put each other on hold; the line hangs up, as the caller and as the callee.
fn holds_and_hangs_up(inside: &mut Baresip, pbx: SocketAddr) {
    let media = Media::new(pbx.ip());
    let mut line = Line::udp(pbx);
    line.register("1003", pbx);
    let invite = line.request("INVITE", &uri("1001", pbx), "", &media.sdp(""));
    line.send(&invite);
    inside.answers();
    let talk = line.is_answered(&invite);
    inside.is_talking();
    line.offers(&talk, 2, &media.sdp("a=sendonly\r\n"));
    line.offers(&talk, 3, &media.sdp("a=sendrecv\r\n"));
    inside.holds();
    let held = line.asked("INVITE");
    assert!(held.contains("a=sendonly"), "{held}");
    line.respond(&held, "200 OK", &media.sdp("a=recvonly\r\n"));
    line.asked("ACK");
    hang_up(&mut line, &talk, 4);
    inside.is_idle();

    inside.dial(&uri("1003", pbx));
    let incoming = line.asked("INVITE");
    line.respond(&incoming, "200 OK", &media.sdp(""));
    inside.is_talking();
    let talk = line.talk_of(&incoming);
    line.offers(&talk, 1, &media.sdp("a=inactive\r\n"));
    hang_up(&mut line, &talk, 2);
    inside.is_idle();
}

#[track_caller]
fn hang_up(line: &mut Line, talk: &Talk, cseq: u32) {
    let bye = line.asks(talk, "BYE", cseq, "");
    assert_eq!(status(&line.final_response(&bye)), Some(200));
}

#[test]
fn a_pbx_behind_a_router_is_reached_from_both_sides_of_it() {
    let stage = Stage::new("a_pbx_behind_a_router_is_reached_from_both_sides_of_it");
    let Some(network) = Translation::where_possible() else { return };
    let options = Options {
        listeners: vec![
            format!("external_address: {}", Translation::ROUTER),
            "local_networks: [192.168.60.0/24]".into(),
        ],
        ..Options::default()
    };
    let pbx = network.at(Place::Inside, || Pbx::start(&stage, &options));
    let port = pbx.sip().port();
    network.forward(&format!("{port}, 32000-32767"));
    let start = |at, user, own: Ipv4Addr, pbx: Ipv4Addr, tone| {
        let pbx = SocketAddr::from((pbx, port));
        let phone = network.at(at, || {
            let setup = Setup { address: own.into(), ..Setup::new(Transport::Udp, tone) };
            let mut phone = Baresip::start(&stage, user, pbx, &setup);
            phone.is_registered();
            phone
        });
        (phone, pbx)
    };
    let near = start(Place::Inside, "1001", Translation::INSIDE, Translation::INSIDE, Tone::Low);
    let far = start(Place::Outside, "1002", Translation::OUTSIDE, Translation::ROUTER, Tone::High);
    let ((mut near, seen_by_near), (mut far, seen_by_far)) = (near, far);
    talk(&mut near, &mut far, [seen_by_near, seen_by_far]);
    network.at(Place::Inside, || pbx.wait_for_metric("sip_pbx_active_calls", 0.0));
}

#[test]
fn a_phone_that_is_not_where_it_says_registers_calls_and_is_called() {
    by_hand(&Stage::new("a_phone_that_is_not_where_it_says_registers_calls_and_is_called"));
}

/// A line whose datagrams come from elsewhere than it says, and one without translation.
fn by_hand(stage: &Stage) {
    let pbx = Pbx::start(stage, &Options::default());
    let translated = || Media::translated(BELIEVED, TRANSLATED);
    let mut inside = Line::translated(BELIEVED, TRANSLATED, pbx.sip());
    let mut outside = Line::udp(pbx.sip());
    inside.register("1001", pbx.sip());
    outside.register("1002", pbx.sip());
    for inside_calls in [true, false] {
        let plain = || Media::new(IpAddr::V4(Ipv4Addr::LOCALHOST));
        if inside_calls {
            call(&mut inside, &mut outside, "1002", pbx.sip(), [translated(), plain()]);
        } else {
            call(&mut outside, &mut inside, "1001", pbx.sip(), [plain(), translated()]);
        }
        pbx.wait_for_metric("sip_pbx_active_calls", 0.0);
    }
}

/// One call with media, in which each holds and the callee hangs up.
fn call(caller: &mut Line, callee: &mut Line, number: &str, pbx: SocketAddr, [ours, theirs]: [Media; 2]) {
    let invite = caller.request("INVITE", &uri(number, pbx), "", &ours.sdp(""));
    caller.send(&invite);
    let incoming = callee.asked("INVITE");
    callee.respond(&incoming, "200 OK", &theirs.sdp(""));
    let talk = caller.is_answered(&invite);
    callee.asked("ACK");
    // Where a translated phone really is, only its own packets tell; it begins.
    let (speak, listen) =
        (|| ours.is_heard_by(&theirs, &talk.answer), || theirs.is_heard_by(&ours, &incoming));
    if ours.is_translated() {
        speak();
        listen();
    } else {
        listen();
        speak();
    }
    let other = callee.talk_of(&incoming);
    hold(caller, callee, (&talk, 2), [&ours, &theirs]);
    hold(callee, caller, (&other, 1), [&theirs, &ours]);
    let bye = callee.asks(&other, "BYE", 2, "");
    let asked = caller.asked("BYE");
    caller.respond(&asked, "200 OK", "");
    assert_eq!(status(&callee.final_response(&bye)), Some(200));
}

fn hold(holder: &mut Line, held: &mut Line, (talk, cseq): (&Talk, u32), [ours, theirs]: [&Media; 2]) {
    let offer = holder.asks(talk, "INVITE", cseq, &ours.sdp("a=sendonly\r\n"));
    let asked = held.asked("INVITE");
    assert!(asked.contains("a=sendonly"), "{asked}");
    held.respond(&asked, "200 OK", &theirs.sdp("a=recvonly\r\n"));
    assert_eq!(status(&holder.final_response(&offer)), Some(200));
    holder.asks(talk, "ACK", cseq, "");
    held.asked("ACK");
}
