//! From a new INVITE to the first question.

use std::time::Instant;

use bytes::Bytes;
use cordboard_media::sdp::{SdpError, Session};
use cordboard_model::{AuthorizationSubject, EventKind, Party};
use cordboard_sip::dialog::Dialog;
use cordboard_sip::message::{Message, Replaces, Response};
use cordboard_sip::transaction::ServerTransactionId;
use cordboard_sip::transport::Flow;
use cordboard_sip::{HeaderName, StatusCode};
use rand::RngExt;

use super::facts::{facts, uri_party};
use super::identity;
use super::leg::Leg;
use super::reliable::{MAX_FIRST_RSEQ, Reliable};
use super::session_timer;
use super::transfer::takeover::Takeover;
use super::{Call, Invite, LegName, Stage};
use crate::context::{Context, EXTENSIONS, RELIABLE_PROVISIONALS};
use crate::interface::Question;
use crate::timers::Timer;

/// Max-Forwards of a request that has none (RFC 3261 §8.1.1.6).
pub(crate) const MAX_FORWARDS: u8 = 70;

/// A request that is refused before it becomes a call.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) header: Option<(HeaderName, String)>,
}

impl Refusal {
    pub(crate) fn plain(status: u16) -> Self {
        Self { status, header: None }
    }

    pub(crate) fn with(status: u16, name: HeaderName, value: impl Into<String>) -> Self {
        Self { status, header: Some((name, value.into())) }
    }

    pub(crate) fn fill(&self, response: &mut Response) {
        if let Some((name, value)) = &self.header {
            response.header(*name, value);
        }
    }
}

/// A status this crate names by number. Numbers in the code are within range; those of a plugin are checked at its edge and
/// fall to 500 here.
pub(crate) fn status(code: u16) -> StatusCode {
    StatusCode::new(code).unwrap_or(StatusCode::SERVER_INTERNAL_ERROR)
}

/// Why the body of a message is no offer or answer.
#[derive(Debug)]
pub(crate) enum BodyProblem {
    NotSdp,
    Sdp(SdpError),
}

impl BodyProblem {
    /// How a request with such a body is answered.
    pub(crate) fn refusal(&self) -> Refusal {
        match self {
            Self::NotSdp => Refusal::with(415, HeaderName::Accept, "application/sdp"),
            // A host name in `c=` (RFC 4566 §5.7) ends here too: nobody sends one, and asking the DNS in the middle of an offer
            // would make every step of the negotiation wait for a stranger's name server.
            Self::Sdp(error) => {
                let warning =
                    format!("{} cordboard \"{}\"", error.warning_code(), quoted(&error.to_string()));
                Refusal::with(488, HeaderName::Warning, warning)
            }
        }
    }
}

/// The session description in a message; `None` when it has no body.
pub(crate) fn session_of(message: &Message) -> Result<Option<Session>, BodyProblem> {
    let body: Bytes = message.body();
    if body.is_empty() {
        return Ok(None);
    }
    let content_type = message.value(HeaderName::ContentType).unwrap_or_default();
    let media_type = content_type.split(|byte| *byte == b';').next().unwrap_or_default();
    if !media_type.trim_ascii().eq_ignore_ascii_case(b"application/sdp") {
        return Err(BodyProblem::NotSdp);
    }
    Session::parse(body).map(Some).map_err(BodyProblem::Sdp)
}

/// The extensions a request requires that we do not have (RFC 3261 §8.2.2.3).
pub(crate) fn unsupported(request: &Message, supported: &[&str]) -> Option<Refusal> {
    let missing: Vec<String> = request
        .elements(HeaderName::Require)
        .map(super::facts::text)
        .filter(|tag| !tag.is_empty() && !supported.iter().any(|known| known.eq_ignore_ascii_case(tag)))
        .collect();
    (!missing.is_empty()).then(|| Refusal::with(420, HeaderName::Unsupported, missing.join(", ")))
}

