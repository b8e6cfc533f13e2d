//! The core itself: leads every input to the call, the registrar or the admission that it concerns.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use cordboard_media::command::{MediaCommand, MediaId, MediaPorts, MediaReply};
use cordboard_media::dtmf::Press;
use cordboard_model::{CallId, EndReason, EventKind, QuestionId};
use cordboard_sip::endpoint::TransactionFailure;
use cordboard_sip::message::{Message, Response};
use cordboard_sip::transaction::{ClientTransactionId, ServerTransactionId};
use cordboard_sip::transport::Flow;
use cordboard_sip::{Endpoint, EndpointEvent, HeaderName, Method, StatusCode};
use rand::SeedableRng;
use rand_chacha::ChaCha12Rng;

use crate::Settings;
use crate::admission::{Admission, RefusalReason};
use crate::call::bridge::Incoming;
use crate::call::start::{Refusal, status, unsupported};
use crate::call::teardown::Ending;
use crate::call::transfer::{self, moving, referral, subscription};
use crate::call::{
    Call, CallKey, LegName, bridge, dtmf, failover, fork, leg_of, reliable, session_timer, setup, start,
    teardown,
};
use crate::context::{ALLOW, Asker, ClientUse, Context, EXTENSIONS};
use crate::interface::{Answer, Command, Counters, Input, Output};
use crate::registrar::Registrar;
use crate::registration;
use crate::timers::{Alarm, Timer, TimerId};
use crate::trunk::{self, credentials, dial, errand};

/// The call core.
///
/// Worst-case memory: [`AdmissionSettings::max_calls`](crate::AdmissionSettings) calls of some 10 KiB, the bindings of
/// [`RegistrarSettings`](crate::RegistrarSettings), and the transactions of [`cordboard_sip::EndpointSettings`].
pub struct Core {
    ctx: Context,
    calls: BTreeMap<CallKey, Call>,
    /// Calls that have not ended; ended ones linger in `calls` for their last responses.
    live: usize,
    admission: Admission,
    draining: bool,
    started: bool,
    rate_limited: u64,
    overloaded: u64,
}

impl Core {
    /// A core whose ids are drawn from a generator with this seed.
    pub fn new(_now: Instant, settings: Arc<Settings>, seed: [u8; 32]) -> Self {
        let mut rng = ChaCha12Rng::from_seed(seed);
        let endpoint = Endpoint::new(settings.sip.clone(), ChaCha12Rng::from_rng(&mut rng));
        let registrar = Registrar::new(settings.registrar.clone());
        let admission = Admission::new(settings.admission.clone());
        Self {
            ctx: Context::new(settings, endpoint, registrar, rng),
            calls: BTreeMap::new(),
            live: 0,
            admission,
            draining: false,
            started: false,
            rate_limited: 0,
            overloaded: 0,
        }
    }

    /// Takes one input. Its outputs have to be taken before the next.
    pub fn handle_input(&mut self, now: Instant, input: Input) {
        match input {
            Input::Received { flow, bytes } => self.ctx.endpoint.handle_message(now, flow, bytes),
            Input::FlowFailed { flow } => self.flow_failed(now, flow),
            Input::Answered { question, answer } => self.answered(now, question, answer),
            Input::Resolved { query, flows } => match self.ctx.index.queries.remove(&query) {
                Some((key, place)) => {
                    self.with_call(key, |call, ctx| setup::resolved(call, ctx, now, place, flows));
                }
                None => errand::resolved(&mut self.ctx, now, query, flows),
            },
            Input::Media(reply) => self.media(now, reply),
            Input::Command(command) => self.command(now, command),
            Input::Timeout => self.timeout(now),
        }
        self.follow_up(now);
    }

