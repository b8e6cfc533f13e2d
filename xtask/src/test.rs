//! `cargo xtask test`: everything that has to be true before a change is taken, cheapest first.
use std::path::{Path, PathBuf};

use crate::step::{self, cargo};
use crate::{build_plugins, examples, packages, run, toolchain};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Leave out the tests with independent SIP programs (and the packages that they need).
    #[arg(long)]
    without_interop: bool,
}

/// The workspaces of guest code; they have lock files of their own and also build natively, for their unit tests.
const GUEST_WORKSPACES: &[&str] = &["sdk/rust", "plugins"];

/// Names the binary to the tests that start it, so that they need not ask cargo for it.
const BINARY_VARIABLE: &str = "CORDBOARD_BINARY";

pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    step::timed("everything", || {
        if !options.without_interop {
            step::timed("packages for the tests from outside", packages::install_for_tests)?;
        }
        check_format()?;
        build_plugins()?;
        lint()?;
        build_tests()?;
        let toolchain = toolchain::prepare()?;
        step::timed("examples", || examples::build(&toolchain))?;
        step::timed("templates", || examples::check_templates(&toolchain))?;
        test_workspace(options)?;
        test_guests()
    })
}

/// Builds every test, and with them the host's binary. One build for the whole workspace, because a build of the host alone
/// would choose other features for what they share, and compile the sandbox's compiler twice.
fn build_tests() -> anyhow::Result<()> {
    step::run("host and tests", cargo().args(["test", "--workspace", "--locked", "--no-run"]))
}

fn check_format() -> anyhow::Result<()> {
    step::run("format", cargo().args(["fmt", "--all", "--check"]))?;
    for manifest in guest_manifests() {
        step::run(
            "format of guests",
            cargo().args(["fmt", "--all", "--check", "--manifest-path"]).arg(manifest),
        )?;
    }
    Ok(())
}

fn lint() -> anyhow::Result<()> {
    let deny_warnings = ["--", "--deny", "warnings"];
    step::run(
        "lint",
        cargo().args(["clippy", "--workspace", "--all-targets", "--locked"]).args(deny_warnings),
    )?;
    for manifest in guest_manifests() {
        let mut clippy = cargo();
        clippy.args(["clippy", "--all-targets", "--manifest-path"]).arg(manifest).args(deny_warnings);
        step::run("lint of guests", &mut clippy)?;
    }
    Ok(())
}

fn test_workspace(options: &Options) -> anyhow::Result<()> {
    let mut tests = cargo();
    tests.env(BINARY_VARIABLE, run::host_binary(false));
    if step::works(cargo().args(["nextest", "--version"])) {
        tests.args(["nextest", "run", "--no-fail-fast"]);
    } else {
        tests.args(["test", "--no-fail-fast", "--lib", "--bins", "--tests", "--examples"]);
    }
    tests.args(["--workspace", "--locked"]);
    if options.without_interop {
        tests.args(["--exclude", "cordboard-interop"]);
    }
    step::run("tests", &mut tests)?;
    step::run("examples in the documentation", cargo().args(["test", "--workspace", "--locked", "--doc"]))
}

fn test_guests() -> anyhow::Result<()> {
    for manifest in guest_manifests() {
        step::run("tests of guests", cargo().args(["test", "--manifest-path"]).arg(manifest))?;
    }
    Ok(())
}

fn guest_manifests() -> Vec<PathBuf> {
    let manifest = |folder: &&str| step::root().join(folder).join("Cargo.toml");
    GUEST_WORKSPACES.iter().map(manifest).filter(|path: &PathBuf| Path::is_file(path)).collect()
}
