//! One leg: a dialog, the flow it lives on, and what is owed to the peer on it.

use std::time::Instant;

use bytes::Bytes;
use cordboard_media::sdp::{Origin, Session};
use cordboard_sip::dialog::{AnswerResend, Dialog};
use cordboard_sip::message::{Message, Request};
use cordboard_sip::transaction::ClientTransactionId;
use cordboard_sip::transport::Flow;
use cordboard_sip::{HeaderName, Method};

use super::session_timer::{self, SessionTimer};
use crate::context::Context;

/// The last ACK that we sent for a 2xx on this leg, to be sent again when the 2xx comes again.
pub(crate) struct Acknowledged {
    pub(crate) cseq: u32,
    pub(crate) ack: Bytes,
}

/// An answer of ours whose ACK has not come.
pub(crate) struct PendingAnswer {
    pub(crate) cseq: u32,
    pub(crate) resend: AnswerResend,
}

/// One leg of a call.
///
/// Requests within the dialog travel on the flow that made it: behind address translation the Contact of a phone leads
/// nowhere, and a proxy that stays in the path is where the flow ends anyway.
pub(crate) struct Leg {
    pub(crate) dialog: Dialog,
    pub(crate) flow: Flow,
    pub(crate) answer: Option<PendingAnswer>,
    pub(crate) acknowledged: Option<Acknowledged>,
    /// CSeq number of an INVITE of ours whose 2xx waits for its ACK, because it carried an offer that the other side has to
    /// answer in its own ACK (RFC 3261 §13.2.2.4).
    pub(crate) owed_ack: Option<u32>,
    /// The call ended before the ACK of our 2xx came; the BYE follows the ACK (RFC 3261 §15).
    pub(crate) owes_bye: bool,
    /// Ends the call when the session is not refreshed; `None`: the peer does not know session timers.
    pub(crate) session_timer: Option<SessionTimer>,
    /// Our refresh of the session, as long as it has no final response; the timer may have gone on by then.
    pub(crate) refresh: Option<ClientTransactionId>,
    /// The peer said that it allows UPDATE.
    pub(crate) allows_update: bool,
    /// Nobody is there: the leg is still in another call, has moved to one, or its peer has hung up while a transfer goes on.
    pub(crate) absent: bool,
    /// We sent the INVITE that made the dialog, so that its Call-ID is ours (RFC 3261 §14.1).
    pub(crate) invited: bool,
    /// REFERs of the peer that were accepted.
    pub(crate) referred: usize,
    /// The session began with somebody else on the other side.
    pub(crate) continued: Option<Continued>,
    /// The credentials of our latest INVITE; its ACK repeats them (RFC 3261 §22.1).
    pub(crate) credentials: Vec<(HeaderName, Vec<u8>)>,
}

/// How descriptions of a new other side go on from those of the former one: for the peer it is one session, whose id stays and
/// whose version grows (RFC 3264 §8). A phone that finds the same `o=` line again may take the whole description for unchanged.
#[derive(Clone, Debug)]
pub(crate) struct Continued {
    name: Bytes,
    shift: u64,
}

impl Continued {
    /// From what the peer has seen last to what it is shown next.
    pub(crate) fn from(last: Origin, next: &Session) -> Option<Self> {
        let shift = last.version.wrapping_add(1).wrapping_sub(next.origin()?.version);
        Some(Self { name: last.name, shift })
    }

    /// As what a description is shown.
    pub(crate) fn origin_of(&self, session: &Session) -> Option<Origin> {
        let version = session.origin()?.version.wrapping_add(self.shift);
        Some(Origin { name: self.name.clone(), version })
    }
}

impl Leg {
    pub(crate) fn new(dialog: Dialog, flow: Flow) -> Self {
        Self {
            dialog,
            flow,
            answer: None,
            acknowledged: None,
            owed_ack: None,
            owes_bye: false,
            session_timer: None,
            refresh: None,
            allows_update: false,
            absent: false,
            invited: false,
            referred: 0,
            continued: None,
            credentials: Vec::new(),
        }
    }