    /// What an input brings about in the endpoint, and between calls.
    fn follow_up(&mut self, now: Instant) {
        loop {
            while let Some(event) = self.ctx.endpoint.poll_event() {
                self.endpoint_event(now, event);
            }
            for call in std::mem::take(&mut self.ctx.begun) {
                self.take_in(call);
            }
            let Some((key, signal)) = self.ctx.signals.pop_front() else { return };
            if self.calls.contains_key(&key) {
                self.with_call(key, |call, ctx| transfer::signalled(call, ctx, now, signal));
            } else {
                transfer::undeliverable(&mut self.ctx, signal);
            }
        }
    }

    fn take_in(&mut self, call: Call) {
        let (key, is_over) = (call.key, call.is_over());
        self.live += usize::from(!call.has_ended());
        self.calls.insert(key, call);
        if is_over {
            self.forget(key);
        }
    }

    /// The next output. What goes to the network comes first, so that 100 Trying leaves before anybody is asked anything.
    pub fn poll_output(&mut self) -> Output {
        if let Some(transmit) = self.ctx.endpoint.poll_transmit() {
            return Output::Transmit(transmit);
        }
        self.ctx.outputs.pop_front().unwrap_or_else(|| Output::Wait(self.next_timeout()))
    }

    /// Figures for metrics.
    pub fn counters(&self) -> Counters {
        let (trunks, trunks_up) = self.ctx.trunks.count();
        Counters {
            trunks,
            trunks_up,
            trunk_bindings: self.ctx.trunks.bindings(),
            calls: self.live,
            bindings: self.ctx.registrar.bindings(),
            transactions: self.ctx.endpoint.transactions(),
            rate_limited: self.rate_limited,
            overloaded: self.overloaded,
            endpoint: self.ctx.endpoint.counters(),
        }
    }

    fn next_timeout(&self) -> Option<Instant> {
        let times =
            [self.ctx.endpoint.next_timeout(), self.ctx.timers.next(), self.ctx.registrar.next_expiry()];
        times.into_iter().flatten().min()
    }

    fn flow_failed(&mut self, now: Instant, flow: Flow) {
        self.ctx.endpoint.handle_transport_failure(now, flow);
        if flow.transport.is_reliable() {
            errand::flow_failed(&mut self.ctx, now, &flow);
            for change in self.ctx.registrar.forget_connection(flow.connection) {
                registration::moved(&mut self.ctx, now, change, true);
            }
        }
    }

    fn answered(&mut self, now: Instant, question: QuestionId, answer: Answer) {
        match self.ctx.index.questions.remove(&question) {
            Some(Asker::Call(key)) => {
                self.with_call(key, |call, ctx| setup::answered(call, ctx, now, answer))
            }
            Some(Asker::Transfer(key)) => {
                self.with_call(key, |call, ctx| referral::authorized(call, ctx, now, answer))
            }
            Some(Asker::Register(pending)) => {
                if let Answer::Authorized(verdict) = answer {
                    registration::answered(&mut self.ctx, now, *pending, verdict);
                }
            }
            None => {}
        }
    }

    fn media(&mut self, now: Instant, reply: MediaReply) {
        match reply {
            MediaReply::Allocated { media, ports } => self.allocated(now, media, ports),
            MediaReply::Exhausted { media } => {
                let ending = Ending::of(EndReason::PortsExhausted).retry_after(5);
                self.end_media(now, media, ending);
                self.ctx.index.media.remove(&media);
            }
            MediaReply::TimedOut { media } => self.end_media(now, media, Ending::of(EndReason::MediaTimeout)),
            MediaReply::Pressed { media, side, digit, duration } => {
                if let Some(key) = self.ctx.index.media.get(&media).copied() {
                    let press = Press { digit, duration };
                    self.with_call(key, |call, ctx| dtmf::heard(call, ctx, now, side, press));
                }
            }
            MediaReply::Silent { media, side } => {
                self.media_event(media, EventKind::MediaSilent { leg: leg_of(side) })
            }
            MediaReply::Released { media, .. } => {
                self.ctx.index.media.remove(&media);
            }
        }
    }

