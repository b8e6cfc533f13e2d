//! SIP over WebSocket (RFC 7118), plain and secured.

use std::io::{Read, Write};
use std::net::TcpStream;

use cordboard_interop::Authority;
use rustls::version::TLS13;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::handshake::client::Response;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{Error, HandshakeError, Message, WebSocket, client};

use crate::host::{Configured, Host, PATIENCE, options};

fn configured(streams: &str) -> Configured {
    Configured::with(&format!(
        "sip: {{udp: '127.0.0.1:0', tcp: [], ws: '127.0.0.1:0', streams: {{{streams}}}}}\n"
    ))
}

fn plain(host: &Host) -> TcpStream {
    let stream = TcpStream::connect(host.address("ws")).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket can wait");
    stream
}

/// Opens a WebSocket, offering these subprotocols.
fn open<S: Read + Write>(stream: S, offers: Option<&str>) -> Result<(WebSocket<S>, Response), Error> {
    let mut request = "ws://pbx.example/".into_client_request().expect("a URL");
    if let Some(offers) = offers {
        let offers = HeaderValue::from_str(offers).expect("names");
        request.headers_mut().insert("Sec-WebSocket-Protocol", offers);
    }
    client(request, stream).map_err(|error| match error {
        HandshakeError::Failure(error) => error,
        HandshakeError::Interrupted(_) => panic!("the answer did not come in time"),
    })
}

/// Reads until a frame with a SIP message comes.
fn answer<S: Read + Write>(socket: &mut WebSocket<S>) -> Message {
    loop {
        match socket.read().expect("an answer comes") {
            Message::Ping(_) | Message::Pong(_) => {}
            frame => return frame,
        }
    }
}

fn is_served<S: Read + Write>(socket: &mut WebSocket<S>, transport: &str, number: u32) {
    socket.send(Message::text(options(number, transport))).expect("it is sent");
    let Message::Text(answer) = answer(socket) else { panic!("expected text") };
    assert!(answer.starts_with("SIP/2.0 200 OK") && answer.ends_with("\r\n\r\n"), "{answer}");
    assert!(answer.contains(&format!("options-{number}@")), "{answer}");
}

#[test]
fn each_frame_is_a_message_whether_text_or_binary() {
    let host = configured("").start();
    let (mut socket, response) = open(plain(&host), Some("xmpp, sip")).expect("it is taken");
    assert_eq!(response.headers()["sec-websocket-protocol"], "sip");
    is_served(&mut socket, "WS", 1);
    // Content-Length is not needed where a frame is a message (RFC 7118 §5).
    let bare = options(2, "WS").replace("Content-Length: 0\r\n", "");
    socket.send(Message::binary(bare.into_bytes())).expect("it is sent");
    assert!(answer(&mut socket).into_text().is_ok_and(|text| text.starts_with("SIP/2.0 200 OK")));
}

#[test]
fn keep_alives_of_both_kinds_are_answered() {
    let host = configured("").start();
    let (mut socket, _) = open(plain(&host), Some("sip")).expect("it is taken");
    socket.send(Message::Ping("here?".into())).expect("it is sent");
    assert_eq!(socket.read().expect("a pong comes"), Message::Pong("here?".into()));
    socket.send(Message::text("\r\n\r\n")).expect("it is sent");
    assert_eq!(answer(&mut socket), Message::text("\r\n"));
    is_served(&mut socket, "WS", 1);
}

#[test]
fn who_does_not_come_for_sip_is_told_what_to_offer() {
    let host = configured("").start();
    for offers in [None, Some("xmpp")] {
        let Err(Error::Http(refusal)) = open(plain(&host), offers) else { panic!("expected a refusal") };
        assert_eq!(refusal.status(), 400);
        let help = refusal.into_body().map(|body| String::from_utf8_lossy(&body).into_owned());
        assert!(help.is_none_or(|help| help.contains("subprotocol sip")));
    }
    host.wait_for_metric("sip_pbx_connections_refused_total", 2.0);
}

#[test]
fn a_frame_that_is_too_long_and_one_that_never_comes_cost_their_own_connection() {
    let host = configured("message_timeout: 500ms").start();
    let (mut huge, _) = open(plain(&host), Some("sip")).expect("it is taken");
    // The connection may be cut while we still write.
    let _ = huge.send(Message::text("x".repeat(1 << 20)));
    let (silent, _) = open(plain(&host), Some("sip")).expect("it is taken");
    let stray = plain(&host);
    for mut stream in [huge.get_ref(), silent.get_ref(), &stray] {
        let mut rest = Vec::new();
        // A reset is an end as well.
        let _ = stream.read_to_end(&mut rest);
    }
    host.wait_for_metric("sip_pbx_connections", 0.0);
    let (mut other, _) = open(plain(&host), Some("sip")).expect("it is taken");
    is_served(&mut other, "WS", 1);
}

#[test]
fn a_secure_websocket_is_not_asked_for_a_certificate() {
    let authority = Authority::new();
    let configured = Configured::with(
        "sip: {udp: '127.0.0.1:0', tcp: [], tls: '127.0.0.1:0', wss: '127.0.0.1:0'}\n\
         tls: {certificate: pbx.crt, key: pbx.key, client_ca: clients.pem}\n",
    );
    authority.sign("pbx.example").write(configured.folder());
    std::fs::write(configured.folder().join("clients.pem"), authority.pem()).expect("it is written");
    let host = configured.start();
    let secured = host.secure("wss", authority.client(&[&TLS13], None)).expect("it is met");
    let (mut socket, _) = open(secured, Some("sip")).expect("it is taken");
    is_served(&mut socket, "WSS", 1);
    is_served(&mut socket, "WSS", 2);
}
