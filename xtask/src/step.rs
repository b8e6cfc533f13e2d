//! One step of a command: it has a name, it is announced, it is timed, and its failure says how to repeat it alone.
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

/// The root of the checkout, found from where this program was compiled.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the xtask package lies directly under the root")
}

/// The `cargo` that started this program, or the one in the path.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// Where the build of the root workspace puts its files.
pub(crate) fn target_directory() -> std::path::PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(path) => root().join(path),
        None => root().join("target"),
    }
}

/// Runs `work` under a name, and prints how long it took.
///
/// # Errors
/// Those of `work`, with the name of the step.
pub(crate) fn timed<T>(name: &str, work: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
    println!("==> {name}");
    let begin = Instant::now();
    let result = work();
    let verdict = if result.is_ok() { "done" } else { "FAILED" };
    println!("<== {name}: {verdict} in {}", seconds(begin.elapsed()));
    result.with_context(|| format!("step \"{name}\""))
}

/// Runs a program as a step. It fails when the program does.
///
/// # Errors
/// When the program cannot be started or exits with another status than 0; the message holds the command line.
pub(crate) fn run(name: &str, command: &mut Command) -> anyhow::Result<()> {
    timed(name, || {
        let line = command_line(command);
        println!("    $ {line}");
        let status = command.status().with_context(|| format!("cannot start `{line}`"))?;
        if !status.success() {
            bail!("`{line}` ended with {status}; its own output above says why");
        }
        Ok(())
    })
}

/// Whether a program can be started; used to choose between two ways of doing the same.
pub(crate) fn works(command: &mut Command) -> bool {
    command
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// The command as a person would type it at the root of the checkout.
pub(crate) fn command_line(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let program = program.file_name().unwrap_or(program.as_os_str()).to_string_lossy();
    let arguments = command.get_args().map(|argument| argument.to_string_lossy());
    std::iter::once(program).chain(arguments).collect::<Vec<_>>().join(" ")
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}
