//! Route sets: what Record-Route taught and what a request within the dialog carries (RFC 3261 §12.1, §12.2.1.1).
use crate::dialog::DialogError;
use crate::message::{HeaderError, HeaderName, Message, NameAddr, Request, Uri};

/// One proxy that stays on the path.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Hop {
    /// As received, between commas.
    value: Vec<u8>,
    uri: String,
    /// Whether its URI has `lr`; without, the proxy is a strict router of RFC 2543.
    loose: bool,
}

/// The proxies between us and the peer, nearest first. Fixed for the life of the dialog.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(crate) struct RouteSet {
    hops: Vec<Hop>,
}

impl RouteSet {
    /// The route set of a UAS: Record-Route of the request in its order.
    pub(crate) fn of_uas(request: &Message) -> Result<Self, DialogError> {
        let hops = request.elements(HeaderName::RecordRoute).map(Hop::read).collect::<Option<_>>();
        Ok(Self { hops: hops.ok_or(HeaderError::Malformed(HeaderName::RecordRoute))? })
    }

    /// The route set of a UAC: Record-Route of the response, reversed.
    pub(crate) fn of_uac(response: &Message) -> Result<Self, DialogError> {
        let mut routes = Self::of_uas(response)?;
        routes.hops.reverse();
        Ok(routes)
    }

    /// Where a request to `remote_target` is sent: its topmost Route, else the target itself (§8.1.2).
    pub(crate) fn next_hop<'a>(&'a self, remote_target: &'a str) -> &'a str {
        self.hops.first().map_or(remote_target, |hop| &hop.uri)
    }

    /// What stands in the Request-URI: the remote target, but the first hop itself when that is a strict router.
    pub(crate) fn request_uri(&self, remote_target: &str) -> String {
        match self.hops.first() {
            Some(hop) if !hop.loose => allowed_in_request_line(&hop.uri),
            _ => allowed_in_request_line(remote_target),
        }
    }

    /// Adds Route. Behind a strict router the remote target, which lost its place, comes last.
    pub(crate) fn write(&self, remote_target: &str, request: &mut Request) {
        let strict = self.hops.first().is_some_and(|hop| !hop.loose);
        for hop in self.hops.iter().skip(usize::from(strict)) {
            request.header(HeaderName::Route, &hop.value);
        }
        if strict {
            request.header_fmt(HeaderName::Route, format_args!("<{remote_target}>"));
        }
    }
}

impl Hop {
    fn read(value: &[u8]) -> Option<Self> {
        let uri = NameAddr::parse(value)?.uri;
        Some(Self {
            value: value.to_vec(),
            uri: String::from_utf8_lossy(uri.raw).into_owned(),
            loose: uri.param("lr").is_some(),
        })
    }
}

/// `uri` without what a Request-URI may not have: headers and the `method` parameter (§19.1.1, Table 1).
fn allowed_in_request_line(uri: &str) -> String {
    let headers = Uri::parse(uri.as_bytes()).map_or(0, |uri| uri.headers.len());
    let end = if headers == 0 { uri.len() } else { uri.len() - headers - 1 };
    let whole = uri.get(..end).unwrap_or(uri);
    let mut parts = whole.split(';');
    let mut kept = parts.next().unwrap_or_default().to_owned();
    for part in parts.filter(|part| !part.to_ascii_lowercase().starts_with("method=")) {
        kept.push(';');
        kept.push_str(part);
    }
    kept
}
