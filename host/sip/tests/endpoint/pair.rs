//! One endpoint with a clock that is stepped, a pair of them with a network between, and messages to feed.
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use cordboard_sip::endpoint::{EndpointCounters, EndpointEvent};
use cordboard_sip::message::{HeaderName, Message, Method, Request, Response, StatusCode};
use cordboard_sip::transaction::{ClientTransactionId, ServerTransactionId};
use cordboard_sip::transport::{ConnectionId, Transmit};
use cordboard_sip::{Endpoint, EndpointSettings, Flow, Transport};
use rand::SeedableRng;
use rand_chacha::ChaCha12Rng;

/// 64*T1 with the default T1.
pub(crate) const LIFETIME: Duration = Duration::from_secs(32);

/// The address of the endpoint under test.
pub(crate) const OURS: &str = "192.0.2.1:5060";
/// The address of its peer.
pub(crate) const PEER: &str = "192.0.2.2:5070";

pub(crate) fn address(text: &str) -> SocketAddr {
    text.parse().expect("a test names an address")
}

/// The flow between [`OURS`] and [`PEER`] over UDP.
pub(crate) fn udp() -> Flow {
    Flow::udp(address(OURS), address(PEER))
}

/// The same over one TCP connection.
pub(crate) fn tcp() -> Flow {
    Flow { transport: Transport::Tcp, connection: ConnectionId(7), ..udp() }
}

/// The first instant of every test.
pub(crate) fn start() -> Instant {
    #[expect(
        clippy::disallowed_methods,
        reason = "an Instant can only be had from the clock; all others are added to it"
    )]
    Instant::now()
}

/// An endpoint, the time, and what it said.
pub(crate) struct Stage {
    pub(crate) endpoint: Endpoint,
    pub(crate) begin: Instant,
    pub(crate) now: Instant,
}

impl Stage {
    pub(crate) fn new() -> Self {
        Self::with(EndpointSettings::default(), 1)
    }

    pub(crate) fn with(settings: EndpointSettings, seed: u64) -> Self {
        let now = start();
        Self { endpoint: Endpoint::new(settings, ChaCha12Rng::seed_from_u64(seed)), begin: now, now }
    }

    pub(crate) fn receive(&mut self, flow: Flow, message: impl Into<Bytes>) {
        self.endpoint.handle_message(self.now, flow, message.into());
    }

    pub(crate) fn send(&mut self, flow: Flow, request: &Request) -> ClientTransactionId {
        self.endpoint.send_request(self.now, flow, request)
    }

    /// Everything to be sent now.
    pub(crate) fn sent(&mut self) -> Vec<Transmit> {
        std::iter::from_fn(|| self.endpoint.poll_transmit()).collect()
    }

    /// The one message to be sent now.
    pub(crate) fn sent_one(&mut self) -> Message {
        let sent = self.sent();
        assert_eq!(sent.len(), 1, "one message: {sent:?}");
        parse(&sent[0].bytes)
    }

    /// First lines of everything to be sent now.
    pub(crate) fn lines(&mut self) -> Vec<String> {
        self.sent().iter().map(|transmit| first_line(&transmit.bytes)).collect()
    }

    pub(crate) fn events(&mut self) -> Vec<EndpointEvent> {
        std::iter::from_fn(|| self.endpoint.poll_event()).collect()
    }

    /// What happened, in words.
    pub(crate) fn told(&mut self) -> Vec<String> {
        self.events().iter().map(describe).collect()
    }

    /// The server transaction of the one new request.
    pub(crate) fn requested(&mut self) -> (ServerTransactionId, Message) {
        let mut events = self.events();
        match (events.pop(), events.is_empty()) {
            (Some(EndpointEvent::Request { transaction, message, .. }), true) => (transaction, message),
            other => panic!("one request: {other:?}"),
        }
    }

    pub(crate) fn respond(
        &mut self,
        transaction: ServerTransactionId,
        request: &Message,
        status: u16,
    ) -> Bytes {
        let response = response(request, &udp(), status);
        self.endpoint.respond(self.now, transaction, &response)
    }

    /// Goes to `after` the beginning, running every timer on the way. Gives when what was sent, in milliseconds.
    pub(crate) fn run_until(&mut self, after: Duration) -> Vec<(u128, String)> {
        let end = self.begin + after;
        let mut trace = Vec::new();
        while let Some(due) = self.endpoint.next_timeout().filter(|due| *due <= end) {
            assert!(due >= self.now, "a timer in the past");
            self.now = due;
            self.endpoint.handle_timeout(due);
            assert!(
                self.endpoint.next_timeout().is_none_or(|next| next > due),
                "a timer that does not go off"
            );
            let at = (due - self.begin).as_millis();
            trace.extend(self.lines().into_iter().map(|line| (at, line)));
        }
        self.now = end;
        trace
    }

