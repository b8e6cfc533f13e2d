//! The stream connections there are, and their bounds.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use cordboard_sip::Transport;
use cordboard_sip::transport::{ConnectionId, Flow};
use tokio::sync::mpsc;

use super::servers::Servers;
use crate::config::StreamLimits;

/// Bytes that may wait for one peer, besides `write_queue` messages: many times what a phone is ever sent at once.
const MAX_QUEUED_BYTES: usize = 1024 * 1024;

/// Every connection of the process.
pub(super) struct Streams {
    limits: StreamLimits,
    /// Counts up; `ConnectionId::NONE` is 0 and never given.
    last: u64,
    open: BTreeMap<ConnectionId, Open>,
    /// The connection that reaches a peer, for flows that name none. The newest one wins.
    by_peer: BTreeMap<Peer, ConnectionId>,
    /// What flows to TLS servers name instead of a connection.
    servers: Arc<Servers>,
    per_source: BTreeMap<IpAddr, usize>,
}

/// One connection, from before it is connected until its task ends.
struct Open {
    peer: Peer,
    writes: mpsc::Sender<Bytes>,
    /// Bytes in `writes`. Added to here, taken from by the task of the connection.
    queued: Rc<Cell<usize>>,
}

/// Whom a connection leads to.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Peer {
    transport: Transport,
    remote: SocketAddr,
    /// The name that its certificate was verified for, when we connected to it by name.
    name: Option<Arc<str>>,
}

/// How to reach a peer.
pub(super) enum Way {
    /// Over this connection.
    Open(ConnectionId),
    /// Over a new one.
    Connect,
    /// The connection that the flow names is gone, or the peer can only connect to us.
    Closed,
}

/// What the task of a connection needs.
pub(super) struct Ticket {
    /// The flow of everything that arrives; `connection` names the connection.
    pub(super) flow: Flow,
    /// The flow that asked for this connection, which knew no connection yet.
    pub(super) asked_by: Option<Flow>,
    /// What the certificate of the peer has to be for, when we connect to it by name.
    pub(super) server: Option<Arc<str>>,
    /// Messages to write, until the connection runs.
    writes: Option<Writes>,
    /// To queue answers to keep-alives with.
    answers: mpsc::WeakSender<Bytes>,
    /// Bounds.
    pub(super) limits: StreamLimits,
}

/// Messages that wait to be written to one peer.
pub(super) struct Writes {
    queue: mpsc::Receiver<Bytes>,
    queued: Rc<Cell<usize>>,
}

impl Writes {
    /// The next message; `None` when the connection is to be closed.
    pub(super) async fn next(&mut self) -> Option<Bytes> {
        let bytes = self.queue.recv().await?;
        // Answers to keep-alives are not counted when they are queued: there are few, and they are short.
        self.queued.set(self.queued.get().saturating_sub(bytes.len()));
        Some(bytes)
    }
}

impl Ticket {
    /// The messages to write, for whoever runs the connection.
    ///
    /// # Panics
    /// When they were taken before.
    pub(super) fn take_writes(&mut self) -> Writes {
        self.writes.take().expect("a connection runs once")
    }

    /// Answers a keep-alive. A peer that lets its queue fill up gets no answer, and is cut by the next message that does not fit.
    pub(super) fn answer(&self, bytes: Bytes) {
        if let Some(answers) = self.answers.upgrade() {
            let _ = answers.try_send(bytes);
        }
    }
}

