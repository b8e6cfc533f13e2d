//! TLS listeners: versions, certificates of both sides, reload, and peers that do not finish their handshake.

use std::io::{Read, Write};
use std::net::TcpStream;

use cordboard_interop::{Authority, Secured};
use rustls::ProtocolVersion;
use rustls::version::{TLS12, TLS13};

use crate::host::{Configured, Host, PATIENCE, options};

/// A configuration with a TLS listener whose certificate `authority` signed.
fn configured(authority: &Authority, tls: &str, streams: &str) -> Configured {
    let configured = Configured::with(&format!(
        "sip: {{udp: '127.0.0.1:0', tcp: [], tls: '127.0.0.1:0', streams: {{{streams}}}}}\n\
         tls: {{certificate: pbx.crt, key: pbx.key{tls}}}\n"
    ));
    authority.sign("pbx.example").write(configured.folder());
    configured
}

/// Sends an OPTIONS and reads the whole header block of its answer.
fn ask(stream: &mut (impl Read + Write), number: u32) -> std::io::Result<String> {
    stream.write_all(options(number, "TLS").as_bytes())?;
    let (mut answer, mut byte) = (Vec::new(), [0]);
    while !answer.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        answer.push(byte[0]);
    }
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn is_served(stream: &mut Secured, number: u32) {
    let answer = ask(stream, number).expect("it is answered");
    assert!(answer.starts_with("SIP/2.0 200 OK"), "{answer}");
    assert!(answer.contains(&format!("options-{number}@")), "{answer}");
}

fn certificate_of(stream: &Secured) -> Vec<u8> {
    stream.conn.peer_certificates().expect("it showed one")[0].to_vec()
}

#[test]
fn peers_are_answered_over_tls_1_2_and_1_3_and_kept_alive() {
    let authority = Authority::new();
    let host = configured(&authority, "", "").start();
    for (version, spoken) in [(&TLS12, ProtocolVersion::TLSv1_2), (&TLS13, ProtocolVersion::TLSv1_3)] {
        let mut stream = host.secure("tls", authority.client(&[version], None)).expect("it is met");
        is_served(&mut stream, 1);
        assert_eq!(stream.conn.protocol_version(), Some(spoken));
        stream.write_all(b"\r\n\r\n").expect("it is sent");
        let mut pong = [0; 2];
        stream.read_exact(&mut pong).expect("the keep-alive is answered");
        assert_eq!(&pong, b"\r\n");
        is_served(&mut stream, 2);
    }
}

#[test]
fn with_a_client_authority_only_peers_that_it_signed_are_served() {
    let (ours, strangers) = (Authority::new(), Authority::new());
    let configured = configured(&ours, ", client_ca: clients.pem", "");
    std::fs::write(configured.folder().join("clients.pem"), ours.pem()).expect("it is written");
    let host = configured.start();
    let (friend, stranger) = (ours.sign("trunk.example"), strangers.sign("trunk.example"));
    for version in [&TLS12, &TLS13] {
        for (identity, served) in [(None, false), (Some(&stranger), false), (Some(&friend), true)] {
            let stream = host.secure("tls", ours.client(&[version], identity));
            let answer = stream.and_then(|mut stream| ask(&mut stream, 1));
            assert_eq!(answer.is_ok_and(|answer| answer.starts_with("SIP/2.0 200")), served, "{version:?}");
        }
    }
    host.wait_for_metric("sip_pbx_connections_refused_total", 4.0);
}

#[test]
fn a_reload_shows_the_new_certificate_and_old_connections_live_on() {
    let authority = Authority::new();
    let configured = configured(&authority, "", "");
    let mut host = configured.start();
    let client = || authority.client(&[&TLS13], None);
    let mut before = host.secure("tls", client()).expect("it is met");
    is_served(&mut before, 1);

    std::fs::write(configured.folder().join("pbx.key"), "no key").expect("it is written");
    host.hang_up();
    let told = host.wait_for("the configuration was not reloaded");
    assert!(told.contains("tls.key: expected a PEM file with the private key"), "{told}");
    let mut meanwhile = host.secure("tls", client()).expect("it is met");
    is_served(&mut meanwhile, 2);
    assert_eq!(certificate_of(&meanwhile), certificate_of(&before));

    authority.sign("pbx.example").write(configured.folder());
    host.hang_up();
    host.wait_for("reloaded");
    let mut after = host.secure("tls", client()).expect("it is met");
    is_served(&mut after, 3);
    assert_ne!(certificate_of(&after), certificate_of(&before));
    is_served(&mut before, 4);
}

