//! What we send: encrypt, then sign (RFC 3711 §3.3, §3.4).

use super::crypto::{Kind, Session};
use super::index::{Misplaced, Windows};
use super::{ENCRYPTED, MasterKey, RTCP_CLEAR_BYTES, Suite, payload_start, rtcp_ssrc};
use crate::rtp::RtpHeader;

/// Why a packet cannot be sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unsent {
    /// It is neither RTP nor RTCP, or there is no room behind it.
    Malformed,
    /// One with its number was sent before: with one keystream for two packets, both could be read (§9.1).
    Repeated,
    /// The key is worn out (§9.2): 2^48 packets, 2^31 reports.
    Exhausted,
}

/// Encrypts and signs one direction of a stream.
pub struct Protector {
    rtp: Session,
    rtcp: Session,
    sent: Windows,
    /// The index of the next SRTCP packet.
    reports: u32,
}

impl Protector {
    /// With the key that we announced.
    pub fn new(suite: Suite, key: &MasterKey) -> Self {
        Self {
            rtp: Session::derive(suite, key, Kind::Rtp),
            rtcp: Session::derive(suite, key, Kind::Rtcp),
            sent: Windows::default(),
            reports: 1,
        }
    }

    /// Makes SRTP of the first `length` bytes of a buffer, in place; gives the length with the tag.
    ///
    /// # Errors
    /// When it cannot be sent; the buffer is as it was.
    pub fn rtp(&mut self, buffer: &mut [u8], length: usize) -> Result<usize, Unsent> {
        let total = length + self.rtp.tag_bytes();
        let (packet, tag) = buffer.get_mut(..total).ok_or(Unsent::Malformed)?.split_at_mut(length);
        let header = RtpHeader::read(packet).ok_or(Unsent::Malformed)?;
        let start = payload_start(packet).ok_or(Unsent::Malformed)?;
        let index = self.sent.index(header.ssrc, header.sequence);
        self.sent.check(header.ssrc, index)?;
        let rollover = u32::try_from(index >> 16).map_err(|_| Unsent::Exhausted)?;
        self.sent.note(header.ssrc, index);
        self.rtp.crypt(header.ssrc, index, &mut packet[start..]);
        let whole = self.rtp.tag(packet, &rollover.to_be_bytes());
        tag.copy_from_slice(&whole[..tag.len()]);
        Ok(total)
    }

    /// Makes SRTCP of the first `length` bytes of a buffer, in place; gives the length with index and tag.
    ///
    /// # Errors
    /// As [`Self::rtp`].
    pub fn rtcp(&mut self, buffer: &mut [u8], length: usize) -> Result<usize, Unsent> {
        let signed = length + 4;
        let total = signed + self.rtcp.tag_bytes();
        let (packet, tag) = buffer.get_mut(..total).ok_or(Unsent::Malformed)?.split_at_mut(signed);
        if length < RTCP_CLEAR_BYTES {
            return Err(Unsent::Malformed);
        }
        let ssrc = rtcp_ssrc(packet).ok_or(Unsent::Malformed)?;
        if self.reports >= ENCRYPTED {
            return Err(Unsent::Exhausted);
        }
        self.rtcp.crypt(ssrc, self.reports.into(), &mut packet[RTCP_CLEAR_BYTES..length]);
        packet[length..].copy_from_slice(&(self.reports | ENCRYPTED).to_be_bytes());
        self.reports += 1;
        let whole = self.rtcp.tag(packet, &[]);
        tag.copy_from_slice(&whole[..tag.len()]);
        Ok(total)
    }
}

impl From<Misplaced> for Unsent {
    fn from(_: Misplaced) -> Self {
        Self::Repeated
    }
}

impl std::fmt::Debug for Protector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Protector")
    }
}
