//! Proving to a trunk who we are, on INVITE and on every request within its calls (RFC 3261 §22, RFC 8760).
//!
//! **Only a trunk's own challenges are answered, and only with its own account.** A challenge from a phone, or from whoever a
//! URI leads to, ends the attempt: answering it would give a digest to somebody who may guess the password from it.

use std::collections::BTreeMap;
use std::time::Instant;

use cordboard_sip::HeaderName;
use cordboard_sip::auth::{Challenge, DigestSession};
use cordboard_sip::message::{Message, Request};
use cordboard_sip::transaction::ClientTransactionId;
use cordboard_sip::transport::Flow;

use crate::call::leg::Leg;
use crate::call::{Call, CallKey, bridge};
use crate::context::{ClientUse, Context};

/// A request within a call of a trunk that has no final response yet.
pub(crate) struct Sent {
    call: CallKey,
    purpose: ClientUse,
    flow: Flow,
    request: Request,
    trunk: String,
}

/// Which dialogs are with trunks, and what is under way in them. As large as the calls of trunks and their transactions.
#[derive(Default)]
pub(crate) struct SentRequests {
    /// By Call-ID, with the call that the dialog is of: a peer chooses the Call-ID of its calls, and must not get credentials by
    /// choosing that of a trunk's.
    trunks: BTreeMap<String, (CallKey, String)>,
    /// The Call-IDs of each call.
    calls: BTreeMap<CallKey, Vec<String>>,
    requests: BTreeMap<ClientTransactionId, Sent>,
}

impl SentRequests {
    /// A leg of this call is with a trunk.
    pub(crate) fn note_dialog(&mut self, call: CallKey, sip_call_id: &str, trunk: &str) {
        self.trunks.insert(sip_call_id.to_owned(), (call, trunk.to_owned()));
        self.calls.entry(call).or_default().push(sip_call_id.to_owned());
    }

    /// A leg has moved to this call; if it is with a trunk, that is not forgotten with the call that it came from.
    pub(crate) fn follow(&mut self, sip_call_id: &str, to: CallKey) {
        if let Some(trunk) = self.trunk_of(sip_call_id).map(str::to_owned) {
            self.note_dialog(to, sip_call_id, &trunk);
        }
    }

    /// The trunk that the dialogs with this Call-ID are with.
    pub(crate) fn trunk_of(&self, sip_call_id: &str) -> Option<&str> {
        self.trunks.get(sip_call_id).map(|(_, trunk)| trunk.as_str())
    }

    /// Keeps a request that may be challenged. The INVITE of a fork is kept by the fork.
    pub(crate) fn note(
        &mut self,
        transaction: ClientTransactionId,
        call: CallKey,
        purpose: ClientUse,
        flow: Flow,
        request: &Request,
    ) {
        if self.trunks.is_empty() || matches!(purpose, ClientUse::Fork(_)) {
            return;
        }
        let sip_call_id = request.value(HeaderName::CallId).and_then(|id| std::str::from_utf8(id).ok());
        if let Some((owner, trunk)) = sip_call_id.and_then(|id| self.trunks.get(id))
            && *owner == call
        {
            let sent = Sent { call, purpose, flow, request: request.clone(), trunk: trunk.clone() };
            self.requests.insert(transaction, sent);
        }
    }

    /// A final response came, or will not.
    pub(crate) fn take(&mut self, transaction: ClientTransactionId) -> Option<Sent> {
        self.requests.remove(&transaction)
    }

    /// A call is forgotten.
    pub(crate) fn forget_call(&mut self, call: CallKey) {
        let Some(dialogs) = self.calls.remove(&call) else { return };
        for sip_call_id in dialogs {
            // A caller that was challenged sends its INVITE again with the Call-ID of the call that is forgotten now.
            if self.trunks.get(&sip_call_id).is_some_and(|(owner, _)| *owner == call) {
                self.trunks.remove(&sip_call_id);
            }
        }
        self.requests.retain(|_, sent| sent.call != call);
    }
}

/// The header that answers the challenge in `response`. `None`: it is none, the trunk has no account for it, or the request had
/// credentials already and the challenge does not say that only their nonce was too old.
pub(crate) fn answer(
    ctx: &mut Context,
    trunk: &str,
    request: &Request,
    response: &Message,
) -> Option<(HeaderName, String)> {
    let challenge = Challenge::strongest(response).ok()?;
    let settings = ctx.settings.clone();
    let account = settings.trunks.get(trunk)?.account.as_ref()?;
    let password = settings.secrets.get(&account.secret)?.reveal();
    if account.realm.as_ref().is_some_and(|realm| *realm != challenge.realm) {
        return None;
    }
    let stale = challenge.stale;
    let mut session = DigestSession::new(challenge, &account.user, password);
    let name = session.header_name();
    if request.value(name).is_some() && !stale {
        return None;
    }
    let method = String::from_utf8_lossy(request.token()).into_owned();
    let uri = String::from_utf8_lossy(request.uri()).into_owned();
    Some((name, session.authorization(&method, &uri, &mut ctx.rng)))
}

/// Sends a request within a dialog once more with credentials, when a trunk asked for them. `false`: the response stands.
pub(crate) fn send_again(
    call: &mut Call,
    ctx: &mut Context,
    now: Instant,
    former: ClientTransactionId,
    sent: Sent,
    response: &Message,
) -> bool {
    let Some((name, value)) = answer(ctx, &sent.trunk, &sent.request, response) else { return false };
    let Some(leg) = leg_of(call, &sent.request) else { return false };
    let request = sent.request.with_credentials(leg.dialog.next_cseq(), name, &value);
    if request.method() == cordboard_sip::Method::Invite {
        leg.note_credentials(&request);
    }
    ctx.index.clients.remove(&former);
    let latter = ctx.send(now, sent.flow, &request, sent.call, sent.purpose);
    bridge::sent_again(call, former, latter);
    true
}

/// The leg whose dialog a request of ours is in.
fn leg_of<'a>(call: &'a mut Call, request: &Request) -> Option<&'a mut Leg> {
    let sip_call_id = request.value(HeaderName::CallId)?;
    let to = request.value(HeaderName::To).and_then(cordboard_sip::message::NameAddr::parse)?;
    let tag = to.tag().unwrap_or_default();
    let Call { caller, callee, setup, .. } = call;
    let callee = callee.iter_mut().map(|(_, leg)| leg);
    let others = setup.forks.iter_mut().flat_map(|fork| fork.legs_mut());
    std::iter::once(caller)
        .chain(callee)
        .chain(others)
        .find(|leg| leg.dialog.id.sip_call_id.as_bytes() == sip_call_id && leg.dialog.id.remote_tag == tag)
}
