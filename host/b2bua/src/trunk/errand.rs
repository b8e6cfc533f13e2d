//! Carries out what registrations and health want: resolves, sends, waits, and brings back what came of it.

use std::time::{Duration, Instant};

use cordboard_sip::endpoint::TransactionFailure;
use cordboard_sip::message::{Message, Request};
use cordboard_sip::transaction::ClientTransactionId;
use cordboard_sip::transport::Flow;
use cordboard_sip::{HeaderName, Method, StatusCode};
use rand::RngExt;

use super::registration::{Account, Names, Step};
use super::{MAX_ADDRESSES, Probe, Trunk, TrunkKey, experience, with};
use crate::Settings;
use crate::call::identity::escape_user;
use crate::context::Context;
use crate::interface::QueryId;
use crate::timers::Alarm;

/// How long a server may take to answer OPTIONS, where they are not asked more often anyway. A transaction would go on for
/// 64*T1; whoever answers only then is of no use to a caller.
const PATIENCE: Duration = Duration::from_secs(10);

/// How soon we register again when the connection to a registrar closed.
const RECONNECT: Duration = Duration::from_secs(5);

/// A server in doubt is asked so much more often.
const DOUBT: u32 = 5;

/// What a trunk does beside calls.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Errand {
    /// Registering.
    Register,
    /// Asking the server at this place how it is.
    Probe(usize),
    /// Leaving the server at this place alone.
    Rest(usize),
}

/// A trunk begins.
pub(super) fn begin(trunk: &mut Trunk, ctx: &mut Context, now: Instant) {
    register(trunk, ctx, now);
    if trunk.settings.health.is_some() {
        (0..trunk.servers.len()).for_each(|server| ask_how_it_is(trunk, ctx, now, server));
    }
}

/// Takes the registration back, if there is one.
pub(super) fn leave(trunk: &mut Trunk, ctx: &mut Context, now: Instant) {
    let Some(registration) = trunk.registration.as_mut().filter(|registration| !registration.is_leaving())
    else {
        return;
    };
    // A REGISTER that is under way may still be accepted.
    if !registration.busy && !registration.is_registered(now) {
        return step(trunk, ctx, now, Step::Over);
    }
    registration.leave();
    if !registration.busy {
        send_register(trunk, ctx, now);
    }
}

/// Nothing of a trunk goes on.
pub(super) fn stop_all(trunk: &mut Trunk, ctx: &mut Context) {
    for id in std::mem::take(&mut trunk.timers).into_values() {
        ctx.timers.stop(id);
    }
    ctx.trunks.transactions.retain(|_, (key, _)| *key != trunk.key);
    ctx.trunks.queries.retain(|_, (key, _)| *key != trunk.key);
}

/// A connection closed. A trunk that we registered with over it reaches us no more: we register again over a new one, after a
/// moment, so that a carrier which restarts is not met by everybody at once.
pub(crate) fn flow_failed(ctx: &mut Context, now: Instant, flow: &Flow) {
    let keys: Vec<TrunkKey> = ctx.trunks.all.keys().copied().collect();
    for key in keys {
        with(ctx, now, key, |trunk, ctx| {
            let registered = trunk.registration.as_ref().is_some_and(|registration| {
                let carried = registration.flow.is_some_and(|ours| ours.remote == flow.remote);
                carried && !registration.busy && !registration.is_leaving() && registration.is_registered(now)
            });
            if registered {
                let moment = RECONNECT.mul_f64(ctx.rng.random_range(0.2..1.0));
                wait(trunk, ctx, now + moment, Errand::Register);
            }
        });
    }
}

/// A timer of a trunk ran out.
pub(crate) fn expired(ctx: &mut Context, now: Instant, key: TrunkKey, errand: Errand) {
    with(ctx, now, key, |trunk, ctx| {
        trunk.timers.remove(&errand);
        match errand {
            Errand::Register => register(trunk, ctx, now),
            Errand::Probe(server) => probe_expired(trunk, ctx, now, server),
            Errand::Rest(server) => experience::rested(trunk, server),
        }
    });
}

/// The driver resolved the URI of a server.
pub(crate) fn resolved(ctx: &mut Context, now: Instant, query: QueryId, flows: Vec<Flow>) {
    let Some((key, errand)) = ctx.trunks.queries.remove(&query) else { return };
    with(ctx, now, key, |trunk, ctx| match errand {
        Errand::Register => register_resolved(trunk, ctx, now, flows),
        Errand::Probe(server) => probe_resolved(trunk, ctx, now, server, flows),
        Errand::Rest(_) => {}
    });
}

/// A response to a request that belongs to no call.
pub(crate) fn response(
    ctx: &mut Context,
    now: Instant,
    transaction: ClientTransactionId,
    response: &Message,
) {
    if response.status().is_none_or(|status| status.is_provisional()) {
        return;
    }
    let Some((key, errand)) = ctx.trunks.transactions.remove(&transaction) else { return };
    with(ctx, now, key, |trunk, ctx| match errand {
        Errand::Register => register_answered(trunk, ctx, now, response),
        Errand::Probe(server) => {
            let code = response.status().map(StatusCode::code);
            trunk.servers[server].last_status = code;
            let problem = (code == Some(503)).then(|| "the server answered OPTIONS with 503".to_owned());
            found(trunk, ctx, now, server, problem);
            if code == Some(503) {
                experience::rest(trunk, ctx, now, server, response);
            }
        }
        Errand::Rest(_) => {}
    });
}

