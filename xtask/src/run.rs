//! `cargo xtask run`: from a fresh clone to a PBX that two phones can call each other through.
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context;

use crate::step;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Build with optimisation: minutes more to build, for load or for slow machines.
    #[arg(long)]
    release: bool,
    /// The configuration to start with.
    #[arg(long, default_value = "config/cordboard.yaml")]
    config: PathBuf,
}

/// Builds everything and becomes the PBX; returns only when something failed.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let components = crate::build_plugins()?;
    build_host(options.release)?;
    let binary = host_binary(options.release);
    println!();
    println!(
        "{} plugins are built. Their configuration, and everything else: {}",
        components.len(),
        options.config.display()
    );
    println!(
        "Every key of it is explained in config/README.md. Ctrl-C drains: calls in progress may finish."
    );
    println!();
    let mut host = Command::new(&binary);
    host.current_dir(step::root()).arg("run").arg("--config").arg(&options.config);
    // Replacing this process leaves signals, exit status and terminal to the PBX itself.
    let error = host.exec();
    Err(error).with_context(|| format!("cannot start {}", binary.display()))
}

/// Builds the binary.
pub(crate) fn build_host(release: bool) -> anyhow::Result<()> {
    let mut build = step::cargo();
    build.args(["build", "--package", "cordboard"]);
    if release {
        build.arg("--release");
    }
    step::run("host", &mut build)
}

/// The file that [`build_host`] makes.
pub(crate) fn host_binary(release: bool) -> PathBuf {
    step::target_directory().join(if release { "release" } else { "debug" }).join("cordboard")
}
