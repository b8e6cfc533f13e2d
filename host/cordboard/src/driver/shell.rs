//! Feeds the core and carries out what it wants.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io::ErrorKind;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use cordboard_b2bua::{Core, Input, Output};
use cordboard_events::EventSender;
use cordboard_media::command::{MediaCommand, MediaReply};
use cordboard_media::relay::Relay;
use cordboard_model::{Event, EventKind};
use cordboard_sip::Transport;
use cordboard_sip::transport::{Flow, Transmit};
use tokio::sync::Notify;

use super::desk::Desk;
use super::handshake::Handshakes;
use super::servers::Servers;
use super::streams::{Streams, Way};
use super::{connection, serves, talk, udp};
use crate::board::Board;
use crate::config::StreamLimits;
use crate::registrations::Registrations;
use crate::trunks::Clock;

/// How often a datagram is offered to the kernel. An error may belong to an earlier datagram to somebody else; the kernel reports such a
/// one once, instead of sending, so that only an error that stays is about this peer.
const SEND_ATTEMPTS: usize = 3;

/// What the core's outputs are carried out with.
pub(super) struct Outside {
    /// Sockets to send from.
    pub(super) udp: Vec<Rc<udp::Listener>>,
    /// Relays RTP.
    pub(super) relay: Arc<Relay>,
    /// Asks plugins and names.
    pub(super) desk: Desk,
    /// Secures connections.
    pub(super) handshakes: Handshakes,
    /// Takes events.
    pub(super) events: EventSender,
    /// Where users are, for plugins.
    pub(super) registrations: Arc<Registrations>,
    /// Figures.
    pub(super) board: Arc<Board>,
}

/// The core with everything around it. Lives on the signalling thread only.
pub(super) struct Shell {
    core: Core,
    outside: Outside,
    streams: Streams,
    /// Inputs that arose while outputs were carried out; they come after the core has said that it waits.
    pending: VecDeque<Input>,
    wake: Rc<Wake>,
}

/// When the core wants to be woken. Written by the shell, read by the timer task.
#[derive(Default)]
pub(super) struct Wake {
    /// The instant, if any.
    pub(super) at: Cell<Option<Instant>>,
    /// Told when the instant has come nearer.
    pub(super) sooner: Notify,
}

/// A shared shell. Never borrowed across an `await`.
#[derive(Clone)]
pub(super) struct Handle(Rc<RefCell<Shell>>);

impl Handle {
    /// A shell in which nothing has happened yet.
    pub(super) fn new(core: Core, limits: StreamLimits, servers: Arc<Servers>, outside: Outside) -> Self {
        let streams = Streams::new(limits, servers);
        let (pending, wake) = (VecDeque::new(), Rc::default());
        Self(Rc::new(RefCell::new(Shell { core, outside, streams, pending, wake })))
    }

    /// Gives the core one input and carries out what follows, until it waits.
    pub(super) fn feed(&self, now: Instant, input: Input) {
        let shell = &mut *self.0.borrow_mut();
        if let Input::Received { flow, bytes } = &input {
            shell.outside.board.received();
            talk::heard(flow, bytes);
        }
        shell.pending.push_back(input);
        while let Some(input) = shell.pending.pop_front() {
            shell.core.handle_input(now, input);
            shell.drain(self);
        }
        shell.outside.board.publish(&shell.core.counters(), shell.streams.len());
    }

    /// Looks at the connections.
    pub(super) fn with_streams<T>(&self, look: impl FnOnce(&mut Streams) -> T) -> T {
        look(&mut self.0.borrow_mut().streams)
    }

    /// What secures connections.
    pub(super) fn handshakes(&self) -> Handshakes {
        self.0.borrow().outside.handshakes.clone()
    }

    /// The figures.
    pub(super) fn board(&self) -> Arc<Board> {
        self.0.borrow().outside.board.clone()
    }

    /// When to wake the core.
    pub(super) fn wake(&self) -> Rc<Wake> {
        self.0.borrow().wake.clone()
    }
}

