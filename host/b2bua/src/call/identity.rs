//! Who the two sides see: From and To of our INVITEs, and the identity that trusted trunks assert (RFC 3323, RFC 3325).

use std::fmt::Write;

use cordboard_model::{CallFacts, Party, Target, TargetAddress};
use cordboard_sip::HeaderName;
use cordboard_sip::message::{Message, NameAddr, Request};
use cordboard_sip::transport::Flow;

use super::Call;
use super::facts::party;
use crate::context::Context;
use crate::trunk::{TrunkIdentity, TrunkPrivacy};

/// From of a caller who wants privacy (RFC 3323 §4.1.1.3).
const ANONYMOUS: &str = "\"Anonymous\" <sip:anonymous@anonymous.invalid>";

/// The names of the asserted identity among the headers that plugins see.
const ASSERTED: &str = "P-Asserted-Identity";

/// Takes note of the trunk that a request came from, and of what it asserts, if it is believed.
///
/// What anybody else asserts is not shown to plugins: it looks like a proof and is none.
pub(crate) fn recognise(ctx: &Context, request: &Message, flow: &Flow, facts: &mut CallFacts) {
    facts.trunk = ctx.trunks.origin(request, flow).map(str::to_owned);
    let Some(caller) = asserted(ctx, facts.trunk.as_deref(), request) else {
        return facts.headers.retain(|(name, _)| !name.eq_ignore_ascii_case(ASSERTED));
    };
    // A caller who wants privacy stays who From says; the plugin finds the rest among the headers.
    if !wants_privacy(request) {
        facts.caller = caller;
    }
}

/// Who calls, as a trunk that is believed says.
fn asserted(ctx: &Context, trunk: Option<&str>, request: &Message) -> Option<Party> {
    let trusted = ctx.settings.trunks.get(trunk?).is_some_and(|settings| settings.identity.trusted);
    let value = request.elements(HeaderName::PAssertedIdentity).next().filter(|_| trusted)?;
    NameAddr::parse(value).map(|address| party(&address))
}

fn wants_privacy(request: &Message) -> bool {
    let mut wishes = request.values(HeaderName::Privacy).flat_map(|value| value.split(|byte| *byte == b';'));
    wishes.any(|wish| {
        ["id", "user", "header"].iter().any(|known| wish.trim_ascii().eq_ignore_ascii_case(known.as_bytes()))
    })
}

/// Whom a callee is shown.
struct Shown<'a> {
    user: &'a str,
    display: Option<&'a str>,
    host: String,
    anonymous: bool,
}

/// Writes From, and towards a trunk what it is to know besides.
pub(crate) fn write(
    call: &Call,
    ctx: &Context,
    target: &Target,
    trunk: Option<&str>,
    flow: &Flow,
    local_tag: &str,
    request: &mut Request,
) {
    let policy = trunk.and_then(|name| ctx.settings.trunks.get(name)).map(|settings| &settings.identity);
    let shown = shown(call, ctx, target, policy, flow);
    let private = match policy.map(|policy| policy.privacy) {
        None => shown.anonymous,
        Some(TrunkPrivacy::AsAsked) => shown.anonymous || wants_privacy(&call.invite.message),
        Some(TrunkPrivacy::Always) => true,
        Some(TrunkPrivacy::Never) => false,
    };
    let user = policy.and_then(|policy| policy.from_user.as_deref()).unwrap_or(shown.user);
    let from = if private { ANONYMOUS.to_owned() } else { address(user, shown.display, &shown.host) };
    request.header_fmt(HeaderName::From, format_args!("{from};tag={local_tag}"));
    let Some(policy) = policy else { return };
    let chosen = target.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(ASSERTED));
    if policy.trusted && !chosen {
        let passed =
            target.caller.is_none().then(|| asserted(ctx, call.facts.trunk.as_deref(), &call.invite.message));
        let value = match passed.flatten() {
            Some(party) => address(&party.user, party.display.as_deref(), &shown.host),
            None => address(shown.user, shown.display, &shown.host),
        };
        request.header(HeaderName::PAssertedIdentity, value);
    }
    if private {
        request.header(HeaderName::Privacy, "id");
    }
}

fn shown<'a>(
    call: &'a Call,
    ctx: &Context,
    target: &'a Target,
    policy: Option<&TrunkIdentity>,
    flow: &Flow,
) -> Shown<'a> {
    let usual = policy.and_then(|policy| policy.from_host.clone()).unwrap_or_else(|| ctx.host(flow));
    match &target.caller {
        Some(chosen) => Shown {
            user: &chosen.user,
            display: chosen.display.as_deref(),
            host: chosen.host.clone().unwrap_or(usual),
            anonymous: chosen.anonymous,
        },
        None => Shown {
            user: &call.caller_party.user,
            display: call.caller_party.display.as_deref(),
            host: usual,
            anonymous: false,
        },
    }
}

/// A name-addr.
fn address(user: &str, display: Option<&str>, host: &str) -> String {
    let mut value = String::new();
    if let Some(display) = display.filter(|name| !name.is_empty()) {
        let _ = write!(value, "\"{}\" ", display.replace('\\', "\\\\").replace('"', "\\\""));
    }
    // A host comes from a plugin or the configuration; what ends a URI must not stand in it.
    let host = host.replace(['<', '>', ';', ',', '?', '@', ' '], "");
    if user.is_empty() {
        let _ = write!(value, "<sip:{host}>");
    } else {
        let _ = write!(value, "<sip:{}@{host}>", escape_user(user));
    }
    value
}

/// To names whom the caller wanted, not the phone's current address.
pub(crate) fn to_value(address: &TargetAddress, uri: &str, host: &str) -> String {
    match address {
        TargetAddress::Aor(aor) => {
            let bare = aor.strip_prefix("sip:").unwrap_or(aor);
            let user = bare.rsplit_once('@').map_or(bare, |(user, _)| user);
            format!("<sip:{}@{host}>", escape_user(user))
        }
        TargetAddress::Uri(_) | TargetAddress::Trunk { .. } => format!("<{uri}>"),
    }
}

/// A user part with everything escaped that may not stand in it (RFC 3261 §25.1, `user`).
pub(crate) fn escape_user(user: &str) -> String {
    let mut escaped = String::with_capacity(user.len());
    for byte in user.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.!~*'()&=+$,;?/".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_display_name_and_a_user_cannot_break_out_of_from() {
        assert_eq!(
            address("10>01", Some("Eve \"x\" <sip:y>"), "pbx",),
            "\"Eve \\\"x\\\" <sip:y>\" <sip:10%3E01@pbx>"
        );
        assert_eq!(address("", None, "pbx"), "<sip:pbx>");
        assert_eq!(address("1001", None, "pbx>;tag=x"), "<sip:1001@pbxtag=x>");
    }
}
