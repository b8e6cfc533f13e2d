//! One binding: where a user can be reached, and for how long.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use cordboard_sip::message::{NameAddr, Uri};
use cordboard_sip::transport::{ConnectionId, Flow, Transport};

/// A contact of an address of record (RFC 3261 §10).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The URI of Contact: the Request-URI of a call to it.
    pub contact_uri: String,
    /// Parameters of Contact with the leading `;`, without `expires`: `q`, `+sip.instance`, `reg-id` and others come back
    /// in every answer as they were sent.
    pub params: String,
    /// Preference in thousandths; 1000 when the phone sent none. Higher is tried first.
    pub q: u16,
    /// Where requests to the phone are sent: the flow its REGISTER came over, so that a phone behind a NAT is reached.
    ///
    /// The one exception is a phone that sends from one port and listens on another: no `rport` in its Via and a Contact with
    /// its own address. Its flow leads to the port of the Contact.
    pub flow: Flow,
    /// Path of the REGISTER (RFC 3327): the Route set of a request to this contact, in this order.
    pub path: Vec<String>,
    /// `Call-ID` of the REGISTER that made or last refreshed it.
    pub sip_call_id: String,
    /// CSeq number of that REGISTER.
    pub cseq: u32,
    /// When it was made or last refreshed.
    pub registered_at: Instant,
    /// When it ends.
    pub expires_at: Instant,
    /// Where that REGISTER came from.
    pub received: SocketAddr,
}

impl Binding {
    /// What is left at `now`.
    pub fn left(&self, now: Instant) -> Duration {
        self.expires_at.saturating_duration_since(now)
    }

    /// Whether a Contact of a later REGISTER means this binding: the same URI (RFC 3261 §19.1.4), or the same instance and
    /// flow number of a phone that changes its URI with every connection (RFC 5626 §6).
    pub(super) fn is_named_by(&self, contact_uri: &str, params: &str) -> bool {
        self.contact_uri == contact_uri
            || equivalent(&self.contact_uri, contact_uri)
            || same_outbound_flow(&self.params, params)
    }

    /// The value of its Contact line in an answer.
    pub(super) fn contact_value(&self, now: Instant) -> String {
        // A binding that is still there never says 0, which would mean that it was removed.
        let left_s = self.left(now).as_secs().max(1);
        format!("<{}>{};expires={left_s}", self.contact_uri, self.params)
    }

    /// The same binding after its connection closed: where a new connection can be opened to the phone, `None` when only
    /// the phone can open one.
    ///
    /// A phone that said `reg-id` registers again over its next connection by itself (RFC 5626 §4.2.2); a browser cannot be
    /// called back; neither can a phone whose Contact shows another address than the one it came from.
    pub(super) fn reopened(&self) -> Option<Self> {
        if !matches!(self.flow.transport, Transport::Tcp | Transport::Tls)
            || has_param(&self.params, "reg-id")
        {
            return None;
        }
        let remote =
            contact_address(&self.contact_uri).filter(|address| address.ip() == self.received.ip())?;
        let flow = Flow { remote, connection: ConnectionId::NONE, ..self.flow };
        Some(Self { flow, ..self.clone() })
    }
}

/// The address that a contact URI spells out; `None` when it names a host.
pub(super) fn contact_address(contact_uri: &str) -> Option<SocketAddr> {
    let uri = Uri::parse(contact_uri.as_bytes())?;
    let host = std::str::from_utf8(uri.host).ok()?;
    let ip = host.trim_start_matches('[').trim_end_matches(']').parse().ok()?;
    let secure =
        uri.is_secure() || uri.param("transport").is_some_and(|name| name.eq_ignore_ascii_case(b"tls"));
    let usual_port = if secure { 5061 } else { 5060 };
    Some(SocketAddr::new(ip, uri.port.unwrap_or(usual_port)))
}

fn equivalent(left: &str, right: &str) -> bool {
    match (Uri::parse(left.as_bytes()), Uri::parse(right.as_bytes())) {
        (Some(left), Some(right)) => left.equivalent(&right),
        _ => false,
    }
}

fn same_outbound_flow(left: &str, right: &str) -> bool {
    let key = |params: &str| Some((param(params, "+sip.instance")?, param(params, "reg-id")?));
    key(left).is_some_and(|left| key(right) == Some(left))
}

fn has_param(params: &str, name: &str) -> bool {
    param(params, name).is_some()
}

fn param(params: &str, name: &str) -> Option<Vec<u8>> {
    // The parser of header parameters wants the value they belong to.
    let value = format!("<sip:x>{params}");
    NameAddr::parse(value.as_bytes())?.param(name).map(<[u8]>::to_vec)
}
