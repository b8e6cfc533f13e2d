//! Digits: those that the relay hears (RFC 4733) and those in the body of an INFO become the same event.
//!
//! A leg whose description has no telephone events, and which allows INFO, gets digits by INFO: the other leg is told that it may
//! send telephone events, the relay takes them out, and an INFO goes to this leg. Its own INFO becomes telephone events for the other
//! leg. Where both legs have telephone events, or none has, everything passes as it is.

use std::time::{Duration, Instant};

use bytes::Bytes;
use cordboard_media::command::{MediaCommand, Side};
use cordboard_media::dtmf::{Digit, Press};
use cordboard_media::sdp::{Encryption, EventChange, Session};
use cordboard_model::{EventKind, Pii};
use cordboard_sip::message::Message;
use cordboard_sip::{HeaderName, Method};
use rand::RngExt;

use super::{Call, leg_of, opposite};
use crate::context::{ClientUse, Context};

/// How long a digit of an INFO lasts that does not say so.
const USUAL: Duration = Duration::from_millis(160);

/// A press as an event.
pub(crate) fn event(side: Side, press: Press) -> EventKind {
    let duration_ms = u32::try_from(press.duration.as_millis()).unwrap_or(u32::MAX);
    EventKind::Dtmf { leg: leg_of(side), digit: Pii(press.digit.as_char()), duration_ms }
}

/// Takes note of the digit in a request of `side`, if it is an INFO with one. `true`: it goes on as telephone events, and not as it
/// is.
pub(crate) fn take(call: &Call, ctx: &mut Context, side: Side, request: &Message) -> bool {
    let Some(press) = of_info(request) else { return false };
    ctx.event(Some(call.id), event(side, press));
    let has_events = |side| call.session_of(side).is_some_and(|session| !session.events().is_empty());
    let differ = has_events(opposite(side)) && !has_events(side);
    let converts = ctx.settings.call.convert_digits && differ && can_be_written(call, opposite(side));
    if converts && call.media.ports.is_some() {
        let Press { digit, duration } = press;
        let (media, seed) = (call.media.id, ctx.rng.random());
        ctx.media(MediaCommand::Press { media, side, digit, duration, seed });
        return true;
    }
    false
}

/// The relay heard a digit of `side`.
pub(crate) fn heard(call: &mut Call, ctx: &mut Context, now: Instant, side: Side, press: Press) {
    if call.has_ended() {
        return;
    }
    ctx.event(Some(call.id), event(side, press));
    let to = opposite(side);
    let by_info = call.session_of(to).is_some_and(|session| go_by_info(call, ctx, to, session));
    if by_info && call.is_answered() {
        inform(call, ctx, now, to, press);
    }
}

fn inform(call: &mut Call, ctx: &mut Context, now: Instant, to: Side, press: Press) {
    let key = call.key;
    let Some(leg) = call.leg_mut(to) else { return };
    let mut info = leg.request(ctx, Method::Info);
    let (digit, duration) = (press.digit.as_char(), press.duration.as_millis());
    let body = format!("Signal={digit}\r\nDuration={duration}\r\n");
    info.body("application/dtmf-relay", Bytes::from(body));
    let flow = leg.flow;
    ctx.send(now, flow, &info, key, ClientUse::Digit);
}

/// Whether `side`, which announced this, gets digits by INFO.
pub(crate) fn go_by_info(call: &Call, ctx: &Context, side: Side, session: &Session) -> bool {
    ctx.settings.call.convert_digits && call.takes_info(side) && session.events().is_empty()
}

/// What becomes of the telephone events in a description that `side` is shown. An answer has those that `side` offered, and no
/// others; an offer has some in any case, if the other leg can be told digits at all.
pub(crate) fn change(
    call: &Call,
    ctx: &Context,
    side: Side,
    session: &Session,
    encryption: &Encryption,
) -> EventChange {
    let secure = session.remote()[0].is_some_and(|stream| stream.secure);
    // What passes encrypted cannot be converted.
    if !ctx.settings.call.convert_digits || (secure && *encryption == Encryption::Passed) {
        return EventChange::Passed;
    }
    let offered = call.session_of(side).filter(|_| call.media.offerer == side).map(Session::events);
    let has_events = !session.events().is_empty();
    let can_be_told = call.takes_info(opposite(side)) && !has_events;
    match offered {
        Some(offered) if offered.is_empty() && has_events => EventChange::Removed,
        Some(offered) if can_be_told => offered.preferred().map_or(EventChange::Passed, EventChange::Added),
        None if can_be_told => session.free_event_format().map_or(EventChange::Passed, EventChange::Added),
        _ => EventChange::Passed,
    }
}

/// Whether packets of ours can go into the stream of a side: not where its encryption passes.
fn can_be_written(call: &Call, side: Side) -> bool {
    let secure =
        call.session_of(side).and_then(|session| session.remote()[0]).is_some_and(|stream| stream.secure);
    !secure || call.media.security.of(side).is_some()
}

/// The digit in an INFO: `application/dtmf-relay` (`Signal=5`, `Duration=160` in milliseconds) or `application/dtmf` (the digit
/// alone). No RFC defines these; this is what phones and gateways send.
fn of_info(request: &Message) -> Option<Press> {
    if request.method() != Method::Info {
        return None;
    }
    let content_type = request.value(HeaderName::ContentType).unwrap_or_default();
    let media_type = content_type.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    let body = request.body();
    let body = std::str::from_utf8(&body).ok()?;
    if media_type.eq_ignore_ascii_case(b"application/dtmf-relay") {
        relay_body(body)
    } else if media_type.eq_ignore_ascii_case(b"application/dtmf") {
        Some(Press { digit: digit(body.trim())?, duration: USUAL })
    } else {
        None
    }
}

fn relay_body(body: &str) -> Option<Press> {
    let field = |name: &str| {
        let mut fields = body.lines().filter_map(|line| line.split_once('='));
        fields.find(|(key, _)| key.trim().eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    };
    let duration = field("Duration").and_then(|text| text.parse().ok()).map_or(USUAL, Duration::from_millis);
    Some(Press { digit: digit(field("Signal")?)?, duration })
}

/// A digit as it stands on its key, or as the code of its event from 10 on (`10` for the star, `11` for the hash).
fn digit(text: &str) -> Option<Digit> {
    let mut characters = text.chars();
    match (characters.next(), characters.next()) {
        (Some(key), None) => Digit::from_char(key),
        _ => text.parse().ok().filter(|code| *code >= 10).and_then(Digit::from_event),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_as_they_are_written_in_info() {
        let table = [
            ("Signal=5\r\nDuration=250\r\n", Some(('5', 250))),
            ("Signal= *\r\nDuration= 90", Some(('*', 90))),
            ("signal=11\nduration=100\n", Some(('#', 100))),
            ("Signal=d\r\n", Some(('D', 160))),
            ("Signal=3\r\nDuration=long\r\n", Some(('3', 160))),
            ("Signal=16\r\nDuration=250\r\n", None),
            ("Signal=05\r\n", None),
            ("Duration=250\r\n", None),
            ("", None),
        ];
        for (body, expected) in table {
            let press = relay_body(body).map(|press| (press.digit.as_char(), press.duration.as_millis()));
            assert_eq!(press, expected, "{body:?}");
        }
    }
}
