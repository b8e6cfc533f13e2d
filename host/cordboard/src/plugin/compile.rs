//! `cordboard plugin compile`: compiles components before the PBX needs them, such as when an image is built.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use cordboard_plugin::{Components, read_file};
use tokio::runtime::Runtime;

use crate::config::Config;

/// What to compile, and for whom.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Component files; without any, those of every plugin of the configuration.
    #[arg(required_unless_present = "config")]
    files: Vec<PathBuf>,
    /// The configuration whose `components.cache` is filled; without it, the usual one.
    #[arg(long, short, env = "CORDBOARD_CONFIG")]
    config: Option<PathBuf>,
}

/// Compiles what is not in the cache yet, one after the other.
pub(super) fn run(options: &Options) -> anyhow::Result<()> {
    let config = configuration(options.config.as_deref())?;
    let settings = config.components.settings();
    let Some(cache) = &settings.cache else {
        bail!("expected a folder for compiled components, found `off`; name one in components.cache");
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // In the runtime, for the processes that it starts.
    let components = runtime.block_on(async { Components::start_with_cache(&settings) })?;
    let configured = config.plugins.iter().map(|plugin| &plugin.source.path);
    let files: Vec<&PathBuf> =
        if options.files.is_empty() { configured.collect() } else { options.files.iter().collect() };
    for file in files {
        let told = compile(&runtime, &components, file).with_context(|| file.display().to_string())?;
        crate::say(&format!("{}: {told} ({})", file.display(), cache.folder.display()));
    }
    Ok(())
}

fn configuration(file: Option<&Path>) -> anyhow::Result<Config> {
    let environment = crate::environment();
    let loaded = match file {
        Some(file) => Config::load(file, &environment),
        None => Config::usual(&environment),
    };
    loaded.map_err(|complaints| anyhow::anyhow!("{complaints}"))
}

fn compile(runtime: &Runtime, components: &Components, file: &Path) -> anyhow::Result<String> {
    let bytes = read_file(file)?;
    let prepared = runtime.block_on(components.prepare(&bytes))?;
    let what = if prepared.was_there { "was compiled already" } else { "compiled" };
    Ok(format!("{what}, sha256 {}", prepared.digest))
}
