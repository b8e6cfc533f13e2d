//! What a plugin may use, and the counting of its memory while it runs.

use std::time::Duration;

use wasmtime::ResourceLimiter;

use crate::kind::Kind;

/// Bounds of one plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of all linear memories of one instance together; 32 MiB. What JavaScript and Python need to start is about half of it.
    pub memory_bytes: usize,
    /// How long one answer may take, host functions and the wait for a free slot included. `None` for [`Kind::deadline`]: 50 ms for
    /// routing and authorization, 200 ms for escalation, 20 ms for event formatting.
    pub deadline: Option<Duration>,
    /// Bytes that one answer, or the arguments of one host call, may take in the host; 1 MiB. Without it, a list that names the same
    /// text a million times would cost a million copies of it.
    pub output_bytes: usize,
    /// Questions that are answered at once; 64. Each may hold `memory_bytes`.
    pub concurrency: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { memory_bytes: 32 << 20, deadline: None, output_bytes: 1 << 20, concurrency: 64 }
    }
}

impl Limits {
    /// How long an answer of a kind may take.
    pub(crate) fn deadline_of(&self, kind: Kind) -> Duration {
        self.deadline.unwrap_or(kind.deadline())
    }
}

/// Largest component file that is read. Python components, the largest that we know, have 18 MiB.
pub(crate) const MAX_FILE_BYTES: u64 = 32 << 20;

/// Elements of one table. Tables hold function pointers, a few hundred in Rust and about 15,000 in Python.
const MAX_TABLE_ELEMENTS: usize = 20_000;

/// Core instances, memories and tables of one component. A Python component has 38 core instances.
const MAX_INSTANCES: usize = 64;

/// Counts the memory of one instance and refuses what goes beyond the limit.
///
/// A refusal makes `memory.grow` return -1, which the guest may survive (JavaScript does); only when it does not, the question failed
/// because of memory.
#[derive(Debug)]
pub(crate) struct Meter {
    limit: usize,
    used: usize,
    refused: bool,
}

impl Meter {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, used: 0, refused: false }
    }

    /// Bytes of linear memory. Memories never shrink, so this is the high-water mark too.
    pub(crate) fn used_bytes(&self) -> usize {
        self.used
    }

    /// Whether the guest wanted more than it may have.
    pub(crate) fn has_refused(&self) -> bool {
        self.refused
    }
}

impl ResourceLimiter for Meter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let total = self.used.saturating_add(desired.saturating_sub(current));
        if total > self.limit {
            self.refused = true;
            return Ok(false);
        }
        self.used = total;
        Ok(true)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let fits = desired <= MAX_TABLE_ELEMENTS;
        self.refused |= !fits;
        Ok(fits)
    }

    fn instances(&self) -> usize {
        MAX_INSTANCES
    }

    fn tables(&self) -> usize {
        MAX_INSTANCES
    }

    fn memories(&self) -> usize {
        MAX_INSTANCES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_memories_of_an_instance_share_one_limit() {
        let mut meter = Meter::new(100);
        assert_eq!(meter.memory_growing(0, 60, None).ok(), Some(true));
        assert_eq!(meter.memory_growing(0, 50, None).ok(), Some(false));
        assert!(meter.has_refused());
        assert_eq!(meter.memory_growing(0, 40, None).ok(), Some(true));
        assert_eq!(meter.used_bytes(), 100);
    }
}