#[test]
fn a_peer_that_does_not_finish_its_handshake_is_cut_and_counted() {
    let authority = Authority::new();
    let host = configured(&authority, "", "connect_timeout: 300ms").start();
    let silent = || TcpStream::connect(host.address("tls")).expect("it listens");
    let mut plain = silent();
    plain.write_all(options(1, "TLS").as_bytes()).expect("it is sent");
    for mut stream in [silent(), plain] {
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket can wait");
        let mut rest = Vec::new();
        // A reset is an end as well; the alert of TLS may come before it.
        let _ = stream.read_to_end(&mut rest);
        assert!(!rest.starts_with(b"SIP"), "nothing is answered in the clear");
    }
    host.wait_for_metric("sip_pbx_connections_refused_total", 2.0);
    host.wait_for_metric("sip_pbx_connections", 0.0);
    let mut other = host.secure("tls", authority.client(&[&TLS13], None)).expect("it is met");
    is_served(&mut other, 2);
}

#[test]
fn a_listener_without_a_certificate_is_a_mistake_that_check_tells() {
    let configured = Configured::exactly("sip: {tls: '127.0.0.1:0'}\n");
    let output = configured.output(&["check"]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1));
    for key in ["tls.certificate", "tls.key"] {
        assert!(told.contains(&format!("{key}: this key is missing; sip.tls needs")), "{told}");
    }
}

#[test]
fn a_thousand_slow_handshakes_are_bounded_and_do_not_delay_others() {
    let authority = Authority::new();
    let host: Host = configured(&authority, "", "connect_timeout: 5s, max_per_source: 2000").start();
    let half: Vec<TcpStream> = (0..1000)
        .map(|_| {
            let mut stream = TcpStream::connect(host.address("tls")).expect("it listens");
            // The beginning of a record of a ClientHello.
            stream.write_all(&[22, 3, 1, 2, 0, 1]).expect("it is sent");
            stream
        })
        .collect();
    let mut other = host.secure("tls", authority.client(&[&TLS13], None)).expect("it is met");
    is_served(&mut other, 1);
    // Their time is over, although they are still there.
    host.wait_for_metric("sip_pbx_connections", 1.0);
    is_served(&mut other, 2);
    drop(half);
}

/// A ClientHello that offers this version at most, with suites that every version from 1.0 to 1.2 knows.
fn client_hello(version: [u8; 2]) -> Vec<u8> {
    let suites =
        [0xc0, 0x14, 0xc0, 0x13, 0xc0, 0x2f, 0xc0, 0x30, 0xc0, 0x2b, 0xc0, 0x2c, 0x00, 0x35, 0x00, 0x2f];
    // Curves, point formats and, for 1.2, signatures.
    let extensions = [
        &[0, 10, 0, 6, 0, 4, 0, 29, 0, 23][..],
        &[0, 11, 0, 2, 1, 0],
        &[0, 13, 0, 10, 0, 8, 4, 3, 8, 4, 4, 1, 5, 3],
    ]
    .concat();
    let length = |bytes: &[u8]| u16::try_from(bytes.len()).expect("it is short").to_be_bytes();
    let hello =
        [&version[..], &[7; 32], &[0], &length(&suites), &suites, &[1, 0], &length(&extensions), &extensions]
            .concat();
    let handshake = [&[1, 0][..], &length(&hello), &hello].concat();
    [&[22, 3, 1][..], &length(&handshake), &handshake].concat()
}

#[test]
fn tls_1_0_and_1_1_are_refused() {
    const ALERT: u8 = 21;
    const HANDSHAKE: u8 = 22;
    const PROTOCOL_VERSION: u8 = 70;
    let authority = Authority::new();
    let host = configured(&authority, "", "").start();
    for (version, served) in [([3, 1], false), ([3, 2], false), ([3, 3], true)] {
        let mut stream = TcpStream::connect(host.address("tls")).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket can wait");
        stream.write_all(&client_hello(version)).expect("it is sent");
        let mut record = [0; 7];
        stream.read_exact(&mut record).expect("it is answered");
        let expected = if served { HANDSHAKE } else { ALERT };
        assert_eq!(record[0], expected, "{version:?}: {record:?}");
        assert!(served || record[6] == PROTOCOL_VERSION, "{version:?}: {record:?}");
    }
}
