//! Who may sign components: ed25519 (RFC 8032), which ring verifies.

use std::str::FromStr;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ring::signature::{ED25519, UnparsedPublicKey};

/// What a public key in a PEM file begins with, before its 32 bytes (RFC 8410).
const SUBJECT_PUBLIC_KEY_INFO: [u8; 12] =
    [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// The public key of somebody who signs components.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signer([u8; 32]);

/// A text that is no such key.
#[derive(Debug, thiserror::Error)]
#[error(
    "an ed25519 public key in base64: its 32 bytes, or the line of its PEM file as `openssl pkey -pubout` writes it"
)]
pub struct SignerError;

impl FromStr for Signer {
    type Err = SignerError;

    fn from_str(text: &str) -> Result<Self, SignerError> {
        let bytes = BASE64_STANDARD.decode(text.trim()).map_err(|_| SignerError)?;
        let key = bytes.strip_prefix(&SUBJECT_PUBLIC_KEY_INFO).unwrap_or(&bytes);
        key.try_into().map(Self).map_err(|_| SignerError)
    }
}

impl Signer {
    /// Whether these 64 bytes are its signature over a component.
    pub(super) fn signed(&self, component: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, self.0).verify(component, signature).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8032 §7.1, test 2: one byte, signed.
    const KEY: [u8; 32] = [
        0x3d, 0x40, 0x17, 0xc3, 0xe8, 0x43, 0x89, 0x5a, 0x92, 0xb7, 0x0a, 0xa7, 0x4d, 0x1b, 0x7e, 0xbc, 0x9c,
        0x98, 0x2c, 0xcf, 0x2e, 0xc4, 0x96, 0x8c, 0xc0, 0xcd, 0x55, 0xf1, 0x2a, 0xf4, 0x66, 0x0c,
    ];
    const SIGNATURE: [u8; 64] = [
        0x92, 0xa0, 0x09, 0xa9, 0xf0, 0xd4, 0xca, 0xb8, 0x72, 0x0e, 0x82, 0x0b, 0x5f, 0x64, 0x25, 0x40, 0xa2,
        0xb2, 0x7b, 0x54, 0x16, 0x50, 0x3f, 0x8f, 0xb3, 0x76, 0x22, 0x23, 0xeb, 0xdb, 0x69, 0xda, 0x08, 0x5a,
        0xc1, 0xe4, 0x3e, 0x15, 0x99, 0x6e, 0x45, 0x8f, 0x36, 0x13, 0xd0, 0xf1, 0x1d, 0x8c, 0x38, 0x7b, 0x2e,
        0xae, 0xb4, 0x30, 0x2a, 0xee, 0xb0, 0x0d, 0x29, 0x16, 0x12, 0xbb, 0x0c, 0x00,
    ];

    #[test]
    fn a_key_is_written_bare_or_as_its_pem_file_has_it() {
        let bare = BASE64_STANDARD.encode(KEY);
        let pem = BASE64_STANDARD.encode([&SUBJECT_PUBLIC_KEY_INFO[..], &KEY].concat());
        for text in [&bare, &pem] {
            assert_eq!(text.parse::<Signer>().ok(), Some(Signer(KEY)), "{text}");
        }
        for text in ["", "AAAA", "not base64!", &BASE64_STANDARD.encode([0; 33])] {
            assert!(text.parse::<Signer>().is_err(), "{text}");
        }
    }

    #[test]
    fn only_the_signature_over_these_bytes_counts() {
        let signer = Signer(KEY);
        assert!(signer.signed(&[0x72], &SIGNATURE));
        assert!(!signer.signed(&[0x73], &SIGNATURE));
        assert!(!signer.signed(&[0x72], &SIGNATURE[..63]));
        assert!(!Signer([0; 32]).signed(&[0x72], &SIGNATURE));
    }
}
