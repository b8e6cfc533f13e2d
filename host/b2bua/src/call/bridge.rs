//! Requests within the dialogs of a call: BYE ends it, ACK completes an answer, INVITE, UPDATE and INFO pass to the other leg.

use std::time::{Duration, Instant};

use bytes::Bytes;
use cordboard_media::command::Side;
use cordboard_media::sdp::Session;
use cordboard_model::EndReason;
use cordboard_sip::dialog::{AnswerStep, DialogError, DialogId};
use cordboard_sip::endpoint::TransactionFailure;
use cordboard_sip::message::{Message, Response, StartLine};
use cordboard_sip::transaction::{ClientTransactionId, ServerTransactionId};
use cordboard_sip::transport::Flow;
use cordboard_sip::{HeaderName, Method, StatusCode};
use rand::RngExt;

use super::dtmf;
use super::early;
use super::facts::text;
use super::headers::{kept_back, pass_back, pass_on};
use super::reliable;
use super::session_timer;
use super::start::{self, session_of, status, unsupported};
use super::teardown::{self, Ending};
use super::transfer::moving::{self, Moving};
use super::transfer::{referral, subscription, takeover};
use super::{Call, LegName, Stage, opposite};
use crate::context::{ALLOW, ClientUse, Context, EXTENSIONS};
use crate::timers::Timer;

/// A request of one leg whose twin on the other leg waits for a response.
pub(crate) struct Passed {
    from: Side,
    theirs: ServerTransactionId,
    ours: ClientTransactionId,
    /// The dialog that the twin went out in: it may be over when the response comes.
    dialog: DialogId,
    message: Message,
    flow: Flow,
    /// Its SDP offer, told to the relay once the other side accepts.
    offer: Option<Session>,
}

/// A request in a dialog of this call, as it came in.
pub(crate) struct Incoming {
    pub(crate) leg: LegName,
    pub(crate) transaction: ServerTransactionId,
    pub(crate) flow: Flow,
    pub(crate) message: Message,
}

/// Answers a request within a dialog.
pub(crate) fn reply(
    ctx: &mut Context,
    now: Instant,
    request: &Incoming,
    code: u16,
    fill: impl FnOnce(&Context, &mut Response),
) {
    let mut response = Response::new(&request.message, &request.flow, status(code), None);
    fill(ctx, &mut response);
    ctx.endpoint.respond(now, request.transaction, &response);
}

/// A request other than ACK and CANCEL in a dialog of this call.
pub(crate) fn request(call: &mut Call, ctx: &mut Context, now: Instant, request: Incoming) {
    if let Some(leg) = call.leg_of(request.leg, &request.message) {
        match leg.dialog.receive(&request.message) {
            Ok(()) => {}
            Err(DialogError::OutOfOrder { .. }) => return reply(ctx, now, &request, 500, |_, _| {}),
            Err(DialogError::Header(_) | DialogError::NoToTag) => {
                return reply(ctx, now, &request, 400, |_, _| {});
            }
        }
    }
    let brief = session_timer::too_brief(&ctx.settings.call, &request.message);
    if let Some(refusal) = unsupported(&request.message, EXTENSIONS).or(brief) {
        return reply(ctx, now, &request, refusal.status, |_, response| refusal.fill(response));
    }
    match request.message.method() {
        Method::Bye => bye(call, ctx, now, &request),
        Method::Options => reply(ctx, now, &request, 200, |_, response| {
            response.header(HeaderName::Allow, ALLOW).header(HeaderName::Accept, "application/sdp");
            response.header(HeaderName::Supported, EXTENSIONS.join(", "));
        }),
        Method::Prack => reliable::prack(call, ctx, now, &request),
        Method::Invite | Method::Update | Method::Info => pass(call, ctx, now, request),
        Method::Refer => referral::refer(call, ctx, now, request),
        Method::Notify => {
            let code = subscription::stray_notify(&request.message);
            reply(ctx, now, &request, code, |_, response| {
                response.header(HeaderName::AllowEvents, subscription::PACKAGE);
            });
        }
        Method::Subscribe => subscription::subscribe(call, ctx, now, &request),
        _ => reply(ctx, now, &request, 405, |_, response| {
            response.header(HeaderName::Allow, ALLOW);
        }),
    }
}

