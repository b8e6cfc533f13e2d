//! Takes every port before anything starts, and says all at once which ones it could not have.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};

use cordboard_sip::Transport;
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::{Ipv4RecvErr, Ipv6RecvErr};
use socket2::{Domain, Protocol, Socket, Type};

use crate::config::{Config, listener_key};

/// Connections that the kernel holds while we are busy.
const BACKLOG: i32 = 1024;

/// Every bound socket of the process, besides the relay's.
pub(crate) struct Bound {
    /// SIP over UDP.
    pub(crate) udp: Vec<UdpSocket>,
    /// SIP over connections of every kind.
    pub(crate) streams: Vec<(Transport, TcpListener)>,
    /// Health.
    pub(crate) http: Option<TcpListener>,
    /// Metrics.
    pub(crate) metrics: Option<TcpListener>,
    /// Management.
    pub(crate) api: Option<TcpListener>,
}

/// A port that could not be had.
#[derive(Debug)]
pub(crate) struct Refused {
    /// The configuration key.
    key: &'static str,
    protocol: &'static str,
    address: SocketAddr,
    error: io::Error,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, protocol, address, error } = self;
        let variable = key.to_ascii_uppercase().replace('.', "__");
        write!(f, "{key}: {protocol} {address} cannot be used: ")?;
        match error.kind() {
            io::ErrorKind::AddrInUse => {
                let option = if *protocol == "UDP" { "-ulpn" } else { "-tlpn" };
                let port = address.port();
                write!(
                    f,
                    "port {port} is already in use. Find out by whom with `ss {option} 'sport = :{port}'`, "
                )?;
                write!(f, "stop it, or choose another port in {key} or with CORDBOARD_{variable}")
            }
            io::ErrorKind::AddrNotAvailable => {
                write!(f, "no interface of this machine has the address {}. ", address.ip())?;
                write!(f, "List them with `ip address`, or use 0.0.0.0 for all of them")
            }
            io::ErrorKind::PermissionDenied => {
                write!(f, "the kernel refuses port {} to this user. ", address.port())?;
                write!(f, "Use a port from 1024 on, or give the program CAP_NET_BIND_SERVICE")
            }
            _ => write!(f, "{error}"),
        }
    }
}

/// Binds everything.
///
/// # Errors
/// With every port that could not be had.
pub(crate) fn bind(config: &Config) -> Result<Bound, Vec<Refused>> {
    let mut refused = Vec::new();
    let mut told = |key, protocol, address, error| {
        refused.push(Refused { key, protocol, address, error });
    };
    let mut udp = Vec::new();
    for address in &config.sip.udp {
        match bind_udp(*address, config.sip.receive_buffer) {
            Ok(socket) => udp.push(socket),
            Err(error) => told("sip.udp", "UDP", *address, error),
        }
    }
    let mut listen =
        |key, address: SocketAddr| bind_tcp(address).map_err(|error| told(key, "TCP", address, error)).ok();
    let streams = config
        .sip
        .streams_listening()
        .filter_map(|(transport, address)| Some((transport, listen(listener_key(transport), address)?)))
        .collect();
    let http = config.http.and_then(|address| listen("http.listen", address));
    let metrics = config.metrics.and_then(|address| listen("metrics.listen", address));
    let api = config.api.listen.and_then(|address| listen("api.listen", address));
    if refused.is_empty() { Ok(Bound { udp, streams, http, metrics, api }) } else { Err(refused) }
}

/// A socket of IPv6 takes only IPv6, so that both families can have one port.
fn socket(address: SocketAddr, kind: Type, protocol: Protocol) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), kind, Some(protocol))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Binds one SIP socket, non-blocking.
pub(crate) fn bind_udp(address: SocketAddr, receive_buffer: usize) -> io::Result<UdpSocket> {
    let socket = socket(address, Type::DGRAM, Protocol::UDP)?;
    // Beyond the kernel's limit it gives less without an error; `receive_buffer` tells.
    socket.set_recv_buffer_size(receive_buffer)?;
    report_unreachable_peers(&socket, address)?;
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// Asks the kernel to queue what ICMP says about datagrams of ours. A socket that talks to many peers hears nothing of it otherwise.
fn report_unreachable_peers(socket: &Socket, address: SocketAddr) -> io::Result<()> {
    match address {
        SocketAddr::V4(_) => setsockopt(socket, Ipv4RecvErr, &true)?,
        SocketAddr::V6(_) => setsockopt(socket, Ipv6RecvErr, &true)?,
    }
    Ok(())
}

fn bind_tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = socket(address, Type::STREAM, Protocol::TCP)?;
    // A restart does not wait for connections of the last run to time out.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// The receive buffer that a socket really has. The kernel reports twice what it counts for payload.
pub(crate) fn receive_buffer(socket: &UdpSocket) -> usize {
    socket2::SockRef::from(socket).recv_buffer_size().map_or(0, |size| size / 2)
}
