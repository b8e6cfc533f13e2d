//! The one table between SIP statuses, the outcome of an attempt, and the reason a call ends with.

use cordboard_model::{AttemptOutcome, EndReason};

/// How an attempt ended that got this final status.
pub(crate) fn attempt_outcome(status: u16) -> AttemptOutcome {
    match status {
        300..=399 => AttemptOutcome::Redirected,
        486 | 600 => AttemptOutcome::Busy,
        408 | 480 | 487 => AttemptOutcome::NoAnswer,
        401 | 403 | 407 | 603 | 607 | 608 => AttemptOutcome::Rejected,
        404 | 410 | 430 | 502 | 503 | 504 | 604 => AttemptOutcome::Unreachable,
        _ => AttemptOutcome::Failed,
    }
}

/// The status that a caller sees when the call ends for this reason before an answer and nothing more exact is known.
pub(crate) fn caller_status(reason: EndReason) -> u16 {
    match reason {
        EndReason::Busy => 486,
        EndReason::NoAnswer | EndReason::Unreachable => 480,
        EndReason::Rejected => 603,
        EndReason::NotFound => 404,
        EndReason::Forbidden | EndReason::RouteRejected => 403,
        EndReason::Challenged => 401,
        EndReason::Redirected => 302,
        EndReason::NotAcceptable => 488,
        EndReason::Cancelled | EndReason::CallerHungUp => 487,
        EndReason::NoRoute | EndReason::PortsExhausted | EndReason::Overload | EndReason::Operator => 503,
        EndReason::CalleeHungUp
        | EndReason::NoAck
        | EndReason::PeerGone
        | EndReason::MediaTimeout
        | EndReason::DurationLimit
        | EndReason::Transferred
        | EndReason::Failed => 500,
    }
}

/// The reason of a call that routing refused with this status. `tried`: targets were tried before, so the refusal sums
/// their failures up; otherwise it is the plugin's own.
pub(crate) fn rejection_reason(status: u16, tried: bool) -> EndReason {
    match status {
        404 | 410 | 484 | 485 | 604 => EndReason::NotFound,
        486 | 600 => EndReason::Busy,
        408 | 480 if tried => EndReason::NoAnswer,
        480 => EndReason::Unreachable,
        488 | 606 => EndReason::NotAcceptable,
        503 if !tried => EndReason::NoRoute,
        502..=504 => EndReason::Unreachable,
        403 | 603 if tried => EndReason::Rejected,
        _ if tried => EndReason::Failed,
        _ => EndReason::RouteRejected,
    }
}

/// Which of two final statuses tells a caller more (RFC 3261 §16.7 step 6): a 6xx decides for everybody; then the lowest
/// class, except that 503 says least; within 4xx what somebody did (busy) beats what nobody did (no answer).
pub(crate) fn better(one: u16, other: u16) -> u16 {
    if rank(other) < rank(one) { other } else { one }
}

fn rank(status: u16) -> (u8, u16) {
    let class = match status {
        600..=699 => 0,
        300..=399 => 1,
        503 => 5,
        500..=599 => 4,
        _ => 2,
    };
    let within = match status {
        486 => 0,
        480 => 2,
        408 => 3,
        _ => 1,
    };
    (class, within)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_final_status_says_how_the_attempt_ended() {
        use AttemptOutcome::*;
        for (status, outcome) in [
            (302, Redirected),
            (486, Busy),
            (600, Busy),
            (480, NoAnswer),
            (408, NoAnswer),
            (403, Rejected),
            (407, Rejected),
            (603, Rejected),
            (404, Unreachable),
            (503, Unreachable),
            (488, Failed),
            (500, Failed),
        ] {
            assert_eq!(attempt_outcome(status), outcome, "{status}");
        }
    }

    #[test]
    fn a_refusal_means_something_else_after_targets_were_tried() {
        for (status, fresh, tried) in [
            (404, EndReason::NotFound, EndReason::NotFound),
            (486, EndReason::Busy, EndReason::Busy),
            (480, EndReason::Unreachable, EndReason::NoAnswer),
            (403, EndReason::RouteRejected, EndReason::Rejected),
            (503, EndReason::NoRoute, EndReason::Unreachable),
            (500, EndReason::RouteRejected, EndReason::Failed),
        ] {
            assert_eq!(rejection_reason(status, false), fresh, "{status}");
            assert_eq!(rejection_reason(status, true), tried, "{status} after attempts");
        }
    }

    #[test]
    fn the_more_telling_of_two_failures_is_kept() {
        for (one, other, kept) in [
            (486, 603, 603),
            (480, 486, 486),
            (408, 480, 480),
            (503, 486, 486),
            (503, 408, 408),
            (302, 486, 302),
            (500, 404, 404),
        ] {
            assert_eq!(better(one, other), kept, "{one} or {other}");
            assert_eq!(better(other, one), kept, "{other} or {one}");
        }
    }

    #[test]
    fn every_reason_has_a_final_status_for_the_caller() {
        for reason in [
            EndReason::CallerHungUp,
            EndReason::CalleeHungUp,
            EndReason::Cancelled,
            EndReason::Busy,
            EndReason::NoAnswer,
            EndReason::Rejected,
            EndReason::Unreachable,
            EndReason::NotFound,
            EndReason::Forbidden,
            EndReason::Challenged,
            EndReason::RouteRejected,
            EndReason::Redirected,
            EndReason::NoRoute,
            EndReason::NotAcceptable,
            EndReason::PortsExhausted,
            EndReason::Overload,
            EndReason::NoAck,
            EndReason::PeerGone,
            EndReason::MediaTimeout,
            EndReason::Operator,
            EndReason::DurationLimit,
            EndReason::Transferred,
            EndReason::Failed,
        ] {
            assert!((300..700).contains(&caller_status(reason)), "{reason:?}");
        }
    }
}
