//! The event loop: one thread, a socket for all callers and one for all callees.
use std::collections::{BTreeSet, VecDeque};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::call::{Call, Run, State};
use crate::message::{self, CallerLeg};

/// Users that are called in turn, each registered at the same socket.
const CALLEES: std::ops::Range<u32> = 2000..2050;
/// T1 of RFC 3261: a request without any response for so long would have to be sent again.
const RESEND_AFTER: Duration = Duration::from_millis(500);
/// How long a run waits for its last calls.
const PATIENCE: Duration = Duration::from_secs(10);
/// Asked of the kernel for both sockets, so that drops are the PBX's and not ours.
const RECEIVE_BUFFER: usize = 8 << 20;

/// A caller and a callee.
pub struct Generator {
    pbx: SocketAddr,
    caller: UdpSocket,
    callee: UdpSocket,
    runs: u32,
}

/// What one run keeps while it runs.
struct Progress {
    run: u32,
    hold: Duration,
    calls: Vec<Call>,
    finished: usize,
    /// INVITEs and BYEs in the order of their sending, to see which stay without response.
    unanswered: VecDeque<(Instant, usize, &'static str)>,
    /// Established calls in the order in which they will be hung up.
    held: VecDeque<(Instant, usize)>,
    /// Via branches of the INVITEs that the callee got: a second one is a resend.
    invites_seen: BTreeSet<String>,
    figures: Run,
}

impl Generator {
    /// Opens both sockets and registers the callees.
    ///
    /// # Panics
    /// When the PBX does not accept the registrations.
    pub fn new(pbx: SocketAddr) -> Self {
        let generator = Self { pbx, caller: socket(), callee: socket(), runs: 0 };
        for user in CALLEES {
            generator.register(user);
        }
        generator
    }

    #[expect(clippy::disallowed_methods, reason = "the load program lives in real time")]
    fn register(&self, user: u32) {
        let text = message::register(address(&self.callee), self.pbx, user);
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            send(&self.callee, self.pbx, &text);
            wait_for_either(&self.callee, &self.callee, RESEND_AFTER);
            while let Some((response, _)) = receive(&self.callee) {
                if message::status(&response) == Some(200) && response.contains(&format!("register-{user}@"))
                {
                    return;
                }
            }
        }
        panic!("the PBX at {} does not accept the registration of {user}", self.pbx);
    }

    /// Places `count` calls at `per_second`, each hung up `hold` after its answer, and waits until all have ended.
    pub fn run(&mut self, per_second: u32, count: usize, hold: Duration) -> Run {
        self.run_and(per_second, count, hold, || {})
    }

    /// Like [`Self::run`]; calls `when_all_stand` once, when all calls are established.
    #[expect(clippy::disallowed_methods, reason = "the load program lives in real time")]
    pub fn run_and(
        &mut self,
        per_second: u32,
        count: usize,
        hold: Duration,
        when_all_stand: impl FnOnce(),
    ) -> Run {
        self.runs += 1;
        let mut progress = Progress::new(self.runs, hold, count);
        let begin = Instant::now();
        let gap = Duration::from_secs(1) / per_second;
        let end = begin + gap * u32::try_from(count).unwrap_or(u32::MAX) + hold + PATIENCE;
        let mut when_all_stand = Some(when_all_stand);
        loop {
            let now = Instant::now();
            while progress.calls.len() < count
                && now >= begin + gap * u32::try_from(progress.calls.len()).unwrap_or(u32::MAX)
            {
                self.place(&mut progress, now);
            }
            self.hang_up_due(&mut progress, now);
            self.resend_unanswered(&mut progress, now);
            if progress.held.len() == count
                && let Some(report) = when_all_stand.take()
            {
                report();
            }
            if progress.finished == count || now >= end {
                break;
            }
            wait_for_either(&self.caller, &self.callee, Duration::from_millis(1));
            self.serve_callee(&mut progress);
            self.serve_caller(&mut progress);
        }
        let mut figures = progress.figures;
        figures.sum_up(&progress.calls);
        figures
    }

    fn leg(&self, run: u32, number: usize) -> CallerLeg {
        let users = CALLEES.end - CALLEES.start;
        let user = CALLEES.start + u32::try_from(number).unwrap_or_default() % users;
        CallerLeg { me: address(&self.caller), pbx: self.pbx, run, number, user }
    }

    fn place(&self, progress: &mut Progress, now: Instant) {
        let number = progress.calls.len();
        send(&self.caller, self.pbx, &self.leg(progress.run, number).invite());
        progress.calls.push(Call::new(now));
        progress.unanswered.push_back((now, number, "INVITE"));
    }

    fn hang_up_due(&self, progress: &mut Progress, now: Instant) {
        while let Some((due, number)) = progress.held.front().copied() {
            if now < due {
                return;
            }
            progress.held.pop_front();
            progress.calls[number].state = State::Leaving;
            send(&self.caller, self.pbx, &progress.calls[number].bye);
            progress.unanswered.push_back((now, number, "BYE"));
        }
    }

