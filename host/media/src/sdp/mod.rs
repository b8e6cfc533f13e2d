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
mod edit;
mod error;
mod line;
mod origin;
mod read;
#[cfg(test)]
mod tests;

use std::net::IpAddr;

use bytes::Bytes;

use crate::command::{RemoteStream, STREAMS};

pub use codecs::keep_codecs;
pub use error::SdpError;
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
    edits: Vec<edit::Edit>,
    /// The other changes, of one that was put on hold and is to go on.
    resuming: Vec<edit::Edit>,
    origin: Option<origin::Place>,
}

impl Session {
    /// Reads a body of `application/sdp`. A multipart body is not SDP; the caller takes the part out first.
    ///
    /// # Errors
    /// When a line that the relay depends on is malformed. Everything else passes unread.
    pub fn parse(body: Bytes) -> Result<Self, SdpError> {
        let read::Reading { lines, remote, edits, resuming, origin } = read::read(&body)?;
        Ok(Self { body, lines, remote, edits, resuming, origin })
    }

    /// Its `m=` lines in order.
    pub fn lines(&self) -> &[MediaLine] {
        &self.lines
    }

    /// Where the peer wants each relayed stream; `None` where the stream is absent, disabled, or bundled into another.
    pub fn remote(&self) -> [Option<RemoteStream>; STREAMS] {
        self.remote
    }

    /// The body with our address and ports in place of the peer's: `c=`, `m=` port, `o=` address, `a=rtcp`; ICE lines are
    /// removed. Every other byte is unchanged.
    pub fn rewrite(&self, address: IpAddr, rtp_ports: [u16; STREAMS]) -> Bytes {
        edit::apply(&self.body, &self.edits, address, rtp_ports).into()
    }

    /// As [`Self::rewrite`], in the name of a session that its reader has seen before: a description that goes on from another one
    /// has its user name and id, and a higher version (RFC 3264 §8).
    pub fn rewrite_as(&self, address: IpAddr, rtp_ports: [u16; STREAMS], origin: &Origin) -> Bytes {
        let body = self.rewrite(address, rtp_ports);
        // No edit stands before the origin, so that its place is where it was.
        match &self.origin {
            Some(place) => place.replace(&body, origin),
            None => body,
        }
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
