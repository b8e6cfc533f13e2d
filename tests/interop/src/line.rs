//! A user agent by hand, on any transport.
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{self, Message, WebSocket};

use crate::clock::{self, PATIENCE};
use crate::{header, headers, status};

/// How long one look for a message takes.
const LOOK: Duration = Duration::from_millis(50);

trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

enum Channel {
    Datagrams(UdpSocket),
    Stream(Box<dyn Stream>, Vec<u8>),
    WebSocket(Box<WebSocket<TcpStream>>),
}

/// One end of a connection (or a UDP socket), with enough SIP to place and take a call by hand.
pub struct Line {
    channel: Channel,
    /// The token in Via.
    transport: &'static str,
    /// What it calls itself in Via and Contact.
    me: String,
    serial: u32,
}

/// A dialog of a [`Line`].
pub struct Talk {
    uri: String,
    from: String,
    to: String,
    call_id: String,
    /// The body of the answer; empty where the line was called.
    pub answer: String,
}

impl Line {
    /// A UDP socket at the same address as `to`, which it talks to.
    ///
    /// # Panics
    /// When this machine has no such address.
    pub fn udp(to: SocketAddr) -> Self {
        let socket = UdpSocket::bind((to.ip(), 0)).expect("an address of this machine");
        socket.connect(to).expect("loopback has a route");
        socket.set_read_timeout(Some(LOOK)).expect("a positive time-out");
        let me = socket.local_addr().expect("it is bound").to_string();
        Self { channel: Channel::Datagrams(socket), transport: "UDP", me, serial: 0 }
    }

    /// A UDP socket that says it is at `believed`, while its datagrams come from `translated` and another port, as behind a NAT. What is
    /// sent to where it says is lost.
    ///
    /// # Panics
    /// When this machine has no such addresses.
    pub fn translated(believed: Ipv4Addr, translated: Ipv4Addr, to: SocketAddr) -> Self {
        let socket = UdpSocket::bind((translated, 0)).expect("an address of this machine");
        socket.connect(to).expect("loopback has a route");
        socket.set_read_timeout(Some(LOOK)).expect("a positive time-out");
        let port = socket.local_addr().expect("it is bound").port() ^ 1;
        let me = SocketAddr::from((believed, port)).to_string();
        Self { channel: Channel::Datagrams(socket), transport: "UDP", me, serial: 0 }
    }

    /// A TCP connection to `to`.
    ///
    /// # Panics
    /// When nobody listens there.
    pub fn tcp(to: SocketAddr) -> Self {
        Self::over_tcp(TcpStream::connect(to).expect("the PBX listens"))
    }

    /// A TCP connection that somebody made to us.
    ///
    /// # Panics
    /// When it has ended already.
    pub fn over_tcp(stream: TcpStream) -> Self {
        let me = looked_at(&stream);
        Self { channel: Channel::Stream(Box::new(stream), Vec::new()), transport: "TCP", me, serial: 0 }
    }

    /// A connection that somebody made to us, with TLS around it as soon as the first bytes are read.
    ///
    /// # Panics
    /// When it has ended already.
    pub fn over_tls(stream: TcpStream, config: Arc<ServerConfig>) -> Self {
        let me = looked_at(&stream);
        let connection = ServerConnection::new(config).expect("a server can begin");
        let secured = StreamOwned::new(connection, stream);
        Self { channel: Channel::Stream(Box::new(secured), Vec::new()), transport: "TLS", me, serial: 0 }
    }

    /// A WebSocket to `to`, as a browser opens it: it cannot tell its own address.
    ///
    /// # Panics
    /// When nobody there speaks SIP over WebSocket.
    pub fn websocket(to: SocketAddr) -> Self {
        let stream = TcpStream::connect(to).expect("the PBX listens");
        let mut request = format!("ws://{to}/").into_client_request().expect("a URL");
        request.headers_mut().insert("Sec-WebSocket-Protocol", HeaderValue::from_static("sip"));
        let (socket, _) = tungstenite::client(request, stream).expect("the PBX speaks WebSocket");
        looked_at(socket.get_ref());
        let me = "df7jal23ls0d.invalid".to_owned();
        Self { channel: Channel::WebSocket(Box::new(socket)), transport: "WS", me, serial: 0 }
    }

    /// Its own address.
    ///
    /// # Panics
    /// When it is a browser, which does not know it.
    pub fn address(&self) -> SocketAddr {
        self.me.parse().expect("an address")
    }

