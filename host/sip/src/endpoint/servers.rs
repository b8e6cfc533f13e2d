//! Requests from peers and our responses to them.
use std::net::SocketAddr;
use std::time::Instant;

use bytes::Bytes;

use super::EndpointEvent;
use super::hash::{Fingerprint, IdMap};
use super::keys::{InviteMatch, RequestParts};
use super::schedule::{Due, TransactionId};
use super::shared::Shared;
use crate::message::{HeaderName, Message, Method, Response, StatusCode};
use crate::transaction::{
    Pace, ServerAction, ServerActions, ServerEvent, ServerInvite, ServerInviteState, ServerNonInvite,
    ServerNonInviteState, ServerTransactionId, Timers,
};
use crate::transport::{ConnectionId, Flow, response_flow};

/// When a client refused for lack of room may try again, in seconds: a burst is over by then.
const RETRY_AFTER: &str = "10";

/// Requests within a dialog are work we already have: they may use this share of the limit on top, so that calls can
/// be ended when no new one is taken.
const DIALOG_RESERVE_DIVISOR: usize = 4;

#[derive(Debug)]
enum Machine {
    Invite(ServerInvite),
    NonInvite(ServerNonInvite),
}

impl Machine {
    fn handle(&mut self, pace: &Pace, event: ServerEvent) -> ServerActions {
        match self {
            Self::Invite(machine) => machine.handle(pace, event),
            Self::NonInvite(machine) => machine.handle(pace, event),
        }
    }

    fn timers(&mut self) -> &mut Timers {
        match self {
            Self::Invite(machine) => &mut machine.timers,
            Self::NonInvite(machine) => &mut machine.timers,
        }
    }

    fn is_terminated(&self) -> bool {
        match self {
            Self::Invite(machine) => machine.state == ServerInviteState::Terminated,
            Self::NonInvite(machine) => machine.state == ServerNonInviteState::Terminated,
        }
    }

    fn is_undecided_invite(&self) -> bool {
        matches!(self, Self::Invite(machine) if machine.state == ServerInviteState::Proceeding)
    }
}

#[derive(Debug)]
struct ServerTransaction {
    machine: Machine,
    key: Fingerprint,
    merge_key: Option<Fingerprint>,
    /// Where responses go (§18.2.2).
    flow: Flow,
    /// Where they go when the connection that the request came over is gone: the port of sent-by.
    fallback: SocketAddr,
    /// The latest response; empty when there is none.
    response: Bytes,
    /// The instant of the entry in the schedule that counts.
    scheduled: Option<Instant>,
}

impl ServerTransaction {
    fn due(&mut self) -> Due<'_> {
        Due { next: self.machine.timers().next(), scheduled: &mut self.scheduled }
    }
}

/// What an event is about.
#[expect(
    clippy::large_enum_variant,
    reason = "it lives on the stack for one call; a box would cost an allocation"
)]
enum Subject<'a> {
    Nothing,
    Response(&'a Response),
    Ack(Flow, Message),
}

/// All server transactions.
#[derive(Debug, Default)]
pub(crate) struct Servers {
    transactions: IdMap<ServerTransactionId, ServerTransaction>,
    keys: IdMap<Fingerprint, ServerTransactionId>,
    merge_keys: IdMap<Fingerprint, ServerTransactionId>,
}

impl Servers {
    pub(crate) fn len(&self) -> usize {
        self.transactions.len()
    }

    /// Takes a request whose mandatory headers are readable. `load` is how many transactions are alive on both sides.
    pub(crate) fn receive(
        &mut self,
        shared: &mut Shared,
        now: Instant,
        flow: Flow,
        request: Message,
        load: usize,
    ) {
        let Some(parts) = RequestParts::read(&request) else {
            shared.counters.malformed_dropped += 1;
            return;
        };
        match parts.method {
            // An ACK ends the resends of a failure; any other confirms a 2xx and is the user's (§13.3.1.4).
            Method::Ack => match self.invite_of(shared, &request, &parts) {
                Some(id) => drop(self.handle(shared, now, id, ServerEvent::Ack, Subject::Ack(flow, request))),
                None => shared.events.push_back(EndpointEvent::Ack { flow, message: request }),
            },
            Method::Cancel => self.receive_cancel(shared, now, flow, &request, &parts),
            _ => {
                let key = parts.own_key(&shared.hash, &request);
                if let Some(id) = self.keys.get(&key).copied() {
                    return self.receive_again(shared, now, id);
                }
                let merge_key = parts.merge_key(&shared.hash);
                if merge_key.is_some_and(|key| self.merge_keys.contains_key(&key)) {
                    shared.counters.merged += 1;
                    return refuse(shared, &flow, &request, StatusCode::LOOP_DETECTED, None);
                }
                if !has_room(shared, load, merge_key.is_none()) {
                    return refuse(shared, &flow, &request, StatusCode::SERVICE_UNAVAILABLE, None);
                }
                let transaction = self.begin(shared, now, &flow, &parts, key, merge_key);
                shared.events.push_back(EndpointEvent::Request { transaction, flow, message: request });
            }
        }
    }

