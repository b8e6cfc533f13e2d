//! One running program: output to a file, input through a pipe, ended by its process id.
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::clock::{self, eventually};

/// A program that a test started. Dropping it kills it.
pub struct Program {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Program {
    /// Starts it; what it prints goes to `log`.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start(name: &str, command: &mut Command, log: &Path) -> Self {
        let output = File::create(log).expect("the folder of the test can be written");
        let errors = output.try_clone().expect("a file handle can be copied");
        let spawned = command.stdin(Stdio::piped()).stdout(output).stderr(errors).spawn();
        let child = spawned.unwrap_or_else(|error| {
            let program = command.get_program().to_string_lossy();
            panic!("{program} does not start ({error}); cargo xtask test installs what the tests need")
        });
        Self { name: name.to_owned(), child, log: log.to_owned() }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it printed so far.
    pub fn output(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Types a line into it.
    ///
    /// # Panics
    /// When it does not read any more.
    pub fn type_line(&mut self, line: &str) {
        let input = self.child.stdin.as_mut().expect("standard input is a pipe");
        writeln!(input, "{line}").and_then(|()| input.flush()).expect("the program reads its input");
    }

    /// Waits until it has printed `text`.
    ///
    /// # Panics
    /// When it ends before, or never prints it.
    pub fn wait_for_output(&mut self, text: &str) {
        self.wait_for_count(text, 1);
    }

    /// Waits until it has printed `text` so many times.
    ///
    /// # Panics
    /// When it ends before, or never does.
    pub fn wait_for_count(&mut self, text: &str, times: usize) {
        let what = format!("{} prints {text:?} {times} time(s)", self.name);
        eventually(&what, || {
            if self.output().matches(text).count() >= times {
                return Some(());
            }
            if let Ok(Some(status)) = self.child.try_wait() {
                panic!(
                    "{} ended with {status} before it printed {text:?}; it said:\n{}",
                    self.name,
                    self.output()
                );
            }
            None
        });
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it does not end.
    pub fn wait_for_exit(&mut self) -> ExitStatus {
        let what = format!("{} ends", self.name);
        eventually(&what, || self.child.try_wait().expect("our own child can be waited for"))
    }

    /// Asks it to end (SIGTERM).
    pub fn terminate(&self) {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        let id = id.expect("a process id is a positive number");
        // It may have ended on its own; then there is nothing left to ask.
        let _ = kill_process(id, Signal::TERM);
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // A chance to write its last lines and to give back its ports.
        self.terminate();
        let ended =
            clock::wait(std::time::Duration::from_secs(2), &mut || self.child.try_wait().ok().flatten());
        if ended.is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
