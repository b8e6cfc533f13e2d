//! Our requests and the responses to them.
use std::time::Instant;

use bytes::Bytes;

use super::hash::{Fingerprint, IdMap};
use super::keys::client_key;
use super::large::Datagram;
use super::schedule::{Due, TransactionId};
use super::shared::Shared;
use super::{EndpointEvent, follow_up};
use crate::message::{Message, Method, Request};
use crate::transaction::{
    ClientAction, ClientActions, ClientEvent, ClientInvite, ClientInviteState, ClientNonInvite,
    ClientNonInviteState, ClientTransactionId, Pace, ResponseClass, Timers,
};
use crate::transport::{Flow, is_sent_by, via_value};

#[derive(Debug)]
enum Machine {
    Invite(ClientInvite),
    NonInvite(ClientNonInvite),
}

impl Machine {
    fn handle(&mut self, pace: &Pace, event: ClientEvent) -> ClientActions {
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

    fn send_as_datagram(&mut self, pace: &Pace) {
        match self {
            Self::Invite(machine) => machine.send_as_datagram(pace),
            Self::NonInvite(machine) => machine.send_as_datagram(pace),
        }
    }

    fn is_terminated(&self) -> bool {
        match self {
            Self::Invite(machine) => machine.state == ClientInviteState::Terminated,
            Self::NonInvite(machine) => machine.state == ClientNonInviteState::Terminated,
        }
    }
}

#[derive(Debug)]
struct ClientTransaction {
    machine: Machine,
    method: Method,
    key: Fingerprint,
    flow: Flow,
    request: Bytes,
    /// The ACK for a failed INVITE, once there is one.
    ack: Bytes,
    /// What is sent instead when the connection of a large request cannot be had; gone with the first response.
    datagram: Option<Box<Datagram>>,
    /// The instant of the entry in the schedule that counts.
    scheduled: Option<Instant>,
}

impl ClientTransaction {
    /// Whether the user hears of it. A CANCEL is between the two transaction layers: its outcome is that of the INVITE.
    fn has_user(&self) -> bool {
        self.method != Method::Cancel
    }

    fn due(&mut self) -> Due<'_> {
        Due { next: self.machine.timers().next(), scheduled: &mut self.scheduled }
    }

    fn send_ack(&mut self, shared: &mut Shared, response: Option<&(Flow, Message)>) {
        if let Some(ack) = response.and_then(|(_, response)| follow_up::ack(&self.request, response)) {
            self.ack = ack.clone();
            shared.send(self.flow, ack);
        }
    }
}

/// All client transactions.
#[derive(Debug, Default)]
pub(crate) struct Clients {
    transactions: IdMap<ClientTransactionId, ClientTransaction>,
    keys: IdMap<Fingerprint, ClientTransactionId>,
}

impl Clients {
    pub(crate) fn len(&self) -> usize {
        self.transactions.len()
    }

    /// Sends `request` in a new transaction.
    pub(crate) fn send(
        &mut self,
        shared: &mut Shared,
        now: Instant,
        flow: Flow,
        request: &Request,
    ) -> ClientTransactionId {
        let branch = shared.new_branch();
        let bytes = request.write(&via_value(&flow, &branch));
        let Some(stream) = shared.instead_of(now, &flow, bytes.len()) else {
            return self.begin(shared, now, flow, request.method(), &branch, bytes);
        };
        let on_stream = request.write(&via_value(&stream, &branch));
        let id = self.begin(shared, now, stream, request.method(), &branch, on_stream);
        if let Some(transaction) = self.transactions.get_mut(&id) {
            transaction.datagram = Some(Box::new(Datagram { flow, bytes }));
        }
        id
    }

    /// The user wants the INVITE cancelled.
    pub(crate) fn cancel(&mut self, shared: &mut Shared, now: Instant, invite: ClientTransactionId) {
        self.handle(shared, now, invite, ClientEvent::Cancel, None);
    }

    /// Takes a response whose mandatory headers are readable. One with a second Via was meant for somebody behind us
    /// (§8.1.3.3).
    pub(crate) fn receive(&mut self, shared: &mut Shared, now: Instant, flow: Flow, response: Message) {
        if response.vias().nth(1).is_some() {
            shared.counters.stray_responses += 1;
            return;
        }
        let Some((id, class)) = self.find(shared, &flow, &response) else {
            return receive_stray(shared, flow, response);
        };
        self.handle(shared, now, id, ClientEvent::Response(class), Some((flow, response)));
    }

    /// Runs the timers of one transaction that are due.
    pub(crate) fn run_timers(&mut self, shared: &mut Shared, now: Instant, id: ClientTransactionId) {
        while let Some(timer) =
            self.transactions.get_mut(&id).and_then(|found| found.machine.timers().take_due(now))
        {
            self.handle(shared, now, id, ClientEvent::Timer(timer), None);
        }
    }

    /// The flow of this transaction failed.
    pub(crate) fn fail_transport(
        &mut self,
        shared: &mut Shared,
        now: Instant,
        id: ClientTransactionId,
        failed: &Flow,
    ) {
        let Some(found) = self.transactions.get_mut(&id) else { return };
        if !super::flows::is_hit_by(&found.flow, failed) {
            return;
        }
        match found.datagram.take() {
            Some(datagram) => self.send_as_datagram(shared, now, id, *datagram),
            None => self.handle(shared, now, id, ClientEvent::TransportFailure, None),
        }
    }

