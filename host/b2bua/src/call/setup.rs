//! Set-up: the answers of the plugins, and the targets that they name.
//!
//! A decision names targets; each becomes a trial, and each place where it can be reached a fork of that trial. Targets
//! of a parallel decision are tried together, those of a sequential one after the other. When all have failed, routing
//! is asked again with what was tried, within the limits of [`crate::CallSettings`].

use std::collections::VecDeque;
use std::time::Instant;

use cordboard_media::command::{MediaCommand, MediaId, MediaPorts, Side};
use cordboard_model::{
    Aor, Attempt, AuthorizationSubject, Challenge, Dial, EndReason, RouteDecision, RouteQuestion,
    RouteReason, Strategy, Target, TargetAddress, Verdict,
};
use cordboard_sip::transport::Flow;

use super::fork::{self, Fork, ForkState};
use super::outcome::{attempt_outcome, better, rejection_reason};
use super::teardown::{self, Ending};
use super::transfer::takeover;
use super::{Call, Stage};
use crate::authentication::Proof;
use crate::context::Context;
use crate::interface::{Answer, Question};
use crate::timers::Timer;
use crate::trunk::dial;

/// One target that is being tried, or was.
pub(crate) struct Trial {
    pub(crate) target: Target,
    started: Instant,
    /// The most telling final status so far.
    best: Option<u16>,
    pub(crate) done: bool,
}

/// How far the set-up is.
#[derive(Default)]
pub(crate) struct Setup {
    /// Targets of the current decision that wait for their turn.
    waiting: VecDeque<Target>,
    together: bool,
    pub(crate) trials: Vec<Trial>,
    pub(crate) forks: Vec<Fork>,
    attempts: Vec<Attempt>,
    redirects: Vec<String>,
    routings: usize,
}

impl Setup {
    /// Forks whose INVITE has no final response yet.
    pub(crate) fn has_open_forks(&self) -> bool {
        self.forks.iter().any(|fork| matches!(fork.state, ForkState::Inviting(_) | ForkState::Cancelled(_)))
    }

    pub(crate) fn any_tried(&self) -> bool {
        !self.attempts.is_empty()
    }

    fn is_trying(&self) -> bool {
        self.trials.iter().any(|trial| !trial.done)
    }

    fn forks_of(&self, trial: usize) -> impl Iterator<Item = usize> + use<> {
        let places: Vec<usize> = self
            .forks
            .iter()
            .enumerate()
            .filter(|(_, fork)| fork.trial == trial)
            .map(|(place, _)| place)
            .collect();
        places.into_iter()
    }
}

/// The driver answered a question of this call.
pub(crate) fn answered(call: &mut Call, ctx: &mut Context, now: Instant, answer: Answer) {
    call.stop_timer(ctx, Timer::Answer);
    match (call.stage, answer) {
        (Stage::Authorizing(_), Answer::Authorized(verdict)) => authorized(call, ctx, now, verdict),
        (Stage::Routing(_), Answer::Routed(decision)) => routed(call, ctx, now, decision),
        // An answer of the wrong kind is a driver's mistake; the call must not hang on it.
        (Stage::Authorizing(_) | Stage::Routing(_), _) => unanswered(call, ctx, now),
        (Stage::Dialing | Stage::Talking(_) | Stage::Ended, _) => {}
    }
}

/// The driver did not answer in time: the fallback of the question.
pub(crate) fn unanswered(call: &mut Call, ctx: &mut Context, now: Instant) {
    match call.stage {
        Stage::Authorizing(_) => {
            teardown::end(call, ctx, now, Ending::status(EndReason::Forbidden, 503).retry_after(5))
        }
        Stage::Routing(_) => {
            teardown::end(call, ctx, now, Ending::status(EndReason::NoRoute, 503).retry_after(5))
        }
        Stage::Dialing | Stage::Talking(_) | Stage::Ended => {}
    }
}

fn authorized(call: &mut Call, ctx: &mut Context, now: Instant, verdict: Verdict) {
    match verdict {
        Verdict::Allow { attributes } => {
            call.facts.attributes.extend(attributes);
            takeover::go_on(call, ctx, now);
        }
        Verdict::Challenge(challenge) => challenged(call, ctx, now, challenge),
        Verdict::Deny(rejection) => {
            teardown::end(call, ctx, now, Ending::rejected(EndReason::Forbidden, rejection));
        }
    }
}

