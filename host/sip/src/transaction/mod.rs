//! The four transaction machines of RFC 3261 §17 with RFC 6026, one file each.
//!
//! A machine is pure: it takes an event and the `Pace` of the moment, changes its state and its
//! timers, and names the actions that its owner, the [`Endpoint`](crate::Endpoint), carries out. It holds no bytes,
//! so that a transition can be read and tested without a message. Timer C is absent: how long a phone may ring is
//! decided by the transaction user, and a `Proceeding` INVITE is never cut from here.

mod client_invite;
mod client_non_invite;
mod server_invite;
mod server_non_invite;
mod timer;

#[cfg(test)]
mod tests;

pub(crate) use client_invite::{ClientInvite, State as ClientInviteState};
pub(crate) use client_non_invite::{ClientNonInvite, State as ClientNonInviteState};
pub(crate) use server_invite::{ServerInvite, State as ServerInviteState};
pub(crate) use server_non_invite::{ServerNonInvite, State as ServerNonInviteState};
pub(crate) use timer::{Pace, Timer, Timers};

use smallvec::SmallVec;

use crate::endpoint::TransactionFailure;
use crate::message::StatusCode;

/// One server transaction of an [`Endpoint`](crate::Endpoint). Stale ids are harmless.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct ServerTransactionId(pub(crate) u64);

/// One client transaction of an [`Endpoint`](crate::Endpoint). Stale ids are harmless.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct ClientTransactionId(pub(crate) u64);

/// The three kinds of response that the machines tell apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ResponseClass {
    /// 1xx.
    Provisional,
    /// 2xx.
    Success,
    /// 300 to 699.
    Failure,
}

impl From<StatusCode> for ResponseClass {
    fn from(status: StatusCode) -> Self {
        match status {
            status if status.is_provisional() => Self::Provisional,
            status if status.is_success() => Self::Success,
            _ => Self::Failure,
        }
    }
}

/// What happens to a client transaction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ClientEvent {
    /// A response arrived.
    Response(ResponseClass),
    /// The user wants the INVITE cancelled (§9.1).
    Cancel,
    /// A timer of this machine expired.
    Timer(Timer),
    /// The transport could not deliver.
    TransportFailure,
}

/// What a client transaction wants done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ClientAction {
    /// Send the request again.
    ResendRequest,
    /// Send the ACK for the response at hand (§17.1.1.3).
    SendAck,
    /// Send the ACK once more.
    ResendAck,
    /// Send a CANCEL for this INVITE.
    SendCancel,
    /// Give the response to the user.
    Deliver,
    /// Give the 2xx to the user as one that belongs to no transaction.
    DeliverStray,
    /// Tell the user that no final response comes.
    Fail(TransactionFailure),
}

/// At most two things follow from one event.
pub(crate) type ClientActions = SmallVec<[ClientAction; 2]>;

/// What happens to a server transaction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ServerEvent {
    /// The request arrived again.
    RequestAgain,
    /// An ACK matched the INVITE.
    Ack,
    /// The user responds.
    Respond(ResponseClass),
    /// A timer of this machine expired.
    Timer(Timer),
    /// The transport could not deliver.
    TransportFailure,
}

/// What a server transaction wants done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ServerAction {
    /// Send the response at hand and keep it for resends.
    Send,
    /// Send the latest response again, if there is one.
    ResendResponse,
    /// Give the ACK to the user: it confirms a 2xx.
    DeliverAck,
    /// Tell the user that the final response was not confirmed or not delivered.
    Fail(TransactionFailure),
}

/// At most two things follow from one event.
pub(crate) type ServerActions = SmallVec<[ServerAction; 2]>;
