//! The node under test: the real call core, with fakes for everything it asks of its driver.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use cordboard_b2bua::trunk::TrunkReport;
use cordboard_b2bua::{Core, Counters, Input, Output, Settings};
use cordboard_media::command::{MediaReply, Side};
use cordboard_media::dtmf::Digit;
use cordboard_model::{CallId, EndReason, Event, EventKind};
use cordboard_sip::message::Uri;
use cordboard_sip::transport::{ConnectionId, Flow, Transmit, Transport};

use crate::policy::Policy;
use crate::relay::Relay;
use crate::trace::Trace;

/// More outputs than any input has a reason for: the core went round in circles.
const MAX_OUTPUTS: usize = 100_000;

/// The call core with its driver's part played by fakes.
pub struct Node {
    /// Answers its questions.
    pub policy: Policy,
    /// Gives it ports.
    pub relay: Relay,
    /// Host names that can be resolved, and where each leads; addresses resolve by themselves.
    pub names: BTreeMap<String, Vec<SocketAddr>>,
    /// How long a resolution takes.
    pub resolution_delay: Duration,
    core: Core,
    /// Where it listens: IPv4, IPv6.
    addresses: [SocketAddr; 2],
    wait: Option<Instant>,
    /// What it is going to be told, by time.
    replies: BTreeMap<(Instant, u64), Input>,
    replied: u64,
    events: Vec<(Duration, Event)>,
    /// What was shown last of each trunk.
    trunks: BTreeMap<String, TrunkReport>,
    start: Instant,
}

