//! A TCP connection that can be moved from one runtime to another while something is wrapped around it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// The connection; absent only when a move has failed, after which it is of no use.
pub(super) struct Movable(Option<TcpStream>);

impl Movable {
    /// Belongs to the runtime that `stream` belongs to.
    pub(super) fn new(stream: TcpStream) -> Self {
        Self(Some(stream))
    }

    /// Belongs to the runtime of the caller from now on, which hears when there is something to read.
    ///
    /// # Errors
    /// When the kernel does not take it.
    pub(super) fn settle_here(&mut self) -> io::Result<()> {
        if let Some(stream) = self.0.take() {
            self.0 = Some(TcpStream::from_std(stream.into_std()?)?);
        }
        Ok(())
    }

    fn stream(self: Pin<&mut Self>) -> io::Result<Pin<&mut TcpStream>> {
        self.get_mut().0.as_mut().map(Pin::new).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl AsyncRead for Movable {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_read(cx, buf)
    }
}

impl AsyncWrite for Movable {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.stream()?.poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_shutdown(cx)
    }
}
