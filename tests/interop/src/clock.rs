//! Waiting in real time: outside programs cannot be stepped.
use std::time::{Duration, Instant};

/// How long anything may take before a test gives up. Far beyond what it takes, as two busy cores are shared with other work.
pub(crate) const PATIENCE: Duration = Duration::from_secs(40);

const POLL: Duration = Duration::from_millis(20);

/// Waits until `probe` gives something.
///
/// # Panics
/// After 40 s, with `what`.
#[track_caller]
pub fn eventually<T>(what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    match wait(PATIENCE, &mut probe) {
        Some(value) => value,
        None => panic!("waited {} s in vain: {what}", PATIENCE.as_secs()),
    }
}

/// Waits until `probe` gives something, or the time is over.
#[expect(clippy::disallowed_methods, reason = "outside programs live in real time")]
pub(crate) fn wait<T>(limit: Duration, probe: &mut impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + limit;
    loop {
        if let Some(value) = probe() {
            return Some(value);
        }
        if Instant::now() >= end {
            return None;
        }
        std::thread::sleep(POLL);
    }
}

/// Lets real time pass: how long two phones talk.
#[expect(clippy::disallowed_methods, reason = "outside programs live in real time")]
pub fn pause(duration: Duration) {
    std::thread::sleep(duration);
}
