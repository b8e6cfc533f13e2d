//! Requests, responses and failures of transactions: whom each of them concerns.

use std::time::Instant;

use cordboard_model::EndReason;
use cordboard_sip::EndpointEvent;
use cordboard_sip::endpoint::TransactionFailure;
use cordboard_sip::message::{Message, Response};
use cordboard_sip::transaction::{ClientTransactionId, ServerTransactionId};
use cordboard_sip::transport::Flow;
use cordboard_sip::{HeaderName, Method, StatusCode};

use super::Core;
use crate::admission::RefusalReason;
use crate::call::bridge::Incoming;
use crate::call::start::{Refusal, status, unsupported};
use crate::call::teardown::{self, Ending};
use crate::call::transfer::{moving, subscription};
use crate::call::{Call, CallKey, LegName, bridge, fork, session_timer, start};
use crate::context::{ALLOW, ClientUse, Context, EXTENSIONS};
use crate::registration;
use crate::trunk::{credentials, errand};

impl Core {
    pub(super) fn endpoint_event(&mut self, now: Instant, event: EndpointEvent) {
        match event {
            EndpointEvent::Request { transaction, flow, message } => {
                self.request(now, transaction, flow, message)
            }
            EndpointEvent::Ack { message, .. } => {
                if let Some((key, leg)) = self.dialog(&message) {
                    self.with_call(key, |call, ctx| bridge::ack(call, ctx, now, leg, &message));
                }
            }
            EndpointEvent::Cancelled { transaction } => self.with_server(transaction, |call, ctx| {
                if !call.is_answered() {
                    teardown::end(call, ctx, now, Ending::of(EndReason::Cancelled));
                }
            }),
            EndpointEvent::Response { transaction, message, .. } => self.response(now, transaction, &message),
            EndpointEvent::ClientFailed { transaction, failure } => {
                self.client_failed(now, transaction, failure)
            }
            EndpointEvent::ServerFailed { transaction, .. } => self.with_server(transaction, |call, ctx| {
                if !call.is_answered() {
                    teardown::end(call, ctx, now, Ending::of(EndReason::PeerGone));
                }
            }),
        }
    }

    fn with_server(&mut self, transaction: ServerTransactionId, act: impl FnOnce(&mut Call, &mut Context)) {
        if let Some(key) = self.ctx.index.servers.get(&transaction) {
            self.with_call(*key, act);
        }
    }

    fn request(&mut self, now: Instant, transaction: ServerTransactionId, flow: Flow, message: Message) {
        let in_dialog = message.to().is_ok_and(|to| to.tag().is_some());
        if in_dialog {
            return self.request_in_dialog(now, transaction, flow, message);
        }
        let outcome = match message.method() {
            Method::Invite => self.invite(now, transaction, flow, message.clone()),
            Method::Register => registration::receive(&mut self.ctx, now, transaction, flow, message.clone()),
            Method::Options => self.options(now, transaction, flow, &message),
            // Whom it would have call whom, nobody here has agreed to: a transfer is asked for in the call that it changes. 405
            // would say that we do not know the method.
            Method::Refer => Err(Refusal::plain(403)),
            Method::Notify => {
                let status = subscription::stray_notify(&message);
                Err(Refusal::with(status, HeaderName::AllowEvents, subscription::PACKAGE))
            }
            Method::Subscribe => {
                let status = subscription::stray_subscribe(&message);
                Err(Refusal::with(status, HeaderName::AllowEvents, subscription::PACKAGE))
            }
            // These exist only within a dialog.
            Method::Bye | Method::Update | Method::Info | Method::Prack => Err(Refusal::plain(481)),
            _ => Err(Refusal::with(405, HeaderName::Allow, ALLOW)),
        };
        if let Err(refusal) = outcome {
            self.refuse(now, transaction, flow, &message, &refusal);
        }
    }

    fn refuse(
        &mut self,
        now: Instant,
        transaction: ServerTransactionId,
        flow: Flow,
        message: &Message,
        refusal: &Refusal,
    ) {
        let tag = self.ctx.endpoint.new_tag();
        let mut response = Response::new(message, &flow, status(refusal.status), Some(&tag));
        refusal.fill(&mut response);
        self.ctx.endpoint.respond(now, transaction, &response);
    }

    fn request_in_dialog(
        &mut self,
        now: Instant,
        transaction: ServerTransactionId,
        flow: Flow,
        message: Message,
    ) {
        match self.dialog(&message) {
            Some((key, leg)) => {
                // A REFER begins a call.
                if message.method() == Method::Refer
                    && let Err(refusal) = self.admit(now, flow)
                {
                    return self.refuse(now, transaction, flow, &message, &refusal);
                }
                let incoming = Incoming { leg, transaction, flow, message };
                self.with_call(key, |call, ctx| bridge::request(call, ctx, now, incoming));
            }
            None => self.refuse(now, transaction, flow, &message, &Refusal::plain(481)),
        }
    }

    /// The leg whose dialog a request belongs to.
    fn dialog(&self, message: &Message) -> Option<(CallKey, LegName)> {
        let tag = message.to().ok()?.tag()?;
        let (key, leg) = *self.ctx.index.tags.get(tag)?;
        let call = self.calls.get(&key)?;
        let owned = match leg {
            LegName::Caller => call.caller.owns(message),
            LegName::Fork(place) => {
                let winner =
                    call.callee.as_ref().is_some_and(|(won, leg)| *won == place && leg.owns(message));
                let fork = &call.setup.forks[place];
                winner || fork.early_dialog_of(message).is_some() || fork.declined(message)
            }
        };
        owned.then_some((key, leg))
    }

