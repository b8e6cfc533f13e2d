//! File descriptors that run out: what is too much is refused, and the PBX stays reachable for everybody else.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::{TcpStream, UdpSocket};

use crate::components::component;
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

/// The Call-IDs of the requests or final responses that have come to a socket.
fn calls_seen(socket: &UdpSocket, begin: &str, seen: &mut BTreeSet<String>) {
    let mut buffer = [0; 4096];
    while let Ok(length) = socket.recv(&mut buffer) {
        let message = String::from_utf8_lossy(&buffer[..length]).into_owned();
        if !message.starts_with("SIP/2.0 100") {
            assert!(message.starts_with(begin), "{message}");
            let call = message.lines().find(|line| line.starts_with("Call-ID:"));
            seen.insert(call.expect("a message has one").to_owned());
        }
    }
}

#[test]
fn calls_that_use_up_the_descriptors_get_503_and_health_still_answers() {
    let socket = || {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        socket.set_nonblocking(true).expect("a socket can be asked");
        socket
    };
    let (callee, caller) = (socket(), socket());
    let target = callee.local_addr().expect("it is bound");
    let open = component("authorize-open");
    let folder = open.parent().expect("it lies in a folder").display();
    let host = Configured::with(&format!(
        "components: {{folders: '{folder}'}}\nplugins: [{{name: open, path: '{}'}}]\nauthorization: {{chain: [open]}}\n\
         admission: {{exempt: [127.0.0.1]}}\nmedia: {{ports: 12000-13999}}\n\
         routing: {{static: [{{number: '2000', targets: ['sip:2000@{target}']}}]}}\n",
        open.display()
    ))
    .start_with_descriptors(DESCRIPTORS);
    caller.connect(host.address("udp")).expect("loopback has a route");
    let (mut rang, mut refused) = (BTreeSet::new(), BTreeSet::new());
    for number in 0..60 {
        caller.send(invite(number).as_bytes()).expect("it is sent");
        let decided = number as usize + 1;
        for _ in 0..PATIENCE.as_millis() / 50 {
            calls_seen(&callee, "INVITE sip:2000@", &mut rang);
            calls_seen(&caller, "SIP/2.0 503", &mut refused);
            if rang.len() + refused.len() >= decided {
                break;
            }
            pause();
        }
    }
    // Five eighths of the descriptors, eight for each call. A plugin that is late on a busy machine refuses one more.
    assert!((10..=20).contains(&rang.len()), "{} of 60 calls rang", rang.len());
    assert_eq!(rang.len() + refused.len(), 60, "every call rang or was refused");
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
