//! Calls with media over every transport and both families of addresses, each from user agents by hand.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::time::Duration;

use cordboard_interop::{Authority, Line, Media, Options, Pbx, Stage, eventually, header, status};

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// `caller` calls `uri`; `callee` answers, both are heard by the other, and the one or the other hangs up.
fn call(caller: &mut Line, callee: &mut Line, uri: &str, family: IpAddr, callee_hangs_up: bool) {
    let (ours, theirs) = (Media::new(family), Media::new(family));
    let invite = caller.request("INVITE", uri, "", &ours.sdp(""));
    caller.send(&invite);
    let incoming = callee.asked("INVITE");
    callee.respond(&incoming, "180 Ringing", "");
    callee.respond(&incoming, "200 OK", &theirs.sdp(""));
    let talk = caller.is_answered(&invite);
    callee.asked("ACK");
    ours.is_heard_by(&theirs, &talk.answer);
    theirs.is_heard_by(&ours, &incoming);
    if callee_hangs_up {
        let bye = callee.asks(&callee.talk_of(&incoming), "BYE", 1, "");
        let asked = caller.asked("BYE");
        caller.respond(&asked, "200 OK", "");
        assert_eq!(status(&callee.final_response(&bye)), Some(200));
    } else {
        let bye = caller.hang_up(&talk);
        let asked = callee.asked("BYE");
        callee.respond(&asked, "200 OK", "");
        assert_eq!(status(&caller.final_response(&bye)), Some(200));
    }
}

fn at(ip: IpAddr, port: u16) -> SocketAddr {
    SocketAddr::new(ip, port)
}

#[test]
fn a_browser_is_called_over_its_websocket_and_calls() {
    let stage = Stage::new("a_browser_is_called_over_its_websocket_and_calls");
    let options = Options { listeners: vec!["ws: 127.0.0.1:0".into()], ..Options::default() };
    let pbx = Pbx::start(&stage, &options);
    let mut browser = Line::websocket(pbx.listens("ws"));
    browser.register("1001", pbx.sip());
    let mut phone = Line::udp(pbx.sip());
    phone.register("1002", pbx.sip());
    // Its Contact ends in .invalid: only the flow of its registration leads to it (RFC 7118 §5).
    call(&mut phone, &mut browser, &format!("sip:1001@{}", pbx.sip()), LOOPBACK, false);
    call(&mut phone, &mut browser, &format!("sip:1001@{}", pbx.sip()), LOOPBACK, true);
    call(&mut browser, &mut phone, &format!("sip:1002@{}", pbx.sip()), LOOPBACK, true);
    pbx.wait_for_metric("sip_pbx_active_calls", 0.0);
    drop(browser);
    eventually("the binding ends with the connection", || {
        let invite = phone.request("INVITE", &format!("sip:1001@{}", pbx.sip()), "", "");
        phone.send(&invite);
        (status(&phone.final_response(&invite)) == Some(480)).then_some(())
    });
}

#[test]
fn a_tls_trunk_is_called_when_its_certificate_is_for_the_host_of_its_uri() {
    let stage = Stage::new("a_tls_trunk_is_called_when_its_certificate_is_for_the_host_of_its_uri");
    let authority = Authority::new();
    authority.sign("pbx.example").write(stage.folder());
    stage.write("authorities.pem", authority.pem());
    let trunk = TcpListener::bind((LOOPBACK, 0)).expect("a free port");
    let place = trunk.local_addr().expect("it is bound").port();
    let options = Options {
        listeners: vec!["tls: 127.0.0.1:0".into()],
        routes: vec![
            ("2000".into(), format!("sips:2000@localhost:{place}")),
            ("2001".into(), format!("sip:2001@127.0.0.1:{place};transport=tls")),
        ],
        sections: "tls: {certificate: pbx.crt, key: pbx.key, ca: authorities.pem}\n".into(),
        ..Options::default()
    };
    let mut pbx = Pbx::start(&stage, &options);
    // It serves only clients with a certificate of the authority: ours is shown when it asks.
    let config = authority.server(&authority.sign("localhost"));
    let mut caller = Line::udp(pbx.sip());
    let invite =
        caller.request("INVITE", &format!("sip:2000@{}", pbx.sip()), "", &Media::new(LOOPBACK).sdp(""));
    caller.send(&invite);
    let (stream, _) = trunk.accept().expect("the PBX connects");
    let mut callee = Line::over_tls(stream, config.clone());
    let incoming = callee.asked("INVITE");
    assert!(
        header(&incoming, "Via").is_some_and(|via| via.starts_with("SIP/2.0/TLS 127.0.0.1")),
        "{incoming}"
    );
    assert!(header(&incoming, "Contact").is_some_and(|uri| uri.ends_with(";transport=tls>")), "{incoming}");
    callee.respond(&incoming, "486 Busy Here", "");
    callee.asked("ACK");
    assert_eq!(status(&caller.final_response(&invite)), Some(486));
    // The connection is there and verified: the next call takes it.
    call(&mut caller, &mut callee, &format!("sip:2000@{}", pbx.sip()), LOOPBACK, true);

    // The same server under a name that its certificate does not have.
    let server = std::thread::spawn(move || {
        let (stream, _) = trunk.accept().expect("the PBX connects");
        Line::over_tls(stream, config).look_for(Duration::from_secs(2))
    });
    let invite =
        caller.request("INVITE", &format!("sip:2001@{}", pbx.sip()), "", &Media::new(LOOPBACK).sdp(""));
    caller.send(&invite);
    assert_eq!(status(&caller.final_response(&invite)), Some(503));
    assert_eq!(server.join().expect("it ends"), None, "nothing is told to a server that nobody verified");
    pbx.wait_for_output("no TLS with a peer");
}