impl Shell {
    fn drain(&mut self, handle: &Handle) {
        loop {
            match self.core.poll_output() {
                Output::Transmit(transmit) => self.transmit(handle, transmit),
                Output::Ask { question, content } => self.outside.desk.ask(question, content),
                Output::Resolve { query, target } => {
                    self.pending.extend(self.outside.desk.resolve(query, &target));
                }
                Output::Media(command) => {
                    let reply = self.command_relay(command);
                    self.pending.extend(reply.map(Input::Media));
                }
                Output::Event(event) => {
                    if let EventKind::TrunkStateChanged(status) = &event.kind {
                        self.outside.board.tell_trunk(status);
                    }
                    self.outside.events.send(stamped(event));
                }
                Output::Location { aor, contacts } => self.outside.registrations.put(&aor, contacts),
                Output::Trunk(report) => {
                    let clock = Clock { now: super::now(), unix_ms: crate::clock::unix_ms() };
                    self.outside.board.trunk_table.put(*report, &clock);
                }
                Output::Wait(at) => return self.wake.set(at),
            }
        }
    }

    fn command_relay(&self, command: MediaCommand) -> Option<MediaReply> {
        let relay = &self.outside.relay;
        let reply = relay.command(command);
        if matches!(reply, Some(MediaReply::Exhausted { .. }))
            && let Some(failure) = relay.take_bind_failure()
        {
            tracing::warn!(%failure, "a call got no media ports, and the kernel refused one: see media.ports");
        }
        if matches!(reply, Some(MediaReply::Allocated { .. }))
            && let Some(error) = relay.take_dscp_failure()
        {
            tracing::warn!(%error, "RTP is sent without the code point of media.dscp: the kernel refused it");
        }
        reply
    }

    fn transmit(&mut self, handle: &Handle, transmit: Transmit) {
        let flow = transmit.flow;
        talk::said(&flow, &transmit.bytes);
        let delivered = match flow.transport {
            Transport::Udp => self.send_datagram(&transmit),
            Transport::Tcp | Transport::Tls | Transport::Ws | Transport::Wss => {
                self.send_on_stream(handle, transmit)
            }
        };
        if delivered {
            self.outside.board.sent();
        } else {
            self.outside.board.send_failed();
            self.pending.push_back(Input::FlowFailed { flow });
        }
    }

    /// Whether the peer can be reached. A datagram that finds the socket's buffer full is lost like one that the network lost: the
    /// transaction sends it again.
    fn send_datagram(&self, transmit: &Transmit) -> bool {
        let Flow { local, remote, .. } = transmit.flow;
        let Some(listener) = self.outside.udp.iter().find(|listener| serves(listener.address, local)) else {
            return false;
        };
        for _ in 0..SEND_ATTEMPTS {
            match listener.socket.try_send_to(&transmit.bytes, remote).map_err(|error| error.kind()) {
                Ok(_) => return true,
                Err(ErrorKind::WouldBlock | ErrorKind::OutOfMemory) => {
                    self.outside.board.send_failed();
                    return true;
                }
                Err(kind) => tracing::debug!(%remote, %kind, "a datagram was not taken"),
            }
        }
        false
    }

    fn send_on_stream(&mut self, handle: &Handle, transmit: Transmit) -> bool {
        match self.streams.way(&transmit.flow) {
            Way::Open(id) => self.streams.write(id, transmit.bytes),
            Way::Connect => {
                let Some(connecting) = self.streams.begin(transmit.flow, transmit.bytes) else {
                    return false;
                };
                tokio::task::spawn_local(connection::connect(handle.clone(), connecting));
                true
            }
            Way::Closed => false,
        }
    }
}

impl Wake {
    fn set(&self, at: Option<Instant>) {
        let before = self.at.replace(at);
        let sooner = match (before, at) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(before), Some(at)) => at < before,
        };
        if sooner {
            self.sooner.notify_one();
        }
    }
}

fn stamped(mut event: Event) -> Event {
    event.at_ms = crate::clock::unix_ms();
    event
}
