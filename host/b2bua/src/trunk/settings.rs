//! What a trunk is configured with.

use std::net::IpAddr;
use std::time::Duration;

use cordboard_sip::locate::Share;
use cordboard_sip::message::Uri;

use super::network::Network;

/// A peer that calls go to and come from, such as a carrier.
#[derive(Clone, PartialEq, Debug)]
pub struct TrunkSettings {
    /// Where it is; at least one.
    pub servers: Vec<TrunkServer>,
    /// Where its requests come from, besides the addresses of its servers.
    pub sources: Vec<Network>,
    /// What its challenges are answered with; `None`: they are not answered.
    pub account: Option<TrunkAccount>,
    /// Whether we register with it.
    pub registration: Option<TrunkRegistration>,
    /// Whether its servers are asked how they are; `None`: they count as healthy.
    pub health: Option<TrunkHealth>,
    /// How long a server may take for its first response to an INVITE before the next one is tried; 6 s.
    pub response_timeout: Duration,
    /// Audio and video codecs by their names in SDP, such as `PCMA`, in any case; empty: all.
    pub codecs: Vec<String>,
    /// Who it is told that calls come from, and what it is believed about that.
    pub identity: TrunkIdentity,
    /// Headers that pass to it and from it.
    pub headers: TrunkHeaders,
}

/// One server of a trunk.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TrunkServer {
    /// SIP URI without a user.
    pub uri: String,
    /// When it is tried, as in an SRV record: lower priorities first, weights share the calls within one.
    pub share: Share,
}

/// Who we are for a trunk.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TrunkAccount {
    /// User name.
    pub user: String,
    /// Name of the secret in [`Settings::secrets`](crate::Settings) that holds the password.
    pub secret: String,
    /// The only realm that gets an answer; `None`: whichever the trunk names.
    pub realm: Option<String>,
}

/// How we register (RFC 3261 §10.2).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TrunkRegistration {
    /// User part of the address of record.
    pub user: String,
    /// Its domain; `None`: the host of the server that is asked.
    pub domain: Option<String>,
    /// How long a binding is wished for; the registrar decides.
    pub expires: Duration,
}

/// How the health of servers is found out: by OPTIONS.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TrunkHealth {
    /// How often.
    pub interval: Duration,
    /// So many failures in a row make a server count as down.
    pub failures: u32,
    /// So many successes in a row make it count as up again.
    pub successes: u32,
}

/// Identities (RFC 3323, RFC 3325).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TrunkIdentity {
    /// User part of From, whoever calls; `None`: the caller's.
    pub from_user: Option<String>,
    /// Host part of From; `None`: our domain.
    pub from_host: Option<String>,
    /// It belongs to our trust domain (RFC 3325 §2.3): it learns who calls by P-Asserted-Identity, also when the caller wants
    /// privacy, and what it asserts itself is believed.
    pub trusted: bool,
    /// Whether calls ask for privacy.
    pub privacy: TrunkPrivacy,
}

/// Whether calls to a trunk ask for privacy (RFC 3323).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum TrunkPrivacy {
    /// Where the caller or the routing plugin does.
    #[default]
    AsAsked,
    /// Always.
    Always,
    /// Never: the carrier does not take it.
    Never,
}

/// Which headers a trunk sees and shows, besides those that SIP needs.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TrunkHeaders {
    /// The only ones that pass in either direction, in any case; `None`: those that pass between phones.
    pub pass: Option<Vec<String>>,
    /// Name and value of those that are added to INVITEs to it.
    pub add: Vec<(String, String)>,
}

impl TrunkSettings {
    /// A trunk with one server, and nothing else.
    pub fn at(uri: &str) -> Self {
        let share = Share { priority: 0, weight: 1 };
        Self {
            servers: vec![TrunkServer { uri: uri.to_owned(), share }],
            sources: Vec::new(),
            account: None,
            registration: None,
            health: None,
            response_timeout: Duration::from_secs(6),
            codecs: Vec::new(),
            identity: TrunkIdentity::default(),
            headers: TrunkHeaders::default(),
        }
    }

    /// Whether its requests come from this address.
    pub(crate) fn sends_from(&self, source: IpAddr) -> bool {
        self.sources.iter().any(|network| network.contains(source))
            || self.servers.iter().any(|server| server.address() == Some(source.to_canonical()))
    }
}

impl TrunkServer {
    /// Its address, where its URI has one.
    fn address(&self) -> Option<IpAddr> {
        self.host().trim_matches(['[', ']']).parse::<IpAddr>().ok().map(|ip| ip.to_canonical())
    }

    /// Host part of its URI.
    pub(crate) fn host(&self) -> String {
        let host = Uri::parse(self.uri.as_bytes()).map_or(&b""[..], |uri| uri.host);
        String::from_utf8_lossy(host).into_owned()
    }
}
