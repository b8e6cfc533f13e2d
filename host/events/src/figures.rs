//! Figures that live elsewhere and are read at every scrape.

use cordboard_model::TrunkStatus;

/// Everything that is not folded from events. Totals only ever grow.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// Calls now.
    pub calls: usize,
    /// Bindings now.
    pub registrations: usize,
    /// SIP transactions now.
    pub transactions: usize,
    /// Stream connections now.
    pub connections: usize,
    /// Stream connections that were refused or cut for breaking a limit.
    pub connections_refused: u64,
    /// Datagrams and stream messages received.
    pub messages_received: u64,
    /// Messages sent.
    pub messages_sent: u64,
    /// Messages that the kernel or a full write queue did not take.
    pub send_failures: u64,
    /// Messages that were not SIP and were dropped.
    pub malformed_dropped: u64,
    /// Requests that were malformed and got a 4xx.
    pub malformed_answered: u64,
    /// Responses that belonged to nothing.
    pub stray_responses: u64,
    /// Requests received again.
    pub request_resends: u64,
    /// Messages that we sent again.
    pub resent: u64,
    /// New calls refused by the rate limit.
    pub rate_limited: u64,
    /// New calls refused by the call limit or a drain.
    pub overloaded: u64,
    /// Datagrams that the kernel dropped at our SIP sockets: the first sign of overload.
    pub kernel_drops: u64,
    /// Relay ports.
    pub ports: PortFigures,
    /// Internal queues.
    pub queues: Vec<QueueFigures>,
    /// Plugins.
    pub plugins: Vec<PluginFigures>,
    /// What outlives the process; `None`: nothing is kept.
    pub store: Option<StoreFigures>,
    /// Trunks as they were told last.
    pub trunks: Vec<TrunkStatus>,
}

/// Relay ports by state.
#[derive(Clone, Copy, Debug, Default)]
pub struct PortFigures {
    /// In calls.
    pub allocated: usize,
    /// Released, waiting for stragglers.
    pub quarantined: usize,
    /// All.
    pub total: usize,
}

/// One bounded queue.
#[derive(Clone, Copy, Debug)]
pub struct QueueFigures {
    /// Its name.
    pub name: &'static str,
    /// Entries now.
    pub depth: usize,
    /// Entries it can hold.
    pub capacity: usize,
    /// Entries that did not fit.
    pub dropped: u64,
}

/// The database.
#[derive(Clone, Copy, Debug)]
pub struct StoreFigures {
    /// Whether it took what was written last.
    pub up: bool,
    /// Records that are in it.
    pub written: u64,
    /// Attempts to write that failed.
    pub failures: u64,
}

/// One plugin.
#[derive(Clone, Debug, Default)]
pub struct PluginFigures {
    /// Its name in the configuration.
    pub name: String,
    /// Whether it is loaded and asked.
    pub up: bool,
    /// Questions it was asked.
    pub calls: u64,
    /// Questions it failed to answer, by reason.
    pub failures: Vec<(String, u64)>,
    /// Time per answer.
    pub duration: Distribution,
    /// Largest memory one answer took, in bytes.
    pub memory_bytes: u64,
    /// Questions that went to the fallback because of it.
    pub fallbacks: u64,
    /// Counters that the plugin keeps itself.
    pub counters: Vec<GuestFigure>,
}

/// A counter that a plugin keeps itself.
#[derive(Clone, Debug, Default)]
pub struct GuestFigure {
    /// Its name.
    pub name: String,
    /// Names and values.
    pub labels: Vec<(String, String)>,
    /// What was added so far.
    pub value: f64,
}

/// A histogram that was counted elsewhere.
#[derive(Clone, Debug, Default)]
pub struct Distribution {
    /// Upper bounds in seconds, ascending, with how many values lay at or below each (cumulative).
    pub buckets: Vec<(f64, u64)>,
    /// Sum of all values in seconds.
    pub sum: f64,
    /// How many values there were.
    pub count: u64,
}
