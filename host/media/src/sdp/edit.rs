//! The changes that make a session description ours, as a list of byte ranges with what replaces them.

use std::io::Write;
use std::net::IpAddr;
use std::ops::Range;

use bytes::Bytes;

use crate::command::STREAMS;

/// What stands in place of some bytes of the peer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Replacement {
    /// `IP4` or `IP6`, a space, our address.
    Address,
    /// Our RTP port of a slot.
    RtpPort(usize),
    /// Our RTCP port of a slot: the port after its RTP port.
    RtcpPort(usize),
    /// Port 0: refused.
    Refused,
    /// Nothing.
    Removed,
    /// This.
    Text(Bytes),
}

/// One change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Edit {
    pub(super) range: Range<usize>,
    pub(super) replacement: Replacement,
}

impl Edit {
    /// Ends the last line of a body that has no end, or half of one, so that others can follow it.
    pub(super) fn line_end(body: &[u8]) -> Self {
        let (at, rest) = (body.len(), if body.ends_with(b"\r") { "\n" } else { "\r\n" });
        Self { range: at..at, replacement: Replacement::Text(rest.into()) }
    }
}

/// Carries out `edits`, which are in order and do not overlap; every byte between them is copied.
pub(super) fn apply(body: &[u8], edits: &[Edit], address: IpAddr, rtp_ports: [u16; STREAMS]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len() + 32 * edits.len());
    let mut copied = 0;
    for Edit { range, replacement } in edits {
        out.extend_from_slice(&body[copied..range.start]);
        copied = range.end;
        put(&mut out, replacement, address, rtp_ports);
    }
    out.extend_from_slice(&body[copied..]);
    out
}

fn put(out: &mut Vec<u8>, replacement: &Replacement, address: IpAddr, rtp_ports: [u16; STREAMS]) {
    let written = match replacement {
        Replacement::Address => {
            let family = if address.is_ipv4() { "IP4" } else { "IP6" };
            write!(out, "{family} {address}")
        }
        Replacement::RtpPort(slot) => write!(out, "{}", rtp_ports[*slot]),
        Replacement::RtcpPort(slot) => write!(out, "{}", rtp_ports[*slot].saturating_add(1)),
        Replacement::Refused => write!(out, "0"),
        Replacement::Removed => Ok(()),
        Replacement::Text(other) => out.write_all(other),
    };
    written.expect("writing to a Vec cannot fail");
}
