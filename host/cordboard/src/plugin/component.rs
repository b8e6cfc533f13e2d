//! What the commands that look at a component have in common: its file, its block, its samples.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use cordboard_plugin::gate::{DEFAULT_MAX_FUEL, GateSettings, Sample, Samples};
use cordboard_plugin::{Limits, read_file};
use serde_json::Value;
use tokio::runtime::Runtime;

/// It is not fit for use.
pub(super) const EXIT_INVALID: u8 = 1;
/// The command was called in a way that cannot be carried out.
pub(super) const EXIT_USAGE: u8 = 2;

/// Which component, and with what it is tried.
#[derive(clap::Args)]
pub(super) struct Component {
    /// The component file.
    pub(super) file: PathBuf,
    /// The configuration block, a JSON or YAML file; without it the empty block.
    #[arg(long)]
    config: Option<PathBuf>,
    /// The folder of samples; without it NAME.samples or samples beside the component.
    #[arg(long)]
    samples: Option<PathBuf>,
    /// Most fuel that one question may cost. Fuel counts instructions: the figure is the same on every machine.
    #[arg(long, default_value_t = DEFAULT_MAX_FUEL)]
    max_fuel: u64,
    /// Memory that one instance may have, in MiB.
    #[arg(long, default_value_t = 32)]
    memory_mib: u16,
}

/// A sentence for the person at the terminal, with the exit status of a usage mistake.
#[derive(Debug)]
pub(super) struct Misuse(pub(super) String);

impl Component {
    /// Reads everything that the command line names.
    pub(super) fn read(&self) -> Result<(Vec<u8>, GateSettings), Misuse> {
        let limits = Limits { memory_bytes: usize::from(self.memory_mib) << 20, ..Limits::default() };
        let settings =
            GateSettings { config: self.block()?, limits, samples: self.samples()?, max_fuel: self.max_fuel };
        Ok((self.bytes()?, settings))
    }

    /// The file, which need not be a component.
    pub(super) fn bytes(&self) -> Result<Vec<u8>, Misuse> {
        read_file(&self.file).map_err(|error| Misuse(format!("{}: {error}", self.file.display())))
    }

    /// The configuration block.
    pub(super) fn block(&self) -> Result<Value, Misuse> {
        self.config.as_deref().map_or_else(|| Ok(Value::Object(serde_json::Map::new())), read_block)
    }

    fn samples(&self) -> Result<Vec<Sample>, Misuse> {
        let read = match &self.samples {
            Some(folder) => Samples::read(folder),
            None => Samples::beside(&self.file),
        };
        read.map_err(|error| Misuse(error.to_string()))
    }
}

fn read_block(file: &Path) -> Result<Value, Misuse> {
    let wrong =
        |error: String| Misuse(format!("{}: expected a configuration block, found {error}", file.display()));
    let text = fs::read_to_string(file).map_err(|error| wrong(error.to_string()))?;
    let is_json = file.extension().is_some_and(|extension| extension == "json");
    let block: Value = if is_json {
        serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?
    } else {
        serde_saphyr::from_str(&text).map_err(|error| wrong(error.to_string()))?
    };
    if block.is_object() { Ok(block) } else { Err(wrong("no keys with values".to_owned())) }
}

/// Runs a command that ends with an exit status of its own.
pub(super) fn finish(outcome: Result<ExitCode, Misuse>) -> ExitCode {
    outcome.unwrap_or_else(|Misuse(sentence)| {
        crate::complain(&format!("error: {sentence}"));
        ExitCode::from(EXIT_USAGE)
    })
}

/// The status of something that is fit for use, or is not.
pub(super) fn verdict(passed: bool) -> ExitCode {
    if passed { ExitCode::SUCCESS } else { ExitCode::from(EXIT_INVALID) }
}

/// Where one question after the other is asked.
pub(super) fn runtime() -> Result<Runtime, Misuse> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Misuse(format!("no runtime can be started on this machine: {error}")))
}

/// A value as people and programs read it.
pub(super) fn pretty(value: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}
