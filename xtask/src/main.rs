//! The commands of this repository, as `cargo xtask <command>`.
//!
//! Each command works in a fresh clone, on a machine that has `rustup` and nothing else of ours: what is missing is prepared, or
//! named together with the line that installs it. Commands print each step before they do it and its time afterwards, so that the
//! last line on the screen says where it stopped.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line program talks to the terminal"
)]
#![expect(clippy::disallowed_methods, reason = "steps are timed with the real clock")]

mod bench;
mod deny;
mod examples;
mod fuzz;
mod packages;
mod plugins;
mod run;
mod step;
mod storm;
mod test;
mod toolchain;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The commands of the Cordboard repository", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build the plugins and the PBX, and start it with the default configuration.
    Run(run::Options),
    /// Install what the tests need, then run every check and every test.
    Test(test::Options),
    /// Prepare the compiler that turns Rust plugins into WebAssembly.
    Toolchain,
    /// Build the reference plugins into components under target/plugins.
    Plugins,
    /// Build the example plugins of every language, and run their tests.
    Examples {
        /// Also make a project of every template, and build it.
        #[arg(long)]
        templates: bool,
    },
    /// Measure, in release builds, and print the figures beside their goals.
    Bench(bench::Options),
    /// Run one fuzz target, or all of them, for a while.
    Fuzz(fuzz::Options),
    /// Harass the running PBX with damaged messages, and print what it did.
    Storm(storm::Options),
    /// Check licences, advisories and sources of all dependencies with cargo-deny.
    Deny,
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Run(options) => run::run(&options),
        Command::Test(options) => test::run(&options),
        Command::Toolchain => toolchain::prepare().map(drop),
        Command::Plugins => build_plugins().map(drop),
        Command::Examples { templates } => build_examples(templates),
        Command::Bench(options) => bench::run(&options),
        Command::Fuzz(options) => fuzz::run(&options),
        Command::Storm(options) => storm::run(&options),
        Command::Deny => deny::run(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Prepares the compiler and builds the reference plugins; returns the component files.
fn build_plugins() -> anyhow::Result<Vec<PathBuf>> {
    let toolchain = step::timed("wasm toolchain", toolchain::prepare)?;
    step::timed("plugins", || plugins::build(&toolchain))
}

/// Builds the host, and with it the examples; with `templates` also a project of each template.
fn build_examples(templates: bool) -> anyhow::Result<()> {
    run::build_host(false)?;
    let toolchain = step::timed("wasm toolchain", toolchain::prepare)?;
    step::timed("examples", || examples::build(&toolchain))?;
    if templates {
        step::timed("templates", || examples::check_templates(&toolchain))?;
    }
    Ok(())
}
