//! From a new INVITE to the first question.

use std::time::Instant;

use bytes::Bytes;
use cordboard_media::command::{MediaId, Side};
use cordboard_media::sdp::{SdpError, Session};
use cordboard_model::{AuthorizationSubject, EventKind, Party};
use cordboard_sip::dialog::Dialog;
use cordboard_sip::message::{Message, Response};
use cordboard_sip::transaction::ServerTransactionId;
use cordboard_sip::transport::Flow;
use cordboard_sip::{HeaderName, StatusCode};
use rand::RngExt;

use super::facts::{facts, uri_party};
use super::leg::Leg;
use super::reliable::{MAX_FIRST_RSEQ, Reliable};
use super::security::Security;
use super::session_timer;
use super::setup::Setup;
use super::{Call, CallKey, Invite, LegName, Media, Stage};
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
    if let Some(refusal) = session_timer::too_brief(&ctx.settings.call, &message) {
        return Err(refusal);
    }
    let local_tag = ctx.endpoint.new_tag();
    let dialog = Dialog::uas(&message, &local_tag).map_err(|_| Refusal::plain(400))?;

    let trying = Response::new(&message, &flow, StatusCode::TRYING, None);
    ctx.endpoint.respond(now, transaction, &trying);

    let id = ctx.new_call_id();
    let key = CallKey(ctx.number());
    let media = MediaId(ctx.number());
    let facts = facts(id, &message, callee, &flow);
    ctx.index.servers.insert(transaction, key);
    ctx.index.tags.insert(local_tag, (key, LegName::Caller));
    ctx.index.ids.insert(id, key);
    ctx.event(
        Some(id),
        EventKind::CallStarted {
            caller: facts.caller.clone(),
            callee: facts.callee.clone(),
            sip_call_id: facts.sip_call_id.clone(),
        },
    );
    let reliable = message
        .lists(HeaderName::Require, RELIABLE_PROVISIONALS)
        .then(|| Reliable::new(ctx.rng.random_range(1..=MAX_FIRST_RSEQ)));
    let subject = AuthorizationSubject::Call(facts.clone());
    let question = ctx.ask_for_call(key, Question::Authorize(subject));
    let takes_info = message.lists(HeaderName::Allow, "INFO");
    let offerer = if offer.is_some() { Side::Caller } else { Side::Callee };
    let mut call = Call {
        key,
        id,
        started: now,
        facts,
        stage: Stage::Authorizing(question),
        invite: Invite { message, transaction, offer, provisional: None },
        reliable,
        caller: Leg::new(dialog, flow),
        setup: Setup::default(),
        callee: None,
        media: Media {
            id: media,
            requested: false,
            ports: None,
            caller_session: None,
            callee_session: None,
            caller_address: flow.local.ip(),
            callee_address: None,
            offerer,
            security: Security::default(),
            caller_takes_info: takes_info,
            callee_takes_info: false,
            caller_keys: None,
        },
        passed: Vec::new(),
        reinvite: None,
        byes: 0,
        timers: Vec::new(),
    };
    let settings = ctx.settings.call.clone();
    call.start_timer(ctx, now + settings.answer_timeout, Timer::Answer);
    call.start_timer(ctx, now + settings.setup_timeout, Timer::Setup);
    Ok(call)
}
