//! The node, its phones and the network between them, and the only clock they have.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use cordboard_b2bua::{Command, Input, Settings};
use cordboard_media::command::Side;
use cordboard_media::dtmf::Digit;
use cordboard_sip::transport::{ConnectionId, Flow, Transmit, Transport};

use crate::carrier::Carrier;
use crate::network::{Link, Network, Packet};
use crate::node::Node;
use crate::phone::{CalleePlan, CallerPlan, DOMAIN, Phone, PhoneCall};
use crate::trace::Trace;
use crate::wire::Wire;

/// Where the node listens.
const NODE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), 5060);

/// The same for IPv6.
const NODE_V6: SocketAddr = SocketAddr::new(IpAddr::V6(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1)), 5060);

/// More steps at one instant than any test has packets: the world does not get on.
const MAX_STEPS_AT_ONCE: usize = 1_000_000;

/// Connections of bare sockets are numbered from here on, those of phones below.
const WIRES: usize = 1_000_000;

/// A phone of a [`World`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PhoneId(usize);

/// A carrier of a [`World`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CarrierId(usize);

/// A bare socket of a [`World`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WireId(usize);

/// A call as one phone sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CallRef {
    /// Whose.
    pub phone: PhoneId,
    /// Which of its calls.
    pub index: usize,
}

/// All of it.
pub struct World {
    /// The node under test.
    pub node: Node,
    /// What happened.
    pub trace: Trace,
    now: Instant,
    start: Instant,
    seed: u64,
    settings: Settings,
    network: Network,
    phones: Vec<Phone>,
    wires: Vec<Wire>,
    carriers: Vec<Carrier>,
    /// Who is where.
    addresses: BTreeMap<SocketAddr, Resident>,
}

#[derive(Clone, Copy, Debug)]
enum Resident {
    Phone(usize),
    Wire(usize),
    Carrier(usize),
}

impl World {
    /// A node with default settings and a network without faults.
    pub fn new(seed: u64) -> Self {
        Self::with(seed, Link::GOOD, |_| ())
    }

