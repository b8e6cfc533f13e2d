//! Session timers (RFC 4028), on each leg on its own: a peer that is gone without a BYE does not keep the call.
//!
//! A leg has a timer when its peer knows the extension. Where the peer leaves us the choice, it refreshes and we watch. What
//! we refresh ourselves goes by UPDATE, or by re-INVITE with the session as it is to a peer that does not allow UPDATE.

use std::time::{Duration, Instant};

use cordboard_media::command::Side;
use cordboard_model::EndReason;
use cordboard_sip::message::{Message, Request, Response};
use cordboard_sip::transaction::ClientTransactionId;
use cordboard_sip::{HeaderName, Method};

use super::start::{Refusal, session_of};
use super::teardown::{self, Ending};
use super::transfer::moving::Moving;
use super::{Call, bridge};
use crate::CallSettings;
use crate::context::{ClientUse, Context, SESSION_TIMERS};
use crate::timers::Timer;

/// Which end of the request that negotiates it refreshes the session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Refresher {
    Uac,
    Uas,
}

impl Refresher {
    fn name(self) -> &'static str {
        match self {
            Self::Uac => "uac",
            Self::Uas => "uas",
        }
    }
}

/// Session-Expires (RFC 4028 §4). A malformed one counts as absent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct SessionExpires {
    seconds: u32,
    refresher: Option<Refresher>,
}

impl SessionExpires {
    fn of(message: &Message) -> Option<Self> {
        Self::parse(message.value(HeaderName::SessionExpires)?)
    }

    fn parse(value: &[u8]) -> Option<Self> {
        let mut parts = std::str::from_utf8(value).ok()?.split(';').map(str::trim);
        let seconds = parts.next()?.parse().ok()?;
        let name = parts.find_map(|part| {
            let (name, value) = part.split_once('=')?;
            name.trim().eq_ignore_ascii_case("refresher").then_some(value.trim())
        });
        let named =
            |refresher: &Refresher| name.is_some_and(|name| name.eq_ignore_ascii_case(refresher.name()));
        Some(Self { seconds, refresher: [Refresher::Uac, Refresher::Uas].into_iter().find(named) })
    }
}

/// Min-SE in seconds: the shortest interval that a peer takes (RFC 4028 §5).
pub(crate) fn min_se(message: &Message) -> Option<u32> {
    let value = message.value(HeaderName::MinSe)?;
    std::str::from_utf8(value).ok()?.split(';').next()?.trim().parse().ok()
}

fn seconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_secs()).unwrap_or(u32::MAX)
}

/// The timer of one leg.
pub(crate) struct SessionTimer {
    seconds: u32,
    /// We refresh; otherwise the peer does.
    ours: bool,
    ends: Instant,
}

impl SessionTimer {
    fn new(now: Instant, seconds: u32, ours: bool) -> Self {
        Self { seconds, ours, ends: now + Duration::from_secs(seconds.into()) }
    }

    /// When there is something to do: refresh after half of the time, or give up shortly before the end (§10).
    fn deadline(&self, now: Instant) -> Instant {
        let left = if self.ours { self.seconds / 2 } else { self.seconds - (self.seconds / 3).min(32) };
        now + Duration::from_secs(left.into())
    }
}

/// Refuses a session that would have to be refreshed too often; 422 is only for a peer that knows what it means (§9).
pub(crate) fn too_brief(settings: &CallSettings, request: &Message) -> Option<Refusal> {
    let least = seconds(settings.min_se);
    let wished = SessionExpires::of(request).filter(|_| request.lists(HeaderName::Supported, SESSION_TIMERS));
    wished
        .filter(|wished| wished.seconds < least)
        .map(|_| Refusal::with(422, HeaderName::MinSe, least.to_string()))
}

/// Proposes a timer in an INVITE to a callee, of `at_least` so many seconds when it refused a shorter one.
pub(crate) fn propose(settings: &CallSettings, at_least: Option<u32>, invite: &mut Request) {
    let interval = seconds(settings.session_expires).max(at_least.unwrap_or_default());
    let least = seconds(settings.min_se).max(at_least.unwrap_or_default());
    invite.header(HeaderName::SessionExpires, format!("{interval};refresher=uas"));
    invite.header(HeaderName::MinSe, least.to_string());
}

