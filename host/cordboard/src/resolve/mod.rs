//! Where a URI leads: RFC 3263 with our listeners, the operating system's routes and the DNS.
//!
//! What is asked and what follows from the answers is decided by [`cordboard_sip::locate`]; the questions of a round are
//! asked all at once ([`dns`]). Addresses need no questions. Nothing here runs on the signalling thread but [`Resolver::begin`].

mod dns;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use cordboard_sip::Transport;
use cordboard_sip::locate::{Candidate, Locator, Reach, Step};
use cordboard_sip::message::Uri;
use cordboard_sip::transport::{ConnectionId, Flow};

use crate::config::DnsConfig;
use crate::driver::{Servers, local_address_towards};
use dns::{Answer, Dns};

/// Rounds of questions that RFC 3263 needs at most: NAPTR, SRV, addresses.
const MAX_ROUNDS: u32 = 3;

/// Finds the flows to a URI.
pub(crate) struct Resolver {
    listeners: Vec<(Transport, SocketAddr)>,
    reach: Reach,
    /// Where the names of TLS servers are kept.
    servers: Arc<Servers>,
    dns: Dns,
    /// How long one name may take in all.
    limit: Duration,
    seed: [u8; 32],
    /// Names looked up so far: each draws from a generator of its own.
    begun: AtomicU64,
}

/// How the way to a URI begins.
pub(crate) enum Beginning {
    /// It is known, or known to be none.
    Known(Vec<Flow>),
    /// The DNS has to be asked, with [`Resolver::look_up`].
    Ask(Box<Search>),
}

/// A URI on the way through the DNS.
pub(crate) struct Search {
    host: String,
    locator: Locator,
}

impl Resolver {
    /// A resolver for a process with these listeners.
    ///
    /// # Errors
    /// When the DNS client cannot be made, or the operating system gives no random bytes.
    pub(crate) fn new(
        listeners: Vec<(Transport, SocketAddr)>,
        servers: Arc<Servers>,
        config: &DnsConfig,
    ) -> anyhow::Result<Self> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).context("the operating system gives no random bytes")?;
        Ok(Self {
            reach: Reach::of_listeners(listeners.iter().copied()),
            listeners,
            servers,
            dns: Dns::new(config).context("the DNS client cannot start (section dns)")?,
            limit: dns::question_limit(config.timeout) * MAX_ROUNDS,
            seed,
            begun: AtomicU64::new(0),
        })
    }

    /// Begins with a URI; does not wait.
    pub(crate) fn begin(&self, uri: &str) -> Beginning {
        let Some(parsed) = Uri::parse(uri.as_bytes()) else {
            tracing::warn!("a target is no URI; the call goes on without it");
            return Beginning::Known(Vec::new());
        };
        let host = String::from_utf8_lossy(parsed.host).into_owned();
        let locator = match Locator::new(&parsed, self.reach.clone(), self.next_seed()) {
            Ok(locator) => locator,
            Err(reason) => {
                tracing::warn!(host, %reason, "a target cannot be reached");
                return Beginning::Known(Vec::new());
            }
        };
        match locator.poll() {
            Step::Found(candidates) => {
                let flows = self.flows(&host, &candidates);
                if flows.is_empty() {
                    tracing::warn!(host, "this machine has no route from a listener to a target");
                }
                Beginning::Known(flows)
            }
            Step::Ask(_) => Beginning::Ask(Box::new(Search { host, locator })),
        }
    }

    /// Asks the DNS. Empty when the name leads nowhere or the answers take too long; the log says what was asked.
    pub(crate) async fn look_up(&self, search: Search) -> Vec<Flow> {
        let Search { host, mut locator } = search;
        let mut trail = Vec::new();
        let asking = self.ask(&mut locator, &mut trail);
        let candidates = match tokio::time::timeout(self.limit, asking).await {
            Ok(candidates) => candidates,
            Err(_) => {
                trail.push(format!("no more after {} ms", self.limit.as_millis()));
                Vec::new()
            }
        };
        let flows = self.flows(&host, &candidates);
        if flows.is_empty() {
            let (asked, found) = (trail.join("; "), candidates.len());
            tracing::warn!(host, asked, found, "a name leads nowhere that this machine can reach");
        }
        flows
    }

    async fn ask(&self, locator: &mut Locator, trail: &mut Vec<String>) -> Vec<Candidate> {
        loop {
            match locator.poll() {
                Step::Found(candidates) => return candidates,
                Step::Ask(questions) => {
                    let answers = self.dns.ask(&questions).await;
                    trail.extend(questions.iter().zip(&answers).map(|(q, answer)| format!("{q}: {answer}")));
                    let records: Vec<_> = answers.into_iter().map(Answer::into_records).collect();
                    locator.answer(&records);
                }
            }
        }
    }

    fn flows(&self, host: &str, candidates: &[Candidate]) -> Vec<Flow> {
        candidates.iter().filter_map(|candidate| self.flow(host, *candidate)).collect()
    }

    /// From the listener that faces the peer: answers and the peer's own requests arrive there.
    fn flow(&self, host: &str, Candidate { transport, address }: Candidate) -> Option<Flow> {
        let facing = local_address_towards(address.ip())?;
        let (_, listening) = self.listeners.iter().find(|(kind, listening)| {
            let any = listening.ip().is_unspecified() && listening.is_ipv4() == facing.is_ipv4();
            *kind == transport && (listening.ip() == facing || any)
        })?;
        let local = SocketAddr::new(facing, listening.port());
        // A certificate is for the host of the URI, whatever servers the DNS named for it (RFC 5922 §4).
        let connection = match transport {
            Transport::Tls => self.servers.id(address, host),
            _ => ConnectionId::NONE,
        };
        Some(Flow { transport, local, remote: address, connection })
    }

    /// A seed that no other name gets.
    fn next_seed(&self) -> [u8; 32] {
        let mut seed = self.seed;
        let number = self.begun.fetch_add(1, Ordering::Relaxed).to_le_bytes();
        for (byte, number) in seed.iter_mut().zip(number) {
            *byte ^= number;
        }
        seed
    }
}
