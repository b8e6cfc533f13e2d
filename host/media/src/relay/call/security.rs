//! The encryption of one stream towards one side, where it ends at the relay.

use super::packet::Packet;
use crate::command::StreamKeys;
use crate::srtp::{Protector, Rejected, Unprotector, Unsent};

/// Both directions of it.
#[derive(Debug)]
pub(super) struct Security {
    keys: StreamKeys,
    receive: Unprotector,
    send: Protector,
}

impl Security {
    /// With these keys. A direction whose key is the same as before goes on where it is: a re-INVITE announces the same keys again,
    /// and counters that began anew would lose every packet after the first wrap, or use a keystream twice.
    pub(super) fn renewed(before: Option<Box<Self>>, keys: &StreamKeys) -> Box<Self> {
        let mut renewed = Self {
            receive: Unprotector::new(keys.suite, &keys.receive),
            send: Protector::new(keys.suite, &keys.send),
            keys: keys.clone(),
        };
        if let Some(before) = before.filter(|before| before.keys.suite == keys.suite) {
            let former = *before;
            if former.keys.receive == keys.receive {
                renewed.receive = former.receive;
            }
            if former.keys.send == keys.send {
                renewed.send = former.send;
            }
        }
        Box::new(renewed)
    }

    /// Checks and decrypts a packet of the peer.
    pub(super) fn open(&mut self, control: bool, packet: &mut Packet<'_>) -> Result<(), Rejected> {
        let bytes = &mut packet.buffer[..packet.length];
        packet.length = if control { self.receive.rtcp(bytes)? } else { self.receive.rtp(bytes)? };
        Ok(())
    }

    /// Encrypts a packet for the peer.
    pub(super) fn close(&mut self, control: bool, packet: &mut Packet<'_>) -> Result<(), Unsent> {
        let Packet { buffer, length } = packet;
        *length = if control { self.send.rtcp(buffer, *length)? } else { self.send.rtp(buffer, *length)? };
        Ok(())
    }
}
