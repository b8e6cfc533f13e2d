//! What a phone does when it calls (the UAC of RFC 3261 §13.2).

use std::time::Instant;

use cordboard_sip::dialog::Dialog;
use cordboard_sip::endpoint::TransactionFailure;
use cordboard_sip::message::{Message, Method, StatusCode};
use cordboard_sip::transaction::ClientTransactionId;
use cordboard_sip::{HeaderName, Request};

use super::call::{Caller, Side};
use super::{CallerPlan, DOMAIN, Ending, Pending, Phone, PhoneCall, Progress, Reply, Step};

impl Phone {
    /// Calls `callee`; gives the index of the call in [`Self::calls`].
    pub fn call(&mut self, now: Instant, callee: &str, plan: CallerPlan) -> usize {
        let (sip_call_id, tag) = (self.endpoint.new_call_id(), self.endpoint.new_tag());
        let uri = format!("sip:{callee}@{DOMAIN}");
        let mut request = Request::new(Method::Invite, &uri);
        request
            .header_fmt(HeaderName::From, format_args!("\"{0}\" <sip:{0}@{DOMAIN}>;tag={tag}", self.user))
            .header_fmt(HeaderName::To, format_args!("<{uri}>"))
            .header(HeaderName::CallId, &sip_call_id)
            .header(HeaderName::CSeq, "1 INVITE")
            .header_fmt(HeaderName::MaxForwards, plan.max_forwards)
            .header(HeaderName::Contact, self.contact());
        for (name, value) in &plan.headers {
            request.other(name, value);
        }
        request.body("application/sdp", self.sdp());
        let index = self.calls.len();
        if let Some(patience) = plan.cancel_after {
            self.plan_step(now + patience, index, Step::Cancel);
        }
        let invite = self.send(now, &request, Pending::Invite(index));
        let side = Side::Caller(Caller { plan, request, cseq: 1, invite, cancelled: false, ack: None });
        self.calls.push(PhoneCall::new(sip_call_id, self.flow, side));
        index
    }

    pub(super) fn cancel(&mut self, now: Instant, index: usize) {
        let call = &mut self.calls[index];
        if call.progress != Progress::Inviting {
            return;
        }
        let Some(caller) = call.caller() else { return };
        caller.cancelled = true;
        let invite = caller.invite;
        self.endpoint.cancel(now, invite);
    }

    pub(super) fn take_response(
        &mut self,
        now: Instant,
        transaction: Option<ClientTransactionId>,
        message: Message,
    ) {
        let status = message.status().map_or(0, StatusCode::code);
        let purpose = match transaction {
            Some(transaction) => self.pending.get(&transaction).copied(),
            None => self.caller_of(&message).map(Pending::Invite),
        };
        match purpose {
            Some(Pending::Invite(index)) if (200..300).contains(&status) => {
                self.take_answer(now, index, &message)
            }
            Some(Pending::Invite(index)) => {
                let call = &mut self.calls[index];
                call.statuses.push(status);
                if status >= 300 {
                    call.end(Ending::Refused(status));
                }
            }
            Some(Pending::Bye(index)) if status >= 200 => self.calls[index].bye_status = Some(status),
            Some(Pending::Other(method)) if status >= 200 => {
                self.replies.push(Reply { method, status, message: Some(message) });
            }
            Some(Pending::Bye(_) | Pending::Other(_)) | None => {}
        }
    }

    fn caller_of(&self, response: &Message) -> Option<usize> {
        let call_id = response.call_id().ok()?;
        self.calls.iter().position(|call| call.sip_call_id == call_id && matches!(call.side, Side::Caller(_)))
    }

    fn take_answer(&mut self, now: Instant, index: usize, message: &Message) {
        let (call, flow) = (&mut self.calls[index], self.flow);
        let Side::Caller(caller) = &mut call.side else { return };
        let dialog = Dialog::uac(&caller.request, message).expect("the node answers with a dialog");
        if call.dialog.as_ref().is_some_and(|known| known.id == dialog.id) {
            call.repeated_answers += 1;
            if let Some(ack) = caller.ack.clone() {
                self.endpoint.resend(flow, ack);
            }
            return;
        }
        call.answers += 1;
        call.statuses.push(message.status().map_or(0, StatusCode::code));
        let (plan, cancelled) = (caller.plan.clone(), caller.cancelled);
        if plan.acknowledges {
            caller.ack = Some(self.endpoint.send_ack(flow, &dialog.ack(caller.cseq)));
        }
        call.dialog = Some(dialog);
        call.remote_sdp = message.body();
        call.progress = Progress::Talking;
        call.answered_at = Some(now);
        if cancelled {
            // The answer crossed the CANCEL: a caller who gave up hangs up (RFC 3261 §15).
            self.hang_up(now, index);
            return;
        }
        self.plan_after_answer(now, index, plan.hang_up_after, plan.dies_after);
    }

    pub(super) fn take_failure(&mut self, transaction: ClientTransactionId, failure: TransactionFailure) {
        match self.pending.remove(&transaction) {
            Some(Pending::Invite(index)) => self.calls[index].end(Ending::Failed(failure)),
            Some(Pending::Other(method)) => {
                let status = if failure == TransactionFailure::Timeout { 408 } else { 503 };
                self.replies.push(Reply { method, status, message: None });
            }
            Some(Pending::Bye(_)) | None => {}
        }
    }
}
