//! What the INVITE of a fork says: everything of SIP's own is new, what describes the call passes.

use cordboard_media::command::Side;
use cordboard_media::sdp::Changes;
use cordboard_sip::message::Request;
use cordboard_sip::transport::Flow;
use cordboard_sip::{HeaderName, Method};

use super::super::headers::{kept_back, pass_on, plugin_may_set};
use super::super::identity::{self, to_value};
use super::super::{Call, dtmf, early, session_timer};
use crate::context::{ALLOW, Context, EXTENSIONS, RELIABLE_PROVISIONALS};
use crate::trunk::dial;

/// The INVITE of the fork at `place`.
pub(super) fn invitation(
    call: &Call,
    ctx: &Context,
    place: usize,
    flow: Flow,
    local_tag: &str,
    sip_call_id: &str,
) -> Request {
    let fork = &call.setup.forks[place];
    let target = &call.setup.trials[fork.trial].target;
    let mut request = Request::new(Method::Invite, &fork.uri);
    for hop in &fork.route {
        request.header(HeaderName::Route, hop);
    }
    let trunk = fork.trunk.as_ref().map(|outgoing| outgoing.name.as_str());
    request.header(HeaderName::MaxForwards, call.facts.hop.saturating_sub(1).to_string());
    identity::write(call, ctx, target, trunk, &flow, local_tag, &mut request);
    request.header(HeaderName::To, to_value(&target.address, &fork.uri, &ctx.host(&flow)));
    request.header(HeaderName::CallId, sip_call_id);
    request.header(HeaderName::CSeq, "1 INVITE");
    request.header(HeaderName::Contact, ctx.contact(&flow));
    request.header(HeaderName::Allow, ALLOW);
    let reliable = early::may_be_reliable(call);
    let supported = EXTENSIONS.iter().filter(|name| reliable || **name != RELIABLE_PROVISIONALS);
    request.header(HeaderName::Supported, supported.copied().collect::<Vec<_>>().join(", "));
    session_timer::propose(&ctx.settings.call, fork.min_se, &mut request);
    let mut removed = kept_back(ctx, [call.facts.trunk.as_deref(), trunk], &call.invite.message);
    removed.extend(target.remove_headers.iter().cloned());
    pass_on(&call.invite.message, &removed, &mut request);
    let added = trunk.and_then(|name| ctx.settings.trunks.get(name)).map(|settings| &settings.headers.add);
    for (name, value) in
        target.headers.iter().filter(|(name, _)| plugin_may_set(name)).chain(added.into_iter().flatten())
    {
        request.other(name, value);
    }
    let encryption = fork.security.shown_to(Side::Callee, None);
    let offer = call.invite.offer.as_ref();
    let offer = offer.and_then(|offer| {
        let events = dtmf::change(call, ctx, Side::Callee, offer, &encryption);
        call.rewritten_as(ctx, Side::Callee, &flow, offer, Changes { encryption, events, origin: None })
    });
    if let Some(body) = offer {
        request.body("application/sdp", dial::allowed_codecs(ctx, trunk, body));
    }
    request
}
