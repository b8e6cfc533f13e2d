//! What a peer on a TCP connection can do, and what it cannot do to others.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use crate::host::{Configured, Host, options};

fn configured(limits: &str) -> Configured {
    Configured::with(&format!("sip: {{udp: '127.0.0.1:0', tcp: '127.0.0.1:0', streams: {{{limits}}}}}\n"))
}

/// Reads until a whole header block has come.
fn answer(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let mut byte = [0];
    while !answer.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).expect("an answer comes");
        answer.push(byte[0]);
    }
    String::from_utf8(answer).expect("our answers are text")
}

/// Whether the other side has closed; reads away what came before.
fn closes(stream: &mut TcpStream) -> bool {
    let mut rest = Vec::new();
    // A reset is an end as well.
    stream.read_to_end(&mut rest).is_ok_and(|_| true) || stream.write_all(b"\r\n").is_err()
}

fn serves_others(host: &Host) {
    let mut other = host.connect();
    other.write_all(options(9, "TCP").as_bytes()).expect("it is sent");
    assert!(answer(&mut other).starts_with("SIP/2.0 200 OK"));
}

#[test]
fn messages_are_cut_wherever_the_network_cut_them() {
    let host = configured("").start();
    let mut stream = host.connect();
    let two = options(1, "TCP") + &options(2, "TCP");
    for piece in two.as_bytes().chunks(7) {
        stream.write_all(piece).expect("it is sent");
        stream.flush().expect("it is sent");
    }
    for number in 1..=2 {
        let answer = answer(&mut stream);
        assert!(answer.starts_with("SIP/2.0 200 OK"), "{answer}");
        assert!(answer.contains(&format!("options-{number}@")), "{answer}");
    }
}

#[test]
fn a_keep_alive_is_answered() {
    let host = configured("").start();
    let mut stream = host.connect();
    stream.write_all(options(1, "TCP").as_bytes()).expect("it is sent");
    answer(&mut stream);
    stream.write_all(b"\r\n\r\n").expect("it is sent");
    let mut pong = [0; 2];
    stream.read_exact(&mut pong).expect("the keep-alive is answered");
    assert_eq!(&pong, b"\r\n");
}

#[test]
fn a_peer_that_never_says_a_whole_message_is_cut() {
    let host = configured("message_timeout: 300ms").start();
    let mut silent = host.connect();
    let mut halting = host.connect();
    halting.write_all(b"OPTIONS sip:127.0.0.1 SIP/2.0\r\nVia: ").expect("it is sent");
    let mut pinging = host.connect();
    pinging.write_all(b"\r\n\r\n").expect("it is sent");
    for stream in [&mut silent, &mut halting, &mut pinging] {
        assert!(closes(stream));
    }
    host.wait_for_metric("sip_pbx_connections", 0.0);
    assert_eq!(host.metric("sip_pbx_connections_refused_total"), Some(3.0));
    serves_others(&host);
}

#[test]
fn a_peer_that_has_spoken_may_be_silent_until_the_idle_time_ends() {
    let host = configured("message_timeout: 100ms, idle_timeout: 1s").start();
    let mut stream = host.connect();
    for number in 1..=3 {
        stream.write_all(options(number, "TCP").as_bytes()).expect("it is sent");
        assert!(answer(&mut stream).starts_with("SIP/2.0 200 OK"));
        // Longer than a message may take, shorter than the idle time.
        (0..5).for_each(|_| crate::host::pause());
    }
    assert!(closes(&mut stream));
}

#[test]
fn garbage_and_endless_headers_cost_their_own_connection() {
    let host = configured("").start();
    let mut garbage = host.connect();
    garbage.write_all(&[b'x'; 8192]).expect("it is sent");
    let mut endless = host.connect();
    let line = [b"X-Filler: ".as_slice(), &[b'a'; 1000], b"\r\n"].concat();
    endless.write_all(b"OPTIONS sip:127.0.0.1 SIP/2.0\r\n").expect("it is sent");
    // The connection may be cut while we still write.
    while endless.write_all(&line).is_ok() {}
    serves_others(&host);
    let mut huge = host.connect();
    let announced = options(3, "TCP").replace("Content-Length: 0", "Content-Length: 4000000000");
    huge.write_all(announced.as_bytes()).expect("it is sent");
    assert!(closes(&mut huge));
    serves_others(&host);
}

