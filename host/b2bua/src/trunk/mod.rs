//! Trunks: registering with them, asking them how they are, choosing one of their servers for a call, proving who we are,
//! and knowing their calls again (requirement A11).
//!
//! Which file: [`registration`] and [`health`] are machines without any effect; [`errand`] carries out what they want with
//! the endpoint and the timers; [`dial`] tries the servers of a trunk for one call; [`credentials`] answers challenges;
//! [`crate::call::identity`]
//! says who calls; [`experience`] is what calls find out about servers, and [`report`] what is shown of it all. Settings are in
//! [`settings`]. A trunk without registration and health costs nothing but its
//! settings; each other one has a REGISTER and one OPTIONS for each server under way at most.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::time::Instant;

use cordboard_model::{EventKind, TrunkState, TrunkStatus};
use cordboard_sip::locate::in_order;
use cordboard_sip::message::{Message, Uri};
use cordboard_sip::transaction::ClientTransactionId;
use cordboard_sip::transport::Flow;

use crate::context::Context;
use crate::interface::QueryId;
use crate::timers::TimerId;

pub(crate) mod credentials;
pub(crate) mod dial;
pub(crate) mod errand;
pub(crate) mod experience;
mod health;
mod network;
mod registration;
mod report;
mod settings;

pub use network::{InvalidNetwork, Network};
pub use report::{
    TrunkRegistrationReport, TrunkRegistrationState, TrunkReport, TrunkServerReport, TrunkServerState,
};
pub use settings::{
    TrunkAccount, TrunkHeaders, TrunkHealth, TrunkIdentity, TrunkPrivacy, TrunkRegistration, TrunkServer,
    TrunkSettings,
};

use errand::Errand;
use experience::ServerId;
use health::Health;
use registration::Registration;

/// Whether a trunk may add this header to its INVITEs: none that the host writes itself.
pub fn may_add_header(name: &str) -> bool {
    crate::call::headers::plugin_may_set(name)
}

/// Names one trunk inside the core. A trunk that is configured anew gets another key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct TrunkKey(u64);

/// Addresses of one server that are remembered.
const MAX_ADDRESSES: usize = 16;

/// How far asking one server how it is has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Probe {
    /// The next time is waited for.
    Idle,
    /// Its name is being resolved.
    Resolving(QueryId),
    /// OPTIONS is out.
    Asking(ClientTransactionId),
}

struct Server {
    health: Health,
    probe: Probe,
    /// Why it did not do well the last time.
    problem: String,
    /// Where its name led last.
    addresses: Vec<IpAddr>,
    /// It wants no calls until then.
    rests_until: Option<Instant>,
    /// Its latest final response to an OPTIONS or INVITE.
    last_status: Option<u16>,
}

impl Server {
    fn rests(&self, now: Instant) -> bool {
        self.rests_until.is_some_and(|until| now < until)
    }

    /// Whether calls go to it.
    fn takes_calls(&self, now: Instant) -> bool {
        self.health.is_up() && !self.rests(now)
    }
}

/// One trunk.
pub(crate) struct Trunk {
    key: TrunkKey,
    name: String,
    settings: TrunkSettings,
    servers: Vec<Server>,
    registration: Option<Registration>,
    timers: BTreeMap<Errand, TimerId>,
    /// What was said about it last.
    told: Option<TrunkStatus>,
    /// What was shown of it last.
    shown: Option<TrunkReport>,
    removed: bool,
}

/// All of them.
#[derive(Default)]
pub(crate) struct Trunks {
    all: BTreeMap<TrunkKey, Trunk>,
    /// Those of the configuration; one that was removed lives until its registration is.
    keys: BTreeMap<String, TrunkKey>,
    transactions: BTreeMap<ClientTransactionId, (TrunkKey, Errand)>,
    queries: BTreeMap<QueryId, (TrunkKey, Errand)>,
    draining: bool,
    /// Requests within calls that a trunk may challenge.
    pub(crate) sent: credentials::SentRequests,
}

impl Trunks {
    /// How many there are, and how many of them are up.
    pub(crate) fn count(&self) -> (usize, usize) {
        let told = self.keys.values().filter_map(|key| self.all.get(key)?.told.as_ref());
        (self.keys.len(), told.filter(|status| status.state == TrunkState::Up).count())
    }

