//! What a plugin is told about a request.

use cordboard_model::{Attributes, CallFacts, CallId, Extension, Party};
use cordboard_sip::HeaderName;
use cordboard_sip::message::{Message, NameAddr, Uri};
use cordboard_sip::transport::Flow;

/// Reads the facts of a request. `callee` is the URI it is for: the Request-URI, or To of a REGISTER.
pub(crate) fn facts(call_id: CallId, request: &Message, callee: Party, flow: &Flow) -> CallFacts {
    let caller = request.from().map(|from| party(&from)).unwrap_or_default();
    CallFacts {
        call_id,
        sip_call_id: request.call_id().unwrap_or_default().to_owned(),
        method: request.method().as_str().to_owned(),
        transport: flow.transport.name().to_owned(),
        source: flow.remote.to_string(),
        extension: Extension::from_user(&callee.user).map(|extension| extension.to_string()),
        caller,
        callee,
        trunk: None,
        authenticated_as: None,
        headers: visible_headers(request),
        hop: request.max_forwards().ok().flatten().map_or(u32::from(super::start::MAX_FORWARDS), u32::from),
        now_ms: 0,
        attributes: Attributes::new(),
    }
}

/// One side as SIP named it.
pub(crate) fn party(address: &NameAddr<'_>) -> Party {
    let display = address.display.map(text).filter(|name| !name.is_empty());
    Party { display, ..uri_party(&address.uri) }
}

/// One side named by a URI alone.
pub(crate) fn uri_party(uri: &Uri<'_>) -> Party {
    Party { uri: text(uri.raw), user: uri.user_text(), host: text(uri.host), display: None }
}

/// Bytes of a message as text, lossily: SIP is UTF-8, but not every peer knows.
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Every header a plugin may read: not the credentials, and not what only routes the message.
fn visible_headers(request: &Message) -> Attributes {
    request
        .headers()
        .filter(|header| {
            !matches!(
                header.name,
                HeaderName::Authorization
                    | HeaderName::ProxyAuthorization
                    | HeaderName::Via
                    | HeaderName::Route
                    | HeaderName::RecordRoute
                    | HeaderName::Contact
            )
        })
        .map(|header| (text(header.token), text(header.value)))
        .collect()
}
