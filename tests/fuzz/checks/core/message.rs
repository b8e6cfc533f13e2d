//! The messages that wires write.

use cordboard_sip::message::{HeaderName, Message};
use cordboard_test_support::{Wire, WireId, World};

/// INVITE stands for most of what there is to break.
pub(crate) const METHODS: [&str; 16] = [
    "INVITE",
    "INVITE",
    "INVITE",
    "INVITE",
    "ACK",
    "BYE",
    "REFER",
    "UPDATE",
    "INFO",
    "PRACK",
    "OPTIONS",
    "NOTIFY",
    "CANCEL",
    "REGISTER",
    "SUBSCRIBE",
    "BREW",
];

pub(crate) const STATUSES: [u16; 20] =
    [100, 180, 180, 183, 199, 200, 200, 200, 202, 302, 401, 404, 407, 422, 481, 486, 491, 503, 603, 699];

/// Header lines of requests.
pub(crate) const EXTRAS: [&str; 20] = [
    "",
    "",
    "",
    "Supported: 100rel, timer, replaces, norefersub\r\n",
    "Require: 100rel\r\n",
    "Require: timer\r\nSession-Expires: 90;refresher=uas\r\nMin-SE: 90\r\n",
    "Supported: timer\r\nSession-Expires: 30\r\n",
    "Require: teleportation\r\n",
    "Refer-To: <sip:phone@pbx.test>\r\n",
    "Refer-To: <sip:wire1@pbx.test>\r\nRefer-Sub: false\r\n",
    "Refer-To: <sip:wire0@pbx.test?Replaces=x%3Bto-tag%3Da%3Bfrom-tag%3Db>\r\n",
    "Replaces: 101@wire;to-tag=x;from-tag=w\r\n",
    "RAck: 1 1 INVITE\r\n",
    "Event: refer\r\nSubscription-State: terminated;reason=noresource\r\n",
    "Max-Forwards: 0\r\n",
    "Record-Route: <sip:10.2.0.2;lr>, <sip:10.2.0.3>\r\n",
    "Route: <sip:10.0.0.1;lr>\r\nRoute: <sip:10.2.0.9:5080>\r\n",
    "Expires: 0\r\nContact: *\r\n",
    "Authorization: Digest username=\"wire0\", realm=\"pbx\", nonce=\"\", uri=\"sip:x\", response=\"\"\r\n",
    "Privacy: id\r\nP-Asserted-Identity: <sip:ceo@pbx.test>\r\n",
];

/// Header lines of responses.
pub(crate) const ANSWERS: [&str; 10] = [
    "",
    "",
    "",
    "Require: 100rel\r\nRSeq: 1\r\n",
    "Require: 100rel\r\nRSeq: 2\r\n",
    "Supported: timer\r\nRequire: timer\r\nSession-Expires: 90;refresher=uac\r\n",
    "Min-SE: 120\r\n",
    "WWW-Authenticate: Digest realm=\"x\", nonce=\"y\", qop=\"auth\"\r\n",
    "Contact: <sip:wire1@pbx.test>, <sip:phone@pbx.test>\r\n",
    "Retry-After: 99999999999\r\n",
];

const OFFER: &str = "v=0\r\no=- 1 1 IN IP4 10.2.0.2\r\ns=-\r\nc=IN IP4 10.2.0.2\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 101\r\n\
    a=rtpmap:101 telephone-event/8000\r\n";
const HELD: &str = "v=0\r\no=- 1 2 IN IP4 10.2.0.2\r\ns=-\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n\
    a=inactive\r\nm=video 0 RTP/AVP 31\r\n";
const SECURE: &str = "v=0\r\no=- 1 3 IN IP4 10.2.0.2\r\ns=-\r\nc=IN IP4 10.2.0.2\r\nt=0 0\r\nm=audio 4000 RTP/SAVP 8\r\n\
    a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz\r\n";

/// Bodies; the first line says what one is.
pub(crate) const BODIES: [&str; 8] =
    [OFFER, OFFER, OFFER, "", HELD, SECURE, "Signal=5\r\nDuration=160\r\n", "SIP/2.0 200 OK\r\n"];

