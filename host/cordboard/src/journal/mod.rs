//! The journal: every decision with its question, on its way into the store.
//!
//! [`Journal::keep`] costs the one who decides a move and a place in a queue. Serialising, hiding what is personal and writing happen
//! on the thread of the store.

mod export;
mod mask;
mod record;

pub(crate) use export::{Command, ago, configuration, ms_before_now, run, walk};
pub(crate) use mask::Mask;
pub(crate) use record::Taken;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use cordboard_api::{Part, PartState};
use cordboard_events::figures::{QueueFigures, StoreFigures};
use cordboard_store::{PersonalData, Sqlite, Store, Writer, WriterSettings};

use crate::config::JournalConfig;

/// Decisions that may wait for the disk: five seconds at 800 calls per second. Each takes a few kilobytes.
const CAPACITY: usize = 8192;

/// Takes decisions from any task.
#[derive(Clone)]
pub(crate) struct Journal {
    writer: Writer<Taken>,
}

impl Journal {
    /// Starts the thread that writes to `file`. A file that cannot be used is told later, by health and in the log, and tried again.
    ///
    /// # Errors
    /// When there can be no more threads, or no random bytes.
    pub(crate) fn start(file: &Path, config: &JournalConfig) -> anyhow::Result<Self> {
        let store: Arc<dyn Store> = Arc::new(Sqlite::new(file));
        let mut fresh = [0; 32];
        getrandom::fill(&mut fresh)?;
        let settings =
            WriterSettings { capacity: CAPACITY, journal: config.retention, clock: crate::clock::unix_ms };
        let mut masks = Masks { way: config.personal_data, fresh, store: Arc::clone(&store), known: None };
        let writer =
            Writer::start(store, settings, move |taken: Taken| Some(taken.into_record(masks.mask())))?;
        Ok(Self { writer })
    }

    /// Hands a decision over; never waits.
    pub(crate) fn keep(&self, taken: Taken) {
        self.writer.keep(taken);
    }

    /// Writes what is queued, within `limit`: the process ends.
    pub(crate) fn finish(&self, limit: Duration) {
        if !self.writer.finish(limit) {
            let left = self.writer.figures().depth;
            tracing::warn!(left, "decisions are missing in the journal: the store fails or is too slow");
        }
    }

    /// How full the queue is.
    pub(crate) fn queue(&self) -> QueueFigures {
        let figures = self.writer.figures();
        QueueFigures {
            name: "journal",
            depth: figures.depth,
            capacity: figures.capacity,
            dropped: figures.lost,
        }
    }

    /// How the store does.
    pub(crate) fn figures(&self) -> StoreFigures {
        let figures = self.writer.figures();
        StoreFigures { up: figures.problem.is_none(), written: figures.written, failures: figures.failures }
    }

    /// Calls go on without a store, so that it never takes the node out.
    pub(crate) fn part(&self) -> Part {
        let problem = self.writer.figures().problem;
        let state = if problem.is_none() { PartState::Ok } else { PartState::Degraded };
        let reason = problem.map(|problem| problem.to_string()).unwrap_or_default();
        Part { name: "store".to_owned(), state, reason }
    }
}

/// Finds the key of the installation when it is first needed.
struct Masks {
    way: PersonalData,
    /// Becomes the key of an installation that has none yet.
    fresh: [u8; 32],
    store: Arc<dyn Store>,
    known: Option<Mask>,
}

impl Masks {
    fn mask(&mut self) -> &Mask {
        if self.known.is_none() {
            self.known = match self.way {
                PersonalData::Keep => Some(Mask::keep()),
                PersonalData::Drop => Some(Mask::drop()),
                PersonalData::Hash => self.store.installation_key(self.fresh).ok().map(Mask::hash),
            };
        }
        // Without a key nothing can be hashed, and nothing may be written as it is.
        const NOTHING: &Mask = &Mask::drop();
        self.known.as_ref().unwrap_or(NOTHING)
    }
}