    /// Runs until no timer is left.
    pub(crate) fn drain(&mut self) -> Vec<(u128, String)> {
        let trace = self.run_until(Duration::from_secs(3600));
        assert_eq!(self.endpoint.next_timeout(), None);
        trace
    }

    pub(crate) fn counters(&self) -> EndpointCounters {
        self.endpoint.counters()
    }
}

/// An event in words: what it is, and the status or method of its message.
pub(crate) fn describe(event: &EndpointEvent) -> String {
    match event {
        EndpointEvent::Request { message, .. } => format!("request {}", method_token(message)),
        EndpointEvent::Ack { .. } => "ack".to_owned(),
        EndpointEvent::Cancelled { .. } => "cancelled".to_owned(),
        EndpointEvent::Response { transaction, message, .. } => {
            let stray = if transaction.is_none() { "stray " } else { "" };
            format!("{stray}response {}", message.status().map_or(0, StatusCode::code))
        }
        EndpointEvent::ClientFailed { failure, .. } => format!("client failed: {failure:?}"),
        EndpointEvent::ServerFailed { failure, .. } => format!("server failed: {failure:?}"),
    }
}

pub(crate) fn parse(bytes: &Bytes) -> Message {
    Message::parse(bytes.clone()).expect("what leaves the endpoint is a message")
}

pub(crate) fn method_token(message: &Message) -> String {
    message.method().as_str().to_owned()
}

/// `INVITE` or `SIP/2.0 200`: what tells a message from another in a trace.
pub(crate) fn first_line(bytes: &Bytes) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut words = text.split(' ');
    match (words.next(), words.next()) {
        (Some("SIP/2.0"), Some(status)) => status.to_owned(),
        (Some(method), _) => method.to_owned(),
        (None, _) => String::new(),
    }
}

/// A header of a message as text.
pub(crate) fn header(message: &Message, name: HeaderName) -> String {
    String::from_utf8_lossy(message.value(name).unwrap_or_default()).into_owned()
}

pub(crate) fn response(request: &Message, flow: &Flow, status: u16) -> Response {
    let status = StatusCode::new(status).expect("a test names a status");
    let tag = (status.code() > 100).then_some("ours");
    Response::new(request, flow, status, tag)
}

/// A request of ours.
pub(crate) fn outgoing(method: Method) -> Request {
    let mut request = Request::new(method, "sip:bob@192.0.2.2");
    request
        .header(HeaderName::MaxForwards, "70")
        .header(HeaderName::From, "<sip:alice@192.0.2.1>;tag=alice")
        .header(HeaderName::To, "<sip:bob@192.0.2.2>")
        .header(HeaderName::CallId, "outgoing")
        .header(HeaderName::CSeq, format!("1 {}", method.as_str()));
    request
}

/// The peer's response to a request of ours, as it left the endpoint.
pub(crate) fn reply(request: &Message, status: u16) -> Bytes {
    response(request, &udp(), status).write()
}

/// A request from the peer that a test varies before it is sent.
#[derive(Clone)]
pub(crate) struct Incoming {
    pub(crate) method: &'static str,
    pub(crate) uri: String,
    pub(crate) via: String,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) sip_call_id: String,
    pub(crate) cseq: String,
}

impl Incoming {
    pub(crate) fn new(method: &'static str) -> Self {
        Self {
            method,
            uri: "sip:alice@192.0.2.1".to_owned(),
            via: format!("SIP/2.0/UDP {PEER};branch=z9hG4bKfirst;rport"),
            from: "<sip:bob@192.0.2.2>;tag=bob".to_owned(),
            to: "<sip:alice@192.0.2.1>".to_owned(),
            sip_call_id: "incoming".to_owned(),
            cseq: format!("1 {method}"),
        }
    }

    /// With another transport, sent-by or branch.
    pub(crate) fn via(mut self, via: &str) -> Self {
        via.clone_into(&mut self.via);
        self
    }

    /// With another To.
    pub(crate) fn to(mut self, to: &str) -> Self {
        to.clone_into(&mut self.to);
        self
    }

    /// Another method in the same transaction: ACK and CANCEL.
    pub(crate) fn becomes(mut self, method: &'static str) -> Self {
        let number = self.cseq.split(' ').next().unwrap_or_default();
        self.cseq = format!("{number} {method}");
        self.method = method;
        self
    }

    pub(crate) fn bytes(&self) -> Bytes {
        let Self { method, uri, via, from, to, sip_call_id, cseq } = self;
        Bytes::from(format!(
            "{method} {uri} SIP/2.0\r\nVia: {via}\r\nMax-Forwards: 70\r\nFrom: {from}\r\nTo: {to}\r\n\
             Call-ID: {sip_call_id}\r\nCSeq: {cseq}\r\nContact: <sip:bob@{PEER}>\r\nContent-Length: 0\r\n\r\n"
        ))
    }
}

