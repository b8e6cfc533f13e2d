//! The INVITE server transaction: RFC 3261 §17.2.1, Figure 7, as RFC 6026 corrects it.
use std::time::Duration;

use smallvec::smallvec;

use super::{Pace, ResponseClass, ServerAction, ServerActions, ServerEvent, Timer, Timers};
use crate::endpoint::TransactionFailure;

/// What is true now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum State {
    /// The user has not decided yet.
    Proceeding,
    /// A 300 to 699 was sent; its ACK is awaited.
    Completed,
    /// The ACK came; its repetitions are swallowed.
    Confirmed,
    /// A 2xx was sent; INVITEs that come again are swallowed (RFC 6026).
    Accepted,
    /// Over.
    Terminated,
}

/// The machine.
#[derive(Debug)]
pub(crate) struct ServerInvite {
    pub(crate) state: State,
    pub(crate) timers: Timers,
    interval: Duration,
    /// Whether the user was told that its final response did not get through. Once is enough.
    failed: bool,
}

impl ServerInvite {
    /// The machine when the INVITE has arrived. The user sends the 100 Trying.
    pub(crate) fn new(pace: &Pace) -> Self {
        Self { state: State::Proceeding, timers: Timers::default(), interval: pace.t1, failed: false }
    }

    /// One transition.
    pub(crate) fn handle(&mut self, pace: &Pace, event: ServerEvent) -> ServerActions {
        use ResponseClass::{Failure, Provisional, Success};
        use ServerAction::{DeliverAck, ResendResponse, Send};
        use ServerEvent::{Ack, RequestAgain, Respond, TransportFailure};
        match (self.state, event) {
            (State::Proceeding | State::Completed, RequestAgain) => smallvec![ResendResponse],
            (State::Proceeding, Respond(Provisional)) => smallvec![Send],
            (State::Proceeding, Respond(Success)) => {
                self.enter(State::Accepted);
                self.timers.start(Timer::L, pace.now + pace.lifetime());
                smallvec![Send]
            }
            (State::Proceeding, Respond(Failure)) => {
                self.await_ack(pace);
                smallvec![Send]
            }
            (State::Completed, ServerEvent::Timer(Timer::G)) => {
                self.interval = (self.interval * 2).min(pace.t2);
                self.timers.start(Timer::G, pace.now + self.interval);
                smallvec![ResendResponse]
            }
            (State::Completed, ServerEvent::Timer(Timer::H)) => {
                self.enter(State::Terminated);
                self.fail(TransactionFailure::Timeout)
            }
            (State::Completed, Ack) => {
                self.confirm(pace);
                smallvec![]
            }
            (State::Accepted, Ack) => smallvec![DeliverAck],
            // RFC 6026: the user is told, the state stays.
            (State::Completed | State::Accepted, TransportFailure) => {
                self.fail(TransactionFailure::Transport)
            }
            (State::Confirmed, ServerEvent::Timer(Timer::I))
            | (State::Accepted, ServerEvent::Timer(Timer::L)) => {
                self.enter(State::Terminated);
                smallvec![]
            }
            // Nothing of ours was lost yet: the final response finds its own way (§18.2.2).
            (State::Proceeding, TransportFailure | Ack)
            | (State::Completed | State::Confirmed | State::Accepted, Respond(_))
            | (State::Confirmed, RequestAgain | Ack | TransportFailure)
            | (State::Accepted, RequestAgain)
            | (_, ServerEvent::Timer(_))
            | (State::Terminated, _) => smallvec![],
        }
    }

    /// Every timer belongs to one state and ends with it.
    fn enter(&mut self, state: State) {
        self.state = state;
        self.timers.clear();
    }

    fn await_ack(&mut self, pace: &Pace) {
        self.enter(State::Completed);
        if !pace.reliable {
            self.timers.start(Timer::G, pace.now + pace.t1);
        }
        self.timers.start(Timer::H, pace.now + pace.lifetime());
    }

    /// Swallows repeated ACKs for timer I; a reliable transport repeats nothing.
    fn confirm(&mut self, pace: &Pace) {
        let linger = pace.linger_for_strays();
        self.enter(if linger.is_zero() { State::Terminated } else { State::Confirmed });
        if !linger.is_zero() {
            self.timers.start(Timer::I, pace.now + linger);
        }
    }

    fn fail(&mut self, failure: TransactionFailure) -> ServerActions {
        if std::mem::replace(&mut self.failed, true) {
            smallvec![]
        } else {
            smallvec![ServerAction::Fail(failure)]
        }
    }
}