/// What a new INVITE has to be before it costs anything more.
fn readable(request: &Message) -> Result<(Option<Session>, Party), Refusal> {
    if let Some(refusal) = unsupported(request, EXTENSIONS) {
        return Err(refusal);
    }
    if request.max_forwards().map_err(|_| Refusal::plain(400))? == Some(0) {
        return Err(Refusal::plain(483));
    }
    let uri = request
        .request_uri()
        .and_then(cordboard_sip::message::Uri::parse)
        .ok_or_else(|| Refusal::plain(400))?;
    if !uri.is_sip() && !uri.scheme.eq_ignore_ascii_case(b"tel") {
        return Err(Refusal::plain(416));
    }
    let offer = session_of(request).map_err(|problem| problem.refusal())?;
    Ok((offer, uri_party(&uri)))
}

/// The dialog that a new call is to take the place of: one at most (RFC 3891 §3).
fn replaced_dialog(request: &Message) -> Result<Option<Replaces>, Refusal> {
    let mut values = request.values(HeaderName::Replaces);
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => Replaces::parse(value).map(Some).ok_or(Refusal::plain(400)),
        (Some(_), Some(_)) => Err(Refusal::plain(400)),
    }
}

fn quoted(text: &str) -> String {
    text.replace(['"', '\\'], "'")
}

/// Makes a call of a new INVITE: 100 Trying first, then the authorization question.
///
/// # Errors
/// When the INVITE is refused; the final response is for the caller to send.
pub(crate) fn begin(
    ctx: &mut Context,
    now: Instant,
    transaction: ServerTransactionId,
    flow: Flow,
    message: Message,
) -> Result<Call, Refusal> {
    let (offer, callee) = readable(&message)?;
    let replaces = replaced_dialog(&message)?;
    if let Some(refusal) = session_timer::too_brief(&ctx.settings.call, &message) {
        return Err(refusal);
    }
    let local_tag = ctx.endpoint.new_tag();
    let dialog = Dialog::uas(&message, &local_tag).map_err(|_| Refusal::plain(400))?;

    let trying = Response::new(&message, &flow, StatusCode::TRYING, None);
    ctx.endpoint.respond(now, transaction, &trying);

    let id = ctx.new_call_id();
    let mut facts = facts(id, &message, callee, &flow);
    identity::recognise(ctx, &message, &flow, &mut facts);
    let invite = Invite { message, transaction, offer, provisional: None };
    let mut call = Call::new(ctx, now, facts, invite, Leg::new(dialog, flow));
    let key = call.key;
    call.media.caller_takes_info = call.invite.message.lists(HeaderName::Allow, "INFO");
    if let Some(trunk) = &call.facts.trunk {
        ctx.trunks.sent.note_dialog(key, &call.facts.sip_call_id, trunk);
    }
    call.takeover = replaces.map(Takeover::replacing);
    ctx.index.servers.insert(transaction, key);
    ctx.index.tags.insert(local_tag, (key, LegName::Caller));
    ctx.index.ids.insert(id, key);
    ctx.event(
        Some(id),
        EventKind::CallStarted {
            caller: call.facts.caller.clone(),
            callee: call.facts.callee.clone(),
            sip_call_id: call.facts.sip_call_id.clone(),
        },
    );
    call.reliable = call
        .invite
        .message
        .lists(HeaderName::Require, RELIABLE_PROVISIONALS)
        .then(|| Reliable::new(ctx.rng.random_range(1..=MAX_FIRST_RSEQ)));
    let subject = AuthorizationSubject::Call(call.facts.clone());
    call.stage = Stage::Authorizing(ctx.ask_for_call(key, Question::Authorize(subject)));
    let settings = ctx.settings.call.clone();
    call.start_timer(ctx, now + settings.answer_timeout, Timer::Answer);
    call.start_timer(ctx, now + settings.setup_timeout, Timer::Setup);
    Ok(call)
}