    /// The user responds.
    pub(crate) fn respond(
        &mut self,
        shared: &mut Shared,
        now: Instant,
        id: ServerTransactionId,
        response: &Response,
    ) -> Bytes {
        let event = ServerEvent::Respond(response.status().into());
        self.handle(shared, now, id, event, Subject::Response(response))
    }

    /// Runs the timers of one transaction that are due.
    pub(crate) fn run_timers(&mut self, shared: &mut Shared, now: Instant, id: ServerTransactionId) {
        while let Some(timer) =
            self.transactions.get_mut(&id).and_then(|found| found.machine.timers().take_due(now))
        {
            self.handle(shared, now, id, ServerEvent::Timer(timer), Subject::Nothing);
        }
    }

    /// The flow of this transaction failed. What is still to be sent takes a connection of its own, to the port in Via.
    pub(crate) fn fail_transport(
        &mut self,
        shared: &mut Shared,
        now: Instant,
        id: ServerTransactionId,
        failed: &Flow,
    ) {
        let Some(found) = self.transactions.get_mut(&id) else { return };
        if !super::flows::is_hit_by(&found.flow, failed) {
            return;
        }
        if found.flow.transport.is_reliable() && found.flow.connection != ConnectionId::NONE {
            shared.flows.remove(&shared.hash, &found.flow, TransactionId::Server(id));
            found.flow.connection = ConnectionId::NONE;
            found.flow.remote = found.fallback;
            shared.flows.insert(&shared.hash, &found.flow, TransactionId::Server(id));
        }
        self.handle(shared, now, id, ServerEvent::TransportFailure, Subject::Nothing);
    }