fn bye(call: &mut Call, ctx: &mut Context, now: Instant, request: &Incoming) {
    reply(ctx, now, request, 200, |_, _| {});
    if let Some(side) = call.side_of(request.leg)
        && referral::hung_up(call, ctx, side)
    {
        return;
    }
    let ending = match (call.side_of(request.leg), call.is_answered()) {
        (Some(Side::Caller), true) => Ending::by(EndReason::CallerHungUp, Side::Caller),
        (Some(Side::Callee), true) => Ending::by(EndReason::CalleeHungUp, Side::Callee),
        // A BYE in the early dialog is allowed to a caller (RFC 3261 §15.1.1) and means CANCEL.
        (Some(Side::Caller), false) => Ending::of(EndReason::Cancelled),
        (Some(Side::Callee) | None, _) => return,
    };
    teardown::end(call, ctx, now, ending);
}

/// Passes a request to the other leg; its response is the answer.
fn pass(call: &mut Call, ctx: &mut Context, now: Instant, request: Incoming) {
    let method = request.message.method();
    if call.has_ended() {
        return reply(ctx, now, &request, 481, |_, _| {});
    }
    if method == Method::Invite && (!call.is_answered() || glares(call)) {
        return reply(ctx, now, &request, 491, |_, _| {});
    }
    let offer = match session_of(&request.message) {
        Ok(offer) => offer,
        Err(start::BodyProblem::NotSdp) if method == Method::Info => None,
        Err(problem) => {
            let refusal = problem.refusal();
            return reply(ctx, now, &request, refusal.status, |_, response| refusal.fill(response));
        }
    };
    if method == Method::Update && request.message.body().is_empty() {
        return refresh(call, ctx, now, &request);
    }
    let from = if call.is_answered() { call.side_of(request.leg) } else { early::sender(call, &request) };
    let Some(from) = from else { return early::answer_alone(ctx, now, &request) };
    // The other side is on its way from or to another call, or gone: it has to be tried again.
    if call.is_answered() && !call.is_there(opposite(from)) {
        return reply(ctx, now, &request, 491, |_, _| {});
    }
    if offer.as_ref().is_some_and(|offer| !call.accepts(from, offer, true)) {
        return reply(ctx, now, &request, 488, |_, _| {});
    }
    if method == Method::Invite {
        reply(ctx, now, &request, 100, |_, _| {});
    }
    if dtmf::take(call, ctx, from, &request.message) {
        return reply(ctx, now, &request, 200, |_, _| {});
    }
    send_twin(call, ctx, now, request, from, offer);
}

/// An UPDATE without an offer refreshes target and session of its own leg, which concerns nobody else.
fn refresh(call: &mut Call, ctx: &mut Context, now: Instant, request: &Incoming) {
    let mut response = Response::new(&request.message, &request.flow, status(200), None);
    ctx.dialog_headers(&request.flow, &mut response);
    if let Some(side) = call.side_of(request.leg) {
        session_timer::accept(call, ctx, now, side, &request.message, &mut response);
    }
    ctx.endpoint.respond(now, request.transaction, &response);
}

/// Another INVITE of either side is under way, or a 2xx of ours to one waits for its ACK (RFC 3261 §14.2).
pub(crate) fn glares(call: &mut Call) -> bool {
    let waiting = call.passed.iter().any(|passed| passed.message.method() == Method::Invite);
    waiting
        || call.moving.as_ref().is_some_and(Moving::is_asked)
        || [Side::Caller, Side::Callee]
            .into_iter()
            .any(|side| call.leg_mut(side).is_some_and(|leg| leg.is_busy()))
}

/// How long to wait before a re-INVITE of ours that met another one is tried again: within the window that belongs to our end of
/// the dialog, so that two ends do not meet once more (RFC 3261 §14.1). `invited`: its Call-ID is ours.
pub(crate) fn retry_window(ctx: &mut Context, invited: bool) -> Duration {
    let hundredths: u64 =
        if invited { ctx.rng.random_range(210..=400) } else { ctx.rng.random_range(0..=200) };
    Duration::from_millis(hundredths * 10)
}

