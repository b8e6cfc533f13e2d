//! SHA-256 of component files, in hex.

use sha2::{Digest as _, Sha256};

/// The digest of a file's content, as identities and pins show it.
pub(crate) fn of(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Bytes in lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