/// A request that belongs to no call got no response.
pub(crate) fn failed(
    ctx: &mut Context,
    now: Instant,
    transaction: ClientTransactionId,
    failure: TransactionFailure,
) {
    let Some((key, errand)) = ctx.trunks.transactions.remove(&transaction) else { return };
    let problem = match failure {
        TransactionFailure::Timeout => "the server does not answer",
        TransactionFailure::Transport => "the server cannot be reached: the transport failed",
    };
    with(ctx, now, key, |trunk, ctx| match errand {
        Errand::Register => register_unanswered(trunk, ctx, now, problem),
        Errand::Probe(server) => found(trunk, ctx, now, server, Some(problem.to_owned())),
        Errand::Rest(_) => {}
    });
}

pub(super) fn wait(trunk: &mut Trunk, ctx: &mut Context, at: Instant, errand: Errand) {
    let id = ctx.timers.start(at, Alarm::Trunk(trunk.key, errand));
    if let Some(former) = trunk.timers.insert(errand, id) {
        ctx.timers.stop(former);
    }
}

fn resolve(trunk: &Trunk, ctx: &mut Context, server: usize, errand: Errand) -> QueryId {
    let query = ctx.query(trunk.settings.servers[server].uri.clone());
    ctx.trunks.queries.insert(query, (trunk.key, errand));
    query
}

fn send(
    trunk: &Trunk,
    ctx: &mut Context,
    now: Instant,
    flow: Flow,
    request: &Request,
    errand: Errand,
) -> ClientTransactionId {
    let transaction = ctx.endpoint.send_request(now, flow, request);
    ctx.trunks.transactions.insert(transaction, (trunk.key, errand));
    transaction
}

fn learn(trunk: &mut Trunk, server: usize, flows: &[Flow]) {
    if !flows.is_empty() {
        let addresses = flows.iter().map(|flow| flow.remote.ip().to_canonical());
        trunk.servers[server].addresses = addresses.take(MAX_ADDRESSES).collect();
    }
}

/// Begins an attempt to register, at the healthy servers first.
fn register(trunk: &mut Trunk, ctx: &mut Context, now: Instant) {
    let mut order = trunk.order(|server| server.takes_calls(now), &mut ctx.rng);
    order.extend(trunk.order(|server| !server.takes_calls(now), &mut ctx.rng));
    let Some(registration) = trunk.registration.as_mut().filter(|registration| !registration.busy) else {
        return;
    };
    registration.begin(order.into());
    next_place(trunk, ctx, now);
}

/// Asks the next place of the server at hand, or the next server.
fn next_place(trunk: &mut Trunk, ctx: &mut Context, now: Instant) {
    let Some(registration) = &mut trunk.registration else { return };
    if let Some(flow) = registration.flows.pop_front() {
        registration.flow = Some(flow);
        registration.start_place();
        return send_register(trunk, ctx, now);
    }
    let Some(server) = registration.servers.pop_front() else {
        let next = registration.exhausted(&mut ctx.rng);
        return step(trunk, ctx, now, next);
    };
    registration.server = server;
    registration.busy = true;
    resolve(trunk, ctx, server, Errand::Register);
}

fn register_resolved(trunk: &mut Trunk, ctx: &mut Context, now: Instant, flows: Vec<Flow>) {
    let Some(registration) = &mut trunk.registration else { return };
    registration.busy = false;
    let server = registration.server;
    if flows.is_empty() {
        registration.problem = "the URI of the server leads nowhere that this node can reach".to_owned();
    }
    learn(trunk, server, &flows);
    if let Some(registration) = &mut trunk.registration {
        registration.flows = flows.into();
    }
    next_place(trunk, ctx, now);
}

fn send_register(trunk: &mut Trunk, ctx: &mut Context, now: Instant) {
    let (Some(registration), Some(wanted)) = (&mut trunk.registration, &trunk.settings.registration) else {
        return;
    };
    let Some(flow) = registration.flow else { return };
    let user = escape_user(&wanted.user);
    let host = trunk.settings.servers[registration.server].host();
    let domain = wanted.domain.as_deref().unwrap_or(&host);
    let contact = ctx.contact_place(&flow);
    let names = Names { user: &user, domain, contact: &contact };
    let request = registration.request(&names, &mut ctx.rng);
    registration.busy = true;
    send(trunk, ctx, now, flow, &request, Errand::Register);
}

fn register_answered(trunk: &mut Trunk, ctx: &mut Context, now: Instant, response: &Message) {
    let settings = ctx.settings.clone();
    let account = account(&settings, &trunk.settings.account);
    let Some(registration) = &mut trunk.registration else { return };
    registration.busy = false;
    let next = registration.answered(now, response, account.as_ref(), &mut ctx.rng);
    step(trunk, ctx, now, next);
}

