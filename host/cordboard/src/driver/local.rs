//! Which of our addresses faces a peer.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};
use std::time::{Duration, Instant};

/// Peers remembered at once. Sources can be forged, so the memory of them is bounded.
const MAX_REMEMBERED: usize = 4096;

/// How long a route is believed. Addresses of a machine change when it moves between networks.
const BELIEVED_FOR: Duration = Duration::from_secs(30);

/// The port does not matter: connecting a UDP socket sends nothing.
const ANY_PORT: u16 = 9;

/// Our address that packets to `remote` leave from, as the kernel's routing table has it. `None` when there is no route.
pub(crate) fn towards(remote: IpAddr) -> Option<IpAddr> {
    let any = match remote {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect((remote, ANY_PORT)).ok()?;
    socket.local_addr().ok().map(|address| address.ip())
}

/// Remembers the answers of [`towards`], which cost four system calls.
#[derive(Default)]
pub(super) struct LocalAddresses {
    remembered: BTreeMap<IpAddr, (IpAddr, Instant)>,
}

impl LocalAddresses {
    /// Our address towards `remote`.
    pub(super) fn towards(&mut self, remote: IpAddr) -> Option<IpAddr> {
        let now = super::now();
        if let Some((local, until)) = self.remembered.get(&remote)
            && now < *until
        {
            return Some(*local);
        }
        let local = towards(remote)?;
        if self.remembered.len() >= MAX_REMEMBERED {
            self.remembered.clear();
        }
        self.remembered.insert(remote, (local, now + BELIEVED_FOR));
        Some(local)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_faces_itself_over_loopback() {
        let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
        assert_eq!(towards(loopback), Some(loopback));
    }

    #[test]
    fn the_memory_of_peers_is_bounded() {
        let mut locals = LocalAddresses::default();
        for host in 0..u32::try_from(MAX_REMEMBERED).expect("a small number") + 10 {
            let peer = IpAddr::V4(Ipv4Addr::from(0x7f00_0001 + host));
            assert!(locals.towards(peer).is_some());
            assert!(locals.remembered.len() <= MAX_REMEMBERED);
        }
    }
}
