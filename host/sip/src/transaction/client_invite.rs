//! The INVITE client transaction: RFC 3261 §17.1.1, Figure 5, as RFC 6026 corrects it.
use std::time::Duration;

use smallvec::smallvec;

use super::{ClientAction, ClientActions, ClientEvent, Pace, ResponseClass, Timer, Timers};
use crate::endpoint::TransactionFailure;

/// What is true now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum State {
    /// The INVITE is out, nothing came back.
    Calling,
    /// A provisional response came. Ends only with a final response or a failed CANCEL.
    Proceeding,
    /// A 300 to 699 came and is acknowledged whenever it comes again.
    Completed,
    /// A 2xx came; others may follow.
    Accepted,
    /// Over.
    Terminated,
}

/// How far the wish to cancel has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Cancel {
    NotWanted,
    /// To be sent with the first provisional response: before it the CANCEL could overtake the INVITE (§9.1).
    Wanted,
    Sent,
}

/// The machine.
#[derive(Debug)]
pub(crate) struct ClientInvite {
    pub(crate) state: State,
    pub(crate) timers: Timers,
    cancel: Cancel,
    interval: Duration,
}

impl ClientInvite {
    /// The machine after the first transmission of the INVITE.
    pub(crate) fn new(pace: &Pace) -> Self {
        let mut timers = Timers::default();
        if !pace.reliable {
            timers.start(Timer::A, pace.now + pace.t1);
        }
        timers.start(Timer::B, pace.now + pace.lifetime());
        Self { state: State::Calling, timers, cancel: Cancel::NotWanted, interval: pace.t1 }
    }

    /// One transition.
    pub(crate) fn handle(&mut self, pace: &Pace, event: ClientEvent) -> ClientActions {
        use ClientAction::{Deliver, DeliverStray, Fail, ResendAck, ResendRequest, SendAck};
        use ClientEvent::{Response, TransportFailure};
        use ResponseClass::{Failure, Provisional, Success};
        match (self.state, event) {
            (State::Calling, ClientEvent::Timer(Timer::A)) => {
                self.interval *= 2;
                self.timers.start(Timer::A, pace.now + self.interval);
                smallvec![ResendRequest]
            }
            (State::Calling, ClientEvent::Timer(Timer::B))
            | (State::Proceeding, ClientEvent::Timer(Timer::CancelIgnored)) => {
                self.enter(State::Terminated);
                smallvec![Fail(TransactionFailure::Timeout)]
            }
            (State::Calling | State::Proceeding, TransportFailure) => {
                self.enter(State::Terminated);
                smallvec![Fail(TransactionFailure::Transport)]
            }
            (State::Calling, Response(Provisional)) => {
                self.enter(State::Proceeding);
                let mut actions: ClientActions = smallvec![Deliver];
                if self.cancel == Cancel::Wanted {
                    actions.push(self.send_cancel(pace));
                }
                actions
            }
            (State::Proceeding, Response(Provisional)) => smallvec![Deliver],
            (State::Calling | State::Proceeding, Response(Success)) => {
                self.enter(State::Accepted);
                self.timers.start(Timer::M, pace.now + pace.lifetime());
                smallvec![Deliver]
            }
            (State::Calling | State::Proceeding, Response(Failure)) => {
                self.complete(pace);
                // The ACK first: it is made from the response, which the user takes.
                smallvec![SendAck, Deliver]
            }
            (State::Completed, Response(Failure)) => smallvec![ResendAck],
            // A forking proxy may pass a 2xx on after it reported failure. Whoever answered has to be released.
            (State::Completed, Response(Success)) => smallvec![DeliverStray],
            (State::Accepted, Response(Success)) => smallvec![Deliver],
            (State::Completed, ClientEvent::Timer(Timer::D) | TransportFailure)
            | (State::Accepted, ClientEvent::Timer(Timer::M)) => {
                self.enter(State::Terminated);
                smallvec![]
            }
            (State::Calling, ClientEvent::Cancel) => {
                self.cancel = Cancel::Wanted;
                smallvec![]
            }
            (State::Proceeding, ClientEvent::Cancel) if self.cancel != Cancel::Sent => {
                smallvec![self.send_cancel(pace)]
            }
            (State::Completed, Response(Provisional))
            | (State::Accepted, Response(Provisional | Failure) | TransportFailure)
            | (State::Proceeding | State::Completed | State::Accepted, ClientEvent::Cancel)
            | (_, ClientEvent::Timer(_))
            | (State::Terminated, _) => smallvec![],
        }
    }

    /// The INVITE, which nothing has answered, goes again as a datagram: from now on it is resent. The wish to cancel stays.
    pub(crate) fn send_as_datagram(&mut self, pace: &Pace) {
        let again = Self::new(pace);
        (self.timers, self.interval) = (again.timers, again.interval);
    }

    /// Every timer belongs to one state and ends with it.
    fn enter(&mut self, state: State) {
        self.state = state;
        self.timers.clear();
    }

    /// Keeps acknowledging for timer D; a reliable transport repeats nothing.
    fn complete(&mut self, pace: &Pace) {
        let linger = pace.linger_after_failure();
        self.enter(if linger.is_zero() { State::Terminated } else { State::Completed });
        if !linger.is_zero() {
            self.timers.start(Timer::D, pace.now + linger);
        }
    }

    fn send_cancel(&mut self, pace: &Pace) -> ClientAction {
        self.cancel = Cancel::Sent;
        self.timers.start(Timer::CancelIgnored, pace.now + pace.lifetime());
        ClientAction::SendCancel
    }
}
