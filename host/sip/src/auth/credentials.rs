//! What a client answers a challenge with: Authorization and Proxy-Authorization.
use std::fmt;

use super::algorithm::{Algorithm, Counted};
use super::params::{Params, ParamsError};
use crate::message::{HeaderName, Message};

/// Why credentials cannot be used; the request deserves a 400.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsError {
    /// Another scheme, such as Basic.
    #[error("credentials: expected the scheme Digest")]
    NotDigest,
    /// The list of parameters does not follow its grammar, or names one twice.
    #[error("credentials: expected a list of different name=value parameters")]
    Malformed,
    /// A parameter that is needed is not there.
    #[error("credentials: expected the parameter {0}")]
    Missing(&'static str),
    /// A parameter has a value that is not supported or not possible.
    #[error("credentials: unsupported value of {0}")]
    Unsupported(&'static str),
}

impl From<ParamsError> for CredentialsError {
    fn from(error: ParamsError) -> Self {
        match error {
            ParamsError::NotDigest => Self::NotDigest,
            ParamsError::Malformed | ParamsError::Repeated => Self::Malformed,
        }
    }
}

/// The answer to a challenge.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Who it says it is.
    pub username: String,
    /// For where.
    pub realm: String,
    /// The hash it used.
    pub algorithm: Algorithm,
    /// The URI that went into the hash. Phones and proxies rewrite the Request-URI, so the two may differ.
    pub uri: String,
    pub(crate) nonce: String,
    pub(crate) response: String,
    pub(crate) counted: Option<Count>,
}

/// What `qop=auth` brings.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Count {
    pub(crate) number: u32,
    /// As written: it goes into the hash.
    text: String,
    cnonce: String,
}

impl Count {
    pub(crate) fn as_hashed(&self) -> Counted<'_> {
        Counted { nc: &self.text, cnonce: &self.cnonce }
    }
}

impl Credentials {
    /// The credentials for `realm` among the headers of a request with this name ([`HeaderName::Authorization`] or
    /// [`HeaderName::ProxyAuthorization`]); others are for somebody else and may have any form.
    ///
    /// # Errors
    /// When they cannot be used.
    pub fn find(request: &Message, name: HeaderName, realm: &str) -> Option<Result<Self, CredentialsError>> {
        request.values(name).find_map(|value| {
            let ours = Params::parse(value).ok()?.take("realm").is_some_and(|found| found == realm);
            ours.then(|| Self::parse(value))
        })
    }

    /// Reads the value of a header.
    ///
    /// # Errors
    /// When it cannot be used.
    pub fn parse(value: &[u8]) -> Result<Self, CredentialsError> {
        let mut params = Params::parse(value)?;
        let algorithm =
            params.take("algorithm").map_or(Some(Algorithm::Md5), |token| Algorithm::of_token(&token));
        let algorithm = algorithm.ok_or(CredentialsError::Unsupported("algorithm"))?;
        if params.take("userhash").is_some_and(|flag| flag.eq_ignore_ascii_case("true")) {
            return Err(CredentialsError::Unsupported("userhash"));
        }
        let counted = count(&mut params)?;
        let mut need = |name| params.take(name).ok_or(CredentialsError::Missing(name));
        Ok(Self {
            username: need("username")?,
            realm: need("realm")?,
            algorithm,
            uri: need("uri")?,
            nonce: need("nonce")?,
            response: need("response")?.to_ascii_lowercase(),
            counted,
        })
    }
}

/// Whoever holds a response may use it once, so it is not printed.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("username", &self.username)
            .field("realm", &self.realm)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

fn count(params: &mut Params) -> Result<Option<Count>, CredentialsError> {
    let Some(qop) = params.take("qop") else { return Ok(None) };
    if !qop.eq_ignore_ascii_case("auth") {
        return Err(CredentialsError::Unsupported("qop"));
    }
    let text = params.take("nc").ok_or(CredentialsError::Missing("nc"))?;
    let cnonce = params.take("cnonce").ok_or(CredentialsError::Missing("cnonce"))?;
    // Eight hexadecimal digits: whoever reads them as decimal or as a byte locks a phone out after its ninth use.
    let is_count = text.len() == 8 && text.bytes().all(|digit| digit.is_ascii_hexdigit());
    let number = u32::from_str_radix(&text, 16).ok().filter(|number| is_count && *number > 0);
    Ok(Some(Count { number: number.ok_or(CredentialsError::Unsupported("nc"))?, text, cnonce }))
}
