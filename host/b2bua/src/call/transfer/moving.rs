//! A leg that moves to another call: it is offered its new other side by re-INVITE, and goes when it accepts. Until then, and
//! when it does not, everything stays as it was.

use std::time::Instant;

use bytes::Bytes;
use cordboard_media::command::Side;
use cordboard_media::sdp::{Changes, Origin};
use cordboard_model::EndReason;
use cordboard_sip::Method;
use cordboard_sip::endpoint::TransactionFailure;
use cordboard_sip::message::Message;
use cordboard_sip::transaction::ClientTransactionId;

use super::super::leg::{Continued, Leg};
use super::super::start::session_of;
use super::super::teardown::{self, Ending};
use super::super::{Call, CallKey, bridge, opposite, session_timer};
use super::{Move, Moved, Signal, pickup, referral};
use crate::context::{ClientUse, Context};
use crate::timers::Timer;

/// Where a leg goes when it accepts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Destination {
    /// To this call.
    Call(CallKey),
    /// The call that wanted it has ended while the re-INVITE was out.
    Nobody,
    /// Nowhere: it is shown again whom it has been talking to.
    Back,
}

/// A leg on its way.
pub(crate) struct Moving {
    side: Side,
    destination: Destination,
    /// The offer, and what names it.
    body: Bytes,
    shown: Option<Origin>,
    continued: Option<Continued>,
    /// The re-INVITE, once it is out.
    request: Option<ClientTransactionId>,
    /// Nobody waits longer than this.
    until: Instant,
}

impl Moving {
    /// Whether an INVITE of ours is out for it.
    pub(crate) fn is_asked(&self) -> bool {
        self.request.is_some()
    }

    /// The re-INVITE went out once more, with credentials.
    pub(crate) fn sent_again(&mut self, former: ClientTransactionId, latter: ClientTransactionId) {
        if self.request == Some(former) {
            self.request = Some(latter);
        }
    }
}

/// Another call wants a leg.
pub(crate) fn start(call: &mut Call, ctx: &mut Context, now: Instant, wanted: Move) {
    let Move { by, side, session, address, ports, changes, picker } = wanted;
    if let Some(picker) = picker
        && !pickup::answer_caller(call, ctx, now, picker)
    {
        return ctx.signal(by, Signal::Refused { status: 486 });
    }
    if !call.is_answered() || !call.is_there(side) {
        return ctx.signal(by, Signal::Refused { status: 481 });
    }
    if call.moving.is_some() {
        return ctx.signal(by, Signal::Refused { status: 491 });
    }
    let last = call.session_of(opposite(side)).cloned();
    let Some(leg) = call.leg_mut(side) else { return };
    let last = last.and_then(|session| leg.shown_origin(&session));
    let continued = last.and_then(|last| Continued::from(last, &session));
    let shown = continued.as_ref().and_then(|continued| continued.origin_of(&session));
    let body = session.rewrite_as(address, ports, &Changes { origin: shown.clone(), ..changes });
    let destination = Destination::Call(by);
    let until = now + ctx.settings.sip.t1 * 64;
    call.moving = Some(Moving { side, destination, body, shown, continued, request: None, until });
    ask(call, ctx, now);
}

/// Sends the re-INVITE, or waits while another request changes the session of one of the two legs (RFC 3261 §14.1).
pub(crate) fn ask(call: &mut Call, ctx: &mut Context, now: Instant) {
    let glares = bridge::glares(call);
    let key = call.key;
    let Some((side, body)) = call.moving.as_ref().map(|moving| (moving.side, moving.body.clone())) else {
        return;
    };
    let Some(leg) = call.leg_mut(side) else { return };
    if glares || leg.refresh.is_some() {
        return ask_later(call, ctx, now);
    }
    let mut invite = leg.request(ctx, Method::Invite);
    invite.body("application/sdp", body);
    let ours = ctx.send(now, leg.flow, &invite, key, ClientUse::Move);
    let Some(moving) = &mut call.moving else { return };
    moving.request = Some(ours);
    let until = moving.until;
    call.start_timer(ctx, until, Timer::Moving);
}

