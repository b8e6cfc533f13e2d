//! `a=crypto` lines (RFC 4568): reading those of a peer, writing ours.

use crate::srtp::{MasterKey, Suite};

/// A crypto attribute that we can use.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CryptoLine {
    /// Names it: an answer repeats the tag of the offer that it takes (§5.1.2).
    pub tag: u32,
    /// Its suite.
    pub suite: Suite,
    /// What its sender encrypts with.
    pub key: MasterKey,
}

impl CryptoLine {
    /// Reads the value of an `a=` line. `None` for what we cannot use: another suite, a key with an MKI or several keys, or a session
    /// parameter that changes what is encrypted or how keys are derived (§6.3).
    pub(super) fn read(attribute: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(attribute.strip_prefix(b"crypto:")?).ok()?;
        let mut fields = text.split_ascii_whitespace();
        let tag = fields.next()?.parse().ok()?;
        let suite = Suite::from_name(fields.next()?)?;
        let (method, key) = fields.next()?.split_once(':')?;
        if !method.eq_ignore_ascii_case("inline") || key.contains(';') {
            return None;
        }
        let mut parts = key.split('|');
        let key = MasterKey::from_base64(parts.next()?)?;
        // A lifetime (`2^31`) has no colon, an MKI (`1:4`) has one.
        if parts.any(|part| part.contains(':')) || !fields.all(is_harmless) {
            return None;
        }
        Some(Self { tag, suite, key })
    }

    /// The whole line.
    pub(super) fn write(&self) -> String {
        format!("a=crypto:{} {} inline:{}\r\n", self.tag, self.suite.name(), self.key.reveal_base64())
    }
}

/// Whether a session parameter may be ignored: the size of a replay window is only a hint.
fn is_harmless(parameter: &str) -> bool {
    parameter.starts_with("WSH=") || parameter.eq_ignore_ascii_case("KDR=0")
}

/// What becomes of the encryption of a description that is passed on. Each stream has its own; streams that the other side cannot
/// use are left as they are.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub enum Encryption {
    /// It is the peers' own.
    #[default]
    Passed,
    /// It ends here, and the reader sees none: `RTP/SAVP` becomes `RTP/AVP`, `a=crypto` lines leave.
    Removed,
    /// The reader is to encrypt towards us: `RTP/AVP` becomes `RTP/SAVP`, with these lines in place of any others.
    Added([Vec<CryptoLine>; crate::command::STREAMS]),
}

/// The transports of an `m=` line whose encryption can be put on and taken off here: in clear, and with SDES.
const PAIRS: [(&str, &str); 2] = [("RTP/AVP", "RTP/SAVP"), ("RTP/AVPF", "RTP/SAVPF")];

/// The transport in clear, or with encryption, that stands for this one.
pub(super) fn transport(found: &[u8], encrypted: bool) -> Option<&'static str> {
    let same = |name: &str| found.eq_ignore_ascii_case(name.as_bytes());
    let (plain, secure) = PAIRS.into_iter().find(|(plain, secure)| same(plain) || same(secure))?;
    Some(if encrypted { secure } else { plain })
}
