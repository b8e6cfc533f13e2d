//! Our registration with a trunk (RFC 3261 §10.2), as a machine: what REGISTER says next, and what a response means.
//!
//! It sends nothing itself: [`super::errand`] asks it for requests, brings it responses, and does the [`Step`] that it names.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use cordboard_sip::auth::{Challenge, DigestSession};
use cordboard_sip::message::{Message, NameAddr, Request};
use cordboard_sip::transport::Flow;
use cordboard_sip::{HeaderName, Method};
use rand::{Rng, RngExt};

/// Wait after the first failure; it doubles with each further one (RFC 5626 §4.5).
const FIRST_WAIT: Duration = Duration::from_secs(30);

/// Longest wait between two attempts: a carrier that comes back finds us within minutes.
const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// Longest Retry-After that is obeyed.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// Longest Min-Expires that is obeyed; a registration of more than a day would hide that a trunk is gone.
const LONGEST_EXPIRES_S: u32 = 86_400;

/// How often one place is asked anew for one registration: a challenge, a stale nonce and a 423 need three.
const MAX_REPEATS: u8 = 4;

/// The parameter of our Contact by which a request is known to come from a trunk. Whoever did not get our REGISTER cannot
/// guess it.
pub(super) const LINE: &str = "line";

/// What to do next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Step {
    /// Send [`Registration::request`] to the same place.
    Repeat,
    /// Try the next place.
    Next,
    /// Begin anew after this time.
    Wait(Duration),
    /// The binding is removed; nothing more.
    Over,
}

/// What a request needs to know besides.
pub(super) struct Names<'a> {
    /// User of the address of record.
    pub(super) user: &'a str,
    /// Its domain.
    pub(super) domain: &'a str,
    /// Host and port of our Contact, and its transport where that is not UDP.
    pub(super) contact: &'a str,
}

/// Who answers challenges; the password has been looked up.
pub(super) struct Account<'a> {
    pub(super) user: &'a str,
    pub(super) password: &'a str,
    pub(super) realm: Option<&'a str>,
}

/// The registration of one trunk.
pub(super) struct Registration {
    /// Servers that this attempt has not tried yet.
    pub(super) servers: VecDeque<usize>,
    /// Places of the server at hand that it has not tried yet.
    pub(super) flows: VecDeque<Flow>,
    /// The place that is asked.
    pub(super) flow: Option<Flow>,
    /// The server that is asked.
    pub(super) server: usize,
    /// A name is being resolved or a response waited for.
    pub(super) busy: bool,
    /// Why the last attempt failed.
    pub(super) problem: String,
    /// Wished Expires, in seconds.
    wish_s: u32,
    sip_call_id: String,
    tag: String,
    line: String,
    cseq: u32,
    digest: Option<DigestSession>,
    /// The credentials of the last request were made from a challenge of this attempt: another refusal means that they
    /// are wrong, and not only that a nonce is old.
    proved: bool,
    repeats: u8,
    failures: u32,
    registered_until: Option<Instant>,
    leaving: bool,
    /// The last request was to remove the binding.
    removing: bool,
    /// Status of the latest final response.
    last_status: Option<u16>,
}

impl Registration {
    /// One that has not begun. The texts have to be new and unguessable.
    pub(super) fn new(wish: Duration, sip_call_id: String, tag: String, line: String) -> Self {
        Self {
            servers: VecDeque::new(),
            flows: VecDeque::new(),
            flow: None,
            server: 0,
            busy: false,
            problem: String::new(),
            wish_s: u32::try_from(wish.as_secs()).unwrap_or(u32::MAX),
            sip_call_id,
            tag,
            line,
            cseq: 0,
            digest: None,
            proved: false,
            repeats: 0,
            failures: 0,
            registered_until: None,
            leaving: false,
            removing: false,
            last_status: None,
        }
    }

    /// Value of the Contact parameter [`LINE`].
    pub(super) fn line(&self) -> &str {
        &self.line
    }

    /// Goes on with the Contact of a registration whose trunk was configured anew, so that the registrar replaces its binding.
    pub(super) fn succeed(&mut self, former: &Self) {
        self.line.clone_from(&former.line);
    }