    fn allocated(&mut self, now: Instant, media: MediaId, ports: MediaPorts) {
        match self.ctx.index.media.get(&media).copied().filter(|key| self.calls.contains_key(key)) {
            Some(key) => self.with_call(key, |call, ctx| setup::allocated(call, ctx, now, ports)),
            // The call ended, and was forgotten, while its ports were being bound.
            None => self.ctx.media(MediaCommand::Release { media }),
        }
    }

    /// Says what the relay has noticed in a call.
    fn media_event(&mut self, media: MediaId, kind: EventKind) {
        let key = self.ctx.index.media.get(&media);
        if let Some(call) = key.and_then(|key| self.calls.get(key)).filter(|call| !call.has_ended()) {
            self.ctx.event(Some(call.id), kind);
        }
    }

    fn end_media(&mut self, now: Instant, media: MediaId, ending: Ending) {
        if let Some(key) = self.ctx.index.media.get(&media).copied() {
            self.with_call(key, |call, ctx| teardown::end(call, ctx, now, ending));
        }
    }

    fn command(&mut self, now: Instant, command: Command) {
        match command {
            Command::EndCall(id) => self.end_call(now, id),
            Command::Drain => {
                self.draining = true;
                trunk::drain(&mut self.ctx, now);
            }
            Command::EndAll => {
                let live: Vec<CallKey> = self.calls.keys().copied().collect();
                for key in live {
                    self.with_call(key, |call, ctx| {
                        teardown::end(call, ctx, now, Ending::of(EndReason::Operator))
                    });
                }
            }
            Command::Configure(settings) => {
                self.ctx.registrar.configure(settings.registrar.clone());
                self.admission.configure(settings.admission.clone());
                self.ctx.settings = settings;
                trunk::configure(&mut self.ctx, now);
            }
        }
    }

    fn end_call(&mut self, now: Instant, id: CallId) {
        if let Some(key) = self.ctx.index.ids.get(&id) {
            self.with_call(*key, |call, ctx| teardown::end(call, ctx, now, Ending::of(EndReason::Operator)));
        }
    }

    fn timeout(&mut self, now: Instant) {
        if !std::mem::replace(&mut self.started, true) {
            trunk::configure(&mut self.ctx, now);
        }
        self.ctx.endpoint.handle_timeout(now);
        for change in self.ctx.registrar.expire(now) {
            registration::moved(&mut self.ctx, now, change, true);
        }
        while let Some((id, alarm)) = self.ctx.timers.pop(now) {
            match alarm {
                Alarm::Call(key, timer) => self.call_timeout(now, key, id, timer),
                Alarm::Register(question) => {
                    if let Some(Asker::Register(pending)) = self.ctx.index.questions.remove(&question) {
                        registration::unanswered(&mut self.ctx, now, &pending);
                    }
                }
                Alarm::Trunk(key, errand) => errand::expired(&mut self.ctx, now, key, errand),
            }
        }
    }

    fn call_timeout(&mut self, now: Instant, key: CallKey, id: TimerId, timer: Timer) {
        self.with_call(key, |call, ctx| {
            call.timers.retain(|(_, running)| *running != id);
            expired(call, ctx, now, timer);
        });
        if timer == Timer::Linger {
            self.forget(key);
        }
    }

    /// Lets a call act, keeps the number of live calls, and forgets a call that has nothing left to do.
    fn with_call(&mut self, key: CallKey, act: impl FnOnce(&mut Call, &mut Context)) {
        let Some(call) = self.calls.get_mut(&key) else { return };
        let was_live = !call.has_ended();
        act(call, &mut self.ctx);
        if was_live && call.has_ended() {
            self.live -= 1;
        }
        if call.is_over() {
            self.forget(key);
        }
    }

