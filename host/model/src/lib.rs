//! The words that every Cordboard crate shares.
//!
//! Plain values only: ids, addresses, what is asked of a plugin and what it answers, events, and
//! the wrappers that keep secrets out of logs. Nothing here does I/O, reads a clock, draws a random
//! number or knows a wire format; whoever needs the time or an id is handed one.

pub mod address;
pub mod answer;
pub mod decision;
pub mod escalation;
pub mod event;
pub mod formatting;
pub mod id;
mod json;
pub mod plugin;
pub mod privacy;
pub mod question;
pub mod trunk;

pub use address::{Aor, Extension};
pub use answer::{
    CallerIdentity, Challenge, Credential, Dial, DigestAlgorithm, Rejection, RouteDecision, Srtp, Strategy,
    Target, TargetAddress, Verdict,
};
pub use decision::{PluginDecision, PluginQuestion};
pub use escalation::{EscalationDecision, EscalationQuestion};
pub use event::{CallLeg, EndReason, Event, EventKind, Party};
pub use formatting::{FormatDecision, FormatQuestion};
pub use id::CallId;
pub use plugin::{PluginChange, PluginTransition};
pub use privacy::{Pii, Secret};
pub use question::{
    Attempt, AttemptOutcome, Attributes, AuthorizationSubject, CallFacts, QuestionId, ReferFacts, Referral,
    Referrer, RouteQuestion, RouteReason, TRANSFERS,
};
pub use trunk::{TrunkState, TrunkStatus};
