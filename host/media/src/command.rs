//! What signalling tells the relay, and what it hears back.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::dtmf::{Digit, EventFormats};
use crate::srtp::{MasterKey, Suite};

/// Names the media of one call.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct MediaId(pub u64);

/// One of the two legs that the relay connects.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Side {
    /// The caller's leg.
    Caller,
    /// The callee's leg.
    Callee,
}

/// How many streams of a call are relayed: audio and video (requirement B2).
pub const STREAMS: usize = 2;

/// The ports that one call has: for each side and stream an even RTP port, RTCP on the next one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MediaPorts {
    /// RTP ports shown to the caller.
    pub caller: [u16; STREAMS],
    /// RTP ports shown to the callee.
    pub callee: [u16; STREAMS],
}

/// Where a peer announced that it wants a stream (from its SDP).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RemoteStream {
    /// RTP. An unspecified address (hold by `0.0.0.0`) wants nothing, but may still send.
    pub rtp: SocketAddr,
    /// RTCP; the next port unless `a=rtcp` said otherwise, the same with `a=rtcp-mux`.
    pub rtcp: SocketAddr,
    /// Whether the peer currently expects to send. The media timeout runs while both sides of some stream do, so a hold by
    /// either side suspends it.
    pub sends: bool,
    /// Whether it is SRTP. It passes as it is, unless the announcement has keys for it.
    pub secure: bool,
    /// The payload types under which it takes telephone events (RFC 4733).
    pub events: EventFormats,
}

/// What a stream is encrypted with between the relay and one side (RFC 4568).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StreamKeys {
    /// For both directions.
    pub suite: Suite,
    /// The peer's: what it encrypts with.
    pub receive: MasterKey,
    /// Ours.
    pub send: MasterKey,
}

/// The keys of a side whose encryption ends at the relay, by stream. `None`: the stream passes as it is.
pub type Keys = [Option<Box<StreamKeys>>; STREAMS];

/// A command of signalling.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "commands are carried out one by one; a box for each would cost more"
)]
pub enum MediaCommand {
    /// Reserve a block of eight ports, bound on `caller_address` for the caller's side and `callee_address` for the other.
    /// Answered by [`MediaReply::Allocated`] or [`MediaReply::Exhausted`].
    Allocate {
        /// Names it from now on.
        media: MediaId,
        /// Our address towards the caller.
        caller_address: IpAddr,
        /// Our address towards the callee.
        callee_address: IpAddr,
    },
    /// What one side announced, by its offer or answer; packets flow once both sides are known. `None` at a stream that
    /// is absent or refused. Answered only when it fails: [`MediaReply::Exhausted`] when the ports of a second stream
    /// cannot be bound; the first one is relayed all the same.
    Announce {
        /// Which call.
        media: MediaId,
        /// Whose SDP.
        side: Side,
        /// Where the SIP of this leg comes from. A peer behind NAT announces an address that nothing can come from; its media
        /// come from the host that its signalling comes from, and nobody else is taken for it.
        signalling: IpAddr,
        /// Its streams.
        streams: [Option<RemoteStream>; STREAMS],
        /// Their keys. A direction whose key stays the same goes on; one with another key begins anew.
        keys: Keys,
        /// The peer takes digits by INFO only: telephone events for it are told, and taken out of the stream.
        digits_by_info: bool,
    },
    /// A side pressed a key by INFO: it becomes a telephone event in its stream, if the other side takes those.
    Press {
        /// Which call.
        media: MediaId,
        /// Who pressed it.
        side: Side,
        /// Which key.
        digit: Digit,
        /// How long.
        duration: Duration,
        /// A random number: where SSRC and numbers begin if the side has sent nothing yet.
        seed: u32,
    },
    /// Give the ports back; answered by [`MediaReply::Released`] with the counters.
    Release {
        /// Which call.
        media: MediaId,
    },
}

/// What was counted for one stream in one direction: received from `side`.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct StreamCounters {
    /// RTP packets received and relayed.
    pub packets: u64,
    /// Their bytes, with headers.
    pub bytes: u64,
    /// Sequence numbers that never came (RFC 3550 §A.3).
    pub lost: u64,
    /// Interarrival jitter in units of the RTP clock (RFC 3550 §A.8).
    pub jitter: u32,
    /// Packets of strangers, dropped.
    pub refused: u64,
    /// Encrypted packets whose tag was wrong, or that had come before; dropped.
    pub rejected: u64,
    /// RTCP packets relayed.
    pub rtcp_packets: u64,
}

/// What the relay tells signalling.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "told a few times per call; a box for each end would cost more"
)]
pub enum MediaReply {
    /// The ports are bound and swallow or hold packets until both sides are announced.
    Allocated {
        /// Which call.
        media: MediaId,
        /// Its ports.
        ports: MediaPorts,
    },
    /// No block is free, or none could be bound, or not all ports of one.
    Exhausted {
        /// Which call.
        media: MediaId,
    },
    /// Nobody sent anything on any stream for the configured time, although both should. Told again after each further such
    /// time.
    TimedOut {
        /// Which call.
        media: MediaId,
    },
    /// One side has sent nothing for the configured time, neither RTP nor RTCP, although both should and the other does. Told
    /// once for each such silence.
    Silent {
        /// Which call.
        media: MediaId,
        /// Who is not heard.
        side: Side,
    },
    /// A key was pressed and released (RFC 4733).
    Pressed {
        /// Which call.
        media: MediaId,
        /// Who pressed it.
        side: Side,
        /// Which key.
        digit: Digit,
        /// How long it was held, as far as was heard.
        duration: Duration,
    },
    /// The end of a call's media; `[caller, callee]` by stream.
    Released {
        /// Which call.
        media: MediaId,
        /// Received from the caller.
        caller: [StreamCounters; STREAMS],
        /// Received from the callee.
        callee: [StreamCounters; STREAMS],
    },
}
