//! `cargo xtask storm`: damaged messages by the ten thousand against the running binary (`tests/hostile`). A short storm runs in the
//! normal tests.
use crate::step::{self, cargo};
use crate::{build_plugins, run};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Damaged datagrams.
    #[arg(long, default_value_t = 100_000)]
    datagrams: u64,
    /// Damaged messages over TCP.
    #[arg(long, default_value_t = 20_000)]
    messages: u64,
    /// Chooses the damage: the same seed, the same storm.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// The build of the tests is what is harassed: it notices an arithmetic overflow, which the release build would let pass.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    build_plugins()?;
    run::build_host(false)?;
    let mut storm = cargo();
    storm.env("CORDBOARD_BINARY", run::host_binary(false));
    storm.args(["run", "--locked", "--package", "cordboard-hostile", "--"]);
    storm.arg(format!("--datagrams={}", options.datagrams)).arg(format!("--messages={}", options.messages));
    storm.arg(format!("--seed={}", options.seed));
    step::run("storm", &mut storm)
}
