//! One fork: an INVITE of ours to one place where a target may be.

mod invitation;

use std::net::IpAddr;
use std::time::Instant;

use bytes::Bytes;
use cordboard_media::command::Side;
use cordboard_media::sdp::Session;
use cordboard_model::{EventKind, Party};
use cordboard_sip::dialog::Dialog;
use cordboard_sip::endpoint::TransactionFailure;
use cordboard_sip::message::{Message, NameAddr, Request, Response, StartLine};
use cordboard_sip::transaction::ClientTransactionId;
use cordboard_sip::transport::Flow;
use cordboard_sip::{HeaderName, StatusCode};

use self::invitation::invitation;
use super::early::{self, EarlyDialog, EarlyId};
use super::facts::{party, text, uri_party};
use super::headers::{kept_back, pass_back};
use super::leg::Leg;
use super::reliable::{self, Provisional};
use super::retry;
use super::security::Security;
use super::start::session_of;
use super::transfer::takeover;
use super::{Call, LegName, Stage, bridge, failover, session_timer, setup, teardown};
use crate::context::{ClientUse, Context};
use crate::interface::QueryId;
use crate::timers::Timer;
use crate::trunk::{credentials, dial};

/// How far a fork is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ForkState {
    /// Its URI is being resolved.
    Resolving(QueryId),
    /// Its flow is known; the INVITE waits for the ports.
    Located,
    /// The INVITE is out.
    Inviting(ClientTransactionId),
    /// It lost, or rang too long; its final response is waited for.
    Cancelled(ClientTransactionId),
    /// Finished.
    Done,
}

/// One place where a target may be.
pub(crate) struct Fork {
    pub(crate) trial: usize,
    pub(crate) state: ForkState,
    /// Request-URI.
    uri: String,
    /// Route set of the binding (Path, RFC 3327).
    route: Vec<String>,
    pub(crate) flow: Option<Flow>,
    /// Further servers, tried when this one does not take the call (RFC 3263 §4.3).
    pub(crate) alternatives: Vec<Flow>,
    /// The trunk that it goes to.
    pub(crate) trunk: Option<dial::Outgoing>,
    /// What was sent, to make the dialog of.
    request: Option<Request>,
    local_tag: Option<String>,
    /// The callee said that it takes INFO.
    pub(crate) takes_info: bool,
    /// The encryption of the latest INVITE.
    pub(crate) security: Security,
    /// It refused an INVITE with encryption that it was only preferred to have.
    pub(crate) refuses_encryption: bool,
    /// The shortest session timer that the callee takes, if it refused ours.
    pub(crate) min_se: Option<u32>,
    /// Every INVITE of it.
    transactions: Vec<ClientTransactionId>,
    /// Its early answer, for a 2xx that carries none and whose To tag no provisional had.
    early: Option<Session>,
    /// What its provisionals made, one for each To tag.
    pub(crate) early_dialogs: Vec<EarlyDialog>,
    /// Answers that came too late: acknowledged and hung up, one leg per To tag.
    declined: Vec<Leg>,
}

impl Fork {
    pub(crate) fn located(trial: usize, uri: String, route: Vec<String>, flow: Flow) -> Self {
        Self { route, flow: Some(flow), ..Self::new(trial, uri, ForkState::Located) }
    }

    pub(crate) fn resolving(trial: usize, uri: String, query: QueryId) -> Self {
        Self::new(trial, uri, ForkState::Resolving(query))
    }

    fn new(trial: usize, uri: String, state: ForkState) -> Self {
        Self {
            trial,
            state,
            uri,
            route: Vec::new(),
            flow: None,
            alternatives: Vec::new(),
            trunk: None,
            request: None,
            local_tag: None,
            takes_info: false,
            security: Security::default(),
            refuses_encryption: false,
            min_se: None,
            transactions: Vec::new(),
            early: None,
            early_dialogs: Vec::new(),
            declined: Vec::new(),
        }
    }

    /// The same place by the next of its servers.
    pub(crate) fn next_server(&mut self) -> Option<Self> {
        let mut servers = std::mem::take(&mut self.alternatives).into_iter();
        let flow = servers.next()?;
        let route = self.route.clone();
        let trunk = self.trunk.as_mut().map(dial::Outgoing::at_next_place);
        let next = Self::located(self.trial, self.uri.clone(), route, flow);
        Some(Self { alternatives: servers.collect(), min_se: self.min_se, trunk, ..next })
    }