impl Streams {
    /// None yet.
    pub(super) fn new(limits: StreamLimits, servers: Arc<Servers>) -> Self {
        let (open, by_peer, per_source) = Default::default();
        Self { limits, last: ConnectionId::NONE.0, open, by_peer, servers, per_source }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    /// How the peer of a flow is reached.
    pub(super) fn way(&self, flow: &Flow) -> Way {
        if self.open.contains_key(&flow.connection) {
            return Way::Open(flow.connection);
        }
        let name = self.name_of(flow);
        if flow.connection != ConnectionId::NONE && name.is_none() {
            return Way::Closed;
        }
        let peer = Peer { transport: flow.transport, remote: flow.remote, name };
        match self.by_peer.get(&peer) {
            Some(id) => Way::Open(*id),
            // Only a browser can connect (RFC 7118 §5).
            None if matches!(flow.transport, Transport::Ws | Transport::Wss) => Way::Closed,
            None => Way::Connect,
        }
    }

    fn name_of(&self, flow: &Flow) -> Option<Arc<str>> {
        let server = self.servers.get(flow.connection).filter(|server| server.address == flow.remote)?;
        Some(server.name)
    }

    /// Queues a message. `false` when the queue is full, which cuts the connection, or when it is already closing.
    pub(super) fn write(&mut self, id: ConnectionId, bytes: Bytes) -> bool {
        let Some(open) = self.open.get(&id) else { return false };
        let waiting = open.queued.get() + bytes.len();
        let queued = waiting <= MAX_QUEUED_BYTES && open.writes.try_send(bytes).is_ok();
        if queued {
            open.queued.set(waiting);
        } else {
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
        let (sender, queue) = mpsc::channel(self.limits.write_queue);
        let (answers, queued) = (sender.downgrade(), Rc::new(Cell::new(0)));
        let name = self.name_of(&flow);
        let peer = Peer { transport: flow.transport, remote: flow.remote, name: name.clone() };
        self.by_peer.insert(peer.clone(), id);
        self.open.insert(id, Open { peer, writes: sender, queued: queued.clone() });
        *self.per_source.entry(flow.remote.ip()).or_default() += 1;
        let writes = Some(Writes { queue, queued });
        let flow = Flow { connection: id, ..flow };
        Some(Ticket { flow, asked_by, server: name, writes, answers, limits: self.limits.clone() })
    }

    /// Forgets a connection; its task ends when it finds its queue closed.
    pub(super) fn close(&mut self, id: ConnectionId) {
        let Some(open) = self.open.remove(&id) else { return };
        if self.by_peer.get(&open.peer) == Some(&id) {
            self.by_peer.remove(&open.peer);
        }
        let source = open.peer.remote.ip();
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

    use super::*;

    fn streams(max_connections: usize, max_per_source: usize) -> Streams {
        let s = Duration::from_secs(1);
        let limits = StreamLimits {
            max_connections,
            max_per_source,
            message_timeout: s,
            idle_timeout: s,
            connect_timeout: s,
            write_queue: 2,
        };
        Streams::new(limits, Arc::default())
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

    #[tokio::test]
    async fn a_peer_that_does_not_read_is_cut_when_too_many_bytes_wait_for_it() {
        let mut streams = streams(10, 10);
        let mut ticket = streams.accepted(flow("192.0.2.7:1")).expect("there is room");
        let (id, mut writes) = (ticket.flow.connection, ticket.take_writes());
        let half = Bytes::from(vec![0; MAX_QUEUED_BYTES / 2 + 1]);
        assert!(streams.write(id, half.clone()));
        assert!(writes.next().await.is_some());
        assert!(streams.write(id, half.clone()), "the first one was written");
        assert!(!streams.write(id, half));
        assert_eq!(streams.len(), 0);
    }

    #[test]
    fn a_server_is_reached_over_a_connection_that_was_verified_for_its_name_only() {
        let mut streams = streams(10, 10);
        let anonymous = Flow { transport: Transport::Tls, ..flow("192.0.2.7:5061") };
        let named = |name| Flow { connection: streams.servers.id(anonymous.remote, name), ..anonymous };
        let (trunk, other) = (named("trunk.example"), named("other.example"));
        assert!(streams.accepted(anonymous).is_some());
        assert!(matches!(streams.way(&trunk), Way::Connect));
        let ticket = streams.begin(trunk, Bytes::new()).expect("there is room");
        assert_eq!((ticket.server.as_deref(), ticket.asked_by), (Some("trunk.example"), Some(trunk)));
        assert!(matches!(streams.way(&trunk), Way::Open(id) if id == ticket.flow.connection));
        assert!(matches!(streams.way(&other), Way::Connect));
        streams.close(ticket.flow.connection);
        assert!(matches!(streams.way(&trunk), Way::Connect), "it can be connected to again");
    }

    #[test]
    fn a_browser_is_never_connected_to() {
        let mut streams = streams(10, 10);
        let browser = Flow { transport: Transport::Wss, ..flow("192.0.2.7:1") };
        assert!(matches!(streams.way(&browser), Way::Closed));
        let ticket = streams.accepted(browser).expect("there is room");
        assert!(matches!(streams.way(&ticket.flow), Way::Open(_)));
        let plain = Flow { transport: Transport::Tcp, ..browser };
        assert!(matches!(streams.way(&plain), Way::Connect), "another transport is another peer");
    }
}
