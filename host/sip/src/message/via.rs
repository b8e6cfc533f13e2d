//! Via (RFC 3261 §20.42).
use super::grammar::{is_token, param, take_token, trim, trim_start};
use super::uri::{take_host, take_port};

/// One Via.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Via<'a> {
    /// Transport token as written, such as `UDP`.
    pub transport: &'a [u8],
    /// Host of sent-by, as written; with `[]` for IPv6.
    pub host: &'a [u8],
    /// Port of sent-by.
    pub port: Option<u16>,
    /// Parameters with the leading `;`; empty when there are none.
    pub params: &'a [u8],
}

impl<'a> Via<'a> {
    /// Reads `SIP/2.0/UDP host:port;params`; white space is allowed wherever the grammar has it. Another
    /// version than 2.0 is read too: the request is answered with 505, and the answer has to carry it.
    pub fn parse(value: &'a [u8]) -> Option<Self> {
        let (transport, rest) = take_token(trim_start(after_version(value)?))?;
        let sent_by = trim_start(rest);
        if sent_by.len() == rest.len() {
            return None;
        }
        let (host, rest) = take_host(sent_by)?;
        let (port, params) = match trim_start(rest).strip_prefix(b":") {
            Some(port) => take_port(trim_start(port)).map(|(port, rest)| (Some(port), rest))?,
            None => (None, rest),
        };
        let params = trim(params);
        (params.is_empty() || params.starts_with(b";")).then_some(Self { transport, host, port, params })
    }

    /// Value of a parameter; empty for a flag such as `;rport`.
    pub fn param(&self, name: &str) -> Option<&'a [u8]> {
        param(self.params, name)
    }

    /// The branch, as received.
    pub fn branch(&self) -> Option<&'a [u8]> {
        self.param("branch").filter(|branch| !branch.is_empty())
    }
}

/// What follows `SIP / 2.0 /`.
fn after_version(value: &[u8]) -> Option<&[u8]> {
    if let Some(rest) = value.strip_prefix(b"SIP/2.0/") {
        return Some(rest);
    }
    let (name, rest) = protocol_part(value)?;
    let (_version, rest) = protocol_part(rest)?;
    name.eq_ignore_ascii_case(b"SIP").then_some(rest)
}

/// Cuts `token /` off the front.
fn protocol_part(value: &[u8]) -> Option<(&[u8], &[u8])> {
    let slash = memchr::memchr(b'/', value)?;
    let part = trim(&value[..slash]);
    is_token(part).then(|| (part, &value[slash + 1..]))
}
