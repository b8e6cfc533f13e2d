//! The section `dns`: who is asked where names lead.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::section::{Expected, Section};
use super::value;

/// The port of DNS servers.
const DNS_PORT: u16 = 53;

/// Who is asked where names lead, and for how long.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct DnsConfig {
    /// DNS servers; empty: those of the operating system.
    pub(crate) servers: Vec<SocketAddr>,
    /// How long one question waits before it is sent again.
    pub(crate) timeout: Duration,
}

/// Reads `dns`.
pub(super) fn read_dns(section: Section<'_>) -> DnsConfig {
    let (ms, s) = (Duration::from_millis, Duration::from_secs);
    let dns = DnsConfig {
        servers: section.list("servers", Vec::new(), server),
        timeout: section.value("timeout", s(1), value::duration(ms(100)..=s(10))),
    };
    section.finish();
    dns
}

/// An address, with a port where it is not 53.
fn server(text: &str) -> Result<SocketAddr, Expected> {
    let address = text.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, DNS_PORT)).or_else(|_| text.parse());
    let usable = |address: &SocketAddr| !address.ip().is_unspecified() && address.port() != 0;
    address.ok().filter(usable).ok_or_else(|| {
        "the IP address of a DNS server, such as 192.0.2.53, 192.0.2.53:5353 or [2001:db8::53]:5353"
            .to_owned()
    })
}