/// The caller has to prove who it is. Once it has, the plugin is asked again with the proved user; a plugin that then wants
/// the same proof again can never be satisfied.
fn challenged(call: &mut Call, ctx: &mut Context, now: Instant, challenge: Challenge) {
    if call.facts.authenticated_as.is_some() {
        return teardown::end(call, ctx, now, Ending::of(EndReason::Forbidden));
    }
    let ending = match ctx.authenticate(now, &call.invite.message, &call.caller.flow, &challenge) {
        Proof::Proven => {
            call.facts.authenticated_as = Some(challenge.user);
            return ask_authorization(call, ctx, now);
        }
        Proof::Missing(challenges) => Ending::challenged(challenges),
        Proof::Impossible => Ending::of(EndReason::Forbidden),
    };
    teardown::end(call, ctx, now, ending);
}

/// Asks again whether the call may be, now that the caller is known.
fn ask_authorization(call: &mut Call, ctx: &mut Context, now: Instant) {
    let subject = AuthorizationSubject::Call(call.facts.clone());
    call.stage = Stage::Authorizing(ctx.ask_for_call(call.key, Question::Authorize(subject)));
    let deadline = now + ctx.settings.call.answer_timeout;
    call.start_timer(ctx, deadline, Timer::Answer);
}

/// Asks routing where the call goes.
pub(crate) fn ask_route(call: &mut Call, ctx: &mut Context, now: Instant, reason: RouteReason) {
    let question = RouteQuestion {
        call: call.facts.clone(),
        reason,
        attempts: call.setup.attempts.clone(),
        redirects: std::mem::take(&mut call.setup.redirects),
        referral: call.takeover.as_ref().and_then(|takeover| takeover.referral.clone()),
    };
    call.setup.routings += 1;
    call.stage = Stage::Routing(ctx.ask_for_call(call.key, Question::Route(question)));
    let deadline = now + ctx.settings.call.answer_timeout;
    call.start_timer(ctx, deadline, Timer::Answer);
}

fn routed(call: &mut Call, ctx: &mut Context, now: Instant, decision: RouteDecision) {
    match decision {
        RouteDecision::Dial(dial) => start(call, ctx, now, dial),
        RouteDecision::Reject(rejection) => {
            let reason = rejection_reason(rejection.status, call.setup.any_tried());
            teardown::end(call, ctx, now, Ending::rejected(reason, rejection));
        }
        RouteDecision::Redirect(contacts) => teardown::end(call, ctx, now, Ending::redirect(contacts)),
    }
}

fn start(call: &mut Call, ctx: &mut Context, now: Instant, dial: Dial) {
    call.stage = Stage::Dialing;
    call.setup.together = dial.strategy == Strategy::Parallel;
    call.setup.waiting = dial.targets.into();
    advance(call, ctx, now);
}

/// Starts what can start now; when nothing is left to try, asks routing again or ends the call.
pub(crate) fn advance(call: &mut Call, ctx: &mut Context, now: Instant) {
    while call.stage == Stage::Dialing && (call.setup.together || !call.setup.is_trying()) {
        let Some(target) = call.setup.waiting.pop_front() else { break };
        if call.setup.trials.len() >= ctx.settings.call.max_attempts {
            call.setup.waiting.clear();
            break;
        }
        start_trial(call, ctx, now, target);
    }
    if call.stage == Stage::Dialing && !call.setup.is_trying() {
        exhausted(call, ctx, now);
    }
}

fn exhausted(call: &mut Call, ctx: &mut Context, now: Instant) {
    let limits = &ctx.settings.call;
    if call.setup.routings >= limits.max_routings || call.setup.trials.len() >= limits.max_attempts {
        return give_up(call, ctx, now);
    }
    let reason = if call.setup.redirects.is_empty() { RouteReason::Failed } else { RouteReason::Redirected };
    ask_route(call, ctx, now, reason);
}

/// The whole set-up took too long.
pub(crate) fn overdue(call: &mut Call, ctx: &mut Context, now: Instant) {
    match call.stage {
        Stage::Authorizing(_) | Stage::Routing(_) | Stage::Dialing => {
            teardown::end(call, ctx, now, Ending::of(EndReason::NoAnswer));
        }
        Stage::Talking(_) | Stage::Ended => {}
    }
}

/// Ends the call with the most telling failure of everything that was tried.
fn give_up(call: &mut Call, ctx: &mut Context, now: Instant) {
    let best = call.setup.attempts.iter().map(|attempt| attempt.status).reduce(better).unwrap_or(480);
    let status = match best {
        // A 3xx is never passed on unasked: the caller would dial what a callee chose (toll fraud).
        300..=399 => 480,
        // The callee wanted credentials of us. The caller has none for it, and would ask its user for a password.
        401 | 407 => 403,
        _ => best,
    };
    teardown::end(call, ctx, now, Ending::status(rejection_reason(status, true), status));
}

