//! One relay thread: it owns the sockets of its blocks and a table of calls, waits for packets, and carries out orders.

use std::io;
use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, Event, EventData, EventFlags};
use rustix::fd::OwnedFd;

use super::Tell;
use super::call::{Announcement, Call, Departure, PORTS, Packet, Port};
use crate::command::{MediaId, MediaReply, Side};
use crate::dtmf::{Digit, Press};
use crate::srtp::MAX_TRAILER_BYTES;

/// Sockets that signalling has bound, each with its place in the block.
pub(super) type NewSockets = Vec<(Port, UdpSocket)>;

/// What signalling wants of the thread. Blocks are counted per thread.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "orders come a few times per call; a box for each would cost more"
)]
pub(super) enum Order {
    /// A call begins on a block. Sockets that come along replace what was bound before; none come when that still fits.
    Begin { block: usize, media: MediaId, sockets: NewSockets },
    /// What a side announced, with sockets for streams that the block had none for.
    Announce { block: usize, side: Side, announcement: Announcement, sockets: NewSockets },
    /// A side pressed a key by INFO.
    Press { block: usize, side: Side, digit: Digit, duration: Duration, seed: u32 },
    /// The call on a block is over.
    Release { block: usize },
}

/// The token of the eventfd among those of the sockets.
const WAKE: u64 = u64::MAX;

/// Sockets served in one wake-up. Each gives one packet in its turn, so that a flooded one does not starve the others.
const BATCH: usize = 256;

/// The largest datagram there is, so that none is ever cut.
const DATAGRAM_BYTES: usize = 65_536;

/// How precisely the media timeout is kept.
const CHECK_EVERY: Duration = Duration::from_millis(250);

/// What counts as silence.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timeouts {
    /// Of both sides of a call; `None`: never.
    pub(super) call: Option<Duration>,
    /// Of one side while the other talks; `None`: never.
    pub(super) side: Option<Duration>,
}

impl Timeouts {
    fn shortest(self) -> Option<Duration> {
        self.call.into_iter().chain(self.side).min()
    }
}

pub(super) struct RelayThread {
    epoll: OwnedFd,
    wake: Arc<OwnedFd>,
    orders: Receiver<Order>,
    tell: Tell,
    timeouts: Timeouts,
    blocks: Vec<Option<Box<BlockState>>>,
    /// When the first of the calls has something to do besides relaying.
    due: Option<Instant>,
    packet: Box<[u8]>,
}

/// The sockets of a block, and its call unless it rests.
#[derive(Default)]
struct BlockState {
    sockets: [Option<Socket>; PORTS],
    call: Option<Call>,
}

struct Socket {
    udp: UdpSocket,
    /// Whether epoll reports its packets. Before its side is announced they wait in the kernel, because nobody can say yet
    /// whether they are the peer's: the first words after an answer can overtake the answer.
    watched: bool,
}

