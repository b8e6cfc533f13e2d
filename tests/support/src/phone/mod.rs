//! A scripted phone, built on the same transaction and dialog layers as the node.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use cordboard_sip::message::{Message, Method};
use cordboard_sip::transaction::ClientTransactionId;
use cordboard_sip::transport::{Flow, Transmit};
use cordboard_sip::{Endpoint, EndpointEvent, EndpointSettings, HeaderName, Request};
use rand::SeedableRng;
use rand_chacha::ChaCha12Rng;

mod as_callee;
mod as_caller;
mod call;
mod plan;

pub use call::{Ending, PhoneCall, Progress};
pub use plan::{CalleePlan, CallerPlan, Manner};

/// The domain that phones register with and call in.
pub(crate) const DOMAIN: &str = "pbx.test";

/// The final response to a request that was not part of a call.
#[derive(Debug)]
pub struct Reply {
    /// What was asked.
    pub method: Method,
    /// The answer; 408 or 503 when none came.
    pub status: u16,
    /// The whole answer.
    pub message: Option<Message>,
}

/// A phone.
pub struct Phone {
    /// What it does when it is called.
    pub plan: CalleePlan,
    /// Its calls in both directions, oldest first.
    pub calls: Vec<PhoneCall>,
    /// Final responses to REGISTER, OPTIONS and REFER.
    pub replies: Vec<Reply>,
    /// Refuses every re-INVITE with this status.
    pub refuses_reinvites: Option<u16>,
    /// Hangs up a call once it was notified how its transfer ended.
    pub hangs_up_when_transferred: bool,
    user: String,
    /// Where it is, and where the node is.
    flow: Flow,
    settings: EndpointSettings,
    endpoint: Endpoint,
    dead: bool,
    pending: BTreeMap<ClientTransactionId, Pending>,
    agenda: BTreeMap<(Instant, u64), (usize, Step)>,
    planned: u64,
    registration: Registration,
}

/// The Call-ID and the last CSeq of its REGISTERs.
#[derive(Debug, Default)]
struct Registration {
    sip_call_id: String,
    cseq: u32,
}

/// What a client transaction was for.
#[derive(Clone, Copy, Debug)]
enum Pending {
    Invite(usize),
    Bye(usize),
    Other(Method),
}

/// Something a phone planned to do with a call.
#[derive(Clone, Copy, Debug)]
enum Step {
    Cancel,
    HangUp,
    Die,
    Ring,
    Decide,
}

impl Phone {
    pub(crate) fn new(user: &str, flow: Flow, settings: EndpointSettings, seed: u64) -> Self {
        Self {
            plan: CalleePlan::answers_after(Duration::from_secs(1)),
            calls: Vec::new(),
            replies: Vec::new(),
            refuses_reinvites: None,
            hangs_up_when_transferred: false,
            user: user.to_owned(),
            flow,
            endpoint: Endpoint::new(settings.clone(), ChaCha12Rng::seed_from_u64(seed)),
            settings,
            dead: false,
            pending: BTreeMap::new(),
            agenda: BTreeMap::new(),
            planned: 0,
            registration: Registration::default(),
        }
    }

