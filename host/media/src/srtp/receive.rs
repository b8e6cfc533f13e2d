//! What a peer sends: check, then decrypt (RFC 3711 §3.3, §3.4).

use super::crypto::{Kind, Session};
use super::index::{Misplaced, Windows};
use super::{ENCRYPTED, MasterKey, RTCP_CLEAR_BYTES, Suite, payload_start, rtcp_ssrc};
use crate::rtp::RtpHeader;

/// Why a packet is dropped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rejected {
    /// It is too short to be protected, or is neither RTP nor RTCP.
    Malformed,
    /// It came before, or is too old to tell (§3.3.2).
    Replayed,
    /// Its tag is wrong: somebody else's, or changed on its way.
    Forged,
}

/// Checks and decrypts one direction of a stream.
pub struct Unprotector {
    rtp: Session,
    rtcp: Session,
    rtp_windows: Windows,
    rtcp_windows: Windows,
}

impl Unprotector {
    /// With the key that the peer announced.
    pub fn new(suite: Suite, key: &MasterKey) -> Self {
        Self {
            rtp: Session::derive(suite, key, Kind::Rtp),
            rtcp: Session::derive(suite, key, Kind::Rtcp),
            rtp_windows: Windows::default(),
            rtcp_windows: Windows::default(),
        }
    }

    /// Makes RTP of an SRTP packet, in place; gives its length.
    ///
    /// # Errors
    /// When it is to be dropped; its bytes are as they were.
    pub fn rtp(&mut self, packet: &mut [u8]) -> Result<usize, Rejected> {
        let length = packet.len().checked_sub(self.rtp.tag_bytes()).ok_or(Rejected::Malformed)?;
        let (packet, tag) = packet.split_at_mut(length);
        let header = RtpHeader::read(packet).ok_or(Rejected::Malformed)?;
        let start = payload_start(packet).ok_or(Rejected::Malformed)?;
        let index = self.rtp_windows.index(header.ssrc, header.sequence);
        self.rtp_windows.check(header.ssrc, index)?;
        let rollover = u32::try_from(index >> 16).map_err(|_| Rejected::Replayed)?;
        if !self.rtp.verify(packet, &rollover.to_be_bytes(), tag) {
            return Err(Rejected::Forged);
        }
        self.rtp_windows.note(header.ssrc, index);
        self.rtp.crypt(header.ssrc, index, &mut packet[start..]);
        Ok(length)
    }

    /// Makes RTCP of an SRTCP packet, in place; gives its length.
    ///
    /// # Errors
    /// As [`Self::rtp`].
    pub fn rtcp(&mut self, packet: &mut [u8]) -> Result<usize, Rejected> {
        let signed = packet.len().checked_sub(self.rtcp.tag_bytes()).ok_or(Rejected::Malformed)?;
        let (packet, tag) = packet.split_at_mut(signed);
        let length = signed.checked_sub(4).filter(|length| *length >= RTCP_CLEAR_BYTES);
        let length = length.ok_or(Rejected::Malformed)?;
        let ssrc = rtcp_ssrc(packet).ok_or(Rejected::Malformed)?;
        let word = packet[length..].first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes));
        let index = u64::from(word & !ENCRYPTED);
        self.rtcp_windows.check(ssrc, index)?;
        if !self.rtcp.verify(packet, &[], tag) {
            return Err(Rejected::Forged);
        }
        self.rtcp_windows.note(ssrc, index);
        if word & ENCRYPTED != 0 {
            self.rtcp.crypt(ssrc, index, &mut packet[RTCP_CLEAR_BYTES..length]);
        }
        Ok(length)
    }
}

impl From<Misplaced> for Rejected {
    fn from(_: Misplaced) -> Self {
        Self::Replayed
    }
}

impl std::fmt::Debug for Unprotector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Unprotector")
    }
}
