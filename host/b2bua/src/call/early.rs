//! Early dialogs: what a callee's provisional responses make (RFC 3261 §12.1.2), and the PRACK for reliable ones (RFC 3262).
//!
//! A callee may send provisionals reliably whatever its caller supports: we acknowledge them on this leg ourselves. Only an
//! offer in one has to wait, for the answer in the caller's own PRACK.

use std::time::Instant;

use bytes::Bytes;
use cordboard_media::command::Side;
use cordboard_media::sdp::Session;
use cordboard_sip::message::Message;
use cordboard_sip::transport::Flow;
use cordboard_sip::{HeaderName, Method};
use rand::RngExt;

use super::bridge::{Incoming, reply};
use super::fork::{self, to_tag};
use super::leg::Leg;
use super::{Call, CallKey, LegName};
use crate::context::{ClientUse, Context, RELIABLE_PROVISIONALS};

/// Early dialogs kept for one fork; a proxy behind it may have forked once more. Provisionals of any further one are shown to
/// the caller, but cannot be acknowledged.
const MAX_EARLY_DIALOGS: usize = 8;

/// One early dialog of a fork.
pub(crate) struct EarlyDialog {
    pub(crate) leg: Leg,
    /// RSeq of the latest reliable provisional; `None`: all were unreliable.
    rseq: Option<u32>,
    /// What the callee announced last, for a 2xx that carries nothing.
    pub(crate) session: Option<Session>,
    /// RAck of a provisional whose offer the caller has not answered yet.
    owed_prack: Option<String>,
}

/// Names an early dialog within its call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct EarlyId {
    place: usize,
    tag: String,
}

impl EarlyId {
    /// The dialog that a response to the INVITE of a fork belongs to.
    pub(crate) fn of(place: usize, response: &Message) -> Self {
        Self { place, tag: to_tag(response).to_owned() }
    }
}

/// Takes note of a provisional of a fork, and acknowledges it where it asks for that. `false`: it says nothing new, because
/// it came again or out of order (RFC 3262 §4).
pub(crate) fn take(
    call: &mut Call,
    ctx: &mut Context,
    now: Instant,
    place: usize,
    message: &Message,
    session: Option<&Session>,
) -> bool {
    let rseq = reliable_number(call, message);
    if dialog(call, place, to_tag(message)).is_none()
        && call.setup.forks[place].early_dialogs.len() < MAX_EARLY_DIALOGS
        && let Some(leg) = fork::dialog_of(call, place, message)
    {
        let dialog = EarlyDialog { leg, rseq: None, session: None, owed_prack: None };
        call.setup.forks[place].early_dialogs.push(dialog);
    }
    let answers_are_ours = call.invite.offer.is_none() && !has_agreed(call, &EarlyId::of(place, message));
    let key = call.key;
    let Some(dialog) = dialog(call, place, to_tag(message)) else { return rseq.is_none() };
    if rseq.is_some_and(|found| dialog.rseq.is_some_and(|last| found != last + 1)) {
        return false;
    }
    dialog.session = session.cloned().or(dialog.session.take());
    let (Some(rseq), Ok(cseq)) = (rseq, message.cseq()) else { return true };
    dialog.rseq = Some(rseq);
    let rack = format!("{rseq} {} INVITE", cseq.number);
    if session.is_some() && answers_are_ours {
        dialog.owed_prack = Some(rack);
    } else {
        acknowledge(ctx, now, key, &mut dialog.leg, &rack, None);
    }
    true
}

/// RSeq of a provisional that we have to acknowledge: one that is sent reliably although our INVITE did not offer it is like any
/// other.
fn reliable_number(call: &Call, message: &Message) -> Option<u32> {
    let offered = may_be_reliable(call) && message.lists(HeaderName::Require, RELIABLE_PROVISIONALS);
    offered.then(|| message.rseq().ok().flatten()).flatten()
}

/// Whether callees may send provisionals reliably. In a call without an offer the first of them carries the offer, which only a
/// caller can answer that acknowledges provisionals too.
pub(crate) fn may_be_reliable(call: &Call) -> bool {
    call.invite.offer.is_some() || call.reliable.is_some()
}

fn dialog<'a>(call: &'a mut Call, place: usize, tag: &str) -> Option<&'a mut EarlyDialog> {
    call.setup.forks[place].early_dialogs.iter_mut().find(|dialog| dialog.leg.dialog.id.remote_tag == tag)
}

fn acknowledge(
    ctx: &mut Context,
    now: Instant,
    call: CallKey,
    leg: &mut Leg,
    rack: &str,
    body: Option<Bytes>,
) {
    let mut prack = leg.request(ctx, Method::Prack);
    prack.header(HeaderName::RAck, rack);
    if let Some(body) = body {
        prack.body("application/sdp", body);
    }
    ctx.send(now, leg.flow, &prack, call, ClientUse::Prack);
}

/// The caller answered the offer in a reliable provisional of this dialog.
pub(crate) fn answer(call: &mut Call, ctx: &mut Context, now: Instant, id: &EarlyId, answer: &Session) {
    call.announce(ctx, Side::Caller, answer);
    let changes = call.changes_for(ctx, Side::Callee, answer);
    let flow = dialog(call, id.place, &id.tag).map(|dialog| dialog.leg.flow);
    let body = flow.and_then(|flow| call.rewritten_as(ctx, Side::Callee, &flow, answer, changes));
    let key = call.key;
    let Some(dialog) = dialog(call, id.place, &id.tag) else { return };
    if let Some(rack) = dialog.owed_prack.take() {
        acknowledge(ctx, now, key, &mut dialog.leg, &rack, body);
    }
}

fn has_agreed(call: &Call, id: &EarlyId) -> bool {
    call.reliable.as_ref().is_some_and(|reliable| reliable.agreed() == Some(id))
}

/// The early dialog whose session both ends have agreed to reliably: the only one that requests can pass to and from before
/// the answer (RFC 3311 §5.1).
pub(crate) fn agreed(call: &mut Call) -> Option<&mut EarlyDialog> {
    let id = call.reliable.as_ref()?.agreed()?;
    let fork = call.setup.forks.get_mut(id.place).filter(|fork| fork.is_open())?;
    fork.early_dialogs
        .iter_mut()
        .find(|dialog| dialog.leg.dialog.id.remote_tag == id.tag && dialog.rseq.is_some())
}

/// The flow of that dialog.
pub(crate) fn agreed_flow(call: &Call) -> Option<Flow> {
    let id = call.reliable.as_ref()?.agreed()?;
    call.setup.forks.get(id.place).filter(|fork| fork.is_open())?.flow
}

/// The side that a request before the answer comes from, when there is exactly one dialog on the other side to pass it to.
pub(crate) fn sender(call: &mut Call, request: &Incoming) -> Option<Side> {
    let dialog = agreed(call)?;
    match request.leg {
        LegName::Caller => Some(Side::Caller),
        LegName::Fork(_) => dialog.leg.owns(&request.message).then_some(Side::Callee),
    }
}

/// Answers a request before the answer that cannot be passed.
pub(crate) fn answer_alone(ctx: &mut Context, now: Instant, request: &Incoming) {
    match (request.message.method(), request.leg) {
        // The offer in the INVITE has no answer yet (RFC 3311 §5.2).
        (Method::Update, LegName::Caller) => {
            let seconds: u32 = ctx.rng.random_range(0..=10);
            reply(ctx, now, request, 500, |_, response| {
                response.header(HeaderName::RetryAfter, seconds.to_string());
            });
        }
        _ => reply(ctx, now, request, 491, |_, _| {}),
    }
}
