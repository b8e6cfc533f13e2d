//! One call: a caller's leg, a set-up that tries targets, and the leg of the target that answered.
//!
//! A call is moved by events: answers of plugins ([`setup`]), responses of forks ([`fork`]; provisional ones make dialogs,
//! [`early`], and may have to reach the caller, [`reliable`]), requests within its dialogs ([`bridge`]; digits in them,
//! [`dtmf`]), the relay and its timers. Whatever ends it goes through [`teardown`]. A call whose party asks for a transfer, or whose
//! place another dialog takes, hands a leg over to another call ([`transfer`]).

use std::net::IpAddr;
use std::time::Instant;

use cordboard_media::command::{MediaCommand, MediaId, MediaPorts, STREAMS, Side};
use cordboard_media::sdp::{Changes, Session};
use cordboard_model::{CallFacts, CallId, CallLeg, Party, QuestionId};
use cordboard_sip::message::Message;
use cordboard_sip::transaction::{ClientTransactionId, ServerTransactionId};
use cordboard_sip::transport::Flow;

use crate::context::Context;
use crate::timers::{Alarm, Timer, TimerId};
use crate::trunk::dial;

pub(crate) mod bridge;
pub(crate) mod dtmf;
pub(crate) mod early;
pub(crate) mod facts;
pub(crate) mod failover;
pub(crate) mod fork;
pub(crate) mod headers;
pub(crate) mod identity;
pub(crate) mod leg;
pub(crate) mod outcome;
pub(crate) mod reliable;
pub(crate) mod retry;
pub(crate) mod security;
pub(crate) mod session_timer;
pub(crate) mod setup;
pub(crate) mod start;
pub(crate) mod teardown;
pub(crate) mod transfer;

use bridge::Passed;
use leg::Leg;
use reliable::Reliable;
use security::{OurKeys, Security};
use setup::Setup;
use transfer::moving::Moving;
use transfer::referral::Transfer;
use transfer::takeover::Takeover;

/// Names one call inside the core. Never used twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct CallKey(pub(crate) u64);

/// Names one leg of a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum LegName {
    /// The one that the call came in on.
    Caller,
    /// The one towards the target with this place in the set-up.
    Fork(usize),
}

/// How far a call is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stage {
    /// The authorization plugin is asked.
    Authorizing(QuestionId),
    /// The routing plugin is asked.
    Routing(QuestionId),
    /// Targets are tried.
    Dialing,
    /// Answered, since then.
    Talking(Instant),
    /// Ended; waits for the last responses, so that a late 2xx is still acknowledged and hung up.
    Ended,
}

/// The INVITE that the call came in with.
pub(crate) struct Invite {
    pub(crate) message: Message,
    pub(crate) transaction: ServerTransactionId,
    /// Its SDP; `None`: the callee makes the offer in its 2xx (late offer).
    pub(crate) offer: Option<Session>,
    /// Status and body of the last provisional sent to the caller, so that forks ringing alike ring once.
    pub(crate) provisional: Option<(u16, bool)>,
}

/// The media of a call.
pub(crate) struct Media {
    pub(crate) id: MediaId,
    pub(crate) requested: bool,
    pub(crate) ports: Option<MediaPorts>,
    /// What each side announced last.
    pub(crate) caller_session: Option<Session>,
    pub(crate) callee_session: Option<Session>,
    /// Our address towards the caller and towards the callee.
    pub(crate) caller_address: IpAddr,
    pub(crate) callee_address: Option<IpAddr>,
    /// Who made the latest offer; what the other side says is the answer to it.
    pub(crate) offerer: Side,
    /// The encryption of both legs, as the target wants it that answers. Until one does, that of the caller passes.
    pub(crate) security: Security,
    /// Whether the caller, and the callee of [`Self::security`], take INFO.
    pub(crate) caller_takes_info: bool,
    pub(crate) callee_takes_info: bool,
    /// What the caller's encryption ends with, for whichever target wants that.
    pub(crate) caller_keys: Option<OurKeys>,
}

pub(crate) struct Call {
    pub(crate) key: CallKey,
    pub(crate) id: CallId,
    pub(crate) started: Instant,
    pub(crate) facts: CallFacts,
    /// Whom the callee is shown as the caller, unless the decision says otherwise. It is the one of the facts but for a transfer,
    /// which the facts say who asked for.
    pub(crate) caller_party: Party,
    pub(crate) stage: Stage,
    pub(crate) invite: Invite,
    /// Provisionals that the caller has to acknowledge; only for one that requires it.
    pub(crate) reliable: Option<Reliable>,
    pub(crate) caller: Leg,
    pub(crate) setup: Setup,
    /// The leg that answered, and its place in the set-up.
    pub(crate) callee: Option<(usize, Leg)>,
    pub(crate) media: Media,
    /// Requests of one leg that wait for the other's response.
    pub(crate) passed: Vec<Passed>,
    /// Our latest re-INVITE; repetitions of its 2xx lead here.
    pub(crate) reinvite: Option<ClientTransactionId>,
    /// A transfer that a party has asked for.
    pub(crate) transfer: Option<Transfer>,
    /// A leg that is about to move to another call.
    pub(crate) moving: Option<Moving>,
    /// The legs of other calls that this one waits for.
    pub(crate) takeover: Option<Takeover>,
    /// The re-INVITEs that brought legs here from other calls: 2xx to them may come again. Two at most.
    pub(crate) moved_in: Vec<ClientTransactionId>,
    /// BYEs of ours without a response yet.
    pub(crate) byes: usize,
    pub(crate) timers: Vec<(Timer, TimerId)>,
}

