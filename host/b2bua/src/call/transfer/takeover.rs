//! A call that takes legs over from others: one that a REFER began, or an INVITE with Replaces.
//!
//! With a REFER our caller is the party that stays in the call that was referred. It comes last, when the target has answered;
//! unless the target is itself a leg of another call that is replaced, which comes after it. An INVITE with Replaces has its own
//! caller, and only waits for its callee.

use std::time::Instant;

use cordboard_media::command::Side;
use cordboard_media::sdp::Session;
use cordboard_model::{CallFacts, EndReason, EventKind, Party, Referral, RouteReason};
use cordboard_sip::message::{Message, Replaces};
use cordboard_sip::transport::Flow;

use super::super::bridge::Incoming;
use super::super::fork::{self, Fork};
use super::super::leg::Leg;
use super::super::teardown::{self, Ending};
use super::super::{Call, CallKey, Invite, LegName, Stage, opposite, session_timer, setup};
use super::subscription::Report;
use super::{Claimed, Move, Moved, Picker, Signal, pickup};
use crate::context::Context;
use crate::timers::Timer;

/// What a call still waits for.
pub(crate) struct Takeover {
    /// For the routing question.
    pub(crate) referral: Option<Referral>,
    /// The call whose REFER began this one, and which side of it becomes our caller.
    caller: Option<(CallKey, Side)>,
    /// The dialog whose other side becomes our callee.
    replaced: Option<Replaced>,
}

struct Replaced {
    dialog: Replaces,
    /// The call that it belongs to, once that was found.
    call: Option<CallKey>,
    leg: Option<Claimed>,
}

impl Takeover {
    /// Of a new INVITE with Replaces.
    pub(crate) fn replacing(dialog: Replaces) -> Self {
        let replaced = Some(Replaced { dialog, call: None, leg: None });
        Self { referral: None, caller: None, replaced }
    }

    /// The flow of the leg that is to be our callee.
    pub(crate) fn flow_of_callee(&self) -> Option<Flow> {
        Some(self.replaced.as_ref()?.leg.as_ref()?.flow)
    }

    pub(crate) fn replaces_dialog(&self) -> bool {
        self.replaced.is_some()
    }
}

/// What a REFER that was accepted asks for.
pub(super) struct Wanted {
    pub(super) request: Incoming,
    pub(super) facts: CallFacts,
    pub(super) party: Party,
    pub(super) referral: Referral,
    pub(super) replaces: Option<Replaces>,
}

/// Begins the call that a REFER in `referred` asks for; `None` when the party that stays has no session.
pub(super) fn begin(
    referred: &mut Call,
    ctx: &mut Context,
    now: Instant,
    wanted: Wanted,
    by: Side,
) -> Option<CallKey> {
    let side = opposite(by);
    let session = referred.session_of(side)?.resumed();
    let party = party_of(referred, side);
    let takes_info = referred.takes_info(side);
    let leg = referred.leg_mut(side)?;
    let caller = Leg { absent: true, ..Leg::new(leg.dialog.clone(), leg.flow) };
    let sip_call_id = leg.dialog.id.sip_call_id.clone();
    let Wanted { request, facts, party: target, referral, replaces } = wanted;
    let invite = Invite {
        message: request.message,
        transaction: request.transaction,
        offer: Some(session),
        provisional: None,
    };
    let mut call = Call::new(ctx, now, facts, invite, caller);
    call.caller_party = party;
    call.media.caller_takes_info = takes_info;
    let replaced = replaces.map(|dialog| Replaced { dialog, call: None, leg: None });
    call.takeover = Some(Takeover { referral: Some(referral), caller: Some((referred.key, side)), replaced });
    ctx.index.ids.insert(call.id, call.key);
    let started = EventKind::CallStarted { caller: call.caller_party.clone(), callee: target, sip_call_id };
    ctx.event(Some(call.id), started);
    let deadline = now + ctx.settings.call.setup_timeout;
    call.start_timer(ctx, deadline, Timer::Setup);
    go_on(&mut call, ctx, now);
    let key = call.key;
    ctx.begun.push(call);
    Some(key)
}

