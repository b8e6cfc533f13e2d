//! Every transition of Figures 5 to 8 of RFC 3261, as RFC 6026 draws them, and what is ignored in each state.
//!
//! A case brings a fresh machine through some events, all at one instant, and looks at the last: what it asks for, the
//! state after it, and the timers that run then, in milliseconds from that instant.
use std::time::{Duration, Instant};

use super::{
    ClientAction, ClientEvent, ClientInvite, ClientInviteState, ClientNonInvite, ClientNonInviteState, Pace,
    ResponseClass, ServerAction, ServerEvent, ServerInvite, ServerInviteState, ServerNonInvite,
    ServerNonInviteState, Timer, Timers,
};
use crate::endpoint::{EndpointSettings, TransactionFailure};

const FAILED_IN_TIME: TransactionFailure = TransactionFailure::Timeout;
const FAILED_IN_TRANSPORT: TransactionFailure = TransactionFailure::Transport;

/// A machine of any kind.
trait Machine {
    type Event: Copy;
    type Action;
    type State;
    fn new(pace: &Pace) -> Self;
    fn handle(&mut self, pace: &Pace, event: Self::Event) -> Vec<Self::Action>;
    fn state(&self) -> Self::State;
    fn timers(&self) -> &Timers;
}

macro_rules! machine {
    ($machine:ty, $event:ty, $action:ty, $state:ty, $pace:ident => $new:expr) => {
        impl Machine for $machine {
            type Event = $event;
            type Action = $action;
            type State = $state;
            fn new($pace: &Pace) -> Self {
                $new
            }
            fn handle(&mut self, pace: &Pace, event: $event) -> Vec<$action> {
                <$machine>::handle(self, pace, event).to_vec()
            }
            fn state(&self) -> $state {
                self.state
            }
            fn timers(&self) -> &Timers {
                &self.timers
            }
        }
    };
}

machine!(ClientInvite, ClientEvent, ClientAction, ClientInviteState, pace => ClientInvite::new(pace));
machine!(ClientNonInvite, ClientEvent, ClientAction, ClientNonInviteState, pace => ClientNonInvite::new(pace));
machine!(ServerInvite, ServerEvent, ServerAction, ServerInviteState, pace => ServerInvite::new(pace));
machine!(ServerNonInvite, ServerEvent, ServerAction, ServerNonInviteState, _pace => ServerNonInvite::new());

/// Name, events, what the last asks for, the state and the running timers after it.
type Case<'a, M> = (
    &'a str,
    &'a [<M as Machine>::Event],
    &'a [<M as Machine>::Action],
    <M as Machine>::State,
    &'a [(Timer, u64)],
);

fn check<M: Machine>(reliable: bool, cases: &[Case<'_, M>])
where
    M::Action: PartialEq + std::fmt::Debug,
    M::State: PartialEq + std::fmt::Debug,
{
    #[expect(
        clippy::disallowed_methods,
        reason = "an Instant can only be had from the clock; it is never read again"
    )]
    let now = Instant::now();
    let pace = Pace::new(now, &EndpointSettings::default(), reliable);
    for (name, events, actions, state, timers) in cases {
        let mut machine = M::new(&pace);
        let mut last = Vec::new();
        for event in *events {
            last = machine.handle(&pace, *event);
        }
        assert_eq!(last, *actions, "{name}: actions");
        assert_eq!(machine.state(), *state, "{name}: state");
        assert_eq!(running(machine.timers(), now), *timers, "{name}: timers");
    }
}

/// The running timers in the order of their names.
fn running(timers: &Timers, now: Instant) -> Vec<(Timer, u64)> {
    let mut timers = timers.clone();
    let far = now + Duration::from_secs(1 << 20);
    let mut running = Vec::new();
    while let Some(at) = timers.next() {
        let timer = timers.take_due(far).expect("a timer that is due some day is due in the far future");
        running.push((timer, u64::try_from((at - now).as_millis()).expect("a timer is not that late")));
    }
    running.sort();
    running
}

