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

// Ordered by length, so that a received name is compared only with the names as long as it is.
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

/// Length of the longest known name.
const LONGEST: usize = KNOWN[KNOWN.len() - 1].1.len();

/// Index in `KNOWN` of the first name that is at least this long.
const FIRST_OF_LENGTH: [usize; LONGEST + 2] = {
    let mut first = [KNOWN.len(); LONGEST + 2];
    let mut index = KNOWN.len();
    while index > 0 {
        index -= 1;
        let length = KNOWN[index].1.len();
        assert!(
            index + 1 == KNOWN.len() || length <= KNOWN[index + 1].1.len(),
            "names are ordered by length"
        );
        first[length] = index;
    }
    let mut length = LONGEST + 1;
    while length > 0 {
        length -= 1;
        if first[length] > first[length + 1] {
            first[length] = first[length + 1];
        }
    }
    first
};

/// The first letter of each name, lower case: most names of one length differ in it already.
const FIRST_LETTERS: [u8; KNOWN.len()] = {
    let mut letters = [0; KNOWN.len()];
    let mut index = 0;
    while index < letters.len() {
        letters[index] = KNOWN[index].1.as_bytes()[0].to_ascii_lowercase();
        index += 1;
    }
    letters
};

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
            _ if token.len() > LONGEST => Self::Other,
            _ => Self::of_long(token),
        }
    }

    /// Among the names as long as `token`, which is at least two and at most `LONGEST` bytes.
    fn of_long(token: &[u8]) -> Self {
        let first_letter = token[0].to_ascii_lowercase();
        (FIRST_OF_LENGTH[token.len()]..FIRST_OF_LENGTH[token.len() + 1])
            .find(|&index| {
                FIRST_LETTERS[index] == first_letter && same_letters(KNOWN[index].1.as_bytes(), token)
            })
            .map_or(Self::Other, |index| KNOWN[index].0)
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

/// Whether a known name and a token of its length are equal without regard to case. Every received line
/// passes here, hence eight bytes at a time, the last eight overlapping those before.
fn same_letters(name: &[u8], token: &[u8]) -> bool {
    let (mut name_rest, mut token_rest) = (name, token);
    while let (Some((left, name_next)), Some((right, token_next))) =
        (name_rest.split_first_chunk(), token_rest.split_first_chunk())
    {
        if !same_word(u64::from_le_bytes(*left), u64::from_le_bytes(*right)) {
            return false;
        }
        (name_rest, token_rest) = (name_next, token_next);
    }
    match (name.last_chunk(), token.last_chunk()) {
        (Some(left), Some(right)) => same_word(u64::from_le_bytes(*left), u64::from_le_bytes(*right)),
        _ => same_word(short_word(name), short_word(token)),
    }
}

/// Whether eight bytes of a known name and of a token are equal without regard to case.
fn same_word(name: u64, token: u64) -> bool {
    /// Of the bytes in known names, letters have this bit and hyphens do not.
    const LETTER: u64 = 0x4040_4040_4040_4040;
    // Half of that bit tells upper from lower case.
    (name ^ token) & !((name & LETTER) >> 1) == 0
}

/// A name of fewer than eight bytes as one word: its first and its last four bytes, or each of the two or
/// three it has.
fn short_word(name: &[u8]) -> u64 {
    match (name.first_chunk(), name.last_chunk()) {
        (Some(first), Some(last)) => {
            u64::from(u32::from_le_bytes(*first)) << 32 | u64::from(u32::from_le_bytes(*last))
        }
        _ => name.iter().fold(0, |word, &byte| word << 8 | u64::from(byte)),
    }
}
