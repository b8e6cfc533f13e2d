//! What this node can send with.

use std::net::{IpAddr, SocketAddr};

use crate::transport::Transport;

/// A family of IP addresses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Family {
    /// 32 bits.
    V4,
    /// 128 bits.
    V6,
}

impl Family {
    /// That of an address.
    pub const fn of(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }
}

/// The transports of this node, each with the families that it has them for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reach(Vec<(Transport, Family)>);

impl Reach {
    /// That of a node with these listeners. WebSocket listeners do not count: nobody is called over a new WebSocket.
    pub fn of_listeners(listeners: impl IntoIterator<Item = (Transport, SocketAddr)>) -> Self {
        let ways = listeners.into_iter().map(|(transport, address)| (transport, Family::of(address.ip())));
        let dialled = |(transport, _): &(Transport, Family)| {
            matches!(transport, Transport::Udp | Transport::Tcp | Transport::Tls)
        };
        Self(ways.filter(dialled).collect())
    }

    /// Whether requests can be sent with this transport at all.
    pub fn sends(&self, transport: Transport) -> bool {
        self.0.iter().any(|way| way.0 == transport)
    }

    /// Whether requests can be sent with this transport to addresses of this family.
    pub fn has(&self, transport: Transport, family: Family) -> bool {
        self.0.contains(&(transport, family))
    }

    /// Whether requests can be sent with this transport to this address.
    pub(super) fn reaches(&self, transport: Transport, ip: IpAddr) -> bool {
        self.has(transport, Family::of(ip))
    }
}
