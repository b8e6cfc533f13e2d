//! `cordboard:plugin@1`: what the host links, what it calls, and the conversions both ways.

mod answer;
mod escalation;
mod formatting;
mod imports;
mod question;

use wasmtime::Store;
use wasmtime::component::{Component, HasSelf, InstancePre, Linker};

use crate::failure::{Failure, FailureReason};
use crate::imports::State;
use crate::kind::Kind;

pub(crate) use answer::{routed, verdict};
pub(crate) use escalation::{escalated, escalation_question};
pub(crate) use formatting::{formatted, formatting_question};
pub(crate) use question::{routing_question, subject};

/// Prefix of every interface of the package.
pub(crate) const PACKAGE: &str = "cordboard:plugin/";

/// Version of the package that this module serves.
pub(crate) const VERSION: &str = "@1.";

/// What every plugin imports and exports.
#[allow(clippy::all, reason = "generated code; whether it offends a lint depends on the generator")]
mod base {
    wasmtime::component::bindgen!({
        path: "../../wit/1.0",
        world: "base",
        exports: { default: async },
        require_store_data_send: true,
    });
}

/// The interface `routing` alone: what a component exports decides what it is, not the world that it was built for.
#[allow(clippy::all, reason = "generated code; whether it offends a lint depends on the generator")]
mod routing {
    wasmtime::component::bindgen!({
        path: "../../wit/1.0",
        inline: "package host:v1; world routing { export cordboard:plugin/routing@1.0.0; }",
        world: "host:v1/routing",
        exports: { default: async },
        require_store_data_send: true,
        with: { "cordboard:plugin/types@1.0.0": super::base::cordboard::plugin::types },
    });
}

/// The interface `authorization`, and `http`, which only kinds that may wait have.
#[allow(clippy::all, reason = "generated code; whether it offends a lint depends on the generator")]
mod authorization {
    wasmtime::component::bindgen!({
        path: "../../wit/1.0",
        inline: "package host:v1; world authorization { import cordboard:plugin/http@1.0.0; export cordboard:plugin/authorization@1.0.0; }",
        world: "host:v1/authorization",
        imports: { "cordboard:plugin/http@1.0.0.send": async },
        exports: { default: async },
        require_store_data_send: true,
        with: { "cordboard:plugin/types@1.0.0": super::base::cordboard::plugin::types },
    });
}

/// The interface `escalation` alone.
#[allow(clippy::all, reason = "generated code; whether it offends a lint depends on the generator")]
mod escalating {
    wasmtime::component::bindgen!({
        path: "../../wit/1.0",
        inline: "package host:v1; world escalation { export cordboard:plugin/escalation@1.0.0; }",
        world: "host:v1/escalation",
        exports: { default: async },
        require_store_data_send: true,
        with: { "cordboard:plugin/types@1.0.0": super::base::cordboard::plugin::types },
    });
}

/// The interface `event-formatting` alone; its import `http` is linked with authorization.
#[allow(clippy::all, reason = "generated code; whether it offends a lint depends on the generator")]
mod event_formatting {
    wasmtime::component::bindgen!({
        path: "../../wit/1.0",
        inline: "package host:v1; world event-formatting { export cordboard:plugin/event-formatting@1.0.0; }",
        world: "host:v1/event-formatting",
        exports: { default: async },
        require_store_data_send: true,
        with: { "cordboard:plugin/types@1.0.0": super::base::cordboard::plugin::types },
    });
}

pub(crate) use authorization::exports::cordboard::plugin::authorization as wit_authorization;
pub(crate) use base::cordboard::plugin::types as wit;
pub(crate) use escalating::exports::cordboard::plugin::escalation as wit_escalation;
pub(crate) use event_formatting::exports::cordboard::plugin::event_formatting as wit_formatting;
pub(crate) use routing::exports::cordboard::plugin::routing as wit_routing;

/// A component with everything looked up that does not depend on the question.
#[derive(Clone)]
pub(crate) struct Prepared {
    meta: base::BasePre<State>,
    routing: Option<routing::RoutingPre<State>>,
    authorization: Option<authorization::AuthorizationPre<State>>,
    escalation: Option<escalating::EscalationPre<State>>,
    formatting: Option<event_formatting::EventFormattingPre<State>>,
}

/// What `describe` returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Description {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) summary: String,
    /// JSON Schema as text; empty for none.
    pub(crate) config_schema: String,
    /// Lookup tables that it reads.
    pub(crate) tables: Vec<String>,
}

