//! What calls find out about the servers of trunks, besides OPTIONS.
//!
//! A 503 with Retry-After rests the server for so long: no call goes to it (RFC 3261 §21.5.4). One without says nothing about other
//! calls by that section, and carriers send it for single numbers: the call goes on at the next server, and that is all. Silence,
//! and a place that cannot be reached, count as OPTIONS without an answer do; any other response as an answer.

use std::time::{Duration, Instant};

use cordboard_sip::StatusCode;
use cordboard_sip::message::Message;

use super::errand::{self, Errand};
use super::registration::retry_after;
use super::{Trunk, TrunkKey, with};
use crate::context::Context;

/// Longest Retry-After that rests a server: one that names next year by mistake is not lost for good.
const LONGEST_REST: Duration = Duration::from_secs(3600);

/// One server of one trunk, as long as the trunk is not configured anew.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct ServerId {
    pub(super) trunk: TrunkKey,
    pub(super) place: usize,
}

/// The final response of a server to a call, or its first provisional one.
pub(crate) fn responded(ctx: &mut Context, now: Instant, server: ServerId, response: &Message) {
    let Some(status) = response.status() else { return };
    with(ctx, now, server.trunk, |trunk, ctx| {
        if !status.is_provisional() {
            trunk.servers[server.place].last_status = Some(status.code());
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            rest(trunk, ctx, now, server.place, response);
        } else {
            note(trunk, ctx, now, server.place, None);
        }
    });
}

/// A server did not respond to a call.
pub(crate) fn failed(ctx: &mut Context, now: Instant, server: ServerId, problem: &str) {
    with(ctx, now, server.trunk, |trunk, ctx| note(trunk, ctx, now, server.place, Some(problem)));
}

/// A server that wants to be left alone is.
pub(super) fn rest(trunk: &mut Trunk, ctx: &mut Context, now: Instant, place: usize, response: &Message) {
    let Some(wait) = retry_after(response).filter(|wait| !wait.is_zero()) else { return };
    let until = now + wait.min(LONGEST_REST);
    let server = &mut trunk.servers[place];
    server.rests_until = Some(until);
    server.problem = format!("the server answered 503 and wants to be left alone for {} s", wait.as_secs());
    errand::wait(trunk, ctx, until, Errand::Rest(place));
}

/// Its time is over.
pub(super) fn rested(trunk: &mut Trunk, place: usize) {
    let server = &mut trunk.servers[place];
    server.rests_until = None;
    server.problem.clear();
}

fn note(trunk: &mut Trunk, ctx: &mut Context, now: Instant, place: usize, problem: Option<&str>) {
    let Some(settings) = &trunk.settings.health else { return };
    let server = &mut trunk.servers[place];
    let was_in_doubt = server.health.is_in_doubt();
    server.health.note(problem.is_none(), settings);
    if !server.rests(now) {
        server.problem = problem.unwrap_or_default().to_owned();
    }
    // A server in doubt is asked at once, unless that is under way.
    if !was_in_doubt && (server.health.is_in_doubt() || !server.health.is_up()) {
        errand::ask_soon(trunk, ctx, now, place);
    }
}