/// Takes note of our latest re-INVITE, and forgets the one before it.
pub(crate) fn note_reinvite(call: &mut Call, ctx: &mut Context, ours: ClientTransactionId) {
    if let Some(former) = call.reinvite.replace(ours) {
        ctx.index.clients.remove(&former);
    }
}

fn send_twin(
    call: &mut Call,
    ctx: &mut Context,
    now: Instant,
    request: Incoming,
    from: Side,
    offer: Option<Session>,
) {
    let to = opposite(from);
    if offer.is_some() {
        call.media.offerer = from;
    } else if request.message.method() == Method::Invite {
        call.media.offerer = to;
    }
    let body = match &offer {
        Some(session) => {
            call.rewritten_for(ctx, to, session).map(|body| (Bytes::from_static(b"application/sdp"), body))
        }
        None => foreign_body(&request.message),
    };
    let Some(leg) = call.leg_mut(to) else { return };
    let mut twin = leg.request(ctx, request.message.method());
    let removed = kept_between(ctx, &request.message, &leg.dialog.id, &request.message);
    pass_on(&request.message, &removed, &mut twin);
    if let Some((content_type, body)) = body {
        twin.body(content_type, body);
    }
    let (flow, dialog) = (leg.flow, leg.dialog.id.clone());
    let ours = ctx.send(now, flow, &twin, call.key, ClientUse::Passed);
    if twin.method() == Method::Invite {
        note_reinvite(call, ctx, ours);
    }
    call.passed.push(Passed {
        from,
        theirs: request.transaction,
        ours,
        dialog,
        message: request.message,
        flow: request.flow,
        offer,
    });
}

/// The headers of `message` that do not pass between the dialog of `request` and the one that it was passed to.
fn kept_between(ctx: &Context, request: &Message, dialog: &DialogId, message: &Message) -> Vec<String> {
    let trunk = |sip_call_id| ctx.trunks.sent.trunk_of(sip_call_id);
    kept_back(ctx, [request.call_id().ok().and_then(trunk), trunk(&dialog.sip_call_id)], message)
}

/// A request of ours was sent again in another transaction: its response is what is waited for now.
pub(crate) fn sent_again(call: &mut Call, former: ClientTransactionId, latter: ClientTransactionId) {
    if let Some(passed) = call.passed.iter_mut().find(|passed| passed.ours == former) {
        passed.ours = latter;
    }
    if call.reinvite == Some(former) {
        call.reinvite = Some(latter);
    }
    if let Some(moving) = &mut call.moving {
        moving.sent_again(former, latter);
    }
    for side in [Side::Caller, Side::Callee] {
        if let Some(leg) = call.leg_mut(side)
            && leg.refresh == Some(former)
        {
            leg.refresh = Some(latter);
        }
    }
}

/// A body that is not SDP, such as DTMF in INFO: passed byte for byte.
fn foreign_body(message: &Message) -> Option<(Bytes, Bytes)> {
    let body = message.body();
    let content_type = message.value(HeaderName::ContentType)?;
    (!body.is_empty()).then(|| (Bytes::copy_from_slice(content_type), body))
}

