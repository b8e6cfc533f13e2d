//! CPU per relayed packet beside a bare epoll loop on as many sockets, and the delay that the relay adds.
//!
//! `cargo bench -p cordboard-media`. Both relays get the same load from the same sockets, in turns, so that their ratio means
//! something on a busy machine too; CPU is what the kernel charged to the one thread (`schedstat`). The bare loop is the
//! least that a relay can be: `recvfrom`, a table look-up, `sendto`. Goals: a ratio of at most 1.25 at 200 and at 1,000
//! streams, p99 below 0.5 ms at 100 calls, no packet lost.
#![expect(clippy::print_stdout, reason = "a report for a person")]
#![expect(clippy::disallowed_methods, reason = "it measures time")]

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use cordboard_media::command::{MediaCommand, MediaId, MediaReply, RemoteStream, Side};
use cordboard_media::dtmf::EventFormats;
use cordboard_media::relay::{Relay, RelaySettings};
use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, Event, EventData, EventFlags};
use rustix::fd::OwnedFd;

/// A packet of G.711, 20 ms.
const PACKET_BYTES: usize = 172;
const PACKET_EVERY: Duration = Duration::from_millis(20);

/// The load comes in steps, as packets of many phones do.
const STEP: Duration = Duration::from_millis(1);

/// Sockets of a call: RTP and RTCP towards each side.
const SOCKETS: usize = 4;

fn main() {
    // `cargo bench` says so; without it (a test run over all targets) the program only shows that it works.
    let measure = std::env::args().any(|argument| argument == "--bench");
    let (sizes, rounds, length): (&[usize], usize, Duration) = if measure {
        (&[200, 1_000], 5, Duration::from_secs(2))
    } else {
        (&[20], 1, Duration::from_millis(100))
    };
    for &streams in sizes {
        compare(streams, rounds, length);
    }
}

fn compare(streams: usize, rounds: usize, length: Duration) {
    let mut phones = Phones::new(streams);
    let bare = Bare::start(&phones.addresses);
    let relay = relay_for(&phones.addresses);
    let targets = [("relay-0", &relay.1), ("bare-0", &bare.ports)];
    for (_, ports) in targets {
        phones.talk(ports, length / 4);
    }
    let mut ratios = Vec::new();
    for round in 0..rounds {
        let [relayed, plain] = targets.map(|(thread, ports)| {
            let before = thread_cpu(thread);
            let heard = phones.talk(ports, length);
            Turn { cpu: thread_cpu(thread).saturating_sub(before), heard }
        });
        let ratio = relayed.micros_per_packet() / plain.micros_per_packet();
        println!("{streams} streams, round {round}: relay {relayed}; bare loop {plain}; ratio {ratio:.3}");
        ratios.push(ratio);
    }
    ratios.sort_by(f64::total_cmp);
    println!("{streams} streams: median ratio {:.3}", ratios[ratios.len() / 2]);
    let straight: Vec<_> = (0..streams).map(|phone| phones.addresses[phone ^ 1]).collect();
    let direct = phones.talk(&straight, length);
    println!("{streams} streams without any relay: {direct}");
}

struct Turn {
    cpu: Duration,
    heard: Heard,
}

impl Turn {
    fn micros_per_packet(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.heard.delays.len().max(1) as f64
    }
}

impl std::fmt::Display for Turn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.2} us CPU a packet, {}", self.micros_per_packet(), self.heard)
    }
}

/// What arrived of what was sent.
struct Heard {
    sent: usize,
    /// From before the sending to after the receiving, sorted.
    delays: Vec<Duration>,
}

impl std::fmt::Display for Heard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let at = |share: f64| match self.delays.len() {
            0 => f64::NAN,
            count => self.delays[((count - 1) as f64 * share) as usize].as_secs_f64() * 1e3,
        };
        write!(f, "{} of {} lost, delay p50 {:.3} ", self.sent - self.delays.len(), self.sent, at(0.5))?;
        write!(f, "p99 {:.3} max {:.3} ms", at(0.99), at(1.0))
    }
}

/// The peers of all calls: phone 2n calls phone 2n+1.
struct Phones {
    sockets: Vec<UdpSocket>,
    addresses: Vec<SocketAddr>,
    epoll: OwnedFd,
    sequence: u16,
    origin: Instant,
}

impl Phones {
    fn new(count: usize) -> Self {
        let sockets: Vec<_> = (0..count).map(|_| socket()).collect();
        let addresses = sockets.iter().map(|socket| socket.local_addr().unwrap()).collect();
        let epoll = watch(sockets.iter().enumerate());
        Self { sockets, addresses, epoll, sequence: 0, origin: Instant::now() }
    }

    /// Every phone sends 50 packets per second to its place in `targets`, for a while.
    fn talk(&mut self, targets: &[SocketAddr], length: Duration) -> Heard {
        let steps = (PACKET_EVERY.as_micros() / STEP.as_micros()) as usize;
        let mut heard = Heard { sent: 0, delays: Vec::with_capacity(1 << 20) };
        let start = Instant::now();
        let mut step = 0;
        while start.elapsed() < length || step % steps != 0 {
            if step % steps == 0 {
                self.sequence = self.sequence.wrapping_add(1);
            }
            for phone in (step % steps..self.sockets.len()).step_by(steps) {
                self.send(phone, targets[phone]);
                heard.sent += 1;
            }
            step += 1;
            self.receive_until(start + STEP * step as u32, &mut heard);
        }
        let patience = Instant::now() + Duration::from_millis(200);
        while heard.delays.len() < heard.sent && Instant::now() < patience {
            self.receive_until(Instant::now() + STEP, &mut heard);
        }
        heard.delays.sort();
        heard
    }