    fn invite(
        &mut self,
        now: Instant,
        transaction: ServerTransactionId,
        flow: Flow,
        message: Message,
    ) -> Result<(), Refusal> {
        self.admit(now, flow)?;
        let call = start::begin(&mut self.ctx, now, transaction, flow, message)?;
        self.take_in(call);
        Ok(())
    }

    /// Whether one more call may begin.
    fn admit(&mut self, now: Instant, flow: Flow) -> Result<(), Refusal> {
        self.admission.check(now, flow.remote.ip(), self.live, self.draining).map_err(|refusal| {
            match refusal.reason {
                RefusalReason::RateLimited => self.rate_limited += 1,
                RefusalReason::CallLimit | RefusalReason::Draining => self.overloaded += 1,
            }
            Refusal::with(503, HeaderName::RetryAfter, refusal.retry_after_s.to_string())
        })
    }

    fn options(
        &mut self,
        now: Instant,
        transaction: ServerTransactionId,
        flow: Flow,
        message: &Message,
    ) -> Result<(), Refusal> {
        if let Some(refusal) = unsupported(message, EXTENSIONS) {
            return Err(refusal);
        }
        let tag = self.ctx.endpoint.new_tag();
        let mut response = Response::new(message, &flow, status(200), Some(&tag));
        response.header(HeaderName::Allow, ALLOW).header(HeaderName::Accept, "application/sdp");
        response.header(HeaderName::Supported, EXTENSIONS.join(", "));
        self.ctx.endpoint.respond(now, transaction, &response);
        Ok(())
    }

    fn response(&mut self, now: Instant, transaction: Option<ClientTransactionId>, message: &Message) {
        let Some(transaction) = transaction else { return };
        let Some((key, purpose)) = self.ctx.index.clients.get(&transaction).copied() else {
            return errand::response(&mut self.ctx, now, transaction, message);
        };
        let is_final = message.status().is_some_and(|status| !status.is_provisional());
        if is_final && let Some(sent) = self.ctx.trunks.sent.take(transaction) {
            let mut sent_again = false;
            self.with_call(key, |call, ctx| {
                sent_again = credentials::send_again(call, ctx, now, transaction, sent, message);
            });
            if sent_again {
                return;
            }
        }
        match purpose {
            ClientUse::Fork(place) => {
                self.with_call(key, |call, ctx| fork::response(call, ctx, now, place, message));
            }
            ClientUse::Passed => {
                // A 2xx to a re-INVITE may come again as long as the call lasts.
                if is_final && message.method() != Method::Invite {
                    self.ctx.index.clients.remove(&transaction);
                }
                self.with_call(key, |call, ctx| bridge::response(call, ctx, now, transaction, message));
            }
            ClientUse::Refresh(side) => {
                // As above.
                if is_final && message.method() != Method::Invite {
                    self.ctx.index.clients.remove(&transaction);
                }
                self.with_call(key, |call, ctx| {
                    session_timer::response(call, ctx, now, side, transaction, message)
                });
            }
            ClientUse::Move if self.calls.contains_key(&key) => {
                self.with_call(key, |call, ctx| moving::response(call, ctx, now, transaction, message));
            }
            ClientUse::Notify if is_final => self.notified(now, key, transaction, message.status()),
            ClientUse::Bye if is_final => self.bye_done(key, transaction),
            // What a refused PRACK means for the call, the final response to the INVITE says; a digit that is refused is lost.
            ClientUse::Prack | ClientUse::Move | ClientUse::Digit if is_final => {
                self.ctx.index.clients.remove(&transaction);
            }
            ClientUse::Bye | ClientUse::Prack | ClientUse::Move | ClientUse::Notify | ClientUse::Digit => {}
        }
    }

    fn bye_done(&mut self, key: CallKey, transaction: ClientTransactionId) {
        self.ctx.index.clients.remove(&transaction);
        self.with_call(key, |call, _| call.byes -= 1);
    }

    fn notified(
        &mut self,
        now: Instant,
        key: CallKey,
        transaction: ClientTransactionId,
        status: Option<StatusCode>,
    ) {
        self.ctx.index.clients.remove(&transaction);
        self.with_call(key, |call, ctx| subscription::answered(call, ctx, now, transaction, status));
    }

    fn client_failed(&mut self, now: Instant, transaction: ClientTransactionId, failure: TransactionFailure) {
        let Some((key, purpose)) = self.ctx.index.clients.get(&transaction).copied() else {
            return errand::failed(&mut self.ctx, now, transaction, failure);
        };
        self.ctx.trunks.sent.take(transaction);
        match purpose {
            ClientUse::Fork(place) => {
                self.with_call(key, |call, ctx| fork::failed(call, ctx, now, place, failure));
            }
            ClientUse::Passed => {
                self.ctx.index.clients.remove(&transaction);
                self.with_call(key, |call, ctx| bridge::failed(call, ctx, now, transaction, failure));
            }
            ClientUse::Refresh(_) => {
                self.ctx.index.clients.remove(&transaction);
                self.with_call(key, |call, ctx| session_timer::failed(call, ctx, now));
            }
            ClientUse::Move => {
                self.ctx.index.clients.remove(&transaction);
                self.with_call(key, |call, ctx| moving::unanswered(call, ctx, now, transaction, failure));
            }
            ClientUse::Notify => self.notified(now, key, transaction, None),
            ClientUse::Bye => self.bye_done(key, transaction),
            ClientUse::Prack | ClientUse::Digit => {
                self.ctx.index.clients.remove(&transaction);
            }
        }
    }
}