#[test]
fn connections_beyond_the_limits_are_closed_and_counted() {
    let host = configured("max_connections: 3, max_per_source: 2").start();
    let mut first = host.connect();
    let mut second = host.connect();
    for (number, stream) in [&mut first, &mut second].into_iter().enumerate() {
        let number = u32::try_from(number).expect("two");
        stream.write_all(options(number, "TCP").as_bytes()).expect("it is sent");
        assert!(answer(stream).starts_with("SIP/2.0 200 OK"));
    }
    let mut third = host.connect();
    assert!(closes(&mut third), "one source has two connections at most");
    assert_eq!(host.metric("sip_pbx_connections_refused_total"), Some(1.0));
    drop(first);
    host.wait_for_metric("sip_pbx_connections", 1.0);
    serves_others(&host);
}

/// A connection with this on its way.
fn opened(host: &Host, bytes: &[u8]) -> TcpStream {
    let mut stream = host.connect();
    stream.write_all(bytes).expect("it is sent");
    stream
}

#[test]
fn a_thousand_half_open_requests_do_no_harm() {
    let host = configured("").start();
    let begin = b"INVITE sip:1001@127.0.0.1 SIP/2.0\r\nVia: ";
    // What the first ones cost is there for the others, too.
    drop((0..100).map(|_| opened(&host, begin)).collect::<Vec<_>>());
    host.wait_for_metric("sip_pbx_connections", 0.0);
    let before = host.resident_bytes();
    let half: Vec<TcpStream> = (0..1000).map(|_| opened(&host, begin)).collect();
    serves_others(&host);
    let each = host.resident_bytes().saturating_sub(before) / 1000;
    assert!(each <= 64 * 1024, "{each} bytes for each");
    drop(half);
    host.wait_for_metric("sip_pbx_connections", 0.0);
    serves_others(&host);
}

#[test]
fn what_a_peer_can_make_us_keep_is_a_header_block_of_64_kib_at_most() {
    let host = configured("").start();
    serves_others(&host);
    let line = [b"X-Filler: ".as_slice(), &[b'a'; 1000], b"\r\n"].concat();
    let before = host.resident_bytes();
    let full: Vec<TcpStream> = (0..200)
        .map(|_| opened(&host, &[b"OPTIONS sip:127.0.0.1 SIP/2.0\r\n".as_slice(), &line.repeat(58)].concat()))
        .collect();
    serves_others(&host);
    let each = host.resident_bytes().saturating_sub(before) / 200;
    assert!(each <= 3 * 64 * 1024, "{each} bytes for each");
    drop(full);
    host.wait_for_metric("sip_pbx_connections", 0.0);
}

/// An INVITE over TCP; nobody is there whom it could reach.
fn invite(number: u32) -> String {
    options(number, "TCP")
        .replace("OPTIONS sip:127.0.0.1", "INVITE sip:1001@127.0.0.1")
        .replace("CSeq: 1 OPTIONS", "Contact: <sip:peer@127.0.0.1:9;transport=tcp>\r\nCSeq: 1 INVITE")
}

#[test]
fn a_thousand_connections_that_are_reset_after_their_invite_leave_nothing() {
    let exempt = "admission: {exempt: [127.0.0.1]}\n";
    let host =
        Configured::with(&format!("sip: {{udp: '127.0.0.1:0', tcp: '127.0.0.1:0'}}\n{exempt}")).start();
    for number in 0..1000 {
        let stream = opened(&host, invite(number).as_bytes());
        // Closing with this set is a reset.
        rustix::net::sockopt::set_socket_linger(&stream, Some(std::time::Duration::ZERO))
            .expect("a socket can be reset");
    }
    serves_others(&host);
    host.wait_for_metric("sip_pbx_connections", 0.0);
    host.wait_for_metric("sip_pbx_active_calls", 0.0);
    serves_others(&host);
}
