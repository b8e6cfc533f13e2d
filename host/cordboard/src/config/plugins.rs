//! The sections of plugins, chains and the static table.

use std::path::Path;
use std::time::Duration;

use cordboard_outbound::{Origin, Origins};
use cordboard_plugin::{
    CandidateMode, CandidateSettings, Granted, Limits, OnFailure, ProbationSettings, Source,
};

use super::complaint::did_you_mean;
use super::section::Section;
use super::value;
use crate::registrations;
use crate::tables::TableSet;

/// One component.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct PluginConfig {
    /// What chains, logs and metrics call it.
    pub(crate) name: String,
    /// Where its component is.
    pub(crate) source: Source,
    /// Its own block, which the plugin checks itself.
    pub(crate) config: serde_json::Value,
    /// What it may use.
    pub(crate) limits: Limits,
    /// What it may read and reach.
    pub(crate) granted: Granted,
    /// Whether its files are loaded again when they change.
    pub(crate) watch: bool,
    /// How long a new generation is watched.
    pub(crate) probation: ProbationSettings,
    /// A component that is tried beside it.
    pub(crate) candidate: Option<CandidateSettings>,
}

/// Who decides what.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct ChainConfig {
    /// Plugins that are asked where a call goes, in order.
    pub(crate) routing: Vec<String>,
    /// Plugins that are asked what is allowed, in order.
    pub(crate) authorization: Vec<String>,
    /// Where a call goes when no plugin can say.
    pub(crate) static_routes: Vec<StaticRouteConfig>,
    /// What a failed router means.
    pub(crate) routing_on_failure: OnFailure,
}

/// One line of the static table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct StaticRouteConfig {
    /// The dialled number; a last `*` stands for any rest.
    pub(crate) number: String,
    /// SIP URIs, rung one after the other, or `user` and `user@host` of our own.
    pub(crate) targets: Vec<String>,
}

/// Reads `plugins`. Paths are relative to `folder`.
pub(super) fn read_plugins(root: &Section<'_>, folder: &Path, tables: &TableSet) -> Vec<PluginConfig> {
    let mut plugins: Vec<PluginConfig> = Vec::new();
    for section in root.sections("plugins") {
        let plugin = read_plugin(&section, folder, tables);
        if plugins.iter().any(|other| !plugin.name.is_empty() && other.name == plugin.name) {
            section.complain(
                "name",
                format!("two plugins are called {:?}; each needs a name of its own", plugin.name),
            );
        }
        section.finish();
        plugins.push(plugin);
    }
    plugins
}

fn read_plugin(section: &Section<'_>, folder: &Path, tables: &TableSet) -> PluginConfig {
    PluginConfig {
        name: section.required("name", value::name).unwrap_or_default(),
        source: read_source(section, folder),
        config: read_block(section),
        limits: read_limits(section.section("limits")),
        granted: read_grants(section, tables),
        watch: section.value("watch", false, value::word(&[("true", true), ("false", false)])),
        probation: read_probation(section.section("probation")),
        candidate: section.has("candidate").then(|| read_candidate(&section.section("candidate"), folder)),
    }
}

fn read_source(section: &Section<'_>, folder: &Path) -> Source {
    Source {
        path: folder.join(section.required("path", value::text).unwrap_or_default()),
        sha256: section.optional("sha256", value::sha256),
    }
}

/// The tables that it may read, and the servers that it may send requests to.
fn read_grants(section: &Section<'_>, tables: &TableSet) -> Granted {
    let mut names: Vec<&str> = tables.keys().map(String::as_str).collect();
    names.push(registrations::TABLE);
    let known = |name: &str| match names.contains(&name) {
        true => Ok(name.to_owned()),
        false => Err(format!("the name of a table of this file, or {}", registrations::TABLE)),
    };
    let readable = section.list("tables", vec![registrations::TABLE.to_owned()], known);
    let origins = section.sections("http").iter().filter_map(read_origin).collect();
    Granted { tables: Some(readable.into_iter().collect()), origins: Origins::new(origins) }
}

/// Whether any of them may send requests over TLS.
pub(super) fn send_securely(plugins: &[PluginConfig]) -> bool {
    plugins.iter().any(|plugin| plugin.granted.origins.need_tls())
}

fn read_origin(section: &Section<'_>) -> Option<Origin> {
    let private = section.value("private", false, value::word(value::SWITCH));
    let origin = |text: &str| Origin::new(text, private).map_err(|expected| expected.to_string());
    let origin = section.required("origin", origin);
    section.finish();
    origin
}

