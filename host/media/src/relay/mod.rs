//! The relay: dedicated threads with epoll that own the sockets and a table of calls.
//!
//! Signalling reserves, announces and releases with [`Relay::command`]. Sockets are bound by the thread that calls it; all
//! else is an order to the relay thread of the block, over a channel and an eventfd. A block belongs to one thread for good,
//! so orders for it are carried out as they were given.
//!
//! - A call has 4 sockets, and 8 as soon as a side announces a second stream. Those of a released block stay open: they
//!   swallow what is still sent to the old call, and the next call on that block needs no new ones. So open sockets follow
//!   the most calls there were at once (and in quarantine), and never exceed the range.
//! - A side's packets wait in the kernel until that side is announced, so that the first words after an answer are not lost
//!   when they overtake the answer. After that, packets without a destination are dropped.
//! - The packet path takes no lock, allocates nothing, and logs nothing.

mod call;
mod latch;
mod socket;
#[cfg(test)]
mod tests;
mod thread;

use std::collections::BTreeMap;
use std::io;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::event::{EventfdFlags, eventfd};
use rustix::fd::OwnedFd;

use crate::command::{MediaCommand, MediaId, MediaReply, STREAMS, Side};
use crate::port::{BLOCK_PORTS, Block, PortPool};
use call::Announcement;
pub use socket::BindFailure;
use socket::{Addresses, bind_stream, mark};
use thread::{NewSockets, Order, RelayThread, Timeouts, now};

/// Blocks tried for one call when ports turn out to belong to another process. Such ports are few in a range set aside for
/// media; more attempts would only make a refusal slow when the address itself is wrong.
const BLOCKS_TRIED: usize = 16;

/// Settings of the relay.
#[derive(Clone, Debug)]
pub struct RelaySettings {
    /// First and last port, inclusive.
    pub ports: (u16, u16),
    /// How long a released block swallows stragglers before it is used again.
    pub quarantine: Duration,
    /// Silence after which [`MediaReply::TimedOut`] is told; `None`: never.
    pub media_timeout: Option<Duration>,
    /// Silence of one side, while the other talks, after which [`MediaReply::Silent`] is told; `None`: never.
    pub one_way_timeout: Option<Duration>,
    /// Whether the media of a leg may come from a host that is neither the announced one nor that of its SIP. Needed with
    /// peers whose SIP comes through a proxy and whose media come through a NAT; it lets a stranger take the place of a
    /// peer that is silent.
    pub any_source: bool,
    /// Differentiated services code point of the packets sent (RFC 2474); 46 is expedited forwarding, which RFC 4594 §4.1
    /// names for telephony. `None`: as the kernel does.
    pub dscp: Option<u8>,
    /// Relay threads.
    pub threads: usize,
}

/// Port use, for metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PortUse {
    /// Ports of calls in progress.
    pub allocated: usize,
    /// Ports in quarantine.
    pub quarantined: usize,
    /// Ports of the range that form whole blocks.
    pub total: usize,
}

/// Receives what happens later.
type Tell = Arc<dyn Fn(MediaReply) + Send + Sync>;

/// A running relay. Dropping it ends its threads.
#[derive(Debug)]
pub struct Relay {
    any_source: bool,
    desk: Mutex<Desk>,
    workers: Vec<Worker>,
}

/// What signalling knows of the ports. Relay threads never come here.
#[derive(Debug)]
struct Desk {
    pool: PortPool,
    calls: BTreeMap<MediaId, Block>,
    /// What the sockets of each block are bound to, by index; `None`: they are closed.
    bound: Vec<Option<Binding>>,
    last_failure: Option<BindFailure>,
    /// `None`: none is wanted, or the kernel refused it once.
    dscp: Option<u8>,
    dscp_failure: Option<io::Error>,
}

#[derive(Clone, Copy, Debug)]
struct Binding {
    addresses: Addresses,
    /// Which streams have sockets.
    streams: [bool; STREAMS],
}

/// One relay thread, seen from outside.
#[derive(Debug)]
struct Worker {
    /// `None` only while the relay is dropped.
    orders: Option<Sender<Order>>,
    wake: Arc<OwnedFd>,
    thread: Option<JoinHandle<()>>,
}

