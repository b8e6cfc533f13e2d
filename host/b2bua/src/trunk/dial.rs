//! A call to a trunk: its healthy servers are tried in turn, without asking the routing plugin in between.
//!
//! Each server is a fork of the same trial: a server that answers after it was given up gets its ACK and BYE like any other
//! fork that lost.

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;
use cordboard_media::sdp::{Session, keep_codecs};
use cordboard_sip::endpoint::TransactionFailure;
use cordboard_sip::message::Message;

use crate::call::fork::{self, ForkState};
use crate::call::identity::escape_user;
use crate::call::{Call, Stage, failover, setup};
use crate::context::Context;
use crate::timers::Timer;
use crate::trunk::experience::{self, ServerId};

/// How often one server may ask for credentials in one call: for itself, for a proxy, and for a nonce that was too old.
const MAX_CHALLENGES: u8 = 3;

/// What a fork knows that goes to a trunk.
pub(crate) struct Outgoing {
    /// Name of the trunk.
    pub(crate) name: String,
    number: String,
    /// The server.
    server: ServerId,
    /// Servers that are tried after it.
    others: VecDeque<(ServerId, String)>,
    /// It has responded.
    pub(crate) heard: bool,
    challenges: u8,
}

impl Outgoing {
    /// For the next place of the same server; the servers after it go along.
    pub(crate) fn at_next_place(&mut self) -> Self {
        Self {
            name: self.name.clone(),
            number: self.number.clone(),
            server: self.server,
            others: std::mem::take(&mut self.others),
            heard: false,
            challenges: 0,
        }
    }

    /// Whether it may answer one more challenge.
    pub(crate) fn may_prove_itself(&mut self) -> bool {
        self.challenges += 1;
        self.challenges <= MAX_CHALLENGES
    }
}

/// Starts with the first server of a trunk.
///
/// # Errors
/// With the status of the attempt when there is no such trunk, none of its servers is up, or the caller offers none of its codecs.
pub(crate) fn begin(
    call: &mut Call,
    ctx: &mut Context,
    now: Instant,
    trial: usize,
    trunk: &str,
    number: &str,
) -> Result<(), u16> {
    const UNREACHABLE: u16 = 503;
    const NOT_ACCEPTABLE_HERE: u16 = 488;
    let codecs = ctx.settings.trunks.get(trunk).map_or(&[][..], |settings| &settings.codecs);
    let speaks = |offer: &Session| codecs.is_empty() || offer.has_any_codec_of(codecs);
    if !call.invite.offer.as_ref().is_none_or(speaks) {
        return Err(NOT_ACCEPTABLE_HERE);
    }
    let servers = ctx.trunks.servers_for_call(now, trunk, &mut ctx.rng).ok_or(UNREACHABLE)?;
    try_next(call, ctx, trial, trunk, number, servers).ok_or(UNREACHABLE)
}

/// Makes a fork of the first of these servers; `None` when there is none.
fn try_next(
    call: &mut Call,
    ctx: &mut Context,
    trial: usize,
    trunk: &str,
    number: &str,
    mut servers: VecDeque<(ServerId, String)>,
) -> Option<()> {
    let first = servers.iter().position(|(_, uri)| with_user(uri, number).is_some())?;
    servers.drain(..first);
    let (server, uri) = servers.pop_front()?;
    let uri = with_user(&uri, number)?;
    let outgoing = Outgoing {
        name: trunk.to_owned(),
        number: number.to_owned(),
        server,
        others: servers,
        heard: false,
        challenges: 0,
    };
    let place = setup::resolve(call, ctx, trial, uri);
    call.setup.forks[place].trunk = Some(outgoing);
    Some(())
}

