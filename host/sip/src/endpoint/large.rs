//! Requests that are too large for a datagram (RFC 3261 §18.1.1).
//!
//! Fragments of a datagram are lost more often, and some address translators drop them all. A large request therefore goes over TCP
//! to the same address; when that cannot be had, it goes as a datagram after all. Here and not with the user, so that calls know one
//! flow to a peer, however large each request is.
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::EndpointSettings;
use super::flows::peer;
use super::hash::{Fingerprint, KeyedHash};
use crate::transport::{ConnectionId, Flow, Transport};

/// How long a peer that took no TCP connection is not asked for one again. A phone behind address translation never takes one, and
/// its callers should not wait for that more than once.
const REMEMBERED_FOR: Duration = Duration::from_secs(600);

/// Such peers remembered at once.
const MAX_REMEMBERED: usize = 4096;

/// What is sent when the connection cannot be had.
#[derive(Debug)]
pub(crate) struct Datagram {
    /// Where to.
    pub(crate) flow: Flow,
    /// The same request with a Via for this flow.
    pub(crate) bytes: Bytes,
}

/// The peers that took no connection, and until when that is believed.
#[derive(Debug, Default)]
pub(crate) struct LargeRequests {
    refused: BTreeMap<Fingerprint, Instant>,
}

impl LargeRequests {
    /// The flow over which a request of `size` bytes goes instead of `flow`, if it does.
    pub(crate) fn instead_of(
        &mut self,
        settings: &EndpointSettings,
        hash: &KeyedHash,
        now: Instant,
        flow: &Flow,
        size: usize,
    ) -> Option<Flow> {
        if flow.transport != Transport::Udp || size <= settings.max_datagram {
            return None;
        }
        let peer = peer(hash, flow);
        if self.refused.get(&peer).is_some_and(|until| *until > now) {
            return None;
        }
        self.refused.remove(&peer);
        let listening = settings.tcp.iter().find(|listening| serves(listening, flow))?;
        let local = SocketAddr::new(flow.local.ip(), listening.port());
        Some(Flow { transport: Transport::Tcp, local, connection: ConnectionId::NONE, ..*flow })
    }

    /// The peer of this datagram flow took no connection.
    pub(crate) fn refused(&mut self, hash: &KeyedHash, now: Instant, flow: &Flow) {
        if self.refused.len() >= MAX_REMEMBERED {
            self.refused.clear();
        }
        self.refused.insert(peer(hash, flow), now + REMEMBERED_FOR);
    }
}

/// Whether a TCP listener takes connections at our address of `flow`: the peer may connect to what Via says (§18.2.2).
fn serves(listening: &SocketAddr, flow: &Flow) -> bool {
    let any = listening.ip().is_unspecified() && listening.is_ipv4() == flow.local.is_ipv4();
    any || listening.ip() == flow.local.ip()
}