/// The account of a trunk with its password; `None` when it has none, or names a secret that is not there.
fn account<'a>(settings: &'a Settings, account: &'a Option<super::TrunkAccount>) -> Option<Account<'a>> {
    let account = account.as_ref()?;
    let password = settings.secrets.get(&account.secret)?.reveal();
    Some(Account { user: &account.user, password, realm: account.realm.as_deref() })
}

fn register_unanswered(trunk: &mut Trunk, ctx: &mut Context, now: Instant, problem: &str) {
    let Some(registration) = &mut trunk.registration else { return };
    registration.busy = false;
    registration.problem = problem.to_owned();
    if registration.is_leaving() {
        return step(trunk, ctx, now, Step::Over);
    }
    next_place(trunk, ctx, now);
}

fn step(trunk: &mut Trunk, ctx: &mut Context, now: Instant, step: Step) {
    match step {
        Step::Repeat => send_register(trunk, ctx, now),
        Step::Next => next_place(trunk, ctx, now),
        Step::Wait(time) => wait(trunk, ctx, now + time, Errand::Register),
        Step::Over => {
            trunk.registration = None;
            if let Some(id) = trunk.timers.remove(&Errand::Register) {
                ctx.timers.stop(id);
            }
        }
    }
}

/// Asks a server how it is. Its name is resolved anew each time, so that what the DNS says is followed.
fn ask_how_it_is(trunk: &mut Trunk, ctx: &mut Context, now: Instant, server: usize) {
    let Some(health) = &trunk.settings.health else { return };
    let until = now + health.interval.min(PATIENCE);
    trunk.servers[server].probe = Probe::Resolving(resolve(trunk, ctx, server, Errand::Probe(server)));
    wait(trunk, ctx, until, Errand::Probe(server));
}

/// A call has brought a server in doubt: it is asked at once, unless that is under way or it wants to be left alone.
pub(super) fn ask_soon(trunk: &mut Trunk, ctx: &mut Context, now: Instant, server: usize) {
    if trunk.servers[server].probe == Probe::Idle && !trunk.servers[server].rests(now) {
        ask_how_it_is(trunk, ctx, now, server);
    }
}

fn probe_expired(trunk: &mut Trunk, ctx: &mut Context, now: Instant, server: usize) {
    let rests_until = trunk.servers[server].rests_until.filter(|until| now < *until);
    match trunk.servers[server].probe {
        // No request at all goes to a server that wants to be left alone.
        Probe::Idle => {
            return match rests_until {
                Some(until) => wait(trunk, ctx, until, Errand::Probe(server)),
                None => ask_how_it_is(trunk, ctx, now, server),
            };
        }
        Probe::Resolving(query) => {
            ctx.trunks.queries.remove(&query);
        }
        Probe::Asking(transaction) => {
            ctx.trunks.transactions.remove(&transaction);
        }
    }
    found(trunk, ctx, now, server, Some("the server does not answer OPTIONS in time".to_owned()));
}

fn probe_resolved(trunk: &mut Trunk, ctx: &mut Context, now: Instant, server: usize, flows: Vec<Flow>) {
    learn(trunk, server, &flows);
    let Some(flow) = flows.first().copied() else {
        let problem = "the URI of the server leads nowhere that this node can reach".to_owned();
        return found(trunk, ctx, now, server, Some(problem));
    };
    let request = options(ctx, &trunk.settings.servers[server].uri, &flow);
    let transaction = send(trunk, ctx, now, flow, &request, Errand::Probe(server));
    trunk.servers[server].probe = Probe::Asking(transaction);
}

fn options(ctx: &mut Context, uri: &str, flow: &Flow) -> Request {
    let (tag, sip_call_id) = (ctx.endpoint.new_tag(), ctx.endpoint.new_call_id());
    let mut request = Request::new(Method::Options, uri);
    request
        .header(HeaderName::MaxForwards, "70")
        .header_fmt(HeaderName::From, format_args!("<sip:{}>;tag={tag}", ctx.host(flow)))
        .header_fmt(HeaderName::To, format_args!("<{uri}>"))
        .header(HeaderName::CallId, sip_call_id)
        .header(HeaderName::CSeq, "1 OPTIONS")
        .header(HeaderName::Contact, ctx.contact(flow))
        .header(HeaderName::Accept, "application/sdp");
    request
}

/// Takes a finding about a server, and plans the next one. `problem`: why it did not do well.
fn found(trunk: &mut Trunk, ctx: &mut Context, now: Instant, server: usize, problem: Option<String>) {
    let Some(health) = trunk.settings.health.clone() else { return };
    let state = &mut trunk.servers[server];
    state.probe = Probe::Idle;
    state.health.note(problem.is_none(), &health);
    state.problem = problem.unwrap_or_default();
    let interval = if state.health.is_in_doubt() { health.interval / DOUBT } else { health.interval };
    // Trunks that began together do not ask together for ever.
    let next = now + interval.mul_f64(ctx.rng.random_range(0.9..1.1));
    wait(trunk, ctx, next, Errand::Probe(server));
}
