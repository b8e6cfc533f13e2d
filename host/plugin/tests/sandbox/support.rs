//! Plugins, questions and answers for these tests.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cordboard_model::escalation::{Contact, EscalationTrigger, IncidentFacts, Success};
use cordboard_model::formatting::{EventFacts, SinkFacts};
use cordboard_model::{
    AuthorizationSubject, CallFacts, CallId, EscalationQuestion, Extension, FormatQuestion, Party,
    RouteDecision, RouteQuestion, RouteReason, TargetAddress, Verdict,
};
use cordboard_plugin::{
    ChainSettings, ComponentSettings, Decided, DecidedBy, Failure, Limits, LoadProblem, Lookup,
    PluginSettings, Plugins, Step, StepOutcome,
};
use serde_json::{Value, json};

/// A component that `cargo xtask plugins` makes.
pub(crate) fn component(name: &str) -> PathBuf {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/plugins").join(format!("{name}.wasm"));
    assert!(path.is_file(), "{} is missing; build it with `cargo xtask plugins`", path.display());
    path
}

pub(crate) fn plugin(name: &str, component_name: &str, config: Value) -> PluginSettings {
    PluginSettings { config, limits: unhurried(), ..PluginSettings::new(name, component(component_name)) }
}

/// The usual limits, with a deadline that a busy machine does not reach.
pub(crate) fn unhurried() -> Limits {
    Limits { deadline: Some(Duration::from_secs(30)), ..Limits::default() }
}

/// The same plugin with the deadline that it would have in production.
pub(crate) fn hurried(plugin: PluginSettings) -> PluginSettings {
    PluginSettings { limits: Limits::default(), ..plugin }
}

/// The router that does what the dialled number says.
pub(crate) fn router(name: &str) -> PluginSettings {
    plugin(name, "test/misbehaving-router", json!({"name": format!("{name}-")}))
}

/// The authorizer that does what the caller's name says.
pub(crate) fn authorizer(name: &str) -> PluginSettings {
    plugin(name, "test/misbehaving-authorizer", json!({}))
}

pub(crate) fn chains(routing: &[&str], authorization: &[&str]) -> ChainSettings {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    ChainSettings { routing: owned(routing), authorization: owned(authorization), ..ChainSettings::default() }
}

