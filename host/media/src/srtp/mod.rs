//! SRTP and SRTCP (RFC 3711) with keys from SDP (RFC 4568): what one direction of one stream is encrypted and checked with.
//!
//! [`Protector`] encrypts what we send, [`Unprotector`] checks and decrypts what a peer sends. Both work in place on the buffer of
//! the packet, which needs room for [`MAX_TRAILER_BYTES`], and keep a fixed amount of memory. A packet whose tag is wrong, or
//! that came before, changes nothing: neither the replay window nor the rollover counter.
//!
//! Key derivation rate 0, no MKI, no null ciphers: SDES as phones and carriers use it.

mod crypto;
mod index;
mod key;
mod receive;
mod send;
#[cfg(test)]
mod tests;

pub use key::{MASTER_BYTES, MasterKey, Suite};
pub use receive::{Rejected, Unprotector};
pub use send::{Protector, Unsent};

/// What protection adds to a packet at most: the SRTCP index and the longest tag.
pub const MAX_TRAILER_BYTES: usize = 4 + crypto::LONG_TAG;

/// Sources of one stream that are followed at once. A further one takes the place of the one that came first; behind one address
/// a phone has one, and a second one for a moment at a transfer.
const SOURCES: usize = 4;

/// The part of an RTCP packet that stays in clear (RFC 3711 §3.4): its header and the SSRC of its sender.
const RTCP_CLEAR_BYTES: usize = 8;

/// The flag before the SRTCP index: the packet is encrypted.
const ENCRYPTED: u32 = 1 << 31;

/// Where the payload of an RTP packet begins; `None`: the packet is shorter than it says.
fn payload_start(packet: &[u8]) -> Option<usize> {
    Some(packet.len() - crate::rtp::payload(packet)?.len())
}

/// The SSRC of an RTCP packet.
fn rtcp_ssrc(packet: &[u8]) -> Option<u32> {
    packet.get(4..8)?.try_into().ok().map(u32::from_be_bytes)
}
