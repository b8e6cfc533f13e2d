//! The core itself: leads every input to the call, the registrar or the admission that it concerns.

mod messages;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use cordboard_media::command::{MediaCommand, MediaId, MediaPorts, MediaReply};
use cordboard_media::dtmf::Press;
use cordboard_model::{CallId, EndReason, EventKind, QuestionId};
use cordboard_sip::Endpoint;
use cordboard_sip::transport::Flow;
use rand::SeedableRng;
use rand_chacha::ChaCha12Rng;

use crate::Settings;
use crate::admission::Admission;
use crate::call::teardown::Ending;
use crate::call::transfer::{self, moving, referral};
use crate::call::{Call, CallKey, bridge, dtmf, failover, leg_of, reliable, session_timer, setup, teardown};
use crate::context::{Asker, Context};
use crate::interface::{Answer, Command, Counters, Input, Output};
use crate::registrar::Registrar;
use crate::registration;
use crate::timers::{Alarm, Timer, TimerId};
use crate::trunk::{self, dial, errand};

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
