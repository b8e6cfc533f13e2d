//! Messages on a stream of bytes, plain or secured: frames in, messages out.

use std::time::Instant;

use bytes::{Bytes, BytesMut};
use cordboard_b2bua::Input;
use cordboard_sip::transport::framing::{Frame, Framer};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::connection::{Cut, PONG, WRITE_TIMEOUT};
use super::patience::Patience;
use super::shell::Handle;
use super::streams::{Ticket, Writes};

/// Bytes taken from the kernel at once; also what an idle connection keeps.
const READ_SIZE: usize = 4096;

/// Runs until either side ends it.
pub(super) async fn run(
    shell: &Handle,
    ticket: &mut Ticket,
    stream: impl AsyncRead + AsyncWrite,
) -> Result<(), Cut> {
    let (reader, writer) = tokio::io::split(stream);
    let writes = ticket.take_writes();
    tokio::select! {
        outcome = read(shell, ticket, reader) => outcome,
        outcome = write(writes, writer) => outcome.map_err(Cut::Network),
    }
}

async fn read(shell: &Handle, ticket: &Ticket, mut reader: impl AsyncRead + Unpin) -> Result<(), Cut> {
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
            Frame::Ping => ticket.answer(Bytes::from_static(PONG)),
        }
    }
    Ok(spoken)
}

/// Writes until the queue is closed, then says so to the peer.
async fn write(mut writes: Writes, mut writer: impl AsyncWrite + Unpin) -> std::io::Result<()> {
    while let Some(bytes) = writes.next().await {
        let sending = async {
            writer.write_all(&bytes).await?;
            writer.flush().await
        };
        tokio::time::timeout(WRITE_TIMEOUT, sending).await??;
    }
    tokio::time::timeout(WRITE_TIMEOUT, writer.shutdown()).await?
}
