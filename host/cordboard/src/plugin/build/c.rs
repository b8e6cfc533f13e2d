//! C: any clang that links WebAssembly, taken from `zig`, which brings the library too and comes as one package.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};
use wit_bindgen_core::Files;
use wit_bindgen_core::wit_parser::Resolve;

use super::{Build, encode, tool};

/// The names in the bindings begin with it, and so do their files.
const PREFIX: &str = "cordboard";

/// Stack of the plugin. The default of the linker would make every instance begin with 16 MiB of memory.
const STACK_BYTES: u32 = 64 << 10;

pub(super) fn build(build: &Build) -> anyhow::Result<Vec<u8>> {
    let bindings = build.folder.join("bindings");
    write_bindings(build, &bindings)?;
    let Some(mut command) = compiler(&build.folder) else {
        let install = "python3 -m venv .venv && .venv/bin/pip install -r requirements.txt";
        return Err(tool::missing(
            "zig",
            "in the PATH, or as the Python package ziglang in .venv or of python3",
            install,
        ));
    };
    // A reactor has no `main`. The library's own calls of WASI are left out by the linker as long as nobody uses them.
    command.args(["-target", "wasm32-wasi", "-mexec-model=reactor", "-Os", "-s", "-Wall", "-Wextra"]);
    command.arg(format!("-Wl,-z,stack-size={STACK_BYTES}"));
    command.arg("-I").arg(&bindings);
    command.arg("-I").arg(build.wit.ancestors().nth(2).unwrap_or(&build.folder).join("sdk/c"));
    command.args(sources(&build.folder.join("src"))?);
    command.arg(bindings.join(format!("{PREFIX}.c")));
    command.arg(bindings.join(format!("{PREFIX}_component_type.o")));
    command.arg("-o").arg(build.scratch()).current_dir(&build.folder);
    tool::run(&mut command)?;
    encode(&build.take_scratch()?)
}

/// Makes header, source and types of the world.
fn write_bindings(build: &Build, folder: &Path) -> anyhow::Result<()> {
    let wit = build.wit.display();
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(&build.wit).with_context(|| format!("cannot read {wit}"))?;
    let world = resolve
        .select_world(&[package], Some(build.project.kind.as_str()))
        .with_context(|| format!("{wit} has no world {}", build.project.kind))?;
    let options =
        wit_bindgen_c::Opts { rename_world: Some(PREFIX.to_owned()), ..wit_bindgen_c::Opts::default() };
    let mut files = Files::default();
    options
        .build()
        .generate(&mut resolve, world, &mut files)
        .with_context(|| format!("cannot make bindings of {wit}"))?;
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    for (name, content) in files.iter() {
        let file = folder.join(name);
        fs::write(&file, content).with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(())
}

/// A `zig cc`: of the project, of the `PATH`, or of the Python there.
fn compiler(folder: &Path) -> Option<Command> {
    let module = |python: PathBuf| {
        let works = |python: &PathBuf| {
            let mut probe = Command::new(python);
            probe.args(["-m", "ziglang", "version"]).stdout(Stdio::null()).stderr(Stdio::null());
            probe.status().is_ok_and(|status| status.success())
        };
        works(&python).then(|| {
            let mut command = Command::new(python);
            command.args(["-m", "ziglang", "cc"]);
            command
        })
    };
    let zig = || {
        let mut command = Command::new(tool::in_path("zig")?);
        command.arg("cc");
        Some(command)
    };
    module(folder.join(".venv/bin/python")).or_else(zig).or_else(|| module(tool::in_path("python3")?))
}

fn sources(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("expected C sources in {}", folder.display()))?;
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.context("the folder src cannot be read")?.path();
        if path.extension().is_some_and(|extension| extension == "c") {
            found.push(path);
        }
    }
    found.sort();
    if found.is_empty() {
        bail!("expected C sources (*.c) in {}, found none", folder.display());
    }
    Ok(found)
}
