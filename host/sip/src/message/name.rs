//! Header names.

macro_rules! header_names {
    ($($name:ident = $text:literal,)*) => {
        /// A header this crate reads or writes; compact forms (RFC 3261 §7.3.3) are the same name.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[expect(missing_docs, reason = "the names are the headers")]
        pub enum HeaderName {
            $($name,)*
            /// Any other; see [`super::Header::token`].
            Other,
        }

        /// Every known name in the order of the enum.
        const KNOWN: &[(HeaderName, &str)] = &[$((HeaderName::$name, $text),)*];
    };
}

header_names! {
    To = "To",
    Via = "Via",
    CSeq = "CSeq",
    Date = "Date",
    From = "From",
    Path = "Path",
    RAck = "RAck",
    RSeq = "RSeq",
    Allow = "Allow",
    Event = "Event",
    Route = "Route",
    Accept = "Accept",
    MinSe = "Min-SE",
    Reason = "Reason",
    Server = "Server",
    CallId = "Call-ID",
    Contact = "Contact",
    Expires = "Expires",
    Privacy = "Privacy",
    Require = "Require",
    Subject = "Subject",
    Warning = "Warning",
    Priority = "Priority",
    ReferTo = "Refer-To",
    Replaces = "Replaces",
    ReplyTo = "Reply-To",
    CallInfo = "Call-Info",
    Diversion = "Diversion",
    Supported = "Supported",
    Timestamp = "Timestamp",
    AlertInfo = "Alert-Info",
    UserAgent = "User-Agent",
    InReplyTo = "In-Reply-To",
    MinExpires = "Min-Expires",
    ReferredBy = "Referred-By",
    RetryAfter = "Retry-After",
    Unsupported = "Unsupported",
    AllowEvents = "Allow-Events",
    ContentType = "Content-Type",
    HistoryInfo = "History-Info",
    MaxForwards = "Max-Forwards",
    MimeVersion = "MIME-Version",
    Organization = "Organization",
    RecordRoute = "Record-Route",
    Authorization = "Authorization",
    ProxyRequire = "Proxy-Require",
    ServiceRoute = "Service-Route",
    ContentLength = "Content-Length",
    AcceptEncoding = "Accept-Encoding",
    AcceptLanguage = "Accept-Language",
    RemotePartyId = "Remote-Party-ID",
    SessionExpires = "Session-Expires",
    ContentEncoding = "Content-Encoding",
    ContentLanguage = "Content-Language",
    WwwAuthenticate = "WWW-Authenticate",
    ProxyAuthenticate = "Proxy-Authenticate",
    SubscriptionState = "Subscription-State",
    PAssertedIdentity = "P-Asserted-Identity",
    ContentDisposition = "Content-Disposition",
    ProxyAuthorization = "Proxy-Authorization",
    PPreferredIdentity = "P-Preferred-Identity",
}

/// No name stands in a slot of `SLOTS`.
const FREE: u8 = u8::MAX;

/// Where each name stands in `KNOWN`, at the slot of its length and letters or in the next free one behind.
/// Every received line is looked up here, and finds its name at the first try unless two share a slot.
static SLOTS: [u8; 256] = {
    assert!(KNOWN.len() < 128, "a search soon comes to a free slot");
    let mut slots = [FREE; 256];
    let mut index = 0;
    while index < KNOWN.len() {
        let mut slot = slot(KNOWN[index].1.as_bytes());
        while slots[slot as usize] != FREE {
            slot = slot.wrapping_add(1);
        }
        slots[slot as usize] = index as u8;
        index += 1;
    }
    slots
};

/// The slot of a name of at least one byte, without regard to case. The factors give nearly every known name
/// a slot of its own.
const fn slot(name: &[u8]) -> u8 {
    let (first, last) = (name[0] | 0x20, name[name.len() - 1] | 0x20);
    (name.len() as u8)
        .wrapping_mul(3)
        .wrapping_add(first.wrapping_mul(29))
        .wrapping_add(last.wrapping_mul(33))
}

/// The ends of each name, in the order of `KNOWN`.
static KNOWN_ENDS: [Ends; KNOWN.len()] = {
    let mut all = [Ends::of(b""); KNOWN.len()];
    let mut index = 0;
    while index < all.len() {
        let name = KNOWN[index].1.as_bytes();
        assert!(name.len() >= 2 && name.len() <= LONGEST, "the ends of a name hold all of it");
        all[index] = Ends::of(name);
        index += 1;
    }
    all
};

/// Longest name that `Ends` holds every byte of.
const LONGEST: usize = 24;