#[test]
fn figure_5_client_invite_over_a_datagram_transport() {
    use ClientAction::{Deliver, DeliverStray, Fail, ResendAck, ResendRequest, SendAck, SendCancel};
    use ClientEvent::{Cancel, Response, Timer as Fires, TransportFailure};
    use ClientInviteState::{Accepted, Calling, Completed, Proceeding, Terminated};
    use ResponseClass::{Failure, Provisional, Success};
    const FRESH: &[(Timer, u64)] = &[(Timer::A, 500), (Timer::B, 32_000)];
    const D: &[(Timer, u64)] = &[(Timer::D, 32_000)];
    const M: &[(Timer, u64)] = &[(Timer::M, 32_000)];
    const CANCELLED: &[(Timer, u64)] = &[(Timer::CancelIgnored, 32_000)];
    check::<ClientInvite>(
        false,
        &[
            ("INVITE from TU: Calling, A and B run", &[], &[], Calling, FRESH),
            (
                "Calling, A fires: resend, A doubles",
                &[Fires(Timer::A)],
                &[ResendRequest],
                Calling,
                &[(Timer::A, 1000), (Timer::B, 32_000)],
            ),
            (
                "Calling, A fires again: no upper bound but B",
                &[Fires(Timer::A), Fires(Timer::A), Fires(Timer::A), Fires(Timer::A)],
                &[ResendRequest],
                Calling,
                &[(Timer::A, 8000), (Timer::B, 32_000)],
            ),
            ("Calling, B fires: inform TU", &[Fires(Timer::B)], &[Fail(FAILED_IN_TIME)], Terminated, &[]),
            (
                "Calling, transport error: inform TU",
                &[TransportFailure],
                &[Fail(FAILED_IN_TRANSPORT)],
                Terminated,
                &[],
            ),
            ("Calling, 1xx: to TU, no timer runs", &[Response(Provisional)], &[Deliver], Proceeding, &[]),
            ("Calling, 2xx: to TU", &[Response(Success)], &[Deliver], Accepted, M),
            ("Calling, 300-699: ACK, to TU", &[Response(Failure)], &[SendAck, Deliver], Completed, D),
            ("Calling, cancel wanted: waits for a 1xx", &[Cancel], &[], Calling, FRESH),
            (
                "Calling, cancel wanted, 1xx: to TU, CANCEL",
                &[Cancel, Response(Provisional)],
                &[Deliver, SendCancel],
                Proceeding,
                CANCELLED,
            ),
            ("Calling, cancel wanted, 2xx: too late", &[Cancel, Response(Success)], &[Deliver], Accepted, M),
            (
                "Proceeding, 1xx: to TU",
                &[Response(Provisional), Response(Provisional)],
                &[Deliver],
                Proceeding,
                &[],
            ),
            ("Proceeding, 2xx: to TU", &[Response(Provisional), Response(Success)], &[Deliver], Accepted, M),
            (
                "Proceeding, 300-699: ACK, to TU",
                &[Response(Provisional), Response(Failure)],
                &[SendAck, Deliver],
                Completed,
                D,
            ),
            (
                "Proceeding, transport error: inform TU",
                &[Response(Provisional), TransportFailure],
                &[Fail(FAILED_IN_TRANSPORT)],
                Terminated,
                &[],
            ),
            (
                "Proceeding, cancel wanted: CANCEL",
                &[Response(Provisional), Cancel],
                &[SendCancel],
                Proceeding,
                CANCELLED,
            ),
            (
                "Proceeding, cancel wanted twice: once",
                &[Response(Provisional), Cancel, Cancel],
                &[],
                Proceeding,
                CANCELLED,
            ),
            (
                "Proceeding, no answer to the CANCEL for 64*T1: inform TU (§9.1)",
                &[Response(Provisional), Cancel, Fires(Timer::CancelIgnored)],
                &[Fail(FAILED_IN_TIME)],
                Terminated,
                &[],
            ),
            (
                "Proceeding, a 1xx behind the CANCEL",
                &[Cancel, Response(Provisional), Response(Provisional)],
                &[Deliver],
                Proceeding,
                CANCELLED,
            ),
            (
                "Completed, 300-699: ACK again",
                &[Response(Failure), Response(Failure)],
                &[ResendAck],
                Completed,
                D,
            ),
            ("Completed, 1xx: ignored", &[Response(Failure), Response(Provisional)], &[], Completed, D),
            (
                "Completed, 2xx of another fork: to TU as a stray",
                &[Response(Failure), Response(Success)],
                &[DeliverStray],
                Completed,
                D,
            ),
            ("Completed, cancel wanted: too late", &[Response(Failure), Cancel], &[], Completed, D),
            ("Completed, D fires", &[Response(Failure), Fires(Timer::D)], &[], Terminated, &[]),
            (
                "Completed, transport error on the ACK",
                &[Response(Failure), TransportFailure],
                &[],
                Terminated,
                &[],
            ),
            (
                "Accepted, 2xx: to TU (RFC 6026)",
                &[Response(Success), Response(Success)],
                &[Deliver],
                Accepted,
                M,
            ),
            ("Accepted, 1xx: ignored", &[Response(Success), Response(Provisional)], &[], Accepted, M),
            ("Accepted, 300-699: ignored", &[Response(Success), Response(Failure)], &[], Accepted, M),
            ("Accepted, transport error: stays", &[Response(Success), TransportFailure], &[], Accepted, M),
            ("Accepted, M fires (RFC 6026)", &[Response(Success), Fires(Timer::M)], &[], Terminated, &[]),
            ("Terminated, 2xx: ignored", &[Fires(Timer::B), Response(Success)], &[], Terminated, &[]),
        ],
    );
}