    /// The next of its servers that is reached from this address of ours; those before it are left out.
    pub(crate) fn server_at(&mut self, local: Option<IpAddr>) -> Option<Flow> {
        let place = self.alternatives.iter().position(|flow| Some(flow.local.ip()) == local)?;
        self.alternatives.drain(..=place).next_back()
    }

    /// The leg of another call that has become our callee.
    pub(crate) fn taken_over(leg: &Leg) -> Self {
        let local_tag = Some(leg.dialog.id.local_tag.clone());
        Self { local_tag, ..Self::new(0, leg.dialog.remote_target().to_owned(), ForkState::Done) }
    }

    /// Whether it may still answer.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.state, ForkState::Resolving(_) | ForkState::Located | ForkState::Inviting(_))
    }

    /// The tag that leads requests of its dialogs here.
    pub(crate) fn local_tag(&self) -> Option<&str> {
        self.local_tag.as_deref()
    }

    /// Its INVITEs, in order.
    pub(crate) fn transactions(&self) -> &[ClientTransactionId] {
        &self.transactions
    }

    /// The early dialog that a request belongs to; with the final response the early dialogs are over.
    pub(crate) fn early_dialog_of(&self, request: &Message) -> Option<&Leg> {
        let alive = matches!(self.state, ForkState::Inviting(_) | ForkState::Cancelled(_));
        let mut legs = self.early_dialogs.iter().map(|dialog| &dialog.leg);
        legs.find(|leg| alive && leg.owns(request))
    }

    /// Whether one of its early dialogs is like this.
    pub(crate) fn has_early_dialog(&self, is_wanted: impl Fn(&Leg) -> bool) -> bool {
        self.early_dialogs.iter().any(|dialog| is_wanted(&dialog.leg))
    }

    /// As [`Self::early_dialog_of`], to act on it.
    pub(crate) fn early_dialog_of_mut(&mut self, request: &Message) -> Option<&mut Leg> {
        self.early_dialogs.iter_mut().map(|dialog| &mut dialog.leg).find(|leg| leg.owns(request))
    }

    /// Every dialog that it has and that did not become a leg of the call.
    pub(crate) fn legs_mut(&mut self) -> impl Iterator<Item = &mut Leg> {
        self.early_dialogs.iter_mut().map(|dialog| &mut dialog.leg).chain(&mut self.declined)
    }

    /// Whether a request belongs to an answer that came too late.
    pub(crate) fn declined(&self, request: &Message) -> bool {
        self.declined.iter().any(|leg| leg.owns(request))
    }
}

/// Sends the INVITE of a located fork.
pub(crate) fn invite(call: &mut Call, ctx: &mut Context, now: Instant, place: usize) {
    let Some(flow) = call.setup.forks[place].flow else { return };
    let Ok(security) = call.security_for(ctx, place) else {
        return setup::fork_failed(call, ctx, now, place, 488);
    };
    call.setup.forks[place].security = security;
    let local_tag = ctx.endpoint.new_tag();
    let sip_call_id = ctx.endpoint.new_call_id();
    let request = invitation(call, ctx, place, flow, &local_tag, &sip_call_id);
    send(call, ctx, now, place, flow, request);
    dial::watch(call, ctx, now, place, &sip_call_id);
    ctx.index.tags.insert(local_tag.clone(), (call.key, LegName::Fork(place)));
    let fork = &mut call.setup.forks[place];
    if let Some(former) = fork.local_tag.replace(local_tag) {
        ctx.index.tags.remove(&former);
    }
    ctx.event(Some(call.id), EventKind::LegStarted { sip_call_id, target: fork.uri.clone() });
}

fn send(call: &mut Call, ctx: &mut Context, now: Instant, place: usize, flow: Flow, request: Request) {
    let transaction = ctx.send(now, flow, &request, call.key, ClientUse::Fork(place));
    let fork = &mut call.setup.forks[place];
    fork.state = ForkState::Inviting(transaction);
    fork.transactions.push(transaction);
    fork.request = Some(request);
    fork.early_dialogs.clear();
    failover::watch(call, ctx, now, place);
}

