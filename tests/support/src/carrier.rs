//! The far end of a trunk: a registrar and server that asks for credentials, answers as scripted, and remembers every request.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use cordboard_sip::auth::{Algorithm, Credentials, DigestOutcome, DigestServer, DigestSettings, Ha1};
use cordboard_sip::message::{Message, Method, StatusCode};
use cordboard_sip::transport::{Flow, Transmit};
use cordboard_sip::{Endpoint, EndpointEvent, EndpointSettings, HeaderName, Response};
use rand::SeedableRng;
use rand_chacha::ChaCha12Rng;

/// The realm that a carrier asks credentials for.
pub const REALM: &str = "carrier.test";

/// A carrier. Without a script it answers every request 200 at once.
pub struct Carrier {
    /// Every request that came, with the time since the start of the run; not the ones that came again.
    pub requests: Vec<(Duration, Message)>,
    /// The next request of this method is answered with this status; the first entry that fits is used up.
    pub script: VecDeque<(Method, u16)>,
    /// Requests of these methods need credentials.
    pub guarded: Vec<Method>,
    /// Hashes that it offers.
    pub algorithms: Vec<Algorithm>,
    /// Whether a proxy asks: 407 instead of 401.
    pub proxy: bool,
    /// Seconds that it grants a registration; `None`: what is wished.
    pub grants: Option<u32>,
    /// Registrations for fewer seconds get 423.
    pub min_expires: u32,
    /// Header lines that are added to responses of a status.
    pub headers: Vec<(u16, HeaderName, String)>,
    flow: Flow,
    endpoint: Endpoint,
    dead: bool,
    start: Instant,
    digest: DigestServer,
    password: String,
}

impl Carrier {
    pub(crate) fn new(start: Instant, flow: Flow, settings: EndpointSettings, seed: u64) -> Self {
        Self {
            requests: Vec::new(),
            script: VecDeque::new(),
            guarded: Vec::new(),
            algorithms: vec![Algorithm::Sha256, Algorithm::Md5],
            proxy: false,
            grants: None,
            min_expires: 0,
            headers: Vec::new(),
            flow,
            endpoint: Endpoint::new(settings, ChaCha12Rng::seed_from_u64(seed)),
            dead: false,
            start,
            digest: DigestServer::new(start, digest_settings(), ChaCha12Rng::seed_from_u64(seed)),
            password: "correct horse".to_owned(),
        }
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.flow.local
    }

    /// Unplugs it, or plugs it in again: it neither hears nor says anything meanwhile.
    pub fn set_dead(&mut self, dead: bool) {
        self.dead = dead;
    }

    pub(crate) fn forget_nonces(&mut self, now: Instant) {
        self.digest = DigestServer::new(now, digest_settings(), ChaCha12Rng::seed_from_u64(7));
    }

    /// The requests of one method, oldest first.
    pub fn asked(&self, method: Method) -> Vec<&Message> {
        self.requests
            .iter()
            .map(|(_, request)| request)
            .filter(|request| request.method() == method)
            .collect()
    }