fn body_lines(body: &str) -> String {
    let kind = match body.split('=').next() {
        _ if body.is_empty() => return "Content-Length: 0\r\n\r\n".to_owned(),
        Some("v") => "application/sdp",
        Some("Signal") => "application/dtmf-relay",
        _ => "message/sipfrag",
    };
    format!("Content-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

fn via(wire: &Wire, branch: &str) -> String {
    format!("Via: SIP/2.0/{} {};branch={branch};rport\r\n", wire.transport().via_token(), wire.address())
}

/// A request outside of any dialog.
pub(crate) struct Fresh {
    pub(crate) method: &'static str,
    pub(crate) from: &'static str,
    pub(crate) to: &'static str,
    /// Makes Call-ID, tag and branch.
    pub(crate) number: u32,
    pub(crate) extra: &'static str,
    pub(crate) body: &'static str,
}

impl Fresh {
    pub(crate) fn branch(&self) -> String {
        format!("z9hG4bK{}", self.number)
    }

    pub(crate) fn write(&self, world: &World, wire: WireId) -> Vec<u8> {
        let wire = world.on(wire);
        let Self { method, from, to, number, extra, body } = self;
        let (via, at) = (via(wire, &self.branch()), wire.address());
        let hops = if extra.contains("Max-Forwards") { "" } else { "Max-Forwards: 70\r\n" };
        let contact = if extra.contains("Contact") { String::new() } else { contact(wire, from) };
        format!(
            "{method} sip:{to}@pbx.test SIP/2.0\r\n{via}From: <sip:{from}@pbx.test>;tag=w{number}\r\n\
             To: <sip:{to}@pbx.test>\r\nCall-ID: {number}@{at}\r\nCSeq: 1 {method}\r\n{hops}{contact}{extra}{}",
            body_lines(body)
        )
        .into_bytes()
    }
}

fn contact(wire: &Wire, user: &str) -> String {
    format!("Contact: <sip:{user}@{};transport={}>\r\n", wire.address(), wire.transport())
}

/// A dialog as the wire sees it that has got a message of it.
pub(crate) struct Dialog {
    from: String,
    to: String,
    call_id: String,
    target: String,
}

impl Dialog {
    pub(crate) fn of(seen: &Message) -> Option<Self> {
        let text = |name| seen.value(name).map(|value| String::from_utf8_lossy(value).into_owned());
        let (mut from, mut to) = (text(HeaderName::From)?, text(HeaderName::To)?);
        if seen.is_request() {
            std::mem::swap(&mut from, &mut to);
            if !from.contains(";tag=") {
                from += ";tag=wire0";
            }
        }
        let contact = text(HeaderName::Contact);
        // The node writes its Contact in brackets.
        let target = contact.as_deref().and_then(|contact| contact.split_once('<')?.1.split_once('>'));
        let target = target.map_or("sip:pbx.test", |(uri, _)| uri).to_owned();
        Some(Self { from, to, call_id: text(HeaderName::CallId)?, target })
    }

    pub(crate) fn request(
        &self,
        wire: &Wire,
        method: &str,
        cseq: u32,
        number: u32,
        extra: &str,
        body: &str,
    ) -> Vec<u8> {
        let Self { from, to, call_id, target } = self;
        let via = via(wire, &format!("z9hG4bK{number}"));
        format!(
            "{method} {target} SIP/2.0\r\n{via}From: {from}\r\nTo: {to}\r\nCall-ID: {call_id}\r\nCSeq: {cseq} {method}\r\n\
             Max-Forwards: 70\r\n{}{extra}{}",
            contact(wire, "wire"),
            body_lines(body)
        )
        .into_bytes()
    }
}

/// A response to a request that the node sent.
pub(crate) fn response(
    request: &Message,
    wire: &Wire,
    status: u16,
    tag: usize,
    extra: &str,
    body: &str,
) -> Vec<u8> {
    let mut text = format!("SIP/2.0 {status} Whatever\r\n");
    for header in request.headers() {
        let value = String::from_utf8_lossy(header.value);
        let tag = if value.contains(";tag=") { String::new() } else { format!(";tag=wire{tag}") };
        match header.name {
            HeaderName::Via
            | HeaderName::From
            | HeaderName::CallId
            | HeaderName::CSeq
            | HeaderName::RecordRoute => {
                text += &format!("{}: {value}\r\n", header.name.as_str());
            }
            HeaderName::To => text += &format!("To: {value}{tag}\r\n"),
            _ => {}
        }
    }
    if !extra.contains("Contact") {
        text += &contact(wire, "wire");
    }
    (text + extra + &body_lines(body)).into_bytes()
}