#[test]
fn figure_5_client_invite_over_a_reliable_transport() {
    use ClientAction::{Deliver, Fail, SendAck};
    use ClientEvent::{Response, Timer as Fires};
    use ClientInviteState::{Accepted, Calling, Terminated};
    use ResponseClass::{Failure, Success};
    check::<ClientInvite>(
        true,
        &[
            ("INVITE from TU: only B runs", &[], &[], Calling, &[(Timer::B, 32_000)]),
            ("Calling, B fires: inform TU", &[Fires(Timer::B)], &[Fail(FAILED_IN_TIME)], Terminated, &[]),
            ("Calling, 300-699: D is zero", &[Response(Failure)], &[SendAck, Deliver], Terminated, &[]),
            (
                "Calling, 2xx: M runs all the same",
                &[Response(Success)],
                &[Deliver],
                Accepted,
                &[(Timer::M, 32_000)],
            ),
        ],
    );
}

#[test]
fn figure_6_client_non_invite_over_a_datagram_transport() {
    use ClientAction::{Deliver, Fail, ResendRequest};
    use ClientEvent::{Cancel, Response, Timer as Fires, TransportFailure};
    use ClientNonInviteState::{Completed, Proceeding, Terminated, Trying};
    use ResponseClass::{Failure, Provisional, Success};
    const FRESH: &[(Timer, u64)] = &[(Timer::E, 500), (Timer::F, 32_000)];
    const K: &[(Timer, u64)] = &[(Timer::K, 5000)];
    check::<ClientNonInvite>(
        false,
        &[
            ("request from TU: Trying, E and F run", &[], &[], Trying, FRESH),
            (
                "Trying, E fires: resend, E doubles",
                &[Fires(Timer::E)],
                &[ResendRequest],
                Trying,
                &[(Timer::E, 1000), (Timer::F, 32_000)],
            ),
            (
                "Trying, E fires often: at most T2",
                &[Fires(Timer::E), Fires(Timer::E), Fires(Timer::E), Fires(Timer::E)],
                &[ResendRequest],
                Trying,
                &[(Timer::E, 4000), (Timer::F, 32_000)],
            ),
            ("Trying, F fires: inform TU", &[Fires(Timer::F)], &[Fail(FAILED_IN_TIME)], Terminated, &[]),
            (
                "Trying, transport error: inform TU",
                &[TransportFailure],
                &[Fail(FAILED_IN_TRANSPORT)],
                Terminated,
                &[],
            ),
            ("Trying, 1xx: to TU", &[Response(Provisional)], &[Deliver], Proceeding, FRESH),
            ("Trying, 2xx: to TU", &[Response(Success)], &[Deliver], Completed, K),
            ("Trying, 300-699: to TU", &[Response(Failure)], &[Deliver], Completed, K),
            ("Trying, cancel wanted: only an INVITE is cancelled", &[Cancel], &[], Trying, FRESH),
            (
                "Proceeding, E fires: resend, E is T2",
                &[Response(Provisional), Fires(Timer::E)],
                &[ResendRequest],
                Proceeding,
                &[(Timer::E, 4000), (Timer::F, 32_000)],
            ),
            (
                "Proceeding, F fires: inform TU",
                &[Response(Provisional), Fires(Timer::F)],
                &[Fail(FAILED_IN_TIME)],
                Terminated,
                &[],
            ),
            (
                "Proceeding, transport error: inform TU",
                &[Response(Provisional), TransportFailure],
                &[Fail(FAILED_IN_TRANSPORT)],
                Terminated,
                &[],
            ),
            (
                "Proceeding, 1xx: to TU",
                &[Response(Provisional), Response(Provisional)],
                &[Deliver],
                Proceeding,
                FRESH,
            ),
            ("Proceeding, 2xx: to TU", &[Response(Provisional), Response(Success)], &[Deliver], Completed, K),
            (
                "Proceeding, 300-699: to TU",
                &[Response(Provisional), Response(Failure)],
                &[Deliver],
                Completed,
                K,
            ),
            (
                "Completed, a response again: ignored",
                &[Response(Success), Response(Success)],
                &[],
                Completed,
                K,
            ),
            ("Completed, transport error: stays", &[Response(Success), TransportFailure], &[], Completed, K),
            ("Completed, K fires", &[Response(Success), Fires(Timer::K)], &[], Terminated, &[]),
            ("Terminated, a response: ignored", &[Fires(Timer::F), Response(Success)], &[], Terminated, &[]),
        ],
    );
}

