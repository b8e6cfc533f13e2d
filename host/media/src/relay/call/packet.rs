//! A packet on its way through.

/// A packet in the buffer that it came in, with room behind it for what encryption adds.
pub(in crate::relay) struct Packet<'a> {
    /// All of the buffer.
    pub(in crate::relay) buffer: &'a mut [u8],
    /// How much of it is the packet.
    pub(in crate::relay) length: usize,
}

impl Packet<'_> {
    /// The packet.
    pub(in crate::relay) fn bytes(&self) -> &[u8] {
        &self.buffer[..self.length]
    }

    /// Moves the sequence number of an RTP packet.
    pub(super) fn renumber(&mut self, shift: u16) {
        if let [_, _, high, low, ..] = self.buffer {
            let sequence = u16::from_be_bytes([*high, *low]).wrapping_add(shift);
            [*high, *low] = sequence.to_be_bytes();
        }
    }
}
