//! `cordboard doctor`: looks for what would keep the PBX from working well here, and says what to do about it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::process::ExitCode;
use std::sync::Arc;

use crate::bind::{self, Bound, Refused};
use crate::config::Config;
use crate::decide::Decider;
use crate::driver::local_address_towards;
use crate::registrations::Registrations;
use crate::{clock, config, kernel};

/// How a check ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Grade {
    Ok,
    Warn,
    Fail,
}

impl fmt::Display for Grade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "FAIL",
        })
    }
}

/// One line of the doctor's letter.
#[derive(Debug)]
struct Finding {
    grade: Grade,
    /// What was looked at.
    subject: &'static str,
    /// What was found and, unless all is well, what to do.
    text: String,
}

/// Examines the machine. Exit status 1 when something fails.
pub(crate) fn examine(config: &Config) -> ExitCode {
    let mut findings = Vec::new();
    match bind::bind(config) {
        Ok(bound) => {
            findings.push(ok("ports", ports_found(config)));
            findings.extend(receive_buffers(config, &bound));
        }
        Err(refused) => findings.extend(refused.iter().map(taken)),
    }
    findings.push(media_ports(config));
    findings.push(descriptors(config));
    findings.extend(authorities(config));
    findings.push(address(config));
    findings.extend(plugins(config));
    findings.push(clock());
    for finding in &findings {
        crate::say(&format!("{:<5} {:<15} {}", finding.grade, finding.subject, finding.text));
    }
    let failed = findings.iter().any(|finding| finding.grade == Grade::Fail);
    if failed { ExitCode::from(crate::EXIT_FAILURE) } else { ExitCode::SUCCESS }
}

fn ok(subject: &'static str, text: String) -> Finding {
    Finding { grade: Grade::Ok, subject, text }
}

fn warn(subject: &'static str, text: String) -> Finding {
    Finding { grade: Grade::Warn, subject, text }
}

fn fail(subject: &'static str, text: String) -> Finding {
    Finding { grade: Grade::Fail, subject, text }
}

fn ports_found(config: &Config) -> String {
    let all = config.sip.udp.len() + config.sip.streams_listening().count();
    let web = [config.http, config.metrics, config.api.listen];
    let http = web.iter().flatten().count();
    format!("every port for SIP ({all}) and HTTP ({http}) is free")
}

/// A running Cordboard also holds its ports, so that this is what its operator sees.
fn taken(refused: &Refused) -> Finding {
    fail("ports", format!("{refused}. (If Cordboard itself is running, this is it.)"))
}

fn receive_buffers(config: &Config, bound: &Bound) -> Option<Finding> {
    let given = bound.udp.iter().map(bind::receive_buffer).min()?;
    let wanted = config.sip.receive_buffer;
    Some(if given >= wanted {
        ok("receive buffer", format!("{given} bytes per UDP listener"))
    } else {
        warn(
            "receive buffer",
            format!(
                "the kernel gives {given} of {wanted} bytes, so that a burst of calls may be lost; raise it with \
                 `sysctl -w net.core.rmem_max={wanted}`"
            ),
        )
    })
}

/// Tries one RTP port in each block. Others may take them later; the relay then uses the next block.
fn media_ports(config: &Config) -> Finding {
    let (first, last) = config.media.ports;
    let calls = config::calls_of((first, last));
    let tried = (first..=last).step_by(8);
    let taken = tried.filter(|port| UdpSocket::bind((Ipv4Addr::UNSPECIFIED, *port)).is_err()).count();
    if taken == 0 {
        ok("RTP ports", format!("{first}-{last} are free, enough for {calls} calls"))
    } else {
        warn(
            "RTP ports",
            format!(
                "{taken} of {calls} blocks in {first}-{last} are in use; choose a range in media.ports that is free"
            ),
        )
    }
}

fn descriptors(config: &Config) -> Finding {
    let calls = crate::config::calls_of(config.media.ports);
    let needed = kernel::descriptors_needed(calls, config.sip.streams.max_connections);
    let limit = kernel::raise_descriptor_limit();
    if limit >= needed {
        return ok("descriptors", format!("{limit} may be open, {needed} are needed at the most"));
    }
    let text = format!(
        "{limit} may be open, {needed} are needed for every port and connection; raise `ulimit -n` or LimitNOFILE, or lower \
         media.ports and sip.streams.max_connections"
    );
    warn("descriptors", text)
}

