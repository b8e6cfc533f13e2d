//! The examples, one plugin in each language, built with `cordboard plugin build` as an author would.
//!
//! The compilers for JavaScript, Python and C come from the registries of npm and PyPI in the versions that the examples name, into
//! `target/tools` and the example's own `node_modules`. An example is built again only when its sources, those of its SDK, the
//! interface or the PBX's own building have changed: `dist/NAME.sources` beside the component holds their digest.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use sha2::{Digest, Sha256};

use crate::toolchain::Toolchain;
use crate::{packages, run, step};

/// What lies in an example and is no source.
const MADE: &[&str] = &["target", "dist", "bindings", "node_modules", "__pycache__", ".venv"];

/// Examples, with the folder of what they are built with.
const EXAMPLES: &[(&str, &str)] = &[
    ("night-service", "sdk/rust"),
    ("time-of-day", "sdk/javascript"),
    ("vip-list", "sdk/python"),
    ("least-cost", "sdk/c"),
];

/// Installs the compilers, runs the examples' native tests and builds the components, as far as anything has changed.
///
/// # Errors
/// When a tool is missing and cannot be installed, or an example does not pass its tests or does not compile.
pub(crate) fn build(toolchain: &Toolchain) -> anyhow::Result<()> {
    let stale: Vec<_> = EXAMPLES
        .iter()
        .map(|(name, sdk)| Ok((*name, step::root().join("examples").join(name), digest(name, sdk)?)))
        .collect::<anyhow::Result<Vec<_>>>()?
        .into_iter()
        .filter(|(name, folder, digest)| !is_fresh(name, folder, digest))
        .collect();
    if stale.is_empty() {
        println!("    all of them are built from these sources");
        return Ok(());
    }
    install_tools()?;
    for (name, folder, digest) in &stale {
        let mut build = Command::new(run::host_binary(false));
        build.args(["plugin", "build"]).arg(folder);
        prepared(&mut build, toolchain)?;
        step::run(&format!("example {name}"), &mut build)?;
        test_natively(folder, toolchain)?;
        fs::write(marker(name, folder), digest).context("cannot note what an example was built from")?;
    }
    Ok(())
}

fn marker(name: &str, folder: &Path) -> PathBuf {
    folder.join("dist").join(format!("{name}.sources"))
}

fn is_fresh(name: &str, folder: &Path, digest: &str) -> bool {
    let component = folder.join("dist").join(format!("{name}.wasm"));
    component.is_file() && fs::read_to_string(marker(name, folder)).is_ok_and(|built| built == digest)
}

/// Digest over everything that a component is made of.
fn digest(name: &str, sdk: &str) -> anyhow::Result<String> {
    let example = format!("examples/{name}");
    let mut files = Vec::new();
    for folder in ["wit/1.0", "host/cordboard/src/plugin/build", sdk, &example] {
        sources(&step::root().join(folder), &mut files)?;
    }
    files.sort();
    let mut digest = Sha256::new();
    for file in files {
        let content = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
        digest.update(file.to_string_lossy().as_bytes());
        digest.update(content.len().to_le_bytes());
        digest.update(content);
    }
    Ok(digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    for entry in entries {
        let entry = entry?;
        // Cargo writes the lock file of an example that has none.
        if MADE.iter().any(|made| entry.file_name() == *made) || entry.file_name() == "Cargo.lock" {
            continue;
        }
        if entry.file_type()?.is_dir() {
            sources(&entry.path(), found)?;
        } else {
            found.push(entry.path());
        }
    }
    Ok(())
}

fn environment() -> PathBuf {
    step::root().join("target/tools/venv")
}

/// The compilers for JavaScript, Python and C.
fn install_tools() -> anyhow::Result<()> {
    packages::install_for_authors()?;
    let examples = step::root().join("examples");
    let javascript = examples.join("time-of-day");
    if !javascript.join("node_modules/.bin/componentize-qjs").is_file() {
        let mut npm = Command::new("npm");
        // Not `npm ci`: it wants the compiler's binaries for every platform in the lock file, and some of them are not published.
        npm.current_dir(&javascript).args(["install", "--no-save", "--no-audit", "--no-fund"]);
        step::run("the compiler for JavaScript", &mut npm)?;
    }
    let python = environment().join("bin/python");
    if !python.is_file() {
        let mut venv = Command::new("python3");
        venv.args(["-m", "venv"]).arg(environment());
        step::run("an environment for the compilers of Python and C", &mut venv)?;
    }
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
    for example in ["vip-list", "least-cost"] {
        pip.arg("-r").arg(examples.join(example).join("requirements.txt"));
    }
    step::run("the compilers for Python and C", &mut pip)
}

/// Puts the compilers in front of a command's `PATH`, and names the one for Rust.
pub(crate) fn prepared(command: &mut Command, toolchain: &Toolchain) -> anyhow::Result<()> {
    let own = [environment().join("bin"), step::root().join("examples/time-of-day/node_modules/.bin")];
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(own.into_iter().chain(std::env::split_paths(&path)))
        .context("the PATH cannot be extended")?;
    command.env("PATH", path).env("CARGO_TARGET_DIR", step::root().join("target/plugins-build/examples"));
    toolchain.for_plain_cargo(command);
    Ok(())
}

/// Runs the tests that lie in an example, in its language.
fn test_natively(folder: &Path, toolchain: &Toolchain) -> anyhow::Result<()> {
    let mut command = if folder.join("package.json").is_file() {
        let mut node = Command::new("node");
        node.arg("--test");
        node
    } else if folder.join("test/test_plugin.py").is_file() {
        let mut python = Command::new(environment().join("bin/python"));
        python.args(["-m", "unittest", "discover", "test"]);
        python.env("PYTHONPATH", "src:../../sdk/python:bindings").env("PYTHONDONTWRITEBYTECODE", "1");
        python
    } else if folder.join("Cargo.toml").is_file() {
        let mut cargo = step::cargo();
        cargo.args(["test", "--quiet"]);
        cargo
    } else {
        return Ok(());
    };
    if !folder.join("Cargo.toml").is_file() {
        prepared(&mut command, toolchain)?;
    }
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    step::run(&format!("tests of {name}"), command.current_dir(folder))
}

/// Makes a project of every template, and checks that it builds and passes its own tests. Python projects are made of one kind only, as
/// each takes ten seconds and the others differ in a few lines.
///
/// # Errors
/// When a template does not build.
pub(crate) fn check_templates(toolchain: &Toolchain) -> anyhow::Result<()> {
    install_tools()?;
    let place = step::root().join("target/templates");
    match fs::remove_dir_all(&place) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            bail!("cannot empty {}: {error}", place.display())
        }
        _ => fs::create_dir_all(&place).with_context(|| format!("cannot make {}", place.display()))?,
    }
    for language in ["rust", "js", "python", "c"] {
        for kind in ["router", "authorizer", "escalator", "formatter"] {
            if language == "python" && kind != "escalator" {
                continue;
            }
            check_template(&place, language, kind, toolchain)?;
        }
    }
    Ok(())
}

fn check_template(place: &Path, language: &str, kind: &str, toolchain: &Toolchain) -> anyhow::Result<()> {
    let name = format!("{language}-{kind}");
    let mut new = Command::new(run::host_binary(false));
    new.current_dir(place).args(["plugin", "new", "--lang", language, "--kind", kind, &name]);
    step::run(&format!("template {name}"), &mut new)?;
    let mut build = Command::new(run::host_binary(false));
    build.current_dir(place).args(["plugin", "build", &name]);
    prepared(&mut build, toolchain)?;
    step::run(&format!("build of {name}"), &mut build)
}
