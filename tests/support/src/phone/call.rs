//! One call as a phone sees it.

use std::time::Instant;

use bytes::Bytes;
use cordboard_sip::dialog::{AnswerResend, Dialog};
use cordboard_sip::endpoint::TransactionFailure;
use cordboard_sip::transaction::{ClientTransactionId, ServerTransactionId};
use cordboard_sip::transport::Flow;
use cordboard_sip::{Message, Request};

use super::plan::{CalleePlan, CallerPlan};

/// How far a call came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Progress {
    /// INVITE sent or received, no final response yet.
    Inviting,
    /// A called phone sent its 200 and waits for the ACK.
    Answered,
    /// Answered and acknowledged.
    Talking,
    /// Over; how is in [`PhoneCall::ending`].
    Over,
}

/// How a call ended for a phone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ending {
    /// This phone sent BYE.
    HungUp,
    /// The other side sent BYE.
    HungUpByPeer,
    /// A called phone was cancelled before it answered.
    Cancelled,
    /// A final response other than 2xx, received or sent.
    Refused(u16),
    /// A request of this phone went unanswered.
    Failed(TransactionFailure),
    /// A called phone never got its ACK.
    NoAck,
}

/// One call.
#[derive(Debug)]
pub struct PhoneCall {
    /// `Call-ID` of this leg.
    pub sip_call_id: String,
    /// How far it came.
    pub progress: Progress,
    /// How it ended.
    pub ending: Option<Ending>,
    /// Every response to the INVITE that a caller saw, without resends; what a called phone sent.
    pub statuses: Vec<u16>,
    /// How many different callees answered it; more than one is a fault of the node.
    pub answers: usize,
    /// 2xx to the INVITE that came again.
    pub repeated_answers: usize,
    /// Body of the INVITE or the 2xx that the other side sent.
    pub remote_sdp: Bytes,
    /// The INVITE as a called phone got it.
    pub invite: Option<Message>,
    /// Status of the response to the BYE of this phone.
    pub bye_status: Option<u16>,
    /// How many BYEs of the other side came, without resends.
    pub byes: usize,
    /// Re-INVITEs of the other side, without resends.
    pub reinvites: usize,
    /// What the other side notified: the first line of each body, and Subscription-State.
    pub notified: Vec<(String, String)>,
    /// When it was answered, as this phone saw it.
    pub answered_at: Option<Instant>,
    pub(super) side: Side,
    pub(super) flow: Flow,
    pub(super) dialog: Option<Dialog>,
    /// The 2xx to a re-INVITE with this CSeq number, as long as its ACK has not come.
    pub(super) reanswer: Option<(u32, AnswerResend)>,
}

/// What only one of the two sides of a call needs.
#[derive(Debug)]
pub(super) enum Side {
    Caller(Caller),
    Callee(Callee),
}

#[derive(Debug)]
pub(super) struct Caller {
    pub(super) plan: CallerPlan,
    pub(super) request: Request,
    pub(super) cseq: u32,
    pub(super) invite: ClientTransactionId,
    pub(super) cancelled: bool,
    pub(super) ack: Option<Bytes>,
}

#[derive(Debug)]
pub(super) struct Callee {
    pub(super) plan: CalleePlan,
    pub(super) transaction: ServerTransactionId,
    pub(super) tag: String,
    pub(super) resend: Option<AnswerResend>,
}

impl PhoneCall {
    pub(super) fn new(sip_call_id: String, flow: Flow, side: Side) -> Self {
        Self {
            sip_call_id,
            progress: Progress::Inviting,
            ending: None,
            statuses: Vec::new(),
            answers: 0,
            repeated_answers: 0,
            remote_sdp: Bytes::new(),
            invite: None,
            bye_status: None,
            byes: 0,
            reinvites: 0,
            notified: Vec::new(),
            answered_at: None,
            reanswer: None,
            side,
            flow,
            dialog: None,
        }
    }

    /// The first ending counts: a BYE that crosses another one changes nothing.
    pub(super) fn end(&mut self, ending: Ending) {
        self.progress = Progress::Over;
        self.ending.get_or_insert(ending);
        if let Side::Callee(callee) = &mut self.side {
            callee.resend = None;
        }
        self.reanswer = None;
    }

    pub(super) fn caller(&mut self) -> Option<&mut Caller> {
        if let Side::Caller(caller) = &mut self.side { Some(caller) } else { None }
    }

    pub(super) fn callee(&mut self) -> Option<&mut Callee> {
        if let Side::Callee(callee) = &mut self.side { Some(callee) } else { None }
    }

    pub(super) fn resend_at(&self) -> Option<Instant> {
        let first = match &self.side {
            Side::Callee(Callee { resend: Some(resend), .. }) => Some(resend.deadline()),
            _ => None,
        };
        let again = self.reanswer.as_ref().map(|(_, resend)| resend.deadline());
        first.into_iter().chain(again).min()
    }

    /// The value of a Replaces header that names the dialog of this call as the other side knows it (RFC 3891).
    ///
    /// # Panics
    /// When the call has no dialog.
    pub fn replaces(&self) -> String {
        let id = &self.dialog.as_ref().expect("the call has a dialog").id;
        format!("{};to-tag={};from-tag={}", id.sip_call_id, id.remote_tag, id.local_tag)
    }

    /// Whether a request or response with these tags, as this phone would write them, is within the dialog of this call.
    pub(super) fn is_named(&self, sip_call_id: &str, local_tag: &str, remote_tag: &str) -> bool {
        self.dialog.as_ref().is_some_and(|dialog| {
            let id = &dialog.id;
            id.sip_call_id == sip_call_id && id.local_tag == local_tag && id.remote_tag == remote_tag
        })
    }
}
