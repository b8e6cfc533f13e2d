//! What one plugin may read and reach, as the configuration grants it, and the meter of what it does with it.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use cordboard_outbound::{Bounds, Client, Failure, Origins, Request, Response};
use tokio::time::Instant;

/// Bytes of a request's body, and of a response's.
const MAX_BODY_BYTES: usize = 1 << 20;

/// What a plugin is granted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Granted {
    /// Tables that it may read; `None`: all that there are, for tools and tests.
    pub tables: Option<BTreeSet<String>>,
    /// Servers that it may send requests to. Only authorizers and formatters can.
    pub origins: Origins,
}

impl Granted {
    pub(crate) fn permits(&self, table: &str) -> bool {
        self.tables.as_ref().is_none_or(|tables| tables.contains(table))
    }
}

/// What a plugin has asked of its host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HostFigures {
    /// Reads of tables.
    pub lookups: u64,
    /// Reads of tables that it is not granted.
    pub lookups_refused: u64,
    /// HTTP requests.
    pub requests: u64,
    /// HTTP requests without a response: not granted, late, too large or broken.
    pub requests_failed: u64,
    /// Bytes of the bodies that it sent.
    pub bytes_sent: u64,
    /// Bytes of the bodies that it received.
    pub bytes_received: u64,
    /// Time that it waited for all of this.
    pub time: Duration,
}

/// The same while it is counted.
#[derive(Debug, Default)]
pub(crate) struct HostMeter {
    lookups: AtomicU64,
    lookups_refused: AtomicU64,
    requests: AtomicU64,
    requests_failed: AtomicU64,
    bytes_sent: AtomicU64,
    bytes_received: AtomicU64,
    time_ns: AtomicU64,
}

impl HostMeter {
    /// Counts a read of a table that began then.
    pub(crate) fn looked_up(&self, begin: Instant, permitted: bool) {
        self.lookups.fetch_add(1, Relaxed);
        self.lookups_refused.fetch_add(u64::from(!permitted), Relaxed);
        self.spent(begin);
    }

    fn spent(&self, begin: Instant) {
        self.time_ns.fetch_add(u64::try_from(begin.elapsed().as_nanos()).unwrap_or(u64::MAX), Relaxed);
    }

    pub(crate) fn figures(&self) -> HostFigures {
        HostFigures {
            lookups: self.lookups.load(Relaxed),
            lookups_refused: self.lookups_refused.load(Relaxed),
            requests: self.requests.load(Relaxed),
            requests_failed: self.requests_failed.load(Relaxed),
            bytes_sent: self.bytes_sent.load(Relaxed),
            bytes_received: self.bytes_received.load(Relaxed),
            time: Duration::from_nanos(self.time_ns.load(Relaxed)),
        }
    }

    /// Sends a request, counts it, and comes back when the question is over at the latest.
    pub(crate) async fn send(
        &self,
        client: Option<&Client>,
        origins: &Origins,
        request: Request,
        time: Duration,
    ) -> Result<Response, Failure> {
        let begin = Instant::now();
        let sent = request.body.len();
        let outcome = match client {
            Some(client) => {
                let bounds = Bounds { request_bytes: MAX_BODY_BYTES, response_bytes: MAX_BODY_BYTES, time };
                client.send(request, origins, bounds).await
            }
            None => Err(Failure::NotAllowed("this program sends no requests".to_owned())),
        };
        self.requests.fetch_add(1, Relaxed);
        let bytes = |bytes: usize| u64::try_from(bytes).unwrap_or(u64::MAX);
        match &outcome {
            Ok(response) => {
                self.bytes_sent.fetch_add(bytes(sent), Relaxed);
                self.bytes_received.fetch_add(bytes(response.body.len()), Relaxed);
            }
            Err(_) => {
                self.requests_failed.fetch_add(1, Relaxed);
            }
        }
        self.spent(begin);
        outcome
    }
}
