//! The ways in which a plugin fails a question.

use std::fmt;

use wasmtime::Trap;

/// Why a plugin gave no usable answer. The word is the label of the metric.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum FailureReason {
    /// It stopped with a trap: a panic, an unreachable instruction, a bad memory access.
    Trap,
    /// It did not answer within its deadline.
    Deadline,
    /// It wanted more memory than it may have.
    Memory,
    /// Its call stack was exhausted.
    Stack,
    /// It returned more data than it may.
    Output,
    /// It said itself that it cannot decide.
    Fault,
    /// Its answer cannot be right, such as a rejection with status 200.
    Invalid,
    /// Its decision is one that this release cannot carry out.
    Unsupported,
    /// It could not be instantiated.
    Link,
    /// It has failed too often lately and was not asked.
    Breaker,
    /// It is not loaded; the load problem says why.
    NotLoaded,
}

impl FailureReason {
    /// Every reason, in the order of [`FailureReason::index`].
    pub const ALL: [Self; 11] = [
        Self::Trap,
        Self::Deadline,
        Self::Memory,
        Self::Stack,
        Self::Output,
        Self::Fault,
        Self::Invalid,
        Self::Unsupported,
        Self::Link,
        Self::Breaker,
        Self::NotLoaded,
    ];

    /// The word for logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trap => "trap",
            Self::Deadline => "deadline",
            Self::Memory => "memory",
            Self::Stack => "stack",
            Self::Output => "output",
            Self::Fault => "fault",
            Self::Invalid => "invalid",
            Self::Unsupported => "unsupported",
            Self::Link => "link",
            Self::Breaker => "breaker",
            Self::NotLoaded => "not-loaded",
        }
    }

    /// Position in [`FailureReason::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for FailureReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One failed question.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{reason}: {message}")]
pub struct Failure {
    /// The kind, which metrics count.
    pub reason: FailureReason,
    /// What happened, for the operator. At most 2 KiB; a trap names the functions of the guest.
    pub message: String,
}

impl Failure {
    /// Longest message that is kept. What a guest says may be long, and it goes into logs.
    const MAX_MESSAGE: usize = 2 << 10;

    pub(crate) fn new(reason: FailureReason, message: impl Into<String>) -> Self {
        let mut message = message.into();
        message.truncate(message.floor_char_boundary(Self::MAX_MESSAGE));
        Self { reason, message }
    }

    /// Finds out why wasmtime gave up on a question.
    pub(crate) fn of_error(error: &wasmtime::Error, out_of_memory: bool) -> Self {
        let message = format!("{error:#}");
        let reason = match error.downcast_ref::<Trap>() {
            Some(Trap::StackOverflow) => FailureReason::Stack,
            Some(Trap::Interrupt | Trap::OutOfFuel) => FailureReason::Deadline,
            _ if out_of_memory => FailureReason::Memory,
            // The type of this error is private to wasmtime; a test holds its text.
            _ if message.contains("fuel allocated for hostcalls has been exhausted") => FailureReason::Output,
            Some(_) => FailureReason::Trap,
            None => FailureReason::Link,
        };
        Self::new(reason, message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_of_a_reason_is_its_place_in_the_list() {
        for (index, reason) in FailureReason::ALL.into_iter().enumerate() {
            assert_eq!(reason.index(), index, "{reason}");
        }
    }
}
