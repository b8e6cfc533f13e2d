//! TLS servers that we know by name.
//!
//! A certificate is for a name, and a flow knows only an address. So the resolver gives the flow to a TLS server a
//! [`ConnectionId`] that stands for both: whatever connection there is to this address, verified for this name. The same address
//! under another name is another server.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use cordboard_sip::transport::ConnectionId;

/// Servers remembered at once: names come from plugins, which may make them up. The one that was met first is forgotten first; a
/// flow to it fails then, and its next call looks it up anew.
const MAX_SERVERS: usize = 4096;

/// Ids of servers begin here; those of connections count up from 1 and never come so far.
const FIRST: u64 = 1 << 63;

/// Address and name of a server.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Server {
    /// Where it is.
    pub(super) address: SocketAddr,
    /// What its certificate has to be for.
    pub(super) name: Arc<str>,
}

/// The servers met so far. Written by the resolver, read by signalling; the lock is held for one look only.
#[derive(Debug, Default)]
pub(crate) struct Servers(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    given: u64,
    by_id: BTreeMap<ConnectionId, Server>,
    ids: BTreeMap<Server, ConnectionId>,
}

impl Servers {
    /// The id that stands for the server with this name at this address.
    pub(crate) fn id(&self, address: SocketAddr, name: &str) -> ConnectionId {
        let server = Server { address, name: name.to_ascii_lowercase().into() };
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(id) = table.ids.get(&server) {
            return *id;
        }
        if table.by_id.len() >= MAX_SERVERS
            && let Some((_, forgotten)) = table.by_id.pop_first()
        {
            table.ids.remove(&forgotten);
        }
        let id = ConnectionId(FIRST + table.given);
        table.given += 1;
        table.by_id.insert(id, server.clone());
        table.ids.insert(server, id);
        id
    }

    /// The server that an id stands for.
    pub(super) fn get(&self, id: ConnectionId) -> Option<Server> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).by_id.get(&id).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_at_an_address_is_one_server_and_the_table_is_bounded() {
        let servers = Servers::default();
        let address = |port| SocketAddr::from(([192, 0, 2, 7], port));
        let first = servers.id(address(5061), "Trunk.example");
        assert_eq!(servers.id(address(5061), "trunk.example"), first);
        assert_ne!(servers.id(address(5061), "other.example"), first);
        assert_ne!(servers.id(address(5062), "trunk.example"), first);
        assert_eq!(servers.get(first).map(|server| &*server.name == "trunk.example"), Some(true));
        for number in 0..MAX_SERVERS {
            servers.id(address(5061), &format!("{number}.example"));
        }
        assert!(servers.get(first).is_none(), "it was met first");
        assert_ne!(servers.id(address(5061), "trunk.example"), first, "an id never means two servers");
    }
}