    pub(super) fn is_registered(&self, now: Instant) -> bool {
        self.registered_until.is_some_and(|until| now < until)
    }

    /// When the registrar forgets our binding.
    pub(super) fn registered_until(&self) -> Option<Instant> {
        self.registered_until
    }

    /// Status of the latest final response.
    pub(super) fn last_status(&self) -> Option<u16> {
        self.last_status
    }

    /// Whether a registrar may have a binding of ours.
    pub(super) fn may_be_bound(&self) -> bool {
        self.busy || self.registered_until.is_some()
    }

    /// Whether it failed since it was last registered.
    pub(super) fn has_failed(&self) -> bool {
        self.failures > 0
    }

    /// Passwords may have changed.
    pub(super) fn forget_credentials(&mut self) {
        self.digest = None;
    }

    /// From now on the binding is removed instead of refreshed.
    pub(super) fn leave(&mut self) {
        self.leaving = true;
    }

    pub(super) fn is_leaving(&self) -> bool {
        self.leaving
    }

    /// A new attempt begins, at these servers in turn.
    pub(super) fn begin(&mut self, servers: VecDeque<usize>) {
        self.servers = servers;
        self.flows.clear();
        self.start_place();
    }

    /// Another place is asked now.
    pub(super) fn start_place(&mut self) {
        self.repeats = 0;
        self.proved = false;
    }

    /// The next REGISTER.
    pub(super) fn request(&mut self, names: &Names<'_>, rng: &mut impl Rng) -> Request {
        self.cseq += 1;
        let Names { user, domain, contact } = names;
        let uri = format!("sip:{domain}");
        let (tag, line) = (&self.tag, &self.line);
        self.removing = self.leaving;
        let expires = if self.removing { 0 } else { self.wish_s };
        let mut request = Request::new(Method::Register, &uri);
        request
            .header(HeaderName::MaxForwards, "70")
            .header_fmt(HeaderName::From, format_args!("<sip:{user}@{domain}>;tag={tag}"))
            .header_fmt(HeaderName::To, format_args!("<sip:{user}@{domain}>"))
            .header(HeaderName::CallId, &self.sip_call_id)
            .header_fmt(HeaderName::CSeq, format_args!("{} REGISTER", self.cseq))
            .header_fmt(HeaderName::Contact, format_args!("<sip:{user}@{contact};{LINE}={line}>"))
            .header_fmt(HeaderName::Expires, expires);
        if let Some(digest) = &mut self.digest {
            let value = digest.authorization("REGISTER", &uri, rng);
            request.header(digest.header_name(), value);
        }
        request
    }

    /// A final response to the last request.
    pub(super) fn answered(
        &mut self,
        now: Instant,
        response: &Message,
        account: Option<&Account<'_>>,
        rng: &mut impl Rng,
    ) -> Step {
        let code = response.status().map_or(0, |status| status.code());
        self.last_status = Some(code);
        match code {
            401 | 407 => self.challenged(response, account, rng),
            _ if self.removing => Step::Over,
            // It was under way when the node began to drain.
            200..=299 if self.leaving => Step::Repeat,
            _ if self.leaving => Step::Over,
            200..=299 => self.accepted(now, response, rng),
            423 => self.too_brief(response, rng),
            408 | 430 | 500..=599 => {
                let wait = retry_after(response);
                self.problem = format!("the server answered REGISTER with {code}");
                // Another server may do it now, unless this was the last one.
                if self.flows.is_empty() && self.servers.is_empty() {
                    self.failed(wait, rng)
                } else {
                    Step::Next
                }
            }
            _ => {
                self.problem = format!("the server refused REGISTER with {code}");
                self.registered_until = None;
                self.failed(retry_after(response), rng)
            }
        }
    }

    /// Every place was tried in vain.
    pub(super) fn exhausted(&mut self, rng: &mut impl Rng) -> Step {
        if self.leaving { Step::Over } else { self.failed(None, rng) }
    }