impl Prepared {
    /// Links a component whose imports have been checked.
    pub(crate) fn link(component: &Component) -> wasmtime::Result<Self> {
        let mut linker = Linker::new(component.engine());
        base::Base::add_to_linker::<_, HasSelf<State>>(&mut linker, |state| state)?;
        authorization::Authorization::add_to_linker::<_, HasSelf<State>>(&mut linker, |state| state)?;
        let linked: InstancePre<State> = linker.instantiate_pre(component)?;
        let exports = |interface: &str| exports(component, interface);
        Ok(Self {
            meta: base::BasePre::new(linked.clone())?,
            routing: exports("routing").then(|| routing::RoutingPre::new(linked.clone())).transpose()?,
            authorization: exports("authorization")
                .then(|| authorization::AuthorizationPre::new(linked.clone()))
                .transpose()?,
            escalation: exports("escalation")
                .then(|| escalating::EscalationPre::new(linked.clone()))
                .transpose()?,
            formatting: exports("event-formatting")
                .then(|| event_formatting::EventFormattingPre::new(linked))
                .transpose()?,
        })
    }

    /// Whether it decides such questions.
    pub(crate) fn serves(&self, kind: Kind) -> bool {
        match kind {
            Kind::Routing => self.routing.is_some(),
            Kind::Authorization => self.authorization.is_some(),
            Kind::Escalation => self.escalation.is_some(),
            Kind::EventFormatting => self.formatting.is_some(),
        }
    }

    pub(crate) async fn describe(&self, store: &mut Store<State>) -> wasmtime::Result<Description> {
        let instance = self.meta.instantiate_async(&mut *store).await?;
        let info = instance.cordboard_plugin_meta().call_describe(store).await?;
        Ok(Description {
            name: info.name,
            version: info.version,
            summary: info.summary,
            config_schema: info.config_schema,
            tables: info.tables,
        })
    }

    /// Asks the plugin to check a configuration block. The mistakes, as place and message.
    pub(crate) async fn check_config(
        &self,
        store: &mut Store<State>,
        json: &str,
    ) -> wasmtime::Result<Vec<(String, String)>> {
        let instance = self.meta.instantiate_async(&mut *store).await?;
        let checked = instance.cordboard_plugin_meta().call_check_config(store, json).await?;
        let problems = checked.err().unwrap_or_default();
        Ok(problems.into_iter().map(|problem| (problem.path, problem.message)).collect())
    }

    pub(crate) async fn route(
        &self,
        store: &mut Store<State>,
        question: &wit_routing::Question,
    ) -> wasmtime::Result<Result<wit_routing::Answer, wit::Fault>> {
        let Some(routing) = &self.routing else { return Ok(Err(not_served("routing"))) };
        let instance = routing.instantiate_async(&mut *store).await?;
        instance.cordboard_plugin_routing().call_route(store, question).await
    }

    pub(crate) async fn authorize(
        &self,
        store: &mut Store<State>,
        subject: &wit_authorization::Subject,
    ) -> wasmtime::Result<Result<wit_authorization::Answer, wit::Fault>> {
        let Some(authorization) = &self.authorization else { return Ok(Err(not_served("authorization"))) };
        let instance = authorization.instantiate_async(&mut *store).await?;
        instance.cordboard_plugin_authorization().call_authorize(store, subject).await
    }

    pub(crate) async fn escalate(
        &self,
        store: &mut Store<State>,
        question: &wit_escalation::Question,
    ) -> wasmtime::Result<Result<wit_escalation::Answer, wit::Fault>> {
        let Some(escalation) = &self.escalation else { return Ok(Err(not_served("escalation"))) };
        let instance = escalation.instantiate_async(&mut *store).await?;
        instance.cordboard_plugin_escalation().call_escalate(store, question).await
    }

    pub(crate) async fn format(
        &self,
        store: &mut Store<State>,
        question: &wit_formatting::Question,
    ) -> wasmtime::Result<Result<wit_formatting::Answer, wit::Fault>> {
        let Some(formatting) = &self.formatting else { return Ok(Err(not_served("event-formatting"))) };
        let instance = formatting.instantiate_async(&mut *store).await?;
        instance.cordboard_plugin_event_formatting().call_format(store, question).await
    }
}

/// Whether a component exports an interface of this major version.
pub(crate) fn exports(component: &Component, interface: &str) -> bool {
    let wanted = format!("{PACKAGE}{interface}{VERSION}");
    component.component_type().exports(component.engine()).any(|(name, _)| name.starts_with(&wanted))
}

impl From<wit::Fault> for Failure {
    fn from(fault: wit::Fault) -> Self {
        let again = if fault.retryable { ", may pass" } else { "" };
        Self::new(FailureReason::Fault, format!("{} ({}{again})", fault.message, fault.code))
    }
}

fn not_served(interface: &str) -> wit::Fault {
    let message = format!("the component does not export {PACKAGE}{interface}");
    wit::Fault { code: "not-served".into(), message, retryable: false }
}