fn start_trial(call: &mut Call, ctx: &mut Context, now: Instant, target: Target) {
    let trial = call.setup.trials.len();
    let before = call.setup.forks.len();
    let missing = locate(call, ctx, now, trial, &target.address).err().unwrap_or(480);
    let ring = target.ring_timeout.unwrap_or(ctx.settings.call.ring_timeout);
    call.setup.trials.push(Trial { target, started: now, best: None, done: false });
    if call.setup.forks.len() == before {
        return end_trial(call, trial, now, missing);
    }
    call.start_timer(ctx, now + ring, Timer::Ring(trial));
    invite_located(call, ctx, now);
}

/// Makes a fork of every place where the target may be.
///
/// # Errors
/// With the status of the attempt when a trunk is not there, or down.
fn locate(
    call: &mut Call,
    ctx: &mut Context,
    now: Instant,
    trial: usize,
    address: &TargetAddress,
) -> Result<(), u16> {
    match address {
        TargetAddress::Aor(aor) => {
            let aor = canonical(ctx, call.caller.flow, aor);
            for binding in ctx.registrar.lookup(now, &aor) {
                call.setup.forks.push(Fork::located(trial, binding.contact_uri, binding.path, binding.flow));
            }
        }
        TargetAddress::Uri(uri) => {
            resolve(call, ctx, trial, uri.clone());
        }
        TargetAddress::Trunk { trunk, number } => return dial::begin(call, ctx, now, trial, trunk, number),
    }
    Ok(())
}

/// Makes a fork of what a URI leads to; gives its place.
pub(crate) fn resolve(call: &mut Call, ctx: &mut Context, trial: usize, uri: String) -> usize {
    let place = call.setup.forks.len();
    let query = ctx.resolve(call.key, place, uri.clone());
    call.setup.forks.push(Fork::resolving(trial, uri, query));
    place
}

/// A target AOR as the registrar keeps it: all our names are one domain.
fn canonical(ctx: &Context, flow: Flow, target: &str) -> Aor {
    let bare = target.strip_prefix("sip:").unwrap_or(target);
    match bare.rsplit_once('@') {
        Some((user, host)) if !ctx.settings.is_ours(host, flow.local.ip()) => Aor::new(user, host),
        Some((user, _)) => Aor::new(user, ctx.settings.domain()),
        None => Aor::new(bare, ctx.settings.domain()),
    }
}

/// The driver resolved the URI of a fork.
pub(crate) fn resolved(call: &mut Call, ctx: &mut Context, now: Instant, place: usize, flows: Vec<Flow>) {
    let Some(fork) = call.setup.forks.get_mut(place) else { return };
    if call.stage != Stage::Dialing || !matches!(fork.state, ForkState::Resolving(_)) {
        return;
    }
    let mut flows = flows.into_iter();
    match flows.next() {
        Some(flow) => {
            fork.flow = Some(flow);
            fork.alternatives = flows.collect();
            fork.state = ForkState::Located;
            invite_located(call, ctx, now);
        }
        None => fork_failed(call, ctx, now, place, 503),
    }
}

/// Sends the INVITE of every fork that is located; ports come first.
pub(crate) fn invite_located(call: &mut Call, ctx: &mut Context, now: Instant) {
    let is_located = |call: &Call, place: usize| matches!(call.setup.forks[place].state, ForkState::Located);
    for place in 0..call.setup.forks.len() {
        let Some(flow) = call.setup.forks[place].flow.filter(|_| is_located(call, place)) else { continue };
        if call.media.ports.is_none() {
            return allocate(call, ctx, flow);
        }
        if call.media.callee_address == Some(flow.local.ip()) {
            fork::invite(call, ctx, now, place);
        } else if may_move_ports(call) {
            return move_ports(call, ctx, flow);
        } else if let Some(flow) = call.setup.forks[place].server_at(call.media.callee_address) {
            call.setup.forks[place].flow = Some(flow);
            fork::invite(call, ctx, now, place);
        } else {
            // Its media would have to come to an address that the ports of this call are not bound to.
            fork_failed(call, ctx, now, place, 503);
        }
    }
}

/// Whether nobody relies on the ports yet: no callee that may still answer was offered them, nor was the caller.
fn may_move_ports(call: &Call) -> bool {
    let is_inviting = call.setup.forks.iter().any(|fork| matches!(fork.state, ForkState::Inviting(_)));
    !is_inviting && !call.invite.provisional.is_some_and(|(_, with_session)| with_session)
}

/// Binds other ports, on the address that leads to a callee of another network or address family.
fn move_ports(call: &mut Call, ctx: &mut Context, flow: Flow) {
    teardown::release_media(call, ctx);
    call.media.id = MediaId(ctx.number());
    call.media.requested = false;
    allocate(call, ctx, flow);
}