    fn failed(&mut self, retry_after: Option<Duration>, rng: &mut impl Rng) -> Step {
        self.failures = self.failures.saturating_add(1);
        let doubled = FIRST_WAIT * 2_u32.saturating_pow((self.failures - 1).min(16));
        // Half of the wait is chance: a thousand nodes that lost one carrier do not come back to it in one moment.
        let wait = doubled.min(LONGEST_WAIT).mul_f64(rng.random_range(0.5..1.0));
        Step::Wait(wait.max(retry_after.unwrap_or_default().min(LONGEST_RETRY_AFTER)))
    }

    fn accepted(&mut self, now: Instant, response: &Message, rng: &mut impl Rng) -> Step {
        let granted_s = self.granted(response);
        if granted_s == 0 {
            self.problem = "the server answered REGISTER with 200 but keeps no binding of ours".to_owned();
            self.registered_until = None;
            return self.failed(None, rng);
        }
        let granted = Duration::from_secs(granted_s.into());
        self.registered_until = Some(now + granted);
        self.failures = 0;
        self.problem.clear();
        // Early enough for several attempts; spread, so that trunks registered together do not stay together.
        Step::Wait(granted.mul_f64(rng.random_range(0.75..0.9)))
    }

    /// Seconds that the registrar keeps our binding: what it says at our Contact, else in Expires, else what we wished.
    fn granted(&self, response: &Message) -> u32 {
        let contacts: Vec<NameAddr<'_>> = response.contacts().flatten().collect();
        let ours = |contact: &&NameAddr<'_>| contact.uri.param(LINE) == Some(self.line.as_bytes());
        // A registrar that rewrites Contacts may leave the parameter out; a single one is ours all the same.
        let contact = contacts.iter().find(ours).or(match contacts.as_slice() {
            [only] => Some(only),
            _ => None,
        });
        let at_contact = contact.and_then(|contact| contact.param("expires"));
        let at_contact = at_contact.and_then(|value| std::str::from_utf8(value).ok()?.parse().ok());
        at_contact.or(response.expires().ok().flatten()).unwrap_or(self.wish_s)
    }

    fn too_brief(&mut self, response: &Message, rng: &mut impl Rng) -> Step {
        let least = response.min_expires().ok().flatten().unwrap_or_default();
        if least <= self.wish_s || least > LONGEST_EXPIRES_S || !self.may_repeat() {
            self.problem = format!("the server answered REGISTER with 423 and Min-Expires {least}");
            return self.failed(None, rng);
        }
        self.wish_s = least;
        Step::Repeat
    }

    fn challenged(&mut self, response: &Message, account: Option<&Account<'_>>, rng: &mut impl Rng) -> Step {
        match self.credentials(response, account) {
            Ok(digest) if self.may_repeat() => {
                self.digest = Some(digest);
                self.proved = true;
                Step::Repeat
            }
            _ if self.leaving => Step::Over,
            Ok(_) => self.refused("the server asks for credentials again and again".to_owned(), rng),
            Err(problem) => self.refused(problem, rng),
        }
    }

    fn refused(&mut self, problem: String, rng: &mut impl Rng) -> Step {
        self.problem = problem;
        self.digest = None;
        self.registered_until = None;
        self.failed(None, rng)
    }

    /// What a challenge is answered with, or why it is not.
    fn credentials(
        &self,
        response: &Message,
        account: Option<&Account<'_>>,
    ) -> Result<DigestSession, String> {
        let Some(account) = account else {
            return Err(
                "the server wants credentials, and the trunk has no account with a known secret".to_owned()
            );
        };
        let challenge = Challenge::strongest(response).map_err(|error| error.to_string())?;
        if let Some(realm) = account.realm.filter(|realm| *realm != challenge.realm) {
            return Err(format!("expected a challenge for the realm {realm:?}, found {:?}", challenge.realm));
        }
        if self.proved && !challenge.stale {
            return Err("the server refused our user name and password".to_owned());
        }
        Ok(DigestSession::new(challenge, account.user, account.password))
    }

    fn may_repeat(&mut self) -> bool {
        self.repeats += 1;
        self.repeats <= MAX_REPEATS
    }
}

/// Retry-After in seconds, without its comment and parameters (RFC 3261 §20.33).
pub(super) fn retry_after(response: &Message) -> Option<Duration> {
    let value = std::str::from_utf8(response.value(HeaderName::RetryAfter)?).ok()?;
    let digits = value.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok().map(Duration::from_secs)
}
