//! `cordboard plugin validate`: what continuous integration asks about a component. The host makes the same checks when it loads.

use std::process::ExitCode;

use cordboard_plugin::gate;

use super::component::{Component, Misuse, pretty, runtime, verdict};

/// What to look at.
#[derive(clap::Args)]
pub(crate) struct Options {
    #[command(flatten)]
    component: Component,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
}

/// Tells every finding; exit status 0 when the component may be used, 1 when not, 2 when the command line is wrong.
pub(super) fn run(options: &Options) -> Result<ExitCode, Misuse> {
    let (bytes, settings) = options.component.read()?;
    let report = runtime()?.block_on(gate::validate(&bytes, &settings));
    let report = report.map_err(|error| Misuse(error.to_string()))?;
    if options.json {
        crate::say(&pretty(&report));
        return Ok(verdict(report.passed()));
    }
    let end = if report.passed() { "may be used" } else { "is not used by a host" };
    crate::say(&format!("{report}{}: it {end}", options.component.file.display()));
    Ok(verdict(report.passed()))
}
