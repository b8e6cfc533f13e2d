//! What a phone does when it is called (the UAS of RFC 3261 §13.3).

use std::time::Instant;

use bytes::Bytes;
use cordboard_sip::dialog::{AnswerResend, AnswerStep, Dialog};
use cordboard_sip::message::{Message, Method, StatusCode};
use cordboard_sip::transaction::ServerTransactionId;
use cordboard_sip::transport::Flow;
use cordboard_sip::{HeaderName, Response};

use super::call::{Callee, Side};
use super::{Ending, Manner, Phone, PhoneCall, Progress, Step};

impl Phone {
    pub(super) fn take_request(
        &mut self,
        now: Instant,
        transaction: ServerTransactionId,
        flow: Flow,
        message: Message,
    ) {
        match (message.method(), self.dialog_of(&message)) {
            (Method::Invite, None) => self.take_invite(now, transaction, flow, message),
            (Method::Bye, Some(index)) => {
                // A BYE in the early dialog ends the INVITE too (RFC 3261 §15.1.2).
                self.answer_invite(now, index, 487, |_| ());
                let call = &mut self.calls[index];
                call.byes += 1;
                call.end(Ending::HungUpByPeer);
                self.respond(now, transaction, flow, &message, 200);
            }
            (Method::Invite, Some(index)) => self.take_reinvite(now, index, transaction, flow, message),
            (Method::Notify, Some(index)) => self.take_notify(now, index, transaction, flow, &message),
            (Method::Options, _) => self.respond(now, transaction, flow, &message, 200),
            (Method::Bye, None) => self.respond(now, transaction, flow, &message, 481),
            (_, Some(_)) => self.respond(now, transaction, flow, &message, 488),
            (_, None) => self.respond(now, transaction, flow, &message, 405),
        }
    }

    fn respond(
        &mut self,
        now: Instant,
        transaction: ServerTransactionId,
        flow: Flow,
        request: &Message,
        code: u16,
    ) {
        let status = StatusCode::new(code).expect("a phone sends valid statuses");
        let tag = self.endpoint.new_tag();
        self.endpoint.respond(now, transaction, &Response::new(request, &flow, status, Some(&tag)));
    }

    fn take_reinvite(
        &mut self,
        now: Instant,
        index: usize,
        transaction: ServerTransactionId,
        flow: Flow,
        message: Message,
    ) {
        self.calls[index].reinvites += 1;
        if self.calls[index].progress == Progress::Over {
            return self.respond(now, transaction, flow, &message, 481);
        }
        if let Some(status) = self.refuses_reinvites {
            return self.respond(now, transaction, flow, &message, status);
        }
        let (contact, sdp) = (self.contact(), self.sdp());
        let status = StatusCode::new(200).expect("200 is a status");
        let mut response = Response::new(&message, &flow, status, None);
        response.header(HeaderName::Contact, &contact).body("application/sdp", sdp);
        let sent = self.endpoint.respond(now, transaction, &response);
        let call = &mut self.calls[index];
        call.remote_sdp = message.body();
        let cseq = message.cseq().map_or(0, |cseq| cseq.number);
        call.reanswer = Some((cseq, AnswerResend::new(now, sent, self.settings.t1, self.settings.t2)));
    }

    fn take_notify(
        &mut self,
        now: Instant,
        index: usize,
        transaction: ServerTransactionId,
        flow: Flow,
        message: &Message,
    ) {
        let body = String::from_utf8_lossy(&message.body()).into_owned();
        let line = body.lines().next().unwrap_or_default().to_owned();
        let state = message.value(HeaderName::SubscriptionState).unwrap_or_default();
        let state = String::from_utf8_lossy(state).into_owned();
        let is_over = state.starts_with("terminated");
        self.calls[index].notified.push((line, state));
        self.respond(now, transaction, flow, message, 200);
        if is_over && self.hangs_up_when_transferred {
            self.hang_up(now, index);
        }
    }

    fn dialog_of(&self, message: &Message) -> Option<usize> {
        let call_id = message.call_id().ok()?;
        let local_tag = message.to().ok()?.tag()?;
        let remote_tag = message.from().ok()?.tag().unwrap_or_default();
        self.calls.iter().position(|call| call.is_named(call_id, local_tag, remote_tag))
    }

    fn take_invite(&mut self, now: Instant, transaction: ServerTransactionId, flow: Flow, message: Message) {
        let (plan, index) = (self.plan.clone(), self.calls.len());
        if let Some(rings_after) = plan.rings_after {
            self.plan_step(now + rings_after, index, Step::Ring);
        }
        if !matches!(plan.manner, Manner::Rings | Manner::Ignores) {
            self.plan_step(now + plan.after, index, Step::Decide);
        }
        let sip_call_id = message.call_id().expect("the endpoint checked it").to_owned();
        let tag = self.endpoint.new_tag();
        let side = Side::Callee(Callee { plan, transaction, tag, resend: None });
        let mut call = PhoneCall::new(sip_call_id, flow, side);
        call.remote_sdp = message.body();
        call.invite = Some(message);
        self.calls.push(call);
    }