impl Relay {
    /// Starts the threads. `tell` receives what happens later (timeouts, releases); it is called from relay threads and
    /// must not block.
    ///
    /// # Errors
    /// When the range holds no whole block or the kernel refuses epoll or a thread.
    pub fn start(
        settings: RelaySettings,
        tell: impl Fn(MediaReply) + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let (first, last) = settings.ports;
        let pool = PortPool::new(first, last, settings.quarantine).ok_or_else(|| {
            let problem = format!(
                "RTP ports {first}-{last}: expected at least {BLOCK_PORTS} ports from an even one on, so that one call fits"
            );
            io::Error::new(io::ErrorKind::InvalidInput, problem)
        })?;
        let tell: Tell = Arc::new(tell);
        let threads = settings.threads.max(1);
        let blocks = pool.total().div_ceil(threads);
        let timeouts = Timeouts { call: settings.media_timeout, side: settings.one_way_timeout };
        let workers = (0..threads)
            .map(|number| Worker::start(number, blocks, tell.clone(), timeouts))
            .collect::<io::Result<_>>()?;
        let bound = vec![None; pool.total()];
        let desk = Desk {
            pool,
            calls: BTreeMap::new(),
            bound,
            last_failure: None,
            dscp: settings.dscp,
            dscp_failure: None,
        };
        Ok(Self { any_source: settings.any_source, desk: Mutex::new(desk), workers })
    }

    /// Carries out a command. Allocation is answered at once: sockets are bound by the calling thread. An announcement is
    /// answered only when it fails: [`MediaReply::Exhausted`] when the ports of its second stream cannot be bound. Commands
    /// for calls without media are ignored, and a second allocation for a call is answered with the ports that it has.
    pub fn command(&self, command: MediaCommand) -> Option<MediaReply> {
        let mut desk = self.desk();
        match command {
            MediaCommand::Allocate { media, caller_address, callee_address } => {
                let addresses = Addresses { caller: caller_address, callee: callee_address };
                Some(match self.allocate(&mut desk, media, addresses) {
                    Some(block) => MediaReply::Allocated { media, ports: block.ports() },
                    None => MediaReply::Exhausted { media },
                })
            }
            MediaCommand::Announce { media, side, signalling, streams, keys, digits_by_info } => {
                let signalling = (!self.any_source).then_some(signalling);
                let announcement = Announcement { streams, signalling, keys, digits_by_info };
                self.announce(&mut desk, media, side, announcement)
            }
            MediaCommand::Press { media, side, digit, duration, seed } => {
                let &block = desk.calls.get(&media)?;
                self.order(block, |block| Order::Press { block, side, digit, duration, seed });
                None
            }
            MediaCommand::Release { media } => {
                let block = desk.calls.remove(&media)?;
                desk.pool.release(now(), block);
                self.order(block, |block| Order::Release { block });
                None
            }
        }
    }

    /// Ports in use now.
    pub fn port_use(&self) -> PortUse {
        let desk = self.desk();
        let ports = |blocks: usize| blocks * usize::from(BLOCK_PORTS);
        PortUse {
            allocated: ports(desk.pool.allocated()),
            quarantined: ports(desk.pool.quarantined(now())),
            total: ports(desk.pool.total()),
        }
    }

    /// The last port that could not be bound, since this was asked last: why a call found no ports although some are free.
    pub fn take_bind_failure(&self) -> Option<BindFailure> {
        self.desk().last_failure.take()
    }

    /// Why packets are sent without the configured code point; told once.
    pub fn take_dscp_failure(&self) -> Option<io::Error> {
        self.desk().dscp_failure.take()
    }

    fn allocate(&self, desk: &mut Desk, media: MediaId, addresses: Addresses) -> Option<Block> {
        if let Some(&block) = desk.calls.get(&media) {
            return Some(block);
        }
        let (block, sockets) = desk.reserve(addresses)?;
        desk.calls.insert(media, block);
        self.order(block, |block| Order::Begin { block, media, sockets });
        Some(block)
    }

