//! The sound of a user agent by hand: numbered RTP packets.
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use crate::clock::eventually;

/// One RTP socket.
pub struct Media {
    socket: UdpSocket,
    /// Where it says it is.
    believed: SocketAddr,
}

impl Media {
    /// At any port of an address of this machine.
    ///
    /// # Panics
    /// When there is no such address.
    pub fn new(address: IpAddr) -> Self {
        let socket = UdpSocket::bind((address, 0)).expect("an address of this machine");
        socket.set_read_timeout(Some(Duration::from_millis(50))).expect("a positive time-out");
        let believed = socket.local_addr().expect("a bound socket has an address");
        Self { socket, believed }
    }

    /// At any port of `translated`, while it announces another one of `believed`, as behind a NAT.
    ///
    /// # Panics
    /// When this machine has no such addresses.
    pub fn translated(believed: Ipv4Addr, translated: Ipv4Addr) -> Self {
        let media = Self::new(translated.into());
        // An even port, as RTP ports are, and another one than the translated.
        let port = (media.believed.port() ^ 2) & !1;
        Self { believed: (believed, port).into(), ..media }
    }

    /// Whether it says to be elsewhere than it is.
    pub fn is_translated(&self) -> bool {
        self.socket.local_addr().ok() != Some(self.believed)
    }

    /// What it announces: G.711 at its socket, and `more` lines, each with its line end.
    ///
    /// # Panics
    /// Never: the socket is bound.
    pub fn sdp(&self, more: &str) -> String {
        let at = self.believed;
        let family = if at.is_ipv4() { "IP4" } else { "IP6" };
        let (ip, port) = (at.ip(), at.port());
        format!(
            "v=0\r\no=- 1 1 IN {family} {ip}\r\ns=-\r\nc=IN {family} {ip}\r\nt=0 0\r\n\
             m=audio {port} RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n{more}"
        )
    }

    /// Sends packets to where `sdp` says until `to` hears one of them.
    ///
    /// # Panics
    /// When none arrives.
    #[track_caller]
    pub fn is_heard_by(&self, to: &Self, sdp: &str) {
        let place = place_of(sdp).unwrap_or_else(|| panic!("no place for RTP in {sdp}"));
        let source = self.socket.local_addr().expect("a bound socket has an address").port();
        let mut packet = [0_u8; 172];
        packet[0] = 0x80;
        packet[8..12].copy_from_slice(&u32::from(source).to_be_bytes());
        packet[12..].fill(0x55);
        let mut sequence = 0_u16;
        eventually("RTP of one side is heard by the other", || {
            sequence += 1;
            packet[2..4].copy_from_slice(&sequence.to_be_bytes());
            packet[4..8].copy_from_slice(&(u32::from(sequence) * 160).to_be_bytes());
            self.socket.send_to(&packet, place).expect("loopback takes a datagram");
            let mut heard = [0; 2048];
            let (size, from) = to.socket.recv_from(&mut heard).ok()?;
            let same = size == packet.len() && heard[8..size] == packet[8..];
            (same && from != self.socket.local_addr().expect("it is bound")).then_some(())
        });
    }
}

/// Address and port of the first medium.
fn place_of(sdp: &str) -> Option<SocketAddr> {
    let value = |begin: &str| sdp.lines().find_map(|line| line.strip_prefix(begin));
    let ip = value("c=IN IP4 ").or_else(|| value("c=IN IP6 "))?.trim().parse().ok()?;
    let port = value("m=audio ")?.split(' ').next()?.parse().ok()?;
    Some(SocketAddr::new(ip, port))
}
