//! Refusals of a callee that mean: ask me again, like this.

use cordboard_model::Srtp;
use cordboard_sip::StatusCode;
use cordboard_sip::message::Message;

use super::fork::ForkState;
use super::{Call, Stage, session_timer};

/// A 422 for the first time: the callee takes an INVITE whose session lasts longer (RFC 4028 §7.3).
pub(crate) fn asks_for_longer_session(call: &mut Call, place: usize, message: &Message) -> bool {
    let fork = &mut call.setup.forks[place];
    let is_first = fork.min_se.is_none() && matches!(fork.state, ForkState::Inviting(_));
    let refused = message.status().is_some_and(|status| status.code() == 422);
    if call.stage == Stage::Dialing && is_first && refused {
        fork.min_se = session_timer::min_se(message);
        return fork.min_se.is_some();
    }
    false
}

/// A 488 or 606 for the first time, of a target that may go without the encryption that it was offered.
pub(crate) fn asks_for_plain_media(call: &mut Call, place: usize, status: StatusCode) -> bool {
    let fork = &mut call.setup.forks[place];
    let preferred = call.setup.trials[fork.trial].target.srtp == Srtp::Preferred;
    let is_first = !fork.refuses_encryption && matches!(fork.state, ForkState::Inviting(_));
    let asks = call.stage == Stage::Dialing
        && preferred
        && is_first
        && call.invite.offer.is_some()
        && matches!(status.code(), 488 | 606);
    fork.refuses_encryption |= asks;
    asks
}
