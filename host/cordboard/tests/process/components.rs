//! Compiling aside and starting from the cache, with the real program.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use crate::host::{Configured, pause};

const COMPILED: &str = "a component was compiled";
const FROM_CACHE: &str = "a component came out of the cache";

/// A component that `cargo xtask plugins` makes.
pub(crate) fn component(name: &str) -> PathBuf {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/plugins").join(format!("{name}.wasm"));
    assert!(path.is_file(), "{} is missing; build it with `cargo xtask plugins`", path.display());
    path
}

/// One plugin, and a cache of its own beside the configuration.
fn configured() -> Configured {
    let plugin = component("route-by-extension");
    Configured::with(&format!(
        "components: {{cache: cache, folders: '{}'}}\nplugins: [{{name: r, path: '{}'}}]\nrouting: {{chain: [r]}}\n",
        plugin.parent().expect("it lies in a folder").display(),
        plugin.display()
    ))
}

/// Starts the PBX, and ends it. The lines about compiled code.
fn start(configured: &Configured) -> Vec<String> {
    let host = configured.start();
    let health = host.get("http", "/health");
    assert!(health.contains("plugin r") && !health.contains("degraded"), "{health}");
    let about =
        |line: &&String| line.contains(COMPILED) || line.contains(FROM_CACHE) || line.contains("damaged");
    host.said().iter().filter(about).cloned().collect()
}

fn entries(configured: &Configured) -> Vec<PathBuf> {
    let files = fs::read_dir(configured.folder().join("cache")).expect("the cache is there");
    files.map(|file| file.expect("it can be listed").path()).collect()
}

#[test]
fn a_second_start_does_not_compile() {
    let configured = configured();
    let first = start(&configured);
    assert!(first.len() == 1 && first[0].contains(COMPILED), "{first:?}");
    assert_eq!(entries(&configured).len(), 1);
    let second = start(&configured);
    assert!(second.len() == 1 && second[0].contains(FROM_CACHE), "{second:?}");
}

#[test]
fn a_damaged_cache_is_told_and_repaired() {
    let configured = configured();
    start(&configured);
    let entry = entries(&configured).remove(0);
    let mut code = fs::read(&entry).expect("it is ours");
    let middle = code.len() / 2;
    code[middle] ^= 0xff;
    fs::write(&entry, code).expect("it is ours");
    let told = start(&configured);
    assert!(told.len() == 2 && told[0].contains("damaged") && told[1].contains(COMPILED), "{told:?}");
    assert!(start(&configured)[0].contains(FROM_CACHE));
}

#[test]
fn a_cache_that_others_can_enter_is_not_used() {
    use std::os::unix::fs::PermissionsExt as _;
    let configured = configured();
    let cache = configured.folder().join("cache");
    fs::create_dir(&cache).expect("it is made");
    fs::set_permissions(&cache, fs::Permissions::from_mode(0o777)).expect("it is ours");
    let told = start(&configured);
    assert!(told.len() == 1 && told[0].contains(COMPILED), "{told:?}");
    assert!(entries(&configured).is_empty());
}

#[test]
fn an_operator_fills_the_cache_beforehand() {
    let configured = configured();
    for (arguments, says) in [
        (vec!["plugin", "compile", "--config"], ": compiled, sha256 "),
        (vec!["plugin", "compile", "--config"], ": was compiled already, sha256 "),
    ] {
        let output = configured.output(&arguments);
        let told = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && told.contains(says), "{told}{output:?}");
    }
    assert!(start(&configured)[0].contains(FROM_CACHE));
}

#[test]
fn a_file_that_is_no_component_is_told_by_the_compiler_too() {
    let configured = configured();
    let whole = fs::read(component("route-by-extension")).expect("it is there");
    let mut odd = whole.clone();
    // Inside of the first section, where only the compiler looks.
    odd[12..40].fill(0xff);
    for (name, content, says) in [
        ("text.wasm", &b"hello"[..], "expected a WebAssembly component"),
        ("half.wasm", &whole[..whole.len() / 2], "goes beyond the end of the file"),
        ("odd.wasm", &odd, "truncated or damaged"),
    ] {
        let file = configured.folder().join(name);
        fs::write(&file, content).expect("it is written");
        let file = file.display().to_string();
        let output = configured.output(&["plugin", "compile", &file, "--config"]);
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(told.contains(name) && told.contains(says), "{told}");
    }
    assert!(entries(&configured).is_empty(), "nothing is left of what failed");
}

/// Starts the compiler as the host does.
fn compiler() -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cordboard"));
    command.args(["plugin", "compile-aside"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    command.stderr(Stdio::piped()).spawn().expect("the binary runs")
}

#[test]
fn the_compiler_stands_back_and_is_bounded() {
    let mut compiler = compiler();
    let file = |name: &str| fs::read_to_string(format!("/proc/{}/{name}", compiler.id())).unwrap_or_default();
    // It waits for its input once it has stood back.
    while !file("limits").contains("Max cpu time              180 ") {
        assert!(!file("stat").is_empty(), "it ended");
        pause();
    }
    let stat = file("stat");
    let nice = stat.rsplit(')').next().and_then(|rest| rest.split(' ').nth(17));
    assert_eq!(nice, Some("19"), "{stat}");
    assert_eq!(file("oom_score_adj").trim(), "1000");
    let limits = file("limits");
    for bounded in ["Max address space         3221225472", "Max cpu time              180 "] {
        assert!(limits.contains(bounded), "{limits}");
    }
    drop(compiler.stdin.take());
    let status = compiler.wait().expect("it ends when nobody wants it any more");
    assert_eq!(status.code(), Some(1));
}

#[test]
fn the_compiler_takes_no_more_than_a_component_may_have() {
    let mut compiler = compiler();
    let mut input = compiler.stdin.take().expect("it is piped");
    input.write_all(&u64::MAX.to_le_bytes()).expect("it reads");
    let Output { status, stderr, .. } = compiler.wait_with_output().expect("it ends");
    let told = String::from_utf8_lossy(&stderr);
    assert_eq!(status.code(), Some(1), "{told}");
    assert!(told.contains("expected a component of at most 33554432 bytes"), "{told}");
    drop(input);
}
