//! Debian packages: independent SIP programs and sound tools for the tests from outside, and the compiler for plugins.
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::bail;

use crate::step;

/// A package, and a program that it brings; the program's presence is the proof.
struct Package {
    name: &'static str,
    program: &'static str,
}

const FOR_TESTS: &[Package] = &[
    Package { name: "sip-tester", program: "sipp" },
    Package { name: "baresip-core", program: "baresip" },
    Package { name: "linphone-cli", program: "linphonec" },
    Package { name: "iproute2", program: "ip" },
    Package { name: "nftables", program: "nft" },
    Package { name: "sox", program: "sox" },
    Package { name: "espeak-ng", program: "espeak-ng" },
];

/// Installs what is missing.
///
/// # Errors
/// When something is missing and this user may not install it: the message is the command for somebody who may.
pub(crate) fn install_for_tests() -> anyhow::Result<()> {
    let missing: Vec<&str> = FOR_TESTS.iter().filter(|p| !in_path(p.program)).map(|p| p.name).collect();
    if missing.is_empty() {
        println!("    all there: {}", FOR_TESTS.iter().map(|p| p.name).collect::<Vec<_>>().join(" "));
        return Ok(());
    }
    install(&missing, "the tests from outside")
}

/// What the compilers for JavaScript, Python and C are installed and run with.
const FOR_AUTHORS: &[Package] = &[
    Package { name: "nodejs", program: "node" },
    Package { name: "npm", program: "npm" },
    Package { name: "python3", program: "python3" },
];

/// Installs what the compilers for plugins come with.
///
/// # Errors
/// When something is missing and this user may not install it: the message is the command for somebody who may.
pub(crate) fn install_for_authors() -> anyhow::Result<()> {
    let mut missing: Vec<&str> = FOR_AUTHORS.iter().filter(|p| !in_path(p.program)).map(|p| p.name).collect();
    // Debian's Python leaves out what makes environments.
    if !step::works(Command::new("python3").args(["-c", "import venv, ensurepip"])) {
        missing.push("python3-venv");
    }
    if missing.is_empty() {
        return Ok(());
    }
    install(&missing, "building plugins in JavaScript, Python and C")
}

/// Installs Debian packages that something needs.
///
/// # Errors
/// When this user may not install: the message is the command for somebody who may.
pub(crate) fn install(packages: &[&str], purpose: &str) -> anyhow::Result<()> {
    let list = packages.join(" ");
    if !is_root() || !in_path("apt-get") {
        bail!(
            "{purpose} needs the Debian packages {list}, which are not installed, and this user may not install \
             them. Run once: sudo apt-get update && sudo apt-get install --yes --no-install-recommends {list}"
        );
    }
    step::run("package lists", Command::new("apt-get").args(["update", "--quiet"]))?;
    let mut install = Command::new("apt-get");
    install.env("DEBIAN_FRONTEND", "noninteractive");
    install.args(["install", "--quiet", "--yes", "--no-install-recommends"]).args(packages);
    step::run("install packages", &mut install)
}

fn in_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Where programs for root are; not everybody has it in the path.
    let for_root = PathBuf::from("/usr/sbin");
    std::env::split_paths(&path).chain([for_root]).any(|directory| directory.join(program).is_file())
}

/// The owner of our own entry in `/proc` is the effective user.
fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    Path::new("/proc/self").metadata().is_ok_and(|metadata| metadata.uid() == 0)
}
