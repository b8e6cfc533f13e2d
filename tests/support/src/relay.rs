//! A media relay that moves no packets: it hands out ports, counts them, and notices when it is misused.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use cordboard_media::command::{
    Keys, MediaCommand, MediaId, MediaPorts, MediaReply, RemoteStream, STREAMS, Side, StreamCounters,
};

/// The first port it hands out.
const FIRST_PORT: u16 = 10_000;
/// Four for each side: two streams with RTP and RTCP.
const PORTS_PER_CALL: u16 = 8;

/// The media of one call.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    /// Its ports.
    pub ports: MediaPorts,
    /// Where they are bound for the caller and the callee.
    pub addresses: (IpAddr, IpAddr),
    /// What the caller announced.
    pub caller: [Option<RemoteStream>; STREAMS],
    /// What the callee announced.
    pub callee: [Option<RemoteStream>; STREAMS],
    /// Where the SIP of the caller and the callee comes from, once they have announced.
    pub signalling: (Option<IpAddr>, Option<IpAddr>),
    /// Keys of the caller and the callee, where their encryption ends here.
    pub keys: (Keys, Keys),
    /// Whether the caller and the callee get digits by INFO.
    pub digits_by_info: (bool, bool),
    /// Digits of INFO that became telephone events, by who pressed them.
    pub pressed: Vec<(Side, char)>,
}

/// The fake relay.
#[derive(Debug)]
pub struct Relay {
    /// How many calls have ports at once; every further one is told that they are exhausted.
    pub capacity: usize,
    /// How long it takes to reply.
    pub delay: Duration,
    blocks: BTreeMap<MediaId, Block>,
    handed_out: usize,
    given_back: usize,
    most: usize,
}

impl Relay {
    pub(crate) fn new() -> Self {
        Self {
            capacity: 1_250,
            delay: Duration::ZERO,
            blocks: BTreeMap::new(),
            handed_out: 0,
            given_back: 0,
            most: 0,
        }
    }

    /// Ports in use.
    pub fn ports(&self) -> usize {
        self.blocks.len() * usize::from(PORTS_PER_CALL)
    }

    /// The most calls that had ports at the same time.
    pub fn most(&self) -> usize {
        self.most
    }

    /// How many blocks were handed out, and how many came back.
    pub fn turnover(&self) -> (usize, usize) {
        (self.handed_out, self.given_back)
    }

    /// The calls that have ports, oldest first.
    pub fn blocks(&self) -> impl Iterator<Item = (MediaId, &Block)> {
        self.blocks.iter().map(|(media, block)| (*media, block))
    }

    /// # Panics
    /// When signalling breaks the contract of the relay: a name used twice, or a command for media that is not there.
    pub(crate) fn handle(&mut self, command: &MediaCommand) -> Option<MediaReply> {
        match command.clone() {
            MediaCommand::Allocate { media, caller_address, callee_address } => {
                Some(self.allocate(media, (caller_address, callee_address)))
            }
            MediaCommand::Announce { media, side, signalling, streams, keys, digits_by_info } => {
                let block = self.blocks.get_mut(&media);
                let block = block.unwrap_or_else(|| panic!("{media:?} is announced but has no ports"));
                match side {
                    Side::Caller => {
                        (block.caller, block.signalling.0) = (streams, Some(signalling));
                        (block.keys.0, block.digits_by_info.0) = (keys, digits_by_info);
                    }
                    Side::Callee => {
                        (block.callee, block.signalling.1) = (streams, Some(signalling));
                        (block.keys.1, block.digits_by_info.1) = (keys, digits_by_info);
                    }
                }
                None
            }
            MediaCommand::Press { media, side, digit, .. } => {
                let block = self.blocks.get_mut(&media);
                let block =
                    block.unwrap_or_else(|| panic!("a key is pressed in {media:?}, which has no ports"));
                block.pressed.push((side, digit.as_char()));
                None
            }
            MediaCommand::Release { media } => {
                assert!(self.blocks.remove(&media).is_some(), "{media:?} is released but has no ports");
                self.given_back += 1;
                let nothing = [StreamCounters::default(); STREAMS];
                Some(MediaReply::Released { media, caller: nothing, callee: nothing })
            }
        }
    }

    fn allocate(&mut self, media: MediaId, addresses: (IpAddr, IpAddr)) -> MediaReply {
        assert!(!self.blocks.contains_key(&media), "{media:?} already has ports");
        if self.blocks.len() >= self.capacity {
            return MediaReply::Exhausted { media };
        }
        let ports = self.free_ports();
        let (caller, callee) = ([None; STREAMS], [None; STREAMS]);
        let block = Block {
            ports,
            addresses,
            caller,
            callee,
            signalling: (None, None),
            keys: ([None, None], [None, None]),
            digits_by_info: (false, false),
            pressed: Vec::new(),
        };
        self.blocks.insert(media, block);
        self.handed_out += 1;
        self.most = self.most.max(self.blocks.len());
        MediaReply::Allocated { media, ports }
    }

    /// The next block in turn, so that a port is not used again at once.
    fn free_ports(&self) -> MediaPorts {
        let range = u16::MAX - FIRST_PORT;
        let slots = usize::from(range / PORTS_PER_CALL);
        let base = FIRST_PORT + PORTS_PER_CALL * u16::try_from(self.handed_out % slots).unwrap_or_default();
        MediaPorts { caller: [base, base + 2], callee: [base + 4, base + 6] }
    }
}
