//! Typed readings of header values, on demand; each borrows from the message.
use super::grammar::{Parts, number, take_token, trim, trim_start};
use super::{HeaderError, HeaderName, Message, Method, NameAddr, Via};

/// Largest CSeq and RSeq number (RFC 3261 §8.1.1.5, RFC 3262 §3).
const MAX_SEQUENCE: u64 = 0x7fff_ffff;

/// CSeq.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CSeq {
    /// The number.
    pub number: u32,
    /// The method.
    pub method: Method,
}

impl CSeq {
    /// Reads `number METHOD`.
    pub fn parse(value: &[u8]) -> Option<Self> {
        let (number, token) = sequence_and_rest(value)?;
        let method = method_token(token)?;
        Some(Self { number, method: Method::of_token(method) })
    }
}

/// RAck (RFC 3262 §7.2): which provisional a PRACK confirms.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RAck {
    /// RSeq of the provisional.
    pub rseq: u32,
    /// CSeq of the provisional.
    pub cseq: CSeq,
}

impl RAck {
    /// Reads `rseq number METHOD`.
    pub fn parse(value: &[u8]) -> Option<Self> {
        let (rseq, rest) = sequence_and_rest(value)?;
        Some(Self { rseq, cseq: CSeq::parse(rest)? })
    }
}

/// Cuts a sequence number and the white space behind it off the front.
fn sequence_and_rest(value: &[u8]) -> Option<(u32, &[u8])> {
    let (digits, rest) = take_token(trim(value))?;
    let after = trim_start(rest);
    (after.len() < rest.len()).then_some(())?;
    Some((u32::try_from(number(digits, MAX_SEQUENCE)?).ok()?, after))
}

/// The one token that `value` is.
fn method_token(value: &[u8]) -> Option<&[u8]> {
    take_token(trim(value)).filter(|(_, rest)| rest.is_empty()).map(|(token, _)| token)
}

