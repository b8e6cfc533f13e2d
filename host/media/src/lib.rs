//! Media: SDP, the port pool, and the RTP relay.
//!
//! For a call, signalling allocates ports ([`command::MediaCommand::Allocate`]), points the offer at them
//! ([`sdp::Session::rewrite`]), announces what each side wants ([`sdp::Session::remote`],
//! [`command::MediaCommand::Announce`]) as offers and answers come, and releases the ports at the end. In a new offer or
//! answer of the same call it announces again.
//!
//! [`sdp`], [`port`], [`rtp`], [`dtmf`], [`srtp`] and [`command`] are pure. [`relay`] is the only part that does I/O: dedicated threads
//! that own the sockets; in it, too, the judgement of a packet is apart from receiving and sending. The packet path
//! allocates nothing, logs nothing and shares no lock with signalling. Nobody's packet is changed, except where signalling asks for
//! it: encryption that ends here, digits that go another way.

pub mod command;
pub mod dtmf;
pub mod port;
pub mod relay;
pub mod rtp;
pub mod sdp;
pub mod srtp;
