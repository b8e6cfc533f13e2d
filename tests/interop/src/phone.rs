//! Two softphones of different make. Both run without a sound card: they play a tone from a file and record what they hear.

mod baresip;
mod linphone;

pub use baresip::Baresip;
pub use linphone::Linphone;

use std::net::{IpAddr, Ipv4Addr};

use crate::{Tone, Transport};

/// How a softphone is set up.
#[derive(Clone, Debug)]
pub struct Setup {
    /// How it talks to the PBX.
    pub transport: Transport,
    /// Its own address, one of this machine. For baresip only.
    pub address: IpAddr,
    /// What it plays in calls.
    pub tone: Tone,
    /// Every call of it is SRTP with keys in the SDP; it takes no other.
    pub srtp: bool,
    /// It has no telephone events, and sends digits by INFO. For linphone only: the baresip of Debian has telephone events always.
    pub digits_by_info: bool,
    /// What it proves itself with.
    pub password: Option<String>,
}

impl Setup {
    /// A phone without SRTP and password, and with telephone events.
    pub fn new(transport: Transport, tone: Tone) -> Self {
        Self {
            transport,
            address: Ipv4Addr::LOCALHOST.into(),
            tone,
            srtp: false,
            digits_by_info: false,
            password: None,
        }
    }
}
