//! Which transactions travel on a flow that fails.
use std::collections::BTreeSet;

use super::hash::{Fingerprint, KeyedHash};
use super::schedule::TransactionId;
use crate::transport::{ConnectionId, Flow};

/// The transactions by the peer they talk to.
#[derive(Debug, Default)]
pub(crate) struct FlowIndex {
    entries: BTreeSet<(Fingerprint, TransactionId)>,
}

impl FlowIndex {
    /// Remembers that `id` travels on `flow`.
    pub(crate) fn insert(&mut self, hash: &KeyedHash, flow: &Flow, id: TransactionId) {
        self.entries.insert((peer(hash, flow), id));
    }

    /// Forgets it.
    pub(crate) fn remove(&mut self, hash: &KeyedHash, flow: &Flow, id: TransactionId) {
        self.entries.remove(&(peer(hash, flow), id));
    }

    /// Those that talk to the same peer over the same transport, oldest first. Not each of them is on the same
    /// connection: see [`is_hit_by`].
    pub(crate) fn with_peer(&self, hash: &KeyedHash, flow: &Flow) -> Vec<TransactionId> {
        let wanted = peer(hash, flow);
        let first = (wanted, TransactionId::Client(crate::transaction::ClientTransactionId(0)));
        self.entries.range(first..).take_while(|(peer, _)| *peer == wanted).map(|(_, id)| *id).collect()
    }
}

/// Whether what travels on `flow` is hit when `failed` fails. A stream flow without a connection stands for whichever
/// connection the driver has to that address.
pub(crate) fn is_hit_by(flow: &Flow, failed: &Flow) -> bool {
    let same_peer = flow.transport == failed.transport && flow.remote == failed.remote;
    let same_path = if flow.transport.is_reliable() {
        let any = [flow.connection, failed.connection].contains(&ConnectionId::NONE);
        any || flow.connection == failed.connection
    } else {
        flow.local == failed.local
    };
    same_peer && same_path
}

/// The peer of a flow.
pub(crate) fn peer(hash: &KeyedHash, flow: &Flow) -> Fingerprint {
    let octets = match flow.remote.ip() {
        std::net::IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
        std::net::IpAddr::V6(ip) => ip.octets(),
    };
    hash.fingerprint(&[flow.transport.name().as_bytes(), &octets, &flow.remote.port().to_be_bytes()])
}