    fn announce(
        &self,
        desk: &mut Desk,
        media: MediaId,
        side: Side,
        announcement: Announcement,
    ) -> Option<MediaReply> {
        let &block = desk.calls.get(&media)?;
        let mut sockets = NewSockets::new();
        let mut reply = None;
        for stream in (0..STREAMS).filter(|&stream| announcement.streams[stream].is_some()) {
            match desk.bind_missing(block, stream) {
                Some(bound) => sockets.extend(bound),
                None => reply = Some(MediaReply::Exhausted { media }),
            }
        }
        self.order(block, |block| Order::Announce { block, side, announcement, sockets });
        reply
    }

    /// Hands an order to the thread of a block.
    fn order(&self, block: Block, order: impl FnOnce(usize) -> Order) {
        let worker = &self.workers[block.index % self.workers.len()];
        worker.order(order(block.index / self.workers.len()));
    }

    /// Guards the port tables among signalling threads. What a panicking thread leaves behind is whole between statements.
    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Desk {
    /// A block whose first stream is bound, with the sockets that are new.
    fn reserve(&mut self, addresses: Addresses) -> Option<(Block, NewSockets)> {
        let mut refused = Vec::new();
        let reserved = self.try_blocks(addresses, &mut refused);
        // They go to the end of the queue: whoever has those ports may have left when their turn comes again.
        for block in refused {
            self.pool.release(now(), block);
        }
        reserved
    }

    fn try_blocks(&mut self, addresses: Addresses, refused: &mut Vec<Block>) -> Option<(Block, NewSockets)> {
        for _ in 0..BLOCKS_TRIED {
            let block = self.pool.allocate(now())?;
            if self.bound[block.index].is_some_and(|binding| binding.addresses == addresses) {
                return Some((block, NewSockets::new()));
            }
            match self.bind(block, addresses, 0) {
                Ok(sockets) => {
                    self.bound[block.index] = Some(Binding { addresses, streams: [true, false] });
                    return Some((block, sockets));
                }
                Err(failure) => {
                    refused.push(block);
                    let in_use = failure.error.kind() == io::ErrorKind::AddrInUse;
                    self.last_failure = Some(failure);
                    if !in_use {
                        return None;
                    }
                }
            }
        }
        None
    }

    /// Binds a stream. Sockets that the kernel does not mark as wanted are used all the same: the call matters more.
    fn bind(&mut self, block: Block, addresses: Addresses, stream: usize) -> Result<NewSockets, BindFailure> {
        let sockets = bind_stream(block, addresses, stream)?;
        if let Some(dscp) = self.dscp
            && let Err(error) = sockets.iter().try_for_each(|(_, socket)| mark(socket, dscp))
        {
            (self.dscp, self.dscp_failure) = (None, Some(error));
        }
        Ok(sockets)
    }

    /// The sockets that a stream of a block still lacks. `None`: they cannot be bound.
    fn bind_missing(&mut self, block: Block, stream: usize) -> Option<NewSockets> {
        let binding = self.bound[block.index].expect("a block of a call has sockets since its allocation");
        if binding.streams[stream] {
            return Some(NewSockets::new());
        }
        match self.bind(block, binding.addresses, stream) {
            Ok(sockets) => {
                if let Some(binding) = &mut self.bound[block.index] {
                    binding.streams[stream] = true;
                }
                Some(sockets)
            }
            Err(failure) => {
                self.last_failure = Some(failure);
                None
            }
        }
    }
}

impl Worker {
    fn start(number: usize, blocks: usize, tell: Tell, timeouts: Timeouts) -> io::Result<Self> {
        let wake = Arc::new(eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?);
        let (orders, receiver) = channel();
        let relay = RelayThread::new(blocks, wake.clone(), receiver, tell, timeouts)?;
        let thread =
            std::thread::Builder::new().name(format!("relay-{number}")).spawn(move || relay.run())?;
        Ok(Self { orders: Some(orders), wake, thread: Some(thread) })
    }

    fn order(&self, order: Order) {
        if let Some(orders) = &self.orders {
            // A relay thread ends only when `orders` is dropped, so it is there to receive.
            let _gone = orders.send(order);
            self.wake();
        }
    }

    fn wake(&self) {
        // Writing fails only when the counter is full, and then the thread is about to wake anyway.
        let _full = rustix::io::write(&*self.wake, &1_u64.to_ne_bytes());
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.orders = None;
        self.wake();
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was reported when it happened.
            let _panicked = thread.join();
        }
    }
}
