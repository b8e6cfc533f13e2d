//! Compiling in a process of its own, so that calls do not feel it.
//!
//! The host starts its own program once more, with arguments that make it do nothing but this. It hands over the length of the component
//! (8 bytes, least significant first) and its bytes on standard input, and a file as standard output. Standard input stays open until the
//! work is done: when it ends earlier, the host is gone and the compiler ends too.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStderr, ChildStdin, Command};
use tokio::time::timeout;

use super::CompileError;
use crate::limits::MAX_FILE_BYTES;
use crate::load::LoadError;

/// How much is kept of what the compiler says. It says one sentence; a crash may add a few lines.
const MAX_SAID: u64 = 4 << 10;

/// The program that compiles.
#[derive(Clone, Debug, PartialEq)]
pub struct Aside {
    /// It lowers its own priority, limits its own memory, reads with [`read_component`], and calls [`precompile`](super::precompile).
    pub program: PathBuf,
    /// What makes it do so.
    pub arguments: Vec<OsString>,
    /// How long it may take. At the lowest priority that can be many times the CPU time that it needs.
    pub time_limit: Duration,
}

impl Aside {
    /// Exit status of a compiler that found the component to be wrong, and said in which way.
    pub const REFUSED: u8 = 65;

    /// Compiles a component into a file.
    pub(super) async fn compile(&self, component: &[u8], output: File) -> Result<(), LoadError> {
        // It needs nothing of our environment, in which there may be secrets.
        let mut child = Command::new(&self.program)
            .args(&self.arguments)
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(output)
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(CompileError::NotStarted)?;
        let (status, said) = match timeout(self.time_limit, converse(&mut child, component)).await {
            Ok(ended) => ended.map_err(CompileError::NotStarted)?,
            Err(_) => {
                // Its end is waited for, so that nothing works on after the answer.
                let _ = child.kill().await;
                return Err(CompileError::TooLong { limit_s: self.time_limit.as_secs() }.into());
            }
        };
        if status.success() {
            Ok(())
        } else if status.code() == Some(i32::from(Self::REFUSED)) {
            Err(LoadError::Damaged { detail: said })
        } else {
            Err(CompileError::Died { status: status.to_string(), said }.into())
        }
    }
}

/// Hands over the component, and waits for the end. The status, and what was said.
async fn converse(child: &mut Child, component: &[u8]) -> io::Result<(ExitStatus, String)> {
    let (input, errors) = (child.stdin.take(), child.stderr.take());
    let (input, said) = tokio::join!(feed(input, component), listen(errors));
    let status = child.wait().await?;
    drop(input);
    Ok((status, said))
}

/// A compiler that reads no more has a reason, which its status and its words tell.
async fn feed(input: Option<ChildStdin>, component: &[u8]) -> Option<ChildStdin> {
    let mut input = input?;
    let length = u64::try_from(component.len()).unwrap_or(u64::MAX);
    let _ = input.write_all(&length.to_le_bytes()).await;
    let _ = input.write_all(component).await;
    Some(input)
}

async fn listen(errors: Option<ChildStderr>) -> String {
    let mut said = Vec::new();
    if let Some(errors) = errors {
        // What came before an error of reading is still worth telling.
        let _ = errors.take(MAX_SAID).read_to_end(&mut said).await;
    }
    String::from_utf8_lossy(&said).trim().replace(char::is_control, " ")
}

/// Reads the component in the process that compiles. The input stays open until the host is done or gone.
///
/// # Errors
/// When the input ends early, or announces more than any component may have.
pub fn read_component(input: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut length = [0; 8];
    input.read_exact(&mut length)?;
    let length = u64::from_le_bytes(length);
    if length > MAX_FILE_BYTES {
        let message = format!("expected a component of at most {MAX_FILE_BYTES} bytes, found {length}");
        return Err(io::Error::new(io::ErrorKind::InvalidData, message));
    }
    let mut bytes = Vec::new();
    input.take(length).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests;
