//! Reliable provisional responses to a caller that requires them (RFC 3262 §3).
//!
//! One at a time: the next goes out when the PRACK for the last has come, and of several that wait only the most telling one
//! does. A 2xx may not overtake a session description that was not acknowledged, so it waits as well.

use std::time::Instant;

use cordboard_model::EndReason;
use cordboard_sip::HeaderName;
use cordboard_sip::Method;
use cordboard_sip::dialog::{AnswerResend, AnswerStep};
use cordboard_sip::message::{Message, Response};

use super::bridge::{Incoming, reply};
use super::early::{self, EarlyId};
use super::start::session_of;
use super::teardown::{self, Ending};
use super::{Call, LegName, fork};
use crate::context::{Context, RELIABLE_PROVISIONALS};
use crate::timers::Timer;

/// The first RSeq is drawn from 1 to this, which leaves it room to grow within 2^31 (RFC 3262 §3).
pub(crate) const MAX_FIRST_RSEQ: u32 = 1 << 30;

/// A provisional for the caller.
pub(crate) struct Provisional {
    pub(crate) response: Response,
    /// Whose session description it carries.
    pub(crate) session: Option<EarlyId>,
}

struct Sent {
    rseq: u32,
    /// `None` after the final response: nothing is sent again, but a late PRACK is still expected.
    resend: Option<AnswerResend>,
    session: Option<EarlyId>,
}

/// What the caller has acknowledged, and what it has not.
pub(crate) struct Reliable {
    next: u32,
    sent: Option<Sent>,
    waiting: Option<Provisional>,
    /// Whose session description the caller has acknowledged last.
    agreed: Option<EarlyId>,
    /// A 2xx of this fork that waits for a PRACK.
    held: Option<(usize, Message)>,
}

impl Reliable {
    /// Nothing was sent yet; `first` is the first RSeq.
    pub(crate) fn new(first: u32) -> Self {
        Self { next: first, sent: None, waiting: None, agreed: None, held: None }
    }

    /// Whose session description the caller has acknowledged.
    pub(crate) fn agreed(&self) -> Option<&EarlyId> {
        self.agreed.as_ref()
    }

    /// Whether the caller was shown a session description, acknowledged or not.
    fn has_shown_session(&self) -> bool {
        self.agreed.is_some() || self.sent.as_ref().is_some_and(|sent| sent.session.is_some())
    }
}

/// Sends a provisional to the caller: reliably where it requires that, now or after the one before it.
pub(crate) fn tell(call: &mut Call, ctx: &mut Context, now: Instant, provisional: Provisional) {
    let Some(reliable) = &mut call.reliable else {
        ctx.endpoint.respond(now, call.invite.transaction, &provisional.response);
        return;
    };
    // Without an offer in the INVITE, the first reliable response carries it, and no other one does (RFC 3261 §13.2.1).
    if call.invite.offer.is_none() && provisional.session.is_some() == reliable.has_shown_session() {
        return;
    }
    if reliable.sent.is_none() {
        return send(call, ctx, now, provisional);
    }
    if provisional.session.is_some() || reliable.waiting.as_ref().is_none_or(|next| next.session.is_none()) {
        reliable.waiting = Some(provisional);
    }
}

fn send(call: &mut Call, ctx: &mut Context, now: Instant, provisional: Provisional) {
    let Some(reliable) = &mut call.reliable else { return };
    let Provisional { mut response, session } = provisional;
    let rseq = reliable.next;
    reliable.next += 1;
    response.header(HeaderName::Require, RELIABLE_PROVISIONALS).header_fmt(HeaderName::RSeq, rseq);
    let bytes = ctx.endpoint.respond(now, call.invite.transaction, &response);
    let t1 = ctx.settings.sip.t1;
    // Unlike a 2xx, its intervals double without a bound.
    let resend = AnswerResend::new(now, bytes, t1, t1 * 64);
    let deadline = resend.deadline();
    reliable.sent = Some(Sent { rseq, resend: Some(resend), session });
    call.start_timer(ctx, deadline, Timer::ProvisionalResend);
}

