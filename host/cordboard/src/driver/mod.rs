//! The drivers: everything that moves bytes between the network and the core.
//!
//! One thread runs signalling. It owns the core, the SIP sockets and every connection, so none of them is locked. Its tasks
//! (`udp`, `listener`, `connection`, the inbox and the timer) hand inputs to the one [`shell::Shell`], which feeds the core and carries
//! out what the core wants until it waits, before it takes the next input. Time is read once per batch.
//!
//! Whatever could take long leaves the thread: plugins and names are asked on another runtime (`desk`), TLS handshakes are
//! calculated on a thread of their own (`handshake`), RTP lives in the relay's threads. Their answers come back through bounded queues.
//!
//! No rule of SIP or of calls is here.

mod byte_stream;
mod connection;
mod desk;
mod handshake;
mod listener;
mod local;
mod movable;
mod patience;
mod servers;
mod shell;
mod streams;
mod talk;
mod timer;
mod udp;
mod websocket;

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use cordboard_b2bua::{Core, Input};
use cordboard_events::EventSender;
use cordboard_media::relay::Relay;
use cordboard_sip::Transport;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};

use crate::board::Board;
use crate::config::StreamLimits;
use crate::registrations::Registrations;

pub(crate) use desk::Desk;
pub(crate) use handshake::Handshakes;
pub(crate) use local::towards as local_address_towards;
pub(crate) use servers::Servers;
use shell::{Handle, Outside};

/// Answers, resolutions and commands that wait for the signalling thread. Senders wait when it is full.
pub(crate) const INBOX_CAPACITY: usize = 4096;

/// What the signalling thread is given.
pub(crate) struct Signalling {
    /// Bound UDP sockets.
    pub(crate) udp: Vec<std::net::UdpSocket>,
    /// Bound listeners of connections.
    pub(crate) streams: Vec<(Transport, std::net::TcpListener)>,
    /// Bounds of connections.
    pub(crate) limits: StreamLimits,
    /// The core.
    pub(crate) core: Core,
    /// The relay; commands are carried out by this thread.
    pub(crate) relay: Arc<Relay>,
    /// Asks plugins and names elsewhere.
    pub(crate) desk: Desk,
    /// Secures connections.
    pub(crate) handshakes: Handshakes,
    /// TLS servers by name, as the resolver met them.
    pub(crate) servers: Arc<Servers>,
    /// What the relay tells later.
    pub(crate) media: mpsc::Receiver<Input>,
    /// What the desk and the operator tell.
    pub(crate) inbox: mpsc::Receiver<Input>,
    /// Where events go.
    pub(crate) events: EventSender,
    /// The lookup table of plugins.
    pub(crate) registrations: Arc<Registrations>,
    /// Figures for metrics and health.
    pub(crate) board: Arc<Board>,
}

impl Signalling {
    /// Runs signalling on the calling thread until `stop` comes.
    ///
    /// # Errors
    /// When the kernel does not give what an event loop needs.
    pub(crate) fn run(self, stop: oneshot::Receiver<()>) -> std::io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let tasks = tokio::task::LocalSet::new();
        tasks.block_on(&runtime, self.serve(stop))
    }

    async fn serve(self, stop: oneshot::Receiver<()>) -> std::io::Result<()> {
        let sockets = self.udp.into_iter().map(udp::Listener::new).collect::<Result<Vec<_>, _>>()?;
        let listeners = self.streams.into_iter();
        let listeners =
            listeners.map(|(transport, listener)| Ok((transport, TcpListener::from_std(listener)?)));
        let listeners = listeners.collect::<std::io::Result<Vec<_>>>()?;
        let outside = Outside {
            udp: sockets.iter().cloned().map(Rc::new).collect(),
            relay: self.relay,
            desk: self.desk,
            handshakes: self.handshakes,
            events: self.events,
            registrations: self.registrations,
            board: self.board,
        };
        let shell = Handle::new(self.core, self.limits, self.servers, outside);
        for socket in sockets {
            tokio::task::spawn_local(udp::read(shell.clone(), socket));
        }
        for (transport, listener) in listeners {
            tokio::task::spawn_local(listener::accept(shell.clone(), transport, listener));
        }
        // The core begins what it does by itself, such as registering with trunks.
        shell.feed(now(), Input::Timeout);
        tokio::task::spawn_local(timer::run(shell.clone()));
        tokio::task::spawn_local(deliver(shell.clone(), self.media));
        tokio::task::spawn_local(deliver(shell.clone(), self.inbox));
        // A sender that is gone means the same as its word: nobody is left to run for.
        let _ = stop.await;
        Ok(())
    }
}

/// Feeds what other threads tell.
async fn deliver(shell: Handle, mut queue: mpsc::Receiver<Input>) {
    while let Some(input) = queue.recv().await {
        shell.feed(now(), input);
    }
}

/// The only clock of signalling.
#[expect(clippy::disallowed_methods, reason = "the driver is where time enters")]
fn now() -> Instant {
    Instant::now()
}

/// Whether a listener at `listening` serves the concrete address `local`.
fn serves(listening: SocketAddr, local: SocketAddr) -> bool {
    let same_family = listening.is_ipv4() == local.is_ipv4();
    let same_place = listening.ip() == local.ip() || (listening.ip().is_unspecified() && same_family);
    listening.port() == local.port() && same_place
}