impl Message {
    /// Topmost Via.
    ///
    /// # Errors
    /// When it is missing or malformed.
    pub fn via(&self) -> Result<Via<'_>, HeaderError> {
        let value = self.required(HeaderName::Via)?;
        let top = Parts::list(value).next();
        top.and_then(Via::parse).ok_or(HeaderError::Malformed(HeaderName::Via))
    }

    /// Every Via from the top, over all lines.
    pub fn vias(&self) -> impl Iterator<Item = Result<Via<'_>, HeaderError>> {
        self.elements(HeaderName::Via)
            .map(|value| Via::parse(value).ok_or(HeaderError::Malformed(HeaderName::Via)))
    }

    /// From.
    ///
    /// # Errors
    /// When it is missing or malformed.
    pub fn from(&self) -> Result<NameAddr<'_>, HeaderError> {
        self.name_addr(HeaderName::From)
    }

    /// To.
    ///
    /// # Errors
    /// When it is missing or malformed.
    pub fn to(&self) -> Result<NameAddr<'_>, HeaderError> {
        self.name_addr(HeaderName::To)
    }

    /// First line of a header that holds one address, such as Refer-To.
    ///
    /// # Errors
    /// When it is missing or malformed.
    pub fn name_addr(&self, name: HeaderName) -> Result<NameAddr<'_>, HeaderError> {
        NameAddr::parse(self.required(name)?).ok_or(HeaderError::Malformed(name))
    }

    /// Each address of a header that lists them, such as Route and Record-Route, over all its lines.
    pub fn name_addrs(&self, name: HeaderName) -> impl Iterator<Item = Result<NameAddr<'_>, HeaderError>> {
        self.elements(name).map(move |value| NameAddr::parse(value).ok_or(HeaderError::Malformed(name)))
    }

    /// Call-ID.
    ///
    /// # Errors
    /// When it is missing, empty, not UTF-8 or has white space inside.
    pub fn call_id(&self) -> Result<&str, HeaderError> {
        let value = self.required(HeaderName::CallId)?;
        // Looks at every byte, which the compiler does for many at once.
        let blank = value.iter().fold(false, |found, byte| found | byte.is_ascii_whitespace());
        let clean = !value.is_empty() && !blank;
        std::str::from_utf8(value).ok().filter(|_| clean).ok_or(HeaderError::Malformed(HeaderName::CallId))
    }

    /// CSeq.
    ///
    /// # Errors
    /// When it is missing or malformed, or its number is 2^31 or more.
    pub fn cseq(&self) -> Result<CSeq, HeaderError> {
        CSeq::parse(self.required(HeaderName::CSeq)?).ok_or(HeaderError::Malformed(HeaderName::CSeq))
    }

    /// The method of CSeq as written, for methods that have no name here.
    pub(super) fn cseq_token(&self) -> Option<&[u8]> {
        method_token(sequence_and_rest(self.value(HeaderName::CSeq)?)?.1)
    }

    /// Each Contact that is not `*`.
    pub fn contacts(&self) -> impl Iterator<Item = Result<NameAddr<'_>, HeaderError>> {
        self.elements(HeaderName::Contact)
            .filter(|&value| value != b"*")
            .map(|value| NameAddr::parse(value).ok_or(HeaderError::Malformed(HeaderName::Contact)))
    }

    /// Whether a Contact is `*`: a REGISTER that removes every binding, if it is the only one and Expires is
    /// 0 (RFC 3261 §10.3).
    pub fn is_wildcard_contact(&self) -> bool {
        self.elements(HeaderName::Contact).any(|value| value == b"*")
    }

    /// Max-Forwards; `None` when absent.
    ///
    /// # Errors
    /// When it is not a number of 0 to 255.
    pub fn max_forwards(&self) -> Result<Option<u8>, HeaderError> {
        let number = self.number(HeaderName::MaxForwards, u64::from(u8::MAX))?;
        Ok(number.and_then(|number| u8::try_from(number).ok()))
    }

    /// Expires in seconds; `None` when absent. Too large a number reads as the largest (RFC 3261 §10.3 lets
    /// the registrar shorten it).
    ///
    /// # Errors
    /// When it is not a number.
    pub fn expires(&self) -> Result<Option<u32>, HeaderError> {
        self.saturating(HeaderName::Expires)
    }

    /// Min-Expires in seconds; `None` when absent.
    ///
    /// # Errors
    /// When it is not a number.
    pub fn min_expires(&self) -> Result<Option<u32>, HeaderError> {
        self.saturating(HeaderName::MinExpires)
    }

    /// RSeq; `None` when absent.
    ///
    /// # Errors
    /// When it is not a number below 2^31.
    pub fn rseq(&self) -> Result<Option<u32>, HeaderError> {
        let number = self.number(HeaderName::RSeq, MAX_SEQUENCE)?;
        Ok(number.and_then(|number| u32::try_from(number).ok()))
    }

    /// RAck.
    ///
    /// # Errors
    /// When it is missing or malformed.
    pub fn rack(&self) -> Result<RAck, HeaderError> {
        RAck::parse(self.required(HeaderName::RAck)?).ok_or(HeaderError::Malformed(HeaderName::RAck))
    }

    /// Whether a list of tokens, such as Supported, Require or Allow, has this one; without regard to case.
    pub fn lists(&self, name: HeaderName, token: &str) -> bool {
        self.elements(name).any(|element| element.eq_ignore_ascii_case(token.as_bytes()))
    }

    fn required(&self, name: HeaderName) -> Result<&[u8], HeaderError> {
        self.value(name).ok_or(HeaderError::Missing(name))
    }

    fn number(&self, name: HeaderName, limit: u64) -> Result<Option<u64>, HeaderError> {
        let Some(value) = self.value(name) else { return Ok(None) };
        number(value, limit).map(Some).ok_or(HeaderError::Malformed(name))
    }

    fn saturating(&self, name: HeaderName) -> Result<Option<u32>, HeaderError> {
        let Some(value) = self.value(name) else { return Ok(None) };
        if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
            return Err(HeaderError::Malformed(name));
        }
        Ok(Some(number(value, u64::from(u32::MAX)).and_then(|n| u32::try_from(n).ok()).unwrap_or(u32::MAX)))
    }
}
