//! Reading a REGISTER: which bindings it wishes for (RFC 3261 §10.3 steps 6 and 7).

use std::time::Duration;

use cordboard_sip::message::NameAddr;
use cordboard_sip::transport::{Flow, Transport};
use cordboard_sip::{HeaderName, Message};

use super::binding::contact_address;
use super::outcome::Refusal;
use crate::RegistrarSettings;

/// What a REGISTER asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// No Contact: only tell what there is.
    Fetch,
    /// `Contact: *` with `Expires: 0`.
    RemoveAll,
    /// One or more contacts.
    Update(Vec<WishedContact>),
}

/// One Contact of a REGISTER.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct WishedContact {
    pub(super) uri: String,
    /// With the leading `;`, without `expires`.
    pub(super) params: String,
    pub(super) q: u16,
    /// Zero removes the binding.
    pub(super) lasts: Duration,
}

impl Wish {
    pub(super) fn read(request: &Message, settings: &RegistrarSettings) -> Result<Self, Refusal> {
        let expires_header = request.value(HeaderName::Expires);
        let elements: Vec<&[u8]> = request.elements(HeaderName::Contact).collect();
        if elements.is_empty() {
            return Ok(Self::Fetch);
        }
        if elements.contains(&b"*".as_slice()) {
            let removes = elements.len() == 1 && expires_header.and_then(seconds) == Some(0);
            return removes
                .then_some(Self::RemoveAll)
                .ok_or(Refusal::Malformed("Contact * Needs Expires 0 And No Other Contact"));
        }
        let read = |element| WishedContact::read(element, expires_header, settings);
        Ok(Self::Update(elements.into_iter().map(read).collect::<Result<_, _>>()?))
    }
}

impl WishedContact {
    fn read(
        element: &[u8],
        expires_header: Option<&[u8]>,
        settings: &RegistrarSettings,
    ) -> Result<Self, Refusal> {
        const MALFORMED: Refusal = Refusal::Malformed("Malformed Contact");
        let contact = NameAddr::parse(element).ok_or(MALFORMED)?;
        if !contact.uri.is_sip() || contact.uri.host.is_empty() {
            return Err(Refusal::Malformed("Contact Is Not A SIP URI"));
        }
        let params = text(contact.params).ok_or(MALFORMED)?;
        let wished = contact.param("expires").or(expires_header).map(seconds_or_an_hour);
        Ok(Self {
            uri: text(contact.uri.raw).ok_or(MALFORMED)?.to_owned(),
            params: without_expires(params),
            q: contact.param("q").map_or(Some(1000), thousandths).ok_or(Refusal::Malformed("Malformed q"))?,
            lasts: granted(wished, settings)?,
        })
    }

    /// Where requests to it go; see [`Binding::flow`](super::Binding::flow).
    pub(super) fn flow(&self, request: &Message, came_over: Flow) -> Flow {
        let symmetric = request.via().map_or(true, |via| via.param("rport").is_some());
        if came_over.transport != Transport::Udp || symmetric {
            return came_over;
        }
        match contact_address(&self.uri) {
            Some(listens_on) if listens_on.ip() == came_over.remote.ip() => {
                Flow { remote: listens_on, ..came_over }
            }
            _ => came_over,
        }
    }
}

/// The Path of a REGISTER, in its order.
pub(super) fn path(request: &Message) -> Result<Vec<String>, Refusal> {
    request
        .elements(HeaderName::Path)
        .map(|element| {
            let hop = NameAddr::parse(element).filter(|hop| hop.uri.is_sip());
            hop.and_then(|_| text(element)).map(str::to_owned).ok_or(Refusal::Malformed("Malformed Path"))
        })
        .collect()
}

/// Whether the phone knows Path, and so may be told it.
pub(super) fn supports_path(request: &Message) -> bool {
    request.elements(HeaderName::Supported).any(|option| option.eq_ignore_ascii_case(b"path"))
}

/// The registrar may shorten a wish but not lengthen it, except by refusing it (RFC 3261 §10.3 step 7).
fn granted(wished: Option<Duration>, settings: &RegistrarSettings) -> Result<Duration, Refusal> {
    let Some(wished) = wished else { return Ok(settings.default_expires.min(settings.max_expires)) };
    if !wished.is_zero() && wished < settings.min_expires {
        return Err(Refusal::TooBrief { shortest: settings.min_expires });
    }
    Ok(wished.min(settings.max_expires))
}

/// A malformed value counts as 3600 (RFC 3261 §10.2.1.1 and §20.19).
fn seconds_or_an_hour(value: &[u8]) -> Duration {
    Duration::from_secs(seconds(value).unwrap_or(3600))
}

/// A number of seconds; one that is too large for the RFC's 32 bits is the largest.
fn seconds(value: &[u8]) -> Option<u64> {
    let digits = text(value)?.trim();
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number
        .then(|| digits.parse().map_or(u64::from(u32::MAX), |number: u64| number.min(u64::from(u32::MAX))))
}

/// `qvalue`: `0` to `1` with up to three decimals, in thousandths.
fn thousandths(value: &[u8]) -> Option<u16> {
    let (whole, decimals) = match text(value)?.split_once('.') {
        Some((whole, decimals)) => (whole, decimals),
        None => (text(value)?, ""),
    };
    if !decimals.bytes().all(|byte| byte.is_ascii_digit()) || decimals.len() > 3 {
        return None;
    }
    let fraction: u16 = format!("{decimals:0<3}").parse().ok()?;
    match whole {
        "0" => Some(fraction),
        "1" if fraction == 0 => Some(1000),
        _ => None,
    }
}

/// The parameters without `expires`, which the registrar writes itself.
fn without_expires(params: &str) -> String {
    let mut kept = String::new();
    for param in split_params(params) {
        let name = param.split('=').next().unwrap_or_default().trim();
        if !name.eq_ignore_ascii_case("expires") {
            kept.push(';');
            kept.push_str(param);
        }
    }
    kept
}

/// Splits `;a;b="x;y"` at semicolons outside quotes and leaves empty parts out.
fn split_params(params: &str) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    params
        .split(move |c| {
            let splits = c == ';' && !quoted;
            if c == '"' && !escaped {
                quoted = !quoted;
            }
            escaped = quoted && c == '\\' && !escaped;
            splits
        })
        .map(str::trim)
        .filter(|param| !param.is_empty())
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}
