//! The non-INVITE client transaction: RFC 3261 §17.1.2, Figure 6.
use std::time::Duration;

use smallvec::smallvec;

use super::{ClientAction, ClientActions, ClientEvent, Pace, ResponseClass, Timer, Timers};
use crate::endpoint::TransactionFailure;

/// What is true now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum State {
    /// The request is out, nothing came back.
    Trying,
    /// A provisional response came; resends go on, at T2.
    Proceeding,
    /// A final response came; its repetitions are swallowed.
    Completed,
    /// Over.
    Terminated,
}

/// The machine.
#[derive(Debug)]
pub(crate) struct ClientNonInvite {
    pub(crate) state: State,
    pub(crate) timers: Timers,
    interval: Duration,
}

impl ClientNonInvite {
    /// The machine after the first transmission of the request.
    pub(crate) fn new(pace: &Pace) -> Self {
        let mut timers = Timers::default();
        if !pace.reliable {
            timers.start(Timer::E, pace.now + pace.t1);
        }
        timers.start(Timer::F, pace.now + pace.lifetime());
        Self { state: State::Trying, timers, interval: pace.t1 }
    }

    /// The request, which nothing has answered, goes again as a datagram: from now on it is resent.
    pub(crate) fn send_as_datagram(&mut self, pace: &Pace) {
        *self = Self::new(pace);
    }

    /// One transition.
    pub(crate) fn handle(&mut self, pace: &Pace, event: ClientEvent) -> ClientActions {
        use ClientAction::{Deliver, Fail};
        use ClientEvent::{Response, TransportFailure};
        use ResponseClass::{Failure, Provisional, Success};
        match (self.state, event) {
            (State::Trying, ClientEvent::Timer(Timer::E)) => {
                self.resend_after((self.interval * 2).min(pace.t2), pace)
            }
            (State::Proceeding, ClientEvent::Timer(Timer::E)) => self.resend_after(pace.t2, pace),
            (State::Trying | State::Proceeding, ClientEvent::Timer(Timer::F)) => {
                self.terminate();
                smallvec![Fail(TransactionFailure::Timeout)]
            }
            (State::Trying | State::Proceeding, TransportFailure) => {
                self.terminate();
                smallvec![Fail(TransactionFailure::Transport)]
            }
            (State::Trying | State::Proceeding, Response(Provisional)) => {
                self.state = State::Proceeding;
                smallvec![Deliver]
            }
            (State::Trying | State::Proceeding, Response(Success | Failure)) => {
                self.complete(pace);
                smallvec![Deliver]
            }
            (State::Completed, ClientEvent::Timer(Timer::K)) => {
                self.terminate();
                smallvec![]
            }
            // Only an INVITE is cancelled (§9.1), and nothing is sent any more that the transport could lose.
            (State::Completed, Response(_) | TransportFailure)
            | (_, ClientEvent::Timer(_) | ClientEvent::Cancel)
            | (State::Terminated, _) => smallvec![],
        }
    }

    fn resend_after(&mut self, interval: Duration, pace: &Pace) -> ClientActions {
        self.interval = interval;
        self.timers.start(Timer::E, pace.now + interval);
        smallvec![ClientAction::ResendRequest]
    }

    /// Swallows repetitions for timer K; a reliable transport repeats nothing.
    fn complete(&mut self, pace: &Pace) {
        self.terminate();
        let linger = pace.linger_for_strays();
        if !linger.is_zero() {
            self.state = State::Completed;
            self.timers.start(Timer::K, pace.now + linger);
        }
    }

    fn terminate(&mut self) {
        self.state = State::Terminated;
        self.timers.clear();
    }
}
