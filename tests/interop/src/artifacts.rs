//! What the tests are run with: the binary and the plugins, built from this checkout.
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Set by `cargo xtask test`, which has just built the binary.
const BINARY_VARIABLE: &str = "CORDBOARD_BINARY";

/// The binary under test. Built on first use when nobody names one.
///
/// # Panics
/// When it cannot be built.
pub(crate) fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| match std::env::var_os(BINARY_VARIABLE) {
        Some(path) => PathBuf::from(path),
        None => build_binary(),
    })
}

fn build_binary() -> PathBuf {
    let target = target_directory();
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--quiet", "--package", "cordboard", "--target-dir"]).arg(&target);
    let status = build.current_dir(root()).status().expect("cargo, which compiled this test, starts");
    assert!(status.success(), "the binary under test does not build: cargo build --package cordboard");
    target.join("debug/cordboard")
}

/// A reference plugin.
///
/// # Panics
/// When it has not been built.
pub fn plugin(name: &str) -> PathBuf {
    let file = root().join("target/plugins").join(format!("{name}.wasm"));
    assert!(file.is_file(), "the plugin {} is missing; build it with: cargo xtask plugins", file.display());
    file
}

/// The component of an example.
///
/// # Panics
/// When it has not been built.
pub(crate) fn example(name: &str) -> PathBuf {
    let file = root().join("examples").join(name).join("dist").join(format!("{name}.wasm"));
    assert!(file.is_file(), "the example {} is missing; build it with: cargo xtask examples", file.display());
    file
}

/// The root of the checkout.
pub(crate) fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).expect("this package lies two folders below the root")
}

/// The target directory that this very program lies in: a test in `<target>/<profile>/deps`, the load program in `<target>/<profile>`.
pub(crate) fn target_directory() -> PathBuf {
    let program = std::env::current_exe().expect("the path of a running program is known");
    let folder = program.parent().expect("a program lies in a folder");
    let profile = if folder.ends_with("deps") { folder.parent() } else { Some(folder) };
    profile.and_then(Path::parent).expect("a profile's folder lies in the target directory").to_owned()
}
