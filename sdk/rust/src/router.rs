//! Where calls go.

use crate::bindings::routing::exports::cordboard::plugin::routing;
pub use crate::bindings::routing::exports::cordboard::plugin::routing::{
    Answer as RouteAnswer, Attempt, Decision, Dial, Outcome, Question, Reason, Strategy, Target,
    TargetAddress,
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

    /// Leaves the call to the next plugin of the chain.
    pub fn pass(why: impl Into<String>) -> Self {
        Self::new(Decision::Pass, why)
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
            srtp: routing::Srtp::Unspecified,
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
        Self::new(TargetAddress::Trunk(routing::TrunkNumber { trunk: trunk.into(), number: number.into() }))
    }

    /// Rings at most so long; `None` leaves it to the host.
    #[must_use]
    pub fn ring_for_ms(mut self, milliseconds: Option<u32>) -> Self {
        self.ring_timeout_ms = milliseconds;
        self
    }
}