#[test]
fn figure_6_client_non_invite_over_a_reliable_transport() {
    use ClientAction::Deliver;
    use ClientEvent::Response;
    use ClientNonInviteState::{Terminated, Trying};
    check::<ClientNonInvite>(
        true,
        &[
            ("request from TU: only F runs", &[], &[], Trying, &[(Timer::F, 32_000)]),
            ("Trying, final: K is zero", &[Response(ResponseClass::Success)], &[Deliver], Terminated, &[]),
        ],
    );
}

#[test]
fn figure_7_server_invite_over_a_datagram_transport() {
    use ResponseClass::{Failure, Provisional, Success};
    use ServerAction::{DeliverAck, Fail, ResendResponse, Send};
    use ServerEvent::{Ack, RequestAgain, Respond, Timer as Fires, TransportFailure};
    use ServerInviteState::{Accepted, Completed, Confirmed, Proceeding, Terminated};
    const FAILED: &[(Timer, u64)] = &[(Timer::G, 500), (Timer::H, 32_000)];
    const L: &[(Timer, u64)] = &[(Timer::L, 32_000)];
    const I: &[(Timer, u64)] = &[(Timer::I, 5000)];
    check::<ServerInvite>(
        false,
        &[
            ("INVITE: Proceeding, no timer runs", &[], &[], Proceeding, &[]),
            (
                "Proceeding, INVITE: latest 1xx again",
                &[Respond(Provisional), RequestAgain],
                &[ResendResponse],
                Proceeding,
                &[],
            ),
            ("Proceeding, 1xx from TU: send", &[Respond(Provisional)], &[Send], Proceeding, &[]),
            ("Proceeding, 2xx from TU: send, Accepted (RFC 6026)", &[Respond(Success)], &[Send], Accepted, L),
            ("Proceeding, 300-699 from TU: send", &[Respond(Failure)], &[Send], Completed, FAILED),
            ("Proceeding, transport error: stays", &[TransportFailure], &[], Proceeding, &[]),
            ("Proceeding, ACK: ignored", &[Ack], &[], Proceeding, &[]),
            (
                "Completed, INVITE: response again",
                &[Respond(Failure), RequestAgain],
                &[ResendResponse],
                Completed,
                FAILED,
            ),
            (
                "Completed, G fires: response again, G doubles",
                &[Respond(Failure), Fires(Timer::G)],
                &[ResendResponse],
                Completed,
                &[(Timer::G, 1000), (Timer::H, 32_000)],
            ),
            (
                "Completed, G fires often: at most T2",
                &[Respond(Failure), Fires(Timer::G), Fires(Timer::G), Fires(Timer::G), Fires(Timer::G)],
                &[ResendResponse],
                Completed,
                &[(Timer::G, 4000), (Timer::H, 32_000)],
            ),
            (
                "Completed, H fires: inform TU",
                &[Respond(Failure), Fires(Timer::H)],
                &[Fail(FAILED_IN_TIME)],
                Terminated,
                &[],
            ),
            (
                "Completed, transport error: inform TU, stay (RFC 6026)",
                &[Respond(Failure), TransportFailure],
                &[Fail(FAILED_IN_TRANSPORT)],
                Completed,
                FAILED,
            ),
            (
                "Completed, transport error, H fires: TU knows",
                &[Respond(Failure), TransportFailure, Fires(Timer::H)],
                &[],
                Terminated,
                &[],
            ),
            (
                "Completed, a response from TU: ignored",
                &[Respond(Failure), Respond(Success)],
                &[],
                Completed,
                FAILED,
            ),
            ("Completed, ACK: Confirmed", &[Respond(Failure), Ack], &[], Confirmed, I),
            ("Confirmed, ACK: ignored", &[Respond(Failure), Ack, Ack], &[], Confirmed, I),
            ("Confirmed, INVITE: ignored", &[Respond(Failure), Ack, RequestAgain], &[], Confirmed, I),
            (
                "Confirmed, transport error: ignored",
                &[Respond(Failure), Ack, TransportFailure],
                &[],
                Confirmed,
                I,
            ),
            ("Confirmed, I fires", &[Respond(Failure), Ack, Fires(Timer::I)], &[], Terminated, &[]),
            ("Accepted, INVITE: swallowed (RFC 6026)", &[Respond(Success), RequestAgain], &[], Accepted, L),
            ("Accepted, ACK: to TU (RFC 6026)", &[Respond(Success), Ack], &[DeliverAck], Accepted, L),
            (
                "Accepted, a response from TU: 2xx resends are the dialog's",
                &[Respond(Success), Respond(Success)],
                &[],
                Accepted,
                L,
            ),
            (
                "Accepted, transport error: inform TU, stay (RFC 6026)",
                &[Respond(Success), TransportFailure],
                &[Fail(FAILED_IN_TRANSPORT)],
                Accepted,
                L,
            ),
            ("Accepted, L fires (RFC 6026)", &[Respond(Success), Fires(Timer::L)], &[], Terminated, &[]),
            (
                "Terminated, INVITE: ignored",
                &[Respond(Success), Fires(Timer::L), RequestAgain],
                &[],
                Terminated,
                &[],
            ),
        ],
    );
}

