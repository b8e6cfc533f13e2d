//! A REFER in a call (RFC 3515): read, allowed by the authorization plugin, accepted with 202, and carried out by a call of its
//! own. What comes of that, the referrer hears by NOTIFY.
//!
//! One at a time: a second REFER, or one while the call itself is not answered yet, gets 491.

use std::time::{Duration, Instant};

use cordboard_media::command::Side;
use cordboard_model::{
    AuthorizationSubject, CallFacts, Challenge, EndReason, EventKind, Party, QuestionId, ReferFacts,
    Referral, Referrer, Rejection, TRANSFERS, Verdict,
};
use cordboard_sip::HeaderName;
use cordboard_sip::message::{Message, NameAddr, Replaces, Response, Uri};

use super::super::bridge::{Incoming, reply};
use super::super::facts::{facts, text, uri_party};
use super::super::start::{Refusal, status};
use super::super::teardown::{self, Ending};
use super::super::{Call, CallKey, opposite};
use super::Signal;
use super::subscription::{self, Report, Subscription};
use super::takeover::{self, Wanted};
use crate::authentication::Proof;
use crate::context::Context;
use crate::interface::{Answer, Question};
use crate::timers::Timer;

/// How long a referrer whose transfer is through may take to hang up itself, before we do (RFC 5589 §6.1 leaves it to the
/// referrer, and some phones leave it to the PBX). Longer than a BYE needs whose first copies are lost.
const REFERRER_BYE: Duration = Duration::from_secs(4);

/// A transfer that a party of a call asked for.
pub(crate) struct Transfer {
    /// Who asked.
    by: Side,
    stage: Stage,
    /// `None`: the referrer wants no NOTIFY, or does not understand it.
    pub(super) subscription: Option<Subscription>,
}

/// How far it is.
enum Stage {
    /// The authorization plugin is asked.
    Authorizing(QuestionId, Box<Asked>),
    /// This call tries the target.
    Trying(CallKey),
    /// The other party has moved; the referrer is to hang up.
    Done,
    Over,
}

/// A REFER that waits for its verdict.
struct Asked {
    by: Side,
    wish: Wish,
    request: Incoming,
    facts: CallFacts,
}

/// What a REFER says.
struct Wish {
    referral: Referral,
    party: Party,
    replaces: Option<Replaces>,
    /// Refer-Sub: false (RFC 4488).
    silent: bool,
}

impl Transfer {
    /// Whether its outcome is open.
    fn is_pending(&self) -> bool {
        matches!(self.stage, Stage::Authorizing(..) | Stage::Trying(_))
    }

    /// Whether something is still to come from the referrer.
    pub(crate) fn is_waiting(&self) -> bool {
        matches!(self.stage, Stage::Done) || self.subscription.as_ref().is_some_and(Subscription::is_waiting)
    }
}

/// A REFER in a dialog of this call.
pub(crate) fn refer(call: &mut Call, ctx: &mut Context, now: Instant, request: Incoming) {
    let side = call.side_of(request.leg).filter(|_| !call.has_ended());
    let Some(by) = side else { return reply(ctx, now, &request, 481, |_, _| {}) };
    let free = call.moving.is_none()
        && call.takeover.is_none()
        && !call.transfer.as_ref().is_some_and(Transfer::is_pending)
        && call.is_there(opposite(by))
        && call.session_of(opposite(by)).is_some();
    if !(call.is_answered() && free) {
        return reply(ctx, now, &request, 491, |_, _| {});
    }
    match read(&request.message, by) {
        Ok(wish) => ask(call, ctx, now, by, wish, request),
        Err(refusal) => reply(ctx, now, &request, refusal.status, |_, response| refusal.fill(response)),
    }
}

