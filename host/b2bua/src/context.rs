//! What a call can reach besides itself: the endpoint, the registrar, the timers, the indexes that lead an event to
//! its call, and the outputs.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use cordboard_media::command::{MediaCommand, MediaId, Side};
use cordboard_model::{CallId, Challenge, Event, EventKind, QuestionId};
use cordboard_sip::message::{Message, Request, Response};
use cordboard_sip::transaction::{ClientTransactionId, ServerTransactionId};
use cordboard_sip::transport::{Flow, Transport};
use cordboard_sip::{Endpoint, HeaderName};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha12Rng;

use crate::Settings;
use crate::authentication::{Authentication, Proof};
use crate::call::transfer::Signal;
use crate::call::{Call, CallKey, LegName};
use crate::interface::{Output, QueryId, Question, ResolveTarget};
use crate::registrar::Registrar;
use crate::registration::PendingRegister;
use crate::timers::Timers;
use crate::trunk::Trunks;

/// The methods that this PBX answers with something else than 405.
pub(crate) const ALLOW: &str =
    "INVITE, ACK, BYE, CANCEL, OPTIONS, REGISTER, INFO, UPDATE, PRACK, REFER, NOTIFY, SUBSCRIBE";

/// The extensions that a peer may require of us (RFC 3261 §8.2.2.3).
pub(crate) const EXTENSIONS: &[&str] =
    &[RELIABLE_PROVISIONALS, SESSION_TIMERS, REPLACES, NO_REFER_SUBSCRIPTION];

/// The option tag of RFC 3262.
pub(crate) const RELIABLE_PROVISIONALS: &str = "100rel";

/// The option tag of RFC 4028.
pub(crate) const SESSION_TIMERS: &str = "timer";

/// The option tag of RFC 3891.
pub(crate) const REPLACES: &str = "replaces";

/// The option tag of RFC 4488.
pub(crate) const NO_REFER_SUBSCRIPTION: &str = "norefersub";

/// Who asked a question.
pub(crate) enum Asker {
    Call(CallKey),
    /// A call, about a REFER in it.
    Transfer(CallKey),
    Register(Box<PendingRegister>),
}

/// What a client transaction of a call is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ClientUse {
    /// The INVITE of one fork.
    Fork(usize),
    /// The BYE of a call that has ended.
    Bye,
    /// The PRACK for a provisional of a fork.
    Prack,
    /// A request of one leg passed on to the other.
    Passed,
    /// An INFO with a digit that one leg sent as a telephone event.
    Digit,
    /// A refresh of the session of one leg.
    Refresh(Side),
    /// The re-INVITE of a leg that is to move to another call.
    Move,
    /// A NOTIFY that tells a referrer how the transfer gets on.
    Notify,
}

/// Leads events to their call.
#[derive(Default)]
pub(crate) struct Index {
    pub(crate) servers: BTreeMap<ServerTransactionId, CallKey>,
    pub(crate) clients: BTreeMap<ClientTransactionId, (CallKey, ClientUse)>,
    /// By the tag that we minted for the leg.
    pub(crate) tags: BTreeMap<String, (CallKey, LegName)>,
    pub(crate) questions: BTreeMap<QuestionId, Asker>,
    pub(crate) queries: BTreeMap<QueryId, (CallKey, usize)>,
    pub(crate) media: BTreeMap<MediaId, CallKey>,
    pub(crate) ids: BTreeMap<CallId, CallKey>,
}

impl Index {
    /// A call gives up the tag of one of its legs. Nothing happens when the leg has moved to another call.
    pub(crate) fn release_tag(&mut self, call: CallKey, tag: &str) {
        if self.tags.get(tag).is_some_and(|(owner, _)| *owner == call) {
            self.tags.remove(tag);
        }
    }
}

pub(crate) struct Context {
    pub(crate) settings: Arc<Settings>,
    pub(crate) endpoint: Endpoint,
    pub(crate) registrar: Registrar,
    pub(crate) trunks: Trunks,
    authentication: Authentication,
    pub(crate) timers: Timers,
    pub(crate) index: Index,
    pub(crate) outputs: VecDeque<Output>,
    /// What calls tell each other; delivered before the input that caused it is done.
    pub(crate) signals: VecDeque<(CallKey, Signal)>,
    /// Calls that other calls began, likewise.
    pub(crate) begun: Vec<Call>,
    pub(crate) rng: ChaCha12Rng,
    numbered: u64,
}

