//! The queue between those who log and the one who writes.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use cordboard_events::figures::QueueFigures;
use tracing_subscriber::fmt::MakeWriter;

/// Lines that may wait for a slow terminal or collector. Beyond, lines are lost and counted; a call never waits for them.
const CAPACITY: usize = 16_384;

/// How long the writer collects lines before it writes them at once. Waking it and asking the kernel for every line was measured to cost
/// a tenth of a whole call.
const COLLECT: Duration = Duration::from_millis(50);

/// Lines that are written at once.
const BATCH: usize = 1024;

/// How long the end of the process waits for the last lines.
const FLUSH: Duration = Duration::from_secs(1);

/// Takes lines from any thread.
#[derive(Clone)]
pub(super) struct LogQueue {
    entries: SyncSender<Entry>,
    waiting: Arc<AtomicUsize>,
    dropped: Arc<AtomicU64>,
}

/// What the writing thread is handed.
enum Entry {
    /// A whole line.
    Line(Vec<u8>),
    /// Everything before this is written; say so.
    Flush(SyncSender<()>),
}

impl LogQueue {
    /// Starts the thread that writes to `out`.
    pub(super) fn start(out: impl Write + Send + 'static) -> io::Result<Self> {
        let (entries, queue) = sync_channel(CAPACITY);
        let waiting = Arc::new(AtomicUsize::new(0));
        let written = waiting.clone();
        std::thread::Builder::new().name("log".to_owned()).spawn(move || write(&queue, out, &written))?;
        Ok(Self { entries, waiting, dropped: Arc::default() })
    }

    /// How full it is.
    pub(super) fn figures(&self) -> QueueFigures {
        QueueFigures {
            name: "log",
            depth: self.waiting.load(Ordering::Relaxed),
            capacity: CAPACITY,
            dropped: self.dropped.load(Ordering::Relaxed),
        }
    }

    /// Waits for a moment until everything is written.
    pub(super) fn flush(&self) {
        let (done, is_done) = sync_channel(1);
        if self.entries.try_send(Entry::Flush(done)).is_ok() {
            // A writer that is stuck keeps nobody from ending.
            let _ = is_done.recv_timeout(FLUSH);
        }
    }

    fn push(&self, line: Vec<u8>) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        if self.entries.try_send(Entry::Line(line)).is_err() {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn write(queue: &Receiver<Entry>, mut out: impl Write, waiting: &AtomicUsize) {
    let mut lines = Vec::new();
    while let Ok(first) = queue.recv() {
        if matches!(first, Entry::Line(_)) {
            #[expect(clippy::disallowed_methods, reason = "this thread does nothing but write lines")]
            std::thread::sleep(COLLECT);
        }
        let mut flushed = Vec::new();
        for entry in std::iter::once(first).chain(queue.try_iter().take(BATCH)) {
            match entry {
                Entry::Line(line) => {
                    lines.extend_from_slice(&line);
                    waiting.fetch_sub(1, Ordering::Relaxed);
                }
                Entry::Flush(done) => flushed.push(done),
            }
        }
        // There is nowhere to tell that logs cannot be written.
        let _ = out.write_all(&lines).and_then(|()| out.flush());
        lines.clear();
        for done in flushed {
            let _ = done.try_send(());
        }
    }
}

/// One line in the making; queued when it is dropped.
pub(super) struct Line {
    text: Vec<u8>,
    queue: LogQueue,
}

impl<'a> MakeWriter<'a> for LogQueue {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line { text: Vec::new(), queue: self.clone() }
    }
}

impl Write for Line {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.text.extend_from_slice(text);
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.queue.push(std::mem::take(&mut self.text));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Writes nothing while its lock is held.
    #[derive(Clone, Default)]
    struct Paper(Arc<Mutex<Vec<u8>>>);

    impl Write for Paper {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no test panics with it").extend_from_slice(text);
            Ok(text.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn log(queue: &LogQueue, line: &str) {
        queue.make_writer().write_all(line.as_bytes()).expect("memory takes it");
    }

    #[test]
    fn lines_are_written_in_order_and_a_flush_waits_for_them() {
        let paper = Paper::default();
        let queue = LogQueue::start(paper.clone()).expect("a thread starts");
        (0..100).for_each(|number| log(&queue, &format!("{number}\n")));
        queue.flush();
        let expected: String = (0..100).map(|number| format!("{number}\n")).collect();
        assert_eq!(String::from_utf8_lossy(&paper.0.lock().expect("it was written")), expected);
        assert_eq!(queue.figures().depth, 0);
    }

    #[test]
    fn a_writer_that_is_stuck_costs_lines_and_keeps_nobody_waiting() {
        let paper = Paper::default();
        let queue = LogQueue::start(paper.clone()).expect("a thread starts");
        let stuck = paper.0.lock().expect("it is free");
        (0..CAPACITY + 2 * BATCH).for_each(|_| log(&queue, "line\n"));
        let figures = queue.figures();
        // A batch may be in the hands of the writer.
        let held = 2 * BATCH - usize::try_from(figures.dropped).expect("few are lost");
        assert!(held <= BATCH + 1, "{figures:?}");
        drop(stuck);
    }
}
