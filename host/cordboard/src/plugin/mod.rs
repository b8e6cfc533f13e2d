//! `cordboard plugin`: what the authors of plugins and their continuous integration work with.

mod build;
mod compile;
mod compile_aside;
mod embedded;
mod new;
mod project;

use std::process::ExitCode;

use clap::Subcommand;

/// The arguments that make this program compile one component and nothing else.
pub(crate) const COMPILE_ASIDE: [&str; 2] = ["plugin", "compile-aside"];

/// One file each; see there.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Begin a plugin: a folder with everything that it takes to build and test it.
    New(new::Options),
    /// Make a component of a plugin's sources: `dist/NAME.wasm`.
    Build(build::Options),
    /// Compile components into the cache, so that the PBX starts with them at once.
    Compile(compile::Options),
    /// Compile one component from standard input to standard output; the host starts this.
    #[command(hide = true)]
    CompileAside,
}

/// Runs one of them.
pub(crate) fn run(command: Command) -> ExitCode {
    match command {
        Command::New(options) => finish(new::run(&options)),
        Command::Build(options) => finish(build::run(&options)),
        Command::Compile(options) => finish(compile::run(&options)),
        Command::CompileAside => compile_aside::run(),
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