    /// When this transaction wants to be looked at.
    pub(crate) fn due(&mut self, id: ServerTransactionId) -> Option<Due<'_>> {
        self.transactions.get_mut(&id).map(ServerTransaction::due)
    }

    /// The INVITE that an ACK or a CANCEL belongs to.
    fn invite_of(
        &self,
        shared: &Shared,
        message: &Message,
        parts: &RequestParts<'_>,
    ) -> Option<ServerTransactionId> {
        let ours = |id: &ServerTransactionId| {
            let response = &self.transactions.get(id)?.response;
            (response_to_tag(response).as_deref() == parts.to_tag).then_some(*id)
        };
        parts.invite_keys(&shared.hash, message).into_iter().find_map(|(key, condition)| {
            let id = self.keys.get(&key)?;
            if condition == InviteMatch::IfToTagIsOurs { ours(id) } else { Some(*id) }
        })
    }

    /// §9.2. The CANCEL has a transaction of its own, so that it gets the same 200 when it comes again.
    fn receive_cancel(
        &mut self,
        shared: &mut Shared,
        now: Instant,
        flow: Flow,
        cancel: &Message,
        parts: &RequestParts<'_>,
    ) {
        let key = parts.own_key(&shared.hash, cancel);
        if let Some(id) = self.keys.get(&key).copied() {
            return self.receive_again(shared, now, id);
        }
        let invite = self.invite_of(shared, cancel, parts);
        let Some((invite, found)) = invite.and_then(|id| Some((id, self.transactions.get(&id)?))) else {
            let status = StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST;
            return refuse(shared, &flow, cancel, status, None);
        };
        // §9.2: the tag is the one of the responses to the INVITE, where there is one already.
        let tag = response_to_tag(&found.response).unwrap_or_else(|| shared.new_token());
        let undecided = found.machine.is_undecided_invite();
        let transaction = self.begin(shared, now, &flow, parts, key, None);
        self.respond(shared, now, transaction, &Response::new(cancel, &flow, StatusCode::OK, Some(&tag)));
        if undecided {
            shared.events.push_back(EndpointEvent::Cancelled { transaction: invite });
        }
    }

    fn receive_again(&mut self, shared: &mut Shared, now: Instant, id: ServerTransactionId) {
        shared.counters.request_resends += 1;
        self.handle(shared, now, id, ServerEvent::RequestAgain, Subject::Nothing);
    }

    fn begin(
        &mut self,
        shared: &mut Shared,
        now: Instant,
        flow: &Flow,
        parts: &RequestParts<'_>,
        key: Fingerprint,
        merge_key: Option<Fingerprint>,
    ) -> ServerTransactionId {
        let id = ServerTransactionId(shared.new_id());
        let pace = shared.pace(now, flow);
        let machine = match parts.method {
            Method::Invite => Machine::Invite(ServerInvite::new(&pace)),
            _ => Machine::NonInvite(ServerNonInvite::new()),
        };
        let flow = response_flow(&parts.via, flow);
        let port = parts.via.port.unwrap_or(flow.transport.default_port());
        let fallback = SocketAddr::new(flow.remote.ip(), port);
        let response = Bytes::new();
        let transaction =
            ServerTransaction { machine, key, merge_key, flow, fallback, response, scheduled: None };
        shared.flows.insert(&shared.hash, &flow, TransactionId::Server(id));
        self.keys.insert(key, id);
        if let Some(merge_key) = merge_key {
            self.merge_keys.insert(merge_key, id);
        }
        self.transactions.insert(id, transaction);
        id
    }

    /// One transition and what follows from it. Gives the bytes of the response when it was sent.
    fn handle(
        &mut self,
        shared: &mut Shared,
        now: Instant,
        id: ServerTransactionId,
        event: ServerEvent,
        mut subject: Subject<'_>,
    ) -> Bytes {
        let Some(transaction) = self.transactions.get_mut(&id) else { return Bytes::new() };
        let pace = shared.pace(now, &transaction.flow);
        let mut sent = Bytes::new();
        for action in transaction.machine.handle(&pace, event) {
            match (action, std::mem::replace(&mut subject, Subject::Nothing)) {
                (ServerAction::Send, Subject::Response(response)) => {
                    sent = response.write();
                    transaction.response = sent.clone();
                    shared.send(transaction.flow, sent.clone());
                }
                (ServerAction::DeliverAck, Subject::Ack(flow, message)) => {
                    shared.events.push_back(EndpointEvent::Ack { flow, message });
                }
                (ServerAction::ResendResponse, _) if !transaction.response.is_empty() => {
                    shared.send_again(transaction.flow, transaction.response.clone());
                }
                (ServerAction::Fail(failure), _) => {
                    shared.events.push_back(EndpointEvent::ServerFailed { transaction: id, failure });
                }
                // The user has not responded yet.
                (ServerAction::ResendResponse | ServerAction::Send | ServerAction::DeliverAck, _) => {}
            }
        }
        shared.schedule.note(TransactionId::Server(id), transaction.due());
        if transaction.machine.is_terminated() {
            self.end(shared, id);
        }
        sent
    }

    fn end(&mut self, shared: &mut Shared, id: ServerTransactionId) {
        if let Some(ended) = self.transactions.remove(&id) {
            self.keys.remove(&ended.key);
            if let Some(merge_key) = ended.merge_key {
                self.merge_keys.remove(&merge_key);
            }
            shared.flows.remove(&shared.hash, &ended.flow, TransactionId::Server(id));
        }
    }
}

/// Answers a request without a transaction (§8.2.7): the same request gets the same tag. An ACK is never answered.
pub(crate) fn refuse(
    shared: &mut Shared,
    flow: &Flow,
    request: &Message,
    status: StatusCode,
    reason: Option<&str>,
) {
    let Ok(via) = request.via() else { return };
    let identity = [HeaderName::Via, HeaderName::CallId, HeaderName::From, HeaderName::CSeq];
    let values = identity.map(|name| request.value(name).unwrap_or_default());
    let tag = format!("{:016x}", shared.hash.public_number(&values));
    let mut response = Response::new(request, flow, status, Some(&tag));
    if let Some(reason) = reason {
        response.reason(reason);
    }
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.header(HeaderName::RetryAfter, RETRY_AFTER);
    }
    let flow = response_flow(&via, flow);
    shared.send(flow, response.write());
}

fn has_room(shared: &Shared, load: usize, in_dialog: bool) -> bool {
    let limit = shared.settings.max_transactions;
    load < if in_dialog { limit + limit / DIALOG_RESERVE_DIVISOR } else { limit }
}

/// The To tag of a response of ours.
fn response_to_tag(response: &Bytes) -> Option<String> {
    let response = Message::parse(response.clone()).ok()?;
    let to = response.to().ok()?;
    to.tag().map(str::to_owned)
}