/// Reserves ports, unless that was done before; `flow` is the one to the callee.
pub(crate) fn allocate(call: &mut Call, ctx: &mut Context, flow: Flow) {
    if call.media.requested {
        return;
    }
    call.media.requested = true;
    call.media.callee_address = Some(flow.local.ip());
    ctx.index.media.insert(call.media.id, call.key);
    ctx.media(MediaCommand::Allocate {
        media: call.media.id,
        caller_address: call.media.caller_address,
        callee_address: flow.local.ip(),
    });
}

/// The relay reserved the ports.
pub(crate) fn allocated(call: &mut Call, ctx: &mut Context, now: Instant, ports: MediaPorts) {
    call.media.ports = Some(ports);
    if call.has_ended() {
        return teardown::release_media(call, ctx);
    }
    // A caller who is still in another call is not to hear this one's callees.
    if let Some(offer) = call.invite.offer.clone().filter(|_| !call.caller.absent) {
        call.announce(ctx, Side::Caller, &offer);
    }
    if takeover::allocated(call, ctx, now) {
        return;
    }
    invite_located(call, ctx, now);
}

/// One fork ended without an answer. Its trial ends with the last of its forks.
pub(crate) fn fork_failed(call: &mut Call, ctx: &mut Context, now: Instant, place: usize, status: u16) {
    let fork = &mut call.setup.forks[place];
    let was_given_up = matches!(fork.state, ForkState::Cancelled(_));
    fork.state = ForkState::Done;
    let number = fork.trial;
    let trial = &mut call.setup.trials[number];
    // What a server says that was given up for the next one counts no more.
    if trial.done || was_given_up {
        return;
    }
    // What the routing plugin is told of a trunk is how all of its servers failed.
    if status == 503 {
        dial::next_server(call, ctx, place);
    }
    let trial = &mut call.setup.trials[number];
    let best = trial.best.map_or(status, |known| better(known, status));
    trial.best = Some(best);
    // A 6xx speaks for the user on all their phones (RFC 3261 §16.7 step 5), but not for the other targets.
    if (600..700).contains(&status) {
        cancel_trial(call, ctx, now, number);
    }
    let open = call.setup.forks_of(number).any(|place| call.setup.forks[place].is_open());
    if !open {
        call.stop_timer(ctx, Timer::Ring(number));
        end_trial(call, number, now, best);
        advance(call, ctx, now);
    }
}

/// A target rang long enough.
pub(crate) fn ring_timeout(call: &mut Call, ctx: &mut Context, now: Instant, trial: usize) {
    if call.stage != Stage::Dialing || call.setup.trials[trial].done {
        return;
    }
    cancel_trial(call, ctx, now, trial);
    let best = call.setup.trials[trial].best.map_or(408, |known| better(known, 408));
    end_trial(call, trial, now, best);
    advance(call, ctx, now);
}

fn cancel_trial(call: &mut Call, ctx: &mut Context, now: Instant, trial: usize) {
    for place in call.setup.forks_of(trial) {
        fork::cancel(call, ctx, now, place);
    }
}

fn end_trial(call: &mut Call, number: usize, now: Instant, status: u16) {
    let trial = &mut call.setup.trials[number];
    trial.done = true;
    let duration = now.saturating_duration_since(trial.started);
    call.setup.attempts.push(Attempt {
        target: trial.target.address.clone(),
        outcome: attempt_outcome(status),
        status,
        duration_ms: u32::try_from(duration.as_millis()).unwrap_or(u32::MAX),
    });
}

/// A callee wants the call elsewhere: remembered for the next routing question, never dialled unasked.
pub(crate) fn redirected(call: &mut Call, contacts: Vec<String>) {
    /// A 3xx may name many places; a plugin is told this many.
    const MAX_REDIRECTS: usize = 16;
    let room = MAX_REDIRECTS.saturating_sub(call.setup.redirects.len());
    call.setup.redirects.extend(contacts.into_iter().take(room));
}

/// Ends every trial without a result: one fork won, or the call ended.
pub(crate) fn stop(call: &mut Call, ctx: &mut Context, now: Instant) {
    call.setup.waiting.clear();
    for place in 0..call.setup.forks.len() {
        fork::cancel(call, ctx, now, place);
    }
    for number in 0..call.setup.trials.len() {
        call.setup.trials[number].done = true;
        call.stop_timer(ctx, Timer::Ring(number));
    }
    call.stop_timer(ctx, Timer::Setup);
    call.stop_timer(ctx, Timer::Answer);
}