    /// Its Contact.
    pub fn contact(&self) -> String {
        format!("<sip:line@{};transport={}>", self.me, self.transport.to_ascii_lowercase())
    }

    /// Sends one message.
    ///
    /// # Panics
    /// When the other side has closed.
    pub fn send(&mut self, message: &str) {
        let sent = match &mut self.channel {
            Channel::Datagrams(socket) => socket.send(message.as_bytes()).map(drop),
            Channel::Stream(stream, _) => stream.write_all(message.as_bytes()).and_then(|()| stream.flush()),
            Channel::WebSocket(socket) => socket.send(Message::text(message)).map_err(io::Error::other),
        };
        sent.unwrap_or_else(|error| panic!("{} {}: {error}", self.transport, self.me));
    }

    /// A request outside of any dialog, with a fresh Call-ID, tag and branch; `extra` are further header lines, each with its line
    /// end.
    pub fn request(&mut self, method: &str, uri: &str, extra: &str, body: &str) -> String {
        self.serial += 1;
        let (transport, me, serial) = (self.transport, &self.me, self.serial);
        let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        let unique = format!("{serial}-{}", me.replace([':', '.', '[', ']'], "-"));
        format!(
            "{method} {uri} SIP/2.0\r\n\
             Via: SIP/2.0/{transport} {me};branch=z9hG4bK-{unique};rport\r\n\
             Max-Forwards: 70\r\nFrom: <sip:line@cordboard>;tag=from-{unique}\r\nTo: <{uri}>\r\n\
             Call-ID: call-{unique}\r\nCSeq: 1 {method}\r\nContact: {}\r\n{extra}{kind}Content-Length: {}\r\n\r\n{body}",
            self.contact(),
            body.len()
        )
    }

    /// Answers a request, with the tag and Contact of this line.
    pub fn respond(&mut self, request: &str, status_line: &str, body: &str) {
        let mut answer = format!("SIP/2.0 {status_line}\r\n");
        for name in ["Via", "From", "To", "Call-ID", "CSeq"] {
            for value in headers(request, name) {
                let tag = if name == "To" && !value.contains(";tag=") { ";tag=line" } else { "" };
                answer += &format!("{name}: {value}{tag}\r\n");
            }
        }
        let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        answer +=
            &format!("Contact: {}\r\n{kind}Content-Length: {}\r\n\r\n{body}", self.contact(), body.len());
        self.send(&answer);
    }

    /// The next message for which `wanted` is true; others are dropped.
    ///
    /// # Panics
    /// When none comes.
    #[track_caller]
    pub fn receive(&mut self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        let mut others = Vec::new();
        let found = clock::wait(PATIENCE, &mut || {
            let message = self.look()?;
            if wanted(&message) {
                return Some(message);
            }
            others.push(message.lines().next().unwrap_or_default().to_owned());
            None
        });
        found.unwrap_or_else(|| panic!("{} expected {what}, received only {others:?}", self.transport))
    }

    /// The next request with this method.
    #[track_caller]
    pub fn asked(&mut self, method: &str) -> String {
        self.receive(method, |message| message.starts_with(&format!("{method} ")))
    }

    /// The final response to a request of ours.
    #[track_caller]
    pub fn final_response(&mut self, request: &str) -> String {
        let (call, cseq) = (header(request, "Call-ID"), header(request, "CSeq"));
        self.receive("a final response", |message| {
            let ours = header(message, "Call-ID") == call && header(message, "CSeq") == cseq;
            ours && status(message).is_some_and(|status| status >= 200)
        })
    }

    /// Registers `user` with this line as its contact.
    #[track_caller]
    pub fn register(&mut self, user: &str, pbx: SocketAddr) {
        let register = self.request("REGISTER", &format!("sip:{pbx}"), "Expires: 300\r\n", "");
        let register = register.replace(&format!("To: <sip:{pbx}>"), &format!("To: <sip:{user}@{pbx}>"));
        self.send(&register);
        let answer = self.final_response(&register);
        assert_eq!(status(&answer), Some(200), "{answer}");
    }

