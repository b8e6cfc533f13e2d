//! Which headers of one leg the other leg gets to see.
//!
//! The legs are independent (requirement A1): what SIP itself needs is written anew on each. What describes the call to
//! people or programs passes: the headers named here, and every header that this PBX has no name for.

use cordboard_sip::HeaderName;
use cordboard_sip::message::{Header, Message, Request, Response};

/// Whether a header passes from one leg to the other.
pub(crate) fn passes(name: HeaderName) -> bool {
    matches!(
        name,
        HeaderName::Other
            | HeaderName::AcceptLanguage
            | HeaderName::AlertInfo
            | HeaderName::CallInfo
            | HeaderName::Date
            | HeaderName::Diversion
            | HeaderName::HistoryInfo
            | HeaderName::InReplyTo
            | HeaderName::Organization
            | HeaderName::Priority
            | HeaderName::Privacy
            | HeaderName::Reason
            | HeaderName::ReferredBy
            | HeaderName::ReplyTo
            | HeaderName::Subject
            | HeaderName::Warning
    )
}

/// Headers that a plugin may add or remove, by name: never those that the host needs for itself.
pub(crate) fn plugin_may_set(token: &str) -> bool {
    !token.is_empty()
        && token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&byte))
        && !HOST_OWNED.iter().any(|owned| owned.eq_ignore_ascii_case(token))
}

/// What only the host writes, with the compact forms: a plugin that could set these could redirect dialogs or split messages.
const HOST_OWNED: &[&str] = &[
    "via",
    "v",
    "from",
    "f",
    "to",
    "t",
    "call-id",
    "i",
    "cseq",
    "contact",
    "m",
    "max-forwards",
    "route",
    "record-route",
    "content-length",
    "l",
    "content-type",
    "c",
    "content-encoding",
    "e",
    "require",
    "supported",
    "k",
    "proxy-require",
    "authorization",
    "proxy-authorization",
    "www-authenticate",
    "proxy-authenticate",
    "rseq",
    "rack",
    "session-expires",
    "x",
    "min-se",
    "replaces",
    "allow",
    "path",
    "service-route",
];

/// Headers without a name of their own here that say something about one leg only: what REFER brings (RFC 4488, RFC 4538, RFC 7614).
const OF_ONE_LEG: &[&str] = &["refer-sub", "target-dialog", "refer-events-at"];

fn passing(message: &Message) -> impl Iterator<Item = Header<'_>> {
    message.headers().filter(|header| {
        let is_of_one_leg = |name: &&str| name.as_bytes().eq_ignore_ascii_case(header.token);
        passes(header.name) && !OF_ONE_LEG.iter().any(is_of_one_leg)
    })
}

/// Copies what passes from a request onto one of the other leg, without the names in `removed`.
pub(crate) fn pass_on(from: &Message, removed: &[String], to: &mut Request) {
    for header in passing(from) {
        if !removed.iter().any(|name| name.as_bytes().eq_ignore_ascii_case(header.token)) {
            to.other(header.token, header.value);
        }
    }
}

/// Copies what passes from a response onto one of the other leg.
pub(crate) fn pass_back(from: &Message, to: &mut Response) {
    for header in passing(from) {
        to.other(header.token, header.value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_sip_needs_for_a_leg_does_not_pass() {
        for name in [
            HeaderName::Via,
            HeaderName::Route,
            HeaderName::RecordRoute,
            HeaderName::Contact,
            HeaderName::CallId,
            HeaderName::Authorization,
            HeaderName::ProxyAuthorization,
            HeaderName::UserAgent,
            HeaderName::PAssertedIdentity,
        ] {
            assert!(!passes(name), "{name:?}");
        }
        assert!(passes(HeaderName::Subject) && passes(HeaderName::Other));
    }

    #[test]
    fn a_plugin_sets_its_own_headers_and_none_of_the_hosts() {
        for (token, allowed) in [
            ("X-Queue", true),
            ("Alert-Info", true),
            ("Via", false),
            ("v", false),
            ("Contact", false),
            ("", false),
            ("X: y\r\nVia", false),
        ] {
            assert_eq!(plugin_may_set(token), allowed, "{token:?}");
        }
    }
}