    fn forget(&mut self, key: CallKey) {
        let Some(mut call) = self.calls.remove(&key) else { return };
        call.stop_timers(&mut self.ctx);
        self.ctx.trunks.sent.forget_call(key);
        let index = &mut self.ctx.index;
        index.servers.remove(&call.invite.transaction);
        index.release_tag(key, &call.caller.dialog.id.local_tag);
        index.ids.remove(&call.id);
        for transaction in call.reinvite.iter().chain(&call.moved_in) {
            index.clients.remove(transaction);
        }
        for fork in &call.setup.forks {
            if let Some(tag) = fork.local_tag() {
                index.release_tag(key, tag);
            }
            for transaction in fork.transactions() {
                index.clients.remove(transaction);
            }
        }
    }

    fn endpoint_event(&mut self, now: Instant, event: EndpointEvent) {
        match event {
            EndpointEvent::Request { transaction, flow, message } => {
                self.request(now, transaction, flow, message)
            }
            EndpointEvent::Ack { message, .. } => {
                if let Some((key, leg)) = self.dialog(&message) {
                    self.with_call(key, |call, ctx| bridge::ack(call, ctx, now, leg, &message));
                }
            }
            EndpointEvent::Cancelled { transaction } => self.with_server(transaction, |call, ctx| {
                if !call.is_answered() {
                    teardown::end(call, ctx, now, Ending::of(EndReason::Cancelled));
                }
            }),
            EndpointEvent::Response { transaction, message, .. } => self.response(now, transaction, &message),
            EndpointEvent::ClientFailed { transaction, failure } => {
                self.client_failed(now, transaction, failure)
            }
            EndpointEvent::ServerFailed { transaction, .. } => self.with_server(transaction, |call, ctx| {
                if !call.is_answered() {
                    teardown::end(call, ctx, now, Ending::of(EndReason::PeerGone));
                }
            }),
        }
    }

    fn with_server(&mut self, transaction: ServerTransactionId, act: impl FnOnce(&mut Call, &mut Context)) {
        if let Some(key) = self.ctx.index.servers.get(&transaction) {
            self.with_call(*key, act);
        }
    }

    fn request(&mut self, now: Instant, transaction: ServerTransactionId, flow: Flow, message: Message) {
        let in_dialog = message.to().is_ok_and(|to| to.tag().is_some());
        if in_dialog {
            return self.request_in_dialog(now, transaction, flow, message);
        }
        let outcome = match message.method() {
            Method::Invite => self.invite(now, transaction, flow, message.clone()),
            Method::Register => registration::receive(&mut self.ctx, now, transaction, flow, message.clone()),
            Method::Options => self.options(now, transaction, flow, &message),
            // Whom it would have call whom, nobody here has agreed to: a transfer is asked for in the call that it changes. 405
            // would say that we do not know the method.
            Method::Refer => Err(Refusal::plain(403)),
            Method::Notify => {
                let status = subscription::stray_notify(&message);
                Err(Refusal::with(status, HeaderName::AllowEvents, subscription::PACKAGE))
            }
            // These exist only within a dialog.
            Method::Bye | Method::Update | Method::Info | Method::Prack => Err(Refusal::plain(481)),
            _ => Err(Refusal::with(405, HeaderName::Allow, ALLOW)),
        };
        if let Err(refusal) = outcome {
            self.refuse(now, transaction, flow, &message, &refusal);
        }
    }

    fn refuse(
        &mut self,
        now: Instant,
        transaction: ServerTransactionId,
        flow: Flow,
        message: &Message,
        refusal: &Refusal,
    ) {
        let tag = self.ctx.endpoint.new_tag();
        let mut response = Response::new(message, &flow, status(refusal.status), Some(&tag));
        refusal.fill(&mut response);
        self.ctx.endpoint.respond(now, transaction, &response);
    }