/// Tables of a test.
#[derive(Default)]
pub(crate) struct Tables(pub(crate) BTreeMap<(&'static str, &'static str), &'static str>);

impl Lookup for Tables {
    fn exact(&self, table: &str, key: &str) -> Option<String> {
        self.0.get(&(table, key)).map(|value| (*value).to_owned())
    }

    fn longest_prefix(&self, table: &str, key: &str) -> Option<(String, String)> {
        let fits = self.0.iter().filter(|((t, k), _)| *t == table && key.starts_with(k));
        fits.max_by_key(|((_, k), _)| k.len()).map(|((_, k), v)| ((*k).to_owned(), (*v).to_owned()))
    }
}

pub(crate) fn registered(users: &[&'static str]) -> Tables {
    Tables(users.iter().map(|user| (("registrations", *user), "sip:1001@192.0.2.7:5060")).collect())
}

pub(crate) async fn try_load(
    plugins: &[PluginSettings],
    chains: ChainSettings,
    tables: Tables,
) -> (Plugins, Vec<LoadProblem>) {
    let loaded = Plugins::load(plugins, chains, Arc::new(tables), &ComponentSettings::default()).await;
    loaded.expect("the engine starts")
}

pub(crate) async fn load(plugins: &[PluginSettings], chains: ChainSettings) -> Plugins {
    let (plugins, problems) = try_load(plugins, chains, Tables::default()).await;
    assert!(problems.is_empty(), "{problems:?}");
    plugins
}

pub(crate) fn call(from: &str, to: &str) -> CallFacts {
    let party = |user: &str| Party {
        uri: format!("sip:{user}@pbx.example"),
        user: user.into(),
        host: "pbx.example".into(),
        display: None,
    };
    CallFacts {
        call_id: CallId::from_bits(42),
        sip_call_id: "42@192.0.2.7".into(),
        method: "INVITE".into(),
        transport: "udp".into(),
        source: "192.0.2.7:5060".into(),
        caller: party(from),
        callee: party(to),
        trunk: None,
        extension: Extension::from_user(to).map(|extension| extension.as_str().to_owned()),
        authenticated_as: None,
        headers: vec![("Subject".into(), "test".into())],
        hop: 70,
        now_ms: 1_700_000_000_000,
        attributes: Vec::new(),
    }
}

pub(crate) fn question(to: &str) -> RouteQuestion {
    RouteQuestion {
        call: call("1003", to),
        reason: RouteReason::New,
        attempts: Vec::new(),
        redirects: Vec::new(),
        referral: None,
    }
}

pub(crate) fn subject(from: &str) -> AuthorizationSubject {
    AuthorizationSubject::Call(call(from, "1002"))
}

/// An incident that was just opened, with two people who can be called.
pub(crate) fn incident(summary: &str) -> EscalationQuestion {
    let contact = |id: &str, role: &str| Contact {
        id: id.into(),
        name: id.into(),
        role: role.into(),
        groups: Vec::new(),
        address: "+82100000001".into(),
        language: String::new(),
        priority: 1,
        attributes: Vec::new(),
    };
    let incident = IncidentFacts {
        id: "47".into(),
        severity: "critical".into(),
        summary: summary.into(),
        text: "The database is down".into(),
        opened_ms: 1_700_000_000_000,
        contacts: vec![contact("anna", "primary"), contact("ben", "secondary")],
        providers: Vec::new(),
        history: Vec::new(),
        timers: Vec::new(),
        success: Success::Acknowledged,
        attempts_left: 4,
        memo: "memo".into(),
        attributes: Vec::new(),
    };
    let trigger = EscalationTrigger::Opened;
    EscalationQuestion { incident, trigger, now_ms: 1_700_000_000_000, attributes: Vec::new() }
}

/// An event of a kind, for a webhook.
pub(crate) fn event(kind: &str) -> FormatQuestion {
    let event = EventFacts {
        id: "1".into(),
        kind: kind.into(),
        schema: 1,
        at_ms: 1_700_000_000_000,
        call_id: Some(CallId::from_bits(42)),
        incident_id: None,
        extensions: Vec::new(),
        json: format!(r#"{{"kind":"{kind}"}}"#),
        attributes: Vec::new(),
    };
    let sink = SinkFacts { name: "crm".into(), kind: "webhook".into(), attributes: Vec::new() };
    FormatQuestion { event, sink, now_ms: 1_700_000_000_001, attributes: Vec::new() }
}

/// Where a decision rings first, or the status of the refusal.
pub(crate) fn outcome(decision: &RouteDecision) -> Result<TargetAddress, u16> {
    match decision {
        RouteDecision::Dial(dial) => Ok(dial.targets[0].address.clone()),
        RouteDecision::Reject(rejection) => Err(rejection.status),
        RouteDecision::Redirect(_) => Err(302),
    }
}

/// `allow`, `challenge`, or the status of the refusal.
pub(crate) fn verdict(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Allow { .. } => "allow".into(),
        Verdict::Challenge(_) => "challenge".into(),
        Verdict::Deny(rejection) => rejection.status.to_string(),
    }
}

pub(crate) fn aor(user: &str) -> TargetAddress {
    TargetAddress::Aor(user.into())
}

/// The failure of a step, which has to be one.
pub(crate) fn failure(step: &Step) -> &Failure {
    match &step.outcome {
        StepOutcome::Failed(failure) => failure,
        other => panic!("expected a failure, found {other:?}"),
    }
}

/// A component file that can be exchanged.
pub(crate) struct Exchanged {
    folder: tempfile::TempDir,
    component: &'static str,
}

impl Exchanged {
    /// Begins with version 1.
    pub(crate) fn new(component: &'static str) -> Self {
        let exchanged = Self { folder: tempfile::tempdir().expect("a folder for the test"), component };
        exchanged.put(1);
        exchanged
    }

    pub(crate) fn router() -> Self {
        Self::new("test/misbehaving-router")
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("plugin.wasm")
    }

    /// Settings of the file, with a name that comes back in every answer.
    pub(crate) fn settings(&self, name: &str) -> PluginSettings {
        PluginSettings { source: self.path().into(), ..router(name) }
    }

    /// Puts another file in its place, which does the same and has another digest.
    pub(crate) fn put(&self, version: u8) {
        let mut bytes = std::fs::read(component(self.component)).expect("the component is read");
        // A custom section called `v`, which nobody looks at.
        bytes.extend([0, 3, 1, b'v', version]);
        self.put_bytes(&bytes);
    }

    /// Puts something else in its place, as a whole.
    pub(crate) fn put_bytes(&self, bytes: &[u8]) {
        let beside = self.folder.path().join("new.wasm");
        std::fs::write(&beside, bytes).expect("it is written");
        std::fs::rename(&beside, self.path()).expect("it is renamed");
    }
}

/// Everything that plugins told of themselves, as `name change generation`.
#[derive(Clone, Default)]
pub(crate) struct Told(Arc<Mutex<Vec<String>>>);

impl Told {
    pub(crate) fn by(plugins: &Plugins) -> Self {
        let told = Self::default();
        let list = Arc::clone(&told.0);
        plugins.on_change(move |change| {
            let generation = change.generation.map_or_else(|| "-".to_owned(), |number| number.to_string());
            let line = format!("{} {} {generation}", change.plugin, change.change);
            list.lock().expect("nobody panics with it").push(line);
        });
        told
    }

    /// What was told since this was asked last.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().expect("nobody panics with it"))
    }
}

/// Number of the generation that decided.
pub(crate) fn generation<T: std::fmt::Debug>(decided: &Decided<T>) -> u32 {
    match &decided.by {
        DecidedBy::Plugin(identity) => identity.generation,
        other => panic!("expected a plugin to decide, but {other} did: {decided:?}"),
    }
}
