//! What the registrar decided about a REGISTER, and how it is told.

use std::time::Duration;

use cordboard_sip::{HeaderName, Response, StatusCode};

/// The answer to one REGISTER.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisterOutcome {
    /// Status of the response.
    pub status: StatusCode,
    /// What was wrong, for the reason phrase; `None` for the usual phrase.
    pub reason: Option<&'static str>,
    /// Values of the Contact lines of a 200: every binding with what is left of it, best first.
    pub contacts: Vec<String>,
    /// Values of the Path lines of a 200, for a phone that knows the extension (RFC 3327).
    pub path: Vec<String>,
    /// Min-Expires of a 423.
    pub min_expires: Option<Duration>,
    /// Retry-After of a 503.
    pub retry_after: Option<Duration>,
    /// Whether a binding was added, moved or removed; a refresh that only lasts longer is no change.
    pub changed: bool,
    /// How many bindings the address has now.
    pub left: usize,
}

impl RegisterOutcome {
    /// Adds to a response with [`Self::status`] what it has to say.
    pub fn answer(&self, response: &mut Response) {
        if let Some(reason) = self.reason {
            response.reason(reason);
        }
        for contact in &self.contacts {
            response.header(HeaderName::Contact, contact);
        }
        for path in &self.path {
            response.header(HeaderName::Path, path);
        }
        if let Some(shortest) = self.min_expires {
            response.header_fmt(HeaderName::MinExpires, shortest.as_secs());
        }
        if let Some(pause) = self.retry_after {
            response.header_fmt(HeaderName::RetryAfter, pause.as_secs());
        }
    }

    pub(super) fn refused(refusal: Refusal, left: usize) -> Self {
        let (code, reason) = refusal.status();
        Self {
            status: StatusCode::new(code).expect("the table of refusals holds valid statuses"),
            reason,
            contacts: Vec::new(),
            path: Vec::new(),
            min_expires: if let Refusal::TooBrief { shortest } = refusal { Some(shortest) } else { None },
            retry_after: matches!(refusal, Refusal::Full).then_some(FULL_RETRY_AFTER),
            changed: false,
            left,
        }
    }
}

/// A full registrar is emptied by expiry, which takes minutes; asking more often only costs both sides.
const FULL_RETRY_AFTER: Duration = Duration::from_secs(60);

/// Why a REGISTER changed nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// A header cannot be read, or contradicts another.
    Malformed(&'static str),
    /// One AOR wants more contacts than it may have.
    TooManyContacts,
    /// A contact wishes to last shorter than we keep track of.
    TooBrief {
        /// What we accept.
        shortest: Duration,
    },
    /// A later REGISTER of the same Call-ID has already been seen (RFC 3261 §10.3 step 7).
    OutOfOrder,
    /// No room for more bindings.
    Full,
}

impl Refusal {
    const fn status(self) -> (u16, Option<&'static str>) {
        match self {
            Self::Malformed(reason) => (400, Some(reason)),
            Self::TooManyContacts => (403, Some("Too Many Contacts")),
            Self::TooBrief { .. } => (423, None),
            Self::OutOfOrder => (500, Some("CSeq Out Of Order")),
            Self::Full => (503, None),
        }
    }
}
