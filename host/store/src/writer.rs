//! The way from the call path into a store: a bounded queue and a thread.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::{MAX_BATCH, Record, Retention, Store, StoreError};

/// How long the thread lets records gather. Waking it for each, and a transaction for each, costs many times what writing one of many
/// does.
const GATHER: Duration = Duration::from_millis(50);

/// How often old records are looked for.
const PRUNE_EVERY: Duration = Duration::from_secs(60);

/// How often losses are told while there are any.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// Pauses between attempts while the store fails.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How long a flush waits for a place in a full queue before it looks again.
const FULL_PAUSE: Duration = Duration::from_millis(10);

/// How a writer works.
#[derive(Clone, Copy, Debug)]
pub struct WriterSettings {
    /// What may wait in the queue; what comes beyond is lost and counted.
    pub capacity: usize,
    /// How much of the journal is kept.
    pub journal: Retention,
    /// The time in milliseconds since 1970, to tell what is too old.
    pub clock: fn() -> u64,
}

/// How a writer does.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct WriterFigures {
    /// Entries that wait now.
    pub depth: usize,
    /// Entries that can wait.
    pub capacity: usize,
    /// Entries that were lost: those that did not fit, and those that the database refused.
    pub lost: u64,
    /// Records that are in the store.
    pub written: u64,
    /// Attempts to write that failed.
    pub failures: u64,
    /// What keeps the store from working at present.
    pub problem: Option<StoreError>,
}

/// Takes entries from any thread without waiting, and writes them on its own.
///
/// An entry is whatever costs least to hand over; the thread turns it into a [`Record`], if one is wanted. Dropping the last clone lets the
/// thread write what is queued and end.
#[derive(Debug)]
pub struct Writer<T> {
    queue: SyncSender<Entry<T>>,
    shared: Arc<Shared>,
    capacity: usize,
}

impl<T> Clone for Writer<T> {
    fn clone(&self) -> Self {
        Self { queue: self.queue.clone(), shared: Arc::clone(&self.shared), capacity: self.capacity }
    }
}

#[derive(Debug)]
enum Entry<T> {
    Keep(T),
    /// Say so when everything before is settled; `true` when it is written.
    Flush(SyncSender<bool>),
}

/// What the writer's thread and the others share.
#[derive(Debug, Default)]
struct Shared {
    waiting: AtomicUsize,
    lost: AtomicU64,
    written: AtomicU64,
    failures: AtomicU64,
    /// Written by the thread, read by health.
    problem: Mutex<Option<StoreError>>,
    /// Set when the process ends: no pauses any more.
    hurry: Mutex<bool>,
    hurried: Condvar,
}

