//! The servers of one target, in their order (RFC 3263 §4.3): the next one is tried when one answers 503, cannot be reached, or
//! says nothing at all for a while. Each is a fork of its own, so that a late answer of the one before is still declined.

use std::time::Instant;

use super::fork::{self, ForkState};
use super::{Call, Stage, setup};
use crate::context::Context;
use crate::timers::Timer;

/// Watches a fork that has somewhere else to go. Those to trunks are watched by the trunk's own time.
pub(crate) fn watch(call: &mut Call, ctx: &mut Context, now: Instant, place: usize) {
    let fork = &call.setup.forks[place];
    if fork.trunk.is_none() && !fork.alternatives.is_empty() {
        let deadline = now + ctx.settings.call.failover_after;
        call.start_timer(ctx, deadline, Timer::Silence(place));
    }
}

/// The server of a fork has said nothing: it is given up, in case it wakes up later. `true`: the next one is tried.
pub(crate) fn silent(call: &mut Call, ctx: &mut Context, now: Instant, place: usize) -> bool {
    let goes_on = prepare_next(call, place);
    if goes_on {
        fork::cancel(call, ctx, now, place);
        setup::invite_located(call, ctx, now);
    }
    goes_on
}

/// The server of a fork cannot take the call. `true`: the next one is tried.
pub(crate) fn unavailable(call: &mut Call, ctx: &mut Context, now: Instant, place: usize) -> bool {
    let goes_on = prepare_next(call, place);
    if goes_on {
        call.setup.forks[place].state = ForkState::Done;
        setup::invite_located(call, ctx, now);
    }
    goes_on
}

fn prepare_next(call: &mut Call, place: usize) -> bool {
    let fork = &mut call.setup.forks[place];
    if call.stage != Stage::Dialing || !matches!(fork.state, ForkState::Inviting(_)) {
        return false;
    }
    let Some(next) = fork.next_server() else { return false };
    call.setup.forks.push(next);
    true
}