/// A response to a request that was passed on.
pub(crate) fn response(
    call: &mut Call,
    ctx: &mut Context,
    now: Instant,
    ours: ClientTransactionId,
    message: &Message,
) {
    let Some(code) = message.status() else { return };
    let Some(place) = call.passed.iter().position(|passed| passed.ours == ours) else {
        return acknowledge_repeated(call, ctx, message);
    };
    if code.is_provisional() {
        return;
    }
    let passed = call.passed.swap_remove(place);
    let session = session_of(message).ok().flatten();
    if code.is_success() {
        agree(call, ctx, now, &passed, message, session.as_ref());
    }
    let mut answer = Response::new(&passed.message, &passed.flow, code, None);
    if let StartLine::Response { reason, .. } = message.start() {
        answer.reason(&text(reason));
    }
    let removed = kept_between(ctx, &passed.message, &passed.dialog, message);
    pass_back(message, &removed, &mut answer);
    if matches!(passed.message.method(), Method::Invite | Method::Update) && code.is_success() {
        ctx.dialog_headers(&passed.flow, &mut answer);
        session_timer::accept(call, ctx, now, passed.from, &passed.message, &mut answer);
    }
    match &session {
        Some(session) => {
            if let Some(body) = call.rewritten_for(ctx, passed.from, session) {
                answer.body("application/sdp", body);
            }
        }
        None => {
            if let Some((content_type, body)) = foreign_body(message) {
                answer.body(content_type, body);
            }
        }
    }
    let sent = ctx.endpoint.respond(now, passed.theirs, &answer);
    if code.is_success() && passed.message.method() == Method::Invite {
        let cseq = passed.message.cseq().map_or(0, |cseq| cseq.number);
        await_ack(call, ctx, now, passed.from, cseq, sent);
    }
    // The peer has no such dialog any more (RFC 3261 §12.2.1.2).
    if matches!(code.code(), 408 | 481) && is_in_call(call, &passed) {
        teardown::end(call, ctx, now, Ending::by(EndReason::PeerGone, opposite(passed.from)));
    }
}

/// The other side accepted: its target is refreshed, its 2xx acknowledged, and the relay told what both now want.
fn agree(
    call: &mut Call,
    ctx: &mut Context,
    now: Instant,
    passed: &Passed,
    response: &Message,
    answer: Option<&Session>,
) {
    let to = opposite(passed.from);
    if let Some(offer) = &passed.offer {
        call.announce(ctx, passed.from, offer);
    }
    if let Some(answer) = answer {
        call.announce(ctx, to, answer);
    }
    let Some(leg) = call.leg_mut(to).filter(|leg| leg.dialog.id == passed.dialog) else { return };
    if matches!(passed.message.method(), Method::Invite | Method::Update) {
        leg.dialog.refresh(response);
    }
    if passed.message.method() == Method::Invite
        && let Ok(cseq) = response.cseq()
    {
        leg.owed_ack = Some(cseq.number);
        if passed.offer.is_some() {
            leg.acknowledge_owed(ctx, None);
        }
    }
    if matches!(passed.message.method(), Method::Invite | Method::Update) {
        session_timer::take(call, ctx, now, to, response);
    }
}

/// A 2xx to a re-INVITE came again: its ACK was lost.
pub(crate) fn acknowledge_repeated(call: &mut Call, ctx: &mut Context, message: &Message) {
    for side in [Side::Caller, Side::Callee] {
        if let Some(leg) = call.leg_mut(side)
            && message.call_id().is_ok_and(|id| id == leg.dialog.id.sip_call_id)
        {
            leg.acknowledge_again(ctx, message);
        }
    }
}

/// A request that was passed on got no final response: its sender is told, and the call ends when the peer is gone.
pub(crate) fn failed(
    call: &mut Call,
    ctx: &mut Context,
    now: Instant,
    ours: ClientTransactionId,
    failure: TransactionFailure,
) {
    let Some(place) = call.passed.iter().position(|passed| passed.ours == ours) else { return };
    let passed = call.passed.swap_remove(place);
    let code = match failure {
        TransactionFailure::Timeout => StatusCode::REQUEST_TIMEOUT,
        TransactionFailure::Transport => StatusCode::SERVICE_UNAVAILABLE,
    };
    let answer = Response::new(&passed.message, &passed.flow, code, None);
    ctx.endpoint.respond(now, passed.theirs, &answer);
    if is_in_call(call, &passed) {
        teardown::end(call, ctx, now, Ending::of(EndReason::PeerGone));
    }
}

/// Whether the dialog that a request was passed to is one of the two of an answered call. An early one may fail alone: the
/// INVITE that made it says what that means for the call.
fn is_in_call(call: &mut Call, passed: &Passed) -> bool {
    let to = opposite(passed.from);
    call.is_answered() && call.leg_mut(to).is_some_and(|leg| leg.dialog.id == passed.dialog && !leg.absent)
}

