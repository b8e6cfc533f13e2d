//! `cordboard plugin replay`: asks a candidate what the journal says that the plugin of today was asked, and shows what would change.
//!
//! Nothing of the world is touched: what a plugin looked up in the tables of the host is answered as it was then. What it looked up only
//! now is not known, and is counted.

mod asked;
mod report;
mod source;
mod tables;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use cordboard_plugin::{Limits, PluginSettings, SourceRules, Trial};
use tokio::runtime::Runtime;

use crate::config::Config;
use asked::Replay;
use report::Report;
use source::Source;
use tables::Recorded;

/// Decisions would differ.
const EXIT_DIFFERS: u8 = 3;

/// The machine of an author is slower or busier than the one that recorded; how long an answer takes is what `bench` tells.
const DEADLINE: Duration = Duration::from_secs(5);

/// What is replayed with what.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// The candidate: a component file.
    #[arg(long, value_name = "FILE")]
    plugin: PathBuf,
    /// The journal: the database of a host, or what `cordboard journal export` wrote. Without it, the store of the configuration.
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// Only decisions of the last hours or minutes, such as 24h.
    #[arg(long, value_parser = crate::journal::ago, value_name = "TIME")]
    since: Option<Duration>,
    /// The plugin that the candidate is to replace, by its name in the configuration. Without it, the only one that the journal has.
    #[arg(long)]
    name: Option<String>,
    /// The candidate's configuration block, a JSON or YAML file. Without it, the block of that plugin in the configuration.
    #[arg(long, value_name = "FILE")]
    plugin_config: Option<PathBuf>,
    /// The configuration of the host.
    #[arg(long, short, env = "CORDBOARD_CONFIG")]
    config: Option<PathBuf>,
    /// Print one JSON document instead of text.
    #[arg(long)]
    json: bool,
}

/// Exit status 0 when every decision is the same, 3 when some differ, 1 when it cannot be told.
pub(super) fn run(options: &Options) -> ExitCode {
    match replay(options) {
        Ok(report) => {
            crate::say(&if options.json { report.to_json() } else { report.to_text() });
            if report.differs() { ExitCode::from(EXIT_DIFFERS) } else { ExitCode::SUCCESS }
        }
        Err(error) => {
            crate::complain(&format!("error: {error:#}"));
            ExitCode::from(crate::EXIT_FAILURE)
        }
    }
}

fn replay(options: &Options) -> anyhow::Result<Report> {
    let config = crate::journal::configuration(options.config.as_deref())?;
    let from = match (&options.from, &config.store) {
        (Some(from), _) => from,
        (None, Some(store)) => store,
        (None, None) => bail!("expected a journal, but store.path is off; name one with --from"),
    };
    let source = Source::open(from, options.since)?;
    let name = match &options.name {
        Some(name) => name.clone(),
        None => source.only_plugin()?,
    };
    let tables = Arc::new(Recorded::default());
    let settings = settings(options, &config, &name)?;
    let mut components = config.components.settings();
    components.rules = SourceRules::default();
    let runtime = Runtime::new()?;
    let trial = runtime.block_on(Trial::load(&settings, tables.clone(), &components))?;
    let mut report = Report::new(trial.identity(), &name, from);
    source.each(&name, |stored| {
        match Replay::of(&stored.entry, &name, &trial) {
            Ok(replay) => {
                tables.set(&replay.step.lookups);
                let tried = runtime.block_on(trial.ask(&replay.question));
                report.count(stored.id, &replay, &tried, tables.has_missed());
            }
            Err(skipped) => report.skip(skipped),
        }
        Ok(())
    })?;
    if report.is_empty() {
        bail!("expected decisions for which plugin {name} was asked, found none in {}", from.display());
    }
    Ok(report)
}

/// The candidate in the place of the plugin of that name.
fn settings(options: &Options, config: &Config, name: &str) -> anyhow::Result<PluginSettings> {
    let configured = config.plugins.iter().find(|plugin| plugin.name == name);
    let block = match &options.plugin_config {
        Some(file) => read_block(file)?,
        None => configured.map_or_else(|| serde_json::json!({}), |plugin| plugin.config.clone()),
    };
    let limits = configured.map(|plugin| plugin.limits.clone()).unwrap_or_default();
    Ok(PluginSettings {
        config: block,
        limits: Limits { deadline: Some(DEADLINE), ..limits },
        ..PluginSettings::new(name, options.plugin.clone())
    })
}

fn read_block(file: &Path) -> anyhow::Result<serde_json::Value> {
    let read = || -> anyhow::Result<serde_json::Value> {
        let block: serde_json::Value = serde_saphyr::from_str(&std::fs::read_to_string(file)?)?;
        if !block.is_object() {
            bail!("expected keys with values, found something else");
        }
        Ok(block)
    };
    read().with_context(|| format!("{}: not the configuration block of a plugin", file.display()))
}
