//! Requests written by hand, for what no phone of ours would send.

use cordboard_sip::HeaderName;
use cordboard_test_support::{WireId, World};

/// A request from a bare socket.
pub(crate) struct Raw<'a> {
    pub(crate) method: &'a str,
    pub(crate) uri: &'a str,
    pub(crate) branch: &'a str,
    pub(crate) call_id: &'a str,
    pub(crate) to_tag: &'a str,
    pub(crate) cseq: u32,
    pub(crate) max_forwards: u8,
    /// More header lines.
    pub(crate) lines: &'a [&'a str],
    pub(crate) body: &'a str,
}

impl Default for Raw<'_> {
    fn default() -> Self {
        Self {
            method: "INVITE",
            uri: "sip:1002@pbx.test",
            branch: "z9hG4bKone",
            call_id: "one@wire",
            to_tag: "",
            cseq: 1,
            max_forwards: 70,
            lines: &[],
            body: "",
        }
    }
}

impl Raw<'_> {
    pub(crate) fn send(&self, world: &mut World, wire: WireId) {
        let address = world.on(wire).address();
        let Self { method, uri, branch, call_id, to_tag, cseq, max_forwards, lines, body } = self;
        let more: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
        let text = format!(
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {address};branch={branch};rport\r\n\
             From: <sip:wire@pbx.test>;tag=w\r\nTo: <sip:1002@pbx.test>{to_tag}\r\nCall-ID: {call_id}\r\n\
             CSeq: {cseq} {method}\r\nContact: <sip:wire@{address}>\r\nMax-Forwards: {max_forwards}\r\n{more}\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        world.send(wire, text);
    }
}

/// Value of a header of the last response that a bare socket got; empty when there is none.
pub(crate) fn last_header(world: &World, wire: WireId, name: HeaderName) -> String {
    let last = world.on(wire).received().last();
    let value = last.and_then(|message| message.value(name)).unwrap_or_default();
    String::from_utf8_lossy(value).into_owned()
}