/// Says in an INVITE or UPDATE of ours within a dialog that its timer goes on.
pub(crate) fn go_on(timer: Option<&SessionTimer>, request: &mut Request) {
    if !matches!(request.method(), Method::Invite | Method::Update) {
        return;
    }
    request.header(HeaderName::Supported, SESSION_TIMERS);
    if let Some(timer) = timer {
        let refresher = if timer.ours { Refresher::Uac } else { Refresher::Uas };
        request
            .header(HeaderName::SessionExpires, format!("{};refresher={}", timer.seconds, refresher.name()));
    }
}

/// Starts or stops the timer of a leg with our 2xx to an INVITE or UPDATE of its peer (§9).
pub(crate) fn accept(
    call: &mut Call,
    ctx: &mut Context,
    now: Instant,
    side: Side,
    request: &Message,
    response: &mut Response,
) {
    let settings = &ctx.settings.call;
    let timer = request.lists(HeaderName::Supported, SESSION_TIMERS).then(|| {
        let longest = seconds(settings.session_expires);
        let wished = SessionExpires::of(request);
        let least = seconds(settings.min_se).max(min_se(request).unwrap_or_default());
        let interval = wished.map_or(longest, |wished| wished.seconds.min(longest)).max(least);
        let ours = wished.is_some_and(|wished| wished.refresher == Some(Refresher::Uas));
        SessionTimer::new(now, interval, ours)
    });
    if let Some(SessionTimer { seconds, ours, .. }) = timer {
        let refresher = if ours { Refresher::Uas } else { Refresher::Uac };
        if refresher == Refresher::Uac {
            response.header(HeaderName::Require, SESSION_TIMERS);
        }
        response.header(HeaderName::SessionExpires, format!("{seconds};refresher={}", refresher.name()));
    }
    start(call, ctx, now, side, request, timer);
}

/// Starts or stops the timer of a leg with the peer's 2xx to an INVITE or UPDATE of ours (§7.2).
pub(crate) fn take(call: &mut Call, ctx: &mut Context, now: Instant, side: Side, response: &Message) {
    // A peer that answers with less than everybody has to take would have us refresh without end.
    let least = seconds(ctx.settings.call.min_se);
    let timer = SessionExpires::of(response).map(|agreed| {
        SessionTimer::new(now, agreed.seconds.max(least), agreed.refresher != Some(Refresher::Uas))
    });
    start(call, ctx, now, side, response, timer);
}

fn start(
    call: &mut Call,
    ctx: &mut Context,
    now: Instant,
    side: Side,
    message: &Message,
    timer: Option<SessionTimer>,
) {
    let answered = call.is_answered();
    let Some(leg) = call.leg_mut(side) else { return };
    if message.value(HeaderName::Allow).is_some() {
        leg.allows_update = message.lists(HeaderName::Allow, "UPDATE");
    }
    let deadline = timer.as_ref().map(|timer| timer.deadline(now));
    leg.session_timer = timer;
    match deadline.filter(|_| answered) {
        Some(at) => call.start_timer(ctx, at, Timer::Session(side)),
        None => call.stop_timer(ctx, Timer::Session(side)),
    }
}

/// The call ends: nobody watches its legs any more.
pub(crate) fn stop(call: &mut Call, ctx: &mut Context) {
    for side in [Side::Caller, Side::Callee] {
        call.stop_timer(ctx, Timer::Session(side));
    }
}

/// The time has come to refresh, or the session of a leg was not refreshed in time.
pub(crate) fn expired(call: &mut Call, ctx: &mut Context, now: Instant, side: Side) {
    if !call.is_answered() {
        return;
    }
    let busy = bridge::glares(call);
    // A leg that may move any moment takes no refresh of this call along.
    let is_moving = call.moving.as_ref().is_some_and(Moving::is_asked);
    let Some(leg) = call.leg_mut(side) else { return };
    let Some(timer) = leg.session_timer.as_ref().filter(|_| !leg.absent) else { return };
    if !timer.ours || leg.refresh.is_some() || now >= timer.ends {
        return teardown::end(call, ctx, now, Ending::of(EndReason::PeerGone));
    }
    if is_moving || (busy && !leg.allows_update) {
        return try_again(call, ctx, now, side);
    }
    refresh(call, ctx, now, side);
}

