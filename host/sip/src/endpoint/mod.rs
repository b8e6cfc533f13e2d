//! The way in: messages and time in, events and transmissions out.
//!
//! [`Endpoint`] is the transaction layer (RFC 3261 §17, RFC 6026) with the transport rules (§18, RFC 3581). After every
//! input the driver asks for events and transmissions until there are none, then waits for [`Endpoint::next_timeout`].
//! It sends nothing of its own accord but resends, the ACK of a failed INVITE, the 200 to a CANCEL and refusals of what
//! never becomes a transaction: **100 Trying is the user's**, and every [`EndpointEvent::Request`] is owed one final response.
//!
//! Which file: `servers` (requests from peers), `clients` (requests of ours), `keys` (matching), `schedule` (timers),
//! `flows` (transport failure), `large` (requests that change to TCP), `follow_up` (ACK and CANCEL of our INVITEs), `hash` (keyed, so that peers cannot choose
//! collisions). Equal seeds and inputs give equal outputs.
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rand_chacha::ChaCha12Rng;

use crate::message::{Message, ParseError, Request, Response, Verdict};
use crate::transaction::{ClientTransactionId, ServerTransactionId};
use crate::transport::{Flow, Transmit, response_flow, via_value};

mod clients;
mod flows;
mod follow_up;
mod hash;
mod keys;
mod large;
mod schedule;
mod servers;
mod shared;

use clients::Clients;
use schedule::TransactionId;
use servers::Servers;
use shared::Shared;

/// Timers and limits of an endpoint.
#[derive(Clone, Debug)]
pub struct EndpointSettings {
    /// Round-trip estimate; 500 ms.
    pub t1: Duration,
    /// Longest resend interval; 4 s.
    pub t2: Duration,
    /// Longest life of a message in the network; 5 s.
    pub t4: Duration,
    /// Transactions alive at once; a new request beyond gets a stateless 503.
    pub max_transactions: usize,
    /// Largest request that is sent as a datagram, in bytes; 1,300. A larger one goes over TCP where `tcp` has a listener, and as a
    /// datagram after all when no connection can be had (RFC 3261 §18.1.1).
    pub max_datagram: usize,
    /// Where we take TCP connections, which Via names in such a request. None: every request is sent as a datagram.
    pub tcp: Vec<SocketAddr>,
}

impl Default for EndpointSettings {
    fn default() -> Self {
        Self {
            t1: Duration::from_millis(500),
            t2: Duration::from_secs(4),
            t4: Duration::from_secs(5),
            max_transactions: 500_000,
            max_datagram: 1_300,
            tcp: Vec::new(),
        }
    }
}

/// Why a transaction ended without what was waited for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TransactionFailure {
    /// 64*T1 passed: timer B, F or H.
    Timeout,
    /// The transport could not deliver.
    Transport,
}

/// What the endpoint found.
#[derive(Debug)]
pub enum EndpointEvent {
    /// A new request with a transaction of its own; the user owes it exactly one final response. Never ACK or CANCEL.
    Request {
        /// To respond with.
        transaction: ServerTransactionId,
        /// Where it came from.
        flow: Flow,
        /// The request; its mandatory headers are readable.
        message: Message,
    },
    /// An ACK for a 2xx. It belongs to a dialog, not to a transaction, and may come again.
    Ack {
        /// Where it came from.
        flow: Flow,
        /// The ACK.
        message: Message,
    },
    /// The INVITE of this transaction was cancelled. The CANCEL has its 200; the user answers the INVITE with 487.
    Cancelled {
        /// The INVITE.
        transaction: ServerTransactionId,
    },
    /// A response to a request of ours. Every provisional, one final; a 2xx to INVITE comes again whenever it is
    /// resent or another fork answers (RFC 6026), also after the transaction has ended, then without `transaction`.
    Response {
        /// Ours; `None` for a stray 2xx to an INVITE.
        transaction: Option<ClientTransactionId>,
        /// Where it came from.
        flow: Flow,
        /// The response.
        message: Message,
    },
    /// A request of ours gets no final response.
    ClientFailed {
        /// Ours.
        transaction: ClientTransactionId,
        /// Why.
        failure: TransactionFailure,
    },
    /// A final response of ours was not confirmed (no ACK for a non-2xx) or not delivered.
    ServerFailed {
        /// Theirs.
        transaction: ServerTransactionId,
        /// Why.
        failure: TransactionFailure,
    },
}

/// What was refused below the events, for metrics. Only ever grows.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct EndpointCounters {
    /// Not SIP, dropped.
    pub malformed_dropped: u64,
    /// Requests answered 400 (or 505, 416...).
    pub malformed_answered: u64,
    /// Responses that belong to nothing.
    pub stray_responses: u64,
    /// Requests received again.
    pub request_resends: u64,
    /// Messages we sent again.
    pub resent: u64,
    /// Merged requests answered 482.
    pub merged: u64,
}

/// The transaction layer and the transport rules in one machine.
#[derive(Debug)]
pub struct Endpoint {
    shared: Shared,
    clients: Clients,
    servers: Servers,
}

impl Endpoint {
    /// An endpoint whose branches and tags are drawn from `rng`.
    pub fn new(settings: EndpointSettings, rng: ChaCha12Rng) -> Self {
        Self { shared: Shared::new(settings, rng), clients: Clients::default(), servers: Servers::default() }
    }