#[test]
fn a_call_over_ipv6_is_heard_both_ways() {
    let stage = Stage::new("a_call_over_ipv6_is_heard_both_ways");
    let pbx = Pbx::start(&stage, &Options { ipv6: true, ..Options::default() });
    let loopback = IpAddr::V6(Ipv6Addr::LOCALHOST);
    let place = at(loopback, pbx.sip().port());
    for over_tcp in [false, true] {
        let line = || if over_tcp { Line::tcp(place) } else { Line::udp(place) };
        let (mut first, mut second) = (line(), line());
        second.register("1002", place);
        call(&mut first, &mut second, &format!("sip:1002@{place}"), loopback, over_tcp);
        pbx.wait_for_metric("sip_pbx_active_calls", 0.0);
    }
    // One side of a call may have another family than the other.
    let mut phone = Line::udp(pbx.sip());
    phone.register("1003", pbx.sip());
    let (ours, theirs) = (Media::new(loopback), Media::new(LOOPBACK));
    let mut caller = Line::udp(place);
    let invite = caller.request("INVITE", &format!("sip:1003@{place}"), "", &ours.sdp(""));
    caller.send(&invite);
    let incoming = phone.asked("INVITE");
    phone.respond(&incoming, "200 OK", &theirs.sdp(""));
    let talk = caller.is_answered(&invite);
    ours.is_heard_by(&theirs, &talk.answer);
    theirs.is_heard_by(&ours, &incoming);
    let bye = caller.hang_up(&talk);
    let asked = phone.asked("BYE");
    phone.respond(&asked, "200 OK", "");
    assert_eq!(status(&caller.final_response(&bye)), Some(200));
}

#[test]
fn a_large_request_goes_over_tcp_to_a_phone_that_takes_connections() {
    let stage = Stage::new("a_large_request_goes_over_tcp_to_a_phone_that_takes_connections");
    let pbx = Pbx::start(&stage, &Options::default());
    let filler = format!("a=x-filler:{}\r\n", "x".repeat(1_400));
    let mut caller = Line::udp(pbx.sip());
    let mut phone = Line::udp(pbx.sip());
    phone.register("1002", pbx.sip());
    let invitation = |caller: &mut Line| {
        let invite = caller.request(
            "INVITE",
            &format!("sip:1002@{}", pbx.sip()),
            "",
            &Media::new(LOOPBACK).sdp(&filler),
        );
        caller.send(&invite);
        invite
    };
    let listener = TcpListener::bind(phone.address()).expect("UDP and TCP have ports of their own");
    let invite = invitation(&mut caller);
    let (stream, _) = listener.accept().expect("the PBX connects");
    let mut connected = Line::over_tcp(stream);
    let incoming = connected.asked("INVITE");
    assert!(header(&incoming, "Via").is_some_and(|via| via.starts_with("SIP/2.0/TCP ")), "{incoming}");
    assert!(incoming.contains(&filler), "every byte of it came");
    connected.respond(&incoming, "486 Busy Here", "");
    connected.asked("ACK");
    assert_eq!(status(&caller.final_response(&invite)), Some(486));

    drop((connected, listener));
    let invite = invitation(&mut caller);
    let incoming = phone.asked("INVITE");
    assert!(header(&incoming, "Via").is_some_and(|via| via.starts_with("SIP/2.0/UDP ")), "{incoming}");
    phone.respond(&incoming, "486 Busy Here", "");
    assert_eq!(status(&caller.final_response(&invite)), Some(486));
}
