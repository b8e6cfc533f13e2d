//! One stream connection: frames in, messages out, and the patience we have with a slow or silent peer.
//!
//! A peer has `message_timeout` for its first message and for each message it begins, and `idle_timeout` between messages. One
//! that breaks a limit is cut; what was not delivered to it fails at once instead of by a timer.

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use cordboard_b2bua::Input;
use cordboard_sip::transport::framing::{Frame, Framer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;

use super::shell::Handle;
use super::streams::Ticket;

/// Bytes taken from the kernel at once; also what an idle connection keeps.
const READ_SIZE: usize = 4096;

/// How long a peer may refuse to take a message before it is cut.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// Silence after which the kernel checks whether the peer is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(60);

/// The answer to a keep-alive (RFC 5626 §3.5.1).
const PONG: &[u8] = b"\r\n";

/// Runs a connection that a peer made.
pub(super) async fn accepted(shell: Handle, ticket: Ticket, stream: TcpStream) {
    run(&shell, ticket, stream).await;
}

/// Makes a connection and runs it.
pub(super) async fn connect(shell: Handle, ticket: Ticket) {
    let remote = ticket.flow.remote;
    match tokio::time::timeout(ticket.limits.connect_timeout, TcpStream::connect(remote)).await {
        Ok(Ok(stream)) => run(&shell, ticket, stream).await,
        Ok(Err(error)) => {
            tracing::debug!(%remote, %error, "a peer could not be connected to");
            ended(&shell, &ticket);
        }
        Err(_) => {
            tracing::debug!(%remote, "a peer did not take a connection in time");
            ended(&shell, &ticket);
        }
    }
}

/// Why a connection ended, when not because the peer closed it.
#[derive(Debug, thiserror::Error)]
enum Cut {
    #[error("nothing that is a message came in time")]
    Silent,
    #[error(transparent)]
    Framing(#[from] cordboard_sip::transport::framing::FramingError),
    #[error(transparent)]
    Network(#[from] std::io::Error),
}

async fn run(shell: &Handle, mut ticket: Ticket, stream: TcpStream) {
    prepare(&stream);
    let (reader, writer) = stream.into_split();
    let (_, closed) = mpsc::channel(1);
    let writes = std::mem::replace(&mut ticket.writes, closed);
    let outcome = tokio::select! {
        outcome = read(shell, &ticket, reader) => outcome,
        outcome = write(writes, writer) => outcome.map_err(Cut::Network),
    };
    if let Err(cut) = outcome {
        tracing::debug!(remote = %ticket.flow.remote, reason = %cut, "a connection was cut");
        if !matches!(cut, Cut::Network(_)) {
            shell.board().connection_refused();
        }
    }
    ended(shell, &ticket);
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

async fn read(shell: &Handle, ticket: &Ticket, mut reader: OwnedReadHalf) -> Result<(), Cut> {
    let mut framer = Framer::default();
    let mut buffer = BytesMut::with_capacity(READ_SIZE);
    let mut patience = Patience::new(ticket);
    loop {
        buffer.reserve(READ_SIZE);
        let read = tokio::time::timeout_at(patience.until.into(), reader.read_buf(&mut buffer));
        if read.await.map_err(|_| Cut::Silent)?? == 0 {
            return Ok(());
        }
        let now = super::now();
        let spoken = take_frames(shell, ticket, &mut framer, &mut buffer, now)?;
        patience.renew(now, spoken, buffer.is_empty());
    }
}

/// Feeds every whole message in the buffer. Gives whether there was one.
fn take_frames(
    shell: &Handle,
    ticket: &Ticket,
    framer: &mut Framer,
    buffer: &mut BytesMut,
    now: Instant,
) -> Result<bool, Cut> {
    let mut spoken = false;
    while let Some(frame) = framer.next(buffer)? {
        match frame {
            Frame::Message(bytes) => {
                spoken = true;
                // A message may live as long as its call, and must not keep the buffer that it was read into.
                let bytes = Bytes::copy_from_slice(&bytes);
                shell.feed(now, Input::Received { flow: ticket.flow, bytes });
            }
            Frame::Ping => {
                if let Some(answers) = ticket.answers.upgrade() {
                    // A peer that lets its queue fill up gets no answer, and is cut by the next message that does not fit.
                    let _ = answers.try_send(Bytes::from_static(PONG));
                }
            }
        }
    }
    Ok(spoken)
}

/// Until when the peer may take its time.
struct Patience {
    message: Duration,
    idle: Duration,
    /// Whether a whole message has come.
    spoken: bool,
    /// Whether part of a message is waiting for its rest.
    partial: bool,
    until: Instant,
}

impl Patience {
    fn new(ticket: &Ticket) -> Self {
        // Who asked for the connection has something to say; the peer may answer when it likes.
        let spoken = ticket.asked_by.is_some();
        let (message, idle) = (ticket.limits.message_timeout, ticket.limits.idle_timeout);
        let until = super::now() + if spoken { idle } else { message };
        Self { message, idle, spoken, partial: false, until }
    }

    /// Bytes came. A message that has begun does not get more time by each of its bytes.
    fn renew(&mut self, now: Instant, spoken: bool, empty: bool) {
        let continues = self.partial && !spoken;
        self.spoken |= spoken;
        self.partial = !empty;
        if self.partial && !continues {
            self.until = if self.spoken { now + self.message } else { self.until };
        } else if !self.partial && self.spoken {
            self.until = now + self.idle;
        }
    }
}

async fn write(mut writes: mpsc::Receiver<Bytes>, mut writer: OwnedWriteHalf) -> std::io::Result<()> {
    while let Some(bytes) = writes.recv().await {
        tokio::time::timeout(WRITE_TIMEOUT, writer.write_all(&bytes)).await??;
    }
    Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: Duration = Duration::from_secs(30);
    const IDLE: Duration = Duration::from_secs(4200);

    fn patience() -> (Patience, Instant) {
        let begin = super::super::now();
        let until = begin + MESSAGE;
        (Patience { message: MESSAGE, idle: IDLE, spoken: false, partial: false, until }, begin)
    }

    fn after(begin: Instant, seconds: u64) -> Instant {
        begin + Duration::from_secs(seconds)
    }

    #[test]
    fn a_peer_that_drips_its_first_message_gets_no_more_time_by_each_drop() {
        let (mut patience, begin) = patience();
        for second in 1..30 {
            patience.renew(after(begin, second), false, false);
            assert_eq!(patience.until, begin + MESSAGE);
        }
    }

    #[test]
    fn keep_alives_alone_do_not_keep_a_connection_that_never_said_anything() {
        let (mut patience, begin) = patience();
        patience.renew(after(begin, 10), false, true);
        assert_eq!(patience.until, begin + MESSAGE);
    }

    #[test]
    fn a_peer_that_has_spoken_may_be_idle() {
        let (mut patience, begin) = patience();
        patience.renew(after(begin, 10), true, true);
        assert_eq!(patience.until, after(begin, 10) + IDLE);
        patience.renew(after(begin, 100), false, true);
        assert_eq!(patience.until, after(begin, 100) + IDLE, "a keep-alive renews it");
    }

    #[test]
    fn each_message_has_its_own_time_from_its_first_byte() {
        let (mut patience, begin) = patience();
        patience.renew(after(begin, 1), true, true);
        patience.renew(after(begin, 50), false, false);
        assert_eq!(patience.until, after(begin, 50) + MESSAGE);
        patience.renew(after(begin, 60), false, false);
        assert_eq!(patience.until, after(begin, 50) + MESSAGE);
        patience.renew(after(begin, 70), true, false);
        assert_eq!(patience.until, after(begin, 70) + MESSAGE, "the next message began");
    }
}
