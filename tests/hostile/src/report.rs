//! What a storm showed.

use std::fmt;
use std::time::Duration;

use cordboard_load::Delays;

/// A storm over one transport.
#[derive(Debug)]
pub struct Report {
    /// `UDP` or `TCP`.
    pub transport: &'static str,
    /// Messages sent.
    pub sent: u64,
    /// Damage that was thrown away because it named an address of another machine.
    pub kept_back: u64,
    /// Whether the process was there at the end, and answered.
    pub alive: bool,
    /// Questions that got no answer.
    pub unanswered: usize,
    /// The answer of a quiet PBX.
    pub floor: Duration,
    /// The first answer behind each batch, which waits for all that stands before it.
    pub behind: Delays,
    /// The middle one of five answers after each batch.
    pub after: Delays,
    /// Batches after which that was 100 ms more than the floor.
    pub stalls: usize,
    /// Resident memory when the warm-up was over and all calls had ended.
    pub warm_bytes: u64,
    /// The same at the end.
    pub end_bytes: u64,
    /// Datagrams that the kernel dropped before the PBX saw them.
    pub drops: u64,
    /// Calls that came about.
    pub calls: f64,
}

impl Report {
    /// What resident memory grew by after the warm-up.
    pub fn grown_bytes(&self) -> u64 {
        self.end_bytes.saturating_sub(self.warm_bytes)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |delay: Duration| format!("{:.2} ms", delay.as_secs_f64() * 1e3);
        let three = |delays: &Delays| {
            let at = |share| ms(delays.percentile(share));
            format!("median {}, p99 {}, longest {}", at(0.5), at(0.99), at(1.0))
        };
        #[expect(clippy::cast_precision_loss, reason = "a printed figure")]
        let mib = |bytes: u64| format!("{:.1} MiB", bytes as f64 / 1_048_576.0);
        writeln!(
            f,
            "{} storm: {} damaged messages, {} kept back",
            self.transport, self.sent, self.kept_back
        )?;
        writeln!(f, "  calls that came about             {}", self.calls)?;
        writeln!(f, "  alive and answering at the end    {}   goal: true", self.alive)?;
        writeln!(f, "  questions without an answer       {}   goal: 0", self.unanswered)?;
        writeln!(f, "  an answer of the quiet PBX        {}", ms(self.floor))?;
        writeln!(f, "  the first answer behind a batch   {}", three(&self.behind))?;
        writeln!(f, "  the middle of five after it       {}", three(&self.after))?;
        writeln!(f, "  stalls of more than 100 ms        {}   goal: 0", self.stalls)?;
        let (warm, end, grown) = (mib(self.warm_bytes), mib(self.end_bytes), mib(self.grown_bytes()));
        writeln!(
            f,
            "  resident memory                   {warm} warm, {end} at the end, grown by {grown}   goal: 5 MB"
        )?;
        write!(f, "  datagrams dropped by the kernel   {}", self.drops)
    }
}
