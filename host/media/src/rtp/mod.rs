//! RTP and RTCP headers as far as a relay reads them; loss and jitter (RFC 3550 §A).
//!
//! Nothing here changes a packet: what is encrypted (SRTP) has the same header in clear.

mod clock_rate;
mod reception;
#[cfg(test)]
mod tests;

pub use reception::Reception;

/// Length of the fixed header (RFC 3550 §5.1); nothing shorter is RTP.
pub const HEADER_BYTES: usize = 12;

/// The fixed header of an RTP packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RtpHeader {
    /// What the payload is, as the SDP says.
    pub payload_type: u8,
    /// Counts packets.
    pub sequence: u16,
    /// When the payload was sampled, in units of its clock.
    pub timestamp: u32,
    /// Who sends.
    pub ssrc: u32,
}

impl RtpHeader {
    /// Reads it; `None` for what is too short, of another version (STUN and DTLS have other first bits, RFC 7983), or RTCP.
    pub fn read(packet: &[u8]) -> Option<Self> {
        let header = packet.first_chunk::<HEADER_BYTES>()?;
        let [first, second, s0, s1, t0, t1, t2, t3, i0, i1, i2, i3] = *header;
        if first >> 6 != 2 || is_rtcp(packet) {
            return None;
        }
        Some(Self {
            payload_type: second & 0x7f,
            sequence: u16::from_be_bytes([s0, s1]),
            timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
            ssrc: u32::from_be_bytes([i0, i1, i2, i3]),
        })
    }
}

/// What an RTP packet carries, behind its CSRC list and header extension (RFC 3550 §5.1, §5.3.1), padding included. `None`: it
/// is shorter than it says.
pub fn payload(packet: &[u8]) -> Option<&[u8]> {
    let sources = usize::from(packet.first()? & 0x0f);
    let rest = packet.get(HEADER_BYTES + 4 * sources..)?;
    if packet[0] & 0x10 == 0 {
        return Some(rest);
    }
    let &[_, _, high, low, ..] = rest else { return None };
    rest.get(4 + 4 * usize::from(u16::from_be_bytes([high, low]))..)
}

/// Whether a packet on a port that carries both is RTCP: packet types 192 to 223 (RFC 5761 §4).
pub fn is_rtcp(packet: &[u8]) -> bool {
    matches!(packet, [first, 192..=223, ..] if first >> 6 == 2)
}
