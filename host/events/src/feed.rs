//! The bounded way of an event from the core to its consumers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cordboard_model::Event;
use tokio::sync::mpsc;

use crate::figures::QueueFigures;
use crate::{Metrics, log};

/// The core's end: never waits.
#[derive(Clone, Debug)]
pub struct EventSender {
    queue: mpsc::Sender<Event>,
    /// Written here, read for metrics and by the consumer, which tells it in the log.
    dropped: Arc<AtomicU64>,
}

/// The consumer's end.
#[derive(Debug)]
pub struct EventFeed {
    queue: mpsc::Receiver<Event>,
    dropped: Arc<AtomicU64>,
}

/// A queue for `capacity` events.
pub fn channel(capacity: usize) -> (EventSender, EventFeed) {
    let (sender, receiver) = mpsc::channel(capacity);
    let dropped = Arc::new(AtomicU64::new(0));
    (EventSender { queue: sender, dropped: dropped.clone() }, EventFeed { queue: receiver, dropped })
}

impl EventSender {
    /// Queues an event. When the queue is full the event is dropped and counted: a consumer that lags costs its own view, never
    /// a call.
    pub fn send(&self, event: Event) {
        if self.queue.try_send(event).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How full the queue is.
    pub fn figures(&self) -> QueueFigures {
        let capacity = self.queue.max_capacity();
        QueueFigures {
            name: "events",
            depth: capacity - self.queue.capacity(),
            capacity,
            dropped: self.dropped.load(Ordering::Relaxed),
        }
    }
}

/// How long the consumer lets events gather. Being woken for each was measured to cost several times what it does with one.
const GATHER: Duration = Duration::from_millis(50);

/// Events that are taken out at once.
const BATCH: usize = 256;

/// Logs and folds every event until all senders are gone.
pub async fn consume(mut feed: EventFeed, metrics: Arc<Metrics>) {
    let mut told = 0;
    let mut batch = Vec::with_capacity(BATCH);
    while feed.queue.recv_many(&mut batch, BATCH).await > 0 {
        let dropped = feed.dropped.load(Ordering::Relaxed);
        if dropped > told {
            tracing::warn!(lost = dropped - told, "events were dropped: the consumer lags");
            told = dropped;
        }
        let is_all = batch.len() < BATCH;
        for event in batch.drain(..) {
            log::write(&event);
            metrics.fold(&event);
        }
        if is_all {
            tokio::time::sleep(GATHER).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use cordboard_model::{Aor, EventKind};

    use super::*;

    fn event() -> Event {
        let kind = EventKind::Unregistered { aor: Aor::new("1001", "pbx"), expired: false };
        Event { call_id: None, at_ms: 0, kind }
    }

    #[test]
    fn a_full_queue_drops_and_counts_and_never_waits() {
        let (sender, feed) = channel(2);
        (0..5).for_each(|_| sender.send(event()));
        let figures = sender.figures();
        assert_eq!((figures.depth, figures.capacity, figures.dropped), (2, 2, 3));
        drop(feed);
        sender.send(event());
        assert_eq!(sender.figures().dropped, 4);
    }

    #[tokio::test]
    async fn the_consumer_takes_what_is_queued_and_ends_with_its_senders() {
        let (sender, feed) = channel(8);
        let metrics = Arc::new(Metrics::new());
        (0..3).for_each(|_| sender.send(event()));
        drop(sender);
        consume(feed, metrics.clone()).await;
        assert!(
            metrics
                .render(&crate::Figures::default())
                .contains("sip_pbx_registration_changes_total{change=\"unregistered\"} 3")
        );
    }
}
