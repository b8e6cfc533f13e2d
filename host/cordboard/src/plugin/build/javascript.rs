//! JavaScript: QuickJS with the sources in it, by `componentize-qjs`.
//!
//! The engine of `componentize-js` was measured to make components of 12 MiB, which take 17 s to compile in the host; QuickJS makes
//! 1.1 MiB, compiled in a second.

use std::process::Command;

use super::{Build, tool};

/// What bundles the engine and the sources.
const COMPILER: &str = "componentize-qjs";

/// The module that exports what the host calls.
const ENTRY: &str = "src/main.js";

pub(super) fn build(build: &Build) -> anyhow::Result<Vec<u8>> {
    let Some(compiler) = tool::find(&build.folder, "node_modules/.bin", COMPILER) else {
        return Err(tool::missing(COMPILER, "in node_modules/.bin or in the PATH", "npm install"));
    };
    let mut command = Command::new(compiler);
    command.current_dir(&build.folder).arg("--wit").arg(&build.wit);
    command.args(["--world", build.project.kind.as_str(), "--js", ENTRY]);
    // The root of what may be imported is that of the SDK: the project, or the repository that it lies in.
    command.arg("--module-root").arg(build.wit.ancestors().nth(2).unwrap_or(&build.folder));
    command.args(["--stub-wasi", "--sync", "--opt-size", "--output"]).arg(build.scratch());
    tool::run_quietly(&mut command)?;
    build.take_scratch()
}
