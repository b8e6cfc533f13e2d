//! Transfers (RFC 3515, RFC 5589) and dialogs that take the place of others (RFC 3891).
//!
//! A REFER is not passed to the other leg; we carry it out ([`referral`]) and tell the referrer how it gets on
//! ([`subscription`]). It begins a call of its own, whose caller is the party that stays: routed, dialled and recorded like any
//! other, while the first call goes on as if nothing had happened. Only when the target has answered does the leg of the party
//! that stays move from the one call to the other ([`moving`], [`takeover`]), so that a transfer that fails leaves no trace. In an
//! attended transfer the other leg moves too, from the second call; and an INVITE with Replaces is the same without a REFER.
//!
//! Replaces may also name a phone that still rings: then the new call picks up ([`pickup`]).
//!
//! The target is offered what the party that stays announced last, without hold. Its own fresh offer (a re-INVITE without SDP)
//! would have to wait for as long as the target rings, but a 2xx is repeated for 32 s only; an INVITE without SDP to the target is
//! what many trunks do not take. When the target has answered, the party that stays gets its answer as an offer by re-INVITE.
//!
//! Calls do not touch each other: they send [`Signal`]s, which the core delivers before it takes its next input.

use std::net::IpAddr;
use std::time::Instant;

use cordboard_media::command::{STREAMS, Side};
use cordboard_media::sdp::{Changes, Session};
use cordboard_model::Party;
use cordboard_sip::message::{Message, Replaces};
use cordboard_sip::transaction::ClientTransactionId;
use cordboard_sip::transport::Flow;

use super::leg::Leg;
use super::{Call, CallKey};
use crate::context::Context;

pub(crate) mod moving;
pub(crate) mod pickup;
pub(crate) mod referral;
pub(crate) mod subscription;
pub(crate) mod takeover;

use pickup::Picker;
use subscription::Report;

/// What one call tells another.
pub(crate) enum Signal {
    /// To the call that was referred: how the one that this began gets on.
    Progress(Report),
    /// To a call that has something to do with the one of this key: it has ended, with this status.
    Ended { call: CallKey, status: u16 },
    /// To the call that one of these tags belongs to: which leg stays when this dialog is replaced?
    /// Whoever may pick up a phone that rings says who it is.
    Claim { by: CallKey, replaces: Replaces, picker: Option<Picker> },
    /// To the claimant: this one.
    Claimed(Box<Claimed>),
    /// To a call whose leg is wanted: put this before it, and let it go when it accepts.
    Move(Box<Move>),
    /// To the call that wanted it: here it is.
    Moved(Box<Moved>),
    /// To the call that wanted it: it cannot be had.
    Refused { status: u16 },
}

/// The leg that stays when a dialog is replaced.
pub(crate) struct Claimed {
    pub(crate) side: Side,
    pub(crate) party: Party,
    pub(crate) flow: Flow,
    /// What it announced last.
    pub(crate) session: Session,
    /// It still waits for an answer: who gives it.
    pub(crate) picker: Option<Picker>,
}

/// A leg that another call wants.
pub(crate) struct Move {
    pub(crate) by: CallKey,
    pub(crate) side: Side,
    /// The session of its new other side, and where that side is to be reached.
    pub(crate) session: Session,
    pub(crate) address: IpAddr,
    pub(crate) ports: [u16; STREAMS],
    /// What else is changed in it.
    pub(crate) changes: Changes,
    /// As in [`Claimed`].
    pub(crate) picker: Option<Picker>,
}

/// A leg that has moved.
pub(crate) struct Moved {
    pub(crate) leg: Leg,
    /// Its answer, and the response that brought it.
    pub(crate) session: Session,
    pub(crate) response: Message,
    /// The re-INVITE, whose 2xx may come again.
    pub(crate) transaction: ClientTransactionId,
}

/// Another call says something.
pub(crate) fn signalled(call: &mut Call, ctx: &mut Context, now: Instant, signal: Signal) {
    match signal {
        Signal::Progress(report) => subscription::report(call, ctx, now, report),
        Signal::Ended { call: other, status } => {
            moving::unwanted(call, ctx, now, other);
            referral::failed(call, ctx, now, other, status);
        }
        Signal::Claim { by, replaces, picker } => takeover::claimed_by(call, ctx, by, &replaces, picker),
        Signal::Claimed(claimed) => takeover::claimed(call, ctx, *claimed),
        Signal::Move(wanted) => moving::start(call, ctx, now, *wanted),
        Signal::Moved(moved) => takeover::moved(call, ctx, now, *moved),
        Signal::Refused { status } => takeover::refused(call, ctx, now, status),
    }
}

/// Nobody is there any more to whom this could be said.
pub(crate) fn undeliverable(ctx: &mut Context, signal: Signal) {
    match signal {
        Signal::Claim { by, .. } => ctx.signal(by, Signal::Refused { status: 481 }),
        Signal::Move(wanted) => ctx.signal(wanted.by, Signal::Refused { status: 481 }),
        Signal::Progress(_)
        | Signal::Ended { .. }
        | Signal::Claimed(_)
        | Signal::Moved(_)
        | Signal::Refused { .. } => {}
    }
}

/// A call ends: whoever has to do with its transfers is told. `status` is what a caller would see.
pub(crate) fn ended(call: &mut Call, ctx: &mut Context, now: Instant, status: u16) {
    takeover::give_up(call, ctx, status);
    referral::give_up(call, ctx, now);
    moving::give_up(call, ctx);
}