impl Context {
    pub(crate) fn new(
        settings: Arc<Settings>,
        endpoint: Endpoint,
        registrar: Registrar,
        mut rng: ChaCha12Rng,
    ) -> Self {
        let authentication = Authentication::new(ChaCha12Rng::from_rng(&mut rng));
        Self {
            settings,
            endpoint,
            registrar,
            trunks: Trunks::default(),
            authentication,
            timers: Timers::default(),
            index: Index::default(),
            outputs: VecDeque::new(),
            signals: VecDeque::new(),
            begun: Vec::new(),
            rng,
            numbered: 0,
        }
    }

    /// The next number, for whatever needs one that was never used before.
    pub(crate) fn number(&mut self) -> u64 {
        self.numbered += 1;
        self.numbered
    }

    pub(crate) fn new_call_id(&mut self) -> CallId {
        CallId::from_bits(self.rng.random())
    }

    /// Asks the plugins; who waits for the answer is for the asker to note in the index.
    pub(crate) fn ask(&mut self, content: Question) -> QuestionId {
        let question = QuestionId(self.number());
        self.outputs.push_back(Output::Ask { question, content });
        question
    }

    /// Asks the plugins on behalf of a call.
    pub(crate) fn ask_for_call(&mut self, call: CallKey, content: Question) -> QuestionId {
        let question = self.ask(content);
        self.index.questions.insert(question, Asker::Call(call));
        question
    }

    /// Asks the plugins whether a party of a call may transfer it.
    pub(crate) fn ask_for_transfer(&mut self, call: CallKey, content: Question) -> QuestionId {
        let question = self.ask(content);
        self.index.questions.insert(question, Asker::Transfer(call));
        question
    }

    /// Tells another call something.
    pub(crate) fn signal(&mut self, to: CallKey, signal: Signal) {
        self.signals.push_back((to, signal));
    }

    pub(crate) fn resolve(&mut self, call: CallKey, fork: usize, uri: String) -> QueryId {
        let query = self.query(uri);
        self.index.queries.insert(query, (call, fork));
        query
    }

    /// Asks where a URI leads; who waits for the answer is for the asker to note.
    pub(crate) fn query(&mut self, uri: String) -> QueryId {
        let query = QueryId(self.number());
        self.outputs.push_back(Output::Resolve { query, target: ResolveTarget { uri } });
        query
    }

    /// Checks whether a request proves the user that a plugin wants proved.
    pub(crate) fn authenticate(
        &mut self,
        now: Instant,
        request: &Message,
        flow: &Flow,
        challenge: &Challenge,
    ) -> Proof {
        self.authentication.check(now, &self.settings, request, flow, challenge)
    }

    pub(crate) fn media(&mut self, command: MediaCommand) {
        self.outputs.push_back(Output::Media(command));
    }

    pub(crate) fn event(&mut self, call_id: Option<CallId>, kind: EventKind) {
        self.outputs.push_back(Output::Event(Event { call_id, at_ms: 0, kind }));
    }

    /// Sends a request of a call in a client transaction.
    pub(crate) fn send(
        &mut self,
        now: Instant,
        flow: Flow,
        request: &Request,
        call: CallKey,
        purpose: ClientUse,
    ) -> ClientTransactionId {
        let transaction = self.endpoint.send_request(now, flow, request);
        self.trunks.sent.note(transaction, call, purpose, flow, request);
        self.index.clients.insert(transaction, (call, purpose));
        transaction
    }

    /// The URI in our Contact on a flow: where the peer's next request of the dialog goes.
    pub(crate) fn contact(&self, flow: &Flow) -> String {
        format!("<sip:{}>", self.contact_place(flow))
    }

    /// What follows the user part in it.
    pub(crate) fn contact_place(&self, flow: &Flow) -> String {
        let address = SocketAddr::new(self.settings.advertised(flow), flow.local.port());
        match flow.transport {
            Transport::Udp => address.to_string(),
            // In a URI both kinds of WebSocket are `ws` (RFC 7118 §5.2); only Via tells them apart.
            Transport::Wss => format!("{address};transport=ws"),
            transport => format!("{address};transport={transport}"),
        }
    }

    /// The host that a leg on this flow knows us by.
    pub(crate) fn host(&self, flow: &Flow) -> String {
        match self.settings.domains.first() {
            Some(domain) => domain.clone(),
            None => uri_host(self.settings.advertised(flow)),
        }
    }

    /// Adds what every dialog-making message of ours carries.
    pub(crate) fn dialog_headers(&self, flow: &Flow, response: &mut Response) {
        response.header(HeaderName::Contact, self.contact(flow));
        response.header(HeaderName::Allow, ALLOW);
        response.header(HeaderName::Supported, EXTENSIONS.join(", "));
    }
}

/// An address as the host part of a URI: IPv6 in brackets.
pub(crate) fn uri_host(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    }
}
