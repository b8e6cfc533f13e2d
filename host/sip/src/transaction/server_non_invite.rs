//! The non-INVITE server transaction: RFC 3261 §17.2.2, Figure 8.
use smallvec::smallvec;

use super::{Pace, ResponseClass, ServerAction, ServerActions, ServerEvent, Timer, Timers};
use crate::endpoint::TransactionFailure;

/// What is true now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum State {
    /// The request arrived, the user has said nothing.
    Trying,
    /// A provisional response was sent.
    Proceeding,
    /// The final response was sent and is sent again whenever the request comes again.
    Completed,
    /// Over.
    Terminated,
}

/// The machine.
#[derive(Debug)]
pub(crate) struct ServerNonInvite {
    pub(crate) state: State,
    pub(crate) timers: Timers,
    /// Whether the user was told that its final response did not get through. Once is enough.
    failed: bool,
}

impl ServerNonInvite {
    /// The machine when the request has arrived.
    pub(crate) fn new() -> Self {
        Self { state: State::Trying, timers: Timers::default(), failed: false }
    }

    /// One transition.
    pub(crate) fn handle(&mut self, pace: &Pace, event: ServerEvent) -> ServerActions {
        use ResponseClass::{Failure, Provisional, Success};
        use ServerAction::{ResendResponse, Send};
        use ServerEvent::{Ack, RequestAgain, Respond, TransportFailure};
        match (self.state, event) {
            (State::Trying | State::Proceeding, Respond(Provisional)) => {
                self.state = State::Proceeding;
                smallvec![Send]
            }
            (State::Trying | State::Proceeding, Respond(Success | Failure)) => {
                self.complete(pace);
                smallvec![Send]
            }
            (State::Proceeding | State::Completed, RequestAgain) => smallvec![ResendResponse],
            (State::Completed, ServerEvent::Timer(Timer::J)) => {
                self.state = State::Terminated;
                self.timers.clear();
                smallvec![]
            }
            (State::Completed, TransportFailure) if !self.failed => {
                self.failed = true;
                smallvec![ServerAction::Fail(TransactionFailure::Transport)]
            }
            // Nothing of ours was lost yet: the final response finds its own way (§18.2.2).
            (State::Trying | State::Proceeding | State::Completed, TransportFailure)
            | (State::Trying, RequestAgain)
            | (State::Completed, Respond(_))
            | (_, ServerEvent::Timer(_) | Ack)
            | (State::Terminated, _) => smallvec![],
        }
    }

    /// Answers repeated requests for timer J; a reliable transport repeats nothing.
    fn complete(&mut self, pace: &Pace) {
        let linger = pace.linger_after_response();
        self.state = if linger.is_zero() { State::Terminated } else { State::Completed };
        if !linger.is_zero() {
            self.timers.start(Timer::J, pace.now + linger);
        }
    }
}
