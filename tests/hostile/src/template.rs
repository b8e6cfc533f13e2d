//! What is damaged: sound messages of every kind, and those that the RFCs torture readers with.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use rand::{Rng, RngExt as _};

use crate::loopback;

/// Users whose calls reach a socket of the storm.
pub(crate) const USERS: [&str; 3] = ["7001", "7002", "7003"];

const METHODS: [&str; 16] = [
    "INVITE",
    "INVITE",
    "INVITE",
    "INVITE",
    "REGISTER",
    "REGISTER",
    "OPTIONS",
    "BYE",
    "CANCEL",
    "ACK",
    "REFER",
    "UPDATE",
    "INFO",
    "PRACK",
    "NOTIFY",
    "SUBSCRIBE",
];

const LINES: [&str; 12] = [
    "",
    "",
    "Supported: 100rel, timer, replaces\r\n",
    "Require: 100rel\r\n",
    "Session-Expires: 90;refresher=uac\r\nMin-SE: 90\r\n",
    "Route: <sip:127.0.0.9;lr>\r\nRecord-Route: <sip:127.0.0.9;lr>\r\n",
    "Refer-To: <sip:7001@127.0.0.9?Replaces=a%3Bto-tag%3Db%3Bfrom-tag%3Dc>\r\n",
    "Replaces: a@b;to-tag=c;from-tag=d\r\n",
    "Authorization: Digest username=\"7001\", realm=\"pbx\", nonce=\"n\", uri=\"sip:x\", response=\"0\", qop=auth, nc=00000001, \
     cnonce=\"c\"\r\n",
    "Expires: 60\r\nSubject: \u{e9}\r\nX-Any: a, \"b, c\" <d>\r\n",
    "RAck: 1 1 INVITE\r\nRSeq: 1\r\n",
    "P-Asserted-Identity: <sip:7002@127.0.0.9>\r\nPrivacy: id\r\n",
];

/// All templates of one storm.
pub(crate) struct Templates {
    pbx: SocketAddr,
    torture: Vec<Vec<u8>>,
}

impl Templates {
    /// # Panics
    /// When the torture messages are not there.
    pub(crate) fn new(pbx: SocketAddr) -> Self {
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/sip");
        let mut torture = Vec::new();
        for folder in ["rfc4475", "rfc5118"] {
            let files = fs::read_dir(data.join(folder)).expect("the torture messages are in the checkout");
            let mut files: Vec<_> = files.map(|file| file.expect("it is readable").path()).collect();
            files.sort();
            torture.extend(
                files.iter().map(|file| loopback::rewritten(&fs::read(file).expect("it is readable"))),
            );
        }
        Self { pbx, torture }
    }

    /// A sound message of `me`, or one of the tortures; `number` makes it one of its own.
    pub(crate) fn any(&self, rng: &mut impl Rng, me: SocketAddr, transport: &str, number: u64) -> Vec<u8> {
        match rng.random_range(0..10) {
            0 | 1 => self.torture[rng.random_range(0..self.torture.len())].clone(),
            2 => response(rng, me, transport, number),
            _ => {
                let method = METHODS[rng.random_range(0..METHODS.len())];
                let to = USERS[rng.random_range(0..USERS.len())];
                self.request(method, to, me, transport, number, LINES[rng.random_range(0..LINES.len())])
            }
        }
        .into_iter()
        .collect()
    }

    /// A request; REGISTER makes the sender one of the users.
    pub(crate) fn request(
        &self,
        method: &str,
        to: &str,
        me: SocketAddr,
        transport: &str,
        number: u64,
        lines: &str,
    ) -> Vec<u8> {
        let pbx = self.pbx;
        let (uri, from) = if method == "REGISTER" {
            (format!("sip:{pbx}"), to)
        } else {
            (format!("sip:{to}@{pbx}"), "7009")
        };
        let to_tag =
            if matches!(method, "BYE" | "ACK" | "UPDATE" | "INFO" | "PRACK") { ";tag=theirs" } else { "" };
        let body = if method == "INVITE" { description(me) } else { String::new() };
        let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        format!(
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/{transport} {me};branch=z9hG4bK-storm-{number};rport\r\nMax-Forwards: 70\r\n\
             From: \"A storm\" <sip:{from}@{pbx}>;tag=s{number}\r\nTo: <sip:{to}@{pbx}>{to_tag}\r\nCall-ID: {number}@storm\r\n\
             CSeq: {} {method}\r\nContact: <sip:{to}@{me}>\r\n{lines}{kind}Content-Length: {}\r\n\r\n{body}",
            1 + number % 7,
            body.len()
        )
        .into_bytes()
    }
}

fn response(rng: &mut impl Rng, me: SocketAddr, transport: &str, number: u64) -> Vec<u8> {
    let status = [100, 180, 183, 200, 302, 401, 407, 422, 486, 503, 699][rng.random_range(0..11)];
    let body = description(me);
    format!(
        "SIP/2.0 {status} Whatever\r\nVia: SIP/2.0/{transport} 127.0.0.1:5060;branch=z9hG4bK{number};rport\r\n\
         From: <sip:7001@127.0.0.1>;tag=a\r\nTo: <sip:7002@127.0.0.1>;tag=b\r\nCall-ID: {number}@storm\r\nCSeq: 1 INVITE\r\n\
         Contact: <sip:7002@{me}>\r\nWWW-Authenticate: Digest realm=\"x\", nonce=\"y\"\r\nContent-Type: application/sdp\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// An offer or an answer.
pub(crate) fn description(me: SocketAddr) -> String {
    let ip = me.ip();
    format!(
        "v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio 6000 RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\n\
         a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=sendrecv\r\nm=video 6002 RTP/AVP 31\r\na=rtcp:6003\r\n"
    )
}