/// The beginning and the end of a name as numbers. Those of 2 to `LONGEST` bytes hold every byte of it, some
/// twice, so that two names of one length are compared in a few instructions.
#[derive(Clone, Copy)]
struct Ends {
    length: usize,
    head: u128,
    tail: u64,
}

impl HeaderName {
    /// How many there are, `Other` included.
    pub(super) const COUNT: usize = KNOWN.len() + 1;

    /// The name as we write it, such as `Call-ID`. Empty for `Other`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Other => "",
            known => KNOWN[known as usize].1,
        }
    }

    /// The name that this token stands for, without regard to case; compact forms are understood.
    pub fn of_token(token: &[u8]) -> Self {
        match token {
            [letter] => Self::of_compact(letter.to_ascii_lowercase()),
            [] => Self::Other,
            _ => Self::of_long(token),
        }
    }

    /// Among the known names, for a token of at least two bytes.
    fn of_long(token: &[u8]) -> Self {
        let ends = Ends::of(token);
        let mut slot = slot(token);
        while let Some(known) = KNOWN_ENDS.get(usize::from(SLOTS[usize::from(slot)])) {
            if known.is_spelt_by(ends) {
                return KNOWN[usize::from(SLOTS[usize::from(slot)])].0;
            }
            slot = slot.wrapping_add(1);
        }
        Self::Other
    }

    /// The compact forms of RFC 3261, 3515, 3841, 3892, 4028, 4474 and 6665 for headers that have a name
    /// here.
    const fn of_compact(letter: u8) -> Self {
        match letter {
            b'b' => Self::ReferredBy,
            b'c' => Self::ContentType,
            b'e' => Self::ContentEncoding,
            b'f' => Self::From,
            b'i' => Self::CallId,
            b'k' => Self::Supported,
            b'l' => Self::ContentLength,
            b'm' => Self::Contact,
            b'o' => Self::Event,
            b'r' => Self::ReferTo,
            b's' => Self::Subject,
            b't' => Self::To,
            b'u' => Self::AllowEvents,
            b'v' => Self::Via,
            b'x' => Self::SessionExpires,
            _ => Self::Other,
        }
    }
}

impl Ends {
    /// The longest beginning and end that the name has both of.
    const fn of(name: &[u8]) -> Self {
        let (head, tail) = if let (Some(head), Some(tail)) = (name.first_chunk(), name.last_chunk()) {
            (u128::from_le_bytes(*head), u64::from_le_bytes(*tail))
        } else if let (Some(head), Some(tail)) = (name.first_chunk(), name.last_chunk()) {
            (u64::from_le_bytes(*head) as u128, u64::from_le_bytes(*tail))
        } else if let (Some(head), Some(tail)) = (name.first_chunk(), name.last_chunk()) {
            (u32::from_le_bytes(*head) as u128, u32::from_le_bytes(*tail) as u64)
        } else if let (Some(head), Some(tail)) = (name.first_chunk(), name.last_chunk()) {
            (u16::from_le_bytes(*head) as u128, u16::from_le_bytes(*tail) as u64)
        } else {
            (0, 0)
        };
        Self { length: name.len(), head, tail }
    }

    /// Whether `token` has the letters of this known name, in any case.
    fn is_spelt_by(&self, token: Self) -> bool {
        /// Of the bytes in known names, letters have this bit and hyphens do not.
        const LETTER: u128 = u128::from_le_bytes([0x40; 16]);
        // Half of that bit tells upper from lower case.
        let head = (self.head ^ token.head) & !((self.head & LETTER) >> 1);
        let tail = (self.tail ^ token.tail) & !((self.tail & LETTER as u64) >> 1);
        self.length == token.length && head == 0 && tail == 0
    }
}

#[cfg(test)]
mod tests {
    use super::{HeaderName, KNOWN};

    #[test]
    fn every_known_name_is_found_in_any_case_and_no_other_for_a_byte_that_differs() {
        for &(name, text) in KNOWN {
            for token in [text.to_owned(), text.to_ascii_uppercase(), text.to_ascii_lowercase()] {
                assert_eq!(HeaderName::of_token(token.as_bytes()), name, "{token}");
            }
            for at in 0..text.len() {
                for byte in (0..=u8::MAX).filter(|byte| !byte.eq_ignore_ascii_case(&text.as_bytes()[at])) {
                    let mut token = text.as_bytes().to_vec();
                    token[at] = byte;
                    assert_ne!(HeaderName::of_token(&token), name, "{token:?}");
                }
            }
        }
    }
}
