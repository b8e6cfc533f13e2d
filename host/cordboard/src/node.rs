//! The process as its probes and scrapers see it.

use std::net::SocketAddr;
use std::sync::Arc;

use cordboard_api::management::{Trunk, TrunkSource};
use cordboard_api::{Health, HealthSource, MetricsSource, Part, PartState};
use cordboard_events::figures::PortFigures;
use cordboard_events::{EventSender, Metrics};
use cordboard_media::relay::Relay;
use cordboard_model::{TrunkState, TrunkStatus};

use crate::board::Board;
use crate::decide::Decider;
use crate::driver::Desk;
use crate::journal::Journal;
use crate::kernel;
use crate::logging::Logging;

/// Everything that knows a figure.
pub(crate) struct Node {
    /// Signalling.
    pub(crate) board: Arc<Board>,
    /// Logs.
    pub(crate) logging: Arc<Logging>,
    /// Media.
    pub(crate) relay: Arc<Relay>,
    /// Questions.
    pub(crate) desk: Desk,
    /// Plugins.
    pub(crate) decider: Arc<Decider>,
    /// Decisions on their way into the store, if there is one.
    pub(crate) journal: Option<Journal>,
    /// Events.
    pub(crate) events: EventSender,
    /// What events are folded into.
    pub(crate) metrics: Arc<Metrics>,
    /// SIP sockets, for the kernel's own counts.
    pub(crate) udp: Vec<SocketAddr>,
}

impl HealthSource for Node {
    fn health(&self) -> Health {
        let mut parts = vec![signalling(&self.board)];
        parts.extend(self.decider.parts());
        parts.extend(self.board.trunks().iter().map(trunk));
        parts.extend(self.journal.as_ref().map(Journal::part));
        Health::new(self.board.is_live(), self.board.is_draining(), parts)
    }
}

impl TrunkSource for Node {
    fn trunks(&self) -> Vec<Trunk> {
        self.board.trunk_table.all()
    }
}

/// A trunk that is down takes nobody out: calls inside go on, and plugins may know another way.
fn trunk(status: &TrunkStatus) -> Part {
    let TrunkStatus { trunk, state, servers_up, servers, reason } = status;
    let name = format!("trunk {trunk}");
    if *state == TrunkState::Up && servers_up == servers {
        return Part { name, state: PartState::Ok, reason: String::new() };
    }
    let mut told = format!("{}: {servers_up} of {servers} servers are up", state.name());
    if !reason.is_empty() {
        told = format!("{told}; {reason}");
    }
    Part { name, state: PartState::Degraded, reason: told }
}

fn signalling(board: &Board) -> Part {
    let reason = if !board.is_live() {
        "the signalling thread does not turn any more; restart the process and report its log"
    } else if !board.is_listening() {
        "a SIP socket can no longer be read; the log says which, restart the process"
    } else {
        ""
    };
    let state = if reason.is_empty() { PartState::Ok } else { PartState::Failed };
    Part { name: "signalling".to_owned(), state, reason: reason.to_owned() }
}

impl MetricsSource for Node {
    fn metrics(&self) -> String {
        let ports = self.relay.port_use();
        let mut figures = self.board.figures();
        figures.ports =
            PortFigures { allocated: ports.allocated, quarantined: ports.quarantined, total: ports.total };
        figures.kernel_drops = kernel::drops(&self.udp);
        figures.queues = vec![self.events.figures(), self.logging.figures(), self.desk.figures()];
        figures.queues.extend(self.journal.as_ref().map(Journal::queue));
        figures.store = self.journal.as_ref().map(Journal::figures);
        figures.plugins = self.decider.figures();
        self.metrics.render(&figures)
    }
}
