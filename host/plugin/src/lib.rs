//! The sandbox: WebAssembly components that decide.
//!
//! [`Plugins::load`] reads, checks and compiles the configured components once. [`Plugins::authorize`], [`Plugins::route`],
//! [`Plugins::escalate`] and [`Plugins::format`] then ask the chain of their decision point, each question in a fresh instance, and
//! always come back with an answer within the plugins' deadlines: where a plugin cannot give one, the documented fallback does.
//!
//! | decision point | a plugin passes | a plugin fails | nobody is left |
//! |---|---|---|---|
//! | authorization | next of the chain | deny with 503 | deny with 403 |
//! | routing | next of the chain | next of the chain | static table, else 503 with Retry-After |
//! | escalation | next of the chain | next of the chain | primary, secondary, primary, secondary |
//! | event formatting | next of the chain | canonical JSON, marked | canonical JSON |
//!
//! While they run, [`Plugins::reload`], [`Plugins::configure`] and [`Plugins::rollback`] exchange them. All three make the next
//! `snapshot` of plugins and chains aside and swap it in with one store. A new generation answers the last recorded questions before
//! that (`rehearsal`) and is on `probation` after it; a `candidate` is tried beside it as a shadow or a canary. [`Plugins::on_change`] tells all that happens.
//!
//! Invariants:
//!
//! * **A guest can only fail its own question.** A trap, an endless loop, a memory bomb or a huge answer costs that question and its
//!   instance. It is counted with its reason ([`FailureReason`]), and the next question starts from the compiled component again.
//! * **Nothing is linked but `cordboard:plugin`.** No WASI, no files, no network, no clock, no randomness. A component that wants more
//!   is refused when it is loaded, by the name of what it wants.
//! * **Generated types stay in `bindings`.** One module per published major version, with conversions to the types of
//!   `cordboard-model`. What a guest returns is believed only after those conversions have checked it.
//! * **Nothing is compiled beside calls.** A process of the lowest priority compiles, and a cache keeps what it made ([`ComponentSettings`]).
//!   Code from that cache is the only thing that is believed unseen, in the one module with unsafe code.
//! * **A question finishes on the generations that it began with**, whatever is exchanged meanwhile, and never waits for a change.
//! * **A change that is refused changes nothing**, and says why ([`ReloadError`]).
//! * **Loading never ends the process.** A broken file makes its decision point degraded: [`LoadProblem`] says what to do.

mod ask;
mod bindings;
mod breaker;
mod candidate;
mod compare;
mod component;
mod counters;
mod decided;
mod digest;
mod engine;
mod failure;
mod fallback;
pub mod gate;
mod grants;
mod imports;
mod instance;
mod kind;
mod ledger;
mod limits;
mod load;
mod overview;
mod plugin;
mod plugins;
mod probation;
mod rehearsal;
mod reload;
mod report;
mod said;
mod settings;
mod slot;
mod snapshot;
mod source;
mod state;
mod trial;

pub use compare::{Difference, compare};
pub use component::{
    Aside, CacheError, CacheSettings, CompileError, Compiler, ComponentSettings, Components, Prepared,
    precompile, read_component,
};
pub use counters::{GuestCounter, LATENCY_BUCKETS_US, PluginFigures};
pub use decided::{Decided, DecidedBy, Step, StepOutcome};
pub use engine::EngineError;
pub use failure::{Failure, FailureReason};
pub use grants::{Granted, HostFigures};
pub use imports::{LookedUp, Lookup};
pub use kind::Kind;
pub use limits::Limits;
pub use load::{LoadError, LoadProblem};
pub use plugins::Plugins;
pub use probation::Tally;
pub use rehearsal::Rehearsal;
pub use reload::{CandidateOutcome, ReloadError, Reloaded, RollbackError, RolledBack, Swapped};
pub use settings::{
    CandidateMode, CandidateSettings, ChainSettings, OnFailure, PluginSettings, ProbationSettings,
    StaticRoute,
};
pub use source::{Signer, SignerError, Source, SourceError, SourceRules, read_file};
pub use state::{
    CandidateState, Disagreement, GenerationOutcome, GenerationState, Health, Identity, PluginDetail,
    PluginState, ProbationState, Quarantined, Refusal,
};
pub use trial::{Trial, TrialError, Tried};
