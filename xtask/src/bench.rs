//! `cargo xtask bench`: measures in release builds and prints the figures beside their goals.
//!
//! Every bench prints its figures itself, in lines that hold the word `goal` or a ratio; the last thing printed here is all those
//! lines together. Nothing is judged: on a busy machine only ratios mean something, and a person reads them.
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

use crate::step::{self, cargo};
use crate::{build_plugins, run};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Only the load program against the running PBX, without the benches of single parts.
    #[arg(long)]
    only_load: bool,
    /// Only the benches of single parts.
    #[arg(long, conflicts_with = "only_load")]
    only_parts: bool,
    /// Only this bench of a part, by its file name.
    #[arg(long, conflicts_with = "only_load")]
    bench: Option<String>,
}

/// Words in a line that make it part of the summary; criterion's own lines say `time:`.
const SUMMED_UP: &[&str] = &["goal", "ratio", "time:"];

pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    build_plugins()?;
    let mut summary = Vec::new();
    if !options.only_load {
        for (package, bench) in benches()? {
            if options.bench.as_ref().is_none_or(|only| *only == bench) {
                let mut command = cargo();
                command.args(["bench", "--locked", "--package", &package, "--bench", &bench]);
                measure(&format!("{package} {bench}"), &mut command, &mut summary)?;
            }
        }
    }
    if !options.only_parts && options.bench.is_none() {
        run::build_host(true)?;
        let mut load = cargo();
        load.env("CORDBOARD_BINARY", run::host_binary(true));
        load.args(["run", "--release", "--locked", "--package", "cordboard-load"]);
        measure("load", &mut load, &mut summary)?;
    }
    println!("\nAll figures beside their goals:");
    summary.iter().for_each(|line| println!("{line}"));
    Ok(())
}

/// All `host/<part>/benches/<bench>.rs`, as package and bench.
fn benches() -> anyhow::Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    for part in std::fs::read_dir(step::root().join("host"))? {
        let part = part?.path();
        let Ok(files) = std::fs::read_dir(part.join("benches")) else { continue };
        let package = format!("cordboard-{}", name(&part));
        for file in files {
            found.push((package.clone(), name(&file?.path())));
        }
    }
    found.sort();
    Ok(found)
}

fn name(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// Runs a bench as a step; shows what it prints, and keeps what belongs in the summary.
fn measure(name: &str, command: &mut Command, summary: &mut Vec<String>) -> anyhow::Result<()> {
    step::timed(name, || {
        let line = step::command_line(command);
        println!("    $ {line}");
        let mut bench =
            command.stdout(Stdio::piped()).spawn().with_context(|| format!("cannot start `{line}`"))?;
        let output = bench.stdout.take().context("the output of a bench is a pipe")?;
        summary.push(format!("{name}:"));
        for printed in BufReader::new(output).lines() {
            let printed = printed?;
            println!("{printed}");
            if SUMMED_UP.iter().any(|word| printed.contains(word)) {
                summary.push(format!("  {}", printed.trim_start()));
            }
        }
        let status = bench.wait()?;
        if !status.success() {
            bail!("`{line}` ended with {status}; its own output above says why");
        }
        Ok(())
    })
}
