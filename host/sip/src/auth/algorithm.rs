//! Hash algorithms and the sums of RFC 7616 §3.4.
use std::fmt;

use md5::Md5;
use sha2::digest::Digest;
use sha2::{Sha256, Sha512_256};

/// A hash that both sides support, weakest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Algorithm {
    /// What every phone speaks; deprecated by RFC 8760, and still the only one of most phones.
    Md5,
    /// RFC 8760.
    Sha256,
    /// RFC 8760: SHA-512/256.
    Sha512_256,
}

impl Algorithm {
    /// The token in a header.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha256 => "SHA-256",
            Self::Sha512_256 => "SHA-512-256",
        }
    }

    /// The algorithm of a token, in any case; `None` for others, `-sess` among them.
    pub fn of_token(token: &str) -> Option<Self> {
        [Self::Md5, Self::Sha256, Self::Sha512_256]
            .into_iter()
            .find(|algorithm| algorithm.name().eq_ignore_ascii_case(token))
    }

    /// Lower-case hexadecimal hash of `parts` with colons between them.
    fn hash(self, parts: &[&[u8]]) -> String {
        match self {
            Self::Md5 => hash_with::<Md5>(parts),
            Self::Sha256 => hash_with::<Sha256>(parts),
            Self::Sha512_256 => hash_with::<Sha512_256>(parts),
        }
    }

    /// Length of a hash in hexadecimal digits.
    const fn digits(self) -> usize {
        match self {
            Self::Md5 => 32,
            Self::Sha256 | Self::Sha512_256 => 64,
        }
    }
}

fn hash_with<D: Digest>(parts: &[&[u8]]) -> String {
    let mut hash = D::new();
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            hash.update(b":");
        }
        hash.update(part);
    }
    hex(&hash.finalize())
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]])
        .map(char::from)
        .collect()
}

/// The hash of user name, realm and password: as good as the password within its realm, so it is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Ha1 {
    algorithm: Algorithm,
    digits: String,
}

impl Ha1 {
    /// Of a password.
    pub fn of_password(algorithm: Algorithm, username: &str, realm: &str, password: &str) -> Self {
        let digits = algorithm.hash(&[username.as_bytes(), realm.as_bytes(), password.as_bytes()]);
        Self { algorithm, digits }
    }

    /// As stored in hexadecimal digits; `None` when their number is not that of the algorithm.
    pub fn of_hex(algorithm: Algorithm, digits: &str) -> Option<Self> {
        let fits =
            digits.len() == algorithm.digits() && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        fits.then(|| Self { algorithm, digits: digits.to_ascii_lowercase() })
    }

    /// Its hash.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The response of RFC 7616 §3.4.1 to `nonce` for a request.
    pub(crate) fn response(
        &self,
        method: &[u8],
        uri: &[u8],
        nonce: &str,
        counted: Option<Counted<'_>>,
    ) -> String {
        let ha1 = self.digits.as_bytes();
        let ha2 = self.algorithm.hash(&[method, uri]);
        match counted {
            Some(Counted { nc, cnonce }) => self.algorithm.hash(&[
                ha1,
                nonce.as_bytes(),
                nc.as_bytes(),
                cnonce.as_bytes(),
                b"auth",
                ha2.as_bytes(),
            ]),
            None => self.algorithm.hash(&[ha1, nonce.as_bytes(), ha2.as_bytes()]),
        }
    }
}

impl fmt::Debug for Ha1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ha1").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

/// What `qop=auth` adds to a response.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Counted<'a> {
    /// The use of the nonce, as written.
    pub(crate) nc: &'a str,
    pub(crate) cnonce: &'a str,
}
