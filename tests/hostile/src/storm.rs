//! The storm itself: batches of damaged messages, a probe behind each.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use cordboard_interop::{Options, Pbx, Stage, pause};
use cordboard_load::{Delays, Usage};
use rand::{RngExt as _, SeedableRng};
use rand_chacha::ChaCha12Rng;

use crate::streams::Streams;
use crate::template::{Templates, USERS};
use crate::{Probe, Report, loopback, mutation, user};

/// Where the storm comes from. No limit of new calls holds for it, as otherwise most of it would get no further than that.
const SOURCE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 3);

/// Messages between two looks at the PBX; few enough for the receive buffer of its socket.
const BATCH: u64 = 100;

/// Damage is thrown away so often at most before a message is sent as it was.
const TRIES: usize = 20;

/// What is slower than this above the floor is a stall.
const STALL: Duration = Duration::from_millis(100);

/// Ports for five hundred calls, so that there are soon as many as there will ever be, and more are refused.
const MEDIA: std::ops::RangeInclusive<u16> = 33_000..=36_999;

/// How long a call lasts that nobody hangs up, which is most of them.
const CALLS: Duration = Duration::from_secs(5);

/// Until the last call has ended and been forgotten, which takes 64*T1 more, and its ports have rested.
const FORGOTTEN: Duration = Duration::from_secs(5 + 40);

/// A running PBX and what is needed to harass it.
pub struct Storm {
    pbx: Pbx,
    seed: u64,
    templates: Templates,
    probe: Probe,
    socket: UdpSocket,
    /// Asked by the PBX where names lead; says nothing.
    _dns: UdpSocket,
    number: u64,
    kept_back: u64,
}

impl Storm {
    /// Starts the PBX.
    ///
    /// # Panics
    /// When it does not start.
    pub fn new(stage: &Stage, seed: u64) -> Self {
        let dns = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let server = dns.local_addr().expect("it is bound");
        let options = Options {
            media: Some(MEDIA),
            exempt: vec![IpAddr::V4(SOURCE)],
            log_level: Some("error"),
            sections: format!(
                "dns: {{servers: ['{server}'], timeout: 200ms}}\n\
                 calls: {{ring_timeout: 3s, max_duration: {}s}}\n",
                CALLS.as_secs()
            ),
            ..Options::default()
        };
        let pbx = Pbx::start(stage, &options);
        let socket = UdpSocket::bind((SOURCE, 0)).expect("all of 127/8 is this machine");
        socket.set_nonblocking(true).expect("a socket can be made non-blocking");
        let (templates, probe) = (Templates::new(pbx.sip()), Probe::new(pbx.sip()));
        Self { pbx, seed, templates, probe, socket, _dns: dns, number: 0, kept_back: 0 }
    }

    /// So many damaged datagrams.
    pub fn datagrams(&mut self, count: u64) -> Report {
        self.run("UDP", count, |storm, rng, number| {
            let me = storm.socket.local_addr().expect("it is bound");
            let message = storm.damaged(rng, me, "UDP", number);
            storm.send(&message);
        })
    }

    /// So many damaged messages on connections: whole, in pieces, several at once.
    pub fn messages(&mut self, count: u64) -> Report {
        let mut streams = Streams::new(self.pbx.sip(), SOURCE);
        self.run("TCP", count, move |storm, rng, number| {
            let me = streams.address();
            let mut message = storm.damaged(rng, me, "TCP", number);
            // Now and then a sound one in front, so that the connection is one that has spoken.
            if rng.random_bool(0.3) {
                let sound = storm.templates.request("OPTIONS", USERS[0], me, "TCP", number, "");
                message = [sound, message].concat();
            }
            streams.write(rng, &message);
        })
    }

