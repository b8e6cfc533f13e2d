//! File descriptors that run out: what is too much is refused, and the PBX stays reachable for everybody else.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::{TcpStream, UdpSocket};

use crate::host::{Configured, Host, PATIENCE, options, pause};

/// Half of what the calls below would use.
const DESCRIPTORS: u32 = 256;

fn serves_others(host: &Host) {
    for path in ["/health", "/health/live"] {
        assert!(host.get("http", path).starts_with("HTTP/1.1 200"), "{path}");
    }
    assert!(host.metric("sip_pbx_active_calls").is_some());
    let mut stream = host.connect();
    stream.write_all(options(7, "TCP").as_bytes()).expect("it is sent");
    let mut answer = [0; 14];
    stream.read_exact(&mut answer).expect("it is answered");
    assert_eq!(&answer, b"SIP/2.0 200 OK");
}

/// An INVITE with an offer, to a number that rings at a socket of ours.
fn invite(number: u32) -> String {
    let body =
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 6000 RTP/AVP 0\r\n";
    let length = body.len();
    let invite = options(number, "UDP")
        .replace("OPTIONS sip:127.0.0.1", "INVITE sip:2000@127.0.0.1")
        .replace("CSeq: 1 OPTIONS", "Contact: <sip:peer@127.0.0.1:9>\r\nCSeq: 1 INVITE")
        .replace("Content-Length: 0", &format!("Content-Type: application/sdp\r\nContent-Length: {length}"));
    invite + body
}

/// Calls that were refused, once each of so many either was or lives.
fn refused(host: &Host, caller: &UdpSocket, calls: usize) -> usize {
    let mut refused = BTreeSet::new();
    let mut buffer = [0; 4096];
    for _ in 0..PATIENCE.as_millis() / 50 {
        while let Ok(length) = caller.recv(&mut buffer) {
            let answer = String::from_utf8_lossy(&buffer[..length]).into_owned();
            if !answer.starts_with("SIP/2.0 100") {
                assert!(answer.starts_with("SIP/2.0 503"), "{answer}");
                assert!(answer.contains("\r\nRetry-After: "), "{answer}");
                let call = answer.lines().find(|line| line.starts_with("Call-ID:"));
                refused.insert(call.expect("an answer has one").to_owned());
            }
        }
        #[expect(clippy::cast_precision_loss, reason = "a few calls")]
        let all = host.metric("sip_pbx_active_calls").unwrap_or_default() + refused.len() as f64;
        #[expect(clippy::cast_precision_loss, reason = "a few calls")]
        if (all - calls as f64).abs() < 0.5 {
            return refused.len();
        }
        pause();
    }
    panic!("only {} of {calls} calls were refused, and the others do not live", refused.len());
}

#[test]
fn calls_that_use_up_the_descriptors_get_503_and_health_still_answers() {
    const CALLS: usize = 60;
    let callee = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let target = callee.local_addr().expect("it is bound");
    let open = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/plugins/authorize-open.wasm");
    let host = Configured::with(&format!(
        "plugins: [{{name: open, path: {open}}}]\nauthorization: {{chain: [open]}}\n\
         admission: {{exempt: [127.0.0.1]}}\nmedia: {{ports: 12000-13999}}\n\
         routing: {{static: [{{number: '2000', targets: ['sip:2000@{target}']}}]}}\n"
    ))
    .start_with_descriptors(DESCRIPTORS);
    let caller = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    caller.connect(host.address("udp")).expect("loopback has a route");
    caller.set_nonblocking(true).expect("a socket can be asked");
    for number in 0..CALLS {
        caller.send(invite(u32::try_from(number).expect("a few")).as_bytes()).expect("it is sent");
    }
    // Five eighths of the descriptors, eight for each call.
    assert_eq!(refused(&host, &caller, CALLS), CALLS - 20);
    serves_others(&host);
    assert!(host.said().iter().any(|line| line.contains("too few file descriptors")));
}

#[test]
fn connections_that_use_up_the_descriptors_are_closed_and_health_still_answers() {
    let host = Configured::with("").start_with_descriptors(DESCRIPTORS);
    let crowd: Vec<TcpStream> = (0..2 * DESCRIPTORS).map(|_| host.connect()).collect();
    host.wait_for_metric("sip_pbx_connections", f64::from(DESCRIPTORS / 4));
    assert!(host.get("http", "/health").starts_with("HTTP/1.1 200"));
    drop(crowd);
    host.wait_for_metric("sip_pbx_connections", 0.0);
    serves_others(&host);
}