    /// Who names a description for the peer, where that is not who wrote it.
    pub(crate) fn continued_origin(&self, session: &Session) -> Option<Origin> {
        self.continued.as_ref().and_then(|continued| continued.origin_of(session))
    }

    /// Who names a description when the peer gets to see it.
    pub(crate) fn shown_origin(&self, session: &Session) -> Option<Origin> {
        self.continued_origin(session).or_else(|| session.origin())
    }

    /// Whether an INVITE of ours, or a 2xx of ours to one of the peer, waits on this leg.
    pub(crate) fn is_busy(&self) -> bool {
        self.answer.is_some() || (self.refresh.is_some() && !self.allows_update)
    }

    /// Takes note of the credentials of an INVITE that goes out.
    pub(crate) fn note_credentials(&mut self, invite: &Request) {
        let names = [HeaderName::Authorization, HeaderName::ProxyAuthorization];
        let values = |name| invite.values(name).map(move |value: &[u8]| (name, value.to_vec()));
        self.credentials = names.into_iter().flat_map(values).collect();
    }

    /// Sends the ACK that is owed, if one is.
    pub(crate) fn acknowledge_owed(&mut self, ctx: &mut Context, body: Option<Bytes>) {
        if let Some(cseq) = self.owed_ack.take() {
            self.acknowledge(ctx, cseq, body);
        }
    }

    /// Sends the ACK for a 2xx to our INVITE with this CSeq number.
    pub(crate) fn acknowledge(&mut self, ctx: &mut Context, cseq: u32, body: Option<Bytes>) {
        let mut ack = self.dialog.ack(cseq);
        for (name, value) in &self.credentials {
            ack.header(*name, value);
        }
        if let Some(body) = body {
            ack.body("application/sdp", body);
        }
        let ack = ctx.endpoint.send_ack(self.flow, &ack);
        self.acknowledged = Some(Acknowledged { cseq, ack });
    }

    /// Sends the ACK again when this 2xx was acknowledged before.
    pub(crate) fn acknowledge_again(&self, ctx: &mut Context, response: &Message) -> bool {
        let Ok(cseq) = response.cseq() else { return false };
        match &self.acknowledged {
            Some(done) if done.cseq == cseq.number => {
                ctx.endpoint.resend(self.flow, done.ack.clone());
                true
            }
            _ => false,
        }
    }

    /// Starts to resend a 2xx of ours until its ACK comes; the deadline is for the caller to arm.
    pub(crate) fn answered(&mut self, ctx: &Context, now: Instant, cseq: u32, response: Bytes) -> Instant {
        let sip = &ctx.settings.sip;
        let resend = AnswerResend::new(now, response, sip.t1, sip.t2);
        let deadline = resend.deadline();
        self.answer = Some(PendingAnswer { cseq, resend });
        deadline
    }

    /// Takes note of an ACK; `true` when it was waited for.
    pub(crate) fn take_ack(&mut self, ack: &Message) -> bool {
        let number = ack.cseq().map(|cseq| cseq.number).ok();
        let waited_for = self.answer.as_ref().is_some_and(|answer| Some(answer.cseq) == number);
        if waited_for {
            self.answer = None;
        }
        waited_for
    }

    /// Whether a request's Call-ID and From tag are this dialog's; its To tag led here.
    pub(crate) fn owns(&self, request: &Message) -> bool {
        let remote_tag = request.from().ok().and_then(|from| from.tag()).unwrap_or_default();
        request.call_id().is_ok_and(|id| id == self.dialog.id.sip_call_id)
            && (self.dialog.id.remote_tag.is_empty() || remote_tag == self.dialog.id.remote_tag)
    }

    /// A request within the dialog, with our Contact where the method refreshes the target.
    pub(crate) fn request(&mut self, ctx: &Context, method: Method) -> Request {
        let mut request = self.dialog.request(method);
        if matches!(method, Method::Invite | Method::Update | Method::Notify) {
            request.header(HeaderName::Contact, ctx.contact(&self.flow));
        }
        session_timer::go_on(self.session_timer.as_ref(), &mut request);
        request
    }
}