/// Reads Refer-To.
///
/// # Errors
/// 400 when there is none, more than one (RFC 3515 §2.4.1), or one that cannot be read; 416 for what is no telephone address; 603
/// for anything else than a call.
fn read(refer: &Message, by: Side) -> Result<Wish, Refusal> {
    let mut targets = refer.name_addrs(HeaderName::ReferTo);
    let (Some(Ok(target)), None) = (targets.next(), targets.next()) else { return Err(Refusal::plain(400)) };
    let NameAddr { uri, .. } = target;
    if !uri.is_sip() && !uri.scheme.eq_ignore_ascii_case(b"tel") {
        return Err(Refusal::plain(416));
    }
    if uri.param("method").is_some_and(|method| method != b"INVITE") {
        return Err(Refusal::plain(603));
    }
    let replaces = match uri.header("Replaces") {
        Some(value) => Some(Replaces::parse(&value).ok_or(Refusal::plain(400))?),
        None => None,
    };
    let headers = if uri.headers.is_empty() { 0 } else { uri.headers.len() + 1 };
    let bare = Uri::parse(&uri.raw[..uri.raw.len() - headers]).ok_or(Refusal::plain(400))?;
    let referral = Referral {
        by: match by {
            Side::Caller => Referrer::Caller,
            Side::Callee => Referrer::Callee,
        },
        refer_to: text(bare.raw),
        replaces: replaces.is_some(),
    };
    let display = Some(target.display_text()).filter(|name| !name.is_empty());
    let silent = refer.other("Refer-Sub").is_some_and(|value| {
        let flag = value.split(|byte| *byte == b';').next().unwrap_or_default();
        flag.trim_ascii().eq_ignore_ascii_case(b"false")
    });
    Ok(Wish { referral, party: Party { display, ..uri_party(&bare) }, replaces, silent })
}

fn ask(call: &mut Call, ctx: &mut Context, now: Instant, by: Side, wish: Wish, request: Incoming) {
    let id = ctx.new_call_id();
    let mut facts = facts(id, &request.message, wish.party.clone(), &request.flow);
    facts.attributes.push((TRANSFERS.to_owned(), call.id.to_string()));
    authorize(call, ctx, now, Asked { by, wish, request, facts });
}

fn authorize(call: &mut Call, ctx: &mut Context, now: Instant, asked: Asked) {
    let Referral { refer_to, replaces, .. } = asked.wish.referral.clone();
    let subject = AuthorizationSubject::Refer(ReferFacts { call: asked.facts.clone(), refer_to, replaces });
    let question = ctx.ask_for_transfer(call.key, Question::Authorize(subject));
    let by = asked.by;
    let stage = Stage::Authorizing(question, Box::new(asked));
    call.transfer = Some(Transfer { by, stage, subscription: None });
    let deadline = now + ctx.settings.call.answer_timeout;
    call.start_timer(ctx, deadline, Timer::Transfer);
}

/// The REFER whose verdict is waited for, taken out.
fn take_asked(call: &mut Call) -> Option<(QuestionId, Asked)> {
    let transfer = call.transfer.take_if(|transfer| matches!(transfer.stage, Stage::Authorizing(..)))?;
    let Stage::Authorizing(question, asked) = transfer.stage else { return None };
    Some((question, *asked))
}

/// The driver answered whether the transfer may be.
pub(crate) fn authorized(call: &mut Call, ctx: &mut Context, now: Instant, answer: Answer) {
    let Some((_, mut asked)) = take_asked(call) else { return };
    call.stop_timer(ctx, Timer::Transfer);
    match answer {
        Answer::Authorized(Verdict::Allow { attributes }) => {
            asked.facts.attributes.extend(attributes);
            accept(call, ctx, now, asked);
        }
        Answer::Authorized(Verdict::Challenge(challenge)) => match prove(ctx, now, &asked, &challenge) {
            Ok(()) => {
                asked.facts.authenticated_as = Some(challenge.user);
                authorize(call, ctx, now, asked);
            }
            Err(refusal) => refuse(call, ctx, now, &asked, &refusal),
        },
        Answer::Authorized(Verdict::Deny(rejection)) => {
            refuse(call, ctx, now, &asked, &Denial::by_plugin(rejection));
        }
        // An answer of the wrong kind is a driver's mistake; the referrer must not wait for ever.
        Answer::Routed(_) => refuse(call, ctx, now, &asked, &Denial::plain(503)),
    }
}

