//! Wakes the core when it asked to be, and beats the heart that liveness looks at.

use std::time::{Duration, Instant};

use cordboard_b2bua::Input;

use super::shell::Handle;

/// How often the signalling thread shows that it turns.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// Runs as long as the thread.
pub(super) async fn run(shell: Handle) {
    let (wake, board) = (shell.wake(), shell.board());
    loop {
        board.beat();
        let heartbeat = super::now() + HEARTBEAT;
        let due = wake.at.get();
        let next = due.map_or(heartbeat, |due| due.min(heartbeat));
        tokio::select! {
            () = tokio::time::sleep_until(next.into()) => wake_if_due(&shell, due),
            () = wake.sooner.notified() => {}
        }
    }
}

fn wake_if_due(shell: &Handle, due: Option<Instant>) {
    let now = super::now();
    if due.is_some_and(|due| due <= now) {
        shell.feed(now, Input::Timeout);
    }
}
