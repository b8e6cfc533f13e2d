//! What the kernel gives us and what it drops: receive buffers, descriptors, lost datagrams.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Datagrams that the kernel dropped at sockets bound to `addresses` because their receive buffer was full.
pub(crate) fn drops(addresses: &[SocketAddr]) -> u64 {
    let table = |path| std::fs::read_to_string(path).unwrap_or_default();
    let wanted = |ipv4: bool| -> BTreeSet<String> {
        let ours = addresses.iter().filter(|address| address.is_ipv4() == ipv4);
        ours.map(table_key).collect()
    };
    drops_in(&table("/proc/net/udp"), &wanted(true)) + drops_in(&table("/proc/net/udp6"), &wanted(false))
}

/// An address the way the kernel prints it: each 32-bit word in the byte order of the machine, in hexadecimal.
fn table_key(address: &SocketAddr) -> String {
    let word = |bytes: &[u8]| {
        let bytes = bytes.try_into().expect("the chunks have four bytes");
        format!("{:08X}", u32::from_ne_bytes(bytes))
    };
    let ip: String = match address {
        SocketAddr::V4(address) => word(&address.ip().octets()),
        SocketAddr::V6(address) => address.ip().octets().chunks(4).map(word).collect(),
    };
    format!("{ip}:{:04X}", address.port())
}

/// `sl local_address rem_address ... drops`, one socket per line after the heading.
fn drops_in(table: &str, wanted: &BTreeSet<String>) -> u64 {
    let of_line = |line: &str| -> Option<u64> {
        let local = line.split_whitespace().nth(1)?;
        wanted.contains(local).then(|| line.split_whitespace().next_back()?.parse().ok()).flatten()
    };
    table.lines().skip(1).filter_map(of_line).sum()
}

/// Descriptors that `calls` calls and `connections` connections need: eight sockets per call, and a few for the process. Sockets stay
/// open while their ports rest after a call, so the calls are those that the port range has room for.
pub(crate) fn descriptors_needed(calls: usize, connections: usize) -> u64 {
    (calls * 8 + connections + 128) as u64
}

/// How many calls and connections there may be with so many descriptors: all that are wanted where they suffice. Otherwise calls get
/// five eighths and connections a quarter, so that health, metrics, logs and plugins have the rest however much is asked of us.
/// A call more gets 503, a connection more is closed.
pub(crate) fn affordable(limit: u64, calls: usize, connections: usize) -> (usize, usize) {
    if limit >= descriptors_needed(calls, connections) {
        return (calls, connections);
    }
    let share = |part: u64| usize::try_from(part).unwrap_or(usize::MAX).max(1);
    (calls.min(share(limit * 5 / 8 / 8)), connections.min(share(limit / 4)))
}

/// Raises the descriptor limit as far as the kernel lets us. Gives what it is now.
pub(crate) fn raise_descriptor_limit() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    // A refusal leaves the limit as it was, and what it is then is told.
    let _ = setrlimit(Resource::Nofile, raised);
    descriptor_limit()
}

/// How many descriptors the process may have.
pub(crate) fn descriptor_limit() -> u64 {
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_calls_and_connections_may_use_leaves_a_rest() {
        for (limit, calls, connections, affordable_ones) in [
            (20_000, 1_250, 4_096, (1_250, 4_096)),
            (14_223, 1_250, 4_096, (1_111, 3_555)),
            (1_024, 1_250, 4_096, (80, 256)),
            (1_024, 10, 4_096, (10, 256)),
            (0, 1_250, 4_096, (1, 1)),
            (u64::MAX, 8_191, 1_000_000, (8_191, 1_000_000)),
        ] {
            assert_eq!(affordable(limit, calls, connections), affordable_ones, "{limit}");
        }
    }

    const TABLE: &str = "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n\
        1: 00000000:13C4 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 1 2 0000000000000000 42\n\
        2: 0100007F:13C4 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 2 2 0000000000000000 7\n\
        3: 00000000:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 3 2 0000000000000000 9\n";

    #[cfg(target_endian = "little")]
    #[test]
    fn only_drops_at_our_sockets_count() {
        for (addresses, expected) in [
            (&["0.0.0.0:5060"][..], 42),
            (&["127.0.0.1:5060"], 7),
            (&["0.0.0.0:5060", "127.0.0.1:5060"], 49),
            (&["0.0.0.0:5061"], 0),
        ] {
            let keys = addresses.iter().map(|text| table_key(&text.parse().expect("an address"))).collect();
            assert_eq!(drops_in(TABLE, &keys), expected, "{addresses:?}");
        }
    }

    #[test]
    fn a_socket_of_ours_is_found_in_the_kernels_table() {
        for place in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(socket) = std::net::UdpSocket::bind(place) else { continue };
            let address = socket.local_addr().expect("it is bound");
            let table = if address.is_ipv4() { "/proc/net/udp" } else { "/proc/net/udp6" };
            let table = std::fs::read_to_string(table).expect("the kernel has this table");
            assert!(table.contains(&table_key(&address)), "{address} in\n{table}");
        }
    }
}
