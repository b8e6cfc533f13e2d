//! `cordboard journal`: the journal of a host for people and programs.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use cordboard_model::CallId;
use cordboard_store::{Decision, DecisionFilter, PageRequest, Sqlite, Store, Stored};

use crate::config::Config;

/// What is done with it.
#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Write decisions as JSON lines to standard output, oldest first; the host may be running.
    Export(Options),
}

/// Which decisions are written.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// The database; without it, the store of the configuration.
    #[arg(long, value_name = "FILE")]
    store: Option<PathBuf>,
    /// The configuration of the host.
    #[arg(long, short, env = "CORDBOARD_CONFIG")]
    config: Option<PathBuf>,
    /// Only those for which this plugin was asked.
    #[arg(long)]
    plugin: Option<String>,
    /// Only those of this decision point, such as routing.
    #[arg(long)]
    kind: Option<String>,
    /// Only those about this call.
    #[arg(long, value_name = "CALL_ID")]
    call: Option<CallId>,
    /// Only those of the last hours or minutes, such as 24h.
    #[arg(long, value_parser = ago, value_name = "TIME")]
    since: Option<Duration>,
    /// Only those that no plugin made.
    #[arg(long)]
    fallbacks: bool,
}

/// Runs one of them.
pub(crate) fn run(command: &Command) -> ExitCode {
    let Command::Export(options) = command;
    match export(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            crate::complain(&format!("error: {error:#}"));
            ExitCode::from(crate::EXIT_FAILURE)
        }
    }
}

fn export(options: &Options) -> anyhow::Result<()> {
    let file = match &options.store {
        Some(file) => file.clone(),
        None => match configuration(options.config.as_deref())?.store {
            Some(file) => file,
            None => bail!("expected a journal, but store.path is off; name one with --store"),
        },
    };
    let filter = DecisionFilter {
        plugin: options.plugin.clone(),
        kind: options.kind.clone(),
        call_id: options.call,
        since_ms: options.since.map(ms_before_now),
        until_ms: None,
        fallbacks_only: options.fallbacks,
    };
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    walk(&Sqlite::open_to_read(&file)?, &filter, &mut |stored| {
        serde_json::to_writer(&mut out, &stored)?;
        out.write_all(b"\n")?;
        Ok(())
    })?;
    out.flush().context("standard output takes no more")
}

/// Every decision that a filter lets through, oldest first.
///
/// # Errors
/// When the store fails, or whoever visits.
pub(crate) fn walk(
    store: &dyn Store,
    filter: &DecisionFilter,
    visit: &mut dyn FnMut(Stored<Decision>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut request = PageRequest::oldest(PageRequest::MAX_LIMIT);
    loop {
        let page = store.decisions(filter, &request)?;
        page.entries.into_iter().try_for_each(&mut *visit)?;
        match page.next {
            Some(next) => request = request.behind(Some(next)),
            None => return Ok(()),
        }
    }
}

/// The configuration of a host, or what holds without one.
///
/// # Errors
/// When it has mistakes.
pub(crate) fn configuration(file: Option<&Path>) -> anyhow::Result<Config> {
    let environment = crate::environment();
    let usual = Path::new("config/cordboard.yaml");
    let loaded = match file.or_else(|| usual.is_file().then_some(usual)) {
        Some(file) => Config::load(file, &environment),
        None => Config::usual(&environment),
    };
    loaded.map_err(|complaints| anyhow::anyhow!("{complaints}"))
}

/// Reads how far back.
///
/// # Errors
/// What was expected.
pub(crate) fn ago(text: &str) -> Result<Duration, String> {
    let years = Duration::from_secs(10 * 365 * 24 * 3600);
    crate::config::duration(Duration::ZERO..=years)(text).map_err(|expected| format!("expected {expected}"))
}

/// A moment in milliseconds since 1970.
pub(crate) fn ms_before_now(time: Duration) -> u64 {
    crate::clock::unix_ms().saturating_sub(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}