    /// When the requests of one method came.
    pub fn times(&self, method: Method) -> Vec<Duration> {
        let of = |(at, request): &(Duration, Message)| (request.method() == method).then_some(*at);
        self.requests.iter().filter_map(of).collect()
    }

    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        self.endpoint.next_timeout()
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        self.endpoint.handle_timeout(now);
        self.take_events(now);
    }

    pub(crate) fn handle_message(&mut self, now: Instant, bytes: Bytes) {
        if !self.dead {
            self.endpoint.handle_message(now, self.flow, bytes);
            self.take_events(now);
        }
    }

    pub(crate) fn poll_transmit(&mut self) -> Option<Transmit> {
        loop {
            let transmit = self.endpoint.poll_transmit()?;
            if !self.dead {
                return Some(transmit);
            }
        }
    }

    fn take_events(&mut self, now: Instant) {
        while let Some(event) = self.endpoint.poll_event() {
            match event {
                EndpointEvent::Request { transaction, flow, message } => {
                    self.requests.push((now - self.start, message.clone()));
                    let response = self.answer(now, flow, &message);
                    self.endpoint.respond(now, transaction, &response);
                }
                EndpointEvent::Ack { message, .. } => self.requests.push((now - self.start, message)),
                EndpointEvent::Cancelled { transaction } => {
                    let invite = self.asked(Method::Invite).last().copied().cloned();
                    let Some(invite) = invite else { continue };
                    let response =
                        Response::new(&invite, &self.flow, StatusCode::REQUEST_TERMINATED, Some("c"));
                    self.endpoint.respond(now, transaction, &response);
                }
                EndpointEvent::Response { .. }
                | EndpointEvent::ClientFailed { .. }
                | EndpointEvent::ServerFailed { .. } => {}
            }
        }
    }

    fn answer(&mut self, now: Instant, flow: Flow, request: &Message) -> Response {
        let method = request.method();
        let scripted = self.script.iter().position(|(known, _)| *known == method);
        let scripted = scripted.and_then(|place| self.script.remove(place));
        if let Some((_, status)) = scripted {
            return self.with_status(flow, request, status);
        }
        if self.guarded.contains(&method)
            && let Some(challenge) = self.challenge(now, flow, request)
        {
            return challenge;
        }
        if method == Method::Register {
            return self.register(flow, request);
        }
        let mut response = self.with_status(flow, request, 200);
        if method == Method::Invite {
            let address = self.flow.local;
            let ip = address.ip();
            response.header(HeaderName::Contact, format!("<sip:{address}>"));
            let sdp = format!(
                "v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio 5000 RTP/AVP 8\r\n"
            );
            response.body("application/sdp", Bytes::from(sdp));
        }
        response
    }

    fn with_status(&mut self, flow: Flow, request: &Message, status: u16) -> Response {
        let code = StatusCode::new(status).expect("a script has valid statuses");
        let tag = self.endpoint.new_tag();
        let mut response = Response::new(request, &flow, code, Some(&tag));
        for (_, name, value) in self.headers.iter().filter(|(known, ..)| *known == status) {
            response.header(*name, value);
        }
        response
    }

    /// The challenge that a request gets without right credentials.
    fn challenge(&mut self, now: Instant, flow: Flow, request: &Message) -> Option<Response> {
        let name = if self.proxy { HeaderName::ProxyAuthorization } else { HeaderName::Authorization };
        let found = Credentials::find(request, name, REALM).and_then(Result::ok);
        let source = flow.remote.ip();
        let outcome = found.map_or(DigestOutcome::Refused, |credentials| {
            let ha1 = Ha1::of_password(credentials.algorithm, "trunk-user", REALM, &self.password);
            let own = (credentials.username == "trunk-user").then_some(&ha1);
            self.digest.verify(now, source, request.method().as_str().as_bytes(), &credentials, own)
        });
        let stale = match outcome {
            DigestOutcome::Verified => return None,
            DigestOutcome::Stale => true,
            DigestOutcome::Refused => false,
        };
        let (status, name) = if self.proxy {
            (407, HeaderName::ProxyAuthenticate)
        } else {
            (401, HeaderName::WwwAuthenticate)
        };
        let mut response = self.with_status(flow, request, status);
        for value in self.digest.challenge(now, source, stale) {
            let offered = self
                .algorithms
                .iter()
                .any(|algorithm| value.contains(&format!("algorithm={},", algorithm.name())));
            if offered {
                response.header(name, value);
            }
        }
        Some(response)
    }

    fn register(&mut self, flow: Flow, request: &Message) -> Response {
        let wished = request.expires().ok().flatten().unwrap_or(3600);
        if wished > 0 && wished < self.min_expires {
            let mut response = self.with_status(flow, request, 423);
            response.header(HeaderName::MinExpires, self.min_expires.to_string());
            return response;
        }
        let granted = if wished == 0 { 0 } else { self.grants.unwrap_or(wished) };
        let mut response = self.with_status(flow, request, 200);
        if let Some(contact) = request.value(HeaderName::Contact).filter(|_| granted > 0) {
            let contact = String::from_utf8_lossy(contact);
            // Somebody else's binding of the same address of record comes first.
            response.header(HeaderName::Contact, "<sip:trunk-user@192.0.2.1>;expires=7");
            response.header(HeaderName::Contact, format!("{contact};expires={granted}"));
        }
        response
    }
}

fn digest_settings() -> DigestSettings {
    let algorithms = vec![Algorithm::Md5, Algorithm::Sha256, Algorithm::Sha512_256];
    DigestSettings { algorithms, ..DigestSettings::new(REALM) }
}
