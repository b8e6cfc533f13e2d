//! One connection, from its beginning to its end: connecting, handshakes, then messages both ways.
//!
//! A peer that breaks a limit is cut; what was not delivered to it fails at once instead of by a timer.

use std::time::Duration;

use cordboard_b2bua::Input;
use cordboard_sip::Transport;
use tokio::net::TcpStream;

use super::handshake::HandshakeError;
use super::shell::Handle;
use super::streams::Ticket;
use super::{byte_stream, websocket};

/// How long a peer may refuse to take a message before it is cut.
pub(super) const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// Silence after which the kernel checks whether the peer is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(60);

/// The answer to a keep-alive (RFC 5626 §3.5.1).
pub(super) const PONG: &[u8] = b"\r\n";

/// Why a connection ended, when not because the peer closed it.
#[derive(Debug, thiserror::Error)]
pub(super) enum Cut {
    #[error("no connection could be made in time")]
    Unanswered,
    #[error("nothing that is a message came in time")]
    Silent,
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
    #[error(transparent)]
    Framing(#[from] cordboard_sip::transport::framing::FramingError),
    #[error(transparent)]
    WebSocket(Box<tokio_tungstenite::tungstenite::Error>),
    #[error(transparent)]
    Network(#[from] std::io::Error),
}

/// Runs a connection that a peer made.
pub(super) async fn accepted(shell: Handle, mut ticket: Ticket, stream: TcpStream) {
    let outcome = serve(&shell, &mut ticket, stream).await;
    if let Err(cut) = outcome {
        tracing::debug!(remote = %ticket.flow.remote, transport = %ticket.flow.transport, reason = %cut, "a connection was cut");
        if !matches!(cut, Cut::Network(_)) {
            shell.board().connection_refused();
        }
    }
    ended(&shell, &ticket);
}

/// Makes a connection and runs it.
pub(super) async fn connect(shell: Handle, mut ticket: Ticket) {
    let outcome = reach(&shell, &mut ticket).await;
    match outcome {
        // Somebody configured this peer, and waits for calls over it.
        Err(Cut::Handshake(reason)) => {
            let name = ticket.server.as_deref().unwrap_or_default();
            tracing::warn!(remote = %ticket.flow.remote, name, %reason, "no TLS with a peer; calls go on to the next target");
        }
        Err(reason) => tracing::debug!(remote = %ticket.flow.remote, %reason, "a connection to a peer ended"),
        Ok(()) => {}
    }
    ended(&shell, &ticket);
}

async fn serve(shell: &Handle, ticket: &mut Ticket, stream: TcpStream) -> Result<(), Cut> {
    prepare(&stream);
    let limit = ticket.limits.connect_timeout;
    match ticket.flow.transport {
        Transport::Tcp => byte_stream::run(shell, ticket, stream).await,
        Transport::Tls => {
            let secured = shell.handshakes().accept_sip(stream, limit).await?;
            byte_stream::run(shell, ticket, secured).await
        }
        Transport::Ws => websocket::run(shell, ticket, stream).await,
        Transport::Wss => {
            let secured = shell.handshakes().accept_web(stream, limit).await?;
            websocket::run(shell, ticket, secured).await
        }
        // Datagrams have no connections, and no listener of theirs leads here.
        Transport::Udp => Ok(()),
    }
}

async fn reach(shell: &Handle, ticket: &mut Ticket) -> Result<(), Cut> {
    let (remote, limit) = (ticket.flow.remote, ticket.limits.connect_timeout);
    let stream = tokio::time::timeout(limit, TcpStream::connect(remote)).await;
    let stream = stream.map_err(|_| Cut::Unanswered)??;
    prepare(&stream);
    if ticket.flow.transport != Transport::Tls {
        return byte_stream::run(shell, ticket, stream).await;
    }
    let name = ticket.server.as_deref().map_or_else(|| remote.ip().to_string(), str::to_owned);
    let secured = shell.handshakes().connect(stream, &name, limit).await?;
    byte_stream::run(shell, ticket, secured).await
}

/// Small messages leave at once, and a peer that vanished without a word is noticed.
fn prepare(stream: &TcpStream) {
    let keep_alive = socket2::TcpKeepalive::new().with_time(KEEP_ALIVE).with_interval(KEEP_ALIVE / 4);
    let socket = socket2::SockRef::from(stream);
    let tuned = socket.set_tcp_nodelay(true).and_then(|()| socket.set_tcp_keepalive(&keep_alive));
    if let Err(error) = tuned {
        tracing::debug!(%error, "a connection keeps the kernel's own settings");
    }
}

/// The connection is gone: whoever waited for something over it hears so.
fn ended(shell: &Handle, ticket: &Ticket) {
    shell.with_streams(|streams| streams.close(ticket.flow.connection));
    let now = super::now();
    shell.feed(now, Input::FlowFailed { flow: ticket.flow });
    if let Some(flow) = ticket.asked_by {
        shell.feed(now, Input::FlowFailed { flow });
    }
}
