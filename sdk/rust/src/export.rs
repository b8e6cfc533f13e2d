//! From the exports of the component to the traits of this crate.

/// What the export macros expand to. Not meant to be called by hand.
#[doc(hidden)]
pub mod guest {
    use crate::plugin::read_config;
    use crate::{Plugin, Problem};

    /// `check-config`.
    ///
    /// # Errors
    /// The mistakes.
    pub fn check_config<P: Plugin>(json: &str) -> Result<(), Vec<Problem>> {
        read_config::<P>(json).map(drop)
    }

    #[cfg(target_family = "wasm")]
    mod sandbox {
        use crate::bindings::base::cordboard::plugin::config;
        use crate::escalation::{EscalationAnswer, EscalationQuestion};
        use crate::host::Imports;
        use crate::plugin::read_config;
        use crate::{
            Authorizer, AuthorizerAnswer, Escalator, Fault, FormatAnswer, FormatQuestion, Formatter, Plugin,
            Problem, Question, RouteAnswer, Router, Subject,
        };

        /// `routing.route`.
        pub fn route<P: Router>(question: &Question) -> Result<RouteAnswer, Fault> {
            P::route(&current_config::<P>()?, question, &Imports)
        }

        /// `authorization.authorize`.
        pub fn authorize<P: Authorizer>(subject: &Subject) -> Result<AuthorizerAnswer, Fault> {
            P::authorize(&current_config::<P>()?, subject, &Imports)
        }

        /// `escalation.escalate`.
        pub fn escalate<P: Escalator>(question: &EscalationQuestion) -> Result<EscalationAnswer, Fault> {
            P::escalate(&current_config::<P>()?, question, &Imports)
        }

        /// `event-formatting.format`.
        pub fn format<P: Formatter>(question: &FormatQuestion) -> Result<FormatAnswer, Fault> {
            P::format(&current_config::<P>()?, question, &Imports)
        }

        fn current_config<P: Plugin>() -> Result<P::Config, Fault> {
            read_config::<P>(&config::get()).map_err(|problems| Fault::new("bad-config", summary(&problems)))
        }

        fn summary(problems: &[Problem]) -> String {
            let lines: Vec<String> = problems.iter().map(|p| format!("{}: {}", p.path, p.message)).collect();
            lines.join("; ")
        }
    }
    #[cfg(target_family = "wasm")]
    pub use sandbox::{authorize, escalate, format, route};
}

/// Exports what every plugin has.
#[doc(hidden)]
#[macro_export]
macro_rules! export_meta {
    ($plugin:ty, $exported:ident) => {
        impl $crate::bindings::base::exports::cordboard::plugin::meta::Guest for $exported {
            fn describe() -> $crate::bindings::base::exports::cordboard::plugin::meta::Info {
                <$plugin as $crate::Plugin>::info().into()
            }

            fn check_config(
                json: ::std::string::String,
            ) -> ::std::result::Result<(), ::std::vec::Vec<$crate::Problem>> {
                $crate::guest::check_config::<$plugin>(&json)
            }
        }
        $crate::bindings::base::export_base!($exported with_types_in $crate::bindings::base);
    };
}

/// Makes the component out of a type that implements [`Router`](crate::Router). Does nothing in native builds.
#[macro_export]
macro_rules! export_router {
    ($plugin:ty) => {
        #[cfg(target_family = "wasm")]
        const _: () = {
            struct Exported;
            $crate::export_meta!($plugin, Exported);
            impl $crate::bindings::routing::exports::cordboard::plugin::routing::Guest for Exported {
                fn route(
                    question: $crate::Question,
                ) -> ::std::result::Result<$crate::RouteAnswer, $crate::Fault> {
                    $crate::guest::route::<$plugin>(&question)
                }
            }
    $crate::bindings::routing::export_routing!(Exported with_types_in $crate::bindings::routing);
        };
    };
}

/// Makes the component out of a type that implements [`Authorizer`](crate::Authorizer). Does nothing in native builds.
#[macro_export]
macro_rules! export_authorizer {
    ($plugin:ty) => {
        #[cfg(target_family = "wasm")]
        const _: () = {
            struct Exported;
            $crate::export_meta!($plugin, Exported);
            impl $crate::bindings::authorization::exports::cordboard::plugin::authorization::Guest for Exported {
                fn authorize(
                    subject: $crate::Subject,
                ) -> ::std::result::Result<$crate::AuthorizerAnswer, $crate::Fault> {
                    $crate::guest::authorize::<$plugin>(&subject)
                }
            }
            $crate::bindings::authorization::export_authorization!(Exported with_types_in $crate::bindings::authorization);
        };
    };
}

/// Makes the component out of a type that implements [`Escalator`](crate::Escalator). Does nothing in native builds.
#[macro_export]
macro_rules! export_escalator {
    ($plugin:ty) => {
        #[cfg(target_family = "wasm")]
        const _: () = {
            struct Exported;
            $crate::export_meta!($plugin, Exported);
            impl $crate::bindings::escalation::exports::cordboard::plugin::escalation::Guest for Exported {
                fn escalate(
                    question: $crate::escalation::EscalationQuestion,
                ) -> ::std::result::Result<$crate::escalation::EscalationAnswer, $crate::Fault> {
                    $crate::guest::escalate::<$plugin>(&question)
                }
            }
            $crate::bindings::escalation::export_escalation!(Exported with_types_in $crate::bindings::escalation);
        };
    };
}

/// Makes the component out of a type that implements [`Formatter`](crate::Formatter). Does nothing in native builds.
#[macro_export]
macro_rules! export_formatter {
    ($plugin:ty) => {
        #[cfg(target_family = "wasm")]
        const _: () = {
            struct Exported;
            $crate::export_meta!($plugin, Exported);
            impl $crate::bindings::event_formatting::exports::cordboard::plugin::event_formatting::Guest for Exported {
                fn format(
                    question: $crate::FormatQuestion,
                ) -> ::std::result::Result<$crate::FormatAnswer, $crate::Fault> {
                    $crate::guest::format::<$plugin>(&question)
                }
            }
            $crate::bindings::event_formatting::export_event_formatting!(Exported with_types_in $crate::bindings::event_formatting);
        };
    };
}
