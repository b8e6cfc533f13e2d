//! The registrar (RFC 3261 §10): who can be reached where, and until when.
//!
//! [`Registrar::handle_register`] takes a REGISTER that has been authorized and says what to answer. It reads no clock and
//! answers nothing itself. Every REGISTER is atomic: either all of its contacts are taken over, or nothing changes and the
//! answer says why. A binding ends by its time ([`Registrar::expire`]), by its phone, or with the only connection that
//! could reach it ([`Registrar::forget_connection`]).
//!
//! Memory is bounded by [`RegistrarSettings::max_bindings`] times about 3 KiB; the usual binding takes 0.7 KiB.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use cordboard_model::Aor;
use cordboard_sip::transport::{ConnectionId, Flow};
use cordboard_sip::{Message, StatusCode};

use crate::RegistrarSettings;
use outcome::Refusal;
use wish::{Wish, WishedContact};

mod binding;
mod outcome;
#[cfg(test)]
mod tests;
mod wish;

pub use binding::Binding;
pub use outcome::RegisterOutcome;

/// What one binding may hold of text, so that 100,000 bindings have a known cost. URIs of phones have about 60 bytes, instance
/// and push parameters about 400; the longest Path seen in the field has four elements.
const MAX_BINDING_BYTES: usize = 2_048;

/// Bindings of an address changed without a REGISTER.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Whose.
    pub aor: Aor,
    /// How many it still has.
    pub left: usize,
}

/// The location service.
#[derive(Debug)]
pub struct Registrar {
    settings: RegistrarSettings,
    /// Best first; an address without bindings has no entry. Ordered, so that a seed gives the same trace.
    locations: BTreeMap<Aor, Vec<Binding>>,
    /// The next binding to end of each address in `locations`.
    expiry: BTreeSet<(Instant, Aor)>,
    /// Addresses with bindings over a stream connection.
    connections: BTreeMap<ConnectionId, BTreeSet<Aor>>,
    bindings: usize,
}

impl Registrar {
    /// A registrar without bindings.
    pub fn new(settings: RegistrarSettings) -> Self {
        Self {
            settings,
            locations: BTreeMap::new(),
            expiry: BTreeSet::new(),
            connections: BTreeMap::new(),
            bindings: 0,
        }
    }

    /// New bounds, for the registrations from now on.
    pub fn configure(&mut self, settings: RegistrarSettings) {
        self.settings = settings;
    }

    /// Takes a REGISTER for `aor` that came over `flow` and was authorized. The answer is made by
    /// [`RegisterOutcome::answer`].
    pub fn handle_register(
        &mut self,
        now: Instant,
        aor: &Aor,
        request: &Message,
        flow: Flow,
    ) -> RegisterOutcome {
        let before = self.lookup(now, aor);
        let after = match self.updated(now, aor, &before, request, flow) {
            Ok(after) => after,
            Err(refusal) => return RegisterOutcome::refused(refusal, before.len()),
        };
        let outcome = RegisterOutcome {
            status: StatusCode::new(200).expect("200 is a status"),
            reason: None,
            contacts: after.iter().map(|binding| binding.contact_value(now)).collect(),
            path: if wish::supports_path(request) {
                wish::path(request).unwrap_or_default()
            } else {
                Vec::new()
            },
            min_expires: None,
            retry_after: None,
            // Against what is stored, so that a binding whose time has just come is told as ended here when it is dropped here.
            changed: moved(self.stored(aor), &after),
            left: after.len(),
        };
        self.commit(aor, after);
        outcome
    }

    /// The bindings of an address, best `q` first, then the most recent.
    pub fn lookup(&self, now: Instant, aor: &Aor) -> Vec<Binding> {
        self.stored(aor).iter().filter(|binding| binding.expires_at > now).cloned().collect()
    }

