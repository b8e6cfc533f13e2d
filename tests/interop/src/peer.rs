//! A peer that sends whatever bytes a test wants, and shows what comes back.
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use crate::clock::{self, PATIENCE};

/// A UDP socket with enough SIP to place a call by hand.
pub struct Peer {
    socket: UdpSocket,
    to: SocketAddr,
    serial: u32,
}

impl Peer {
    /// A peer at any port of an address of this machine (all of 127/8 is), which talks to `to`.
    ///
    /// # Panics
    /// When there is no such address.
    pub fn new(address: Ipv4Addr, to: SocketAddr) -> Self {
        let socket = UdpSocket::bind((address, 0)).expect("an address of this machine");
        socket.set_read_timeout(Some(Duration::from_millis(50))).expect("a positive time-out");
        Self { socket, to, serial: 0 }
    }

    /// Its own address.
    pub fn address(&self) -> SocketAddr {
        self.socket.local_addr().expect("a bound socket has an address")
    }

    /// Sends these bytes as one datagram.
    ///
    /// # Panics
    /// When the kernel refuses them.
    pub fn send(&self, bytes: impl AsRef<[u8]>) {
        self.socket.send_to(bytes.as_ref(), self.to).expect("loopback takes a datagram");
    }

    /// A complete request outside of any dialog, with fresh Call-ID, tag and branch; `extra` are further header lines, each
    /// with its line end.
    pub fn request(&mut self, method: &str, user: &str, extra: &str) -> String {
        self.serial += 1;
        let (me, to, serial) = (self.address(), self.to, self.serial);
        format!(
            "{method} sip:{user}@{to} SIP/2.0\r\n\
             Via: SIP/2.0/UDP {me};branch=z9hG4bK-{serial}-{port};rport\r\n\
             Max-Forwards: 70\r\n\
             From: <sip:peer@{to}>;tag=from-{serial}\r\n\
             To: <sip:{user}@{to}>\r\n\
             Call-ID: peer-{serial}@{me}\r\n\
             CSeq: 1 {method}\r\n\
             Contact: <sip:peer@{me}>\r\n\
             {extra}Content-Length: 0\r\n\r\n",
            port = me.port()
        )
    }

    /// An INVITE with an offer for G.711.
    pub fn invite(&mut self, user: &str) -> String {
        let IpAddr::V4(ip) = self.address().ip() else { unreachable!("peers are made with an IPv4 address") };
        let sdp = format!(
            "v=0\r\no=peer 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio 6000 RTP/AVP 0\r\n\
             a=rtpmap:0 PCMU/8000\r\n"
        );
        let head = self.request("INVITE", user, "Content-Type: application/sdp\r\n");
        head.replace("Content-Length: 0\r\n\r\n", &format!("Content-Length: {}\r\n\r\n{sdp}", sdp.len()))
    }

    /// The ACK for a final response of 300 and above to `invite`.
    pub fn acknowledge(&self, invite: &str, response: &str) {
        let line = |name| format!("{name}: {}\r\n", header(invite, name).unwrap_or_default());
        let uri = invite.split(' ').nth(1).unwrap_or_default();
        let to = header(response, "To").unwrap_or_default();
        self.send(format!(
            "ACK {uri} SIP/2.0\r\n{}{}{}To: {to}\r\n{}CSeq: 1 ACK\r\nContent-Length: 0\r\n\r\n",
            line("Via"),
            line("Max-Forwards"),
            line("From"),
            line("Call-ID"),
        ));
    }

    /// The next datagram, if one comes within a moment.
    pub fn receive_soon(&self) -> Option<String> {
        let mut buffer = [0; 65_535];
        let (size, _) = self.socket.recv_from(&mut buffer).ok()?;
        Some(String::from_utf8_lossy(&buffer[..size]).into_owned())
    }

    /// The next message for which `wanted` is true; others are dropped.
    ///
    /// # Panics
    /// When none comes.
    #[track_caller]
    pub fn receive(&self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        let mut others = Vec::new();
        let found = clock::wait(PATIENCE, &mut || {
            let message = self.receive_soon()?;
            if wanted(&message) {
                return Some(message);
            }
            others.push(message.lines().next().unwrap_or_default().to_owned());
            None
        });
        found.unwrap_or_else(|| panic!("expected {what}, received only {others:?}"))
    }

    /// The final response to a request that was made by [`Self::request`] or [`Self::invite`].
    #[track_caller]
    pub fn final_response(&self, request: &str) -> String {
        let call = header(request, "Call-ID");
        self.receive("a final response", |message| {
            header(message, "Call-ID") == call && status(message).is_some_and(|status| status >= 200)
        })
    }

    /// Sends a request and waits for its final response.
    #[track_caller]
    pub fn ask(&mut self, method: &str, user: &str, extra: &str) -> String {
        let request = self.request(method, user, extra);
        self.send(&request);
        self.final_response(&request)
    }
}

/// The status of a response.
pub fn status(message: &str) -> Option<u16> {
    message.strip_prefix("SIP/2.0 ")?.get(..3)?.parse().ok()
}

/// The first header with this full name.
pub fn header<'m>(message: &'m str, name: &str) -> Option<&'m str> {
    headers(message, name).next()
}

/// All headers with this full name, in their order.
pub fn headers<'m>(message: &'m str, name: &str) -> impl Iterator<Item = &'m str> {
    let head = message.split("\r\n\r\n").next().unwrap_or_default();
    head.lines().skip(1).filter_map(move |line| {
        let (found, value) = line.split_once(':')?;
        found.trim().eq_ignore_ascii_case(name).then_some(value.trim())
    })
}
