//! Listeners of connections: TCP, and what runs over it.

use std::net::SocketAddr;
use std::time::Duration;

use cordboard_sip::Transport;
use cordboard_sip::transport::{ConnectionId, Flow};
use tokio::net::{TcpListener, TcpStream};

use super::connection;
use super::shell::Handle;

/// How long accepting pauses when the process has no descriptor left; the connection waits in the kernel meanwhile.
const PAUSE: Duration = Duration::from_millis(100);

/// Accepts until the thread ends.
pub(super) async fn accept(shell: Handle, transport: Transport, listener: TcpListener) {
    loop {
        match listener.accept().await {
            Ok((stream, remote)) => admit(&shell, transport, stream, remote),
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted; accepting pauses");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// Starts the task of a connection, or drops it at once when it is one too many.
fn admit(shell: &Handle, transport: Transport, stream: TcpStream, remote: SocketAddr) {
    let Ok(local) = stream.local_addr() else { return };
    let flow = Flow { transport, local, remote, connection: ConnectionId::NONE };
    match shell.with_streams(|streams| streams.accepted(flow)) {
        Some(ticket) => {
            shell.board().connections(shell.with_streams(|streams| streams.len()));
            tokio::task::spawn_local(connection::accepted(shell.clone(), ticket, stream));
        }
        None => {
            shell.board().connection_refused();
            tracing::debug!(%remote, "a connection was refused: as many as are allowed are open");
        }
    }
}
