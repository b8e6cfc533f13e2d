//! What happened, as text.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// The story of one run: a line for each message sent, each event and each question, with the virtual time in seconds.
///
/// A line of a message ends in a digest of its bytes, so two equal traces mean that every byte was the same.
#[derive(Debug)]
pub struct Trace {
    start: Instant,
    lines: Vec<String>,
}

impl Trace {
    pub(crate) fn new(start: Instant) -> Self {
        Self { start, lines: Vec::new() }
    }

    /// Every line so far.
    pub fn lines(&self) -> &[String] {
        &self.lines
    }

    /// The lines that contain `text`, joined; for the message of a failed assertion.
    pub fn about(&self, text: &str) -> String {
        let lines: Vec<&str> = self.lines.iter().map(String::as_str).filter(|l| l.contains(text)).collect();
        lines.join("\n")
    }

    pub(crate) fn message(
        &mut self,
        now: Instant,
        from: SocketAddr,
        to: SocketAddr,
        bytes: &[u8],
        copies: usize,
    ) {
        let first = bytes.split(|byte| *byte == b'\r').next().unwrap_or_default();
        let first = String::from_utf8_lossy(first);
        let digest = digest(bytes);
        let fate = match copies {
            0 => " (lost)",
            1 => "",
            _ => " (doubled)",
        };
        self.note(now, &format!("{from} > {to} {first}{fate} #{digest:016x}"));
    }

    pub(crate) fn note(&mut self, now: Instant, what: &str) {
        let at: Duration = now.saturating_duration_since(self.start);
        self.lines.push(format!("{:>12.6} {what}", at.as_secs_f64()));
    }
}

/// FNV-1a: enough to tell that two messages differ, and stable.
fn digest(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
