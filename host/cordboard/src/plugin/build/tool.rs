//! Compilers: found, named when they are missing, run.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

/// A program of the `PATH`.
pub(super) fn in_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// A program that the project installed for itself, else the one in the `PATH`.
pub(super) fn find(folder: &Path, own: &str, program: &str) -> Option<PathBuf> {
    let own = folder.join(own).join(program);
    if own.is_file() { Some(own) } else { in_path(program) }
}

/// The message about a tool that is not there.
pub(super) fn missing(tool: &str, places: &str, install: &str) -> anyhow::Error {
    anyhow::anyhow!("expected {tool} {places}, found it nowhere; install it with:\n\n    {install}\n")
}

/// Runs a compiler, whose messages go to the terminal.
///
/// # Errors
/// When it cannot be started, or does not accept the sources.
pub(super) fn run(command: &mut Command) -> anyhow::Result<()> {
    let line = line(command);
    let status = command.status().with_context(|| format!("cannot start `{line}`"))?;
    if !status.success() {
        bail!("`{line}` ended with {status}; its own messages above say why");
    }
    Ok(())
}

/// Runs a compiler that talks much: its messages are shown only when it fails.
///
/// # Errors
/// As [`run`], with what it said.
pub(super) fn run_quietly(command: &mut Command) -> anyhow::Result<()> {
    let line = line(command);
    let output = command.output().with_context(|| format!("cannot start `{line}`"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    bail!("`{line}` ended with {}:\n{}", output.status, String::from_utf8_lossy(&said).trim_end())
}

fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