impl<T: Send + 'static> Writer<T> {
    /// Starts the thread. `convert` runs on it and must not wait.
    ///
    /// # Errors
    /// When there can be no more threads.
    pub fn start(
        store: Arc<dyn Store>,
        settings: WriterSettings,
        convert: impl FnMut(T) -> Option<Record> + Send + 'static,
    ) -> std::io::Result<Self> {
        let (queue, entries) = sync_channel(settings.capacity);
        let shared = Arc::new(Shared::default());
        let desk =
            Desk { entries, store, settings, convert, shared: Arc::clone(&shared), told_lost: 0, told_ms: 0 };
        std::thread::Builder::new().name("store".to_owned()).spawn(move || desk.work())?;
        Ok(Self { queue, shared, capacity: settings.capacity })
    }

    /// Hands something over. When the queue is full it is lost and counted.
    pub fn keep(&self, entry: T) {
        self.shared.waiting.fetch_add(1, Ordering::Relaxed);
        if self.queue.try_send(Entry::Keep(entry)).is_err() {
            self.shared.waiting.fetch_sub(1, Ordering::Relaxed);
            self.shared.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until what was handed over before is written: `true`. `false` when it could not be written, or not within `limit`.
    pub fn flush(&self, limit: Duration) -> bool {
        let (done, is_done) = sync_channel(1);
        let mut left = limit;
        while self.queue.try_send(Entry::Flush(done.clone())).is_err() {
            // A full queue is being written.
            let Some(rest) = left.checked_sub(FULL_PAUSE) else { return false };
            left = rest;
            std::thread::park_timeout(FULL_PAUSE);
        }
        is_done.recv_timeout(left).unwrap_or(false)
    }

    /// Writes what is queued without any more pauses: the process ends. As [`Writer::flush`].
    pub fn finish(&self, limit: Duration) -> bool {
        *self.shared.hurry() = true;
        self.shared.hurried.notify_all();
        self.flush(limit)
    }

    /// How it does.
    pub fn figures(&self) -> WriterFigures {
        let shared = &self.shared;
        WriterFigures {
            depth: shared.waiting.load(Ordering::Relaxed),
            capacity: self.capacity,
            lost: shared.lost.load(Ordering::Relaxed),
            written: shared.written.load(Ordering::Relaxed),
            failures: shared.failures.load(Ordering::Relaxed),
            problem: shared.problem().clone(),
        }
    }
}

impl Shared {
    fn hurry(&self) -> MutexGuard<'_, bool> {
        self.hurry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn problem(&self) -> MutexGuard<'_, Option<StoreError>> {
        self.problem.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits, unless the process ends.
    fn pause(&self, time: Duration) {
        // Whether the time is over or the process ends is asked where it matters.
        let _ = self.hurried.wait_timeout_while(self.hurry(), time, |hurry| !*hurry);
    }
}

/// What the thread works with.
struct Desk<T, C> {
    entries: Receiver<Entry<T>>,
    store: Arc<dyn Store>,
    settings: WriterSettings,
    convert: C,
    shared: Arc<Shared>,
    /// How many losses have been told, and when.
    told_lost: u64,
    told_ms: u64,
}

impl<T, C: FnMut(T) -> Option<Record>> Desk<T, C> {
    /// Until every sender is gone.
    fn work(mut self) {
        let mut pruned_ms = 0;
        let mut has_old = true;
        loop {
            match self.entries.recv_timeout(if has_old { GATHER } else { PRUNE_EVERY }) {
                Ok(first) => self.take(first),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            let now_ms = (self.settings.clock)();
            self.tell_losses(now_ms);
            if has_old || now_ms.abs_diff(pruned_ms) >= PRUNE_EVERY.as_millis() as u64 {
                has_old = self.prune_step(now_ms);
                pruned_ms = now_ms;
            }
        }
    }

    /// Writes `first` and what gathers behind it.
    fn take(&mut self, first: Entry<T>) {
        let mut flushed = Vec::new();
        let mut records = Vec::new();
        if matches!(first, Entry::Keep(_)) {
            self.shared.pause(GATHER);
        }
        let mut next = Some(first);
        while let Some(entry) = next {
            match entry {
                Entry::Keep(entry) => {
                    self.shared.waiting.fetch_sub(1, Ordering::Relaxed);
                    records.extend((self.convert)(entry));
                }
                Entry::Flush(done) => flushed.push(done),
            }
            next = if records.len() < MAX_BATCH { self.entries.try_recv().ok() } else { None };
        }
        let is_written = records.is_empty() || self.write(&records);
        for done in flushed {
            // Who asked may have given up waiting.
            let _ = done.try_send(is_written);
        }
    }

    /// Writes a batch, however long it takes. `false`: it is given up, because it is refused or the process ends.
    fn write(&mut self, records: &[Record]) -> bool {
        let mut pause = FIRST_PAUSE;
        loop {
            let is_last = *self.shared.hurry();
            match self.store.append(records) {
                Ok(()) => {
                    self.shared.written.fetch_add(records.len() as u64, Ordering::Relaxed);
                    self.note(None);
                    return true;
                }
                // One of them is refused; the others are not to suffer for it.
                Err(error) if !error.may_pass() && records.len() > 1 => {
                    let written = records.chunks(1).filter(|one| self.write(one)).count();
                    return written == records.len();
                }
                Err(error) if !error.may_pass() || is_last => {
                    tracing::error!(%error, records = records.len(), "records were not kept");
                    self.shared.lost.fetch_add(records.len() as u64, Ordering::Relaxed);
                    return false;
                }
                Err(error) => self.note(Some(error)),
            }
            self.shared.pause(pause);
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Keeps what is wrong for health, and tells it when it begins and ends.
    fn note(&self, found: Option<StoreError>) {
        let mut problem = self.shared.problem();
        match (&*problem, &found) {
            (None, Some(error)) => {
                tracing::warn!(%error, "the store fails; calls go on, and records wait for it");
            }
            (Some(_), None) => tracing::info!("the store works again"),
            (None, None) | (Some(_), Some(_)) => {}
        }
        if found.is_some() {
            self.shared.failures.fetch_add(1, Ordering::Relaxed);
        }
        *problem = found;
    }

    /// Says that records were lost, now and then.
    fn tell_losses(&mut self, now_ms: u64) {
        let lost = self.shared.lost.load(Ordering::Relaxed);
        if lost > self.told_lost && now_ms.abs_diff(self.told_ms) >= TELL_EVERY.as_millis() as u64 {
            let since_last = lost - self.told_lost;
            tracing::warn!(lost = since_last, "records were lost: the store fails or is too slow");
            (self.told_lost, self.told_ms) = (lost, now_ms);
        }
    }

    /// Takes out some of what is too old. `true`: there is more, and it goes on with the next batch.
    fn prune_step(&self, now_ms: u64) -> bool {
        match self.store.prune_journal(now_ms, &self.settings.journal) {
            Ok(has_more) => has_more,
            Err(error) => {
                tracing::debug!(%error, "old records stay for now");
                false
            }
        }
    }
}

#[cfg(test)]
mod tests;
