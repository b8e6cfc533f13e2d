//! `cordboard plugin`: what the authors of plugins and their continuous integration work with.

mod embedded;
mod new;
mod project;

use std::process::ExitCode;

use clap::Subcommand;

/// One file each; see there.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Begin a plugin: a folder with everything that it takes to build and test it.
    New(new::Options),
}

/// Runs one of them.
pub(crate) fn run(command: Command) -> ExitCode {
    match command {
        Command::New(options) => finish(new::run(&options)),
    }
}

/// Tells the person at the terminal why a command failed.
fn finish(outcome: anyhow::Result<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            crate::complain(&format!("error: {error:#}"));
            ExitCode::from(crate::EXIT_FAILURE)
        }
    }
}
