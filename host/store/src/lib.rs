//! What has to outlive the process.
//!
//! [`Store`] is a trait of use cases, one method for what the product needs done, so that rows, SQL and transactions stay behind it.
//! [`Sqlite`] keeps everything in one file; another database joins by implementing the trait and passing the tests of `suite`, which
//! are written against the trait alone.
//!
//! [`Writer`] stands between the call path and a store: handing over costs a place in a bounded queue, and a thread of its own turns
//! what was handed over into rows, many in one transaction.
//!
//! Invariants:
//!
//! * **A call never waits for the store.** A queue that is full loses what comes next, counts it and says so.
//! * **A store that is away comes back by itself.** Locked, full, unreadable or not there at all: it is told once, tried again with
//!   growing pauses, and what fits into the queue meanwhile is written afterwards.
//! * **Methods of [`Store`] block.** They are called from threads that may wait, never from the signalling thread or an async task.
//! * **No clock, no randomness.** Whoever writes hands in the time.

mod error;
mod journal;
mod page;
mod sqlite;
#[cfg(test)]
mod suite;
mod writer;

pub use error::StoreError;
pub use journal::{
    Asked, DecidedBy, Decision, DecisionFilter, LookedUp, Outcome, PersonalData, PluginVersion,
    ShadowDifference,
};
pub use page::{Page, PageRequest, Stored};
pub use sqlite::Sqlite;
pub use writer::{Writer, WriterFigures, WriterSettings};

/// Most records in one transaction.
pub const MAX_BATCH: usize = 256;

/// Something to keep.
#[derive(Clone, PartialEq, Debug)]
pub enum Record {
    /// A plugin was asked, and this was decided.
    Decision(Box<Decision>),
    /// A candidate would have decided otherwise.
    Difference(Box<ShadowDifference>),
}

/// How much of one kind of record is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Retention {
    /// Older ones go.
    pub max_age: std::time::Duration,
    /// When there are more, the oldest go.
    pub max_rows: u64,
}

/// What the product needs kept. Every method blocks until the database has answered, for seconds if it is locked.
///
/// # Errors
/// Every method fails with [`StoreError`]; nothing of what a failed call should have written is there.
pub trait Store: Send + Sync + 'static {
    /// Writes records in one transaction, in their order.
    fn append(&self, records: &[Record]) -> Result<(), StoreError>;

    /// Decisions of the journal.
    fn decisions(&self, filter: &DecisionFilter, page: &PageRequest) -> Result<Page<Decision>, StoreError>;

    /// Samples of what a candidate of the plugin `plugin` would have decided otherwise; of every plugin when `None`.
    fn differences(
        &self,
        plugin: Option<&str>,
        page: &PageRequest,
    ) -> Result<Page<ShadowDifference>, StoreError>;

    /// Takes out some of what is older than `keep` allows at `now_ms` (milliseconds since 1970), decisions and differences alike. `true`
    /// when there may be more to take out: it is done in small steps, so that nobody waits long for the database.
    fn prune_journal(&self, now_ms: u64, keep: &Retention) -> Result<bool, StoreError>;

    /// The key of this installation. The first call keeps `fresh`, which has to be random; every later one gives what was kept then.
    fn installation_key(&self, fresh: [u8; 32]) -> Result<[u8; 32], StoreError>;
}
