//! Where a request goes (RFC 3263 §4): from a SIP URI to transports, addresses and ports, in the order to try them.
//!
//! [`Locator`] is a state machine that asks the DNS through its caller. Make one with [`Locator::new`], then
//! call [`Locator::poll`]: it asks a round of questions or says what it found. After a round, hand the answers
//! to [`Locator::answer`] and poll again. There are three rounds at most: NAPTR, SRV, addresses. Chance (RFC 2782
//! weights) comes from the seed. Following CNAMEs, caching and time limits are the caller's.
//!
//! Only what this node can send with ([`Reach`]) is asked for and found. WebSocket is not among it: such a
//! peer is reached over the connection that it opened, never by its name.

mod reach;
mod service;
mod target;
mod weight;

#[cfg(test)]
mod tests;

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use rand::SeedableRng;
use rand_chacha::ChaCha12Rng;
use thiserror::Error;

pub use reach::{Family, Reach};
use service::Service;
use target::{Host, Target};
pub use weight::{Share, in_order};

use crate::message::Uri;
use crate::transport::Transport;

/// Records of one answer that are looked at. A zone that names a peer's servers needs a handful; an answer
/// with thousands must not cost us anything.
const MAX_RECORDS: usize = 64;

/// SRV services that are asked in one round.
const MAX_SERVICES: usize = 4;

/// Hosts whose addresses are asked: the best of all SRV records. Bounds the last round to twice as many questions.
const MAX_HOSTS: usize = 8;

/// Candidates in all. A call that has tried eight places has waited long enough.
const MAX_CANDIDATES: usize = 8;

/// A question for the DNS.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Question {
    /// The name. With a dot at its end when no search list applies.
    pub name: String,
    /// The records that are wanted.
    pub kind: RecordKind,
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.name)
    }
}

/// A type of DNS records.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RecordKind {
    /// Services of a domain (RFC 3403).
    Naptr,
    /// Servers of a service (RFC 2782).
    Srv,
    /// IPv4 addresses.
    A,
    /// IPv6 addresses.
    Aaaa,
}

impl fmt::Display for RecordKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Naptr => "NAPTR",
            Self::Srv => "SRV",
            Self::A => "A",
            Self::Aaaa => "AAAA",
        })
    }
}

/// A DNS record, as far as it matters here.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Record {
    /// A service of a domain.
    Naptr(Naptr),
    /// A server of a service.
    Srv(Srv),
    /// An address, of either family.
    Address(IpAddr),
}

/// A NAPTR record (RFC 3403 §4.1). Its regular expression is not read: RFC 3263 uses none.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Naptr {
    /// Lower ones come first; only the lowest one that we can use counts.
    pub order: u16,
    /// Lower ones come first within an order.
    pub preference: u16,
    /// `s` when the replacement names SRV records.
    pub flags: String,
    /// Protocol and resolution service, such as `SIP+D2U`.
    pub service: String,
    /// Where to go on.
    pub replacement: String,
}

/// An SRV record (RFC 2782).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Srv {
    /// Lower ones come first.
    pub priority: u16,
    /// Its share of the requests within a priority.
    pub weight: u16,
    /// Port of the server.
    pub port: u16,
    /// Host name of the server; `.` when the service is decidedly not offered.
    pub target: String,
}

/// One place to try.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Candidate {
    /// How to send.
    pub transport: Transport,
    /// Where to.
    pub address: SocketAddr,
}

/// What a [`Locator`] wants.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Step {
    /// Answers to these questions, all at once if possible.
    Ask(Vec<Question>),
    /// Nothing more. The places to try, in order; empty when the name leads nowhere.
    Found(Vec<Candidate>),
}

/// Why no question can help.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum Unreachable {
    /// It names no host.
    #[error("expected a sip: or sips: URI with a host name or an IP address")]
    NoHost,
    /// It asks for a transport that this node does not send with.
    #[error("the URI asks for a transport that this node has no listener for")]
    NoTransport,
    /// It names an address of a family that this node does not have with its transport.
    #[error("this node has no listener that reaches the address over its transport")]
    NoRoute,
}

/// Finds the places where a request for a URI may go. See the module.
#[derive(Debug)]
pub struct Locator {
    target: Target,
    reach: Reach,
    rng: ChaCha12Rng,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// The NAPTR records of the domain are asked for.
    Services,
    /// The SRV records of these services are asked for.
    Servers(Vec<Service>),
    /// The addresses of these hosts are asked for.
    Addresses(Vec<Host>),
    Done(Vec<Candidate>),
}

impl Locator {
    /// Starts with a URI. An IP address needs no questions: the first [`Locator::poll`] has found it.
    ///
    /// # Errors
    /// When nothing that the DNS could say would help.
    pub fn new(uri: &Uri<'_>, reach: Reach, seed: [u8; 32]) -> Result<Self, Unreachable> {
        let target = Target::of(uri, &reach)?;
        let stage = first_stage(&target, &reach)?;
        Ok(Self { target, reach, rng: ChaCha12Rng::from_seed(seed), stage })
    }

