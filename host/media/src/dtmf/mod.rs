//! Digits that are pressed during a call, as telephone events in RTP (RFC 4733): what a packet says, which packets are one
//! press, and the packets that a press of ours is sent as.
//!
//! Pure: the relay shows [`Detector`] the packets whose payload type the SDP named ([`EventFormats`]) and asks
//! [`EventSender`] what to send when. One press is one digit, however many of its packets are lost, doubled or overtaken, as
//! long as one arrives.

mod detector;
mod event;
mod sender;
#[cfg(test)]
mod tests;

pub use detector::{Detector, Press, Presses};
pub use event::TelephoneEvent;
pub use sender::{EventSender, Stream};

/// A DTMF digit: `0` to `9`, `*`, `#`, `A` to `D`. Digits can be somebody's PIN, so it is never printed.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digit(u8);

/// The events 0 to 15 of RFC 4733 §3.2 as they stand on the keys.
const KEYS: &[u8; 16] = b"0123456789*#ABCD";

impl Digit {
    /// Of an event code; `None` for what is no digit, such as a hook flash (16).
    pub fn from_event(code: u8) -> Option<Self> {
        (usize::from(code) < KEYS.len()).then_some(Self(code))
    }

    /// Of the character on the key; letters in either case.
    pub fn from_char(key: char) -> Option<Self> {
        let key = u8::try_from(key).ok()?.to_ascii_uppercase();
        let code = KEYS.iter().position(|&known| known == key)?;
        u8::try_from(code).ok().map(Self)
    }

    /// Its event code.
    pub fn event(self) -> u8 {
        self.0
    }

    /// What stands on its key.
    pub fn as_char(self) -> char {
        char::from(KEYS[usize::from(self.0)])
    }
}

impl std::fmt::Debug for Digit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("<digit>")
    }
}

/// A payload type that carries telephone events.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EventFormat {
    /// Its number in the RTP header.
    pub payload_type: u8,
    /// Units of its timestamps and durations per second; that of the codec it accompanies.
    pub clock_rate: u32,
}

/// As many payload types of events as one description names: one for each clock rate of its codecs.
const FORMATS: usize = 4;

/// The payload types of telephone events in one session description, in its order. More than four are left out.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct EventFormats([Option<EventFormat>; FORMATS]);

impl EventFormats {
    /// Adds one, unless it is there or there is no room.
    pub fn add(&mut self, format: EventFormat) {
        if self.of(format.payload_type).is_none()
            && let Some(free) = self.0.iter_mut().find(|place| place.is_none())
        {
            *free = Some(format);
        }
    }

    /// The format of a payload type.
    pub fn of(&self, payload_type: u8) -> Option<EventFormat> {
        self.iter().find(|format| format.payload_type == payload_type)
    }

    /// The one to send: that of 8,000 Hz if there is one, because nearly every codec of telephony has that clock.
    pub fn preferred(&self) -> Option<EventFormat> {
        self.iter().find(|format| format.clock_rate == 8_000).or(self.0[0])
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0[0].is_none()
    }

    /// All, as a set of payload types: what a packet is compared with.
    pub fn types(&self) -> PayloadTypes {
        PayloadTypes(self.iter().fold(0, |types, format| types | 1 << format.payload_type))
    }

    fn iter(&self) -> impl Iterator<Item = EventFormat> {
        self.0.iter().flatten().copied()
    }
}

/// A set of payload types.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct PayloadTypes(u128);

impl PayloadTypes {
    /// Whether this one is in it.
    pub fn contains(self, payload_type: u8) -> bool {
        self.0 >> (payload_type & 0x7f) & 1 == 1
    }
}