fn refresh(call: &mut Call, ctx: &mut Context, now: Instant, side: Side) {
    let updates = call.leg_mut(side).is_some_and(|leg| leg.allows_update);
    let session = if updates { None } else { call.session_offered_to(ctx, side) };
    let key = call.key;
    let Some(leg) = call.leg_mut(side) else { return };
    let method = if leg.allows_update { Method::Update } else { Method::Invite };
    let mut request = leg.request(ctx, method);
    if let Some(session) = session {
        request.body("application/sdp", session);
    }
    let transaction = ctx.send(now, leg.flow, &request, key, ClientUse::Refresh(side));
    leg.refresh = Some(transaction);
    let Some(ends) = leg.session_timer.as_ref().map(|timer| timer.ends) else { return };
    if method == Method::Invite {
        bridge::note_reinvite(call, ctx, transaction);
    }
    call.start_timer(ctx, ends, Timer::Session(side));
}

/// Another INVITE is under way on this leg or the other.
fn try_again(call: &mut Call, ctx: &mut Context, now: Instant, side: Side) {
    let Some(leg) = call.leg_mut(side) else { return };
    let wait = bridge::retry_window(ctx, leg.invited);
    call.start_timer(ctx, now + wait, Timer::Session(side));
}

/// A response to a refresh of ours.
pub(crate) fn response(
    call: &mut Call,
    ctx: &mut Context,
    now: Instant,
    side: Side,
    ours: ClientTransactionId,
    message: &Message,
) {
    let Some(status) = message.status() else { return };
    if status.is_provisional() {
        return;
    }
    let waiting = call.leg_mut(side).and_then(|leg| leg.refresh.take_if(|refresh| *refresh == ours));
    if waiting.is_none() {
        return bridge::acknowledge_repeated(call, ctx, message);
    }
    match status.code() {
        200..=299 => refreshed(call, ctx, now, side, message),
        408 | 481 => teardown::end(call, ctx, now, Ending::by(EndReason::PeerGone, side)),
        491 if call.is_answered() => try_again(call, ctx, now, side),
        405 | 501 if message.method() == Method::Update && call.is_answered() => {
            if let Some(leg) = call.leg_mut(side) {
                leg.allows_update = false;
            }
            expired(call, ctx, now, side);
        }
        // Whatever else is wrong with our refresh: without another one the session ends with its time.
        _ => {}
    }
}

fn refreshed(call: &mut Call, ctx: &mut Context, now: Instant, side: Side, message: &Message) {
    let session = session_of(message).ok().flatten().filter(|_| message.method() == Method::Invite);
    if let Some(session) = &session {
        call.announce(ctx, side, session);
    }
    let Some(leg) = call.leg_mut(side) else { return };
    leg.dialog.refresh(message);
    if let (Method::Invite, Ok(cseq)) = (message.method(), message.cseq()) {
        leg.acknowledge(ctx, cseq.number, None);
    }
    if call.is_answered() {
        take(call, ctx, now, side, message);
    }
}

/// A refresh of ours got no final response: the peer is gone.
pub(crate) fn failed(call: &mut Call, ctx: &mut Context, now: Instant) {
    teardown::end(call, ctx, now, Ending::of(EndReason::PeerGone));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn session_expires_is_read_with_and_without_a_refresher() {
        let read = |value: &str| SessionExpires::parse(value.as_bytes());
        let with = |seconds, refresher| Some(SessionExpires { seconds, refresher });
        for (value, expected) in [
            ("1800", with(1800, None)),
            ("90;refresher=uac", with(90, Some(Refresher::Uac))),
            ("90 ; x=y; Refresher = UAS", with(90, Some(Refresher::Uas))),
            ("90;refresher=me", with(90, None)),
            ("", None),
            ("-1", None),
            ("99999999999", None),
        ] {
            assert_eq!(read(value), expected, "{value:?}");
        }
    }
}