impl Call {
    /// A call that has just begun, at its first question.
    pub(crate) fn new(
        ctx: &mut Context,
        now: Instant,
        facts: CallFacts,
        invite: Invite,
        caller: Leg,
    ) -> Self {
        Self {
            key: CallKey(ctx.number()),
            id: facts.call_id,
            started: now,
            caller_party: facts.caller.clone(),
            facts,
            stage: Stage::Dialing,
            reliable: None,
            setup: Setup::default(),
            callee: None,
            media: Media {
                id: MediaId(ctx.number()),
                requested: false,
                ports: None,
                caller_session: None,
                callee_session: None,
                caller_address: caller.flow.local.ip(),
                callee_address: None,
                offerer: if invite.offer.is_some() { Side::Caller } else { Side::Callee },
                security: Security::default(),
                caller_takes_info: false,
                callee_takes_info: false,
                caller_keys: None,
            },
            invite,
            caller,
            passed: Vec::new(),
            reinvite: None,
            transfer: None,
            moving: None,
            takeover: None,
            moved_in: Vec::new(),
            byes: 0,
            timers: Vec::new(),
        }
    }

    pub(crate) fn is_answered(&self) -> bool {
        matches!(self.stage, Stage::Talking(_))
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.stage == Stage::Ended
    }

    /// An ended call that waits for nothing more can be forgotten.
    pub(crate) fn is_over(&self) -> bool {
        self.has_ended()
            && self.byes == 0
            && !self.setup.has_open_forks()
            && !self.caller.owes_bye
            && !self.transfer.as_ref().is_some_and(Transfer::is_waiting)
    }

    /// Whether the leg of a side of an answered call has somebody on it.
    pub(crate) fn is_there(&self, side: Side) -> bool {
        match side {
            Side::Caller => !self.caller.absent,
            Side::Callee => self.callee.as_ref().is_some_and(|(_, leg)| !leg.absent),
        }
    }

    pub(crate) fn start_timer(&mut self, ctx: &mut Context, at: Instant, timer: Timer) {
        self.stop_timer(ctx, timer);
        self.timers.push((timer, ctx.timers.start(at, Alarm::Call(self.key, timer))));
    }

    pub(crate) fn stop_timer(&mut self, ctx: &mut Context, timer: Timer) {
        if let Some(place) = self.timers.iter().position(|(running, _)| *running == timer) {
            ctx.timers.stop(self.timers.swap_remove(place).1);
        }
    }

    pub(crate) fn stop_timers(&mut self, ctx: &mut Context) {
        for (_, id) in self.timers.drain(..) {
            ctx.timers.stop(id);
        }
    }

    /// The leg of a side. Before the answer the callee's is the early dialog whose session the caller has agreed to.
    pub(crate) fn leg_mut(&mut self, side: Side) -> Option<&mut Leg> {
        match side {
            Side::Caller => Some(&mut self.caller),
            Side::Callee if self.callee.is_none() => early::agreed(self).map(|dialog| &mut dialog.leg),
            Side::Callee => self.callee.as_mut().map(|(_, leg)| leg),
        }
    }

    /// The leg that a request came in on.
    pub(crate) fn leg_of(&mut self, name: LegName, request: &Message) -> Option<&mut Leg> {
        match (name, &mut self.callee) {
            (LegName::Caller, _) => Some(&mut self.caller),
            (LegName::Fork(place), Some((winner, leg))) if place == *winner && leg.owns(request) => Some(leg),
            (LegName::Fork(place), _) => self.setup.forks[place].early_dialog_of_mut(request),
        }
    }

    /// Which side of an answered call a leg is; `None` for a fork that did not win.
    pub(crate) fn side_of(&self, leg: LegName) -> Option<Side> {
        match leg {
            LegName::Caller => Some(Side::Caller),
            LegName::Fork(fork) => {
                self.callee.as_ref().is_some_and(|(winner, _)| *winner == fork).then_some(Side::Callee)
            }
        }
    }

    /// Tells the relay what a side announced.
    pub(crate) fn announce(&mut self, ctx: &mut Context, side: Side, session: &Session) {
        if let Some(flow) = self.leg_mut(side).map(|leg| leg.flow) {
            self.announce_on(ctx, side, &flow, session);
        }
    }