/// A session description as a trunk may see it, or as it may be seen from one: with the codecs of its list alone. One that has none
/// of them is left as it is; its peer refuses it.
pub(crate) fn allowed_codecs(ctx: &Context, trunk: Option<&str>, body: Bytes) -> Bytes {
    let codecs = trunk.and_then(|name| ctx.settings.trunks.get(name)).map(|settings| &settings.codecs);
    match codecs.filter(|codecs| !codecs.is_empty()) {
        Some(codecs) => keep_codecs(&body, codecs).unwrap_or(body),
        None => body,
    }
}

/// `sip:peer:5060;x` with a user in front of the host.
fn with_user(peer: &str, user: &str) -> Option<String> {
    let (scheme, rest) = peer.split_once(':')?;
    Some(format!("{scheme}:{}@{rest}", escape_user(user)))
}

/// The INVITE of a fork is out: a server that says nothing is not waited for until the transaction gives up, because the
/// caller hears nothing either.
pub(crate) fn watch(call: &mut Call, ctx: &mut Context, now: Instant, place: usize, sip_call_id: &str) {
    let Some(outgoing) = &mut call.setup.forks[place].trunk else { return };
    outgoing.heard = false;
    let Some(settings) = ctx.settings.trunks.get(&outgoing.name) else { return };
    let until = now + settings.response_timeout;
    ctx.trunks.sent.note_dialog(call.key, sip_call_id, &outgoing.name);
    call.start_timer(ctx, until, Timer::FirstResponse(place));
}

/// A server has not said a word: it is given up, and the next place is tried. The last place has until its transaction ends.
pub(crate) fn silent(call: &mut Call, ctx: &mut Context, now: Instant, place: usize) {
    let fork = &call.setup.forks[place];
    let inviting = matches!(fork.state, ForkState::Inviting(_)) && call.stage == Stage::Dialing;
    let unheard = fork.trunk.as_ref().filter(|outgoing| !outgoing.heard);
    let Some(server) = unheard.filter(|_| inviting).map(|outgoing| outgoing.server) else { return };
    experience::failed(ctx, now, server, "the server does not answer INVITE");
    if !failover::silent(call, ctx, now, place) && next_server(call, ctx, place) {
        fork::cancel(call, ctx, now, place);
    }
}

/// A server has responded to the INVITE of this fork.
pub(crate) fn responded(call: &mut Call, ctx: &mut Context, now: Instant, place: usize, response: &Message) {
    let Some(outgoing) = &mut call.setup.forks[place].trunk else { return };
    let is_first = !std::mem::replace(&mut outgoing.heard, true);
    if is_first || response.status().is_some_and(|status| !status.is_provisional()) {
        experience::responded(ctx, now, outgoing.server, response);
    }
}

/// The INVITE of this fork has failed without a response. Of a server that was given up before, that is no news.
pub(crate) fn failed(
    call: &Call,
    ctx: &mut Context,
    now: Instant,
    place: usize,
    failure: TransactionFailure,
) {
    let fork = &call.setup.forks[place];
    let Some(outgoing) = fork.trunk.as_ref().filter(|_| matches!(fork.state, ForkState::Inviting(_))) else {
        return;
    };
    let problem = match failure {
        TransactionFailure::Timeout => "the server does not answer INVITE",
        TransactionFailure::Transport => "the server cannot be reached for INVITE: the transport failed",
    };
    experience::failed(ctx, now, outgoing.server, problem);
}

/// The server of this fork cannot take the call: tries the next one, if there is one.
pub(crate) fn next_server(call: &mut Call, ctx: &mut Context, place: usize) -> bool {
    let fork = &mut call.setup.forks[place];
    let trial = fork.trial;
    let wanted = call.stage == Stage::Dialing && !call.setup.trials[trial].done;
    let Some(outgoing) = fork.trunk.as_mut().filter(|_| wanted) else { return false };
    let (trunk, number) = (outgoing.name.clone(), outgoing.number.clone());
    let others = std::mem::take(&mut outgoing.others);
    try_next(call, ctx, trial, &trunk, &number, others).is_some()
}
