//! By what messages are matched to transactions (RFC 3261 §17.1.3, §17.2.3) and found to be merged (§8.2.2.2).
use smallvec::SmallVec;

use super::hash::{Fingerprint, KeyedHash};
use crate::message::{HeaderName, Message, Method, StartLine, Via};

/// What a branch of RFC 3261 begins with; without it the peer speaks RFC 2543.
pub(crate) const MAGIC_COOKIE: &[u8] = b"z9hG4bK";

/// The mandatory parts of a request, read once. Holding one proves that they can be read.
#[derive(Debug)]
pub(crate) struct RequestParts<'a> {
    pub(crate) method: Method,
    pub(crate) via: Via<'a>,
    pub(crate) sip_call_id: &'a str,
    pub(crate) from_tag: Option<&'a str>,
    pub(crate) to_tag: Option<&'a str>,
    pub(crate) cseq: u32,
    /// The method as written.
    pub(crate) token: &'a [u8],
    pub(crate) uri: &'a [u8],
}

impl<'a> RequestParts<'a> {
    /// Reads them; `None` when one is missing or malformed.
    pub(crate) fn read(message: &'a Message) -> Option<Self> {
        let StartLine::Request { method, token, uri } = message.start() else { return None };
        let cseq = message.cseq().ok()?;
        Some(Self {
            method,
            via: message.via().ok()?,
            sip_call_id: message.call_id().ok()?,
            from_tag: message.from().ok()?.tag(),
            to_tag: message.to().ok()?.tag(),
            cseq: cseq.number,
            token,
            uri,
        })
    }

    /// The key of this request's own transaction.
    pub(crate) fn own_key(&self, hash: &KeyedHash, message: &Message) -> Fingerprint {
        self.key(hash, message, self.token, self.to_tag)
    }

    /// The keys under which the INVITE may be found that this ACK or CANCEL belongs to. A peer of RFC 2543 matches by
    /// the To tag too, and the ACK of a first INVITE has one that the INVITE had not.
    pub(crate) fn invite_keys(
        &self,
        hash: &KeyedHash,
        message: &Message,
    ) -> SmallVec<[(Fingerprint, InviteMatch); 2]> {
        let mut keys = SmallVec::new();
        keys.push((self.key(hash, message, b"INVITE", self.to_tag), InviteMatch::Whole));
        if self.method == Method::Ack && !self.has_magic_cookie() && self.to_tag.is_some() {
            keys.push((self.key(hash, message, b"INVITE", None), InviteMatch::IfToTagIsOurs));
        }
        keys
    }

    /// What two requests share that reached us over different paths from one request (§8.2.2.2); `None` within a dialog.
    pub(crate) fn merge_key(&self, hash: &KeyedHash) -> Option<Fingerprint> {
        let from_tag = self.from_tag.unwrap_or_default().as_bytes();
        let cseq = self.cseq.to_be_bytes();
        self.to_tag
            .is_none()
            .then(|| hash.fingerprint(&[b"merged", from_tag, self.sip_call_id.as_bytes(), &cseq, self.token]))
    }

    /// Whether the peer's branch is unique over all its transactions (RFC 3261 §8.1.1.7).
    fn has_magic_cookie(&self) -> bool {
        self.via
            .branch()
            .is_some_and(|branch| branch.len() > MAGIC_COOKIE.len() && branch.starts_with(MAGIC_COOKIE))
    }

    fn key(&self, hash: &KeyedHash, message: &Message, method: &[u8], to_tag: Option<&str>) -> Fingerprint {
        let branch = self.via.branch().unwrap_or_default();
        if self.has_magic_cookie() {
            let host: SmallVec<[u8; 64]> = self.via.host.iter().map(u8::to_ascii_lowercase).collect();
            let port = self.via.port.unwrap_or_default().to_be_bytes();
            return hash.fingerprint(&[b"branch", method, branch, &host, &port]);
        }
        let top_via = message.elements(HeaderName::Via).next().unwrap_or_default();
        hash.fingerprint(&[
            b"rfc2543",
            method,
            self.uri,
            to_tag.unwrap_or_default().as_bytes(),
            self.from_tag.unwrap_or_default().as_bytes(),
            self.sip_call_id.as_bytes(),
            &self.cseq.to_be_bytes(),
            top_via,
        ])
    }
}

/// What still has to hold when a key has found an INVITE.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum InviteMatch {
    /// Nothing.
    Whole,
    /// The To tag of the ACK is the one in our response.
    IfToTagIsOurs,
}

/// The key of a client transaction. A CANCEL has the branch of its INVITE, so that the method tells the two apart.
pub(crate) fn client_key(hash: &KeyedHash, branch: &[u8], method: Method) -> Fingerprint {
    let class: &[u8] = if method == Method::Cancel { b"cancel" } else { b"client" };
    hash.fingerprint(&[class, branch])
}