/// The call may be: what it takes the place of is looked for, or routing is asked.
pub(crate) fn go_on(call: &mut Call, ctx: &mut Context, now: Instant) {
    let Some(takeover) = &mut call.takeover else {
        return setup::ask_route(call, ctx, now, RouteReason::New);
    };
    let referred = takeover.caller.map(|(key, _)| key);
    let Some(replaced) = &mut takeover.replaced else {
        return setup::ask_route(call, ctx, now, RouteReason::Refer);
    };
    let dialog = replaced.dialog.clone();
    let owner = ctx.index.tags.get(&dialog.to_tag).map(|(owner, _)| *owner);
    // A call cannot replace itself.
    match owner.filter(|owner| Some(*owner) != referred) {
        Some(owner) => {
            replaced.call = Some(owner);
            call.stage = Stage::Dialing;
            // Only a call of its own picks up; a transfer to a phone that rings is not one.
            let picker = referred.is_none().then(|| Picker {
                party: call.facts.caller.clone(),
                sip_call_id: call.facts.sip_call_id.clone(),
            });
            ctx.signal(owner, Signal::Claim { by: call.key, replaces: dialog, picker });
        }
        None => refused(call, ctx, now, 481),
    }
}

fn party_of(call: &Call, side: Side) -> Party {
    match side {
        Side::Caller => call.caller_party.clone(),
        Side::Callee => call.facts.callee.clone(),
    }
}

/// Another call wants to take the place of one of our dialogs.
pub(super) fn claimed_by(
    call: &mut Call,
    ctx: &mut Context,
    by: CallKey,
    dialog: &Replaces,
    picker: Option<Picker>,
) {
    let signal = match claim(call, ctx, dialog, picker) {
        Ok(claimed) => Signal::Claimed(Box::new(claimed)),
        Err(status) => Signal::Refused { status },
    };
    ctx.signal(by, signal);
}

/// The leg that stays when this dialog is replaced.
///
/// # Errors
/// The status of RFC 3891 §3 when it cannot be.
fn claim(call: &mut Call, ctx: &Context, dialog: &Replaces, picker: Option<Picker>) -> Result<Claimed, u16> {
    let named = ctx.index.tags.get(&dialog.to_tag).filter(|(owner, _)| *owner == call.key);
    let (_, name) = *named.ok_or(481_u16)?;
    let (id, is_answered) = (dialog, call.is_answered());
    let is_named =
        |leg: &Leg| leg.dialog.id.sip_call_id == id.sip_call_id && leg.dialog.id.remote_tag == id.from_tag;
    let side = match name {
        LegName::Caller if is_named(&call.caller) => Side::Caller,
        LegName::Fork(place) if !is_answered && call.setup.forks[place].has_early_dialog(is_named) => {
            return if call.setup.forks[place].is_open() { ringing(call, picker) } else { Err(481) };
        }
        LegName::Fork(place)
            if call.callee.as_ref().is_some_and(|(won, leg)| *won == place && is_named(leg)) =>
        {
            Side::Callee
        }
        LegName::Caller | LegName::Fork(_) => return Err(481),
    };
    if call.has_ended() {
        return Err(603);
    }
    if !is_answered || !call.is_there(side) {
        return Err(481);
    }
    if dialog.early_only {
        return Err(486);
    }
    let stays = opposite(side);
    let session = call.session_of(stays).cloned().filter(|_| call.is_there(stays)).ok_or(491_u16)?;
    let party = party_of(call, stays);
    let leg = call.leg_mut(stays).ok_or(491_u16)?;
    Ok(Claimed { side: stays, party, flow: leg.flow, session, picker: None })
}

/// The caller of a call in which a phone rings that another one picks up.
fn ringing(call: &Call, picker: Option<Picker>) -> Result<Claimed, u16> {
    let session = call.invite.offer.clone().filter(|_| pickup::is_possible(call));
    let (Some(session), Some(picker)) = (session, picker) else { return Err(486) };
    let (party, flow) = (party_of(call, Side::Caller), call.caller.flow);
    Ok(Claimed { side: Side::Caller, party, flow, session, picker: Some(picker) })
}