    fn request_in_dialog(
        &mut self,
        now: Instant,
        transaction: ServerTransactionId,
        flow: Flow,
        message: Message,
    ) {
        match self.dialog(&message) {
            Some((key, leg)) => {
                // A REFER begins a call.
                if message.method() == Method::Refer
                    && let Err(refusal) = self.admit(now, flow)
                {
                    return self.refuse(now, transaction, flow, &message, &refusal);
                }
                let incoming = Incoming { leg, transaction, flow, message };
                self.with_call(key, |call, ctx| bridge::request(call, ctx, now, incoming));
            }
            None => self.refuse(now, transaction, flow, &message, &Refusal::plain(481)),
        }
    }

    /// The leg whose dialog a request belongs to.
    fn dialog(&self, message: &Message) -> Option<(CallKey, LegName)> {
        let tag = message.to().ok()?.tag()?;
        let (key, leg) = *self.ctx.index.tags.get(tag)?;
        let call = self.calls.get(&key)?;
        let owned = match leg {
            LegName::Caller => call.caller.owns(message),
            LegName::Fork(place) => {
                let winner =
                    call.callee.as_ref().is_some_and(|(won, leg)| *won == place && leg.owns(message));
                let fork = &call.setup.forks[place];
                winner || fork.early_dialog_of(message).is_some() || fork.declined(message)
            }
        };
        owned.then_some((key, leg))
    }

    fn invite(
        &mut self,
        now: Instant,
        transaction: ServerTransactionId,
        flow: Flow,
        message: Message,
    ) -> Result<(), Refusal> {
        self.admit(now, flow)?;
        let call = start::begin(&mut self.ctx, now, transaction, flow, message)?;
        self.take_in(call);
        Ok(())
    }

    /// Whether one more call may begin.
    fn admit(&mut self, now: Instant, flow: Flow) -> Result<(), Refusal> {
        self.admission.check(now, flow.remote.ip(), self.live, self.draining).map_err(|refusal| {
            match refusal.reason {
                RefusalReason::RateLimited => self.rate_limited += 1,
                RefusalReason::CallLimit | RefusalReason::Draining => self.overloaded += 1,
            }
            Refusal::with(503, HeaderName::RetryAfter, refusal.retry_after_s.to_string())
        })
    }

    fn options(
        &mut self,
        now: Instant,
        transaction: ServerTransactionId,
        flow: Flow,
        message: &Message,
    ) -> Result<(), Refusal> {
        if let Some(refusal) = unsupported(message, EXTENSIONS) {
            return Err(refusal);
        }
        let tag = self.ctx.endpoint.new_tag();
        let mut response = Response::new(message, &flow, status(200), Some(&tag));
        response.header(HeaderName::Allow, ALLOW).header(HeaderName::Accept, "application/sdp");
        response.header(HeaderName::Supported, EXTENSIONS.join(", "));
        self.ctx.endpoint.respond(now, transaction, &response);
        Ok(())
    }

    fn response(&mut self, now: Instant, transaction: Option<ClientTransactionId>, message: &Message) {
        let Some(transaction) = transaction else { return };
        let Some((key, purpose)) = self.ctx.index.clients.get(&transaction).copied() else {
            return errand::response(&mut self.ctx, now, transaction, message);
        };
        let is_final = message.status().is_some_and(|status| !status.is_provisional());
        if is_final && let Some(sent) = self.ctx.trunks.sent.take(transaction) {
            let mut sent_again = false;
            self.with_call(key, |call, ctx| {
                sent_again = credentials::send_again(call, ctx, now, transaction, sent, message);
            });
            if sent_again {
                return;
            }
        }
        match purpose {
            ClientUse::Fork(place) => {
                self.with_call(key, |call, ctx| fork::response(call, ctx, now, place, message));
            }
            ClientUse::Passed => {
                // A 2xx to a re-INVITE may come again as long as the call lasts.
                if is_final && message.method() != Method::Invite {
                    self.ctx.index.clients.remove(&transaction);
                }
                self.with_call(key, |call, ctx| bridge::response(call, ctx, now, transaction, message));
            }
            ClientUse::Refresh(side) => {
                // As above.
                if is_final && message.method() != Method::Invite {
                    self.ctx.index.clients.remove(&transaction);
                }
                self.with_call(key, |call, ctx| {
                    session_timer::response(call, ctx, now, side, transaction, message)
                });
            }
            ClientUse::Move if self.calls.contains_key(&key) => {
                self.with_call(key, |call, ctx| moving::response(call, ctx, now, transaction, message));
            }
            ClientUse::Notify if is_final => self.notified(now, key, transaction, message.status()),
            ClientUse::Bye if is_final => self.bye_done(key, transaction),
            // What a refused PRACK means for the call, the final response to the INVITE says; a digit that is refused is lost.
            ClientUse::Prack | ClientUse::Move | ClientUse::Digit if is_final => {
                self.ctx.index.clients.remove(&transaction);
            }
            ClientUse::Bye | ClientUse::Prack | ClientUse::Move | ClientUse::Notify | ClientUse::Digit => {}
        }
    }