#[test]
fn figure_7_server_invite_over_a_reliable_transport() {
    use ResponseClass::{Failure, Success};
    use ServerAction::Send;
    use ServerEvent::{Ack, Respond};
    use ServerInviteState::{Accepted, Completed, Terminated};
    check::<ServerInvite>(
        true,
        &[
            (
                "Proceeding, 300-699 from TU: only H runs",
                &[Respond(Failure)],
                &[Send],
                Completed,
                &[(Timer::H, 32_000)],
            ),
            ("Completed, ACK: I is zero", &[Respond(Failure), Ack], &[], Terminated, &[]),
            (
                "Proceeding, 2xx from TU: L runs all the same",
                &[Respond(Success)],
                &[Send],
                Accepted,
                &[(Timer::L, 32_000)],
            ),
        ],
    );
}

#[test]
fn figure_8_server_non_invite_over_a_datagram_transport() {
    use ResponseClass::{Failure, Provisional, Success};
    use ServerAction::{Fail, ResendResponse, Send};
    use ServerEvent::{Ack, RequestAgain, Respond, Timer as Fires, TransportFailure};
    use ServerNonInviteState::{Completed, Proceeding, Terminated, Trying};
    const J: &[(Timer, u64)] = &[(Timer::J, 32_000)];
    check::<ServerNonInvite>(
        false,
        &[
            ("request: Trying, no timer runs", &[], &[], Trying, &[]),
            ("Trying, request: ignored", &[RequestAgain], &[], Trying, &[]),
            ("Trying, 1xx from TU: send", &[Respond(Provisional)], &[Send], Proceeding, &[]),
            ("Trying, 2xx from TU: send", &[Respond(Success)], &[Send], Completed, J),
            ("Trying, 300-699 from TU: send", &[Respond(Failure)], &[Send], Completed, J),
            ("Trying, transport error: stays", &[TransportFailure], &[], Trying, &[]),
            ("Trying, ACK: ignored", &[Ack], &[], Trying, &[]),
            (
                "Proceeding, request: latest 1xx again",
                &[Respond(Provisional), RequestAgain],
                &[ResendResponse],
                Proceeding,
                &[],
            ),
            (
                "Proceeding, 1xx from TU: send",
                &[Respond(Provisional), Respond(Provisional)],
                &[Send],
                Proceeding,
                &[],
            ),
            (
                "Proceeding, 2xx from TU: send",
                &[Respond(Provisional), Respond(Success)],
                &[Send],
                Completed,
                J,
            ),
            (
                "Proceeding, 300-699 from TU: send",
                &[Respond(Provisional), Respond(Failure)],
                &[Send],
                Completed,
                J,
            ),
            (
                "Completed, request: response again",
                &[Respond(Success), RequestAgain],
                &[ResendResponse],
                Completed,
                J,
            ),
            (
                "Completed, a response from TU: ignored",
                &[Respond(Success), Respond(Failure)],
                &[],
                Completed,
                J,
            ),
            (
                "Completed, transport error: inform TU, stay (RFC 6026)",
                &[Respond(Success), TransportFailure],
                &[Fail(FAILED_IN_TRANSPORT)],
                Completed,
                J,
            ),
            (
                "Completed, transport error again: TU knows",
                &[Respond(Success), TransportFailure, TransportFailure],
                &[],
                Completed,
                J,
            ),
            ("Completed, J fires", &[Respond(Success), Fires(Timer::J)], &[], Terminated, &[]),
            (
                "Terminated, request: ignored",
                &[Respond(Success), Fires(Timer::J), RequestAgain],
                &[],
                Terminated,
                &[],
            ),
        ],
    );
}

