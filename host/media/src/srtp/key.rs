//! Crypto suites and master keys.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// A crypto suite of RFC 4568 §6.2.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Suite {
    /// `AES_CM_128_HMAC_SHA1_80`: a tag of ten bytes.
    AesCm128HmacSha1_80,
    /// `AES_CM_128_HMAC_SHA1_32`: a tag of four bytes on RTP, of ten on RTCP.
    AesCm128HmacSha1_32,
}

impl Suite {
    /// Those we speak, best first.
    pub const ALL: [Self; 2] = [Self::AesCm128HmacSha1_80, Self::AesCm128HmacSha1_32];

    /// Its name in `a=crypto`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AesCm128HmacSha1_80 => "AES_CM_128_HMAC_SHA1_80",
            Self::AesCm128HmacSha1_32 => "AES_CM_128_HMAC_SHA1_32",
        }
    }

    /// The suite of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|suite| suite.name().eq_ignore_ascii_case(name))
    }
}

/// Length of a master key with its salt, as it stands in `a=crypto` before base64 (RFC 4568 §6.2.1).
pub const MASTER_BYTES: usize = KEY_BYTES + SALT_BYTES;

pub(super) const KEY_BYTES: usize = 16;
pub(super) const SALT_BYTES: usize = 14;

/// A master key and its salt. Never printed; overwritten when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct MasterKey(Zeroizing<[u8; MASTER_BYTES]>);

impl MasterKey {
    /// Of key and salt, one after the other.
    pub fn new(bytes: [u8; MASTER_BYTES]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Reads the base64 of `a=crypto`; `None` when it is none or not [`MASTER_BYTES`] long.
    pub fn from_base64(text: &str) -> Option<Self> {
        let mut bytes = Zeroizing::new([0; MASTER_BYTES]);
        let length = STANDARD.decode_slice(text, bytes.as_mut_slice()).ok()?;
        (length == MASTER_BYTES).then_some(Self(bytes))
    }

    /// As `a=crypto` says it. For the body of a message only.
    pub fn reveal_base64(&self) -> String {
        STANDARD.encode(self.0.as_slice())
    }

    pub(super) fn key(&self) -> &[u8; KEY_BYTES] {
        self.0.first_chunk().expect("MASTER_BYTES is longer than a key")
    }

    pub(super) fn salt(&self) -> &[u8; SALT_BYTES] {
        self.0.last_chunk().expect("MASTER_BYTES is longer than a salt")
    }
}

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("<secret>")
    }
}
