//! Where calls go.

mod media;

pub use crate::bindings::routing::exports::cordboard::plugin::routing::{
    Answer as RouteAnswer, Attempt, Collect, Collected, Decision, Dial, DigitsEnd, Identity, MediaStream,
    Next, Outcome, Page, Play, Prompt, Question, Reason, RecordMessage, Recording, Referral, Referrer,
    Speech, Srtp, Strategy, StreamEnd, Target, TargetAddress, TrunkNumber,
};
use crate::{Fault, Host, Plugin, Rejection};

/// A plugin that decides where a call goes. Exported with [`export_router!`](crate::export_router).
pub trait Router: Plugin {
    /// Decides. The same question and configuration have to give the same answer.
    ///
    /// # Errors
    /// When it cannot decide: the host counts it and asks the next of the chain, or its static table.
    fn route(config: &Self::Config, question: &Question, host: &dyn Host) -> Result<RouteAnswer, Fault>;
}

impl RouteAnswer {
    /// Any decision, and one sentence that says why.
    pub fn new(decision: Decision, why: impl Into<String>) -> Self {
        Self { decision, memo: String::new(), why: why.into(), attrs: Vec::new() }
    }

    /// Rings targets, one after the other.
    pub fn dial(targets: impl IntoIterator<Item = Target>, why: impl Into<String>) -> Self {
        Self::new(Decision::Dial(Dial::new(targets, Strategy::Sequential)), why)
    }

    /// Refuses the call with a SIP status.
    pub fn reject(status: u16, why: impl Into<String>) -> Self {
        let rejection = Rejection { status, reason: String::new(), retry_after_s: None, attrs: Vec::new() };
        Self::new(Decision::Reject(rejection), why)
    }

    /// Answers 302 with these URIs, best first.
    pub fn redirect(uris: impl IntoIterator<Item = String>, why: impl Into<String>) -> Self {
        Self::new(Decision::Redirect(uris.into_iter().collect()), why)
    }

    /// Leaves the call to the next plugin of the chain.
    pub fn pass(why: impl Into<String>) -> Self {
        Self::new(Decision::Pass, why)
    }

    /// Comes back in the next question of this call, at most 4 KiB. A hint: the host may forget it.
    #[must_use]
    pub fn memo(mut self, memo: impl Into<String>) -> Self {
        self.memo = memo.into();
        self
    }
}

impl Dial {
    /// Rings targets together or one after the other.
    pub fn new(targets: impl IntoIterator<Item = Target>, strategy: Strategy) -> Self {
        Self {
            targets: targets.into_iter().collect(),
            strategy,
            record_media: false,
            transcribe: false,
            attrs: Vec::new(),
        }
    }

    /// Wishes for a recording and a transcript of the conversation, where the host's configuration permits them.
    #[must_use]
    pub fn kept(mut self, record: bool, transcribe: bool) -> Self {
        self.record_media = record;
        self.transcribe = transcribe;
        self
    }
}

impl Target {
    /// Any address, with the host's ring time and the caller's own identity.
    pub fn new(address: TargetAddress) -> Self {
        Self {
            address,
            ring_timeout_ms: None,
            caller: None,
            add_headers: Vec::new(),
            remove_headers: Vec::new(),
            srtp: Srtp::Unspecified,
            attrs: Vec::new(),
        }
    }

    /// A registered user: `user`, or `user@domain`.
    pub fn aor(aor: impl Into<String>) -> Self {
        Self::new(TargetAddress::Aor(aor.into()))
    }

    /// A SIP URI.
    pub fn uri(uri: impl Into<String>) -> Self {
        Self::new(TargetAddress::Uri(uri.into()))
    }

    /// A number behind a trunk.
    pub fn trunk(trunk: impl Into<String>, number: impl Into<String>) -> Self {
        Self::new(TargetAddress::Trunk(TrunkNumber { trunk: trunk.into(), number: number.into() }))
    }

    /// Rings at most so long; `None` leaves it to the host.
    #[must_use]
    pub fn ring_for_ms(mut self, milliseconds: Option<u32>) -> Self {
        self.ring_timeout_ms = milliseconds;
        self
    }

    /// Shows the callee another caller.
    #[must_use]
    pub fn shown_as(mut self, caller: Identity) -> Self {
        self.caller = Some(caller);
        self
    }

    /// Adds a header to the INVITE.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.add_headers.push((name.to_owned(), value.into()));
        self
    }

    /// Does not pass on a header of the caller.
    #[must_use]
    pub fn without_header(mut self, name: &str) -> Self {
        self.remove_headers.push(name.to_owned());
        self
    }

    /// What to ask of the media encryption towards it.
    #[must_use]
    pub fn srtp(mut self, srtp: Srtp) -> Self {
        self.srtp = srtp;
        self
    }
}

impl Identity {
    /// A number or user, with a display name where there is one.
    pub fn new(user: impl Into<String>, display: Option<&str>) -> Self {
        Self { user: user.into(), display: display.map(str::to_owned), host: None, anonymous: false }
    }

    /// A number or user that the callee does not see (RFC 3323).
    pub fn anonymous(user: impl Into<String>) -> Self {
        Self { user: user.into(), display: None, host: None, anonymous: true }
    }
}