/// The leg that is to be our callee was found: ports come first.
pub(super) fn claimed(call: &mut Call, ctx: &mut Context, claimed: Claimed) {
    if call.stage != Stage::Dialing {
        return;
    }
    let Some(replaced) = call.takeover.as_mut().and_then(|takeover| takeover.replaced.as_mut()) else {
        return;
    };
    let flow = claimed.flow;
    replaced.leg = Some(claimed);
    setup::allocate(call, ctx, flow);
}

/// The relay reserved the ports. `true`: legs of other calls are asked for now.
pub(crate) fn allocated(call: &mut Call, ctx: &mut Context, now: Instant) -> bool {
    let Some(takeover) = &call.takeover else { return false };
    let Some(leg) = takeover.replaced.as_ref().and_then(|replaced| replaced.leg.as_ref()) else {
        return false;
    };
    if takeover.caller.is_some() {
        let session = leg.session.resumed();
        call.media.callee_session = Some(leg.session.clone());
        want_caller(call, ctx, session);
    } else if let Some(offer) = call.invite.offer.clone() {
        want_callee(call, ctx, offer);
    } else {
        let session = leg.session.resumed();
        offer_in_answer(call, ctx, now, &session);
    }
    true
}

/// Our caller left the offer to us (RFC 3264 §4): it is what the leg announced last that is to be our callee, which is asked for when
/// the ACK brings the answer.
fn offer_in_answer(call: &mut Call, ctx: &mut Context, now: Instant, session: &Session) {
    call.media.offerer = Side::Callee;
    let body = call.rewritten_for(ctx, Side::Caller, session);
    talk(call, ctx, now);
    fork::answer_caller_ourselves(call, ctx, now, body);
}

/// The ACK of our caller brought the answer to that offer, or brought none. `false`: nothing waits for it.
pub(crate) fn acknowledged(
    call: &mut Call,
    ctx: &mut Context,
    now: Instant,
    answer: Option<&Session>,
) -> bool {
    let replaced = call.takeover.as_ref().filter(|takeover| takeover.caller.is_none());
    if replaced.is_none_or(|takeover| !takeover.replaces_dialog()) || call.invite.offer.is_some() {
        return false;
    }
    match answer {
        Some(session) => {
            call.announce(ctx, Side::Caller, session);
            want_callee(call, ctx, session.clone());
        }
        None => teardown::end(call, ctx, now, Ending::of(EndReason::NotAcceptable)),
    }
    true
}

/// Asks for the leg that is to be our caller.
fn want_caller(call: &mut Call, ctx: &mut Context, session: Session) {
    let wanted = call.takeover.as_ref().and_then(|takeover| takeover.caller);
    if let Some((from, side)) = wanted {
        want(call, ctx, (from, side, None), Side::Caller, session);
    }
}

/// Asks for the leg that is to be our callee.
fn want_callee(call: &mut Call, ctx: &mut Context, session: Session) {
    let replaced = call.takeover.as_ref().and_then(|takeover| takeover.replaced.as_ref());
    if let Some(Replaced { call: Some(from), leg: Some(leg), .. }) = replaced {
        let (from, side, picker) = (*from, leg.side, leg.picker.clone());
        want(call, ctx, (from, side, picker), Side::Callee, session);
    }
}

fn want(
    call: &mut Call,
    ctx: &mut Context,
    (from, side, picker): (CallKey, Side, Option<Picker>),
    becomes: Side,
    session: Session,
) {
    call.media.offerer = opposite(becomes);
    let changes = call.changes_for(ctx, becomes, &session);
    let Some((address, ports)) = call.place_for(ctx, becomes) else { return };
    let wanted = Move { by: call.key, side, session, address, ports, changes, picker };
    ctx.signal(from, Signal::Move(Box::new(wanted)));
}

/// A target of a transfer rings: the referrer is told.
pub(crate) fn rings(call: &Call, ctx: &mut Context, response: &Message) {
    let referred = call.takeover.as_ref().and_then(|takeover| takeover.caller);
    if let (Some((referred, _)), Some(report)) = (referred, Report::of(response)) {
        ctx.signal(referred, Signal::Progress(report));
    }
}