    fn run(
        &mut self,
        transport: &'static str,
        count: u64,
        mut one: impl FnMut(&mut Self, &mut ChaCha12Rng, u64),
    ) -> Report {
        let calls_before = self.calls();
        let floor = self.probe.median().expect("a quiet PBX answers");
        let (mut behind, mut after, mut stalls, mut unanswered) = (Vec::new(), Vec::new(), 0, 0);
        // As many calls, transactions and connections at once as there will be later: the allocator keeps what that took.
        let warm_up = (count / 2).next_multiple_of(BATCH);
        let (mut warm_bytes, mut sent) = (0, 0);
        let drops = self.usage().drops;
        self.kept_back = 0;
        while sent < count && self.pbx.is_running() {
            if sent.is_multiple_of(20 * BATCH) {
                self.register();
            }
            for _ in 0..BATCH.min(count - sent) {
                self.number += 1;
                let mut rng = ChaCha12Rng::seed_from_u64(self.seed.wrapping_add(self.number));
                one(self, &mut rng, self.number);
                self.answer_calls(&mut rng);
                sent += 1;
            }
            match (self.probe.ask(), self.probe.median()) {
                (Some(first), Some(median)) => {
                    behind.push(first);
                    after.push(median);
                    stalls += usize::from(median > floor + STALL);
                }
                _ => unanswered += 1,
            }
            if sent == warm_up {
                warm_bytes = self.settled_bytes(count);
            }
        }
        let end_bytes = self.settled_bytes(count);
        Report {
            transport,
            sent,
            kept_back: self.kept_back,
            alive: self.pbx.is_running() && self.probe.ask().is_some(),
            unanswered,
            floor,
            behind: behind.into_iter().collect::<Delays>(),
            after: after.into_iter().collect(),
            stalls,
            warm_bytes,
            end_bytes,
            drops: self.usage().drops - drops,
            calls: self.calls() - calls_before,
        }
    }

    /// The PBX, to be asked more.
    pub fn pbx(&mut self) -> &mut Pbx {
        &mut self.pbx
    }

    fn damaged(&mut self, rng: &mut ChaCha12Rng, me: SocketAddr, transport: &str, number: u64) -> Vec<u8> {
        let message = self.templates.any(rng, me, transport, number);
        self.kept_here(rng, message)
    }

    /// The message with damage that names no address of another machine.
    fn kept_here(&mut self, rng: &mut ChaCha12Rng, message: Vec<u8>) -> Vec<u8> {
        for _ in 0..TRIES {
            let damaged = mutation::damaged(rng, &message);
            if !loopback::leads_off(&damaged) {
                return damaged;
            }
            self.kept_back += 1;
        }
        message
    }

    /// The users of the storm, registered soundly: damage takes registrations back, too.
    fn register(&mut self) {
        let me = self.socket.local_addr().expect("it is bound");
        for user in USERS {
            self.number += 1;
            let request = self.templates.request("REGISTER", user, me, "UDP", self.number, "");
            self.send(&request);
        }
    }

    /// Answers the requests that have come, every third answer damaged.
    fn answer_calls(&mut self, rng: &mut ChaCha12Rng) {
        let mut buffer = [0; 65_535];
        let me = self.socket.local_addr().expect("it is bound");
        while let Some(length) = self.received(&mut buffer) {
            let Some(mut response) = user::response(rng, &buffer[..length], me) else { continue };
            if rng.random_bool(0.33) {
                response = self.kept_here(rng, response);
            }
            self.send(&response);
        }
    }

    fn received(&self, buffer: &mut [u8]) -> Option<usize> {
        loop {
            match self.socket.recv(buffer) {
                Ok(length) => return Some(length),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return None,
                // An ICMP error of a datagram before it.
                Err(_) => {}
            }
        }
    }

    /// A full buffer loses a datagram, as networks do.
    fn send(&self, bytes: &[u8]) {
        let _ = self.socket.send_to(bytes, self.pbx.sip());
    }

    /// Resident memory once all calls have ended; in a short storm as it is.
    fn settled_bytes(&mut self, count: u64) -> u64 {
        if count >= 10_000 && self.pbx.is_running() {
            let mut rng = ChaCha12Rng::seed_from_u64(self.seed);
            let quiet = FORGOTTEN.as_millis() / 100;
            for _ in 0..quiet {
                self.answer_calls(&mut rng);
                pause(Duration::from_millis(100));
            }
        }
        self.usage().resident_bytes
    }

    fn usage(&mut self) -> Usage {
        Usage::of(self.pbx.id(), self.pbx.sip().port())
    }

    fn calls(&self) -> f64 {
        self.pbx.metric("sip_pbx_total_calls").unwrap_or_default()
    }
}
