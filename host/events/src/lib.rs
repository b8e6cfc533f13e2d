//! What happened, folded into logs and metrics.
//!
//! The driver hands every event of the core to an [`EventSender`], which never waits: the queue is bounded, and what does not fit is
//! counted and told. One consumer ([`consume`]) takes them out again, writes a log line for each ([`log`]) and folds it
//! into [`Metrics`]. Figures that are kept elsewhere (calls now, ports, queue depths) come as a [`Figures`] at every scrape.
//!
//! Nothing here reads a clock, and nothing here can delay a call.

mod feed;
pub mod figures;
pub mod log;
mod metrics;

pub use feed::{EventFeed, EventSender, channel, consume};
pub use figures::Figures;
pub use metrics::Metrics;
