//! `cargo xtask fuzz`: long runs of the fuzz targets. The stored inputs, and generated ones, run in the normal tests too.
//!
//! The compiler of `rust-toolchain.toml` is told to take unstable options for it (`RUSTC_BOOTSTRAP`), so that no nightly is needed:
//! coverage and the address sanitizer are what is unstable about a fuzz target.
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use crate::{packages, step};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// The target: a file name under tests/fuzz/fuzz_targets. Without one the targets are listed.
    target: Option<String>,
    /// Every target, one after the other.
    #[arg(long, conflicts_with = "target")]
    all: bool,
    /// How long, in seconds; with --all for each target.
    #[arg(long, default_value_t = 60)]
    time: u32,
}

/// Stored inputs of other tests that a target learns from, besides its own under `tests/data/fuzz`.
const MORE_INPUTS: &[(&str, &str)] = &[
    ("sip_message", "tests/data/sip/rfc4475"),
    ("sip_message", "tests/data/sip/rfc5118"),
    ("sdp", "tests/data/sdp"),
    ("config", "host/cordboard/testdata/config"),
];

/// The tool, installed under `target/` when the machine has none.
const TOOL: &str = "cargo-fuzz";

pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let targets = targets();
    let chosen = match &options.target {
        _ if options.all => targets,
        Some(target) if targets.contains(target) => vec![target.clone()],
        Some(target) => bail!("there is no fuzz target {target:?}; the targets are: {}", targets.join(" ")),
        None => {
            println!("fuzz targets: {}", targets.join(" "));
            return Ok(());
        }
    };
    let path = prepare()?;
    let mut failed = Vec::new();
    for target in chosen {
        // With --all the others are still worth their time.
        if let Err(error) = fuzz(&target, options.time, &path) {
            println!("{error:#}");
            failed.push(target);
        }
    }
    if failed.is_empty() {
        return Ok(());
    }
    bail!(
        "something was found: {}. The inputs are target/fuzz/<target>/crash-*; keep each under \
         tests/data/fuzz/<target>/ with a name that says what it is, which makes it a test, and mend what it shows",
        failed.join(" ")
    )
}

fn fuzz(target: &str, seconds: u32, path: &std::ffi::OsStr) -> anyhow::Result<()> {
    // What is found goes under target/; an input worth keeping is copied from there to the stored ones by a person.
    let found = step::root().join("target/fuzz").join(target);
    std::fs::create_dir_all(&found)?;
    let mut fuzz = Command::new("cargo");
    fuzz.env("PATH", path).env("RUSTC_BOOTSTRAP", "1").current_dir(step::root().join("tests"));
    fuzz.args(["fuzz", "run", "--fuzz-dir", "fuzz"]);
    if !has_sanitizer() {
        println!("    the compiler has no runtime of the address sanitizer here; fuzzing goes on without it");
        fuzz.args(["--sanitizer", "none"]);
    }
    fuzz.arg(target).arg(&found).arg(step::root().join("tests/data/fuzz").join(target));
    let more = MORE_INPUTS.iter().filter(|(of, _)| *of == target);
    fuzz.args(more.map(|(_, folder)| step::root().join(folder)));
    fuzz.args(["--", "-print_final_stats=1", "-verbosity=1", "-timeout=20", "-max_len=4096"]);
    fuzz.arg(format!("-max_total_time={seconds}"));
    fuzz.arg(format!("-artifact_prefix={}/crash-", found.display()));
    step::run(&format!("fuzz {target}"), &mut fuzz)
}

/// Sees to the tool and to the compiler of libFuzzer itself; gives the PATH that has both.
fn prepare() -> anyhow::Result<std::ffi::OsString> {
    if !step::works(Command::new("c++").arg("--version")) {
        packages::install(&["g++"], "the fuzzer")?;
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    if step::works(Command::new(TOOL).arg("--version")) {
        return Ok(path);
    }
    let tools = step::root().join("target/tools");
    if !tools.join("bin").join(TOOL).is_file() {
        let mut install = step::cargo();
        install.args(["install", "--locked", "--root"]).arg(&tools).args([TOOL, "--version", "^0.13"]);
        step::run("install cargo-fuzz", &mut install).with_context(|| {
            format!("fuzzing needs {TOOL}; where no registry can be reached, put its program into the PATH")
        })?;
    }
    let all = std::iter::once(tools.join("bin")).chain(std::env::split_paths(&path));
    Ok(std::env::join_paths(all)?)
}

fn has_sanitizer() -> bool {
    let output = Command::new("rustc").current_dir(step::root()).args(["--print", "target-libdir"]).output();
    let folder = output.map(|output| PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
    let files = folder.ok().and_then(|folder| std::fs::read_dir(folder).ok()).into_iter().flatten().flatten();
    files.map(|file| file.path()).any(|file| is_sanitizer(&file))
}

fn is_sanitizer(file: &Path) -> bool {
    file.file_name().is_some_and(|name| name.to_string_lossy().ends_with("_rt.asan.a"))
}

fn targets() -> Vec<String> {
    let folder = step::root().join("tests/fuzz/fuzz_targets");
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let stem = |path: PathBuf| Some(path.file_stem()?.to_str()?.to_owned());
    let mut names: Vec<String> = entries.filter_map(|entry| stem(entry.path())).collect();
    names.sort();
    names
}
