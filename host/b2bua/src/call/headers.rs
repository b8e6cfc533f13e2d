//! Which headers of one leg the other leg gets to see.
//!
//! The legs are independent (requirement A1): what SIP itself needs is written anew on each. What describes the call to
//! people or programs passes: the headers named here, and every header that this PBX has no name for.

use cordboard_sip::HeaderName;
use cordboard_sip::message::{Header, Message, Request, Response};

use crate::context::Context;

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

/// Copies what passes from a response onto one of the other leg, without the names in `removed`.
pub(crate) fn pass_back(from: &Message, removed: &[String], to: &mut Response) {
    for header in passing(from) {
        if !removed.iter().any(|name| name.as_bytes().eq_ignore_ascii_case(header.token)) {
            to.other(header.token, header.value);
        }
    }
}

/// The names of headers of `message` that do not pass between legs with these trunks: Privacy, which is written anew for a
/// trunk, and what is not on the list of one that has a list.
pub(crate) fn kept_back(ctx: &Context, trunks: [Option<&str>; 2], message: &Message) -> Vec<String> {
    if trunks == [None, None] {
        return Vec::new();
    }
    let settings = trunks.into_iter().flatten().filter_map(|name| ctx.settings.trunks.get(name));
    let lists: Vec<&Vec<String>> = settings.filter_map(|settings| settings.headers.pass.as_ref()).collect();
    let to_trunk = trunks[1].is_some();
    let passes = |header: &Header<'_>| {
        let listed = |list: &&Vec<String>| list.iter().any(|name| is_named(header, name));
        !(to_trunk && header.name == HeaderName::Privacy) && lists.iter().all(listed)
    };
    let kept = message.headers().filter(|header| !passes(header));
    kept.map(|header| super::facts::text(header.token)).collect()
}

/// Whether a header has this name, in its compact form too.
fn is_named(header: &Header<'_>, name: &str) -> bool {
    let known = HeaderName::of_token(name.as_bytes());
    (known != HeaderName::Other && known == header.name) || header.token.eq_ignore_ascii_case(name.as_bytes())
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
