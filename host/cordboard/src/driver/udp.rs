//! UDP: one task per socket, which takes what has arrived in batches.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;

use bytes::Bytes;
use cordboard_b2bua::Input;
use cordboard_sip::transport::Flow;
use rustix::net::{RecvAncillaryBuffer, RecvFlags, recvmsg};
use tokio::io::Interest;
use tokio::net::UdpSocket;

use super::local::LocalAddresses;
use super::shell::Handle;

/// Datagrams that share one reading of the clock. Small enough that timers and connections get their turn in a flood.
const BATCH: usize = 64;

/// The largest datagram there is.
const MAX_DATAGRAM: usize = 65_535;

/// A bound socket.
#[derive(Clone)]
pub(super) struct Listener {
    /// The socket.
    pub(super) socket: Rc<UdpSocket>,
    /// Where it is bound.
    pub(super) address: SocketAddr,
}

impl Listener {
    /// Takes over a bound, non-blocking socket.
    pub(super) fn new(socket: std::net::UdpSocket) -> io::Result<Self> {
        let address = socket.local_addr()?;
        Ok(Self { socket: Rc::new(UdpSocket::from_std(socket)?), address })
    }
}

/// Reads until the thread ends.
pub(super) async fn read(shell: Handle, listener: Listener) {
    let mut buffer = vec![0; MAX_DATAGRAM];
    let mut locals = LocalAddresses::default();
    loop {
        match listener.socket.ready(Interest::READABLE | Interest::ERROR).await {
            Ok(ready) if ready.is_error() => take_errors(&shell, &listener, &mut locals),
            Ok(_) => {}
            Err(error) => {
                tracing::error!(address = %listener.address, %error, "a SIP socket can no longer be read");
                return shell.board().lose_listener();
            }
        }
        if !read_batch(&shell, &listener, &mut locals, &mut buffer) {
            tokio::task::yield_now().await;
        }
    }
}

/// Tells the core which peers ICMP said cannot be reached (RFC 3261 §18.4), so that a call goes on to the next target at once instead of
/// after 32 seconds.
fn take_errors(shell: &Handle, listener: &Listener, locals: &mut LocalAddresses) {
    let now = super::now();
    for _ in 0..BATCH {
        match listener.socket.try_io(Interest::ERROR, || unreachable_peer(&listener.socket)) {
            Ok(Some(remote)) => {
                tracing::debug!(%remote, "the network says that a peer cannot be reached");
                let local = concrete(listener.address, remote.ip(), locals);
                shell.feed(now, Input::FlowFailed { flow: Flow::udp(local, remote) });
            }
            Ok(None) => {}
            Err(_) => return,
        }
    }
}

/// Takes one report out of the error queue: the address that a datagram of ours was for.
fn unreachable_peer(socket: &UdpSocket) -> io::Result<Option<SocketAddr>> {
    let mut control = RecvAncillaryBuffer::default();
    let flags = RecvFlags::ERRQUEUE | RecvFlags::DONTWAIT;
    let report = recvmsg(socket, &mut [], &mut control, flags)?;
    Ok(report.address.and_then(|address| SocketAddr::try_from(address).ok()))
}

/// Whether the socket is empty now.
fn read_batch(shell: &Handle, listener: &Listener, locals: &mut LocalAddresses, buffer: &mut [u8]) -> bool {
    let now = super::now();
    for _ in 0..BATCH {
        match listener.socket.try_recv_from(buffer) {
            Ok((length, remote)) => {
                let datagram = &buffer[..length];
                if is_keep_alive(datagram) {
                    continue;
                }
                let local = concrete(listener.address, remote.ip(), locals);
                let flow = Flow::udp(local, remote);
                shell.feed(now, Input::Received { flow, bytes: Bytes::copy_from_slice(datagram) });
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return true,
            // The kernel reports here that an earlier datagram did not arrive; it does not say which.
            Err(error) => tracing::debug!(%error, "the kernel reported an error of an earlier datagram"),
        }
    }
    false
}

/// Phones keep their NAT open with line ends or zero bytes; there is no answer to these on UDP.
fn is_keep_alive(datagram: &[u8]) -> bool {
    datagram.iter().all(|byte| matches!(byte, b'\r' | b'\n' | 0))
}

/// Where the datagram arrived: for a wildcard socket, the address that answers to this peer leave from.
fn concrete(listening: SocketAddr, remote: IpAddr, locals: &mut LocalAddresses) -> SocketAddr {
    if !listening.ip().is_unspecified() {
        return listening;
    }
    SocketAddr::new(locals.towards(remote).unwrap_or(listening.ip()), listening.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_and_zeros_keep_a_nat_open_and_say_nothing() {
        for (datagram, keep_alive) in [
            (&b""[..], true),
            (b"\r\n\r\n", true),
            (b"\0\0\0\0", true),
            (b"OPTIONS", false),
            (b"\r\nX", false),
        ] {
            assert_eq!(is_keep_alive(datagram), keep_alive, "{datagram:?}");
        }
    }

    #[tokio::test]
    async fn the_kernel_says_which_peer_cannot_be_reached() {
        for place in ["127.0.0.1:0", "[::1]:0"] {
            let bind = || crate::bind::bind_udp(place.parse().expect("an address"), 64 << 10);
            let (Ok(ours), Ok(theirs)) = (bind(), bind()) else { continue };
            let gone = theirs.local_addr().expect("it is bound");
            drop(theirs);
            let listener = Listener::new(ours).expect("it is non-blocking");
            listener.socket.send_to(b"anybody?", gone).await.expect("the kernel takes it");
            let ready = listener.socket.ready(Interest::ERROR).await.expect("it can be waited for");
            assert!(ready.is_error());
            let report = listener.socket.try_io(Interest::ERROR, || unreachable_peer(&listener.socket));
            assert_eq!(report.expect("there is a report"), Some(gone));
        }
    }
}