    /// Takes the 200 to an INVITE of ours and confirms it.
    #[track_caller]
    pub fn is_answered(&mut self, invite: &str) -> Talk {
        let answer = self.final_response(invite);
        assert_eq!(status(&answer), Some(200), "{answer}");
        let of = |name| header(&answer, name).unwrap_or_else(|| panic!("no {name} in {answer}")).to_owned();
        let contact = of("Contact");
        let uri = contact.split(['<', '>']).nth(1).unwrap_or(&contact).to_owned();
        let body = answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default();
        let talk = Talk { uri, from: of("From"), to: of("To"), call_id: of("Call-ID"), answer: body };
        self.asks(&talk, "ACK", 1, "");
        talk
    }

    /// The dialog that an INVITE made which this line answered.
    ///
    /// # Panics
    /// When the INVITE makes none.
    pub fn talk_of(&self, invite: &str) -> Talk {
        let of = |name| header(invite, name).unwrap_or_else(|| panic!("no {name} in {invite}")).to_owned();
        let uri = of("Contact").split(['<', '>']).nth(1).expect("a Contact in brackets").to_owned();
        let from = format!("{};tag=line", of("To"));
        Talk { uri, from, to: of("From"), call_id: of("Call-ID"), answer: String::new() }
    }

    /// Sends a request within a dialog.
    pub fn asks(&mut self, talk: &Talk, method: &str, cseq: u32, body: &str) -> String {
        let request = self.within(talk, method, cseq, body);
        self.send(&request);
        request
    }

    /// Offers something else in a dialog, and confirms the 200.
    ///
    /// # Panics
    /// When the other side does not take it.
    #[track_caller]
    pub fn offers(&mut self, talk: &Talk, cseq: u32, sdp: &str) {
        let invite = self.asks(talk, "INVITE", cseq, sdp);
        let answer = self.final_response(&invite);
        assert_eq!(status(&answer), Some(200), "{answer}");
        self.asks(talk, "ACK", cseq, "");
    }

    /// Hangs up as the caller.
    #[track_caller]
    pub fn hang_up(&mut self, talk: &Talk) -> String {
        self.asks(talk, "BYE", 2, "")
    }

    fn within(&mut self, talk: &Talk, method: &str, cseq: u32, body: &str) -> String {
        self.serial += 1;
        let (transport, me, serial) = (self.transport, &self.me, self.serial);
        let Talk { uri, from, to, call_id, .. } = talk;
        let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        format!(
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/{transport} {me};branch=z9hG4bK-in-{call_id}-{serial};rport\r\n\
             Max-Forwards: 70\r\nFrom: {from}\r\nTo: {to}\r\nCall-ID: {call_id}\r\nCSeq: {cseq} {method}\r\n\
             Contact: {}\r\n{kind}Content-Length: {}\r\n\r\n{body}",
            self.contact(),
            body.len()
        )
    }

    /// The next message that comes within this time, if one does and the connection lasts.
    pub fn look_for(&mut self, limit: Duration) -> Option<String> {
        clock::wait(limit, &mut || self.look())
    }

    /// The next message, if one comes within a moment.
    fn look(&mut self) -> Option<String> {
        let mut buffer = [0; 65_535];
        match &mut self.channel {
            Channel::Datagrams(socket) => {
                let size = socket.recv(&mut buffer).ok()?;
                Some(String::from_utf8_lossy(&buffer[..size]).into_owned())
            }
            Channel::Stream(stream, received) => loop {
                if let Some(message) = take_message(received) {
                    return Some(message);
                }
                let size = stream.read(&mut buffer).ok().filter(|size| *size > 0)?;
                received.extend_from_slice(&buffer[..size]);
            },
            Channel::WebSocket(socket) => match socket.read().ok()? {
                Message::Text(text) => Some(text.to_string()),
                Message::Binary(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
                _ => None,
            },
        }
    }
}

/// Makes reading return after a moment. Gives the address of this end.
fn looked_at(stream: &TcpStream) -> String {
    stream.set_read_timeout(Some(LOOK)).expect("a positive time-out");
    stream.set_nodelay(true).expect("an open connection can be tuned");
    stream.local_addr().expect("an open connection has an address").to_string()
}

/// Cuts the first whole message off, by its Content-Length.
fn take_message(received: &mut Vec<u8>) -> Option<String> {
    let end = received.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&received[..end]).into_owned();
    let body: usize = header(&head, "Content-Length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let whole = received.get(..end + body)?;
    let message = String::from_utf8_lossy(whole).into_owned();
    received.drain(..end + body);
    Some(message)
}
