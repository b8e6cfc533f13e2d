//! The sections of signalling and media.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use cordboard_b2bua::trunk::Network;
use cordboard_b2bua::{AdmissionSettings, AuthenticationSettings, CallSettings, RegistrarSettings};
use cordboard_media::relay::RelaySettings;
use cordboard_model::Secret;
use cordboard_sip::auth::Algorithm;
use cordboard_sip::{EndpointSettings, Transport};

use super::section::Section;
use super::value;

/// Ports of one call (requirement B2): two legs with RTP and RTCP of two streams each.
const PORTS_PER_CALL: usize = 8;

/// SIP listeners, names and limits.
#[derive(Clone, Debug)]
pub(crate) struct SipConfig {
    /// UDP listeners.
    pub(crate) udp: Vec<SocketAddr>,
    /// TCP listeners.
    pub(crate) tcp: Vec<SocketAddr>,
    /// TLS listeners.
    pub(crate) tls: Vec<SocketAddr>,
    /// WebSocket listeners.
    pub(crate) ws: Vec<SocketAddr>,
    /// Secure WebSocket listeners.
    pub(crate) wss: Vec<SocketAddr>,
    /// Names that are this PBX; the first is the domain of its users. Empty: whatever name a phone uses.
    pub(crate) domains: Vec<String>,
    /// Public address behind a NAT.
    pub(crate) external_address: Option<IpAddr>,
    /// Networks on our side of that NAT.
    pub(crate) local_networks: Vec<Network>,
    /// Receive buffer to ask the kernel for, in bytes, per UDP listener.
    pub(crate) receive_buffer: usize,
    /// Hashes that a digest may be made with.
    pub(crate) digest: Vec<Algorithm>,
    /// Timers of RFC 3261.
    pub(crate) timers: EndpointSettings,
    /// Bounds of connections.
    pub(crate) streams: StreamLimits,
}

impl SipConfig {
    /// Every listener that takes connections.
    pub(crate) fn streams_listening(&self) -> impl Iterator<Item = (Transport, SocketAddr)> + '_ {
        let of = |transport, addresses: &'_ [SocketAddr]| {
            addresses.iter().map(move |address| (transport, *address)).collect::<Vec<_>>()
        };
        let secure = of(Transport::Tls, &self.tls).into_iter().chain(of(Transport::Wss, &self.wss));
        of(Transport::Tcp, &self.tcp).into_iter().chain(of(Transport::Ws, &self.ws)).chain(secure)
    }

    /// Whether a listener has to show a certificate.
    pub(super) fn shows_certificate(&self) -> bool {
        !self.tls.is_empty() || !self.wss.is_empty()
    }
}

/// The configuration key of the listeners of a transport.
pub(crate) const fn listener_key(transport: Transport) -> &'static str {
    match transport {
        Transport::Udp => "sip.udp",
        Transport::Tcp => "sip.tcp",
        Transport::Tls => "sip.tls",
        Transport::Ws => "sip.ws",
        Transport::Wss => "sip.wss",
    }
}

/// Bounds of connections of every kind, so that slow or silent peers cost little.
#[derive(Clone, Debug)]
pub(crate) struct StreamLimits {
    /// Connections at once.
    pub(crate) max_connections: usize,
    /// Connections of one address at once.
    pub(crate) max_per_source: usize,
    /// How long a peer may take for a whole message, from its first byte or from connecting.
    pub(crate) message_timeout: Duration,
    /// How long a peer that has said something may be silent between messages.
    pub(crate) idle_timeout: Duration,
    /// How long connecting to a peer may take, and so each handshake of TLS and WebSocket.
    pub(crate) connect_timeout: Duration,
    /// Messages that wait to be written to one peer; beyond, the peer is too slow and is cut off.
    pub(crate) write_queue: usize,
}

/// What may be written for a hash.
const DIGESTS: &[(&str, Algorithm)] =
    &[("SHA-512-256", Algorithm::Sha512_256), ("SHA-256", Algorithm::Sha256), ("MD5", Algorithm::Md5)];