/// Gives a fork up: nothing was sent yet, or CANCEL (RFC 3261 §9.1).
pub(crate) fn cancel(call: &mut Call, ctx: &mut Context, now: Instant, place: usize) {
    call.stop_timer(ctx, Timer::Silence(place));
    let fork = &mut call.setup.forks[place];
    fork.state = match fork.state {
        ForkState::Resolving(query) => {
            ctx.index.queries.remove(&query);
            ForkState::Done
        }
        ForkState::Located => ForkState::Done,
        ForkState::Inviting(transaction) => {
            ctx.endpoint.cancel(now, transaction);
            ForkState::Cancelled(transaction)
        }
        state @ (ForkState::Cancelled(_) | ForkState::Done) => state,
    };
}

/// A response to the INVITE of a fork.
pub(crate) fn response(call: &mut Call, ctx: &mut Context, now: Instant, place: usize, message: &Message) {
    let Some(status) = message.status() else { return };
    call.stop_timer(ctx, Timer::Silence(place));
    dial::responded(call, ctx, now, place, message);
    if status == StatusCode::SERVICE_UNAVAILABLE && failover::unavailable(call, ctx, now, place) {
        return;
    }
    if message.value(HeaderName::Allow).is_some() {
        call.setup.forks[place].takes_info = message.lists(HeaderName::Allow, "INFO");
    }
    if status.is_provisional() {
        if matches!(call.setup.forks[place].state, ForkState::Inviting(_)) {
            provisional(call, ctx, now, place, status, message);
        }
    } else if status.is_success() {
        success(call, ctx, now, place, message);
    } else if proves_itself(call, ctx, now, place, message) {
        // It is on its way again.
    } else if !retry::asks_for_longer_session(call, place, message)
        && !retry::asks_for_plain_media(call, place, status)
    {
        if status.code() / 100 == 3 {
            let contacts = message.contacts().flatten().map(|contact| text(contact.uri.raw)).collect();
            setup::redirected(call, contacts);
        }
        setup::fork_failed(call, ctx, now, place, status.code());
    } else {
        invite(call, ctx, now, place);
    }
}

/// A trunk wants to know who we are: the INVITE goes out once more with credentials (RFC 3261 §8.1.3.5, §22.2).
fn proves_itself(call: &mut Call, ctx: &mut Context, now: Instant, place: usize, message: &Message) -> bool {
    let open = call.stage == Stage::Dialing;
    let fork = &mut call.setup.forks[place];
    let (Some(outgoing), Some(former), Some(flow)) = (&mut fork.trunk, &fork.request, fork.flow) else {
        return false;
    };
    if !open || !matches!(fork.state, ForkState::Inviting(_)) || !outgoing.may_prove_itself() {
        return false;
    }
    let Some((name, value)) = credentials::answer(ctx, &outgoing.name, former, message) else { return false };
    let cseq = message.cseq().map_or(1, |cseq| cseq.number);
    let request = former.with_credentials(cseq + 1, name, &value);
    send(call, ctx, now, place, flow, request);
    true
}

/// The INVITE of a fork got no final response.
pub(crate) fn failed(
    call: &mut Call,
    ctx: &mut Context,
    now: Instant,
    place: usize,
    failure: TransactionFailure,
) {
    dial::failed(call, ctx, now, place, failure);
    if failover::unavailable(call, ctx, now, place) {
        return;
    }
    dial::next_server(call, ctx, place);
    let status = match failure {
        TransactionFailure::Timeout => 408,
        TransactionFailure::Transport => 503,
    };
    setup::fork_failed(call, ctx, now, place, status);
}

/// 101 to 199: passed to the caller, except that forks ringing alike ring once. 100 is for one hop only.
fn provisional(
    call: &mut Call,
    ctx: &mut Context,
    now: Instant,
    place: usize,
    status: StatusCode,
    message: &Message,
) {
    if status == StatusCode::TRYING || call.stage != Stage::Dialing {
        return;
    }
    let is_offer = call.invite.offer.is_none();
    let security = &call.setup.forks[place].security;
    let early = session_of(message).ok().flatten();
    let early = early.filter(|session| security.accepts(Side::Callee, session, is_offer));
    if !early::take(call, ctx, now, place, message, early.as_ref()) {
        return;
    }
    if early.is_some() {
        call.adopt(ctx, place);
    }
    let body = early.as_ref().and_then(|session| call.rewritten_for(ctx, Side::Caller, session));
    if let Some(session) = early {
        if let Some(flow) = call.setup.forks[place].flow {
            call.announce_on(ctx, Side::Callee, &flow, &session);
        }
        call.setup.forks[place].early = Some(session);
    }
    let told = (status.code(), body.is_some());
    if body.is_none() && call.invite.provisional.is_some_and(|(last, _)| last == status.code()) {
        return;
    }
    let first = call.invite.provisional.replace(told).is_none();
    if first {
        ctx.event(Some(call.id), EventKind::CallRinging { status: status.code() });
    }
    if call.caller.absent {
        return takeover::rings(call, ctx, message);
    }
    let mut response = answer_for_caller(call, ctx, status, message);
    let session = body.is_some().then(|| EarlyId::of(place, message));
    if let Some(body) = body {
        response.body("application/sdp", body);
    }
    reliable::tell(call, ctx, now, Provisional { response, session });
}