/// Whom we believe when we connect over TLS. The certificate itself was read with the configuration.
fn authorities(config: &Config) -> Option<Finding> {
    if config.sip.tls.is_empty() {
        return None;
    }
    Some(match config.tls.roots() {
        0 => warn(
            "TLS",
            "this system has no certificates of authorities, so that no TLS trunk can be believed; install ca-certificates, or \
             name a file in tls.ca"
                .to_owned(),
        ),
        roots => ok("TLS", format!("{roots} authorities are believed when a trunk is called over TLS")),
    })
}

/// What phones will find in SDP and Contact.
fn address(config: &Config) -> Finding {
    if let Some(external) = config.sip.external_address {
        return ok("address", told_outside(external, config.sip.local_networks.len()));
    }
    // Of the documentation range (RFC 5737): takes the default route, and nothing is sent.
    let somewhere = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
    let streams = config.sip.streams_listening().map(|(_, address)| address);
    let only_loopback =
        config.sip.udp.iter().copied().chain(streams).all(|address| address.ip().is_loopback());
    match local_address_towards(somewhere) {
        _ if only_loopback => warn(
            "address",
            "only phones on this machine can reach us; listen on 0.0.0.0 for others".to_owned(),
        ),
        None => warn(
            "address",
            "this machine has no default route; only phones on its own networks can reach us".to_owned(),
        ),
        Some(ip) if is_private(ip) => {
            let text = format!(
                "phones of this network are told {ip}. For phones on the other side of a NAT, set sip.external_address to the \
                 public address and forward the SIP and RTP ports"
            );
            ok("address", text)
        }
        Some(ip) => ok("address", format!("phones are told {ip}; each peer the address that faces it")),
    }
}

fn told_outside(external: IpAddr, local_networks: usize) -> String {
    match local_networks {
        0 => format!(
            "every peer is told {external} (sip.external_address). Phones on this side of the NAT reach that only through a router \
             that sends it back inside; otherwise name their networks in sip.local_networks"
        ),
        some => format!(
            "peers are told {external} (sip.external_address); those in {some} networks of sip.local_networks are told the address \
             that faces them"
        ),
    }
}

fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_private() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

/// Loads every plugin as `run` would.
fn plugins(config: &Config) -> Vec<Finding> {
    let mut findings = match loaded(config) {
        Ok(findings) => findings,
        Err(error) => vec![fail("plugins", format!("{error:#}"))],
    };
    if config.chains.authorization.is_empty() {
        let text = "authorization.chain is empty: every registration and every call is denied";
        findings.push(warn("plugins", text.to_owned()));
    }
    if config.chains.routing.is_empty() && config.chains.static_routes.is_empty() {
        let text = "routing.chain and routing.static are empty: no call finds its way, each gets 503";
        findings.push(warn("plugins", text.to_owned()));
    }
    findings
}

fn loaded(config: &Config) -> anyhow::Result<Vec<Finding>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let tables = Arc::new(Registrations::default());
    let (decider, problems) = runtime.block_on(Decider::load(config, tables))?;
    let mut findings: Vec<Finding> =
        problems.iter().map(|problem| fail("plugin", problem.to_string())).collect();
    let broken = |name: &str| problems.iter().any(|problem| problem.plugin == name);
    for plugin in config.plugins.iter().filter(|plugin| !broken(&plugin.name)) {
        findings.push(ok("plugin", format!("{} loads and accepts its configuration", plugin.name)));
    }
    if problems.is_empty() {
        findings.extend(decider.degraded().into_iter().map(|(_, reason)| fail("plugins", reason)));
    }
    Ok(findings)
}

/// Records, tokens and nonces carry the time; calls themselves do not depend on it.
fn clock() -> Finding {
    /// 2025-01-01. A machine that thinks it is earlier has lost its clock.
    const PLAUSIBLE_MS: u64 = 1_735_689_600_000;
    let now = clock::unix_ms();
    if now >= PLAUSIBLE_MS {
        ok("clock", "plausible".to_owned())
    } else {
        warn("clock", "the clock stands before 2025, and so will records; set it, and run NTP".to_owned())
    }
}
