//! Telephone events in a description (RFC 4733 §2.4.1): where they stand, and how they are added or taken away.

use std::ops::Range;

use super::edit::{Edit, Replacement};
use crate::dtmf::EventFormat;

/// What becomes of the telephone events of the first stream, the conversation, of a description that is passed on.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum EventChange {
    /// They are the peers' own.
    #[default]
    Passed,
    /// The reader is told that it may send them under this payload type.
    Added(EventFormat),
    /// The reader does not see them.
    Removed,
}

/// The places of the first stream.
#[derive(Clone, Debug, Default)]
pub(super) struct EventPlaces {
    /// The formats in the `m=` line: fields of numbers, and where the last of them ends.
    pub(super) formats: Vec<(Option<u8>, Range<usize>)>,
    pub(super) formats_end: usize,
    /// Its `a=rtpmap` and `a=fmtp` lines, whole, with their payload types.
    pub(super) attributes: Vec<(u8, Range<usize>)>,
    /// Where the section ends.
    pub(super) end: usize,
}

impl EventPlaces {
    /// The changes; `is_event` knows the payload types of events.
    pub(super) fn edits(&self, change: EventChange, is_event: impl Fn(u8) -> bool) -> Vec<Edit> {
        match change {
            EventChange::Passed => Vec::new(),
            EventChange::Added(format) => self.added(format),
            EventChange::Removed => self.removed(is_event),
        }
    }

    fn added(&self, format: EventFormat) -> Vec<Edit> {
        let EventFormat { payload_type, clock_rate } = format;
        let lines =
            format!("a=rtpmap:{payload_type} telephone-event/{clock_rate}\r\na=fmtp:{payload_type} 0-15\r\n");
        let put =
            |at: usize, text: String| Edit { range: at..at, replacement: Replacement::Text(text.into()) };
        vec![put(self.formats_end, format!(" {payload_type}")), put(self.end, lines)]
    }

    fn removed(&self, is_event: impl Fn(u8) -> bool) -> Vec<Edit> {
        let formats = self.formats.iter().filter(|(number, _)| number.is_some_and(&is_event));
        // With the space before it.
        let formats = formats.map(|(_, range)| range.start - 1..range.end);
        let lines =
            self.attributes.iter().filter(|(number, _)| is_event(*number)).map(|(_, range)| range.clone());
        formats.chain(lines).map(|range| Edit { range, replacement: Replacement::Removed }).collect()
    }

    /// A payload type that the description does not use, from the dynamic ones (RFC 3551 §6): that which nearly everybody
    /// gives to events, or the first free one.
    pub(super) fn free(&self) -> Option<u8> {
        let used = |wanted: &u8| {
            self.formats.iter().any(|(number, _)| *number == Some(*wanted))
                || self.attributes.iter().any(|(number, _)| number == wanted)
        };
        std::iter::once(101).chain(96..=127).find(|number| !used(number))
    }
}