    fn bye_done(&mut self, key: CallKey, transaction: ClientTransactionId) {
        self.ctx.index.clients.remove(&transaction);
        self.with_call(key, |call, _| call.byes -= 1);
    }

    fn notified(
        &mut self,
        now: Instant,
        key: CallKey,
        transaction: ClientTransactionId,
        status: Option<StatusCode>,
    ) {
        self.ctx.index.clients.remove(&transaction);
        self.with_call(key, |call, ctx| subscription::answered(call, ctx, now, transaction, status));
    }

    fn client_failed(&mut self, now: Instant, transaction: ClientTransactionId, failure: TransactionFailure) {
        let Some((key, purpose)) = self.ctx.index.clients.get(&transaction).copied() else {
            return errand::failed(&mut self.ctx, now, transaction, failure);
        };
        self.ctx.trunks.sent.take(transaction);
        match purpose {
            ClientUse::Fork(place) => {
                self.with_call(key, |call, ctx| fork::failed(call, ctx, now, place, failure));
            }
            ClientUse::Passed => {
                self.ctx.index.clients.remove(&transaction);
                self.with_call(key, |call, ctx| bridge::failed(call, ctx, now, transaction, failure));
            }
            ClientUse::Refresh(_) => {
                self.ctx.index.clients.remove(&transaction);
                self.with_call(key, |call, ctx| session_timer::failed(call, ctx, now));
            }
            ClientUse::Move => {
                self.ctx.index.clients.remove(&transaction);
                self.with_call(key, |call, ctx| moving::unanswered(call, ctx, now, transaction, failure));
            }
            ClientUse::Notify => self.notified(now, key, transaction, None),
            ClientUse::Bye => self.bye_done(key, transaction),
            ClientUse::Prack | ClientUse::Digit => {
                self.ctx.index.clients.remove(&transaction);
            }
        }
    }
}

fn expired(call: &mut Call, ctx: &mut Context, now: Instant, timer: Timer) {
    match timer {
        Timer::Answer => setup::unanswered(call, ctx, now),
        Timer::FirstResponse(place) => dial::silent(call, ctx, now, place),
        Timer::Ring(trial) => setup::ring_timeout(call, ctx, now, trial),
        Timer::Silence(place) => {
            failover::silent(call, ctx, now, place);
        }
        Timer::Setup => setup::overdue(call, ctx, now),
        Timer::AnswerResend => bridge::resend_answers(call, ctx, now),
        Timer::Session(side) => session_timer::expired(call, ctx, now, side),
        Timer::ProvisionalResend => reliable::resend(call, ctx, now),
        Timer::Transfer => referral::overdue(call, ctx, now),
        Timer::Moving => moving::overdue(call, ctx, now),
        Timer::Duration => teardown::end(call, ctx, now, Ending::of(EndReason::DurationLimit)),
        Timer::Linger => {}
    }
}
