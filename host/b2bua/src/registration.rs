//! REGISTER: readable, authorized, then handed to the registrar (RFC 3261 §10.3).

use std::time::Instant;

use cordboard_model::{Aor, AuthorizationSubject, CallFacts, Challenge, EventKind, Rejection, Verdict};
use cordboard_sip::HeaderName;
use cordboard_sip::message::{Message, Response};
use cordboard_sip::transaction::ServerTransactionId;
use cordboard_sip::transport::Flow;

use crate::authentication::Proof;
use crate::call::facts::{facts, party};
use crate::call::identity;
use crate::call::start::{Refusal, status, unsupported};
use crate::context::{Asker, Context};
use crate::interface::{Output, Question};
use crate::registrar::Change;
use crate::timers::{Alarm, TimerId};

/// A REGISTER that the authorization plugin is asked about.
pub(crate) struct PendingRegister {
    timer: TimerId,
    facts: CallFacts,
    transaction: ServerTransactionId,
    flow: Flow,
    aor: Aor,
    message: Message,
}

/// Takes a REGISTER and asks whether it may.
///
/// # Errors
/// When it is refused at once; the final response is for the caller to send.
pub(crate) fn receive(
    ctx: &mut Context,
    now: Instant,
    transaction: ServerTransactionId,
    flow: Flow,
    message: Message,
) -> Result<(), Refusal> {
    if let Some(refusal) = unsupported(&message, &["path"]) {
        return Err(refusal);
    }
    let to = message.to().map_err(|_| Refusal::plain(400))?;
    if !to.uri.is_sip() {
        return Err(Refusal::plain(416));
    }
    let user = party(&to);
    if user.user.is_empty() || !ctx.settings.is_ours(&user.host, flow.local.ip()) {
        return Err(Refusal::plain(404));
    }
    let aor = Aor::new(&user.user, ctx.settings.domain());
    let id = ctx.new_call_id();
    let mut facts = facts(id, &message, user, &flow);
    identity::recognise(ctx, &message, &flow, &mut facts);
    ask(ctx, now, facts, |facts, timer| PendingRegister { timer, facts, transaction, flow, aor, message });
    Ok(())
}

fn ask(
    ctx: &mut Context,
    now: Instant,
    facts: CallFacts,
    pending: impl FnOnce(CallFacts, TimerId) -> PendingRegister,
) {
    let question = ctx.ask(Question::Authorize(AuthorizationSubject::Register(facts.clone())));
    let deadline = now + ctx.settings.call.answer_timeout;
    let timer = ctx.timers.start(deadline, Alarm::Register(question));
    ctx.index.questions.insert(question, Asker::Register(Box::new(pending(facts, timer))));
}

/// The authorization plugin has answered.
pub(crate) fn answered(ctx: &mut Context, now: Instant, pending: PendingRegister, verdict: Verdict) {
    ctx.timers.stop(pending.timer);
    match verdict {
        Verdict::Allow { .. } => accept(ctx, now, &pending),
        Verdict::Deny(rejection) => deny(ctx, now, &pending, &rejection),
        Verdict::Challenge(challenge) => challenged(ctx, now, pending, challenge),
    }
}

/// The phone has to prove who it is. Once it has, the plugin is asked again with the proved user; a plugin that then wants the
/// same proof again can never be satisfied.
fn challenged(ctx: &mut Context, now: Instant, mut pending: PendingRegister, challenge: Challenge) {
    let forbidden = Rejection { status: 403, reason: String::new(), retry_after_s: None };
    if pending.facts.authenticated_as.is_some() {
        return deny(ctx, now, &pending, &forbidden);
    }
    match ctx.authenticate(now, &pending.message, &pending.flow, &challenge) {
        Proof::Proven => {
            pending.facts.authenticated_as = Some(challenge.user);
            let facts = pending.facts.clone();
            ask(ctx, now, facts, |facts, timer| PendingRegister { facts, timer, ..pending });
        }
        Proof::Missing(challenges) => {
            let tag = ctx.endpoint.new_tag();
            let mut response = Response::new(&pending.message, &pending.flow, status(401), Some(&tag));
            for challenge in challenges {
                response.header(HeaderName::WwwAuthenticate, challenge);
            }
            ctx.endpoint.respond(now, pending.transaction, &response);
        }
        Proof::Impossible => deny(ctx, now, &pending, &forbidden),
    }
}

/// The driver did not answer in time: the phone is told to try again.
pub(crate) fn unanswered(ctx: &mut Context, now: Instant, pending: &PendingRegister) {
    deny(ctx, now, pending, &Rejection { status: 503, reason: String::new(), retry_after_s: Some(5) });
}

fn accept(ctx: &mut Context, now: Instant, pending: &PendingRegister) {
    let outcome = ctx.registrar.handle_register(now, &pending.aor, &pending.message, pending.flow);
    let tag = ctx.endpoint.new_tag();
    let mut response = Response::new(&pending.message, &pending.flow, outcome.status, Some(&tag));
    outcome.answer(&mut response);
    ctx.endpoint.respond(now, pending.transaction, &response);
    if outcome.changed {
        moved(ctx, now, Change { aor: pending.aor.clone(), left: outcome.left }, false);
    }
}

fn deny(ctx: &mut Context, now: Instant, pending: &PendingRegister, rejection: &Rejection) {
    let code = if (400..700).contains(&rejection.status) { rejection.status } else { 500 };
    let tag = ctx.endpoint.new_tag();
    let mut response = Response::new(&pending.message, &pending.flow, status(code), Some(&tag));
    if !rejection.reason.is_empty() {
        response.reason(&rejection.reason);
    }
    if let Some(seconds) = rejection.retry_after_s {
        response.header(HeaderName::RetryAfter, seconds.to_string());
    }
    ctx.endpoint.respond(now, pending.transaction, &response);
}

/// Tells that the bindings of an address changed.
pub(crate) fn moved(ctx: &mut Context, now: Instant, change: Change, expired: bool) {
    let Change { aor, left } = change;
    let contacts = ctx.registrar.lookup(now, &aor).into_iter().map(|binding| binding.contact_uri).collect();
    ctx.outputs.push_back(Output::Location { aor: aor.clone(), contacts });
    let kind = match left {
        0 => EventKind::Unregistered { aor, expired },
        bindings => EventKind::Registered { aor, bindings },
    };
    ctx.event(None, kind);
}
