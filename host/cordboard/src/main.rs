//! Cordboard: a programmable PBX.
//!
//! The binary is wiring without rules: configuration, drivers, logs, health, drain and the command line. It is the only reader of
//! clock, randomness of the operating system, environment and files; the crates it wires together are handed what they need.

mod banner;
mod bind;
mod board;
mod clock;
mod config;
mod decide;
mod doctor;
mod driver;
mod file_watch;
mod journal;
mod kernel;
mod logging;
mod manage;
mod node;
mod plugin;
mod registrations;
mod reload;
mod resolve;
mod run;
mod tables;
mod tls;
mod trunks;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::{Config, Environment};

/// Signalling allocates small pieces on one thread and plugins on others; the system's allocator took a tenth of a whole call for it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The configuration was wrong, or the host failed.
const EXIT_FAILURE: u8 = 1;
/// A port could not be had.
pub(crate) const EXIT_PORT: u8 = 2;

/// A programmable PBX: phones and trunks over SIP, decisions by WebAssembly plugins.
#[derive(Parser)]
#[command(version, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the PBX until SIGTERM or Ctrl-C, which let calls in progress finish.
    Run {
        /// The configuration file.
        #[arg(long, short, env = "CORDBOARD_CONFIG", default_value = "config/cordboard.yaml")]
        config: PathBuf,
    },
    /// Check a configuration and tell every mistake: exit status 0 when it is right, 1 when not.
    Check {
        /// The configuration file.
        config: PathBuf,
    },
    /// Look for what would keep the PBX from working well on this machine, and say what to do.
    Doctor {
        /// The configuration file.
        #[arg(long, short, env = "CORDBOARD_CONFIG", default_value = "config/cordboard.yaml")]
        config: PathBuf,
    },
    /// Write, build and check plugins.
    #[command(subcommand)]
    Plugin(plugin::Command),
    /// Read the journal of what plugins decided.
    #[command(subcommand)]
    Journal(journal::Command),
}

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Run { config } => with_config(&config, run::run),
        Command::Check { config } => with_config(&config, |config| {
            say(&format!("{}: the configuration is right", config.file.display()));
            ExitCode::SUCCESS
        }),
        Command::Doctor { config } => with_config(&config, |config| doctor::examine(&config)),
        Command::Plugin(command) => plugin::run(command),
        Command::Journal(command) => journal::run(&command),
    }
}

fn with_config(file: &Path, action: impl FnOnce(Config) -> ExitCode) -> ExitCode {
    match Config::load(file, &environment()) {
        Ok(config) => action(config),
        Err(complaints) => {
            complain(&complaints.to_string());
            ExitCode::from(EXIT_FAILURE)
        }
    }
}

/// Variables that are not UTF-8 cannot be ours.
fn environment() -> Environment {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// Tells the person at the terminal; a closed terminal is no reason to stop.
fn say(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Tells the person at the terminal what is wrong.
fn complain(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
