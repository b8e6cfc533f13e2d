//! The host that a URI names (RFC 3263 §4: TARGET), and what it says about transport and port.

use std::net::IpAddr;

use super::{Family, Question, Reach, RecordKind, Srv, Unreachable, absolute};
use crate::message::Uri;
use crate::transport::Transport;

/// What a URI says about the next hop.
#[derive(Clone, Debug)]
pub(super) struct Target {
    /// `maddr` if there is one, else the host; an IPv6 address without its brackets.
    host: String,
    pub(super) port: Option<u16>,
    /// What `transport=` says; with `sips` the transport that secures it.
    pub(super) transport: Option<Transport>,
    /// `sips`: every transport is TLS.
    pub(super) secure: bool,
}

impl Target {
    pub(super) fn of(uri: &Uri<'_>, reach: &Reach) -> Result<Self, Unreachable> {
        if !uri.is_sip() {
            return Err(Unreachable::NoHost);
        }
        let named = uri.param("maddr").filter(|maddr| !maddr.is_empty()).unwrap_or(uri.host);
        let host = std::str::from_utf8(named).map_err(|_| Unreachable::NoHost)?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() {
            return Err(Unreachable::NoHost);
        }
        let secure = uri.is_secure();
        let transport = uri.param("transport").map(|token| transport_of(token, secure)).transpose()?;
        let target = Self { host: host.to_owned(), port: uri.port, transport, secure };
        let usable = match transport {
            Some(transport) => reach.sends(transport),
            None => target.transports().any(|transport| reach.sends(transport)),
        };
        if usable { Ok(target) } else { Err(Unreachable::NoTransport) }
    }

    /// The address, when it is one.
    pub(super) fn address(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }

    /// The name whose services are asked for.
    pub(super) fn domain(&self) -> String {
        absolute(&self.host)
    }

    /// The transports that a URI without `transport=` allows, best first.
    pub(super) fn transports(&self) -> impl Iterator<Item = Transport> + use<> {
        let allowed: &[Transport] =
            if self.secure { &[Transport::Tls] } else { &[Transport::Udp, Transport::Tcp] };
        allowed.iter().copied()
    }

    /// The target as a host of its own, without SRV: UDP, or TLS for `sips`, unless the URI says otherwise. A node
    /// without UDP takes TCP, which every SIP element has to understand (RFC 3261 §18).
    pub(super) fn as_host(&self, reach: &Reach) -> Host {
        let default = || self.transports().find(|transport| reach.sends(*transport));
        let transport = self.transport.or_else(default).unwrap_or(Transport::Udp);
        let port = self.port.unwrap_or(transport.default_port());
        Host { name: self.host.clone(), port, transport }
    }
}

/// The transport that a token asks for. `sips` makes TCP to TLS and cannot be had over UDP (RFC 3261 §26.2.2).
fn transport_of(token: &[u8], secure: bool) -> Result<Transport, Unreachable> {
    let is = |name: &str| token.eq_ignore_ascii_case(name.as_bytes());
    match secure {
        false if is("udp") => Ok(Transport::Udp),
        false if is("tcp") => Ok(Transport::Tcp),
        true if is("tcp") => Ok(Transport::Tls),
        // Deprecated by RFC 3261 §26.2.2, and what most configurations still say.
        _ if is("tls") => Ok(Transport::Tls),
        _ => Err(Unreachable::NoTransport),
    }
}

/// A host whose addresses are candidates.
#[derive(Clone, Debug)]
pub(super) struct Host {
    name: String,
    pub(super) port: u16,
    pub(super) transport: Transport,
}

impl Host {
    pub(super) fn of_server(server: &Srv, transport: Transport) -> Self {
        Self { name: absolute(&server.target), port: server.port, transport }
    }

    /// Asks for the addresses of every family that we have; IPv6 comes first where both are reachable (RFC 7984,
    /// RFC 6724).
    pub(super) fn questions(&self, reach: &Reach) -> Vec<Question> {
        let families = [(Family::V6, RecordKind::Aaaa), (Family::V4, RecordKind::A)];
        let ours = families.into_iter().filter(|(family, _)| reach.has(self.transport, *family));
        ours.map(|(_, kind)| Question { name: self.name.clone(), kind }).collect()
    }
}
