//! Somebody who is served all the time: OPTIONS, and how long its answer takes.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

/// An answer that takes longer than this does not come.
const PATIENCE: Duration = Duration::from_secs(10);

/// T1: a request without an answer is sent again.
const RESEND: Duration = Duration::from_millis(500);

/// A socket of its own address, so that no limit of the storm's source touches it.
pub struct Probe {
    socket: UdpSocket,
    pbx: SocketAddr,
    asked: u64,
}

impl Probe {
    /// One that asks this PBX.
    ///
    /// # Panics
    /// When loopback has no such address.
    pub fn new(pbx: SocketAddr) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::new(127, 0, 0, 2), 0)).expect("all of 127/8 is this machine");
        socket.set_read_timeout(Some(RESEND)).expect("a positive time-out");
        Self { socket, pbx, asked: 0 }
    }

    /// How long the answer to one OPTIONS takes; `None` when there is none.
    #[expect(clippy::disallowed_methods, reason = "the probe measures real time")]
    pub fn ask(&mut self) -> Option<Duration> {
        self.asked += 1;
        let (me, pbx, number) = (self.socket.local_addr().ok()?, self.pbx, self.asked);
        let request = format!(
            "OPTIONS sip:{pbx} SIP/2.0\r\nVia: SIP/2.0/UDP {me};branch=z9hG4bK-probe-{number};rport\r\nMax-Forwards: 70\r\n\
             From: <sip:probe@{pbx}>;tag=p\r\nTo: <sip:{pbx}>\r\nCall-ID: probe-{number}@{me}\r\nCSeq: 1 OPTIONS\r\n\
             Content-Length: 0\r\n\r\n"
        );
        let wanted = format!("probe-{number}@");
        let begin = Instant::now();
        let mut buffer = [0; 4096];
        while begin.elapsed() < PATIENCE {
            // A refusal of the kernel (the port is closed) is an answer that does not come.
            let _ = self.socket.send_to(request.as_bytes(), self.pbx);
            while let Ok((length, _)) = self.socket.recv_from(&mut buffer) {
                if String::from_utf8_lossy(&buffer[..length]).contains(&wanted) {
                    return Some(begin.elapsed());
                }
            }
        }
        None
    }

    /// The middle one of five answers, which one busy moment of the machine does not change; `None` when one did not come.
    pub fn median(&mut self) -> Option<Duration> {
        let mut delays = Vec::new();
        for _ in 0..5 {
            delays.push(self.ask()?);
        }
        delays.sort_unstable();
        Some(delays[2])
    }
}