/// The call ends: requests that still wait for the other leg get their final response now, and a re-INVITE of ours that its peer
/// never finally answers is cancelled, because otherwise it would wait for ever (RFC 3261 §17.1.1.2, Proceeding).
pub(crate) fn abandon(call: &mut Call, ctx: &mut Context, now: Instant) {
    for ours in call.reinvite.iter().chain(&call.moved_in) {
        ctx.endpoint.cancel(now, *ours);
    }
    for passed in call.passed.drain(..) {
        let answer = Response::new(&passed.message, &passed.flow, StatusCode::REQUEST_TERMINATED, None);
        ctx.endpoint.respond(now, passed.theirs, &answer);
    }
}

/// Resends a 2xx of ours to `side` until its ACK comes.
pub(crate) fn await_ack(
    call: &mut Call,
    ctx: &mut Context,
    now: Instant,
    side: Side,
    cseq: u32,
    sent: Bytes,
) {
    if let Some(leg) = call.leg_mut(side) {
        leg.answered(ctx, now, cseq, sent);
    }
    arm_resend(call, ctx);
}

fn arm_resend(call: &mut Call, ctx: &mut Context) {
    let deadline = |leg: Option<&mut super::Leg>| Some(leg?.answer.as_ref()?.resend.deadline());
    let caller = deadline(call.leg_mut(Side::Caller));
    let callee = deadline(call.leg_mut(Side::Callee));
    match caller.into_iter().chain(callee).min() {
        Some(at) => call.start_timer(ctx, at, Timer::AnswerResend),
        None => call.stop_timer(ctx, Timer::AnswerResend),
    }
}

/// An ACK in a dialog of this call. It may come again; only the first one is news.
pub(crate) fn ack(call: &mut Call, ctx: &mut Context, now: Instant, leg: LegName, message: &Message) {
    let Some(side) = call.side_of(leg) else { return };
    let news = call.leg_mut(side).is_some_and(|leg| leg.take_ack(message));
    if !news {
        return;
    }
    arm_resend(call, ctx);
    if call.has_ended() {
        if call.caller.owes_bye {
            teardown::hang_up_late(call, ctx, now);
        }
        return;
    }
    let answer = session_of(message).ok().flatten();
    if side == Side::Caller && takeover::acknowledged(call, ctx, now, answer.as_ref()) {
        return;
    }
    answer_late_offer(call, ctx, side, answer);
    moving::go_on(call, ctx, now);
}

/// The ACK of `side` carries the answer to an offer that the other side made in its 2xx.
fn answer_late_offer(call: &mut Call, ctx: &mut Context, side: Side, answer: Option<Session>) {
    let to = opposite(side);
    if call.leg_mut(to).is_none_or(|leg| leg.owed_ack.is_none()) {
        return;
    }
    if let Some(session) = &answer {
        call.announce(ctx, side, session);
    }
    let body = answer.as_ref().and_then(|session| call.rewritten_for(ctx, to, session));
    if let Some(leg) = call.leg_mut(to) {
        leg.acknowledge_owed(ctx, body);
    }
}

/// The time has come to send a 2xx again, or to give up on its ACK.
pub(crate) fn resend_answers(call: &mut Call, ctx: &mut Context, now: Instant) {
    let mut given_up = false;
    for side in [Side::Caller, Side::Callee] {
        let Some(leg) = call.leg_mut(side) else { continue };
        let flow = leg.flow;
        loop {
            let step = leg.answer.as_mut().map(|answer| answer.resend.poll(now));
            match step {
                Some(AnswerStep::Resend(bytes)) => ctx.endpoint.resend(flow, bytes),
                Some(AnswerStep::GiveUp) => {
                    leg.answer = None;
                    given_up = true;
                }
                Some(AnswerStep::Wait) | None => break,
            }
        }
    }
    if given_up && call.stage == Stage::Ended && call.caller.owes_bye {
        teardown::hang_up_late(call, ctx, now);
    } else if given_up {
        teardown::end(call, ctx, now, Ending::of(EndReason::NoAck));
    }
    arm_resend(call, ctx);
}