/// The time has come to send a provisional again, or to give up on its PRACK.
pub(crate) fn resend(call: &mut Call, ctx: &mut Context, now: Instant) {
    let sent = call.reliable.as_mut().and_then(|reliable| reliable.sent.as_mut());
    let Some(resend) = sent.and_then(|sent| sent.resend.as_mut()) else { return };
    match resend.poll(now) {
        AnswerStep::Resend(bytes) => ctx.endpoint.resend(call.caller.flow, bytes),
        AnswerStep::GiveUp => return teardown::end(call, ctx, now, Ending::of(EndReason::PeerGone)),
        AnswerStep::Wait => {}
    }
    let deadline = resend.deadline();
    call.start_timer(ctx, deadline, Timer::ProvisionalResend);
}

/// The caller gets its final response: no provisional is sent any more.
pub(crate) fn stop(call: &mut Call, ctx: &mut Context) {
    call.stop_timer(ctx, Timer::ProvisionalResend);
    if let Some(reliable) = &mut call.reliable {
        reliable.waiting = None;
        if let Some(sent) = &mut reliable.sent {
            sent.resend = None;
        }
    }
}

/// Keeps a 2xx back while the caller has not acknowledged a session description (RFC 3262 §3). `true`: it is kept.
pub(crate) fn hold(call: &mut Call, ctx: &mut Context, place: usize, message: &Message) -> bool {
    let Some(reliable) = &mut call.reliable else { return false };
    if reliable.sent.as_ref().is_none_or(|sent| sent.session.is_none()) {
        return false;
    }
    if reliable.held.is_none() {
        reliable.held = Some((place, message.clone()));
        let trial = call.setup.forks[place].trial;
        call.stop_timer(ctx, Timer::Ring(trial));
    }
    true
}

/// Whether a 2xx of another dialog is kept back already: this one comes second.
pub(crate) fn holds_another(call: &Call, id: &EarlyId) -> bool {
    let held = call.reliable.as_ref().and_then(|reliable| reliable.held.as_ref());
    held.is_some_and(|(place, message)| EarlyId::of(*place, message) != *id)
}

/// Gives a 2xx that was kept back its way: to the caller, or back to the callee when the call has ended.
pub(crate) fn release(call: &mut Call, ctx: &mut Context, now: Instant) {
    if let Some((place, message)) = call.reliable.as_mut().and_then(|reliable| reliable.held.take()) {
        fork::response(call, ctx, now, place, &message);
    }
}

/// A PRACK. An offer in one that is not the answer to ours is refused with 488: the callee has no request yet that could carry
/// it. The provisional counts as acknowledged all the same, so that the call goes on as it was.
pub(crate) fn prack(call: &mut Call, ctx: &mut Context, now: Instant, request: &Incoming) {
    let Ok(rack) = request.message.rack() else { return reply(ctx, now, request, 400, |_, _| {}) };
    let invite = call.invite.message.cseq().map(|cseq| cseq.number).ok();
    let names_invite = rack.cseq.method == Method::Invite && Some(rack.cseq.number) == invite;
    let sent = call.reliable.as_mut().filter(|_| names_invite && request.leg == LegName::Caller);
    let Some(sent) = sent.and_then(|reliable| reliable.sent.take_if(|sent| sent.rseq == rack.rseq)) else {
        return reply(ctx, now, request, 481, |_, _| {});
    };
    let body = session_of(&request.message);
    let offered_by = sent.session.clone().filter(|_| call.invite.offer.is_none());
    let code = match (offered_by, body) {
        (Some(callee), Ok(Some(answer))) => {
            early::answer(call, ctx, now, &callee, &answer);
            200
        }
        (Some(_), _) => return unanswered(call, ctx, now, request),
        (None, Ok(None)) => 200,
        (None, _) => 488,
    };
    reply(ctx, now, request, code, |_, _| {});
    acknowledged(call, ctx, now, sent);
}

/// A PRACK without the answer that its provisional asked for: the session can never be agreed.
fn unanswered(call: &mut Call, ctx: &mut Context, now: Instant, request: &Incoming) {
    reply(ctx, now, request, 400, |_, _| {});
    teardown::end(call, ctx, now, Ending::of(EndReason::NotAcceptable));
}

fn acknowledged(call: &mut Call, ctx: &mut Context, now: Instant, sent: Sent) {
    call.stop_timer(ctx, Timer::ProvisionalResend);
    let Some(reliable) = &mut call.reliable else { return };
    if sent.session.is_some() {
        reliable.agreed = sent.session;
    }
    let next = reliable.waiting.take();
    if reliable.held.is_some() {
        release(call, ctx, now);
    } else if let Some(next) = next {
        send(call, ctx, now, next);
    }
}
