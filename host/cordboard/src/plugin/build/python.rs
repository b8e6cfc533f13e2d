//! Python: CPython with the sources in it, by `componentize-py`.

use std::fs;
use std::process::Command;

use anyhow::Context as _;

use super::{Build, tool};

/// What bundles the interpreter and the sources.
const COMPILER: &str = "componentize-py";

/// The module with the classes that the host calls; its name must not be that of the world.
const MODULE: &str = "plugin";

pub(super) fn build(build: &Build) -> anyhow::Result<Vec<u8>> {
    let Some(compiler) = tool::find(&build.folder, ".venv/bin", COMPILER) else {
        let install = "python3 -m venv .venv && .venv/bin/pip install -r requirements.txt";
        return Err(tool::missing(COMPILER, "in .venv/bin or in the PATH", install));
    };
    let common = |command: &mut Command| {
        command.current_dir(&build.folder).arg("--wit-path").arg(&build.wit);
        command.args(["--world", build.project.kind.as_str()]);
    };
    // For editors and for native tests; the compiler makes its own.
    let bindings = build.folder.join("bindings");
    if bindings.is_dir() {
        fs::remove_dir_all(&bindings).context("cannot make the folder bindings anew")?;
    }
    let mut command = Command::new(&compiler);
    common(&mut command);
    tool::run_quietly(command.arg("bindings").arg(&bindings))?;

    let sdk = build.wit.ancestors().nth(2).unwrap_or(&build.folder).join("sdk/python");
    let mut command = Command::new(&compiler);
    common(&mut command);
    command.args(["componentize", "--stub-wasi", MODULE, "--python-path", "src", "--python-path"]);
    command.arg(sdk).arg("--output").arg(build.scratch());
    tool::run_quietly(&mut command)?;
    build.take_scratch()
}
