//! Digest (RFC 8760, RFC 7616) as server and as client.
//!
//! As server: [`DigestServer`] writes challenges and verifies [`Credentials`]. Its nonces carry their own proof, so that an
//! unanswered challenge costs no memory; only nonces that somebody who knows a password has used are remembered, up to a
//! bound. As client: [`Challenge`] is read from a 401 or 407, and a [`DigestSession`] answers it, counting uses.
//!
//! Both sides support MD5, SHA-256 and SHA-512-256, and `qop=auth` or none. **`auth-int`, `-sess` and `userhash` are refused**:
//! no phone needs them. A challenge that comes from a peer is answered only where the caller has credentials for that very peer;
//! a phone that challenges our INVITE must never be given those of a trunk.

mod algorithm;
mod challenge;
mod credentials;
mod nonce;
mod params;
mod replay;
mod server;
mod session;

#[cfg(test)]
mod tests;

pub use algorithm::{Algorithm, Ha1};
pub use challenge::{Challenge, ChallengeError};
pub use credentials::{Credentials, CredentialsError};
pub use server::{DigestOutcome, DigestServer, DigestSettings};
pub use session::DigestSession;