/// A leg is free that was not when it was to be asked.
pub(crate) fn go_on(call: &mut Call, ctx: &mut Context, now: Instant) {
    if call.moving.as_ref().is_some_and(|moving| !moving.is_asked()) && call.is_answered() {
        ask(call, ctx, now);
    }
}

fn ask_later(call: &mut Call, ctx: &mut Context, now: Instant) {
    let Some(side) = call.moving.as_ref().map(|moving| moving.side) else { return };
    let Some(leg) = call.leg_mut(side) else { return };
    let wait = bridge::retry_window(ctx, leg.invited);
    call.start_timer(ctx, now + wait, Timer::Moving);
}

/// The time has come to ask again, or nobody waits any longer.
pub(crate) fn overdue(call: &mut Call, ctx: &mut Context, now: Instant) {
    let Some(moving) = &mut call.moving else { return };
    if now < moving.until {
        return ask(call, ctx, now);
    }
    match moving.destination {
        // Its final response may still come, and has to be acknowledged.
        Destination::Call(by) if moving.is_asked() => {
            moving.destination = Destination::Nobody;
            ctx.signal(by, Signal::Refused { status: 408 });
        }
        _ if moving.is_asked() => {}
        _ => refused(call, ctx, now, 408, false),
    }
}

/// A final response to the re-INVITE, or a 2xx to it that came again.
pub(crate) fn response(
    call: &mut Call,
    ctx: &mut Context,
    now: Instant,
    ours: ClientTransactionId,
    message: &Message,
) {
    let Some(status) = message.status().filter(|status| !status.is_provisional()) else { return };
    let waiting = call.moving.as_mut().and_then(|moving| moving.request.take_if(|asked| *asked == ours));
    if waiting.is_none() {
        return bridge::acknowledge_repeated(call, ctx, message);
    }
    call.stop_timer(ctx, Timer::Moving);
    if status.is_success() {
        return accepted(call, ctx, now, ours, message);
    }
    ctx.index.clients.remove(&ours);
    match status.code() {
        491 if call.is_answered() => ask_later(call, ctx, now),
        code => refused(call, ctx, now, code, matches!(code, 408 | 481)),
    }
}

/// The re-INVITE got no final response.
pub(crate) fn unanswered(
    call: &mut Call,
    ctx: &mut Context,
    now: Instant,
    ours: ClientTransactionId,
    failure: TransactionFailure,
) {
    if call.moving.as_ref().is_some_and(|moving| moving.request == Some(ours)) {
        call.stop_timer(ctx, Timer::Moving);
        let status = match failure {
            TransactionFailure::Timeout => 408,
            TransactionFailure::Transport => 503,
        };
        refused(call, ctx, now, status, true);
    }
}

/// The leg stays. One whose peer is gone ends the call (RFC 3261 §12.2.1.2).
fn refused(call: &mut Call, ctx: &mut Context, now: Instant, status: u16, is_gone: bool) {
    let Some(moving) = call.moving.take() else { return };
    if let Destination::Call(by) = moving.destination {
        ctx.signal(by, Signal::Refused { status });
    }
    if pickup::is_alone(call) {
        teardown::end(call, ctx, now, Ending::of(EndReason::Failed));
    } else if is_gone {
        teardown::end(call, ctx, now, Ending::by(EndReason::PeerGone, moving.side));
    }
}

