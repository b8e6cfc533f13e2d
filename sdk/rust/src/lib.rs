//! Write Cordboard plugins in Rust.
//!
//! A plugin is a type that implements [`Plugin`] and one of [`Router`], [`Authorizer`], [`Escalator`] and [`Formatter`], and one line
//! that exports it:
//!
//! ```
//! use cordboard_plugin_sdk::prelude::*;
//!
//! #[derive(serde::Deserialize)]
//! struct Config {
//!     reception: String,
//! }
//!
//! struct EverythingToReception;
//!
//! impl Plugin for EverythingToReception {
//!     type Config = Config;
//!
//!     fn info() -> Info {
//!         Info::new(env!("CARGO_PKG_VERSION"), "everything-to-reception", "Sends every call to the reception")
//!     }
//! }
//!
//! impl Router for EverythingToReception {
//!     fn route(config: &Config, question: &Question, _host: &dyn Host) -> Result<RouteAnswer, Fault> {
//!         if !question.attempts.is_empty() {
//!             return Ok(RouteAnswer::reject(480, "the reception does not answer"));
//!         }
//!         Ok(RouteAnswer::dial([Target::aor(&config.reception)], "every call goes to the reception"))
//!     }
//! }
//!
//! export_router!(EverythingToReception);
//! ```
//!
//! | what it decides | trait | exported with |
//! |---|---|---|
//! | where a call goes | [`Router`] | [`export_router!`] |
//! | who may do what | [`Authorizer`] | [`export_authorizer!`] |
//! | who is called next about an incident | [`Escalator`] | [`export_escalator!`] |
//! | what an event looks like to its receiver | [`Formatter`] | [`export_formatter!`] |
//!
//! The functions are ordinary Rust: `cargo test` runs them natively against [`testing::TestHost`], without WebAssembly.
//!
//! Three things follow from how plugins are run. Every question gets a fresh instance, so that nothing is remembered between two
//! questions (statics included). There is no clock: time is in the question. And a panic fails one question, for which the host's
//! fallback answers; return a [`Fault`] where you can say what is wrong.

mod authorizer;
pub mod escalation;
mod export;
mod formatter;
mod host;
mod plugin;
mod router;
pub mod testing;

/// What `wit-bindgen` makes of the WIT package: one module for what every plugin has, and one for each interface that a plugin may
/// export. Each ends up in a component only when its export macro is used, so that a plugin exports what it implements.
#[doc(hidden)]
#[allow(missing_docs, unreachable_pub, clippy::all, reason = "generated code")]
pub mod bindings {
    pub mod base {
        wit_bindgen::generate!({
            path: "../../wit/1.0",
            world: "base",
            pub_export_macro: true,
            export_macro_name: "export_base",
            default_bindings_module: "cordboard_plugin_sdk::bindings::base",
            additional_derives: [PartialEq],
        });
    }

    pub mod routing {
        wit_bindgen::generate!({
            path: "../../wit/1.0",
            inline: "package sdk:guest; world routing { export cordboard:plugin/routing@1.0.0; }",
            world: "sdk:guest/routing",
            pub_export_macro: true,
            export_macro_name: "export_routing",
            default_bindings_module: "cordboard_plugin_sdk::bindings::routing",
            additional_derives: [PartialEq],
            with: { "cordboard:plugin/types@1.0.0": crate::bindings::base::cordboard::plugin::types },
            generate_all,
        });
    }

    pub mod authorization {
        wit_bindgen::generate!({
            path: "../../wit/1.0",
            inline: "package sdk:guest; world authorization { export cordboard:plugin/authorization@1.0.0; }",
            world: "sdk:guest/authorization",
            pub_export_macro: true,
            export_macro_name: "export_authorization",
            default_bindings_module: "cordboard_plugin_sdk::bindings::authorization",
            additional_derives: [PartialEq],
            with: { "cordboard:plugin/types@1.0.0": crate::bindings::base::cordboard::plugin::types },
            generate_all,
        });
    }

    pub mod escalation {
        wit_bindgen::generate!({
            path: "../../wit/1.0",
            inline: "package sdk:guest; world escalation { export cordboard:plugin/escalation@1.0.0; }",
            world: "sdk:guest/escalation",
            pub_export_macro: true,
            export_macro_name: "export_escalation",
            default_bindings_module: "cordboard_plugin_sdk::bindings::escalation",
            additional_derives: [PartialEq],
            with: { "cordboard:plugin/types@1.0.0": crate::bindings::base::cordboard::plugin::types },
            generate_all,
        });
    }

    pub mod event_formatting {
        wit_bindgen::generate!({
            path: "../../wit/1.0",
            inline: "package sdk:guest; world event-formatting { export cordboard:plugin/event-formatting@1.0.0; }",
            world: "sdk:guest/event-formatting",
            pub_export_macro: true,
            export_macro_name: "export_event_formatting",
            default_bindings_module: "cordboard_plugin_sdk::bindings::event_formatting",
            additional_derives: [PartialEq],
            with: { "cordboard:plugin/types@1.0.0": crate::bindings::base::cordboard::plugin::types },
            generate_all,
        });
    }

    pub mod http {
        wit_bindgen::generate!({
            path: "../../wit/1.0",
            inline: "package sdk:guest; world http { import cordboard:plugin/http@1.0.0; }",
            world: "sdk:guest/http",
            additional_derives: [PartialEq],
            generate_all,
        });
    }
}

pub use authorizer::{
    Access, Algorithm, Authorizer, AuthorizerAnswer, Challenge, Credential, Ha1, Refer, Subject, Verdict,
};
pub use bindings::base::cordboard::plugin::types::{Attributes, Call, Fault, Party, Rejection};
pub use escalation::Escalator;
pub use export::guest;
pub use formatter::{Event, FormatAnswer, FormatQuestion, Formatted, Formatter, Message, Sink};
pub use host::{Host, HttpFailure, HttpRequest, HttpResponse, Level, WebHost};
pub use plugin::{Info, Plugin, Problem};
pub use router::{
    Attempt, Collect, Collected, Decision, Dial, DigitsEnd, Identity, MediaStream, Next, Outcome, Page, Play,
    Prompt, Question, Reason, RecordMessage, Recording, Referral, Referrer, RouteAnswer, Router, Speech,
    Srtp, Strategy, StreamEnd, Target, TargetAddress, TrunkNumber,
};

/// What most plugins need. The types of [`escalation`] stay in their module, as some have the names of routing's.
pub mod prelude {
    pub use crate::{
        Authorizer, AuthorizerAnswer, Call, Collect, Decision, Dial, Escalator, Event, Fault, FormatAnswer,
        FormatQuestion, Formatted, Formatter, Host, Identity, Info, Level, MediaStream, Message, Next,
        Outcome, Page, Party, Play, Plugin, Problem, Prompt, Question, Reason, RecordMessage, RouteAnswer,
        Router, Sink, Strategy, Subject, Target, TargetAddress, Verdict, WebHost, export_authorizer,
        export_escalator, export_formatter, export_router,
    };
}

impl Fault {
    /// A fault that asking again would not cure.
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into(), retryable: false }
    }
}