/// Reads `sip`. Needs to know the relay's ports, which a UDP listener must not take.
pub(super) fn read_sip(section: Section<'_>, media: &RelaySettings) -> SipConfig {
    let any = |port| vec![SocketAddr::from(([0, 0, 0, 0], port))];
    let sip = SipConfig {
        udp: section.list("udp", any(5060), value::listen),
        tcp: section.list("tcp", any(5060), value::listen),
        tls: section.list("tls", Vec::new(), value::listen),
        ws: section.list("ws", Vec::new(), value::listen),
        wss: section.list("wss", Vec::new(), value::listen),
        domains: section.list("domains", Vec::new(), value::host),
        external_address: section.optional("external_address", value::shown_address),
        local_networks: section.list("local_networks", Vec::new(), value::network),
        receive_buffer: section.value("receive_buffer", 4 << 20, value::size(64 << 10..=256 << 20)),
        digest: section.list("digest", AuthenticationSettings::default().algorithms, value::word(DIGESTS)),
        timers: read_timers(&section),
        streams: read_streams(section.section("streams")),
    };
    if sip.udp.is_empty() && sip.streams_listening().next().is_none() {
        section.complain(
            "udp",
            "expected at least one listener in udp, tcp, tls, ws or wss; nobody could reach us",
        );
    }
    if sip.digest.is_empty() {
        section.complain(
            "digest",
            "expected at least one of SHA-512-256, SHA-256, MD5; without any nobody could prove who it is",
        );
    }
    let (first, last) = media.ports;
    for address in sip.udp.iter().filter(|address| (first..=last).contains(&address.port())) {
        let port = address.port();
        section
            .complain("udp", format!("port {port} lies in media.ports {first}-{last}; move one of the two"));
    }
    section.finish();
    sip
}

fn read_timers(sip: &Section<'_>) -> EndpointSettings {
    let section = sip.section("timers");
    let default = EndpointSettings::default();
    let (ms, s) = (Duration::from_millis, Duration::from_secs);
    let timers = EndpointSettings {
        t1: section.value("t1", default.t1, value::duration(ms(50)..=s(10))),
        t2: section.value("t2", default.t2, value::duration(ms(100)..=s(60))),
        t4: section.value("t4", default.t4, value::duration(ms(100)..=s(60))),
        max_transactions: sip.value(
            "max_transactions",
            default.max_transactions,
            value::number(100..=10_000_000),
        ),
        max_datagram: sip
            .value("max_datagram", Some(default.max_datagram), value::or_off(value::size(500..=65_535)))
            .unwrap_or(usize::MAX),
        ..default
    };
    if timers.t2 < timers.t1 {
        section.complain("t2", format!("expected at least t1 ({})", value::shown(timers.t1)));
    }
    section.finish();
    timers
}

fn read_streams(section: Section<'_>) -> StreamLimits {
    let (ms, s) = (Duration::from_millis, Duration::from_secs);
    let streams = StreamLimits {
        max_connections: section.value("max_connections", 4096, value::number(1..=1_000_000)),
        max_per_source: section.value("max_per_source", 1024, value::number(1..=1_000_000)),
        message_timeout: section.value("message_timeout", s(30), value::duration(ms(100)..=s(600))),
        // Longer than the longest registration, so that a silent registered phone stays reachable.
        idle_timeout: section.value("idle_timeout", s(4200), value::duration(ms(100)..=s(7 * 86_400))),
        connect_timeout: section.value("connect_timeout", s(5), value::duration(ms(100)..=s(60))),
        write_queue: section.value("write_queue", 256, value::number(1..=65_536)),
    };
    section.finish();
    streams
}

/// Reads `secrets`: passwords by the names that plugins know them by.
pub(super) fn read_secrets(root: &Section<'_>) -> BTreeMap<String, Secret<String>> {
    let mut secrets = BTreeMap::new();
    for section in root.sections("secrets") {
        let name = section.required("name", value::name);
        let secret = section.required("value", value::text);
        section.finish();
        let (Some(name), Some(secret)) = (name, secret) else { continue };
        if secrets.contains_key(&name) {
            section
                .complain("name", format!("two secrets are called {name:?}; each needs a name of its own"));
        }
        secrets.insert(name, Secret::new(secret));
    }
    secrets
}

