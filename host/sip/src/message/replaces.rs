//! Replaces (RFC 3891): the dialog that a new one takes the place of.
use super::grammar::{is_token_byte, param, trim};

/// Names a dialog as the receiver of the header knows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Replaces {
    /// `Call-ID` of the dialog.
    pub sip_call_id: String,
    /// The receiver's tag.
    pub to_tag: String,
    /// The tag of the receiver's peer.
    pub from_tag: String,
    /// Only while it is not answered.
    pub early_only: bool,
}

impl Replaces {
    /// Reads `call-id;to-tag=x;from-tag=y`, with `early-only` or without. `None` when one of the three is missing.
    pub fn parse(value: &[u8]) -> Option<Self> {
        let value = trim(value);
        let end = memchr::memchr(b';', value)?;
        let (sip_call_id, params) = (trim(&value[..end]), &value[end..]);
        let tag = |name| {
            let tag = param(params, name)?;
            let is_tag = !tag.is_empty() && tag.iter().all(|&byte| is_token_byte(byte));
            is_tag.then(|| String::from_utf8_lossy(tag).into_owned())
        };
        let is_id = !sip_call_id.is_empty() && !sip_call_id.iter().any(u8::is_ascii_whitespace);
        Some(Self {
            sip_call_id: std::str::from_utf8(sip_call_id).ok().filter(|_| is_id)?.to_owned(),
            to_tag: tag("to-tag")?,
            from_tag: tag("from-tag")?,
            early_only: param(params, "early-only").is_some(),
        })
    }
}
