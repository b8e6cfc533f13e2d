//! One log line per event. Constant phrases, data in fields, our call id in every line of a call.
//!
//! Numbers and names of people stay out; an address of record is what an operator needs to find a phone.

use cordboard_model::{EndReason, Event, EventKind, PluginChange, PluginTransition, TrunkState, TrunkStatus};
use tracing::{error, info, warn};

/// Writes the line of an event.
pub fn write(event: &Event) {
    let call_id = event.call_id.map(|id| id.to_string()).unwrap_or_default();
    match &event.kind {
        EventKind::CallStarted { sip_call_id, .. } => {
            info!(%call_id, %sip_call_id, leg = "a", "call started");
        }
        EventKind::LegStarted { sip_call_id, .. } => {
            info!(%call_id, %sip_call_id, leg = "b", "leg started");
        }
        EventKind::CallRinging { status } => info!(%call_id, status, "call ringing"),
        EventKind::CallAnswered { sip_call_id, setup_ms, .. } => {
            info!(%call_id, %sip_call_id, leg = "b", elapsed_ms = setup_ms, "call answered");
        }
        EventKind::TransferStarted { successor, .. } => info!(%call_id, %successor, "transfer started"),
        EventKind::Dtmf { leg, duration_ms, .. } => {
            info!(%call_id, leg = leg.name(), elapsed_ms = duration_ms, "key pressed");
        }
        EventKind::MediaSilent { leg } => {
            warn!(%call_id, leg = leg.name(), "one side sends no media while the other one talks");
        }
        EventKind::CallEnded { reason, status, duration_ms, talk_ms } => {
            write_end(&call_id, *reason, *status, *duration_ms, *talk_ms);
        }
        EventKind::Registered { aor, bindings } => info!(%aor, bindings, "registered"),
        EventKind::Unregistered { aor, expired } => info!(%aor, expired, "unregistered"),
        EventKind::TrunkStateChanged(status) => write_trunk(status),
        EventKind::PluginChanged(change) => write_plugin(change),
    }
}

/// A name under which nothing answers is an error; a change that was not taken, or taken back, is a warning.
fn write_plugin(happened: &PluginChange) {
    let PluginChange { plugin, change, generation, digest, version, reason } = happened;
    let (name, version) = (change.name(), version.as_deref());
    // The begin of a digest is what people compare.
    let digest = digest.as_deref().map(|digest| digest.get(..12).unwrap_or(digest));
    match change {
        PluginTransition::LoadFailed => {
            error!(plugin, change = name, generation, digest, version, reason, "plugin changed");
        }
        PluginTransition::ReloadRefused
        | PluginTransition::RolledBack
        | PluginTransition::Quarantined
        | PluginTransition::BreakerOpened => {
            warn!(plugin, change = name, generation, digest, version, reason, "plugin changed");
        }
        PluginTransition::Loaded
        | PluginTransition::Reloaded
        | PluginTransition::Confirmed
        | PluginTransition::BreakerClosed
        | PluginTransition::Removed => {
            info!(plugin, change = name, generation, digest, version, reason, "plugin changed");
        }
    }
}

/// A trunk without which calls fail is a warning.
fn write_trunk(status: &TrunkStatus) {
    let TrunkStatus { trunk, state, servers_up, servers, reason } = status;
    let name = state.name();
    match state {
        TrunkState::Down | TrunkState::Unregistered => {
            warn!(trunk, state = name, servers_up, servers, reason, "trunk changed");
        }
        TrunkState::Registering | TrunkState::Up | TrunkState::Removed => {
            info!(trunk, state = name, servers_up, servers, "trunk changed");
        }
    }
}

/// The end of a call is a warning when we had to cope with something.
fn write_end(call_id: &str, reason: EndReason, status: Option<u16>, elapsed_ms: u64, talk_ms: u64) {
    let reason_name = reason.name();
    if is_error(reason) {
        warn!(%call_id, reason = reason_name, status, elapsed_ms, talk_ms, "call failed");
    } else {
        info!(%call_id, reason = reason_name, status, elapsed_ms, talk_ms, "call ended");
    }
}

/// Whether a call that ended so was let down by a peer, the network or us; hanging up, a busy phone, a wrong number or
/// a refusal are what telephony is.
pub fn is_error(reason: EndReason) -> bool {
    match reason {
        EndReason::CallerHungUp
        | EndReason::CalleeHungUp
        | EndReason::Cancelled
        | EndReason::Busy
        | EndReason::NoAnswer
        | EndReason::Rejected
        | EndReason::NotFound
        | EndReason::Forbidden
        | EndReason::Challenged
        | EndReason::RouteRejected
        | EndReason::Redirected
        | EndReason::Transferred
        | EndReason::Operator
        | EndReason::DurationLimit => false,
        EndReason::Unreachable
        | EndReason::NoRoute
        | EndReason::NotAcceptable
        | EndReason::PortsExhausted
        | EndReason::Overload
        | EndReason::NoAck
        | EndReason::PeerGone
        | EndReason::MediaTimeout
        | EndReason::Failed => true,
    }
}
