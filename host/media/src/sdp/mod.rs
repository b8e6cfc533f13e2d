//! SDP: read what matters, change only addresses and ports (requirement B1).
//!
//! A body is edited line by line as bytes; whatever is not named here passes unread and unchanged, line endings included.
//!
//! - `c=`, the address of `o=`, the port of `m=`, the port and address of `a=rtcp` become ours. `m=audio 49170/2` loses
//!   its `/2`: the relay has one pair of ports for a stream.
//! - `c=IN IP4 0.0.0.0` (and `IP6 ::`) is the hold of RFC 2543 and stays, because our address there would end the hold.
//! - An `m=` line that the relay has no stream for gets port 0. The other side then refuses it (RFC 3264 §6), and its
//!   answer has the same number of lines as the offer.
//! - All ICE attributes leave, not only the candidates. We are no ICE agent: candidates of the peers would let the media
//!   pass beside us, and credentials without candidates announce trickle ICE, which waits for what never comes. Without
//!   `a=ice-ufrag` both sides know that the other has no ICE and use `c=` and `m=` as RFC 3264 says (RFC 8839 §4.2.5),
//!   so phones with and without ICE work. A peer that insists on ICE (a browser) cannot be served in this mode.
//! - `a=rtcp-mux` passes; where it is agreed, RTCP comes on the RTP port and is relayed there.
//! - BUNDLE passes: an offer has one port of ours per line; where an answer gives several lines one address and port
//!   (RFC 9143), they get one port of ours too, and everything flows through that stream.
//!
//! - Where digits are converted, the telephone events of the first stream are added or taken away.
//! - Where encryption ends at the relay, `RTP/AVP` and `RTP/SAVP` change into each other and `a=crypto` lines leave or are ours
//!   ([`Session::rewrite_as`]).
//!
//! Which line is which relay stream depends on media types and order only, which RFC 3264 keeps equal in offer and
//! answer: the first audio is stream 0; the first video or second audio is stream 1, else another medium over RTP or UDPTL
//! (text, T.38).
//!
//! ```
//! use cordboard_media::sdp::Session;
//!
//! let offer = "v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";
//! let session = Session::parse(offer.into())?;
//! let ours = session.rewrite("198.51.100.1".parse().unwrap(), [10_000, 10_002]);
//! assert!(ours.ends_with(b"c=IN IP4 198.51.100.1\r\nt=0 0\r\nm=audio 10000 RTP/AVP 0\r\n"));
//! # Ok::<(), cordboard_media::sdp::SdpError>(())
//! ```

mod codecs;
mod crypto;
mod edit;
mod encryption;
mod error;
mod events;
mod line;
mod origin;
mod read;
#[cfg(test)]
mod tests;

use std::net::IpAddr;

use bytes::Bytes;

use crate::command::{RemoteStream, STREAMS};
use crate::dtmf::{EventFormat, EventFormats};

pub use codecs::keep_codecs;
pub use crypto::{CryptoLine, Encryption};
pub use error::SdpError;
pub use events::EventChange;
pub use origin::Origin;

/// What one `m=` line says, as far as the relay needs it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MediaLine {
    /// Which relay stream carries it (0 for the first audio, 1 for the first video or second audio); `None`: refused, port 0.
    pub slot: Option<usize>,
    /// Port 0: rejected or disabled by its sender.
    pub disabled: bool,
}

/// A read session description.
#[derive(Clone, Debug)]
pub struct Session {
    body: Bytes,
    lines: Vec<MediaLine>,
    remote: [Option<RemoteStream>; STREAMS],
    crypto: [Vec<CryptoLine>; STREAMS],
    edits: Vec<edit::Edit>,
    /// The other changes, of one that was put on hold and is to go on.
    resuming: Vec<edit::Edit>,
    origin: Option<origin::Place>,
    protections: Vec<encryption::Protection>,
    events: events::EventPlaces,
}

/// What is changed in a description besides addresses and ports.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Changes {
    /// Its encryption.
    pub encryption: Encryption,
    /// Its telephone events.
    pub events: EventChange,
    /// The name of the session that it goes on from, for a reader who has seen that one: a later description has its user name and
    /// id, and a higher version (RFC 3264 §8).
    pub origin: Option<Origin>,
}

impl Session {
    /// Reads a body of `application/sdp`. A multipart body is not SDP; the caller takes the part out first.
    ///
    /// # Errors
    /// When a line that the relay depends on is malformed. Everything else passes unread.
    pub fn parse(body: Bytes) -> Result<Self, SdpError> {
        let read::Reading { lines, remote, crypto, edits, resuming, origin, protections, events } =
            read::read(&body)?;
        Ok(Self { body, lines, remote, crypto, edits, resuming, origin, protections, events })
    }

    /// Its `m=` lines in order.
    pub fn lines(&self) -> &[MediaLine] {
        &self.lines
    }

    /// Where the peer wants each relayed stream; `None` where the stream is absent, disabled, or bundled into another.
    pub fn remote(&self) -> [Option<RemoteStream>; STREAMS] {
        self.remote
    }

    /// The crypto attributes (RFC 4568) of each relayed stream that we can use, in their order: the peer's preference.
    pub fn crypto(&self) -> &[Vec<CryptoLine>; STREAMS] {
        &self.crypto
    }

    /// The telephone events of the first stream, the conversation.
    pub fn events(&self) -> EventFormats {
        self.remote[0].map(|stream| stream.events).unwrap_or_default()
    }

    /// What telephone events can be added under, in the clock of most codecs; `None`: there is no first stream, or no number is
    /// free.
    pub fn free_event_format(&self) -> Option<EventFormat> {
        self.remote[0]?;
        self.events.free().map(|payload_type| EventFormat { payload_type, clock_rate: 8_000 })
    }

    /// As [`Self::rewrite`], with these changes.
    pub fn rewrite_as(&self, address: IpAddr, rtp_ports: [u16; STREAMS], changes: &Changes) -> Bytes {
        let known = self.events();
        let is_event = |number| known.of(number).is_some();
        let first = self.remote[0].map(|_| self.events.edits(changes.events, is_event));
        let secured =
            self.protections.iter().flat_map(|stream| stream.edits(&self.body, &changes.encryption));
        let mut edits = self.edits.clone();
        edits.extend(first.into_iter().flatten().chain(secured));
        if let (Some(place), Some(origin)) = (&self.origin, &changes.origin) {
            edits.extend(place.edits(origin));
        }
        if !self.body.ends_with(b"\n") && edits.iter().any(|edit| edit.range.start == self.body.len()) {
            edits.insert(0, edit::Edit::line_end(&self.body));
        }
        edits.sort_by_key(|edit| edit.range.start);
        edit::apply(&self.body, &edits, address, rtp_ports).into()
    }

    /// The body with our address and ports in place of the peer's: `c=`, `m=` port, `o=` address, `a=rtcp`; ICE lines are
    /// removed. Every other byte is unchanged.
    pub fn rewrite(&self, address: IpAddr, rtp_ports: [u16; STREAMS]) -> Bytes {
        edit::apply(&self.body, &self.edits, address, rtp_ports).into()
    }

    /// Who names this description; `None` where nobody can tell, because its `o=` line has no version.
    pub fn origin(&self) -> Option<Origin> {
        self.origin.as_ref()?.read(&self.body)
    }

    /// The same session without hold: every stream is sent and received, and an address of zeros becomes ours.
    #[must_use]
    pub fn resumed(&self) -> Self {
        let mut session = self.clone();
        session.edits.append(&mut session.resuming);
        session.edits.sort_by_key(|edit| edit.range.start);
        session
    }
}
