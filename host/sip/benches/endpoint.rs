//! What a transaction costs in an empty endpoint and in one with 100,000 others alive, and what ending those costs.
//!
//! The goal: the crowd makes a transaction at most twice as dear. Hashed lookup and one heap of timers pay for cache misses;
//! a walk over the crowd would be thousands of times dearer.
use std::hint::black_box;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use cordboard_sip::endpoint::EndpointEvent;
use cordboard_sip::message::{Response, StatusCode};
use cordboard_sip::transport::{ConnectionId, Flow, Transport};
use cordboard_sip::{Endpoint, EndpointSettings};
use rand::SeedableRng;
use rand_chacha::ChaCha12Rng;

/// Transactions alive beside the one that is measured.
const CROWD: u32 = 100_000;

/// Goal of a transaction in the crowd over one alone.
const GOAL: f64 = 2.0;

fn options(number: u32, transport: &str) -> Bytes {
    Bytes::from(format!(
        "OPTIONS sip:pbx.example.com SIP/2.0\r\n\
         Via: SIP/2.0/{transport} 192.0.2.10:5062;branch=z9hG4bK-524287-1---{number:08x};rport\r\n\
         Max-Forwards: 70\r\n\
         From: \"Alice Example\" <sip:1001@pbx.example.com>;tag=a73kszlfl\r\n\
         To: <sip:pbx.example.com>\r\n\
         Call-ID: {number:08x}-84f3ab@192.0.2.10\r\n\
         CSeq: 1 OPTIONS\r\n\
         Contact: <sip:1001@192.0.2.10:5062>\r\n\
         Content-Length: 0\r\n\r\n"
    ))
}

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

fn udp() -> Flow {
    Flow::udp(address("192.0.2.1:5060"), address("192.0.2.10:5062"))
}

/// Over a stream a transaction ends with its final response, so that the number of those alive stays.
fn tcp() -> Flow {
    Flow { transport: Transport::Tcp, connection: ConnectionId(1), ..udp() }
}

/// Takes a request, answers it, and takes what is to be sent.
fn answer(endpoint: &mut Endpoint, now: Instant, flow: Flow, request: Bytes) {
    endpoint.handle_message(now, flow, request);
    while let Some(event) = endpoint.poll_event() {
        if let EndpointEvent::Request { transaction, flow, message } = event {
            let response = Response::new(&message, &flow, StatusCode::OK, Some("ours"));
            endpoint.respond(now, transaction, &response);
        }
    }
    while let Some(transmit) = endpoint.poll_transmit() {
        black_box(transmit);
    }
}

fn crowded(now: Instant, others: u32) -> Endpoint {
    let mut endpoint = Endpoint::new(EndpointSettings::default(), ChaCha12Rng::seed_from_u64(1));
    for number in 0..others {
        // One more every 100 us, so that their timers do not go off together.
        let at = now + Duration::from_micros(100) * number;
        answer(&mut endpoint, at, udp(), options(number, "UDP"));
    }
    endpoint
}

#[expect(clippy::disallowed_methods, reason = "a bench reads the clock")]
fn clock() -> Instant {
    Instant::now()
}

/// The mean of one answered request, best of several rounds.
fn mean(endpoint: &mut Endpoint, now: Instant) -> Duration {
    const ROUND: u32 = 20_000;
    let requests: Vec<Bytes> = (0..ROUND).map(|number| options(CROWD + number, "TCP")).collect();
    let round = |endpoint: &mut Endpoint| {
        let start = clock();
        for request in &requests {
            answer(endpoint, now, tcp(), request.clone());
        }
        start.elapsed() / ROUND
    };
    (0..10).map(|_| round(endpoint)).min().unwrap_or_default()
}

#[expect(clippy::print_stdout, reason = "the figures are for the person who runs the bench")]
fn main() {
    let now = clock();
    let last = now + Duration::from_micros(100) * CROWD;
    let alone = mean(&mut crowded(now, 0), now);
    let mut endpoint = crowded(now, CROWD);
    let in_crowd = mean(&mut endpoint, last);
    println!("request answered, no other transaction alive: {alone:?}");
    println!("request answered, {} others alive: {in_crowd:?}", endpoint.transactions());
    println!("ratio: {:.2} (goal: at most {GOAL})", in_crowd.as_secs_f64() / alone.as_secs_f64());
    let start = clock();
    let mut wakes = 0_u32;
    while let Some(due) = endpoint.next_timeout() {
        endpoint.handle_timeout(due);
        wakes += 1;
    }
    println!("{CROWD} transactions ended by timer J in {wakes} wakes: {:?} each", start.elapsed() / CROWD);
}