impl Node {
    pub(crate) fn new(now: Instant, settings: Settings, seed: u64, addresses: [SocketAddr; 2]) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        Self {
            policy: Policy::default(),
            relay: Relay::new(),
            names: BTreeMap::new(),
            resolution_delay: Duration::ZERO,
            core: Core::new(now, Arc::new(settings), bytes),
            addresses,
            wait: None,
            replies: BTreeMap::new(),
            replied: 0,
            events: Vec::new(),
            trunks: BTreeMap::new(),
            start: now,
        }
    }

    /// Its own figures.
    pub fn counters(&self) -> Counters {
        self.core.counters()
    }

    /// Every event so far, with the time since the start of the run.
    pub fn events(&self) -> &[(Duration, Event)] {
        &self.events
    }

    /// What it shows of a trunk.
    ///
    /// # Panics
    /// When it never showed one of this name.
    pub fn trunk(&self, name: &str) -> &TrunkReport {
        self.trunks.get(name).expect("the trunk was shown")
    }

    /// How each call ended, in the order of the ends.
    pub fn ends(&self) -> Vec<EndReason> {
        let reason = |(_, event): &(Duration, Event)| match event.kind {
            EventKind::CallEnded { reason, .. } => Some(reason),
            _ => None,
        };
        self.events.iter().filter_map(reason).collect()
    }

    /// Starts and ends of every call.
    pub fn ledger(&self) -> BTreeMap<CallId, (usize, usize)> {
        let mut ledger = BTreeMap::<CallId, (usize, usize)>::new();
        for (_, event) in &self.events {
            let Some(call_id) = event.call_id else { continue };
            match event.kind {
                EventKind::CallStarted { .. } => ledger.entry(call_id).or_default().0 += 1,
                EventKind::CallEnded { .. } => ledger.entry(call_id).or_default().1 += 1,
                _ => {}
            }
        }
        ledger
    }

    pub(crate) fn next_wake(&self) -> Option<Instant> {
        let reply = self.replies.first_key_value().map(|((at, _), _)| *at);
        self.wait.into_iter().chain(reply).min()
    }

    /// Runs what is due at `now`; gives what is to be sent.
    pub(crate) fn wake(&mut self, now: Instant, trace: &mut Trace) -> VecDeque<Transmit> {
        let mut sent = VecDeque::new();
        let mut rounds = 0;
        while self.next_wake().is_some_and(|at| at <= now) {
            rounds += 1;
            assert!(rounds < MAX_OUTPUTS, "the core asks to be woken for a time that is past, for ever");
            let reply = self.replies.first_entry().filter(|entry| entry.key().0 <= now);
            let input = reply.map_or(Input::Timeout, |entry| entry.remove());
            sent.extend(self.feed(now, input, trace));
        }
        sent
    }

    /// Feeds one input, drains the outputs, and gives what is to be sent.
    pub(crate) fn feed(&mut self, now: Instant, input: Input, trace: &mut Trace) -> VecDeque<Transmit> {
        self.core.handle_input(now, input);
        let mut sent = VecDeque::new();
        for _ in 0..MAX_OUTPUTS {
            match self.core.poll_output() {
                Output::Transmit(transmit) => sent.push_back(transmit),
                Output::Ask { question, content } => {
                    let at = now + self.policy.delay;
                    if let Some(answer) = self.policy.answer(content) {
                        self.reply(at, Input::Answered { question, answer });
                    }
                }
                Output::Resolve { query, target } => {
                    let flows = self.resolve(&target.uri);
                    self.reply(now + self.resolution_delay, Input::Resolved { query, flows });
                }
                Output::Media(command) => {
                    trace.note(now, &format!("media {command:?}"));
                    if let Some(reply) = self.relay.handle(&command) {
                        self.reply(now + self.relay.delay, Input::Media(reply));
                    }
                }
                Output::Event(event) => {
                    trace.note(now, &format!("event {:?} {:?}", event.call_id, event.kind));
                    self.events.push((now.saturating_duration_since(self.start), event));
                }
                Output::Trunk(report) => {
                    trace.note(now, &format!("trunk {:?}", report.status));
                    self.trunks.insert(report.status.trunk.clone(), *report);
                }
                Output::Location { aor, contacts } => self.policy.located(aor, contacts),
                Output::Wait(until) => {
                    self.wait = until;
                    return sent;
                }
            }
        }
        panic!("more than {MAX_OUTPUTS} outputs for one input");
    }

    /// The relay saw no packets of any call.
    pub(crate) fn media_timeout(&mut self, now: Instant) {
        let silent: Vec<_> = self.relay.blocks().map(|(media, _)| media).collect();
        for media in silent {
            self.reply(now, Input::Media(MediaReply::TimedOut { media }));
        }
    }

    /// The relay hears nothing of this side of any call, but of the other one.
    pub(crate) fn media_silent(&mut self, now: Instant, side: Side) {
        let silent: Vec<_> = self.relay.blocks().map(|(media, _)| media).collect();
        for media in silent {
            self.reply(now, Input::Media(MediaReply::Silent { media, side }));
        }
    }

    /// The relay heard this side of every call press a key.
    pub(crate) fn media_pressed(&mut self, now: Instant, side: Side, digit: Digit, duration: Duration) {
        let calls: Vec<_> = self.relay.blocks().map(|(media, _)| media).collect();
        for media in calls {
            self.reply(now, Input::Media(MediaReply::Pressed { media, side, digit, duration }));
        }
    }

    fn reply(&mut self, at: Instant, input: Input) {
        self.replied += 1;
        self.replies.insert((at, self.replied), input);
    }

    fn resolve(&self, uri: &str) -> Vec<Flow> {
        let Some(uri) = Uri::parse(uri.as_bytes()) else { return Vec::new() };
        let host = String::from_utf8_lossy(uri.host).trim_matches(['[', ']']).to_owned();
        let transport = match uri.param("transport").map(<[u8]>::to_ascii_lowercase).as_deref() {
            Some(b"tcp") => Transport::Tcp,
            _ => Transport::Udp,
        };
        let remotes = match host.parse::<IpAddr>() {
            Ok(ip) => vec![SocketAddr::new(ip, uri.port.unwrap_or(5060))],
            Err(_) => self.names.get(&host).cloned().unwrap_or_default(),
        };
        let flow = |remote: SocketAddr| Flow {
            transport,
            local: self.addresses[usize::from(remote.is_ipv6())],
            remote,
            connection: ConnectionId::NONE,
        };
        remotes.into_iter().map(flow).collect()
    }
}
