//! One file: a connection that writes, and a few that read.
//!
//! The file is in WAL mode: readers never wait for the writer, nor it for them. A transaction that was committed outlives the end of the
//! process, however it ends (`kill -9`); when the machine loses power the last few may be missing, but the file is whole (`synchronous`
//! is `NORMAL`). Connections are opened when they are needed and thrown away when the disk fails under them, so that a file that
//! comes back is used again.

mod journal;
mod migrate;
mod problem;

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use crate::{
    Decision, DecisionFilter, Page, PageRequest, Record, Retention, ShadowDifference, Store, StoreError,
};
use problem::Problem;

/// How long we wait for another program that holds the file. Backups and `sqlite3` on the command line hold it for moments.
const LOCK_PATIENCE: Duration = Duration::from_secs(2);

/// Connections for reading. Each holds a few megabytes at most.
const MAX_READERS: usize = 4;

/// How long a reader waits for a connection.
const READER_PATIENCE: Duration = Duration::from_secs(5);

/// The write-ahead log is cut to this size when it has been copied back.
const MAX_LOG_BYTES: i64 = 64 << 20;

/// A store in one SQLite file.
#[derive(Debug)]
pub struct Sqlite {
    file: PathBuf,
    read_only: bool,
    /// Held while something is written. `None` until it is needed.
    writer: Mutex<Option<Connection>>,
    /// Held for the moment of taking a connection and giving it back.
    readers: Mutex<Readers>,
    reader_is_back: Condvar,
}

#[derive(Debug, Default)]
struct Readers {
    idle: Vec<Connection>,
    in_use: usize,
}

impl Sqlite {
    /// A store in `file`, which is made when it is first needed, with its folder. Nothing is touched yet.
    pub fn new(file: &Path) -> Self {
        Self::at(file, false)
    }

    /// The store of a process that may be running, for reading.
    ///
    /// # Errors
    /// When there is no such store, or it is not one that this release reads.
    pub fn open_to_read(file: &Path) -> Result<Self, StoreError> {
        let store = Self::at(file, true);
        store.read(|_| Ok(()))?;
        Ok(store)
    }

    fn at(file: &Path, read_only: bool) -> Self {
        Self {
            file: file.to_owned(),
            read_only,
            writer: Mutex::default(),
            readers: Mutex::default(),
            reader_is_back: Condvar::new(),
        }
    }

    /// Runs `work` in a transaction of the connection that writes.
    fn write<T>(&self, work: impl FnOnce(&Transaction<'_>) -> Result<T, Problem>) -> Result<T, StoreError> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = self.write_with(&mut writer, work);
        outcome.map_err(|problem| {
            if !problem.spares_connection() {
                *writer = None;
            }
            problem.at(&self.place())
        })
    }

    fn write_with<T>(
        &self,
        writer: &mut Option<Connection>,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        if writer.is_none() {
            *writer = Some(self.open_to_write()?);
        }
        let connection = writer.as_mut().expect("it was opened just now");
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let done = work(&transaction)?;
        transaction.commit()?;
        Ok(done)
    }

    /// Runs `work` with a connection that reads.
    fn read<T>(&self, work: impl FnOnce(&Connection) -> Result<T, Problem>) -> Result<T, StoreError> {
        let outcome = self.take_reader().and_then(|reader| {
            let outcome = work(&reader);
            let is_sound = outcome.as_ref().err().is_none_or(Problem::spares_connection);
            self.give_back(is_sound.then_some(reader));
            outcome
        });
        outcome.map_err(|problem| problem.at(&self.place()))
    }

    fn take_reader(&self) -> Result<Connection, Problem> {
        let crowded = |readers: &mut Readers| readers.in_use == MAX_READERS;
        let (mut readers, _) = self
            .reader_is_back
            .wait_timeout_while(self.readers(), READER_PATIENCE, crowded)
            .unwrap_or_else(PoisonError::into_inner);
        if crowded(&mut readers) {
            return Err(Problem::Crowded);
        }
        readers.in_use += 1;
        let idle = readers.idle.pop();
        drop(readers);
        idle.map_or_else(|| self.open_reader(), Ok).inspect_err(|_| self.give_back(None))
    }

    fn give_back(&self, reader: Option<Connection>) {
        let mut readers = self.readers();
        readers.in_use -= 1;
        readers.idle.extend(reader);
        drop(readers);
        self.reader_is_back.notify_one();
    }

    fn readers(&self) -> MutexGuard<'_, Readers> {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open_to_write(&self) -> Result<Connection, Problem> {
        if self.read_only {
            return Err(Problem::Unreachable(std::io::ErrorKind::ReadOnlyFilesystem.into()));
        }
        self.make_file().map_err(Problem::Unreachable)?;
        let mut connection = self.open(OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        // Before anything is changed: a file of somebody else stays as it is.
        migrate::migrate(&mut connection)?;
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        connection.pragma_update_and_check(None, "journal_size_limit", MAX_LOG_BYTES, |_| Ok(()))?;
        Ok(connection)
    }

    fn open_reader(&self) -> Result<Connection, Problem> {
        let connection = self.open(OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        migrate::check(&connection)?;
        Ok(connection)
    }

    fn open(&self, access: OpenFlags) -> Result<Connection, Problem> {
        let connection = Connection::open_with_flags(&self.file, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        connection.busy_timeout(LOCK_PATIENCE)?;
        Ok(connection)
    }

    /// The file holds numbers of persons: only its owner reads it. SQLite gives its companions the same permissions.
    fn make_file(&self) -> std::io::Result<()> {
        if let Some(folder) = self.file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder)?;
        }
        let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&self.file);
        match made {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
            _ => Ok(()),
        }
    }

    fn place(&self) -> String {
        self.file.display().to_string()
    }
}

impl Store for Sqlite {
    fn append(&self, records: &[Record]) -> Result<(), StoreError> {
        self.write(|transaction| {
            for record in records {
                match record {
                    Record::Decision(decision) => journal::insert_decision(transaction, decision)?,
                    Record::Difference(difference) => journal::insert_difference(transaction, difference)?,
                }
            }
            Ok(())
        })
    }

    fn decisions(&self, filter: &DecisionFilter, page: &PageRequest) -> Result<Page<Decision>, StoreError> {
        self.read(|connection| journal::decisions(connection, filter, page))
    }

    fn differences(
        &self,
        plugin: Option<&str>,
        page: &PageRequest,
    ) -> Result<Page<ShadowDifference>, StoreError> {
        self.read(|connection| journal::differences(connection, plugin, page))
    }

    fn prune_journal(&self, now_ms: u64, keep: &Retention) -> Result<bool, StoreError> {
        self.write(|transaction| journal::prune(transaction, now_ms, keep))
    }

    fn installation_key(&self, fresh: [u8; 32]) -> Result<[u8; 32], StoreError> {
        self.write(|transaction| {
            transaction.execute("INSERT OR IGNORE INTO installation (id, key) VALUES (1, ?1)", [fresh])?;
            Ok(transaction.query_row("SELECT key FROM installation", [], |row| row.get(0))?)
        })
    }
}

#[cfg(test)]
mod tests;