    fn resend_unanswered(&self, progress: &mut Progress, now: Instant) {
        while let Some((sent, number, method)) = progress.unanswered.front().copied() {
            if now < sent + RESEND_AFTER {
                return;
            }
            progress.unanswered.pop_front();
            let call = &progress.calls[number];
            let text = match (method, call.state) {
                ("INVITE", State::Calling) => self.leg(progress.run, number).invite(),
                ("BYE", State::Leaving) => call.bye.clone(),
                _ => continue,
            };
            send(&self.caller, self.pbx, &text);
            progress.figures.resent_by_us += 1;
            progress.unanswered.push_back((now, number, method));
        }
    }

    fn serve_callee(&self, progress: &mut Progress) {
        let me = address(&self.callee);
        while let Some((request, from)) = receive(&self.callee) {
            match request.split(' ').next() {
                Some("INVITE") => {
                    let branch = message::header(&request, "Via").unwrap_or_default().to_owned();
                    if !progress.invites_seen.insert(branch) {
                        progress.figures.resent_by_pbx += 1;
                    }
                    send(&self.callee, from, &message::respond(&request, "180 Ringing", me, false));
                    send(&self.callee, from, &message::respond(&request, "200 OK", me, true));
                }
                Some("BYE" | "CANCEL" | "OPTIONS") => {
                    send(&self.callee, from, &message::respond(&request, "200 OK", me, false));
                }
                _ => {}
            }
        }
    }

    #[expect(clippy::disallowed_methods, reason = "the load program lives in real time")]
    fn serve_caller(&self, progress: &mut Progress) {
        while let Some((response, _)) = receive(&self.caller) {
            let now = Instant::now();
            let Some(number) = message::call_number(&response, progress.run) else { continue };
            let Some(status) = message::status(&response) else { continue };
            let of_bye = message::header(&response, "CSeq").is_some_and(|cseq| cseq.ends_with("BYE"));
            let leg = self.leg(progress.run, number);
            if let Some(text) = progress.respond(now, &leg, status, of_bye, &response) {
                send(&self.caller, self.pbx, &text);
            }
        }
    }
}

impl Progress {
    fn new(run: u32, hold: Duration, count: usize) -> Self {
        Self {
            run,
            hold,
            calls: Vec::with_capacity(count),
            finished: 0,
            unanswered: VecDeque::new(),
            held: VecDeque::new(),
            invites_seen: BTreeSet::new(),
            figures: Run::default(),
        }
    }

    /// Takes a response to the caller; gives what to send.
    fn respond(
        &mut self,
        now: Instant,
        leg: &CallerLeg,
        status: u16,
        of_bye: bool,
        response: &str,
    ) -> Option<String> {
        let call = self.calls.get_mut(leg.number)?;
        let since = now.saturating_duration_since(call.invited);
        match (call.state, status) {
            (State::Leaving, 200..) if of_bye => {
                call.state = State::Whole;
                self.finished += 1;
                None
            }
            (State::Calling | State::Proceeding, 100..=199) => {
                call.state = State::Proceeding;
                let delay = if status == 100 { &mut call.trying } else { &mut call.ringing };
                delay.get_or_insert(since);
                None
            }
            (State::Calling | State::Proceeding, 200..=299) => {
                call.state = State::Established;
                call.ack = leg.in_dialog("ACK", 1, response)?;
                call.bye = leg.in_dialog("BYE", 2, response)?;
                self.held.push_back((now + self.hold, leg.number));
                Some(call.ack.clone())
            }
            (State::Calling | State::Proceeding, _) => {
                call.state = State::Refused(status);
                self.finished += 1;
                leg.acknowledge(response)
            }
            (State::Established | State::Leaving | State::Whole, 200..=299) if !of_bye => {
                self.figures.resent_by_pbx += 1;
                Some(call.ack.clone())
            }
            (State::Refused(_), 300..) => {
                self.figures.resent_by_pbx += 1;
                leg.acknowledge(response)
            }
            _ => None,
        }
    }
}

fn socket() -> UdpSocket {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has free ports");
    socket.set_nonblocking(true).expect("a socket can be made non-blocking");
    // The kernel may give less; then a drop at our socket shows as a resend, and the run is not clean.
    let _ = rustix::net::sockopt::set_socket_recv_buffer_size(&socket, RECEIVE_BUFFER);
    socket
}

fn address(socket: &UdpSocket) -> SocketAddr {
    socket.local_addr().expect("a bound socket has an address")
}

/// A full send buffer or a peer that is gone shows as a call that is not whole.
fn send(socket: &UdpSocket, to: SocketAddr, text: &str) {
    let _ = socket.send_to(text.as_bytes(), to);
}

fn receive(socket: &UdpSocket) -> Option<(String, SocketAddr)> {
    let mut buffer = [0; 4096];
    let (size, from) = socket.recv_from(&mut buffer).ok()?;
    Some((String::from_utf8_lossy(&buffer[..size]).into_owned(), from))
}

fn wait_for_either(one: &UdpSocket, other: &UdpSocket, limit: Duration) {
    let mut sockets = [PollFd::new(one, PollFlags::IN), PollFd::new(other, PollFlags::IN)];
    let limit = Timespec::try_from(limit).expect("a wait of less than a second");
    // An interrupted wait is as good as one that timed out.
    let _ = poll(&mut sockets, Some(&limit));
}
