//! Why the store could not do what it was asked.

/// Why the store failed. `place` is the file, or the address without its password.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum StoreError {
    /// Somebody else holds it for longer than we wait.
    #[error(
        "{place} is locked by another program; end it, or give each process a store of its own ({detail})"
    )]
    Locked {
        /// Which database.
        place: String,
        /// What the database says.
        detail: String,
    },
    /// There is no room.
    #[error(
        "{place} cannot grow: the disk or the quota is full; make room, or lower journal.max_rows ({detail})"
    )]
    Full {
        /// Which database.
        place: String,
        /// What the database says.
        detail: String,
    },
    /// It is not there, or must not be read or written.
    #[error(
        "{place} cannot be opened; check that the folder exists and that this user may write there ({detail})"
    )]
    Unreachable {
        /// Which database.
        place: String,
        /// What the database says.
        detail: String,
    },
    /// It is something else.
    #[error(
        "expected a database of Cordboard, found something else in {place}; correct store.path, or move that file away ({detail})"
    )]
    Foreign {
        /// Which database.
        place: String,
        /// What the database says.
        detail: String,
    },
    /// A newer release has written it.
    #[error(
        "{place} has version {found} of its tables, this release knows up to {known}; use the newer release, or another store"
    )]
    TooNew {
        /// Which database.
        place: String,
        /// Version of its tables.
        found: u32,
        /// The newest version that this release knows.
        known: u32,
    },
    /// An older release has written it, and it was opened for reading only.
    #[error(
        "{place} has version {found} of its tables, this release reads {known}; start `cordboard run` with it once"
    )]
    TooOld {
        /// Which database.
        place: String,
        /// Version of its tables.
        found: u32,
        /// The version that this release reads.
        known: u32,
    },
    /// Reading from it or writing to it failed.
    #[error("{place} cannot be read or written; check the disk ({detail})")]
    Broken {
        /// Which database.
        place: String,
        /// What the database says.
        detail: String,
    },
    /// The database refuses these very records: a mistake of ours.
    #[error("{place} refuses a record ({detail}); please report this")]
    Refused {
        /// Which database.
        place: String,
        /// What the database says.
        detail: String,
    },
}

impl StoreError {
    /// Whether the same records may be taken later. Those that the database refuses are refused for ever.
    pub fn may_pass(&self) -> bool {
        !matches!(self, Self::Refused { .. })
    }
}