    pub(super) fn ring(&mut self, now: Instant, index: usize) {
        let contact = self.contact();
        self.answer_invite(now, index, 180, |response| {
            response.header(HeaderName::Contact, &contact);
        });
    }

    pub(super) fn decide(&mut self, now: Instant, index: usize) {
        if self.calls[index].progress != Progress::Inviting {
            return;
        }
        let Some(manner) = self.calls[index].callee().map(|callee| callee.plan.manner.clone()) else {
            return;
        };
        match manner {
            Manner::Answers => self.accept(now, index),
            Manner::Rejects(status) => {
                self.answer_invite(now, index, status, |_| ());
                self.calls[index].end(Ending::Refused(status));
            }
            Manner::Redirects(contacts) => {
                self.answer_invite(now, index, 302, |response| {
                    for contact in &contacts {
                        response.header(HeaderName::Contact, contact);
                    }
                });
                self.calls[index].end(Ending::Refused(302));
            }
            Manner::Rings | Manner::Ignores => {}
        }
    }

    /// Answers a call that rings.
    pub fn answer(&mut self, now: Instant, index: usize) {
        if self.calls[index].progress == Progress::Inviting {
            self.accept(now, index);
        }
    }

    fn accept(&mut self, now: Instant, index: usize) {
        let (contact, sdp) = (self.contact(), self.sdp());
        let sent = self.answer_invite(now, index, 200, |response| {
            response.header(HeaderName::Contact, &contact).body("application/sdp", sdp);
        });
        let call = &mut self.calls[index];
        call.progress = Progress::Answered;
        call.answered_at = Some(now);
        let (t1, t2) = (self.settings.t1, self.settings.t2);
        let Some(callee) = call.callee() else { return };
        callee.resend = Some(AnswerResend::new(now, sent, t1, t2));
        let dies_after = callee.plan.dies_after;
        self.plan_after_answer(now, index, None, dies_after);
    }

    /// Responds to the INVITE of a call that is not over; gives the bytes sent.
    fn answer_invite(
        &mut self,
        now: Instant,
        index: usize,
        code: u16,
        finish: impl FnOnce(&mut Response),
    ) -> Bytes {
        let call = &mut self.calls[index];
        let (Side::Callee(callee), Some(invite)) = (&call.side, &call.invite) else { return Bytes::new() };
        if call.progress != Progress::Inviting {
            return Bytes::new();
        }
        let status = StatusCode::new(code).expect("a plan has valid statuses");
        let mut response = Response::new(invite, &call.flow, status, Some(&callee.tag));
        finish(&mut response);
        if code < 300 {
            let dialog = Dialog::uas(invite, &callee.tag).expect("the node invites with a dialog");
            call.dialog.get_or_insert(dialog);
        }
        call.statuses.push(code);
        self.endpoint.respond(now, callee.transaction, &response)
    }

    pub(super) fn take_ack(&mut self, now: Instant, message: &Message) {
        let Some(index) = self.dialog_of(message) else { return };
        let call = &mut self.calls[index];
        let cseq = message.cseq().map_or(0, |cseq| cseq.number);
        call.reanswer.take_if(|(number, _)| *number == cseq);
        let Some(callee) = call.callee() else { return };
        // An ACK that came again is no news.
        if callee.resend.take().is_none() {
            return;
        }
        let hang_up_after = callee.plan.hang_up_after;
        call.progress = Progress::Talking;
        self.plan_after_answer(now, index, hang_up_after, None);
    }

    pub(super) fn take_cancel(&mut self, now: Instant, transaction: ServerTransactionId) {
        let index = self.calls.iter().position(|call| match &call.side {
            Side::Callee(callee) => callee.transaction == transaction,
            Side::Caller(_) => false,
        });
        let Some(index) = index.filter(|index| self.calls[*index].progress == Progress::Inviting) else {
            return;
        };
        self.answer_invite(now, index, 487, |_| ());
        self.calls[index].end(Ending::Cancelled);
    }

    pub(super) fn resend_answer(&mut self, now: Instant, index: usize) {
        self.resend_reanswer(now, index);
        let call = &mut self.calls[index];
        let flow = call.flow;
        let Some(Callee { resend: Some(resend), .. }) = call.callee() else { return };
        match resend.poll(now) {
            AnswerStep::Resend(bytes) => self.endpoint.resend(flow, bytes),
            AnswerStep::GiveUp => {
                self.hang_up(now, index);
                self.calls[index].ending = Some(Ending::NoAck);
            }
            AnswerStep::Wait => {}
        }
    }

    fn resend_reanswer(&mut self, now: Instant, index: usize) {
        let call = &mut self.calls[index];
        let flow = call.flow;
        let Some((_, resend)) = &mut call.reanswer else { return };
        match resend.poll(now) {
            AnswerStep::Resend(bytes) => self.endpoint.resend(flow, bytes),
            AnswerStep::GiveUp => self.hang_up(now, index),
            AnswerStep::Wait => {}
        }
    }
}
