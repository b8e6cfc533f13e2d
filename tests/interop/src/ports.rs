//! Free ports. They are found by taking and giving back; between tests nobody of us takes them, as there is one stage at a time.
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Below the ports that the kernel gives to outgoing connections, so that none of those lands in between.
const LOW: u16 = 20_000;
const HIGH: u16 = 32_000;

/// How many ports this process has looked at.
static LOOKED_AT: AtomicUsize = AtomicUsize::new(0);

/// `count` ports that are free for UDP and TCP on all addresses, and that were not given to anybody for long: whoever gets one may
/// open it later.
///
/// # Panics
/// When there are not that many.
pub fn free_ports(count: usize) -> Vec<u16> {
    let mut held = Vec::new();
    let mut ports = Vec::new();
    let begin = start() + LOOKED_AT.load(Ordering::Relaxed);
    for port in (LOW..HIGH).cycle().skip(begin % usize::from(HIGH - LOW)).take(usize::from(HIGH - LOW)) {
        if ports.len() == count {
            break;
        }
        LOOKED_AT.fetch_add(1, Ordering::Relaxed);
        if let Some(sockets) = take(port) {
            held.push(sockets);
            ports.push(port);
        }
    }
    assert_eq!(ports.len(), count, "too few free ports between {LOW} and {HIGH}");
    ports
}

/// A range of free UDP ports for media, with an even first one.
///
/// # Panics
/// When there is none of that size.
pub fn media_range(size: u16) -> RangeInclusive<u16> {
    let mut first = HIGH;
    while first < 32_700 - size {
        let range = first..=first + size - 1;
        match range.clone().rev().find(|port| UdpSocket::bind((Ipv4Addr::UNSPECIFIED, *port)).is_err()) {
            None => return range,
            Some(taken) => first = (taken + 2) & !1,
        }
    }
    panic!("no {size} free UDP ports in a row above {HIGH}");
}

/// Different processes begin at different places, so that they rarely meet.
fn start() -> usize {
    usize::try_from(std::process::id()).unwrap_or_default().wrapping_mul(97) % usize::from(HIGH - LOW)
}

fn take(port: u16) -> Option<(UdpSocket, TcpListener)> {
    let udp = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port)).ok()?;
    let tcp = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).ok()?;
    Some((udp, tcp))
}
