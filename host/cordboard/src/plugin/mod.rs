//! `cordboard plugin`: what the authors of plugins and their continuous integration work with.

mod bench;
mod build;
mod compile;
mod compile_aside;
mod component;
mod embedded;
mod inspect;
mod new;
mod project;
mod remote;
mod replay;
mod run;
mod test;
mod validate;

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
    /// Say what a component is: name, digest, what it decides, imports, the schema of its configuration.
    Inspect(inspect::Options),
    /// Check a component as the host does when it loads it, and more: exit status 0 when it may be used, 1 when not, 2 for a mistake in
    /// the command line.
    Validate(validate::Options),
    /// Ask a component its samples and compare what it decides.
    Test(test::Options),
    /// Ask a component one question and show its answer, its log and its cost.
    Run(run::Options),
    /// Measure how long a component takes for one question.
    Bench(bench::Options),
    /// Compile components into the cache, so that the PBX starts with them at once.
    Compile(compile::Options),
    /// Show the plugins of a running PBX.
    List(remote::Place),
    /// Let a running PBX read the file of a plugin again; calls go on meanwhile.
    Reload(remote::ReloadOptions),
    /// Let the version before answer again in a running PBX.
    Rollback(remote::RollbackOptions),
    /// Ask a candidate what the journal says that the plugin of today was asked, and show what would change.
    Replay(replay::Options),
    /// Compile one component from standard input to standard output; the host starts this.
    #[command(hide = true)]
    CompileAside,
}

/// Runs one of them.
pub(crate) fn run(command: Command) -> ExitCode {
    match command {
        Command::New(options) => finish(new::run(&options)),
        Command::Build(options) => finish(build::run(&options)),
        Command::Inspect(options) => component::finish(inspect::run(&options)),
        Command::Validate(options) => component::finish(validate::run(&options)),
        Command::Test(options) => component::finish(test::run(&options)),
        Command::Run(options) => component::finish(run::run(&options)),
        Command::Bench(options) => component::finish(bench::run(&options)),
        Command::Compile(options) => finish(compile::run(&options)),
        Command::List(place) => finish(remote::list(&place)),
        Command::Reload(options) => finish(remote::reload(&options)),
        Command::Rollback(options) => finish(remote::roll_back(&options)),
        Command::Replay(options) => replay::run(&options),
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