    fn send(&self, phone: usize, to: SocketAddr) {
        let mut packet = [0; PACKET_BYTES];
        packet[0] = 0x80;
        packet[2..4].copy_from_slice(&self.sequence.to_be_bytes());
        packet[4..8].copy_from_slice(&(u32::from(self.sequence) * 160).to_be_bytes());
        packet[8..12].copy_from_slice(&(phone as u32).to_be_bytes());
        packet[12..20].copy_from_slice(&(self.origin.elapsed().as_nanos() as u64).to_be_bytes());
        self.sockets[phone].send_to(&packet, to).unwrap();
    }

    fn receive_until(&self, deadline: Instant, heard: &mut Heard) {
        let mut events: Vec<Event> = Vec::with_capacity(256);
        let mut packet = [0; PACKET_BYTES];
        loop {
            let wait = deadline.saturating_duration_since(Instant::now());
            epoll::wait(&self.epoll, spare_capacity(&mut events), Some(&wait.try_into().unwrap())).unwrap();
            for event in events.drain(..) {
                if self.sockets[event.data.u64() as usize].recv(&mut packet).is_ok() {
                    let sent_at = u64::from_be_bytes(packet[12..20].try_into().unwrap());
                    heard.delays.push(self.origin.elapsed().saturating_sub(Duration::from_nanos(sent_at)));
                }
            }
            if Instant::now() >= deadline {
                return;
            }
        }
    }
}

/// The product's relay with a call for every two phones, and the ports that the phones send to.
fn relay_for(phones: &[SocketAddr]) -> (Relay, Vec<SocketAddr>) {
    let calls = phones.len() / 2;
    let settings = RelaySettings {
        ports: (22_000, 22_000 + 8 * calls as u16 - 1),
        quarantine: Duration::from_secs(5),
        media_timeout: Some(Duration::from_secs(60)),
        one_way_timeout: Some(Duration::from_secs(30)),
        any_source: false,
        dscp: Some(46),
        threads: 1,
    };
    let relay = Relay::start(settings, |_| {}).unwrap();
    let mut ports = Vec::with_capacity(phones.len());
    for (call, peers) in phones.chunks(2).enumerate() {
        let media = MediaId(call as u64);
        let address = Ipv4Addr::LOCALHOST.into();
        let allocate = MediaCommand::Allocate { media, caller_address: address, callee_address: address };
        let Some(MediaReply::Allocated { ports: own, .. }) = relay.command(allocate) else {
            panic!("ports 22000 and following are not free")
        };
        for (side, peer) in [(Side::Caller, peers[0]), (Side::Callee, peers[1])] {
            let rtcp = SocketAddr::new(peer.ip(), peer.port() ^ 1);
            let audio =
                RemoteStream { rtp: peer, rtcp, sends: true, secure: false, events: EventFormats::default() };
            relay.command(MediaCommand::Announce {
                media,
                side,
                signalling: audio.rtp.ip(),
                streams: [Some(audio), None],
                keys: [None, None],
                digits_by_info: false,
            });
        }
        ports.extend([own.caller[0], own.callee[0]].map(|port| SocketAddr::new(address, port)));
    }
    (relay, ports)
}

/// The bare loop.
struct Bare {
    ports: Vec<SocketAddr>,
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Bare {
    fn start(phones: &[SocketAddr]) -> Self {
        let sockets: Vec<_> = (0..phones.len() / 2 * SOCKETS).map(|_| socket()).collect();
        let rtp = sockets.iter().step_by(SOCKETS / 2);
        let ports = rtp.map(|socket| socket.local_addr().unwrap()).collect();
        let destinations: Vec<_> = (0..sockets.len()).map(|index| phones[index / (SOCKETS / 2)]).collect();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let run = move || bare_loop(&sockets, &destinations, &stopped);
        let thread = std::thread::Builder::new().name("bare-0".into()).spawn(run).unwrap();
        Self { ports, stop, thread: Some(thread) }
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().map(|thread| thread.join());
    }
}

fn bare_loop(sockets: &[UdpSocket], destinations: &[SocketAddr], stop: &AtomicBool) {
    let epoll = watch(sockets.iter().enumerate());
    let mut events: Vec<Event> = Vec::with_capacity(256);
    let mut packet = [0; 2_048];
    let wait = Duration::from_millis(250).try_into().unwrap();
    while !stop.load(Ordering::Relaxed) {
        epoll::wait(&epoll, spare_capacity(&mut events), Some(&wait)).unwrap();
        for event in events.drain(..) {
            let index = event.data.u64() as usize;
            if let Ok((length, _)) = sockets[index].recv_from(&mut packet) {
                let other = index ^ (SOCKETS / 2);
                sockets[other].send_to(&packet[..length], destinations[other]).unwrap();
            }
        }
    }
}

fn socket() -> UdpSocket {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.set_nonblocking(true).unwrap();
    socket
}

fn watch<'a>(sockets: impl Iterator<Item = (usize, &'a UdpSocket)>) -> OwnedFd {
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).unwrap();
    for (token, socket) in sockets {
        epoll::add(&epoll, socket, EventData::new_u64(token as u64), EventFlags::IN).unwrap();
    }
    epoll
}

/// CPU time of the thread with this name.
fn thread_cpu(name: &str) -> Duration {
    for task in std::fs::read_dir("/proc/self/task").unwrap() {
        let task = task.unwrap().path();
        if std::fs::read_to_string(task.join("comm")).unwrap().trim() == name {
            let statistics = std::fs::read_to_string(task.join("schedstat")).unwrap();
            let nanos = statistics.split(' ').next().unwrap().parse().unwrap();
            return Duration::from_nanos(nanos);
        }
    }
    panic!("there is no thread {name}")
}
