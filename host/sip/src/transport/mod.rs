//! Where messages come from and go to: flows, Via with `received` and `rport` (RFC 3581), stream framing.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use crate::message::Via;

pub mod framing;

/// A SIP transport (RFC 3261 §18, RFC 7118).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Transport {
    /// Datagrams.
    Udp,
    /// A stream.
    Tcp,
    /// TLS over TCP.
    Tls,
    /// WebSocket.
    Ws,
    /// WebSocket over TLS.
    Wss,
}

impl Transport {
    /// Whether the transport delivers by itself, so that transactions do not resend (RFC 3261 §17.1.1.2).
    pub const fn is_reliable(self) -> bool {
        !matches!(self, Self::Udp)
    }

    /// The token in Via, such as `UDP`.
    pub const fn via_token(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
            Self::Ws => "WS",
            Self::Wss => "WSS",
        }
    }

    /// The port that is meant when none is written (RFC 3261 §19.1.2).
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Udp | Self::Tcp => 5060,
            Self::Tls => 5061,
            Self::Ws => 80,
            Self::Wss => 443,
        }
    }

    /// The lower-case name, as in `;transport=` and in logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Ws => "ws",
            Self::Wss => "wss",
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Names one stream connection of this process.
///
/// `NONE` on a datagram flow, and on a stream flow that the driver should open, or find by its remote address.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct ConnectionId(pub u64);

impl ConnectionId {
    /// No connection yet.
    pub const NONE: Self = Self(0);
}

/// The two addresses that messages travel between, and the connection that carries them (RFC 5626 calls it a flow).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Flow {
    /// UDP, TCP...
    pub transport: Transport,
    /// Our concrete address (never the wildcard) and listening port.
    pub local: SocketAddr,
    /// The peer.
    pub remote: SocketAddr,
    /// The stream connection.
    pub connection: ConnectionId,
}

impl Flow {
    /// A UDP flow.
    pub const fn udp(local: SocketAddr, remote: SocketAddr) -> Self {
        Self { transport: Transport::Udp, local, remote, connection: ConnectionId::NONE }
    }
}

/// Bytes for the driver to send.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Transmit {
    /// Where to.
    pub flow: Flow,
    /// One whole message.
    pub bytes: bytes::Bytes,
}

/// Where the response to a request goes that came over `flow` with `via` on top (RFC 3261 §18.2.2, RFC 3581 §4): back over
/// the stream, else to the source when the peer asks by `rport`, else to the port in sent-by.
pub(crate) fn response_flow(via: &Via<'_>, flow: &Flow) -> Flow {
    if flow.transport.is_reliable() {
        return *flow;
    }
    let port = via.port.unwrap_or(flow.transport.default_port());
    let remote = match via.param("maddr").and_then(ip_literal) {
        Some(maddr) => SocketAddr::new(maddr, port),
        None if via.param("rport").is_some() => flow.remote,
        None => SocketAddr::new(flow.remote.ip(), port),
    };
    Flow { remote, ..*flow }
}

/// The Via that we put on top of a request (RFC 3261 §18.1.1); `rport` asks for symmetric responses (RFC 3581 §3).
pub(crate) fn via_value(flow: &Flow, branch: &[u8]) -> Vec<u8> {
    let token = flow.transport.via_token();
    let port = flow.local.port();
    let mut value = match flow.local.ip() {
        IpAddr::V4(ip) => format!("SIP/2.0/{token} {ip}:{port};branch="),
        IpAddr::V6(ip) => format!("SIP/2.0/{token} [{ip}]:{port};branch="),
    }
    .into_bytes();
    value.extend_from_slice(branch);
    value.extend_from_slice(b";rport");
    value
}

/// Whether sent-by is what [`via_value`] writes for `flow` (RFC 3261 §18.1.2).
pub(crate) fn is_sent_by(via: &Via<'_>, flow: &Flow) -> bool {
    ip_literal(via.host) == Some(flow.local.ip())
        && via.port.unwrap_or(flow.transport.default_port()) == flow.local.port()
}

/// An IP address as written in a header, with or without brackets.
fn ip_literal(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?;
    text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text).parse().ok()
}
