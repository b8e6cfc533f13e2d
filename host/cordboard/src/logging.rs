//! Log lines: one per happening on standard error, readable or JSON, at a level that can change while we run.
//!
//! Nobody waits for a terminal or a collector: lines go through a bounded queue (`queue`) to a thread that writes them.

mod queue;

use cordboard_events::figures::QueueFigures;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::reload;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer, Registry};

use crate::config::{LogConfig, LogFormat, LogLevel};
use queue::LogQueue;

/// Running logs. Dropping it writes what still waits.
pub(crate) struct Logging {
    levels: reload::Handle<Targets, Registry>,
    queue: LogQueue,
}

impl Logging {
    /// Starts logging. To be called once.
    ///
    /// # Errors
    /// When the thread that writes cannot start.
    pub(crate) fn start(config: &LogConfig) -> std::io::Result<Self> {
        let queue = LogQueue::start(std::io::stderr())?;
        let (filter, levels) = reload::Layer::new(targets(config.level));
        let lines = tracing_subscriber::fmt::layer().with_writer(queue.clone());
        let lines = match config.format {
            LogFormat::Json => lines.json().flatten_event(true).with_span_list(false).boxed(),
            LogFormat::Readable => {
                use std::io::IsTerminal as _;
                lines.with_ansi(std::io::stderr().is_terminal()).with_target(false).boxed()
            }
        };
        tracing_subscriber::registry().with(lines.with_filter(filter)).init();
        Ok(Self { levels, queue })
    }

    /// Logs from `level` on from now on.
    pub(crate) fn set_level(&self, level: LogLevel) {
        if self.levels.reload(targets(level)).is_err() {
            tracing::warn!("the log level could not be changed: logging has ended");
        }
    }

    /// How full the queue of lines is.
    pub(crate) fn figures(&self) -> QueueFigures {
        self.queue.figures()
    }
}

impl Drop for Logging {
    fn drop(&mut self) {
        self.queue.flush();
    }
}

/// The level is for our crates; what libraries say matters only when it is a warning.
fn targets(level: LogLevel) -> Targets {
    let ours = match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warning => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    Targets::new().with_default(ours.min(LevelFilter::WARN)).with_target("cordboard", ours)
}
