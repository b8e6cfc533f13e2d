//! Health, metrics, reload and drain of a running PBX.

use std::net::UdpSocket;

use crate::host::{Configured, PATIENCE, options};

fn ask(socket: &UdpSocket, number: u32) -> String {
    socket.send(options(number, "UDP").as_bytes()).expect("it is sent");
    let mut buffer = [0; 4096];
    let length = socket.recv(&mut buffer).expect("it is answered");
    String::from_utf8_lossy(&buffer[..length]).into_owned()
}

#[test]
fn it_answers_is_healthy_counts_and_ends_well() {
    let mut host = Configured::with("").start();
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    socket.set_read_timeout(Some(PATIENCE)).expect("a socket can wait");
    socket.connect(host.address("udp")).expect("loopback has a route");
    let answer = ask(&socket, 1);
    assert!(answer.starts_with("SIP/2.0 200 OK"), "{answer}");

    let health = host.get("http", "/health");
    assert!(health.starts_with("HTTP/1.1 200") && health.contains("\"status\":\"ok\""), "{health}");
    assert!(host.get("http", "/health/live").starts_with("HTTP/1.1 200"));
    assert!(host.get("http", "/health/ready").starts_with("HTTP/1.1 200"));
    assert!(host.metric("sip_pbx_messages_total{direction=\"received\"}") >= Some(1.0));
    assert_eq!(host.metric("sip_pbx_active_calls"), Some(0.0));

    host.terminate();
    assert_eq!(host.wait().code(), Some(0));
}

#[test]
fn a_plugin_that_does_not_load_degrades_and_is_named() {
    let configured =
        Configured::with("plugins: [{name: route, path: missing.wasm}]\nrouting: {chain: [route]}\n");
    let host = configured.start();
    let health = host.get("http", "/health");
    assert!(health.starts_with("HTTP/1.1 200"), "the fallback answers: {health}");
    assert!(health.contains("\"status\":\"degraded\"") && health.contains("plugin route"), "{health}");
    assert!(health.contains("missing.wasm"), "{health}");
    assert_eq!(host.metric("sip_pbx_plugin_up{plugin=\"route\"}"), Some(0.0));
}

#[test]
fn a_bad_reload_leaves_the_running_configuration_and_a_good_one_is_applied() {
    let configured = Configured::with("");
    let mut host = configured.start();
    let good = std::fs::read_to_string(configured.file()).expect("it was written");

    std::fs::write(configured.file(), "log: {level: loud}\n").expect("it is written");
    host.hang_up();
    let told = host.wait_for("the configuration was not reloaded");
    assert!(told.contains("pbx.yaml:1:14: log.level"), "{told}");

    std::fs::write(configured.file(), good.replace("debug", "warning") + "media: {ports: 30000-30999}\n")
        .expect("it is written");
    host.hang_up();
    let told = host.wait_for("change at the next start only");
    assert!(told.contains("listeners, media ports"), "{told}");
}

#[test]
fn datagrams_that_are_no_sip_are_counted_and_harm_nothing() {
    let host = Configured::with("").start();
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    socket.set_read_timeout(Some(PATIENCE)).expect("a socket can wait");
    socket.connect(host.address("udp")).expect("loopback has a route");
    for datagram in [&b"hello"[..], b"\xff\xfe\xfd", b"GET / HTTP/1.1\r\n\r\n"] {
        socket.send(datagram).expect("it is sent");
    }
    // Keep-alives are no mistakes.
    for datagram in [&b""[..], b"\r\n\r\n", b"\0"] {
        socket.send(datagram).expect("it is sent");
    }
    assert!(ask(&socket, 2).starts_with("SIP/2.0 200 OK"));
    assert_eq!(host.metric("sip_pbx_errors_total{reason=\"malformed\"}"), Some(3.0));
}

#[test]
fn json_lines_are_objects_and_the_banner_stays_away() {
    let listeners = "http: {listen: '127.0.0.1:0'}\nmetrics: {listen: 'off'}\napi: {listen: 'off'}\n";
    let sip = "sip: {udp: '127.0.0.1:0', tcp: '127.0.0.1:0'}\nlog: {format: json}\n";
    let mut host = Configured::exactly(&format!("{listeners}{sip}")).start();
    host.terminate();
    let line = host.wait_for("draining");
    let line: serde_json::Value = serde_json::from_str(&line).expect("a line is one object");
    assert_eq!(line["level"], "INFO");
    assert_eq!(line["calls"], 0);
    assert_eq!(host.wait().code(), Some(0));
}

#[test]
fn ipv6_listeners_answer_beside_ipv4_ones() {
    let Ok(socket) = UdpSocket::bind("[::1]:0") else { return };
    socket.set_read_timeout(Some(PATIENCE)).expect("a socket can wait");
    let host = Configured::with("sip: {udp: ['[::]:0', '127.0.0.1:0'], tcp: ['[::1]:0']}\n").start();
    let port = host.address("udp").port();
    socket.connect(("::1", port)).expect("loopback has a route");
    assert!(ask(&socket, 3).starts_with("SIP/2.0 200 OK"));
}