    /// Takes one message: a datagram, or one frame of a stream.
    ///
    /// What is malformed is dropped or answered here (RFC 3261 §8.1.3.3, §8.2, §16.3, §18.3) and counted. Unknown methods and
    /// Require are left to the user: they arrive as `Request`.
    pub fn handle_message(&mut self, now: Instant, flow: Flow, bytes: Bytes) {
        match Verdict::of(bytes, flow.transport) {
            Verdict::Accept(message) if message.is_request() => {
                let load = self.transactions();
                self.servers.receive(&mut self.shared, now, flow, message, load);
            }
            Verdict::Accept(message) => self.clients.receive(&mut self.shared, now, flow, message),
            Verdict::Answer { request, problem } => {
                self.shared.counters.malformed_answered += 1;
                servers::refuse(
                    &mut self.shared,
                    &flow,
                    &request,
                    problem.status(),
                    Some(&problem.to_string()),
                );
            }
            Verdict::Drop(ParseError::Empty) => {}
            Verdict::Drop(_) => self.shared.counters.malformed_dropped += 1,
        }
        self.settle();
    }

    /// Runs the timers that are due.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some((at, id)) = self.shared.schedule.first()
            && at <= now
        {
            match id {
                TransactionId::Client(id) => self.clients.run_timers(&mut self.shared, now, id),
                TransactionId::Server(id) => self.servers.run_timers(&mut self.shared, now, id),
            }
            self.settle();
        }
    }

    /// The driver could not send on `flow`, or its connection closed: every client transaction on it fails. A server
    /// transaction that has not answered yet answers over a new connection (§18.2.2); one that has tells the user.
    pub fn handle_transport_failure(&mut self, now: Instant, flow: Flow) {
        for id in self.shared.flows.with_peer(&self.shared.hash, &flow) {
            match id {
                TransactionId::Client(id) => self.clients.fail_transport(&mut self.shared, now, id, &flow),
                TransactionId::Server(id) => self.servers.fail_transport(&mut self.shared, now, id, &flow),
            }
        }
        self.settle();
    }

    /// Next event; ask until `None` after every input.
    pub fn poll_event(&mut self) -> Option<EndpointEvent> {
        self.shared.events.pop_front()
    }

    /// Next message to send; ask until `None` after every input.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.shared.transmits.pop_front()
    }

    /// When [`Self::handle_timeout`] is due.
    pub fn next_timeout(&self) -> Option<Instant> {
        self.shared.schedule.first().map(|(at, _)| at)
    }

    /// Sends a request in a new client transaction, with a fresh branch in a Via of ours on top. Not for ACK and CANCEL.
    pub fn send_request(&mut self, now: Instant, flow: Flow, request: &Request) -> ClientTransactionId {
        self.clients.send(&mut self.shared, now, flow, request)
    }

    /// Sends an ACK for a 2xx: no transaction, a fresh branch. Gives the bytes, to be sent again for a repeated 2xx.
    pub fn send_ack(&mut self, flow: Flow, ack: &Request) -> Bytes {
        let branch = self.shared.new_branch();
        let bytes = ack.write(&via_value(&flow, &branch));
        self.shared.send(flow, bytes.clone());
        bytes
    }

    /// Sends bytes as they are: an ACK or a 2xx again. `flow` is where the ACK was sent to, or where the request came
    /// from that the 2xx answers; a response finds its way from there by its Via, as the first one did.
    pub fn resend(&mut self, flow: Flow, bytes: Bytes) {
        let response = Message::parse(bytes.clone()).ok().filter(|message| !message.is_request());
        let flow = match response.as_ref().map(Message::via) {
            Some(Ok(via)) => response_flow(&via, &flow),
            _ => flow,
        };
        self.shared.send_again(flow, bytes);
    }

    /// Cancels an INVITE of ours (RFC 3261 §9.1): at once when a provisional has come, else when the first comes. Nothing if it
    /// has a final response. The final response (487 or a 2xx that crossed) still arrives as an event; when none comes
    /// in 64*T1, `ClientFailed` does.
    pub fn cancel(&mut self, now: Instant, invite: ClientTransactionId) {
        self.clients.cancel(&mut self.shared, now, invite);
        self.settle();
    }

    /// Answers a request. Gives the bytes sent, for [`AnswerResend`](crate::dialog::AnswerResend). Nothing is sent, and no
    /// bytes are given, when the transaction has ended or already has a final response.
    pub fn respond(&mut self, now: Instant, transaction: ServerTransactionId, response: &Response) -> Bytes {
        let sent = self.servers.respond(&mut self.shared, now, transaction, response);
        self.settle();
        sent
    }

    /// A new tag for From or To (RFC 3261 §19.3), at least 64 random bits.
    pub fn new_tag(&mut self) -> String {
        self.shared.new_token()
    }

    /// A new Call-ID of ours that names neither host nor user.
    pub fn new_call_id(&mut self) -> String {
        self.shared.new_token()
    }

    /// What was counted so far.
    pub fn counters(&self) -> EndpointCounters {
        self.shared.counters
    }

    /// Transactions alive, client and server.
    pub fn transactions(&self) -> usize {
        self.clients.len() + self.servers.len()
    }

    /// Brings the entry of a transaction that really is due then to the top of the schedule, so that
    /// [`Self::next_timeout`] wakes nobody in vain. Every input that may stop a timer ends here.
    fn settle(&mut self) {
        while let Some((at, id)) = self.shared.schedule.first() {
            let due = match id {
                TransactionId::Client(id) => self.clients.due(id),
                TransactionId::Server(id) => self.servers.due(id),
            };
            match due {
                Some(due) if *due.scheduled == Some(at) && due.next == Some(at) => return,
                Some(due) if *due.scheduled == Some(at) => {
                    *due.scheduled = None;
                    self.shared.schedule.drop_first();
                    self.shared.schedule.note(id, due);
                }
                _ => self.shared.schedule.drop_first(),
            }
        }
    }
}
