//! Rust: `cargo` for a target without an operating system, so that nothing can be imported by accident.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::{env, fs};

use anyhow::Context as _;

use super::{Build, encode, tool};

const TARGET: &str = "wasm32-unknown-unknown";

pub(super) fn build(build: &Build) -> anyhow::Result<Vec<u8>> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    if env::var_os("CARGO").is_none() && tool::in_path("cargo").is_none() {
        return Err(tool::missing("cargo", "in the PATH", "curl https://sh.rustup.rs -sSf | sh"));
    }
    if !has_target() {
        let install = format!("rustup target add {TARGET}");
        return Err(tool::missing(&format!("Rust's library for {TARGET}"), "in the toolchain", &install));
    }
    let output = target_folder(build);
    let mut command = Command::new(cargo);
    command.current_dir(&build.folder).args(["build", "--release", "--target", TARGET, "--target-dir"]);
    command.arg(&output);
    // Flags meant for programs of this machine do not compile for the sandbox.
    command.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
    tool::run(&mut command)?;
    let library = build.project.name.replace('-', "_");
    let module = output.join(TARGET).join("release").join(format!("{library}.wasm"));
    let bytes = fs::read(&module).with_context(|| {
        format!(
            "expected the library {}; Cargo.toml needs the package name {:?} and the crate type cdylib",
            module.display(),
            build.project.name
        )
    })?;
    encode(&bytes)
}

fn target_folder(build: &Build) -> PathBuf {
    build.folder.join(env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()))
}

/// Whether the standard library for the target is there, or is built along (Debian's compiler needs that).
fn has_target() -> bool {
    if env::var_os("CARGO_UNSTABLE_BUILD_STD").is_some() {
        return true;
    }
    let mut rustc = Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    let output = rustc.args(["--print", "target-libdir", "--target", TARGET]).stderr(Stdio::null()).output();
    output.is_ok_and(|output| PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()).is_dir())
}