fn accepted(call: &mut Call, ctx: &mut Context, now: Instant, ours: ClientTransactionId, response: &Message) {
    let Some(moving) = call.moving.take() else { return };
    let side = moving.side;
    let Some(leg) = call.leg_mut(side) else { return };
    leg.dialog.refresh(response);
    leg.acknowledge(ctx, response.cseq().map_or(0, |cseq| cseq.number), None);
    leg.continued = moving.continued.clone().or(leg.continued.take());
    bridge::note_reinvite(call, ctx, ours);
    if call.has_ended() {
        return;
    }
    let answer = session_of(response).ok().flatten();
    match (moving.destination, answer) {
        (Destination::Call(to), Some(session)) => {
            let Some(leg) = call.leg_mut(side) else { return };
            let leg = Leg { absent: true, ..Leg::new(leg.dialog.clone(), leg.flow) };
            let moved = Moved { leg, session, response: response.clone(), transaction: ours };
            hand_over(call, ctx, now, (side, to), moved);
        }
        (Destination::Back, Some(session)) => {
            call.announce(ctx, side, &session);
            session_timer::take(call, ctx, now, side, response);
        }
        (Destination::Nobody, Some(_)) => bring_back(call, ctx, now, &moving),
        // It accepted an offer without an answer: nobody knows what it sends and takes now.
        (_, None) => teardown::end(call, ctx, now, Ending::of(EndReason::NotAcceptable)),
    }
}

/// The leg accepted whom nobody connects it to any more: it is shown its former other side again.
fn bring_back(call: &mut Call, ctx: &mut Context, now: Instant, moved: &Moving) {
    let side = moved.side;
    if pickup::is_alone(call) {
        return teardown::end(call, ctx, now, Ending::of(EndReason::Failed));
    }
    let former = call.session_of(opposite(side)).cloned();
    let (Some(former), Some((address, ports))) = (former, call.place_for(ctx, side)) else { return };
    call.media.offerer = opposite(side);
    let changes = call.changes_for(ctx, side, &former);
    let continued = moved.shown.clone().and_then(|shown| Continued::from(shown, &former));
    let shown = continued.as_ref().and_then(|continued| continued.origin_of(&former));
    let body = former.rewrite_as(address, ports, &Changes { origin: shown.clone(), ..changes });
    let destination = Destination::Back;
    let until = now + ctx.settings.sip.t1 * 64;
    call.moving = Some(Moving { side, destination, body, shown, continued, request: None, until });
    ask(call, ctx, now);
}

/// Lets a leg go; what is left of it here is the one in `moved`, on which nobody is.
fn hand_over(
    call: &mut Call,
    ctx: &mut Context,
    now: Instant,
    (side, to): (Side, CallKey),
    mut moved: Moved,
) {
    let Some(leg) = call.leg_mut(side) else { return };
    std::mem::swap(leg, &mut moved.leg);
    // A 2xx that comes again belongs to the leg, wherever it is.
    call.reinvite.take_if(|reinvite| *reinvite == moved.transaction);
    ctx.index.clients.insert(moved.transaction, (to, ClientUse::Passed));
    ctx.signal(to, Signal::Moved(Box::new(moved)));
    referral::succeeded(call, ctx, now, to);
    teardown::end(call, ctx, now, Ending::by(EndReason::Transferred, side));
}

/// A call has ended that may have wanted a leg.
pub(crate) fn unwanted(call: &mut Call, ctx: &mut Context, now: Instant, by: CallKey) {
    let Some(moving) = &mut call.moving else { return };
    if moving.destination != Destination::Call(by) {
        return;
    }
    if moving.is_asked() {
        moving.destination = Destination::Nobody;
    } else {
        call.moving = None;
        call.stop_timer(ctx, Timer::Moving);
        if pickup::is_alone(call) {
            teardown::end(call, ctx, now, Ending::of(EndReason::Failed));
        }
    }
}

/// This call ends, and its legs with it.
pub(crate) fn give_up(call: &mut Call, ctx: &mut Context) {
    call.stop_timer(ctx, Timer::Moving);
    let Some(moving) = &mut call.moving else { return };
    if let Destination::Call(by) = moving.destination {
        moving.destination = Destination::Nobody;
        ctx.signal(by, Signal::Refused { status: 487 });
    }
    // A 2xx that is still to come has to be acknowledged.
    if !moving.is_asked() {
        call.moving = None;
    }
}