    /// Removes what has ended by `now`.
    pub fn expire(&mut self, now: Instant) -> Vec<Change> {
        let mut changes = Vec::new();
        while let Some((_, aor)) = self.expiry.first().filter(|(at, _)| *at <= now).cloned() {
            let left = self.lookup(now, &aor);
            changes.push(Change { aor: aor.clone(), left: left.len() });
            self.commit(&aor, left);
        }
        changes
    }

    /// When [`Self::expire`] has something to remove.
    pub fn next_expiry(&self) -> Option<Instant> {
        self.expiry.first().map(|(at, _)| *at)
    }

    /// A stream connection closed. Bindings that only it could reach end; a phone that listens where its Contact says is
    /// connected to when it is next called.
    pub fn forget_connection(&mut self, connection: ConnectionId) -> Vec<Change> {
        let concerned = self.connections.remove(&connection).unwrap_or_default();
        let mut changes = Vec::new();
        for aor in concerned {
            let before = self.locations.get(&aor).cloned().unwrap_or_default();
            let keep = |binding: Binding| {
                if binding.flow.connection == connection { binding.reopened() } else { Some(binding) }
            };
            let after: Vec<Binding> = before.into_iter().filter_map(keep).collect();
            changes.push(Change { aor: aor.clone(), left: after.len() });
            self.commit(&aor, after);
        }
        changes
    }

    /// How many bindings there are, over all addresses.
    pub fn bindings(&self) -> usize {
        self.bindings
    }

    /// Every address that has bindings, in order, with their number.
    pub fn registered(&self) -> impl Iterator<Item = (&Aor, usize)> {
        self.locations.iter().map(|(aor, bindings)| (aor, bindings.len()))
    }

    /// The bindings of an address after `request`.
    fn updated(
        &self,
        now: Instant,
        aor: &Aor,
        before: &[Binding],
        request: &Message,
        flow: Flow,
    ) -> Result<Vec<Binding>, Refusal> {
        match Wish::read(request, &self.settings)? {
            Wish::Fetch => Ok(before.to_vec()),
            Wish::RemoveAll => {
                let order = Order::of(request)?;
                before.iter().try_for_each(|binding| order.check(binding))?;
                Ok(Vec::new())
            }
            Wish::Update(contacts) => {
                let mut after = before.to_vec();
                Update { now, aor, request, flow, order: Order::of(request)?, path: wish::path(request)? }
                    .apply(before, &mut after, contacts)?;
                self.check_room(before, &after)?;
                Ok(after)
            }
        }
    }

    fn check_room(&self, before: &[Binding], after: &[Binding]) -> Result<(), Refusal> {
        // A phone that refreshes what it has is never turned away, also when the bounds were lowered meanwhile.
        if after.len() <= before.len() {
            return Ok(());
        }
        if after.len() > self.settings.max_contacts {
            return Err(Refusal::TooManyContacts);
        }
        if self.bindings + after.len() - before.len() > self.settings.max_bindings {
            return Err(Refusal::Full);
        }
        Ok(())
    }

    /// What is kept for an address, with what ended and has not been removed yet.
    fn stored(&self, aor: &Aor) -> &[Binding] {
        self.locations.get(aor).map_or(&[], Vec::as_slice)
    }

    /// Puts `after` in place of what the address had, and keeps the indices true.
    fn commit(&mut self, aor: &Aor, mut after: Vec<Binding>) {
        let before = self.locations.remove(aor).unwrap_or_default();
        if let Some(at) = next_end(&before) {
            self.expiry.remove(&(at, aor.clone()));
        }
        for connection in connections_of(&before) {
            if let Some(aors) = self.connections.get_mut(&connection) {
                aors.remove(aor);
                if aors.is_empty() {
                    self.connections.remove(&connection);
                }
            }
        }
        self.bindings = self.bindings - before.len() + after.len();
        let Some(at) = next_end(&after) else { return };
        self.expiry.insert((at, aor.clone()));
        for connection in connections_of(&after) {
            self.connections.entry(connection).or_default().insert(aor.clone());
        }
        after.shrink_to_fit();
        self.locations.insert(aor.clone(), after);
    }
}

