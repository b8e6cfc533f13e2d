//! Callers whose calls make a plugin misbehave: the routing plugin of the tests does what the dialled name says.
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use crate::call::Delays;
use crate::message;

/// What a dialled name makes that plugin do.
pub const MISBEHAVIOUR: [&str; 5] = ["trap", "spin", "bomb", "overflow", "flood"];

/// How long a caller waits for its final response.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the callers saw.
#[derive(Clone, Debug, Default)]
pub struct Storm {
    /// Calls that were placed.
    pub placed: usize,
    /// From INVITE to the final response, of those that had one.
    pub answered: Delays,
}

impl Storm {
    /// Places `count` calls for each misbehaviour, one after the other, with `pause` between them.
    ///
    /// # Panics
    /// When loopback has no free port.
    #[expect(clippy::disallowed_methods, reason = "the load program lives in real time")]
    pub fn run(pbx: SocketAddr, count: usize, pause: Duration) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has free ports");
        socket.set_read_timeout(Some(PATIENCE)).expect("a socket can wait");
        let mut answered = Vec::new();
        for number in 0..count * MISBEHAVIOUR.len() {
            let name = MISBEHAVIOUR[number % MISBEHAVIOUR.len()];
            let begin = Instant::now();
            if call(&socket, pbx, name, number).is_some() {
                answered.push(begin.elapsed());
            }
            cordboard_interop::pause(pause);
        }
        Self { placed: count * MISBEHAVIOUR.len(), answered: answered.into_iter().collect() }
    }
}

/// The final status of one call, acknowledged.
fn call(socket: &UdpSocket, pbx: SocketAddr, name: &str, number: usize) -> Option<u16> {
    let me = socket.local_addr().ok()?;
    let request = |method: &str, to_tag: &str| {
        format!(
            "{method} sip:{name}@{pbx} SIP/2.0\r\nVia: SIP/2.0/UDP {me};branch=z9hG4bK-storm-{number};rport\r\n\
             Max-Forwards: 70\r\nFrom: <sip:1000@{pbx}>;tag=s{number}\r\nTo: <sip:{name}@{pbx}>{to_tag}\r\n\
             Call-ID: storm-{number}@load\r\nCSeq: 1 {method}\r\nContact: <sip:1000@{me}>\r\nContent-Length: 0\r\n\r\n"
        )
    };
    socket.send_to(request("INVITE", "").as_bytes(), pbx).ok()?;
    let mut buffer = [0; 4096];
    loop {
        let length = socket.recv(&mut buffer).ok()?;
        let response = String::from_utf8_lossy(&buffer[..length]);
        let is_ours = message::header(&response, "Call-ID") == Some(&format!("storm-{number}@load"));
        let status = message::status(&response).filter(|status| is_ours && *status >= 200);
        let Some(status) = status else { continue };
        let (_, tag) = message::header(&response, "To")?.split_once(";tag=")?;
        socket.send_to(request("ACK", &format!(";tag={tag}")).as_bytes(), pbx).ok()?;
        return Some(status);
    }
}
