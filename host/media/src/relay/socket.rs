//! Binding the sockets of a block.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};

use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, socket_with, sockopt};

use super::call::Port;
use super::thread::NewSockets;
use crate::command::Side;
use crate::port::Block;

/// Our addresses towards the two sides of a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Addresses {
    pub(super) caller: IpAddr,
    pub(super) callee: IpAddr,
}

/// Binds RTP and RTCP of one stream at both sides.
///
/// # Errors
/// At the first port that the kernel refuses; those bound before are closed again.
pub(super) fn bind_stream(
    block: Block,
    addresses: Addresses,
    stream: usize,
) -> Result<NewSockets, BindFailure> {
    let mut sockets = NewSockets::with_capacity(4);
    for (side, address) in [(Side::Caller, addresses.caller), (Side::Callee, addresses.callee)] {
        for control in [false, true] {
            let address = SocketAddr::new(address, block.rtp_port(side, stream) + u16::from(control));
            let socket = udp(address).map_err(|error| BindFailure { address, error })?;
            sockets.push((Port { side, stream, control }, socket));
        }
    }
    Ok(sockets)
}

/// Marks what a socket sends with a differentiated services code point (RFC 2474): the upper six bits of the octet that IPv4
/// calls TOS and IPv6 traffic class.
pub(super) fn mark(socket: &UdpSocket, dscp: u8) -> io::Result<()> {
    let octet = dscp << 2;
    if socket.local_addr()?.is_ipv4() {
        sockopt::set_ip_tos(socket, octet)?;
    } else {
        sockopt::set_ipv6_tclass(socket, octet.into())?;
    }
    Ok(())
}

/// A port that the kernel refused.
#[derive(Debug, thiserror::Error)]
#[error("cannot bind UDP {address} for media: {error}")]
pub struct BindFailure {
    /// What was to be bound.
    pub address: SocketAddr,
    /// What the kernel said.
    #[source]
    pub error: io::Error,
}

fn udp(address: SocketAddr) -> io::Result<UdpSocket> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = socket_with(family, SocketType::DGRAM, flags, None)?;
    if address.is_ipv6() {
        // `[::]` would otherwise take the IPv4 port of another call, and show IPv4 peers under mapped addresses.
        sockopt::set_ipv6_v6only(&socket, true)?;
    }
    bind(&socket, &address)?;
    Ok(socket.into())
}