/// Reads `registrar`.
pub(super) fn read_registrar(section: Section<'_>) -> RegistrarSettings {
    let default = RegistrarSettings::default();
    let bounds = || value::duration(Duration::from_secs(1)..=Duration::from_secs(30 * 86_400));
    let registrar = RegistrarSettings {
        min_expires: section.value("min_expires", default.min_expires, bounds()),
        max_expires: section.value("max_expires", default.max_expires, bounds()),
        default_expires: section.value("default_expires", default.default_expires, bounds()),
        max_contacts: section.value("max_contacts", default.max_contacts, value::number(1..=1000)),
        max_bindings: section.value("max_bindings", default.max_bindings, value::number(1..=10_000_000)),
    };
    let (min, max) = (registrar.min_expires, registrar.max_expires);
    if min > max {
        let message =
            format!("expected at least min_expires ({}), found {}", value::shown(min), value::shown(max));
        section.complain("max_expires", message);
    } else if !(min..=max).contains(&registrar.default_expires) {
        let (min, max) = (value::shown(min), value::shown(max));
        section.complain(
            "default_expires",
            format!("expected a duration from min_expires ({min}) to max_expires ({max})"),
        );
    }
    section.finish();
    registrar
}

/// Reads `admission`. By default no fewer calls are admitted than there are ports for; the pool itself refuses calls beyond.
pub(super) fn read_admission(section: Section<'_>, media: &RelaySettings) -> AdmissionSettings {
    let default = AdmissionSettings::default();
    let rate = value::or_off(value::number(1..=1_000_000));
    let admission = AdmissionSettings {
        invites_per_second: section.value("invites_per_second", default.invites_per_second, rate),
        exempt: section.list("exempt", default.exempt, value::ip),
        max_sources: section.value("max_sources", default.max_sources, value::number(16..=10_000_000)),
        max_calls: section.value(
            "max_calls",
            default.max_calls.max(calls_of(media.ports)),
            value::number(1..=1_000_000),
        ),
    };
    section.finish();
    admission
}

/// How many calls a port range carries.
pub(crate) fn calls_of((first, last): (u16, u16)) -> usize {
    (usize::from(last) - usize::from(first) + 1) / PORTS_PER_CALL
}

/// Reads `calls`.
pub(super) fn read_calls(section: Section<'_>) -> CallSettings {
    let default = CallSettings::default();
    let s = Duration::from_secs;
    let calls = CallSettings {
        ring_timeout: section.value("ring_timeout", default.ring_timeout, value::duration(s(1)..=s(3600))),
        failover_after: section.value(
            "failover_after",
            default.failover_after,
            value::duration(s(1)..=s(3600)),
        ),
        setup_timeout: section.value("setup_timeout", default.setup_timeout, value::duration(s(1)..=s(7200))),
        max_duration: section.value(
            "max_duration",
            default.max_duration,
            value::duration(s(1)..=s(30 * 86_400)),
        ),
        max_attempts: section.value("max_attempts", default.max_attempts, value::number(1..=1000)),
        max_routings: section.value("max_routings", default.max_routings, value::number(1..=1000)),
        convert_digits: section.value("convert_digits", default.convert_digits, value::word(value::SWITCH)),
        ..default
    };
    if calls.setup_timeout < calls.ring_timeout {
        let ring = value::shown(calls.ring_timeout);
        section.complain("setup_timeout", format!("expected at least ring_timeout ({ring})"));
    }
    section.finish();
    calls
}

/// Reads `media`.
pub(super) fn read_media(section: Section<'_>) -> RelaySettings {
    let s = Duration::from_secs;
    let media = RelaySettings {
        ports: section.value("ports", (10_000, 20_000), value::ports),
        quarantine: section.value("quarantine", s(2), value::duration(Duration::ZERO..=s(3600))),
        media_timeout: section.value(
            "timeout",
            Some(s(60)),
            value::or_off(value::duration(s(1)..=s(86_400))),
        ),
        one_way_timeout: section.value(
            "one_way_timeout",
            Some(s(30)),
            value::or_off(value::duration(s(1)..=s(86_400))),
        ),
        any_source: section.value("any_source", false, value::word(value::SWITCH)),
        dscp: section.value("dscp", Some(46), value::or_off(value::number(0..=63))),
        threads: section.value("threads", 1, value::number(1..=64)),
    };
    let (first, last) = media.ports;
    if first % 2 == 1 {
        let even = first.saturating_add(1);
        section.complain("ports", format!("the first port has to be even, as RTP ports are; {even}-{last}?"));
    }
    if calls_of(media.ports) == 0 {
        section.complain("ports", format!("a call needs {PORTS_PER_CALL} ports, found {first}-{last}"));
    }
    section.finish();
    media
}