impl RelayThread {
    /// A thread for `blocks` blocks. `wake` is written after each order.
    ///
    /// # Errors
    /// When the kernel refuses epoll.
    pub(super) fn new(
        blocks: usize,
        wake: Arc<OwnedFd>,
        orders: Receiver<Order>,
        tell: Tell,
        timeouts: Timeouts,
    ) -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        epoll::add(&epoll, &wake, EventData::new_u64(WAKE), EventFlags::IN)?;
        let blocks = std::iter::repeat_with(|| None).take(blocks).collect();
        let packet = vec![0; DATAGRAM_BYTES + MAX_TRAILER_BYTES].into();
        Ok(Self { epoll, wake, orders, tell, timeouts, blocks, due: None, packet })
    }

    /// Relays until the sender of orders is dropped.
    pub(super) fn run(mut self) {
        let mut events: Vec<Event> = Vec::with_capacity(BATCH);
        let shortest = self.timeouts.shortest();
        let check_every = shortest.map_or(CHECK_EVERY, |timeout| timeout.min(CHECK_EVERY));
        let idle = shortest.map(|_| check_every);
        let mut check_at = now() + check_every;
        loop {
            let wait = self.wait(idle).and_then(|wait| wait.try_into().ok());
            // Only a signal interrupts the wait; the loop then just waits again.
            let _interrupted = epoll::wait(&self.epoll, spare_capacity(&mut events), wait.as_ref());
            let now = now();
            // Reset before the orders are taken, so that one sent in between wakes the thread once more.
            if events.iter().any(|event| event.data.u64() == WAKE) {
                self.reset_wake();
            }
            // Orders before packets: a packet that came after an announcement is judged by it.
            if !self.take_orders(now) {
                return;
            }
            for event in events.drain(..).filter(|event| event.data.u64() != WAKE) {
                self.relay(now, event.data.u64() as usize);
            }
            if self.due.is_some_and(|due| due <= now) {
                self.serve(now);
            }
            if now >= check_at {
                check_at = now + check_every;
                self.check_timeouts(now);
            }
        }
    }

    /// One packet of one socket.
    fn relay(&mut self, now: Instant, token: usize) {
        let Some(block) = self.blocks[token / PORTS].as_deref_mut() else { return };
        let Some(socket) = &block.sockets[token % PORTS] else { return };
        let Ok((length, from)) = socket.udp.recv_from(&mut self.packet[..DATAGRAM_BYTES]) else { return };
        let mut packet = Packet { buffer: &mut self.packet, length };
        // A resting block swallows what is still sent to its last call.
        let Some(call) = &mut block.call else { return };
        let port = Port::from_index(token % PORTS);
        let departure = call.receive(now, port, from, &mut packet);
        if let Some(due) = call.due() {
            self.due = Some(self.due.map_or(due, |first| first.min(due)));
        }
        let Some(Departure { port, to }) = departure else { return };
        if let Some(socket) = &block.sockets[port.index()] {
            // What the kernel cannot send now would come too late: RTP is better lost.
            let _lost = socket.udp.send_to(packet.bytes(), to);
        }
    }

    /// How long to wait for packets: until a call has something to do, or `idle`.
    fn wait(&self, idle: Option<Duration>) -> Option<Duration> {
        let due = self.due.map(|due| due.saturating_duration_since(now()));
        idle.into_iter().chain(due).min()
    }

    /// Tells what the calls have heard, and sends what they have to say. A walk over all of them, but only while somebody presses
    /// a key.
    fn serve(&mut self, now: Instant) {
        let Self { blocks, tell, .. } = self;
        let mut first: Option<Instant> = None;
        for block in blocks.iter_mut().flatten() {
            let BlockState { sockets, call: Some(call) } = &mut **block else { continue };
            let media = call.media;
            if call.due().is_some_and(|due| due <= now) {
                let told = |side, Press { digit, duration }| {
                    tell(MediaReply::Pressed { media, side, digit, duration });
                };
                call.serve(now, told, |Departure { port, to }, packet| {
                    if let Some(socket) = &sockets[port.index()] {
                        let _lost = socket.udp.send_to(packet, to);
                    }
                });
            }
            first = first.into_iter().chain(call.due()).min();
        }
        self.due = first;
    }

    fn reset_wake(&self) {
        let mut written = [0; 8];
        // Reading an eventfd resets it; it is readable, since epoll said so.
        let _written = rustix::io::read(&*self.wake, &mut written);
    }

    /// False when signalling is gone. Costs a look at the channel when there are none.
    fn take_orders(&mut self, now: Instant) -> bool {
        loop {
            match self.orders.try_recv() {
                Ok(order) => self.carry_out(now, order),
                Err(TryRecvError::Empty) => return true,
                Err(TryRecvError::Disconnected) => return false,
            }
        }
    }

    fn carry_out(&mut self, now: Instant, order: Order) {
        match order {
            Order::Begin { block: index, media, sockets } => {
                let block = self.blocks[index].get_or_insert_default();
                if !sockets.is_empty() {
                    block.sockets = Default::default();
                }
                block.unwatch(&self.epoll);
                block.install(sockets);
                block.call = Some(Call::new(now, media));
            }
            Order::Announce { block: index, side, announcement, sockets } => {
                let Some(block) = self.blocks[index].as_deref_mut() else { return };
                block.install(sockets);
                if let Some(call) = &mut block.call {
                    call.announce(now, side, &announcement);
                }
                block.watch(&self.epoll, index);
            }
            Order::Press { block: index, side, digit, duration, seed } => {
                let call = self.blocks[index].as_deref_mut().and_then(|block| block.call.as_mut());
                let Some(call) = call else { return };
                call.press(now, side, digit, duration, seed);
                self.due = self.due.into_iter().chain(call.due()).min();
            }
            Order::Release { block: index } => {
                let Some(block) = self.blocks[index].as_deref_mut() else { return };
                let Some(call) = block.call.take() else { return };
                block.watch(&self.epoll, index);
                (self.tell)(MediaReply::Released {
                    media: call.media,
                    caller: call.counters(Side::Caller),
                    callee: call.counters(Side::Callee),
                });
            }
        }
    }

    fn check_timeouts(&mut self, now: Instant) {
        let calls = self.blocks.iter_mut().flatten().filter_map(|block| block.call.as_mut());
        for call in calls {
            let media = call.media;
            if self.timeouts.call.is_some_and(|timeout| call.is_dead(now, timeout)) {
                (self.tell)(MediaReply::TimedOut { media });
            }
            if let Some(side) = self.timeouts.side.and_then(|timeout| call.silent_side(now, timeout)) {
                (self.tell)(MediaReply::Silent { media, side });
            }
        }
    }
}

impl BlockState {
    /// Reads none of the sockets until a side is announced. They are not emptied: a packet of the new call may be there
    /// already, and one of an old call is told from it by its source.
    fn unwatch(&mut self, epoll: &OwnedFd) {
        for socket in self.sockets.iter_mut().flatten() {
            if std::mem::take(&mut socket.watched) {
                // Only a socket that is not in the set could fail here, and `watched` says that it is.
                let _removed = epoll::delete(epoll, &socket.udp);
            }
        }
    }

    fn install(&mut self, sockets: NewSockets) {
        for (port, udp) in sockets {
            self.sockets[port.index()] = Some(Socket { udp, watched: false });
        }
    }

    /// Reads the sockets of announced streams from now on; all of them when the block rests.
    fn watch(&mut self, epoll: &OwnedFd, index: usize) {
        for (place, socket) in self.sockets.iter_mut().enumerate() {
            let Some(socket) = socket else { continue };
            let port = Port::from_index(place);
            let wanted = self.call.as_ref().is_none_or(|call| call.is_announced(port.side, port.stream));
            if wanted && !socket.watched {
                let token = EventData::new_u64((index * PORTS + place) as u64);
                // The kernel refuses for want of memory only; the stream then stays silent and the media timeout ends it.
                socket.watched = epoll::add(epoll, &socket.udp, token, EventFlags::IN).is_ok();
            }
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the relay is a driver: it stamps what comes from the network")]
pub(super) fn now() -> Instant {
    Instant::now()
}