/// The place of a REGISTER among the others of its phone.
struct Order<'a> {
    sip_call_id: &'a str,
    cseq: u32,
}

impl<'a> Order<'a> {
    fn of(request: &'a Message) -> Result<Self, Refusal> {
        let sip_call_id = request.call_id().map_err(|_| Refusal::Malformed("Malformed Call-ID"))?;
        let cseq = request.cseq().map_err(|_| Refusal::Malformed("Malformed CSeq"))?.number;
        Ok(Self { sip_call_id, cseq })
    }

    /// A REGISTER may only change a binding of its own Call-ID when it is later; another Call-ID means that the phone
    /// started anew.
    fn check(&self, binding: &Binding) -> Result<(), Refusal> {
        let late = binding.sip_call_id == self.sip_call_id && self.cseq <= binding.cseq;
        if late { Err(Refusal::OutOfOrder) } else { Ok(()) }
    }
}

/// One REGISTER with contacts, being applied.
struct Update<'a> {
    now: Instant,
    aor: &'a Aor,
    request: &'a Message,
    flow: Flow,
    order: Order<'a>,
    path: Vec<String>,
}

impl Update<'_> {
    fn apply(
        &self,
        before: &[Binding],
        after: &mut Vec<Binding>,
        contacts: Vec<WishedContact>,
    ) -> Result<(), Refusal> {
        for contact in contacts {
            // Only what was there before this request can be newer than it: a contact named twice is not out of order.
            let named = |binding: &&Binding| binding.is_named_by(&contact.uri, &contact.params);
            before.iter().filter(named).try_for_each(|binding| self.order.check(binding))?;
            if self.held_bytes(&contact) > MAX_BINDING_BYTES {
                return Err(Refusal::Malformed("Contact, Path And Call-ID Are Too Long"));
            }
            after.retain(|binding| !binding.is_named_by(&contact.uri, &contact.params));
            if !contact.lasts.is_zero() {
                after.push(self.binding(contact));
            }
        }
        after.sort_by_key(|binding| std::cmp::Reverse((binding.q, binding.registered_at)));
        Ok(())
    }

    /// The text that a binding would keep. The address itself is kept in three places: with the bindings, in the order of
    /// their ends, and with their connection.
    fn held_bytes(&self, contact: &WishedContact) -> usize {
        let path: usize = self.path.iter().map(String::len).sum();
        let aor = 3 * self.aor.as_str().len();
        contact.uri.len() + contact.params.len() + path + self.order.sip_call_id.len() + aor
    }

    fn binding(&self, contact: WishedContact) -> Binding {
        Binding {
            flow: contact.flow(self.request, self.flow),
            contact_uri: contact.uri,
            params: contact.params,
            q: contact.q,
            path: self.path.clone(),
            sip_call_id: self.order.sip_call_id.to_owned(),
            cseq: self.order.cseq,
            registered_at: self.now,
            expires_at: self.now + contact.lasts,
            received: self.flow.remote,
        }
    }
}

fn next_end(bindings: &[Binding]) -> Option<Instant> {
    bindings.iter().map(|binding| binding.expires_at).min()
}

fn connections_of(bindings: &[Binding]) -> impl Iterator<Item = ConnectionId> {
    bindings
        .iter()
        .map(|binding| binding.flow.connection)
        .filter(|connection| *connection != ConnectionId::NONE)
}

/// Whether somebody who calls the address would now do something else.
fn moved(before: &[Binding], after: &[Binding]) -> bool {
    let route =
        |binding: &Binding| (binding.contact_uri.clone(), binding.q, binding.flow, binding.path.clone());
    before.len() != after.len() || before.iter().map(route).ne(after.iter().map(route))
}
