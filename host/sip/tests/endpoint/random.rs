//! Any sequence of inputs is survived, ends, and is the same for the same seed.
use std::time::Duration;

use bytes::Bytes;
use cordboard_sip::EndpointSettings;
use cordboard_sip::endpoint::EndpointEvent;
use cordboard_sip::message::{Message, Method};
use cordboard_sip::transaction::{ClientTransactionId, ServerTransactionId};
use cordboard_sip::transport::Flow;
use proptest::prelude::*;

use crate::pair::{Incoming, Stage, describe, first_line, outgoing, reply, response, tcp, udp};

/// One input; numbers choose among what there is.
#[derive(Clone, Debug)]
enum Step {
    Send { method: usize, stream: bool },
    Receive { method: usize, branch: usize, cookie: bool, tagged: bool, stream: bool },
    Reply { which: usize, status: usize },
    Respond { which: usize, status: usize },
    Cancel { which: usize },
    Fail { stream: bool },
    Mangle { which: usize, at: usize, with: u8 },
    Wait { milliseconds: u64 },
}

const METHODS: [&str; 7] = ["INVITE", "ACK", "CANCEL", "BYE", "REGISTER", "OPTIONS", "INFO"];
const STATUSES: [u16; 6] = [100, 180, 200, 302, 486, 600];

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..3_usize, any::<bool>()).prop_map(|(method, stream)| Step::Send { method, stream }),
        (0..METHODS.len(), 0..3_usize, any::<bool>(), any::<bool>(), any::<bool>()).prop_map(
            |(method, branch, cookie, tagged, stream)| Step::Receive {
                method,
                branch,
                cookie,
                tagged,
                stream
            }
        ),
        (any::<usize>(), 0..STATUSES.len()).prop_map(|(which, status)| Step::Reply { which, status }),
        (any::<usize>(), 0..STATUSES.len()).prop_map(|(which, status)| Step::Respond { which, status }),
        any::<usize>().prop_map(|which| Step::Cancel { which }),
        any::<bool>().prop_map(|stream| Step::Fail { stream }),
        (any::<usize>(), any::<usize>(), any::<u8>()).prop_map(|(which, at, with)| Step::Mangle {
            which,
            at,
            with
        }),
        (0..40_000_u64).prop_map(|milliseconds| Step::Wait { milliseconds }),
    ]
}

/// What a run remembers to refer to.
#[derive(Default)]
struct Run {
    trace: Vec<String>,
    requested: Vec<(ServerTransactionId, Flow, Message)>,
    sent: Vec<(Flow, Bytes)>,
    clients: Vec<ClientTransactionId>,
}

impl Run {
    fn take(&mut self, stage: &mut Stage) {
        for transmit in stage.sent() {
            self.trace.push(format!("sends {}", first_line(&transmit.bytes)));
            self.sent.push((transmit.flow, transmit.bytes));
        }
        for event in stage.events() {
            self.trace.push(describe(&event));
            if let EndpointEvent::Request { transaction, flow, message } = event {
                self.requested.push((transaction, flow, message));
            }
        }
    }

    fn step(&mut self, stage: &mut Stage, step: &Step) {
        let flow = |stream: bool| if stream { tcp() } else { udp() };
        match *step {
            Step::Send { method, stream } => {
                let method = [Method::Invite, Method::Options, Method::Bye][method];
                self.clients.push(stage.send(flow(stream), &outgoing(method)));
            }
            Step::Receive { method, branch, cookie, tagged, stream } => {
                let cookie = if cookie { "z9hG4bK" } else { "" };
                let via = format!("SIP/2.0/UDP 192.0.2.2:5070;branch={cookie}{branch}");
                let to = if tagged { "<sip:alice@192.0.2.1>;tag=ours" } else { "<sip:alice@192.0.2.1>" };
                stage.receive(flow(stream), Incoming::new(METHODS[method]).via(&via).to(to));
            }
            Step::Reply { which, status } => {
                let Some((flow, bytes)) = choose(&self.sent, which) else { return };
                let Some(request) = Message::parse(bytes.clone()).ok().filter(Message::is_request) else {
                    return;
                };
                stage.receive(*flow, reply(&request, STATUSES[status]));
            }
            Step::Respond { which, status } => {
                let Some((transaction, flow, request)) = choose(&self.requested, which) else { return };
                let response = response(request, flow, STATUSES[status]);
                stage.endpoint.respond(stage.now, *transaction, &response);
            }
            Step::Cancel { which } => {
                if let Some(id) = choose(&self.clients, which) {
                    stage.endpoint.cancel(stage.now, *id);
                }
            }
            Step::Fail { stream } => stage.endpoint.handle_transport_failure(stage.now, flow(stream)),
            Step::Mangle { which, at, with } => {
                let Some((flow, bytes)) = choose(&self.sent, which) else { return };
                let mut bytes = bytes.to_vec();
                let at = at % bytes.len();
                bytes[at] = with;
                stage.receive(*flow, bytes);
            }
            Step::Wait { milliseconds } => {
                let after = stage.now - stage.begin + Duration::from_millis(milliseconds);
                let trace = stage.run_until(after);
                self.trace.extend(trace.into_iter().map(|(at, line)| format!("{at} sends {line}")));
            }
        }
    }
}

fn choose<T>(among: &[T], which: usize) -> Option<&T> {
    among.get(which.checked_rem(among.len())?)
}

/// Runs the steps, lets the user answer what is open, and waits. Gives what was seen.
fn run(steps: &[Step], seed: u64) -> Vec<String> {
    let settings = EndpointSettings { max_transactions: 12, ..EndpointSettings::default() };
    let mut stage = Stage::with(settings, seed);
    let mut run = Run::default();
    for step in steps {
        run.step(&mut stage, step);
        run.take(&mut stage);
    }
    for (transaction, flow, request) in std::mem::take(&mut run.requested) {
        let response = response(&request, &flow, 500);
        stage.endpoint.respond(stage.now, transaction, &response);
    }
    for id in std::mem::take(&mut run.clients) {
        stage.endpoint.cancel(stage.now, id);
    }
    let quiet = stage.now - stage.begin + Duration::from_secs(100);
    stage.run_until(quiet);
    run.take(&mut stage);
    assert_eq!(stage.endpoint.transactions(), 0, "every transaction ends: {:#?}", run.trace);
    assert_eq!(stage.endpoint.next_timeout(), None, "no timer outlives its transaction");
    run.trace
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn any_inputs_end_and_the_same_seed_gives_the_same_trace(
        steps in proptest::collection::vec(step(), 0..60),
        seed in any::<u64>(),
    ) {
        prop_assert_eq!(run(&steps, seed), run(&steps, seed));
    }

    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let mut stage = Stage::new();
        stage.receive(udp(), bytes.clone());
        stage.receive(tcp(), bytes);
        stage.told();
        prop_assert_eq!(stage.endpoint.next_timeout(), None);
    }
}