    /// What comes next. Asks the same until [`Locator::answer`] is called.
    pub fn poll(&self) -> Step {
        match &self.stage {
            Stage::Services => {
                Step::Ask(vec![Question { name: self.target.domain(), kind: RecordKind::Naptr }])
            }
            Stage::Servers(services) => Step::Ask(services.iter().map(Service::question).collect()),
            Stage::Addresses(hosts) => {
                let ask = |host: &Host| host.questions(&self.reach);
                Step::Ask(hosts.iter().flat_map(ask).collect())
            }
            Stage::Done(candidates) => Step::Found(candidates.clone()),
        }
    }

    /// Takes the answers to the last round of questions, in their order. No answer, a name without such records
    /// and a list that is missing are the same: nothing is known, and the next best way is tried.
    pub fn answer(&mut self, answers: &[Vec<Record>]) {
        self.stage = match std::mem::replace(&mut self.stage, Stage::Done(Vec::new())) {
            Stage::Services => self.services_answered(records(answers, 0)),
            Stage::Servers(services) => self.servers_answered(&services, answers),
            Stage::Addresses(hosts) => Stage::Done(self.addresses_answered(&hosts, answers)),
            Stage::Done(candidates) => Stage::Done(candidates),
        };
    }

    /// RFC 3263 §4.1: without a service that fits, the SRV records of every transport are tried.
    fn services_answered(&self, records: &[Record]) -> Stage {
        let named = service::choose(records, self.target.secure, &self.reach);
        if named.is_empty() {
            Stage::Servers(service::usual(&self.target, &self.reach))
        } else {
            Stage::Servers(named)
        }
    }

    /// RFC 3263 §4.2: a domain without any SRV record is itself the host. One that says `.` is not.
    fn servers_answered(&mut self, services: &[Service], answers: &[Vec<Record>]) -> Stage {
        let mut hosts = Vec::new();
        let mut any = false;
        for (place, service) in services.iter().enumerate() {
            let servers =
                records(answers, place).iter().filter_map(Record::as_srv).cloned().collect::<Vec<_>>();
            any |= !servers.is_empty();
            let servers = weight::in_order(servers, Srv::share, &mut self.rng);
            let offered = servers.into_iter().filter(|server| server.target != ".");
            hosts.extend(offered.map(|server| Host::of_server(&server, service.transport)));
        }
        if !any {
            return Stage::Addresses(vec![self.target.as_host(&self.reach)]);
        }
        hosts.truncate(MAX_HOSTS);
        if hosts.is_empty() { Stage::Done(Vec::new()) } else { Stage::Addresses(hosts) }
    }

    fn addresses_answered(&self, hosts: &[Host], answers: &[Vec<Record>]) -> Vec<Candidate> {
        let mut found = Vec::new();
        let mut place = 0;
        for host in hosts {
            for _ in host.questions(&self.reach) {
                for ip in records(answers, place).iter().filter_map(Record::as_address) {
                    let candidate =
                        Candidate { transport: host.transport, address: SocketAddr::new(ip, host.port) };
                    if self.reach.reaches(host.transport, ip) && !found.contains(&candidate) {
                        found.push(candidate);
                    }
                }
                place += 1;
            }
        }
        found.truncate(MAX_CANDIDATES);
        found
    }
}

/// RFC 3263 §4.1 and §4.2: an address is itself, a port skips SRV, a transport skips NAPTR.
fn first_stage(target: &Target, reach: &Reach) -> Result<Stage, Unreachable> {
    let host = target.as_host(reach);
    if let Some(ip) = target.address() {
        let candidate = Candidate { transport: host.transport, address: SocketAddr::new(ip, host.port) };
        let reachable = reach.reaches(host.transport, ip);
        return if reachable { Ok(Stage::Done(vec![candidate])) } else { Err(Unreachable::NoRoute) };
    }
    if target.port.is_some() {
        return if reach.sends(host.transport) {
            Ok(Stage::Addresses(vec![host]))
        } else {
            Err(Unreachable::NoTransport)
        };
    }
    Ok(match target.transport {
        Some(_) => Stage::Servers(service::usual(target, reach)),
        None => Stage::Services,
    })
}

impl Srv {
    fn share(&self) -> Share {
        Share { priority: self.priority, weight: self.weight }
    }
}

impl Record {
    fn as_naptr(&self) -> Option<&Naptr> {
        if let Self::Naptr(naptr) = self { Some(naptr) } else { None }
    }

    fn as_srv(&self) -> Option<&Srv> {
        if let Self::Srv(srv) = self { Some(srv) } else { None }
    }

    fn as_address(&self) -> Option<IpAddr> {
        if let Self::Address(ip) = self { Some(*ip) } else { None }
    }
}

/// The records of one answer, as many as we look at.
fn records(answers: &[Vec<Record>], place: usize) -> &[Record] {
    let records = answers.get(place).map(Vec::as_slice).unwrap_or_default();
    &records[..records.len().min(MAX_RECORDS)]
}

/// A name that no search list applies to.
fn absolute(name: &str) -> String {
    format!("{}.", name.trim_end_matches('.'))
}