fn read_probation(section: Section<'_>) -> ProbationSettings {
    let default = ProbationSettings::default();
    let times = Duration::ZERO..=Duration::from_secs(86_400);
    let probation = ProbationSettings {
        time: section.value("time", default.time, value::duration(times)),
        questions: section.value("questions", default.questions, value::number(0..=1_000_000)),
    };
    section.finish();
    probation
}

fn read_candidate(section: &Section<'_>, folder: &Path) -> CandidateSettings {
    let source = read_source(section, folder);
    let config = section.has("config").then(|| read_block(section));
    let percent = section.optional("percent", value::number(1..=100));
    let is_canary = section.value("mode", false, value::word(&[("shadow", false), ("canary", true)]));
    // Known, whether it is there or not.
    let _ = section.json("config");
    section.finish();
    match (is_canary, percent) {
        (true, None) => section.complain("mode", "a canary needs percent: its share of the calls, 1 to 100"),
        (false, Some(_)) => section.complain("percent", "only a canary has a share; write mode: canary"),
        _ => {}
    }
    let mode = match percent {
        Some(percent) if is_canary => CandidateMode::Canary { percent },
        _ => CandidateMode::Shadow,
    };
    CandidateSettings { source, config, mode }
}

/// The plugin checks its block itself; that it has keys is all that is known here.
fn read_block(section: &Section<'_>) -> serde_json::Value {
    let block = section.json("config").unwrap_or_else(|| serde_json::json!({}));
    if !block.is_object() {
        section.complain("config", "expected keys with values, which the plugin defines");
    }
    block
}

fn read_limits(section: Section<'_>) -> Limits {
    let default = Limits::default();
    let deadlines = Duration::from_millis(1)..=Duration::from_secs(1);
    let limits = Limits {
        memory_bytes: section.value("memory", default.memory_bytes, value::size(1 << 20..=4 << 30)),
        deadline: section.optional("deadline", value::duration(deadlines)),
        output_bytes: section.value("output", default.output_bytes, value::size(1 << 10..=64 << 20)),
        concurrency: section.value("concurrency", default.concurrency, value::number(1..=10_000)),
    };
    section.finish();
    limits
}

/// Reads `routing` and `authorization`, whose chains name plugins.
pub(super) fn read_chains(root: &Section<'_>, plugins: &[PluginConfig]) -> ChainConfig {
    let routing = root.section("routing");
    let authorization = root.section("authorization");
    let chains = ChainConfig {
        routing: read_chain(&routing, plugins),
        authorization: read_chain(&authorization, plugins),
        static_routes: routing.sections("static").into_iter().filter_map(read_static).collect(),
        routing_on_failure: routing.value("on_failure", OnFailure::default(), value::word(ON_FAILURE)),
    };
    routing.finish();
    authorization.finish();
    chains
}

/// What may be written for a failed router.
const ON_FAILURE: &[(&str, OnFailure)] = &[("next", OnFailure::Next), ("fallback", OnFailure::Fallback)];

fn read_chain(section: &Section<'_>, plugins: &[PluginConfig]) -> Vec<String> {
    let mut names: Vec<&str> = plugins.iter().map(|plugin| plugin.name.as_str()).collect();
    names.retain(|name| !name.is_empty());
    names.dedup();
    let known = |name: &str| {
        if names.contains(&name) {
            return Ok(name.to_owned());
        }
        Err(match did_you_mean(name, &names) {
            Some(meant) => format!("the name of a plugin of this file, perhaps {meant:?}"),
            None if names.is_empty() => "no name, as this file has no plugins".to_owned(),
            None => format!("the name of a plugin of this file ({})", names.join(", ")),
        })
    };
    let chain = section.list("chain", Vec::new(), known);
    if let Some(twice) = chain.iter().enumerate().find(|(index, name)| chain[..*index].contains(name)) {
        section.complain("chain", format!("{:?} stands twice; a plugin is asked once", twice.1));
    }
    chain
}

fn read_static(section: Section<'_>) -> Option<StaticRouteConfig> {
    let number = section.required("number", value::text);
    let targets = section.list("targets", Vec::new(), value::text);
    if targets.is_empty() {
        section.complain("targets", "expected at least one SIP URI or user");
    }
    section.finish();
    Some(StaticRouteConfig { number: number?, targets })
}
