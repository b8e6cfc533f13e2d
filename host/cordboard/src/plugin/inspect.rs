//! `cordboard plugin inspect`: what a component is, without asking it anything but its name.

use std::path::PathBuf;
use std::process::ExitCode;

use cordboard_plugin::gate::{self, CheckStatus, Examined, Report};
use cordboard_plugin::read_file;

use super::component::{Misuse, pretty, runtime, verdict};

/// What to look at.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// The component file.
    file: PathBuf,
    /// Print what is found as JSON.
    #[arg(long)]
    json: bool,
}

/// Tells what is found; exit status 1 when the file is no component for this host.
pub(super) fn run(options: &Options) -> Result<ExitCode, Misuse> {
    let bytes =
        read_file(&options.file).map_err(|error| Misuse(format!("{}: {error}", options.file.display())))?;
    let report = runtime()?.block_on(gate::inspect(&bytes)).map_err(|error| Misuse(error.to_string()))?;
    if options.json {
        crate::say(&pretty(&report));
    } else {
        crate::say(&text(&report));
    }
    Ok(verdict(report.passed()))
}

fn text(report: &Report) -> String {
    let mut lines = about(&report.component);
    let failed = report.checks.iter().filter(|check| check.status == CheckStatus::Failed);
    lines.extend(failed.map(|check| format!("{:<10} {}", check.name, check.message)));
    lines.join("\n")
}

fn about(component: &Examined) -> Vec<String> {
    let list = |names: &[String]| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    let mut lines = vec![
        format!("digest     {}", component.digest),
        format!("size       {} bytes", component.size_bytes),
    ];
    if component.name.is_empty() {
        return lines;
    }
    lines.insert(0, format!("name       {} {}", component.name, component.version));
    lines.insert(1, format!("summary    {}", component.summary));
    lines.push(format!("decides    {}", component.kinds.join(", ")));
    lines.push(format!("imports    {}", list(&component.imports)));
    lines.push(format!("tables     {}", list(&component.tables)));
    let schema = if component.config_schema.is_empty() { "none" } else { component.config_schema.trim() };
    lines.push(format!("config     {schema}"));
    lines
}