/// Why a REFER is not carried out.
struct Denial {
    status: u16,
    phrase: String,
    headers: Vec<(HeaderName, String)>,
}

impl Denial {
    fn plain(status: u16) -> Self {
        Self { status, phrase: String::new(), headers: Vec::new() }
    }

    fn by_plugin(rejection: Rejection) -> Self {
        let retry = rejection.retry_after_s.map(|seconds| (HeaderName::RetryAfter, seconds.to_string()));
        // A status outside 400 to 699 would break the transaction.
        let status = if (400..700).contains(&rejection.status) { rejection.status } else { 500 };
        Self { status, phrase: rejection.reason, headers: retry.into_iter().collect() }
    }
}

/// Whether the REFER proves who sent it. As with a call, a plugin that wants the same proof again can never be satisfied.
fn prove(ctx: &mut Context, now: Instant, asked: &Asked, challenge: &Challenge) -> Result<(), Denial> {
    if asked.facts.authenticated_as.is_some() {
        return Err(Denial::plain(403));
    }
    let Incoming { message, flow, .. } = &asked.request;
    match ctx.authenticate(now, message, flow, challenge) {
        Proof::Proven => Ok(()),
        Proof::Missing(challenges) => {
            let header = |value| (HeaderName::WwwAuthenticate, value);
            Err(Denial { headers: challenges.into_iter().map(header).collect(), ..Denial::plain(401) })
        }
        Proof::Impossible => Err(Denial::plain(403)),
    }
}

fn refuse(call: &mut Call, ctx: &mut Context, now: Instant, asked: &Asked, denial: &Denial) {
    reply(ctx, now, &asked.request, denial.status, |_, response| {
        if !denial.phrase.is_empty() {
            response.reason(&denial.phrase);
        }
        for (name, value) in &denial.headers {
            response.header(*name, value);
        }
    });
    end_abandoned(call, ctx, now, asked.by);
}

/// A transfer came to nothing. When its referrer has hung up meanwhile, nobody is left to talk to.
fn end_abandoned(call: &mut Call, ctx: &mut Context, now: Instant, by: Side) {
    if call.is_answered() && !call.is_there(by) {
        let reason = match by {
            Side::Caller => EndReason::CallerHungUp,
            Side::Callee => EndReason::CalleeHungUp,
        };
        teardown::end(call, ctx, now, Ending::of(reason));
    }
}

fn accept(call: &mut Call, ctx: &mut Context, now: Instant, asked: Asked) {
    let Asked { by, wish, request, facts } = asked;
    let Some(leg) = call.leg_mut(by) else { return };
    let number = leg.referred;
    leg.referred += 1;
    let mut response = Response::new(&request.message, &request.flow, status(202), None);
    ctx.dialog_headers(&request.flow, &mut response);
    if wish.silent {
        response.other("Refer-Sub", "false");
    }
    ctx.endpoint.respond(now, request.transaction, &response);
    let ends = now + ctx.settings.call.setup_timeout;
    let subscription = Subscription::new(by, &request.message, number, ends);
    let Wish { referral, party, replaces, silent } = wish;
    ctx.event(
        Some(call.id),
        EventKind::TransferStarted {
            by: referral.by,
            refer_to: referral.refer_to.clone(),
            successor: facts.call_id,
        },
    );
    let wanted = Wanted { request, facts, party, referral, replaces };
    let Some(successor) = takeover::begin(call, ctx, now, wanted, by) else { return };
    let stage = Stage::Trying(successor);
    call.transfer = Some(Transfer { by, stage, subscription: (!silent).then_some(subscription) });
    subscription::report(call, ctx, now, Report::of_status(100));
}