/// The target of a transfer has answered: our caller is asked for.
pub(crate) fn answered(call: &mut Call, ctx: &mut Context) {
    if let Some(session) = call.session_of(Side::Callee).cloned() {
        want_caller(call, ctx, session);
    }
}

/// A leg has moved here.
pub(super) fn moved(call: &mut Call, ctx: &mut Context, now: Instant, moved: Moved) {
    let Some(takeover) = call.takeover.as_mut().filter(|_| call.stage != Stage::Ended) else {
        let mut leg = moved.leg;
        return teardown::hang_up(call, ctx, now, &mut leg);
    };
    ctx.trunks.sent.follow(&moved.leg.dialog.id.sip_call_id, call.key);
    if takeover.caller.take().is_some() {
        caller_moved(call, ctx, now, moved);
    } else {
        callee_moved(call, ctx, now, moved);
    }
}

fn caller_moved(call: &mut Call, ctx: &mut Context, now: Instant, moved: Moved) {
    let Moved { leg, session, response, transaction } = moved;
    ctx.index.tags.insert(leg.dialog.id.local_tag.clone(), (call.key, LegName::Caller));
    call.caller = leg;
    if call.stage == Stage::Dialing {
        talk(call, ctx, now);
    }
    settle(call, ctx, now, Side::Caller, &session, &response);
    call.moved_in.push(transaction);
    if call.takeover.as_ref().is_some_and(Takeover::replaces_dialog) {
        want_callee(call, ctx, session);
    } else {
        call.takeover = None;
    }
}

fn callee_moved(call: &mut Call, ctx: &mut Context, now: Instant, moved: Moved) {
    let Moved { leg, session, response, transaction } = moved;
    let place = call.setup.forks.len();
    call.setup.forks.push(Fork::taken_over(&leg));
    ctx.index.tags.insert(leg.dialog.id.local_tag.clone(), (call.key, LegName::Fork(place)));
    call.callee = Some((place, leg));
    let leg = call.takeover.take().and_then(|takeover| takeover.replaced).and_then(|replaced| replaced.leg);
    let is_new = call.stage == Stage::Dialing;
    if is_new {
        talk(call, ctx, now);
    }
    settle(call, ctx, now, Side::Callee, &session, &response);
    if is_new {
        let body = call.rewritten_for(ctx, Side::Caller, &session);
        fork::answer_caller(call, ctx, now, &response, body);
    }
    call.moved_in.push(transaction);
    fork::announce_answer(call, ctx, now, leg.map(|leg| leg.party).unwrap_or_default());
}

fn talk(call: &mut Call, ctx: &mut Context, now: Instant) {
    setup::stop(call, ctx, now);
    call.stage = Stage::Talking(now);
    let longest = now + ctx.settings.call.max_duration;
    call.start_timer(ctx, longest, Timer::Duration);
}

/// A leg that has moved here is connected.
fn settle(
    call: &mut Call,
    ctx: &mut Context,
    now: Instant,
    side: Side,
    session: &Session,
    response: &Message,
) {
    call.announce(ctx, side, session);
    session_timer::take(call, ctx, now, side, response);
}

/// A leg of another call cannot be had.
pub(super) fn refused(call: &mut Call, ctx: &mut Context, now: Instant, status: u16) {
    if call.takeover.is_none() {
        return;
    }
    let reason = match status {
        486 => EndReason::Busy,
        488 | 606 => EndReason::NotAcceptable,
        487 => EndReason::Cancelled,
        408 | 481 => EndReason::PeerGone,
        _ => EndReason::Failed,
    };
    // The others hear the status of the leg, whatever that means for this call.
    give_up(call, ctx, status);
    teardown::end(call, ctx, now, Ending::status(reason, status));
}

/// This call ends while it still waits for others.
pub(super) fn give_up(call: &mut Call, ctx: &mut Context, status: u16) {
    let Some(takeover) = call.takeover.take() else { return };
    let replaced = takeover.replaced.and_then(|replaced| replaced.call);
    for other in takeover.caller.map(|(key, _)| key).into_iter().chain(replaced) {
        ctx.signal(other, Signal::Ended { call: call.key, status });
    }
}
