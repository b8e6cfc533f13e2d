//! The end of a call: the only place where a call ends, and the only one that says so.

use std::time::Instant;

use cordboard_media::command::{MediaCommand, Side};
use cordboard_model::{EndReason, EventKind, Rejection};
use cordboard_sip::message::Response;
use cordboard_sip::{HeaderName, Method};

use super::leg::Leg;
use super::outcome::caller_status;
use super::start::status;
use super::transfer::{self, referral};
use super::{Call, Stage, bridge, reliable, session_timer, setup};
use crate::context::{ClientUse, Context};
use crate::timers::Timer;

/// Why a call ends, and what its caller is told when there is no answer yet.
#[derive(Clone, Debug)]
pub(crate) struct Ending {
    reason: EndReason,
    status: u16,
    phrase: String,
    headers: Vec<(HeaderName, String)>,
    /// The side that ended the call itself, and needs no BYE.
    by: Option<Side>,
}

impl Ending {
    pub(crate) fn of(reason: EndReason) -> Self {
        Self::status(reason, caller_status(reason))
    }

    pub(crate) fn status(reason: EndReason, status: u16) -> Self {
        Self { reason, status, phrase: String::new(), headers: Vec::new(), by: None }
    }

    pub(crate) fn by(reason: EndReason, side: Side) -> Self {
        Self { by: Some(side), ..Self::of(reason) }
    }

    pub(crate) fn redirect(contacts: Vec<String>) -> Self {
        let contact = |uri: String| (HeaderName::Contact, format!("<{uri}>"));
        Self { headers: contacts.into_iter().map(contact).collect(), ..Self::of(EndReason::Redirected) }
    }

    /// The caller has to prove who it is; one WWW-Authenticate for each challenge.
    pub(crate) fn challenged(challenges: Vec<String>) -> Self {
        let challenge = |value: String| (HeaderName::WwwAuthenticate, value);
        Self { headers: challenges.into_iter().map(challenge).collect(), ..Self::of(EndReason::Challenged) }
    }

    /// A plugin's refusal; a status outside 400 to 699 would break the transaction and becomes 500.
    pub(crate) fn rejected(reason: EndReason, rejection: Rejection) -> Self {
        let status = if (400..700).contains(&rejection.status) { rejection.status } else { 500 };
        let ending = Self { phrase: rejection.reason, ..Self::status(reason, status) };
        match rejection.retry_after_s {
            Some(seconds) => ending.retry_after(seconds),
            None => ending,
        }
    }

    pub(crate) fn retry_after(mut self, seconds: u32) -> Self {
        self.headers.push((HeaderName::RetryAfter, seconds.to_string()));
        self
    }
}

/// Ends a call: the caller gets a final response or a BYE, the callee a CANCEL or a BYE, the ports go back, and one
/// `CallEnded` is told. Nothing happens to a call that has already ended.
pub(crate) fn end(call: &mut Call, ctx: &mut Context, now: Instant, ending: Ending) {
    let answered_at = match call.stage {
        Stage::Ended => return,
        Stage::Talking(since) => Some(since),
        Stage::Authorizing(question) | Stage::Routing(question) => {
            ctx.index.questions.remove(&question);
            None
        }
        Stage::Dialing => None,
    };
    call.stage = Stage::Ended;
    setup::stop(call, ctx, now);
    reliable::stop(call, ctx);
    session_timer::stop(call, ctx);
    reliable::release(call, ctx, now);
    bridge::abandon(call, ctx, now);
    transfer::ended(call, ctx, now, if answered_at.is_some() { 487 } else { ending.status });
    if answered_at.is_some() {
        end_answered(call, ctx, now, ending.by);
    } else if !call.caller.absent {
        refuse(call, ctx, now, &ending);
    }
    release_media(call, ctx);
    ctx.event(
        Some(call.id),
        EventKind::CallEnded {
            reason: ending.reason,
            status: answered_at.is_none().then_some(ending.status),
            duration_ms: milliseconds(now, call.started),
            talk_ms: answered_at.map_or(0, |since| milliseconds(now, since)),
        },
    );
    call.stop_timer(ctx, Timer::Duration);
    linger(call, ctx, now);
}

/// Keeps an ended call for its last responses. Every transaction of ours ends within 64*T1; T1 more keeps the order of the two.
pub(crate) fn linger(call: &mut Call, ctx: &mut Context, now: Instant) {
    let end = now + ctx.settings.sip.t1 * 65;
    call.start_timer(ctx, end, Timer::Linger);
}

/// Milliseconds between two instants, as events count them.
pub(crate) fn milliseconds(now: Instant, since: Instant) -> u64 {
    u64::try_from(now.saturating_duration_since(since).as_millis()).unwrap_or(u64::MAX)
}

fn end_answered(call: &mut Call, ctx: &mut Context, now: Instant, by: Option<Side>) {
    // A 2xx has to be acknowledged before its dialog may be ended, also when a late offer was never answered.
    for side in [Side::Caller, Side::Callee] {
        if let Some(leg) = call.leg_mut(side) {
            leg.acknowledge_owed(ctx, None);
        }
    }
    if by == Some(Side::Caller) {
        call.caller.answer = None;
    }
    for side in [Side::Caller, Side::Callee] {
        if by == Some(side) || !call.is_there(side) || referral::leaves_itself(call, ctx, now, side) {
            continue;
        }
        if side == Side::Caller && call.caller.answer.is_some() {
            call.caller.owes_bye = true;
        } else {
            hang_up_side(call, ctx, now, side);
        }
    }
}

fn refuse(call: &mut Call, ctx: &mut Context, now: Instant, ending: &Ending) {
    let tag = &call.caller.dialog.id.local_tag;
    let mut response =
        Response::new(&call.invite.message, &call.caller.flow, status(ending.status), Some(tag));
    if !ending.phrase.is_empty() {
        response.reason(&ending.phrase);
    }
    for (name, value) in &ending.headers {
        response.header(*name, value);
    }
    ctx.endpoint.respond(now, call.invite.transaction, &response);
}

/// Sends a BYE to one side of the call.
pub(crate) fn hang_up_side(call: &mut Call, ctx: &mut Context, now: Instant, side: Side) {
    let key = call.key;
    let Some(leg) = call.leg_mut(side) else { return };
    let bye = leg.dialog.request(Method::Bye);
    ctx.send(now, leg.flow, &bye, key, ClientUse::Bye);
    call.byes += 1;
}

/// Sends a BYE on a leg that is not one of the two of the call.
pub(crate) fn hang_up(call: &mut Call, ctx: &mut Context, now: Instant, leg: &mut Leg) {
    let bye = leg.dialog.request(Method::Bye);
    ctx.send(now, leg.flow, &bye, call.key, ClientUse::Bye);
    call.byes += 1;
}

/// The ACK that a BYE to the caller waited for has come, or never will.
pub(crate) fn hang_up_late(call: &mut Call, ctx: &mut Context, now: Instant) {
    call.caller.owes_bye = false;
    hang_up_side(call, ctx, now, Side::Caller);
}

/// Gives the ports back. An allocation that is still under way is released when it is told.
pub(crate) fn release_media(call: &mut Call, ctx: &mut Context) {
    if call.media.ports.take().is_some() {
        ctx.media(MediaCommand::Release { media: call.media.id });
    }
}
