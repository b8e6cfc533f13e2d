//! The compiler that turns Rust plugins into WebAssembly.
//!
//! Two ways lead there. `rustup` brings the standard library for `wasm32-unknown-unknown` ready made. Where its server cannot be
//! reached, Debian's `rustc-web` with the source of the standard library builds it once. Both give the same components.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::bail;

use crate::{packages, step};

/// The target of all guests: no operating system, so that nothing can be imported by accident.
const TARGET: &str = "wasm32-unknown-unknown";

/// How long `rustup` may take. Without a network it fails at once; behind a firewall that drops packets it would wait for minutes.
const RUSTUP_LIMIT: Duration = Duration::from_secs(120);

/// The packages of the second way.
const DEBIAN: &[&str] = &["rustc-web", "cargo-web", "rust-web-src", "lld"];

const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_CARGO: &str = "/usr/bin/cargo";

/// A prepared compiler.
pub(crate) enum Toolchain {
    /// The toolchain of `rust-toolchain.toml` with the target added.
    Rustup,
    /// Debian's, which builds the standard library itself.
    Debian {
        /// The program that links.
        linker: PathBuf,
    },
}

impl Toolchain {
    /// A `cargo build --release` for guests, to which the caller adds what is to be built.
    pub(crate) fn cargo_build(&self) -> Command {
        match self {
            Self::Rustup => {
                let mut command = step::cargo();
                command.args(["build", "--release", "--target", TARGET]);
                command
            }
            Self::Debian { linker } => {
                let mut command = Command::new(DEBIAN_CARGO);
                // The standard library is an unstable part of the build; Debian's compiler is a stable one.
                command.env("RUSTC_BOOTSTRAP", "1").env("RUSTC", DEBIAN_RUSTC);
                command.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
                for ours in ["RUSTUP_TOOLCHAIN", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER", "CARGO"] {
                    command.env_remove(ours);
                }
                command.args(["build", "--release", "-Z", "build-std=std,panic_abort", "--target", TARGET]);
                command
            }
        }
    }
}

impl Toolchain {
    /// Makes a plain `cargo build` for guests, which somebody else starts, use this toolchain.
    pub(crate) fn for_plain_cargo(&self, command: &mut Command) {
        let Self::Debian { linker } = self else { return };
        command.env("CARGO", DEBIAN_CARGO).env("RUSTC", DEBIAN_RUSTC).env("RUSTC_BOOTSTRAP", "1");
        command.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
        command.env("CARGO_UNSTABLE_BUILD_STD", "std,panic_abort");
        command.env_remove("RUSTUP_TOOLCHAIN");
    }
}

/// Finds or installs a compiler for guests.
///
/// # Errors
/// When neither way works: the message holds the commands for somebody who may install.
pub(crate) fn prepare() -> anyhow::Result<Toolchain> {
    if std::env::var_os("CORDBOARD_GUEST_TOOLCHAIN").is_some_and(|wanted| wanted == "debian") {
        return debian();
    }
    if has_rustup_target() || (add_rustup_target() && has_rustup_target()) {
        println!("    rustup's toolchain has {TARGET}");
        return Ok(Toolchain::Rustup);
    }
    println!("    rustup cannot bring {TARGET} here; taking Debian's compiler instead");
    debian()
}

fn has_rustup_target() -> bool {
    let output = Command::new("rustc")
        .current_dir(step::root())
        .args(["--print", "target-libdir", "--target", TARGET])
        .stderr(Stdio::null())
        .output();
    output.is_ok_and(|output| {
        output.status.success() && PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()).is_dir()
    })
}

fn add_rustup_target() -> bool {
    let mut command = Command::new("rustup");
    command.current_dir(step::root()).args(["target", "add", TARGET]).stdin(Stdio::null());
    println!("    $ {}", step::command_line(&command));
    let Ok(mut child) = command.spawn() else { return false };
    let begin = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return status.success(),
            Ok(None) if begin.elapsed() < RUSTUP_LIMIT => thread::sleep(Duration::from_millis(100)),
            Ok(None) | Err(_) => {
                println!("    gave up after {} s", RUSTUP_LIMIT.as_secs());
                // It may have ended in between; all that matters is that it is gone.
                drop(child.kill());
                drop(child.wait());
                return false;
            }
        }
    }
}

fn debian() -> anyhow::Result<Toolchain> {
    let ready = || has_debian_compiler() && linker().is_some();
    if !ready() {
        packages::install(DEBIAN, "building the WebAssembly plugins")?;
    }
    match linker() {
        Some(linker) if has_debian_compiler() => {
            println!("    Debian's compiler, linking with {}", linker.display());
            Ok(Toolchain::Debian { linker })
        }
        _ => bail!(
            "the packages {} are installed, but {DEBIAN_RUSTC} has no source of its standard library, or there is neither \
             rust-lld nor wasm-ld. Install the target for rustup's toolchain instead: rustup target add {TARGET}",
            DEBIAN.join(" ")
        ),
    }
}

/// Whether the Debian compiler can build the standard library for guests.
fn has_debian_compiler() -> bool {
    let output = Command::new(DEBIAN_RUSTC).args(["--print", "sysroot"]).output();
    output.is_ok_and(|output| {
        let sysroot = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
        PathBuf::from(DEBIAN_CARGO).is_file() && sysroot.join("lib/rustlib/src/rust/library/std").is_dir()
    })
}

/// The linker of rustup's toolchain, or that of LLVM.
fn linker() -> Option<PathBuf> {
    let output = Command::new("rustc").current_dir(step::root()).args(["--print", "sysroot"]).output();
    let beside = output.ok().map(|output| {
        let sysroot = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
        sysroot.join(format!("lib/rustlib/{}-unknown-linux-gnu/bin/rust-lld", std::env::consts::ARCH))
    });
    beside.filter(|path| path.is_file()).or_else(|| {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path)
            .map(|directory| directory.join("wasm-ld"))
            .find(|program| program.is_file())
    })
}
