//! A phone that rings is picked up elsewhere (RFC 3891 §3): an INVITE with Replaces names an early dialog of ours with that phone.
//!
//! The caller and the new phone have both made an offer, and neither can answer the other's. So the caller is answered first, with its
//! own session on our ports, where nobody speaks yet; then its leg moves to the new call like one that talks, by re-INVITE with
//! what the new phone offers. The phones that ring are cancelled, and nobody is answered before the new call has its ports.

use std::time::Instant;

use cordboard_media::command::Side;
use cordboard_model::{EventKind, Party};

use super::super::{Call, Stage, fork, setup, teardown};
use crate::context::Context;
use crate::timers::Timer;

/// Who picks up.
#[derive(Clone, Debug)]
pub(crate) struct Picker {
    pub(crate) party: Party,
    pub(crate) sip_call_id: String,
}

/// Whether the caller waits for somebody to answer, and can be answered by another phone.
pub(super) fn is_possible(call: &Call) -> bool {
    call.stage == Stage::Dialing
        && call.takeover.is_none()
        && !call.caller.absent
        && call.invite.offer.is_some()
        && call.media.ports.is_some()
}

/// Answers the caller on behalf of whoever picks up. `false`: it cannot be any more.
pub(super) fn answer_caller(call: &mut Call, ctx: &mut Context, now: Instant, picker: Picker) -> bool {
    if !is_possible(call) {
        return false;
    }
    setup::stop(call, ctx, now);
    call.stage = Stage::Talking(now);
    // What both ends of a reliable provisional have agreed to is the answer already.
    let settled = call.reliable.as_ref().is_some_and(|reliable| reliable.agreed().is_some());
    let offer = call.invite.offer.clone().filter(|_| !settled);
    let body = offer.as_ref().and_then(|offer| call.rewritten_for(ctx, Side::Caller, offer));
    // What it was shown, for the version of what it is shown next.
    call.media.callee_session = offer.or(call.media.callee_session.take());
    fork::answer_caller_ourselves(call, ctx, now, body);
    let longest = now + ctx.settings.call.max_duration;
    call.start_timer(ctx, longest, Timer::Duration);
    let setup_ms = teardown::milliseconds(now, call.started);
    let Picker { party: callee, sip_call_id } = picker;
    ctx.event(Some(call.id), EventKind::CallAnswered { callee, sip_call_id, setup_ms });
    true
}

/// The caller was answered for somebody who cannot have it after all: nobody is there to talk to.
pub(super) fn is_alone(call: &Call) -> bool {
    call.is_answered() && call.callee.is_none()
}
