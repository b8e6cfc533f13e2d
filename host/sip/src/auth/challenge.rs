//! What a server asks with: WWW-Authenticate and Proxy-Authenticate.
use super::algorithm::Algorithm;
use super::params::{Params, ParamsError, quote};
use crate::message::{HeaderName, Message, StatusCode};

/// Why a challenge cannot be answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChallengeError {
    /// The response has no challenge, or is neither 401 nor 407.
    #[error("expected a 401 with WWW-Authenticate or a 407 with Proxy-Authenticate")]
    Absent,
    /// Another scheme, such as Basic.
    #[error("challenge: expected the scheme Digest")]
    NotDigest,
    /// The list of parameters does not follow its grammar, or names one twice.
    #[error("challenge: expected a list of different name=value parameters")]
    Malformed,
    /// A parameter that is needed is not there.
    #[error("challenge: expected the parameter {0}")]
    Missing(&'static str),
    /// A hash other than MD5, SHA-256 and SHA-512-256.
    #[error("challenge: expected the algorithm MD5, SHA-256 or SHA-512-256")]
    UnsupportedAlgorithm,
    /// Only `auth-int`, or another quality that is not supported.
    #[error("challenge: expected qop auth, or none")]
    UnsupportedQop,
}

impl From<ParamsError> for ChallengeError {
    fn from(error: ParamsError) -> Self {
        match error {
            ParamsError::NotDigest => Self::NotDigest,
            ParamsError::Malformed | ParamsError::Repeated => Self::Malformed,
        }
    }
}

/// One challenge.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Challenge {
    /// Where credentials are for.
    pub realm: String,
    /// The hash that is asked for.
    pub algorithm: Algorithm,
    /// The last answer was right, only its nonce too old: no reason to ask a person for another password.
    pub stale: bool,
    /// Whether a proxy asks (407), so that the answer goes into Proxy-Authorization.
    pub proxy: bool,
    pub(crate) nonce: String,
    pub(crate) opaque: Option<String>,
    /// Whether uses are counted (`qop=auth`).
    pub(crate) counted: bool,
}

impl Challenge {
    /// The strongest challenge in a 401 or 407 that can be answered; of equally strong ones the topmost (RFC 8760 §2.4).
    ///
    /// # Errors
    /// When there is none; with the reason why the first cannot be answered.
    pub fn strongest(response: &Message) -> Result<Self, ChallengeError> {
        let proxy = match response.status() {
            Some(StatusCode::UNAUTHORIZED) => false,
            Some(StatusCode::PROXY_AUTHENTICATION_REQUIRED) => true,
            _ => return Err(ChallengeError::Absent),
        };
        let name = if proxy { HeaderName::ProxyAuthenticate } else { HeaderName::WwwAuthenticate };
        let mut strongest: Option<Self> = None;
        let mut error = None;
        for value in response.values(name) {
            match Self::parse(value) {
                Ok(found) if strongest.as_ref().is_none_or(|best| best.algorithm < found.algorithm) => {
                    strongest = Some(Self { proxy, ..found });
                }
                Ok(_) => {}
                Err(reason) => error = error.or(Some(reason)),
            }
        }
        strongest.ok_or(error.unwrap_or(ChallengeError::Absent))
    }

    /// Reads the value of one header, as if it came with a 401.
    ///
    /// # Errors
    /// When it cannot be answered.
    pub fn parse(value: &[u8]) -> Result<Self, ChallengeError> {
        let mut params = Params::parse(value)?;
        let algorithm =
            params.take("algorithm").map_or(Some(Algorithm::Md5), |token| Algorithm::of_token(&token));
        let counted = match params.take("qop") {
            None => false,
            Some(offered) if offered.split(',').any(|qop| qop.trim().eq_ignore_ascii_case("auth")) => true,
            Some(_) => return Err(ChallengeError::UnsupportedQop),
        };
        Ok(Self {
            realm: params.take("realm").ok_or(ChallengeError::Missing("realm"))?,
            algorithm: algorithm.ok_or(ChallengeError::UnsupportedAlgorithm)?,
            stale: params.take("stale").is_some_and(|flag| flag.eq_ignore_ascii_case("true")),
            proxy: false,
            nonce: params.take("nonce").ok_or(ChallengeError::Missing("nonce"))?,
            opaque: params.take("opaque"),
            counted,
        })
    }

    /// The value of the header.
    pub(crate) fn write(&self) -> String {
        let Self { realm, nonce, algorithm, stale, .. } = self;
        let stale = if *stale { ", stale=true" } else { "" };
        let (realm, nonce, algorithm) = (quote(realm), quote(nonce), algorithm.name());
        format!("Digest realm={realm}, nonce={nonce}, algorithm={algorithm}, qop=\"auth\"{stale}")
    }
}
