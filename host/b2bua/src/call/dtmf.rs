//! Digits: those that the relay hears (RFC 4733) and those in the body of an INFO become the same event.

use std::time::Duration;

use cordboard_media::command::Side;
use cordboard_media::dtmf::{Digit, Press};
use cordboard_model::{EventKind, Pii};
use cordboard_sip::message::Message;
use cordboard_sip::{HeaderName, Method};

use super::{Call, leg_of};
use crate::context::Context;

/// How long a digit of an INFO lasts that does not say so.
const USUAL: Duration = Duration::from_millis(160);

/// A press as an event.
pub(crate) fn event(side: Side, press: Press) -> EventKind {
    let duration_ms = u32::try_from(press.duration.as_millis()).unwrap_or(u32::MAX);
    EventKind::Dtmf { leg: leg_of(side), digit: Pii(press.digit.as_char()), duration_ms }
}

/// Takes note of the digit in a request of `side`, if it is an INFO with one.
pub(crate) fn take(call: &Call, ctx: &mut Context, side: Side, request: &Message) {
    if let Some(press) = of_info(request) {
        ctx.event(Some(call.id), event(side, press));
    }
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
