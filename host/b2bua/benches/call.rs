//! What one whole call costs the core: INVITE, both questions, ports, 180, 200, ACK, BYE; no socket, no plugin, no relay.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use cordboard_b2bua::{Answer, Core, Input, Output, Question, Settings};
use cordboard_media::command::{MediaCommand, MediaPorts, MediaReply};
use cordboard_model::{Attributes, Dial, RouteDecision, Strategy, Target, TargetAddress, Verdict};
use cordboard_sip::message::{Message, Response};
use cordboard_sip::transport::Flow;
use cordboard_sip::{HeaderName, Method, StatusCode};
use criterion::{Criterion, criterion_group, criterion_main};

const PBX: &str = "127.0.0.1:5060";
const CALLER: &str = "127.0.0.2:5060";
const CALLEE: &str = "127.0.0.3:5060";

const SDP: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.2\r\ns=-\r\nc=IN IP4 127.0.0.2\r\nt=0 0\r\n\
    m=audio 4000 RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n\
    a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=sendrecv\r\n";

fn flow(remote: &str) -> Flow {
    Flow::udp(address(PBX), address(remote))
}

fn address(text: &str) -> SocketAddr {
    text.parse().expect("the addresses of this file are literals")
}

/// The network, the plugins and the relay around one core.
struct Bench {
    core: Core,
    now: Instant,
    calls: u64,
    sent: Vec<(SocketAddr, Message)>,
}

impl Bench {
    #[expect(clippy::disallowed_methods, reason = "a benchmark starts its virtual time at some instant")]
    fn new() -> Self {
        let mut settings = Settings::default();
        settings.admission.invites_per_second = None;
        settings.admission.max_calls = usize::MAX;
        let now = Instant::now();
        let core = Core::new(now, Arc::new(settings), [7; 32]);
        let mut bench = Self { core, now, calls: 0, sent: Vec::new() };
        bench.receive(
            CALLEE,
            "REGISTER sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.3:5060;branch=z9hG4bKreg\r\nMax-Forwards: 70\r\n\
             From: <sip:1002@127.0.0.1>;tag=r\r\nTo: <sip:1002@127.0.0.1>\r\nCall-ID: reg\r\nCSeq: 1 REGISTER\r\n\
             Contact: <sip:1002@127.0.0.3:5060>\r\nExpires: 3600\r\nContent-Length: 0\r\n\r\n"
                .to_owned(),
        );
        bench.sent.clear();
        bench
    }

    fn input(&mut self, input: Input) {
        self.core.handle_input(self.now, input);
        loop {
            match self.core.poll_output() {
                Output::Transmit(transmit) => {
                    let message = Message::parse(transmit.bytes).expect("we write what we can read");
                    self.sent.push((transmit.flow.remote, message));
                }
                Output::Ask { question, content } => {
                    let answer = match content {
                        Question::Authorize(_) => {
                            Answer::Authorized(Verdict::Allow { attributes: Attributes::new() })
                        }
                        Question::Route(_) => Answer::Routed(RouteDecision::Dial(Dial {
                            targets: vec![Target::at(TargetAddress::Aor("1002".to_owned()))],
                            strategy: Strategy::Parallel,
                        })),
                    };
                    self.input(Input::Answered { question, answer });
                }
                Output::Media(MediaCommand::Allocate { media, .. }) => {
                    let ports = MediaPorts { caller: [10_000, 10_002], callee: [10_004, 10_006] };
                    self.input(Input::Media(MediaReply::Allocated { media, ports }));
                }
                Output::Wait(_) => break,
                Output::Media(_)
                | Output::Resolve { .. }
                | Output::Event(_)
                | Output::Location { .. }
                | Output::Trunk(_) => {}
            }
        }
    }

    fn receive(&mut self, from: &str, text: String) {
        self.input(Input::Received { flow: flow(from), bytes: Bytes::from(text) });
    }

    /// The last message sent to a peer.
    fn last(&self, to: &str) -> Message {
        let to = address(to);
        let found = self.sent.iter().rev().find(|(remote, _)| *remote == to);
        found.expect("the core answers its peers").1.clone()
    }

    fn answer(&mut self, status: StatusCode, body: bool) {
        let invite = self
            .sent
            .iter()
            .rev()
            .find(|(_, message)| message.is_request() && message.method() == Method::Invite)
            .expect("the callee has its INVITE")
            .1
            .clone();
        let mut response = Response::new(&invite, &flow(CALLEE), status, Some("callee"));
        response.header(HeaderName::Contact, "<sip:1002@127.0.0.3:5060>");
        if body {
            response.body("application/sdp", Bytes::from_static(SDP.as_bytes()));
        }
        self.input(Input::Received { flow: flow(CALLEE), bytes: response.write() });
    }

    fn request(&mut self, method: &str, number: u32, to_tag: &str, body: &str) {
        let call = self.calls;
        let content_type = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        self.receive(
            CALLER,
            format!(
                "{method} sip:1002@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.2:5060;rport;branch=z9hG4bK{call}{method}\r\n\
                 Max-Forwards: 70\r\nFrom: \"Alice\" <sip:1001@127.0.0.1>;tag=a{call}\r\nTo: <sip:1002@127.0.0.1>{to_tag}\r\n\
                 Call-ID: call-{call}@127.0.0.2\r\nCSeq: {number} {method}\r\nContact: <sip:1001@127.0.0.2:5060>\r\n\
                 User-Agent: bench\r\nAllow: INVITE, ACK, BYE, CANCEL, OPTIONS\r\nSupported: replaces\r\n{content_type}Content-Length: {}\r\n\r\n{body}",
                body.len()
            ),
        );
    }

    /// One call from INVITE to the responses of its BYE.
    fn call(&mut self) {
        self.calls += 1;
        self.request("INVITE", 1, "", SDP);
        self.answer(StatusCode::RINGING, false);
        self.answer(StatusCode::OK, true);
        let ok = self.last(CALLER);
        assert_eq!(ok.status(), Some(StatusCode::OK));
        let tag = ok.to().ok().and_then(|to| to.tag()).unwrap_or_default();
        let to_tag = format!(";tag={tag}");
        self.request("ACK", 1, &to_tag, "");
        self.request("BYE", 2, &to_tag, "");
        let bye = self.last(CALLEE);
        assert_eq!(bye.method(), Method::Bye);
        let response = Response::new(&bye, &flow(CALLEE), StatusCode::OK, None);
        self.input(Input::Received { flow: flow(CALLEE), bytes: response.write() });
        assert_eq!(self.core.counters().calls, 0);
        self.sent.clear();
        // 800 calls per second, so that timers run and finished transactions go as they would.
        self.now += Duration::from_micros(1_250);
        self.input(Input::Timeout);
    }
}

fn whole_call(criterion: &mut Criterion) {
    let mut bench = Bench::new();
    criterion.bench_function("core/whole_call", |bencher| bencher.iter(|| bench.call()));
}

criterion_group!(benches, whole_call);
criterion_main!(benches);
