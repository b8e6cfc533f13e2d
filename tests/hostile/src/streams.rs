//! Damaged messages on connections.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use rand::{Rng, RngExt as _};

/// Connections at once: what is written to one stands between what is written to the others.
const CONNECTIONS: usize = 4;

/// A peer that is full for so long is given up.
const PATIENCE: Duration = Duration::from_secs(1);

/// A few connections to the PBX, made anew when it cuts them.
pub(crate) struct Streams {
    pbx: SocketAddr,
    source: Ipv4Addr,
    open: Vec<Option<TcpStream>>,
    next: usize,
}

impl Streams {
    pub(crate) fn new(pbx: SocketAddr, source: Ipv4Addr) -> Self {
        Self { pbx, source, open: (0..CONNECTIONS).map(|_| None).collect(), next: 0 }
    }

    /// What the sender of the next message calls itself.
    pub(crate) fn address(&self) -> SocketAddr {
        (self.source, 5060).into()
    }

    /// Writes a message, whole or in pieces; the next one goes over another connection. A third of the connections is left half way, by
    /// an end or by a reset: the next message would be read as a part of the damaged one.
    pub(crate) fn write(&mut self, rng: &mut impl Rng, message: &[u8]) {
        self.next = (self.next + 1) % CONNECTIONS;
        let place = self.next;
        let Some(mut stream) = self.open[place].take().or_else(|| self.connect()) else { return };
        let size = if rng.random_bool(0.5) { message.len().max(1) } else { rng.random_range(1..=200) };
        // Long messages in tiny pieces take time and tell nothing more.
        let size = size.max(message.len() / 50);
        let written = message.chunks(size.max(1)).all(|piece| stream.write_all(piece).is_ok());
        if written && !rng.random_bool(0.33) && still_open(&mut stream) {
            self.open[place] = Some(stream);
        }
    }

    fn connect(&self) -> Option<TcpStream> {
        let stream = TcpStream::connect_timeout(&self.pbx, PATIENCE).ok()?;
        stream.set_write_timeout(Some(PATIENCE)).ok()?;
        stream.set_nodelay(true).ok()?;
        Some(stream)
    }
}

/// Reads away what has come. A connection that ends with unread answers is reset, which is a case of its own.
fn still_open(stream: &mut TcpStream) -> bool {
    let mut buffer = [0; 65_535];
    if stream.set_nonblocking(true).is_err() {
        return false;
    }
    let open = loop {
        match stream.read(&mut buffer) {
            Ok(0) => break false,
            Ok(_) => {}
            Err(error) => break error.kind() == ErrorKind::WouldBlock,
        }
    };
    open && stream.set_nonblocking(false).is_ok()
}