/// A response of a callee as the caller gets to see it, without its body.
fn answer_for_caller(call: &Call, ctx: &Context, status: StatusCode, from: &Message) -> Response {
    let tag = &call.caller.dialog.id.local_tag;
    let mut response = Response::new(&call.invite.message, &call.caller.flow, status, Some(tag));
    if let StartLine::Response { reason, .. } = from.start() {
        response.reason(&text(reason));
    }
    ctx.dialog_headers(&call.caller.flow, &mut response);
    let trunk = from.call_id().ok().and_then(|id| ctx.trunks.sent.trunk_of(id));
    let removed = kept_back(ctx, [call.facts.trunk.as_deref(), trunk], from);
    pass_back(from, &removed, &mut response);
    response
}

/// A 2xx: the first one wins, its repetitions are acknowledged again, any other is acknowledged and hung up.
fn success(call: &mut Call, ctx: &mut Context, now: Instant, place: usize, message: &Message) {
    if let Some((winner, leg)) = &call.callee
        && *winner == place
        && leg.dialog.id.remote_tag == to_tag(message)
    {
        leg.acknowledge_again(ctx, message);
        return;
    }
    let wins =
        call.stage == Stage::Dialing && matches!(call.setup.forks[place].state, ForkState::Inviting(_));
    if !wins || reliable::holds_another(call, &EarlyId::of(place, message)) {
        decline(call, ctx, now, place, message);
    } else if !reliable::hold(call, ctx, place, message) {
        win(call, ctx, now, place, message);
    }
}

/// The leg that a response makes, or goes on with.
pub(crate) fn dialog_of(call: &Call, place: usize, message: &Message) -> Option<Leg> {
    let fork = &call.setup.forks[place];
    let mut dialog = Dialog::uac(fork.request.as_ref()?, message).ok()?;
    if let Some(early) = fork.early_dialogs.iter().find(|early| early.leg.dialog.id == dialog.id) {
        dialog.go_on_from(&early.leg.dialog);
    }
    let mut leg = Leg { invited: true, ..Leg::new(dialog, fork.flow?) };
    leg.note_credentials(fork.request.as_ref()?);
    Some(leg)
}

/// What the dialog of a 2xx without a body announced in a provisional.
fn early_session(fork: &mut Fork, message: &Message) -> Option<Session> {
    let tag = to_tag(message);
    let dialog = fork.early_dialogs.iter_mut().find(|early| early.leg.dialog.id.remote_tag == tag);
    dialog.and_then(|early| early.session.take()).or_else(|| fork.early.take())
}

