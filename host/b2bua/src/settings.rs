//! What the core is configured with: an immutable, validated snapshot.
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use cordboard_model::Secret;
use cordboard_sip::EndpointSettings;
use cordboard_sip::auth::Algorithm;
use cordboard_sip::transport::Flow;

use crate::trunk::{Network, TrunkSettings};

/// All settings of the core.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Host names that are this PBX, besides the addresses it is reached at: `user@any of these` is one AOR, kept under
    /// the first. Empty: whatever host a phone names is this PBX, which is what a first start on one machine needs.
    pub domains: Vec<String>,
    /// Trunks by name.
    pub trunks: BTreeMap<String, TrunkSettings>,
    /// Secrets by name, which an authorization plugin may name in a challenge without seeing them, and trunks in their account.
    pub secrets: BTreeMap<String, Secret<String>>,
    /// Address to show in SDP and Contact instead of our own, behind a NAT.
    pub external_address: Option<IpAddr>,
    /// Networks on our side of that NAT: their peers are shown our own address.
    pub local_networks: Vec<Network>,
    /// Timers of RFC 3261.
    pub sip: EndpointSettings,
    /// The registrar's.
    pub registrar: RegistrarSettings,
    /// The admission's.
    pub admission: AdmissionSettings,
    /// Calls'.
    pub call: CallSettings,
    /// What users prove themselves with.
    pub authentication: AuthenticationSettings,
}

/// What a challenge of ours asks for.
#[derive(Clone, Debug)]
pub struct AuthenticationSettings {
    /// Hashes that are offered, strongest first whatever their order here (RFC 8760 §2.3), and taken. SHA-256 and MD5. Some phones
    /// give up at a challenge for a hash that they do not know, although the next one is for MD5.
    pub algorithms: Vec<Algorithm>,
}

impl Default for AuthenticationSettings {
    fn default() -> Self {
        Self { algorithms: vec![Algorithm::Sha256, Algorithm::Md5] }
    }
}

/// Bounds of RFC 3261 §10.3 and of memory.
#[derive(Clone, Debug)]
pub struct RegistrarSettings {
    /// Shorter wishes get 423 with this as Min-Expires; 60 s.
    pub min_expires: Duration,
    /// Longer wishes are cut to this; 3600 s.
    pub max_expires: Duration,
    /// Given when nothing was wished; 3600 s.
    pub default_expires: Duration,
    /// Bindings of one AOR; 10. Beyond: 403.
    pub max_contacts: usize,
    /// Bindings in all; 100,000. Beyond: 503.
    pub max_bindings: usize,
}

/// What is refused before any work is done.
#[derive(Clone, Debug)]
pub struct AdmissionSettings {
    /// New INVITEs per second of one source address; `None`: unlimited. 10.
    pub invites_per_second: Option<u32>,
    /// Sources that are exempt (trunks, load generators).
    pub exempt: Vec<IpAddr>,
    /// Source addresses remembered at once; bounded memory under spoofing. 65,536.
    pub max_sources: usize,
    /// Calls at once; beyond: 503 with Retry-After.
    pub max_calls: usize,
}

/// How calls behave.
#[derive(Clone, Debug)]
pub struct CallSettings {
    /// How long a target rings when the decision does not say; 30 s.
    pub ring_timeout: Duration,
    /// How long a server of a target may say nothing at all before the next one is tried, where the target has several
    /// (RFC 3263 §4.3); 4 s. Any response, 100 Trying too, ends the wait.
    pub failover_after: Duration,
    /// How long a whole set-up may take, over all targets; 180 s (timer C).
    pub setup_timeout: Duration,
    /// Longest call; 4 h.
    pub max_duration: Duration,
    /// Targets tried in all before the call fails, so that no plugin can dial for ever; 32.
    pub max_attempts: usize,
    /// How often routing is asked for one call; 8.
    pub max_routings: usize,
    /// How long a session lasts without a refresh, where the peer knows session timers (RFC 4028); 1800 s.
    pub session_expires: Duration,
    /// Shorter wishes get 422 with this as Min-SE; 90 s, which is the least that the RFC allows.
    pub min_se: Duration,
    /// Whether digits are converted between a leg that takes telephone events (RFC 4733) and one that takes INFO.
    pub convert_digits: bool,
    /// How long the core waits for an answer of the driver before it takes the fallback; 2 s. Plugins have shorter deadlines of
    /// their own.
    pub answer_timeout: Duration,
}

impl Settings {
    /// Whether a host in a URI means this PBX when the request came in over `local`.
    pub fn is_ours(&self, host: &str, local: IpAddr) -> bool {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        self.domains.is_empty()
            || self.domains.iter().any(|domain| domain.eq_ignore_ascii_case(bare))
            || bare.parse::<IpAddr>().is_ok_and(|ip| ip == local || Some(ip) == self.external_address)
    }

    /// The domain that AORs are kept under, whichever of our names a phone used.
    pub fn domain(&self) -> &str {
        self.domains.first().map_or("cordboard", String::as_str)
    }

    /// The address that a peer on this flow reaches us at: the external one, where there is one of its family and the peer is not
    /// on our side of the NAT.
    pub fn advertised(&self, flow: &Flow) -> IpAddr {
        let (local, remote) = (flow.local.ip(), flow.remote.ip());
        let is_near = self.local_networks.iter().any(|network| network.contains(remote));
        let external = self.external_address.filter(|external| external.is_ipv4() == local.is_ipv4());
        external.filter(|_| !is_near).unwrap_or(local)
    }
}

impl Default for RegistrarSettings {
    fn default() -> Self {
        Self {
            min_expires: Duration::from_secs(60),
            max_expires: Duration::from_secs(3600),
            default_expires: Duration::from_secs(3600),
            max_contacts: 10,
            max_bindings: 100_000,
        }
    }
}

impl Default for AdmissionSettings {
    fn default() -> Self {
        Self { invites_per_second: Some(10), exempt: Vec::new(), max_sources: 65_536, max_calls: 1_250 }
    }
}

impl Default for CallSettings {
    fn default() -> Self {
        Self {
            ring_timeout: Duration::from_secs(30),
            failover_after: Duration::from_secs(4),
            setup_timeout: Duration::from_secs(180),
            max_duration: Duration::from_secs(4 * 3600),
            max_attempts: 32,
            max_routings: 8,
            session_expires: Duration::from_secs(1800),
            min_se: Duration::from_secs(90),
            convert_digits: true,
            answer_timeout: Duration::from_secs(2),
        }
    }
}