    /// Registrations that a registrar keeps, or may be about to keep.
    pub(crate) fn bindings(&self) -> usize {
        let bound = |trunk: &&Trunk| trunk.registration.as_ref().is_some_and(Registration::may_be_bound);
        self.all.values().filter(bound).count()
    }

    /// The trunk that a request comes from: by the Contact that only its registrar knows, else by its source address.
    pub(crate) fn origin(&self, request: &Message, flow: &Flow) -> Option<&str> {
        let uri = request.request_uri().and_then(Uri::parse);
        let line = uri.as_ref().and_then(|uri| uri.param(registration::LINE));
        let mut named = self.keys.iter().filter_map(|(name, key)| Some((name, self.all.get(key)?)));
        named
            .clone()
            .find(|(_, trunk)| line.is_some_and(|line| trunk.is_reached_by(line)))
            .or_else(|| named.find(|(_, trunk)| trunk.sends_from(flow.remote.ip())))
            .map(|(name, _)| name.as_str())
    }

    /// The servers of a trunk that take calls, in the order in which one tries them, with their URIs. `None`: there is no such trunk.
    fn servers_for_call(
        &self,
        now: Instant,
        name: &str,
        rng: &mut impl rand::Rng,
    ) -> Option<VecDeque<(ServerId, String)>> {
        let trunk = self.all.get(self.keys.get(name)?)?;
        let order = trunk.order(|server| server.takes_calls(now), rng);
        let named =
            |place: usize| (ServerId { trunk: trunk.key, place }, trunk.settings.servers[place].uri.clone());
        Some(order.into_iter().map(named).collect())
    }
}

impl Trunk {
    fn is_reached_by(&self, line: &[u8]) -> bool {
        self.registration.as_ref().is_some_and(|registration| registration.line().as_bytes() == line)
    }

    fn sends_from(&self, source: IpAddr) -> bool {
        let source = source.to_canonical();
        self.settings.sends_from(source)
            || self.servers.iter().any(|server| server.addresses.contains(&source))
    }

    /// Its servers of this kind, in the order in which they are to be tried.
    fn order(&self, wanted: impl Fn(&Server) -> bool, rng: &mut impl rand::Rng) -> Vec<usize> {
        let places = (0..self.servers.len()).filter(|place| wanted(&self.servers[*place])).collect();
        in_order(places, |place: &usize| self.settings.servers[*place].share, rng)
    }

    fn is_over(&self) -> bool {
        self.removed && self.registration.is_none()
    }

    fn status(&self, now: Instant) -> TrunkStatus {
        let servers_up = self.servers.iter().filter(|server| server.takes_calls(now)).count();
        let registration = self.registration.as_ref().filter(|registration| !registration.is_leaving());
        let registered = self.settings.registration.is_none()
            || registration.is_some_and(|registration| registration.is_registered(now));
        let failed = registration.is_none_or(Registration::has_failed);
        let state = match (servers_up, registered) {
            _ if self.removed => TrunkState::Removed,
            (0, _) => TrunkState::Down,
            (_, true) => TrunkState::Up,
            (_, false) if failed => TrunkState::Unregistered,
            (_, false) => TrunkState::Registering,
        };
        let problem = match state {
            TrunkState::Down => self.servers.iter().map(|server| &server.problem).find(|why| !why.is_empty()),
            TrunkState::Unregistered => registration.map(|registration| &registration.problem),
            TrunkState::Registering | TrunkState::Up | TrunkState::Removed => None,
        };
        let reason = problem.cloned().unwrap_or_default();
        TrunkStatus { trunk: self.name.clone(), state, servers_up, servers: self.servers.len(), reason }
    }

    /// Says how it is, if that is news.
    fn tell(&mut self, ctx: &mut Context, now: Instant) {
        let status = self.status(now);
        let same = self
            .told
            .as_ref()
            .is_some_and(|told| (told.state, told.servers_up) == (status.state, status.servers_up));
        if !report::is_gone(&status) || !same {
            self.show(ctx, now, status.clone());
        }
        if !same {
            self.told = Some(status.clone());
            ctx.event(None, EventKind::TrunkStateChanged(status));
        }
    }
}