#[test]
fn figure_8_server_non_invite_over_a_reliable_transport() {
    let terminated = ServerNonInviteState::Terminated;
    let answered = ServerEvent::Respond(ResponseClass::Success);
    check::<ServerNonInvite>(
        true,
        &[("Trying, final from TU: J is zero", &[answered], &[ServerAction::Send], terminated, &[])],
    );
}

#[test]
fn a_timer_of_another_state_is_ignored() {
    const ALL: [Timer; 13] = [
        Timer::A,
        Timer::B,
        Timer::D,
        Timer::E,
        Timer::F,
        Timer::G,
        Timer::H,
        Timer::I,
        Timer::J,
        Timer::K,
        Timer::L,
        Timer::M,
        Timer::CancelIgnored,
    ];
    let fires = |known: &[Timer]| ALL.into_iter().filter(|timer| !known.contains(timer)).collect::<Vec<_>>();
    for timer in fires(&[Timer::A, Timer::B]) {
        let fresh: &[(Timer, u64)] = &[(Timer::A, 500), (Timer::B, 32_000)];
        check::<ClientInvite>(
            false,
            &[("Calling", &[ClientEvent::Timer(timer)], &[], ClientInviteState::Calling, fresh)],
        );
    }
    for timer in fires(&[Timer::E, Timer::F]) {
        let fresh: &[(Timer, u64)] = &[(Timer::E, 500), (Timer::F, 32_000)];
        check::<ClientNonInvite>(
            false,
            &[("Trying", &[ClientEvent::Timer(timer)], &[], ClientNonInviteState::Trying, fresh)],
        );
    }
    for timer in ALL {
        let event = ServerEvent::Timer(timer);
        check::<ServerInvite>(false, &[("Proceeding", &[event], &[], ServerInviteState::Proceeding, &[])]);
        check::<ServerNonInvite>(false, &[("Trying", &[event], &[], ServerNonInviteState::Trying, &[])]);
    }
}
