//! The payload of a telephone event (RFC 4733 §2.3).

use crate::rtp::payload;

/// Volume of the events that we send, in dBm0 without the sign (§2.3.4): that of a usual phone.
const VOLUME: u8 = 10;

/// What a packet says about an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TelephoneEvent {
    /// Which (§3.2); 0 to 15 are the digits.
    pub code: u8,
    /// The event is over (§2.3.2).
    pub end: bool,
    /// The first packet of the event (§2.5.1.2): the marker bit of the RTP header.
    pub marker: bool,
    /// How long it has lasted so far, in units of the clock (§2.3.5).
    pub duration: u16,
}

impl TelephoneEvent {
    /// Reads an RTP packet whose payload type says that it carries an event. Of several events in one packet, which nobody
    /// sends for digits, the first.
    pub fn read(packet: &[u8]) -> Option<Self> {
        let &[code, flags, high, low, ..] = payload(packet)? else { return None };
        Some(Self {
            code,
            end: flags & 0x80 != 0,
            marker: packet.get(1)? & 0x80 != 0,
            duration: u16::from_be_bytes([high, low]),
        })
    }

    /// The payload that says this.
    pub(super) fn payload(self) -> [u8; 4] {
        let [high, low] = self.duration.to_be_bytes();
        [self.code, u8::from(self.end) << 7 | VOLUME, high, low]
    }
}
