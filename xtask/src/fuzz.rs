//! `cargo xtask fuzz TARGET`: a long run of one fuzz target. The stored inputs run in the normal tests too.
use std::process::Command;

use anyhow::bail;

use crate::step;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// The target: a file name under tests/fuzz/fuzz_targets. Without one the targets are listed.
    target: Option<String>,
    /// How long, in seconds.
    #[arg(long, default_value_t = 60)]
    time: u32,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let targets = targets();
    let Some(target) = &options.target else {
        println!("fuzz targets: {}", targets.join(" "));
        return Ok(());
    };
    if !targets.contains(target) {
        bail!("there is no fuzz target {target:?}; the targets are: {}", targets.join(" "));
    }
    if !step::works(Command::new("cargo").args(["+nightly", "fuzz", "--version"])) {
        bail!(
            "fuzzing needs a nightly compiler and cargo-fuzz. Install them once: rustup toolchain install nightly \
             --profile minimal && cargo install --locked cargo-fuzz"
        );
    }
    // What is found goes under target/; an input worth keeping is copied from there to the stored ones by a person.
    let found = step::root().join("target/fuzz").join(target);
    std::fs::create_dir_all(&found)?;
    let mut fuzz = Command::new("cargo");
    fuzz.current_dir(step::root().join("tests")).args([
        "+nightly",
        "fuzz",
        "run",
        "--fuzz-dir",
        "fuzz",
        target,
    ]);
    fuzz.arg(&found).arg(step::root().join("tests/data/fuzz").join(target)).arg("--");
    fuzz.arg(format!("-max_total_time={}", options.time));
    fuzz.arg(format!("-artifact_prefix={}/crash-", found.display()));
    step::run(&format!("fuzz {target}"), &mut fuzz)
}

fn targets() -> Vec<String> {
    let folder = step::root().join("tests/fuzz/fuzz_targets");
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let stem = |path: std::path::PathBuf| Some(path.file_stem()?.to_str()?.to_owned());
    let mut names: Vec<String> = entries.filter_map(|entry| stem(entry.path())).collect();
    names.sort();
    names
}