fn win(call: &mut Call, ctx: &mut Context, now: Instant, place: usize, message: &Message) {
    let Some(mut leg) = dialog_of(call, place, message) else {
        // A 2xx without tag or Contact makes no dialog: there is nothing to acknowledge or to hang up.
        return setup::fork_failed(call, ctx, now, place, 500);
    };
    let agreed = call.reliable.as_ref().and_then(|reliable| reliable.agreed());
    let settled = agreed == Some(&EarlyId::of(place, message));
    // An offer that the caller answered was another callee's: this one cannot be put before it any more.
    let too_late = call.invite.offer.is_none() && agreed.is_some() && !settled;
    let session = session_of(message)
        .ok()
        .and_then(|session| session.or_else(|| early_session(&mut call.setup.forks[place], message)));
    let security = &call.setup.forks[place].security;
    let is_offer = call.invite.offer.is_none();
    let session = session.filter(|session| security.accepts(Side::Callee, session, is_offer));
    let Some(session) = session.filter(|_| !too_late) else {
        decline(call, ctx, now, place, message);
        return setup::fork_failed(call, ctx, now, place, 488);
    };
    call.setup.forks[place].state = ForkState::Done;
    setup::stop(call, ctx, now);
    leg.owed_ack = message.cseq().ok().map(|cseq| cseq.number);
    // With a late offer this 2xx carries the offer, and its ACK has to wait for the caller's answer.
    if call.invite.offer.is_some() || settled {
        leg.acknowledge_owed(ctx, None);
    }
    call.callee = Some((place, leg));
    call.stage = Stage::Talking(now);
    call.adopt(ctx, place);
    session_timer::take(call, ctx, now, Side::Callee, message);
    // A session that both have agreed to in a reliable provisional, or changed since then by UPDATE, is not told again.
    let body = if settled {
        None
    } else {
        call.announce(ctx, Side::Callee, &session);
        call.rewritten_for(ctx, Side::Caller, &session)
    };
    if call.caller.absent {
        takeover::answered(call, ctx);
    } else {
        answer_caller(call, ctx, now, message, body);
    }
    let longest = now + ctx.settings.call.max_duration;
    call.start_timer(ctx, longest, Timer::Duration);
    let callee = match message.contacts().flatten().next() {
        Some(contact) => uri_party(&contact.uri),
        None => message.to().map(|to: NameAddr<'_>| party(&to)).unwrap_or_default(),
    };
    announce_answer(call, ctx, now, callee);
}

/// Gives the caller the 2xx of the callee, with this session.
pub(crate) fn answer_caller(
    call: &mut Call,
    ctx: &mut Context,
    now: Instant,
    from: &Message,
    body: Option<Bytes>,
) {
    let status = from.status().unwrap_or(StatusCode::OK);
    let mut response = answer_for_caller(call, ctx, status, from);
    if let Some(body) = body {
        response.body("application/sdp", body);
    }
    send_answer(call, ctx, now, response);
}

/// Gives the caller a 2xx of our own, with this session.
pub(crate) fn answer_caller_ourselves(call: &mut Call, ctx: &mut Context, now: Instant, body: Option<Bytes>) {
    let tag = &call.caller.dialog.id.local_tag;
    let mut response = Response::new(&call.invite.message, &call.caller.flow, StatusCode::OK, Some(tag));
    ctx.dialog_headers(&call.caller.flow, &mut response);
    if let Some(body) = body {
        response.body("application/sdp", body);
    }
    send_answer(call, ctx, now, response);
}

fn send_answer(call: &mut Call, ctx: &mut Context, now: Instant, mut response: Response) {
    reliable::stop(call, ctx);
    let invite = call.invite.message.clone();
    session_timer::accept(call, ctx, now, Side::Caller, &invite, &mut response);
    let sent = ctx.endpoint.respond(now, call.invite.transaction, &response);
    let cseq = call.invite.message.cseq().map_or(0, |cseq| cseq.number);
    bridge::await_ack(call, ctx, now, Side::Caller, cseq, sent);
}

/// Tells everybody who answered.
pub(crate) fn announce_answer(call: &mut Call, ctx: &mut Context, now: Instant, callee: Party) {
    let Some((_, leg)) = &call.callee else { return };
    ctx.event(
        Some(call.id),
        EventKind::CallAnswered {
            callee,
            sip_call_id: leg.dialog.id.sip_call_id.clone(),
            setup_ms: teardown::milliseconds(now, call.started),
        },
    );
}

/// Acknowledges a 2xx that nobody waits for any more, and hangs it up (RFC 3261 §13.2.2.4).
fn decline(call: &mut Call, ctx: &mut Context, now: Instant, place: usize, message: &Message) {
    let fork = &mut call.setup.forks[place];
    if matches!(fork.state, ForkState::Inviting(_) | ForkState::Cancelled(_)) {
        fork.state = ForkState::Done;
    }
    if fork
        .declined
        .iter()
        .any(|leg| leg.dialog.id.remote_tag == to_tag(message) && leg.acknowledge_again(ctx, message))
    {
        return;
    }
    let Some(mut leg) = dialog_of(call, place, message) else { return };
    let cseq = message.cseq().map_or(1, |cseq| cseq.number);
    leg.acknowledge(ctx, cseq, None);
    teardown::hang_up(call, ctx, now, &mut leg);
    call.setup.forks[place].declined.push(leg);
}

/// The tag that the callee gave this dialog; empty without one.
pub(crate) fn to_tag(message: &Message) -> &str {
    message.to().ok().and_then(|to| to.tag()).unwrap_or_default()
}
