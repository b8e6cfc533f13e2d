//! What a process uses, read from outside.
use std::fs;
use std::time::Duration;

/// One reading.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// CPU time of all its threads so far, user and system.
    pub cpu: Duration,
    /// Resident memory in bytes.
    pub resident_bytes: u64,
    /// Datagrams that the kernel dropped at its SIP socket so far.
    pub drops: u64,
}

impl Usage {
    /// Reads a process whose SIP socket has this port.
    ///
    /// # Panics
    /// When there is no such process.
    pub fn of(process: u32, sip_port: u16) -> Self {
        Self { cpu: cpu(process), resident_bytes: resident(process), drops: drops(sip_port) }
    }
}

fn cpu(process: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).expect("the process runs");
    // The name in parentheses may hold spaces; the fields that count follow it, utime being the twelfth after it.
    let fields = stat.rsplit_once(')').map(|(_, fields)| fields).unwrap_or_default();
    let ticks: u64 =
        fields.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    let per_second = rustix::param::clock_ticks_per_second();
    Duration::from_micros(ticks * 1_000_000 / per_second)
}

fn resident(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("the process runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|kib| kib.parse::<u64>().ok()).unwrap_or_default() * 1024
}

/// The last column of `/proc/net/udp`.
fn drops(port: u16) -> u64 {
    let table = fs::read_to_string("/proc/net/udp").unwrap_or_default();
    let local = format!(":{port:04X}");
    let rows =
        table.lines().filter(|row| row.split_whitespace().nth(1).is_some_and(|at| at.ends_with(&local)));
    rows.filter_map(|row| row.split_whitespace().last()?.parse::<u64>().ok()).sum()
}
