//! A socket without a SIP stack behind it: sends what a test wrote and keeps what came back.

use std::net::SocketAddr;

use bytes::Bytes;
use cordboard_sip::{Message, Transport};

/// One such socket. What it sends is written by hand, so it can send what no phone would.
#[derive(Debug)]
pub struct Wire {
    pub(crate) address: SocketAddr,
    pub(crate) transport: Transport,
    received: Vec<Message>,
}

impl Wire {
    pub(crate) fn new(address: SocketAddr, transport: Transport) -> Self {
        Self { address, transport, received: Vec::new() }
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it speaks.
    pub fn transport(&self) -> Transport {
        self.transport
    }

    /// Everything that came, oldest first.
    pub fn received(&self) -> &[Message] {
        &self.received
    }

    /// Status codes of the responses that came.
    pub fn statuses(&self) -> Vec<u16> {
        self.received.iter().filter_map(Message::status).map(|status| status.code()).collect()
    }

    pub(crate) fn receive(&mut self, bytes: Bytes) {
        self.received.push(Message::parse(bytes).expect("the node sends messages that can be read"));
    }
}
