//! Whom a stream is exchanged with at one side.

use std::net::SocketAddr;
use std::time::Instant;

use super::super::latch::{Announced, Latch};
use super::{Announcement, Departure, Port};
use crate::command::{RemoteStream, Side};
use crate::dtmf::EventFormats;

/// What a side announced for a stream, and what was learnt since.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) latch: Latch,
    rtcp: SocketAddr,
    /// RTCP comes and goes on the RTP port.
    pub(super) mux: bool,
    pub(super) sends: bool,
    /// Under what it takes telephone events.
    pub(super) events: EventFormats,
    /// Digits reach it by INFO: telephone events for it are taken out.
    pub(super) digits_by_info: bool,
}

impl Peer {
    pub(super) fn announced(
        now: Instant,
        before: Option<Self>,
        remote: &RemoteStream,
        announcement: &Announcement,
        decrypted: bool,
    ) -> Self {
        let announced = Announced { address: remote.rtp, signalling: announcement.signalling };
        let mut latch = before.map_or_else(|| Latch::new(now, announced), |before| before.latch);
        latch.announce(now, announced);
        Self {
            latch,
            rtcp: remote.rtcp,
            mux: remote.rtcp == remote.rtp,
            sends: remote.sends,
            // Nobody here can read the events of a stream that passes encrypted.
            events: if remote.secure && !decrypted { EventFormats::default() } else { remote.events },
            digits_by_info: announcement.digits_by_info,
        }
    }

    /// RTCP is the peer's when it comes from the announced address, or from the host that RTP was learnt from: behind NAT
    /// its RTCP port cannot be known, and RTCP cannot move where anything goes.
    pub(super) fn accepts_control(&self, from: SocketAddr) -> bool {
        from == self.rtcp || self.latch.learnt().is_some_and(|learnt| learnt.ip() == from.ip())
    }

    /// How a packet gets to this peer, who is at `side`. Multiplexing holds only when both sides said so: an offer says
    /// `a=rtcp-mux` before the answer agrees (RFC 5761 §5.1.1).
    pub(super) fn departure(
        &self,
        side: Side,
        stream: usize,
        control: bool,
        other_muxes: bool,
    ) -> Option<Departure> {
        let rtp = self.latch.destination()?;
        let mux = self.mux && other_muxes;
        let to = match self.latch.learnt() {
            _ if !control || mux => rtp,
            None if !self.mux => self.rtcp,
            // The port after RTP's: the default of RFC 3550 §11, and what most NATs make of two ports in a row.
            _ => SocketAddr::new(rtp.ip(), rtp.port().checked_add(1)?),
        };
        Some(Departure { port: Port { side, stream, control: control && !mux }, to })
    }
}
