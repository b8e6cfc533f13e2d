//! The stream connections there are, and their bounds.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use cordboard_sip::transport::{ConnectionId, Flow};
use tokio::sync::mpsc;

use crate::config::StreamLimits;

/// Every connection of the process.
pub(super) struct Streams {
    limits: StreamLimits,
    /// Counts up; `ConnectionId::NONE` is 0 and never given.
    last: u64,
    open: BTreeMap<ConnectionId, Open>,
    /// The connection that reaches a peer, for flows that name none. The newest one wins.
    by_remote: BTreeMap<SocketAddr, ConnectionId>,
    per_source: BTreeMap<IpAddr, usize>,
}

/// One connection, from before it is connected until its task ends.
struct Open {
    remote: SocketAddr,
    writes: mpsc::Sender<Bytes>,
}

/// How to reach a peer.
pub(super) enum Way {
    /// Over this connection.
    Open(ConnectionId),
    /// Over a new one.
    Connect,
    /// The connection that the flow names is gone.
    Closed,
}

/// What the task of a connection needs.
pub(super) struct Ticket {
    /// The flow of everything that arrives; `connection` names the connection.
    pub(super) flow: Flow,
    /// The flow that asked for this connection, which knew no connection yet.
    pub(super) asked_by: Option<Flow>,
    /// Messages to write.
    pub(super) writes: mpsc::Receiver<Bytes>,
    /// To queue answers to keep-alives with.
    pub(super) answers: mpsc::WeakSender<Bytes>,
    /// Bounds.
    pub(super) limits: StreamLimits,
}

impl Streams {
    /// None yet.
    pub(super) fn new(limits: StreamLimits) -> Self {
        let (open, by_remote, per_source) = Default::default();
        Self { limits, last: ConnectionId::NONE.0, open, by_remote, per_source }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    /// How the peer of a flow is reached.
    pub(super) fn way(&self, flow: &Flow) -> Way {
        if flow.connection != ConnectionId::NONE {
            let open = self.open.contains_key(&flow.connection);
            return if open { Way::Open(flow.connection) } else { Way::Closed };
        }
        self.by_remote.get(&flow.remote).map_or(Way::Connect, |id| Way::Open(*id))
    }

    /// Queues a message. `false` when the queue is full, which cuts the connection, or when it is already closing.
    pub(super) fn write(&mut self, id: ConnectionId, bytes: Bytes) -> bool {
        let Some(open) = self.open.get(&id) else { return false };
        let queued = open.writes.try_send(bytes).is_ok();
        if !queued {
            self.close(id);
        }
        queued
    }

    /// A peer has connected. `None` when that breaks a limit.
    pub(super) fn accepted(&mut self, flow: Flow) -> Option<Ticket> {
        let source = self.per_source.get(&flow.remote.ip()).copied().unwrap_or_default();
        if source >= self.limits.max_per_source {
            return None;
        }
        self.add(flow, None)
    }

    /// A connection to the peer of `flow` is to be made, with a first message to write. `None` when that breaks a limit.
    pub(super) fn begin(&mut self, flow: Flow, first: Bytes) -> Option<Ticket> {
        let ticket = self.add(flow, Some(flow))?;
        let queued = self.write(ticket.flow.connection, first);
        queued.then_some(ticket)
    }

    fn add(&mut self, flow: Flow, asked_by: Option<Flow>) -> Option<Ticket> {
        if self.open.len() >= self.limits.max_connections {
            return None;
        }
        self.last += 1;
        let id = ConnectionId(self.last);
        let (sender, writes) = mpsc::channel(self.limits.write_queue);
        let answers = sender.downgrade();
        self.open.insert(id, Open { remote: flow.remote, writes: sender });
        self.by_remote.insert(flow.remote, id);
        *self.per_source.entry(flow.remote.ip()).or_default() += 1;
        let flow = Flow { connection: id, ..flow };
        Some(Ticket { flow, asked_by, writes, answers, limits: self.limits.clone() })
    }

    /// Forgets a connection; its task ends when it finds its queue closed.
    pub(super) fn close(&mut self, id: ConnectionId) {
        let Some(open) = self.open.remove(&id) else { return };
        if self.by_remote.get(&open.remote) == Some(&id) {
            self.by_remote.remove(&open.remote);
        }
        let source = open.remote.ip();
        if let Some(count) = self.per_source.get_mut(&source) {
            *count -= 1;
            if *count == 0 {
                self.per_source.remove(&source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use cordboard_sip::Transport;

    use super::*;

    fn streams(max_connections: usize, max_per_source: usize) -> Streams {
        let s = Duration::from_secs(1);
        Streams::new(StreamLimits {
            max_connections,
            max_per_source,
            message_timeout: s,
            idle_timeout: s,
            connect_timeout: s,
            write_queue: 2,
        })
    }

    fn flow(remote: &str) -> Flow {
        let address = |text: &str| text.parse().expect("an address");
        let (local, remote) = (address("192.0.2.1:5060"), address(remote));
        Flow { transport: Transport::Tcp, local, remote, connection: ConnectionId::NONE }
    }

    #[test]
    fn one_source_cannot_take_every_connection() {
        let mut streams = streams(10, 2);
        assert!(streams.accepted(flow("192.0.2.7:1")).is_some());
        let second = streams.accepted(flow("192.0.2.7:2")).expect("two are allowed");
        assert!(streams.accepted(flow("192.0.2.7:3")).is_none());
        assert!(streams.accepted(flow("192.0.2.8:1")).is_some());
        streams.close(second.flow.connection);
        assert!(streams.accepted(flow("192.0.2.7:3")).is_some());
    }

    #[test]
    fn all_sources_together_are_bounded() {
        let mut streams = streams(2, 2);
        assert!(streams.accepted(flow("192.0.2.7:1")).is_some());
        assert!(streams.accepted(flow("192.0.2.8:1")).is_some());
        assert!(streams.accepted(flow("192.0.2.9:1")).is_none());
        assert!(streams.begin(flow("192.0.2.9:5060"), Bytes::new()).is_none());
    }

    #[test]
    fn a_flow_without_a_connection_finds_the_one_to_its_peer() {
        let mut streams = streams(10, 10);
        assert!(matches!(streams.way(&flow("192.0.2.7:5060")), Way::Connect));
        let ticket = streams.begin(flow("192.0.2.7:5060"), Bytes::new()).expect("there is room");
        let id = ticket.flow.connection;
        assert!(matches!(streams.way(&flow("192.0.2.7:5060")), Way::Open(found) if found == id));
        streams.close(id);
        assert!(matches!(streams.way(&flow("192.0.2.7:5060")), Way::Connect));
        assert!(matches!(streams.way(&ticket.flow), Way::Closed));
    }

    #[test]
    fn a_peer_that_does_not_read_is_cut_when_its_queue_is_full() {
        let mut streams = streams(10, 10);
        let ticket = streams.accepted(flow("192.0.2.7:1")).expect("there is room");
        let id = ticket.flow.connection;
        assert!(streams.write(id, Bytes::new()) && streams.write(id, Bytes::new()));
        assert!(!streams.write(id, Bytes::new()));
        assert_eq!(streams.len(), 0);
    }
}
