//! A registering trunk, from the start of the process to its end.

use std::net::{SocketAddr, UdpSocket};

use crate::host::{Configured, PATIENCE};

/// The next request that a registrar gets.
fn asked(registrar: &UdpSocket) -> (String, SocketAddr) {
    let mut buffer = [0; 4096];
    let (length, from) = registrar.recv_from(&mut buffer).expect("the host asks");
    (String::from_utf8_lossy(&buffer[..length]).into_owned(), from)
}

fn header<'a>(request: &'a str, name: &str) -> &'a str {
    let line = request.lines().find(|line| line.starts_with(name));
    line.unwrap_or_else(|| panic!("no {name} in {request}"))
}

/// Answers a REGISTER with 200 and the binding that it asks for.
fn accept(registrar: &UdpSocket, request: &str, from: SocketAddr) {
    let copied = ["Via:", "From:", "To:", "Call-ID:", "CSeq:", "Contact:", "Expires:"]
        .map(|name| header(request, name))
        .join("\r\n");
    let answer = format!("SIP/2.0 200 OK\r\n{copied}\r\nContent-Length: 0\r\n\r\n");
    registrar.send_to(answer.as_bytes(), from).expect("it is sent");
}

#[test]
fn a_trunk_is_registered_at_the_start_shown_in_health_and_left_at_the_end() {
    let registrar = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    registrar.set_read_timeout(Some(PATIENCE)).expect("a socket can wait");
    let address = registrar.local_addr().expect("it is bound");
    let mut host = Configured::exactly(&format!(
        "http: {{listen: '127.0.0.1:0'}}\nmetrics: {{listen: '127.0.0.1:0'}}\napi: {{listen: '127.0.0.1:0'}}\n\
         sip: {{udp: '127.0.0.1:0', tcp: '127.0.0.1:0'}}\n\
         trunks: [{{name: carrier, uri: 'sip:{address}', register: true, register_user: '4711', health: {{interval: off}}}}]\n"
    ))
    .start();
    let (request, from) = asked(&registrar);
    assert!(request.starts_with("REGISTER sip:127.0.0.1 SIP/2.0\r\n"), "{request}");
    assert_eq!(from, host.address("udp"));
    assert_eq!(host.metric("sip_pbx_trunk_up{trunk=\"carrier\"}"), Some(0.0));
    let health = host.get("http", "/health");
    assert!(health.starts_with("HTTP/1.1 200") && health.contains("trunk carrier"), "{health}");
    assert!(health.contains("registering: 1 of 1 servers are up"), "{health}");

    accept(&registrar, &request, from);
    host.wait_for_metric("sip_pbx_trunk_up{trunk=\"carrier\"}", 1.0);
    assert!(host.get("http", "/health").contains("\"status\":\"ok\""));
    let trunks = host.get("api", "/api/trunks");
    let (_, body) = trunks.split_once("\r\n\r\n").expect("an answer has a body");
    let trunks: serde_json::Value = serde_json::from_str(body).expect("it is JSON");
    let trunk = &trunks["trunks"][0];
    assert_eq!((&trunk["name"], &trunk["state"]), (&"carrier".into(), &"up".into()), "{trunks}");
    let server = &trunk["servers"][0];
    assert_eq!(
        (&server["uri"], &server["state"]),
        (&format!("sip:{address}").into(), &"up".into()),
        "{trunks}"
    );
    let registration = &trunk["registration"];
    assert_eq!(
        (&registration["state"], &registration["last_status"]),
        (&"registered".into(), &200.into()),
        "{trunks}"
    );
    // 2025 and later, and an hour later.
    let [since, until] = ["since_ms", "until_ms"].map(|key| registration[key].as_u64().expect("a time"));
    assert!(since > 1_735_689_600_000 && (3_590_000..=3_610_000).contains(&(until - since)), "{trunks}");

    host.terminate();
    let (last, from) = loop {
        let (request, from) = asked(&registrar);
        // A busy machine may have sent the first one again.
        if header(&request, "Expires:") == "Expires: 0" {
            break (request, from);
        }
    };
    assert_eq!(header(&last, "Contact:"), header(&request, "Contact:"));
    accept(&registrar, &last, from);
    assert_eq!(host.wait().code(), Some(0));
}