/// The call that tried the target has ended: the referrer is told why, and talks on.
pub(super) fn failed(call: &mut Call, ctx: &mut Context, now: Instant, successor: CallKey, status: u16) {
    let Some(transfer) = &mut call.transfer else { return };
    if !matches!(transfer.stage, Stage::Trying(key) if key == successor) {
        return;
    }
    transfer.stage = Stage::Over;
    let by = transfer.by;
    subscription::report(call, ctx, now, Report::of_status(status));
    end_abandoned(call, ctx, now, by);
}

/// The leg of the party that stays has moved to the call that was begun for it.
pub(super) fn succeeded(call: &mut Call, ctx: &mut Context, now: Instant, successor: CallKey) {
    let Some(transfer) = &mut call.transfer else { return };
    if !matches!(transfer.stage, Stage::Trying(key) if key == successor) {
        return;
    }
    let by = transfer.by;
    transfer.stage = Stage::Done;
    if !call.is_there(by)
        && let Some(transfer) = &mut call.transfer
    {
        transfer.stage = Stage::Over;
    }
    subscription::report(call, ctx, now, Report::of_status(200));
}

/// Whether the leg of a referrer whose transfer is through is left to it to hang up. One that gets no NOTIFY cannot know.
pub(crate) fn leaves_itself(call: &mut Call, ctx: &mut Context, now: Instant, side: Side) -> bool {
    let leaves = call.transfer.as_ref().is_some_and(|transfer| {
        matches!(transfer.stage, Stage::Done) && transfer.by == side && transfer.subscription.is_some()
    });
    if leaves {
        call.start_timer(ctx, now + REFERRER_BYE, Timer::Transfer);
    }
    leaves
}

/// A side hung up. `true`: it is a referrer whose transfer goes on without it (RFC 5589 §6.1), or is through.
pub(crate) fn hung_up(call: &mut Call, ctx: &mut Context, side: Side) -> bool {
    let Some(transfer) = call.transfer.as_mut().filter(|transfer| transfer.by == side) else { return false };
    match transfer.stage {
        Stage::Authorizing(..) | Stage::Trying(_) => {}
        Stage::Done => {
            transfer.stage = Stage::Over;
            call.stop_timer(ctx, Timer::Transfer);
        }
        Stage::Over => return false,
    }
    if let Some(leg) = call.leg_mut(side) {
        leg.absent = true;
        leg.answer = None;
    }
    call.stop_timer(ctx, Timer::Session(side));
    true
}

/// The verdict did not come in time, or the referrer did not hang up in time.
pub(crate) fn overdue(call: &mut Call, ctx: &mut Context, now: Instant) {
    if let Some((question, asked)) = take_asked(call) {
        ctx.index.questions.remove(&question);
        let retry = (HeaderName::RetryAfter, "5".to_owned());
        return refuse(call, ctx, now, &asked, &Denial { headers: vec![retry], ..Denial::plain(503) });
    }
    let Some(transfer) = call.transfer.as_mut().filter(|transfer| matches!(transfer.stage, Stage::Done))
    else {
        return;
    };
    transfer.stage = Stage::Over;
    let by = transfer.by;
    teardown::hang_up_side(call, ctx, now, by);
    teardown::linger(call, ctx, now);
}

/// This call ends before its transfer is through.
pub(super) fn give_up(call: &mut Call, ctx: &mut Context, now: Instant) {
    if let Some((question, asked)) = take_asked(call) {
        call.stop_timer(ctx, Timer::Transfer);
        ctx.index.questions.remove(&question);
        return reply(ctx, now, &asked.request, 487, |_, _| {});
    }
    let Some(transfer) = &mut call.transfer else { return };
    if let Stage::Trying(successor) = transfer.stage {
        transfer.stage = Stage::Over;
        ctx.signal(successor, Signal::Refused { status: 487 });
        subscription::report(call, ctx, now, Report::of_status(487));
    }
}