    /// Its number.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.flow.local
    }

    /// Value of its Contact.
    pub fn contact(&self) -> String {
        format!("<sip:{}@{};transport={}>", self.user, self.flow.local, self.flow.transport)
    }

    /// Transactions it has, besides one INVITE for each call that still waits for its final response: a phone that ignores
    /// a call, or never hears how it ended, keeps that for ever.
    pub fn stray_transactions(&self) -> usize {
        let waiting = self.calls.iter().filter(|call| call.progress == Progress::Inviting).count();
        self.endpoint.transactions().abs_diff(waiting)
    }

    /// Unplugs it, or plugs it in again: it neither hears nor says anything meanwhile.
    pub fn set_dead(&mut self, dead: bool) {
        self.dead = dead;
    }

    pub(crate) fn flow(&self) -> Flow {
        self.flow
    }

    /// Sends REGISTER with these Contact values (none: a question) and this Expires.
    pub fn register(&mut self, now: Instant, contacts: &[&str], expires: Option<u32>) {
        if self.registration.sip_call_id.is_empty() {
            self.registration.sip_call_id = self.endpoint.new_call_id();
        }
        self.registration.cseq += 1;
        let own = format!("sip:{}@{DOMAIN}", self.user);
        let mut request = Request::new(Method::Register, format!("sip:{DOMAIN}"));
        let tag = self.endpoint.new_tag();
        request
            .header_fmt(HeaderName::From, format_args!("<{own}>;tag={tag}"))
            .header_fmt(HeaderName::To, format_args!("<{own}>"))
            .header(HeaderName::CallId, &self.registration.sip_call_id)
            .header_fmt(HeaderName::CSeq, format_args!("{} REGISTER", self.registration.cseq))
            .header(HeaderName::MaxForwards, "70");
        for contact in contacts {
            request.header(HeaderName::Contact, contact);
        }
        if let Some(expires) = expires {
            request.header_fmt(HeaderName::Expires, expires);
        }
        self.send(now, &request, Pending::Other(Method::Register));
    }

    /// Sends OPTIONS to the node.
    pub fn ask_options(&mut self, now: Instant) {
        let (call_id, tag) = (self.endpoint.new_call_id(), self.endpoint.new_tag());
        let mut request = Request::new(Method::Options, format!("sip:{DOMAIN}"));
        request
            .header_fmt(HeaderName::From, format_args!("<sip:{}@{DOMAIN}>;tag={tag}", self.user))
            .header_fmt(HeaderName::To, format_args!("<sip:{DOMAIN}>"))
            .header(HeaderName::CallId, call_id)
            .header(HeaderName::CSeq, "1 OPTIONS")
            .header(HeaderName::MaxForwards, "70");
        self.send(now, &request, Pending::Other(Method::Options));
    }

    /// Ends a call that was answered.
    pub fn hang_up(&mut self, now: Instant, index: usize) {
        let call = &mut self.calls[index];
        let Some(dialog) = call.dialog.as_mut().filter(|_| call.progress != Progress::Over) else { return };
        let (bye, flow) = (dialog.request(Method::Bye), call.flow);
        call.end(Ending::HungUp);
        let transaction = self.endpoint.send_request(now, flow, &bye);
        self.pending.insert(transaction, Pending::Bye(index));
    }

    /// Asks that a call be transferred; `target` is the value of Refer-To.
    ///
    /// # Panics
    /// When the call has no dialog.
    pub fn refer(&mut self, now: Instant, index: usize, target: &str, headers: &[(&str, &str)]) {
        let contact = self.contact();
        let dialog = self.calls[index].dialog.as_mut().expect("the call has a dialog");
        let mut refer = dialog.request(Method::Refer);
        refer.header(HeaderName::Contact, contact).header(HeaderName::ReferTo, target);
        for (name, value) in headers {
            refer.other(name, value);
        }
        self.send(now, &refer, Pending::Other(Method::Refer));
    }

    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        let planned = self.agenda.first_key_value().map(|((at, _), _)| *at);
        let resend = self.calls.iter().filter_map(PhoneCall::resend_at).min();
        self.endpoint.next_timeout().into_iter().chain(planned).chain(resend).min()
    }

    pub(crate) fn handle_message(&mut self, now: Instant, bytes: Bytes) {
        if self.dead {
            return;
        }
        self.endpoint.handle_message(now, self.flow, bytes);
        self.take_events(now);
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        self.endpoint.handle_timeout(now);
        self.take_events(now);
        for index in 0..self.calls.len() {
            self.resend_answer(now, index);
        }
        while let Some(entry) = self.agenda.first_entry().filter(|entry| entry.key().0 <= now) {
            let (index, step) = entry.remove();
            self.take_step(now, index, step);
        }
    }

    pub(crate) fn poll_transmit(&mut self) -> Option<Transmit> {
        loop {
            let transmit = self.endpoint.poll_transmit()?;
            if !self.dead {
                return Some(transmit);
            }
        }
    }

    fn send(&mut self, now: Instant, request: &Request, purpose: Pending) -> ClientTransactionId {
        let transaction = self.endpoint.send_request(now, self.flow, request);
        self.pending.insert(transaction, purpose);
        transaction
    }

    fn plan_step(&mut self, at: Instant, index: usize, step: Step) {
        self.planned += 1;
        self.agenda.insert((at, self.planned), (index, step));
    }

    fn take_step(&mut self, now: Instant, index: usize, step: Step) {
        match step {
            Step::Cancel => self.cancel(now, index),
            Step::HangUp => self.hang_up(now, index),
            Step::Die => self.dead = true,
            Step::Ring => self.ring(now, index),
            Step::Decide => self.decide(now, index),
        }
    }

    fn take_events(&mut self, now: Instant) {
        while let Some(event) = self.endpoint.poll_event() {
            match event {
                EndpointEvent::Request { transaction, flow, message } => {
                    self.take_request(now, transaction, flow, message);
                }
                EndpointEvent::Ack { message, .. } => self.take_ack(now, &message),
                EndpointEvent::Cancelled { transaction } => self.take_cancel(now, transaction),
                EndpointEvent::Response { transaction, message, .. } => {
                    self.take_response(now, transaction, message);
                }
                EndpointEvent::ClientFailed { transaction, failure } => {
                    self.take_failure(transaction, failure)
                }
                // A lost ACK for a refusal: the call is over all the same.
                EndpointEvent::ServerFailed { .. } => {}
            }
        }
    }

    fn plan_after_answer(
        &mut self,
        now: Instant,
        index: usize,
        hang_up_after: Option<Duration>,
        dies_after: Option<Duration>,
    ) {
        if let Some(talk) = hang_up_after {
            self.plan_step(now + talk, index, Step::HangUp);
        }
        if let Some(life) = dies_after {
            self.plan_step(now + life, index, Step::Die);
        }
    }

    /// An offer or answer with one audio stream, as a phone writes it.
    fn sdp(&self) -> Bytes {
        let (ip, family) = (self.flow.local.ip(), if self.flow.local.is_ipv4() { "IP4" } else { "IP6" });
        Bytes::from(format!(
            "v=0\r\no=- 1 1 IN {family} {ip}\r\ns=-\r\nc=IN {family} {ip}\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 8 101\r\n\
             a=rtpmap:101 telephone-event/8000\r\na=sendrecv\r\n"
        ))
    }
}