/// Lets a trunk act, tells how it is then, and forgets one that has nothing left to do.
fn with(ctx: &mut Context, now: Instant, key: TrunkKey, act: impl FnOnce(&mut Trunk, &mut Context)) {
    let Some(mut trunk) = ctx.trunks.all.remove(&key) else { return };
    act(&mut trunk, ctx);
    trunk.tell(ctx, now);
    if trunk.is_over() {
        errand::stop_all(&mut trunk, ctx);
    } else {
        ctx.trunks.all.insert(key, trunk);
    }
}

/// Takes the trunks of the settings: what is new or has changed begins, what is gone takes its registration back.
pub(crate) fn configure(ctx: &mut Context, now: Instant) {
    let settings = ctx.settings.clone();
    for (name, key) in ctx.trunks.keys.clone() {
        let unchanged =
            ctx.trunks.all.get(&key).is_some_and(|trunk| settings.trunks.get(&name) == Some(&trunk.settings));
        if unchanged {
            with(ctx, now, key, |trunk, _| {
                if let Some(registration) = &mut trunk.registration {
                    registration.forget_credentials();
                }
            });
        } else {
            replace(ctx, now, &name, key);
        }
    }
    for name in settings.trunks.keys() {
        if !ctx.trunks.keys.contains_key(name) {
            begin(ctx, now, name, None);
        }
    }
}

/// A trunk has other settings now, or none.
fn replace(ctx: &mut Context, now: Instant, name: &str, key: TrunkKey) {
    let registers_again =
        ctx.settings.trunks.get(name).is_some_and(|settings| settings.registration.is_some());
    ctx.trunks.keys.remove(name);
    if ctx.settings.trunks.contains_key(name) {
        // The successor tells how the trunk is; the registration of the former one is replaced by its own, or taken back.
        let former = ctx.trunks.all.get_mut(&key).filter(|_| registers_again);
        let former = former.and_then(|trunk| trunk.registration.take());
        begin(ctx, now, name, former.as_ref());
        if let Some(mut trunk) = ctx.trunks.all.remove(&key) {
            trunk.removed = true;
            errand::leave(&mut trunk, ctx, now);
            if trunk.is_over() {
                errand::stop_all(&mut trunk, ctx);
            } else {
                trunk.told = Some(trunk.status(now));
                ctx.trunks.all.insert(key, trunk);
            }
        }
        return;
    }
    with(ctx, now, key, |trunk, ctx| {
        trunk.removed = true;
        errand::leave(trunk, ctx, now);
    });
}

fn begin(ctx: &mut Context, now: Instant, name: &str, former: Option<&Registration>) {
    let Some(settings) = ctx.settings.trunks.get(name).cloned() else { return };
    let key = TrunkKey(ctx.number());
    let server = || Server {
        health: Health::new(),
        probe: Probe::Idle,
        problem: String::new(),
        addresses: Vec::new(),
        rests_until: None,
        last_status: None,
    };
    let registration = settings.registration.as_ref().filter(|_| !ctx.trunks.draining).map(|wanted| {
        let endpoint = &mut ctx.endpoint;
        let (call_id, tag, line) = (endpoint.new_call_id(), endpoint.new_tag(), endpoint.new_tag());
        let mut registration = Registration::new(wanted.expires, call_id, tag, line);
        if let Some(former) = former {
            registration.succeed(former);
        }
        registration
    });
    let trunk = Trunk {
        key,
        name: name.to_owned(),
        servers: settings.servers.iter().map(|_| server()).collect(),
        settings,
        registration,
        timers: BTreeMap::new(),
        told: None,
        shown: None,
        removed: false,
    };
    ctx.trunks.keys.insert(name.to_owned(), key);
    ctx.trunks.all.insert(key, trunk);
    with(ctx, now, key, |trunk, ctx| errand::begin(trunk, ctx, now));
}

/// The node takes no new calls: its registrations are taken back, so that none are sent here.
pub(crate) fn drain(ctx: &mut Context, now: Instant) {
    ctx.trunks.draining = true;
    let keys: Vec<TrunkKey> = ctx.trunks.all.keys().copied().collect();
    for key in keys {
        with(ctx, now, key, |trunk, ctx| errand::leave(trunk, ctx, now));
    }
}