    /// As [`Self::announce`], on the flow of a callee that has not answered yet.
    pub(crate) fn announce_on(&mut self, ctx: &mut Context, side: Side, flow: &Flow, session: &Session) {
        match side {
            Side::Caller => self.media.caller_session = Some(session.clone()),
            Side::Callee => self.media.callee_session = Some(session.clone()),
        }
        if self.media.ports.is_some() {
            let (media, signalling) = (self.media.id, flow.remote.ip());
            let (streams, keys) = self.media.security.streams(side, session, self.media.offerer == side);
            let digits_by_info = dtmf::go_by_info(self, ctx, side, session);
            ctx.media(MediaCommand::Announce { media, side, signalling, streams, keys, digits_by_info });
        }
    }

    /// What a side announced last.
    pub(crate) fn session_of(&self, side: Side) -> Option<&Session> {
        match side {
            Side::Caller => self.media.caller_session.as_ref(),
            Side::Callee => self.media.callee_session.as_ref(),
        }
    }

    /// Whether a side takes INFO.
    pub(crate) fn takes_info(&self, side: Side) -> bool {
        match side {
            Side::Caller => self.media.caller_takes_info,
            Side::Callee => self.media.callee_takes_info,
        }
    }

    /// The session that `side` was shown last, as an offer.
    pub(crate) fn session_offered_to(&mut self, ctx: &Context, side: Side) -> Option<bytes::Bytes> {
        let session = self.session_of(opposite(side)).cloned()?;
        self.media.offerer = opposite(side);
        self.rewritten_for(ctx, side, &session)
    }

    /// A session of the other side as `side` gets to see it.
    pub(crate) fn rewritten_for(&self, ctx: &Context, side: Side, session: &Session) -> Option<bytes::Bytes> {
        let changes = self.changes_for(ctx, side, session);
        let flow = self.flow_of(side)?;
        self.rewritten_as(ctx, side, &flow, session, changes)
    }

    /// The encryption and the telephone events that a session of the other side is shown to `side` with.
    pub(crate) fn changes_for(&self, ctx: &Context, side: Side, session: &Session) -> Changes {
        let offer = self.session_of(side).filter(|_| self.media.offerer == side);
        let encryption = self.media.security.shown_to(side, offer);
        let events = dtmf::change(self, ctx, side, session, &encryption);
        Changes { encryption, events, origin: None }
    }

    /// Where `side` is to send its media.
    pub(crate) fn place_for(&self, ctx: &Context, side: Side) -> Option<(IpAddr, [u16; STREAMS])> {
        self.place_on(ctx, side, &self.flow_of(side)?)
    }

    /// Where a peer that is `side` of the call is to send its media: our address as it reaches us, and our ports.
    fn place_on(&self, ctx: &Context, side: Side, flow: &Flow) -> Option<(IpAddr, [u16; STREAMS])> {
        let ports = self.media.ports?;
        let rtp_ports = match side {
            Side::Caller => ports.caller,
            Side::Callee => ports.callee,
        };
        Some((ctx.settings.advertised(flow), rtp_ports))
    }

    /// The flow of a side: before the answer the callee's is that of the early dialog whose session the caller has agreed to.
    fn flow_of(&self, side: Side) -> Option<Flow> {
        match (side, &self.callee) {
            (Side::Caller, _) => Some(self.caller.flow),
            (Side::Callee, Some((_, leg))) => Some(leg.flow),
            (Side::Callee, None) => {
                let coming = self.takeover.as_ref().and_then(Takeover::flow_of_callee);
                coming.or_else(|| early::agreed_flow(self))
            }
        }
    }

    /// A session of the other side as `side` gets to see it on this flow, with these changes: our address, our ports, and the codecs
    /// that a trunk on either side may have.
    pub(crate) fn rewritten_as(
        &self,
        ctx: &Context,
        side: Side,
        flow: &Flow,
        session: &Session,
        changes: Changes,
    ) -> Option<bytes::Bytes> {
        let (address, rtp_ports) = self.place_on(ctx, side, flow)?;
        let callee = self.callee.as_ref().map(|(_, leg)| leg);
        let leg = match side {
            Side::Caller => Some(&self.caller),
            Side::Callee => callee,
        };
        let origin = leg.and_then(|leg| leg.continued_origin(session));
        let body = session.rewrite_as(address, rtp_ports, &Changes { origin, ..changes });
        let callee = callee.and_then(|leg| ctx.trunks.sent.trunk_of(&leg.dialog.id.sip_call_id));
        let allowed = dial::allowed_codecs(ctx, self.facts.trunk.as_deref(), body);
        Some(dial::allowed_codecs(ctx, callee, allowed))
    }
}

/// A side as events name it.
pub(crate) fn leg_of(side: Side) -> CallLeg {
    match side {
        Side::Caller => CallLeg::Caller,
        Side::Callee => CallLeg::Callee,
    }
}

/// The other side.
pub(crate) fn opposite(side: Side) -> Side {
    match side {
        Side::Caller => Side::Callee,
        Side::Callee => Side::Caller,
    }
}