    /// No connection for a large request could be had: it goes as a datagram, in the same transaction.
    fn send_as_datagram(
        &mut self,
        shared: &mut Shared,
        now: Instant,
        id: ClientTransactionId,
        Datagram { flow, bytes }: Datagram,
    ) {
        let Some(transaction) = self.transactions.get_mut(&id) else { return };
        shared.large.refused(&shared.hash, now, &flow);
        shared.flows.remove(&shared.hash, &transaction.flow, TransactionId::Client(id));
        shared.flows.insert(&shared.hash, &flow, TransactionId::Client(id));
        (transaction.flow, transaction.request) = (flow, bytes.clone());
        transaction.machine.send_as_datagram(&shared.pace(now, &flow));
        shared.schedule.note(TransactionId::Client(id), transaction.due());
        shared.send(flow, bytes);
    }

    /// When this transaction wants to be looked at.
    pub(crate) fn due(&mut self, id: ClientTransactionId) -> Option<Due<'_>> {
        self.transactions.get_mut(&id).map(ClientTransaction::due)
    }

    fn begin(
        &mut self,
        shared: &mut Shared,
        now: Instant,
        flow: Flow,
        method: Method,
        branch: &[u8],
        request: Bytes,
    ) -> ClientTransactionId {
        let pace = shared.pace(now, &flow);
        let machine = match method {
            Method::Invite => Machine::Invite(ClientInvite::new(&pace)),
            _ => Machine::NonInvite(ClientNonInvite::new(&pace)),
        };
        let id = ClientTransactionId(shared.new_id());
        let key = client_key(&shared.hash, branch, method);
        let mut transaction = ClientTransaction {
            machine,
            method,
            key,
            flow,
            request: request.clone(),
            ack: Bytes::new(),
            datagram: None,
            scheduled: None,
        };
        shared.schedule.note(TransactionId::Client(id), transaction.due());
        shared.flows.insert(&shared.hash, &flow, TransactionId::Client(id));
        self.keys.insert(key, id);
        self.transactions.insert(id, transaction);
        shared.send(flow, request);
        id
    }

    /// The transaction of a response: the branch of its top Via, which has to be ours, and the method in its CSeq (§17.1.3).
    fn find(
        &self,
        shared: &Shared,
        flow: &Flow,
        response: &Message,
    ) -> Option<(ClientTransactionId, ResponseClass)> {
        let via = response.via().ok()?;
        let id = *self.keys.get(&client_key(&shared.hash, via.branch()?, response.method()))?;
        let found = self.transactions.get(&id)?;
        let ours =
            found.method == response.method() && (is_sent_by(&via, &found.flow) || is_sent_by(&via, flow));
        ours.then_some(())?;
        Some((id, response.status()?.into()))
    }

    fn handle(
        &mut self,
        shared: &mut Shared,
        now: Instant,
        id: ClientTransactionId,
        event: ClientEvent,
        mut response: Option<(Flow, Message)>,
    ) {
        let Some(transaction) = self.transactions.get_mut(&id) else { return };
        if matches!(event, ClientEvent::Response(_)) {
            transaction.datagram = None;
        }
        let pace = shared.pace(now, &transaction.flow);
        let actions = transaction.machine.handle(&pace, event);
        let mut cancel = None;
        for action in actions {
            match action {
                ClientAction::SendAck => transaction.send_ack(shared, response.as_ref()),
                ClientAction::ResendAck => shared.send_again(transaction.flow, transaction.ack.clone()),
                ClientAction::ResendRequest => {
                    shared.send_again(transaction.flow, transaction.request.clone())
                }
                ClientAction::SendCancel => cancel = follow_up::cancel(&transaction.request),
                ClientAction::Deliver if transaction.has_user() => deliver(shared, Some(id), response.take()),
                ClientAction::DeliverStray => deliver(shared, None, response.take()),
                ClientAction::Fail(failure) if transaction.has_user() => {
                    shared.events.push_back(EndpointEvent::ClientFailed { transaction: id, failure });
                }
                ClientAction::Deliver | ClientAction::Fail(_) => {}
            }
        }
        shared.schedule.note(TransactionId::Client(id), transaction.due());
        let flow = transaction.flow;
        if transaction.machine.is_terminated() {
            self.end(shared, id);
        }
        if let Some((branch, request)) = cancel {
            self.begin(shared, now, flow, Method::Cancel, &branch, request);
        }
    }

    fn end(&mut self, shared: &mut Shared, id: ClientTransactionId) {
        if let Some(ended) = self.transactions.remove(&id) {
            self.keys.remove(&ended.key);
            shared.flows.remove(&shared.hash, &ended.flow, TransactionId::Client(id));
        }
    }
}

fn deliver(shared: &mut Shared, transaction: Option<ClientTransactionId>, response: Option<(Flow, Message)>) {
    if let Some((flow, message)) = response {
        shared.events.push_back(EndpointEvent::Response { transaction, flow, message });
    }
}

/// A 2xx to an INVITE may answer a call that nobody here waits for any more: the user releases it. Anything else that
/// matches nothing is dropped.
fn receive_stray(shared: &mut Shared, flow: Flow, response: Message) {
    let ours = response.via().is_ok_and(|via| is_sent_by(&via, &flow));
    let accepts =
        response.method() == Method::Invite && response.status().is_some_and(|status| status.is_success());
    if ours && accepts {
        deliver(shared, None, Some((flow, response)));
    } else {
        shared.counters.stray_responses += 1;
    }
}
