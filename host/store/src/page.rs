//! Lists come in pages.

use serde::{Deserialize, Serialize};

/// Which part of a list is wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PageRequest {
    /// Newest first; otherwise oldest first.
    pub newest_first: bool,
    /// Go on behind this entry, in the chosen direction.
    pub behind: Option<u64>,
    limit: usize,
}

impl PageRequest {
    /// Most entries of a page, however many are wished: a page is in memory as a whole.
    pub const MAX_LIMIT: usize = 1000;

    /// The newest `limit` entries, newest first.
    pub fn newest(limit: usize) -> Self {
        Self { newest_first: true, behind: None, limit }
    }

    /// The oldest `limit` entries, oldest first.
    pub fn oldest(limit: usize) -> Self {
        Self { newest_first: false, behind: None, limit }
    }

    /// The page behind an entry.
    #[must_use]
    pub fn behind(self, entry: Option<u64>) -> Self {
        Self { behind: entry, ..self }
    }

    /// How many entries it has at most, 1 to [`PageRequest::MAX_LIMIT`].
    pub fn limit(&self) -> usize {
        self.limit.clamp(1, Self::MAX_LIMIT)
    }
}

/// An entry and its number, which grows with every entry of its list.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Stored<T> {
    /// Its number.
    pub id: u64,
    /// The entry itself.
    #[serde(flatten)]
    pub entry: T,
}

/// A part of a list.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Page<T> {
    /// Its entries in the wished order.
    pub entries: Vec<Stored<T>>,
    /// Where the next page goes on; `None` at the end.
    pub next: Option<u64>,
}

impl<T> Page<T> {
    /// A page out of one entry more than it may have, if there are so many.
    pub(crate) fn of(mut entries: Vec<Stored<T>>, limit: usize) -> Self {
        let has_more = entries.len() > limit;
        entries.truncate(limit);
        let next = entries.last().filter(|_| has_more).map(|last| last.id);
        Self { entries, next }
    }
}