    /// A node whose settings a test changed, and a network whose links are all like this one. Its domain is `pbx.test`.
    #[expect(
        clippy::disallowed_methods,
        reason = "virtual time needs a first instant; it is never read again"
    )]
    pub fn with(seed: u64, link: Link, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings { domains: vec![DOMAIN.to_owned()], ..Settings::default() };
        change(&mut settings);
        let start = Instant::now();
        let mut world = Self {
            node: Node::new(start, settings.clone(), seed, [NODE, NODE_V6]),
            trace: Trace::new(start),
            now: start,
            start,
            seed,
            settings,
            network: Network::new(seed, link),
            phones: Vec::new(),
            wires: Vec::new(),
            carriers: Vec::new(),
            addresses: BTreeMap::new(),
        };
        world.tell(Input::Timeout);
        world
    }

    /// Gives the node other settings.
    pub fn configure(&mut self, change: impl FnOnce(&mut Settings)) {
        change(&mut self.settings);
        self.command(Command::Configure(Arc::new(self.settings.clone())));
    }

    /// How much virtual time has passed.
    pub fn elapsed(&self) -> Duration {
        self.now - self.start
    }

    /// Adds a phone that speaks UDP and is not registered.
    pub fn phone(&mut self, user: &str) -> PhoneId {
        self.phone_over(Transport::Udp, user)
    }

    /// Adds a phone that speaks this transport and is not registered.
    pub fn phone_over(&mut self, transport: Transport, user: &str) -> PhoneId {
        let address = self.move_in(1, Resident::Phone(self.phones.len()));
        self.add_phone(user, Flow { transport, local: address, remote: NODE, connection: ConnectionId::NONE })
    }

    /// Adds a phone that speaks UDP over IPv6 and is not registered.
    pub fn phone_over_ipv6(&mut self, user: &str) -> PhoneId {
        let index = self.phones.len();
        let number = u16::try_from(index + 1).expect("a street has 65,535 numbers");
        let address = SocketAddr::new(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 1, number).into(), 5060);
        self.addresses.insert(address, Resident::Phone(index));
        self.add_phone(user, Flow::udp(address, NODE_V6))
    }

    fn add_phone(&mut self, user: &str, flow: Flow) -> PhoneId {
        let index = self.phones.len();
        let flow = Flow { connection: connection(flow.transport, index), ..flow };
        // Seeds of phones differ from the node's and from each other's.
        let seed = self.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(1 + index as u64);
        self.phones.push(Phone::new(user, flow, self.settings.sip.clone(), seed));
        PhoneId(index)
    }

    /// Adds a phone that behaves like this when it is called, and registers it.
    ///
    /// # Panics
    /// When the node does not answer 200; on a bad link use [`Self::register`] and let time pass.
    pub fn registered(&mut self, user: &str, plan: CalleePlan) -> PhoneId {
        let id = self.phone(user);
        self.phone_mut(id).plan = plan;
        self.register(id);
        self.run_for(Duration::from_secs(1));
        let replies = &self.phones[id.0].replies;
        assert_eq!(replies.last().map(|reply| reply.status), Some(200), "{user} could not register");
        id
    }

    /// Sends the REGISTER of a phone with its usual Contact.
    pub fn register(&mut self, id: PhoneId) {
        let contact = self.phones[id.0].contact();
        self.with_phone(id, |phone, now| phone.register(now, &[&contact], None));
    }

    /// Sends a REGISTER with these Contact values and this Expires.
    pub fn register_as(&mut self, id: PhoneId, contacts: &[&str], expires: Option<u32>) {
        self.with_phone(id, |phone, now| phone.register(now, contacts, expires));
    }

    /// Calls.
    pub fn call(&mut self, from: PhoneId, callee: &str, plan: CallerPlan) -> CallRef {
        let mut index = 0;
        self.with_phone(from, |phone, now| index = phone.call(now, callee, plan));
        CallRef { phone: from, index }
    }

    /// Lets a phone do something, and sends what it has to send.
    pub fn with_phone(&mut self, id: PhoneId, act: impl FnOnce(&mut Phone, Instant)) {
        act(&mut self.phones[id.0], self.now);
        self.send_of_phone(id.0);
    }

    /// A phone.
    pub fn at(&self, id: PhoneId) -> &Phone {
        &self.phones[id.0]
    }

    /// A phone, to change its plan.
    pub fn phone_mut(&mut self, id: PhoneId) -> &mut Phone {
        &mut self.phones[id.0]
    }

    /// A call.
    pub fn seen(&self, call: CallRef) -> &PhoneCall {
        &self.phones[call.phone.0].calls[call.index]
    }

    /// Gives a phone a link of its own.
    pub fn set_link(&mut self, id: PhoneId, link: Link) {
        self.network.set_link(self.phones[id.0].address(), link);
    }

    /// The stream connection of a phone closes; the node is told.
    pub fn close_connection(&mut self, id: PhoneId) {
        let flow = self.flow_of_node(self.phones[id.0].flow().transport, self.phones[id.0].address());
        self.tell(Input::FlowFailed { flow });
    }

    /// Adds a bare socket for datagrams.
    pub fn wire(&mut self) -> WireId {
        self.wire_over(Transport::Udp)
    }

    /// Adds a bare socket; a stream delivers each message that is sent as one.
    pub fn wire_over(&mut self, transport: Transport) -> WireId {
        let index = self.wires.len();
        let address = self.move_in(2, Resident::Wire(index));
        self.wires.push(Wire::new(address, transport));
        WireId(index)
    }

    /// The connection of a bare socket closes, or nothing can be sent to it any more; the node is told.
    pub fn cut_wire(&mut self, wire: WireId) {
        let Wire { transport, address, .. } = self.wires[wire.0];
        let flow = self.flow_of_node(transport, address);
        self.tell(Input::FlowFailed { flow });
    }

    /// Adds a carrier that speaks UDP.
    pub fn carrier(&mut self) -> CarrierId {
        let index = self.carriers.len();
        let address = self.move_in(3, Resident::Carrier(index));
        let flow = Flow::udp(address, NODE);
        let seed = self.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_sub(1 + index as u64);
        self.carriers.push(Carrier::new(self.start, flow, self.settings.sip.clone(), seed));
        CarrierId(index)
    }

    /// A carrier.
    pub fn of(&self, carrier: CarrierId) -> &Carrier {
        &self.carriers[carrier.0]
    }

    /// A carrier, to change how it answers.
    pub fn of_mut(&mut self, carrier: CarrierId) -> &mut Carrier {
        &mut self.carriers[carrier.0]
    }

    /// Every nonce that a carrier gave so far is stale from now on.
    pub fn forget_nonces(&mut self, carrier: CarrierId) {
        let now = self.now;
        self.carriers[carrier.0].forget_nonces(now);
    }

    /// Nothing can be sent to a carrier any more, as the kernel says.
    pub fn cut_off(&mut self, carrier: CarrierId) {
        self.cut_off_over(Transport::Udp, carrier);
    }

    /// The same of this transport: a connection to it has closed.
    pub fn cut_off_over(&mut self, transport: Transport, carrier: CarrierId) {
        let flow = self.flow_of_node(transport, self.carriers[carrier.0].address());
        self.tell(Input::FlowFailed { flow });
    }

    /// What a bare socket received.
    pub fn on(&self, wire: WireId) -> &Wire {
        &self.wires[wire.0]
    }

    /// Sends bytes from a bare socket.
    pub fn send(&mut self, wire: WireId, bytes: impl Into<Bytes>) {
        let Wire { transport, address: from, .. } = self.wires[wire.0];
        self.put(from, Packet { transport, from, to: NODE, bytes: bytes.into() });
    }

    /// Steers the node.
    pub fn command(&mut self, command: Command) {
        self.tell(Input::Command(command));
    }

    /// The relay reports that no call has media any more.
    pub fn silence_media(&mut self) {
        self.node.media_timeout(self.now);
    }

    /// The relay reports that one side of every call has no media, while the other has.
    pub fn silence_side(&mut self, side: Side) {
        self.node.media_silent(self.now, side);
    }

    /// The relay reports that one side of every call pressed a key for so long.
    pub fn press(&mut self, side: Side, digit: Digit, duration: Duration) {
        self.node.media_pressed(self.now, side, digit, duration);
    }

    /// Lets time pass.
    pub fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        let (mut instant, mut steps) = (self.now, 0);
        while let Some(at) = self.next_event().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            steps = if self.now == instant { steps + 1 } else { 0 };
            instant = self.now;
            assert!(steps < MAX_STEPS_AT_ONCE, "somebody asks to be woken at {:?}, for ever", self.elapsed());
            self.step();
        }
        self.now = end;
    }

    /// Lets everything come to an end, for longer than any transaction lives, and checks that nothing is left.
    ///
    /// # Panics
    /// When a call, transaction or port is left, or a call did not end exactly once.
    pub fn settle(&mut self) {
        self.run_for(self.settings.sip.t1 * 64 * 3);
        self.check_nothing_is_left();
    }

    fn check_nothing_is_left(&self) {
        let counters = self.node.counters();
        assert_eq!(counters.calls, 0, "calls are left");
        assert_eq!(counters.transactions, 0, "transactions of the node are left");
        assert_eq!(self.node.relay.ports(), 0, "ports are left");
        let (handed_out, given_back) = self.node.relay.turnover();
        assert_eq!(handed_out, given_back, "port blocks handed out and given back");
        for (call_id, starts_and_ends) in self.node.ledger() {
            assert_eq!(starts_and_ends, (1, 1), "starts and ends of {call_id}");
        }
        if self.network.corrupts() {
            // A response to an INVITE whose branch was changed leaves its sender with the unchanged one.
            return;
        }
        for phone in &self.phones {
            assert_eq!(phone.stray_transactions(), 0, "transactions of {} are left", phone.user());
        }
    }

    fn next_event(&self) -> Option<Instant> {
        let phones = self.phones.iter().filter_map(Phone::next_timeout).min();
        let carriers = self.carriers.iter().filter_map(Carrier::next_timeout).min();
        [self.network.next_arrival(), self.node.next_wake(), phones, carriers].into_iter().flatten().min()
    }

    /// Does what is due now: packets, then the node, then the phones in their order.
    fn step(&mut self) {
        while let Some(packet) = self.network.arrived(self.now) {
            self.deliver(packet);
        }
        let sent = self.node.wake(self.now, &mut self.trace);
        self.send_of_node(sent);
        for index in 0..self.phones.len() {
            if self.phones[index].next_timeout().is_some_and(|at| at <= self.now) {
                self.phones[index].handle_timeout(self.now);
                self.send_of_phone(index);
            }
        }
        for index in 0..self.carriers.len() {
            if self.carriers[index].next_timeout().is_some_and(|at| at <= self.now) {
                self.carriers[index].handle_timeout(self.now);
                self.send_of_carrier(index);
            }
        }
    }

    fn deliver(&mut self, packet: Packet) {
        if packet.to == NODE || packet.to == NODE_V6 {
            let flow = self.flow_of_node(packet.transport, packet.from);
            self.tell(Input::Received { flow, bytes: packet.bytes });
            return;
        }
        match self.addresses.get(&packet.to) {
            Some(Resident::Phone(index)) => {
                let index = *index;
                self.phones[index].handle_message(self.now, packet.bytes);
                self.send_of_phone(index);
            }
            Some(Resident::Carrier(index)) => {
                let index = *index;
                self.carriers[index].handle_message(self.now, packet.bytes);
                self.send_of_carrier(index);
            }
            Some(Resident::Wire(index)) => self.wires[*index].receive(packet.bytes),
            // Nobody lives there: the packet is swallowed, as by most firewalls.
            None => {}
        }
    }

    fn tell(&mut self, input: Input) {
        let sent = self.node.feed(self.now, input, &mut self.trace);
        self.send_of_node(sent);
    }

    fn send_of_node(&mut self, sent: VecDeque<Transmit>) {
        for Transmit { flow, bytes } in sent {
            let packet = Packet { transport: flow.transport, from: flow.local, to: flow.remote, bytes };
            self.put(flow.remote, packet);
        }
    }

    fn send_of_phone(&mut self, index: usize) {
        while let Some(Transmit { flow, bytes }) = self.phones[index].poll_transmit() {
            let packet = Packet { transport: flow.transport, from: flow.local, to: flow.remote, bytes };
            self.put(flow.local, packet);
        }
    }

    fn send_of_carrier(&mut self, index: usize) {
        while let Some(Transmit { flow, bytes }) = self.carriers[index].poll_transmit() {
            let packet = Packet { transport: flow.transport, from: flow.local, to: flow.remote, bytes };
            self.put(flow.local, packet);
        }
    }

    /// Sends a packet over the link of `end`.
    fn put(&mut self, end: SocketAddr, packet: Packet) {
        let (from, to, bytes) = (packet.from, packet.to, packet.bytes.clone());
        let copies = self.network.send(self.now, end, packet);
        self.trace.message(self.now, from, to, &bytes, copies);
    }

    fn flow_of_node(&self, transport: Transport, remote: SocketAddr) -> Flow {
        let connection = match self.addresses.get(&remote) {
            Some(Resident::Phone(index)) => connection(transport, *index),
            Some(Resident::Wire(index)) => connection(transport, WIRES + index),
            _ => ConnectionId::NONE,
        };
        Flow { transport, local: if remote.is_ipv6() { NODE_V6 } else { NODE }, remote, connection }
    }

    fn move_in(&mut self, street: u8, resident: Resident) -> SocketAddr {
        let number = u16::try_from(self.addresses.len() + 1).expect("a street has 65,535 numbers");
        let [high, low] = number.to_be_bytes();
        let address = SocketAddr::from(([10, street, high, low], 5060));
        self.addresses.insert(address, resident);
        address
    }
}

fn connection(transport: Transport, index: usize) -> ConnectionId {
    if transport.is_reliable() { ConnectionId(index as u64 + 1) } else { ConnectionId::NONE }
}