impl From<Incoming> for Bytes {
    fn from(incoming: Incoming) -> Self {
        incoming.bytes()
    }
}

/// What the network does with a datagram.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fate {
    Arrives,
    IsLost,
    ArrivesTwice,
    /// Behind the next one.
    IsOvertaken,
}

/// Two endpoints, a client and a server, and a network that a test commands.
pub(crate) struct Pair {
    pub(crate) client: Endpoint,
    pub(crate) server: Endpoint,
    pub(crate) begin: Instant,
    pub(crate) now: Instant,
    transport: Transport,
    in_flight: VecDeque<(Instant, bool, Bytes)>,
    /// What happened on both sides, in order.
    pub(crate) trace: Vec<String>,
}

/// One way through the network.
const DELAY: Duration = Duration::from_millis(10);

impl Pair {
    pub(crate) fn new(transport: Transport) -> Self {
        let now = start();
        let endpoint = |seed| Endpoint::new(EndpointSettings::default(), ChaCha12Rng::seed_from_u64(seed));
        Self {
            client: endpoint(1),
            server: endpoint(2),
            begin: now,
            now,
            transport,
            in_flight: VecDeque::new(),
            trace: Vec::new(),
        }
    }

    /// The flow as one side sees it.
    pub(crate) fn flow(&self, client_side: bool) -> Flow {
        let (local, remote) = if client_side { (OURS, PEER) } else { (PEER, OURS) };
        let connection = if self.transport.is_reliable() { ConnectionId(1) } else { ConnectionId::NONE };
        Flow { transport: self.transport, local: address(local), remote: address(remote), connection }
    }

    /// Lets time pass until nothing is due, with `fate` deciding over each datagram and `user` being asked about each event.
    pub(crate) fn run(
        &mut self,
        mut fate: impl FnMut(&Bytes) -> Fate,
        mut user: impl FnMut(&mut Pair, bool, EndpointEvent),
    ) {
        loop {
            self.carry(&mut fate, &mut user);
            let arrival = self.in_flight.iter().map(|(at, ..)| *at).min();
            let due = [arrival, self.client.next_timeout(), self.server.next_timeout()];
            let Some(next) = due.into_iter().flatten().min() else { return };
            assert!(next - self.begin < Duration::from_secs(3600), "something never ends");
            self.now = next;
            self.deliver();
            self.client.handle_timeout(next);
            self.server.handle_timeout(next);
        }
    }

    fn carry(
        &mut self,
        fate: &mut impl FnMut(&Bytes) -> Fate,
        user: &mut impl FnMut(&mut Pair, bool, EndpointEvent),
    ) {
        loop {
            for client_side in [true, false] {
                while let Some(event) = self.side(client_side).poll_event() {
                    self.note(client_side, &describe(&event));
                    user(self, client_side, event);
                }
            }
            let mut quiet = true;
            for client_side in [true, false] {
                while let Some(transmit) = self.side(client_side).poll_transmit() {
                    quiet = false;
                    self.post(client_side, transmit.bytes, fate);
                }
            }
            if quiet {
                return;
            }
        }
    }

    fn post(&mut self, client_side: bool, bytes: Bytes, fate: &mut impl FnMut(&Bytes) -> Fate) {
        let fate = fate(&bytes);
        self.note(client_side, &format!("sends {} {fate:?}", first_line(&bytes)));
        let copies = match fate {
            Fate::IsLost => 0,
            Fate::Arrives | Fate::IsOvertaken => 1,
            Fate::ArrivesTwice => 2,
        };
        let delay = if fate == Fate::IsOvertaken { DELAY * 3 } else { DELAY };
        for _ in 0..copies {
            self.in_flight.push_back((self.now + delay, client_side, bytes.clone()));
        }
    }

    fn deliver(&mut self) {
        for _ in 0..self.in_flight.len() {
            let Some((at, from_client, bytes)) = self.in_flight.pop_front() else { return };
            if at > self.now {
                self.in_flight.push_back((at, from_client, bytes));
                continue;
            }
            let (now, flow) = (self.now, self.flow(!from_client));
            self.side(!from_client).handle_message(now, flow, bytes);
        }
    }

    pub(crate) fn side(&mut self, client_side: bool) -> &mut Endpoint {
        if client_side { &mut self.client } else { &mut self.server }
    }

    fn note(&mut self, client_side: bool, what: &str) {
        let at = (self.now - self.begin).as_millis();
        let side = if client_side { "client" } else { "server" };
        self.trace.push(format!("{at} {side} {what}"));
    }
}
