//! Two ends of a call spoken by hand, for what the phones of the test support do not do.

use bytes::Bytes;
use cordboard_sip::message::{Message, Response};
use cordboard_sip::transport::Flow;
use cordboard_sip::{HeaderName, Method, StatusCode};
use cordboard_test_support::{WireId, World};

use crate::seconds;

/// One end of a call, spoken by hand.
pub(crate) struct End {
    pub(crate) wire: WireId,
    /// From (or To) of this end with its tag, and of the other end, as this leg knows them.
    pub(crate) local: String,
    pub(crate) remote: String,
    pub(crate) sip_call_id: String,
    pub(crate) cseq: u32,
}

pub(crate) fn sdp(world: &World, wire: WireId, direction: &str) -> String {
    let ip = world.on(wire).address().ip();
    format!(
        "v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\na={direction}\r\n"
    )
}

impl End {
    /// Sends a request within the dialog, and lets a second pass.
    pub(crate) fn send(&mut self, world: &mut World, method: &str, content_type: &str, body: &str) {
        let lines = if body.is_empty() { String::new() } else { format!("Content-Type: {content_type}\r\n") };
        self.send_with(world, method, &lines, body);
    }

    /// Sends a request with these header lines besides the usual ones, and lets a second pass.
    pub(crate) fn send_with(&mut self, world: &mut World, method: &str, lines: &str, body: &str) {
        if method != "ACK" {
            self.cseq += 1;
        }
        let address = world.on(self.wire).address();
        let Self { local, remote, sip_call_id, cseq, .. } = self;
        let length = body.len();
        let text = format!(
            "{method} sip:pbx.test SIP/2.0\r\nVia: SIP/2.0/UDP {address};branch=z9hG4bK{cseq}{method}{address};rport\r\n\
             From: {local}\r\nTo: {remote}\r\nCall-ID: {sip_call_id}\r\nCSeq: {cseq} {method}\r\n\
             Contact: <sip:end@{address}>\r\nMax-Forwards: 70\r\n{lines}Content-Length: {length}\r\n\r\n{body}"
        );
        world.send(self.wire, text);
        world.run_for(seconds(1));
    }

    /// Acknowledges the answer to the INVITE with this CSeq number.
    pub(crate) fn acknowledge(&mut self, world: &mut World, invite_cseq: u32) {
        let latest = std::mem::replace(&mut self.cseq, invite_cseq);
        self.send(world, "ACK", "", "");
        self.cseq = latest;
    }

    /// How many messages like this came.
    pub(crate) fn count(&self, world: &World, wanted: impl Fn(&Message) -> bool) -> usize {
        world.on(self.wire).received().iter().filter(|message| wanted(message)).count()
    }

    /// Takes the dialog of the last INVITE that came, as its callee.
    pub(crate) fn join(&mut self, world: &World) -> Message {
        let invite = self.last_request(world, Method::Invite);
        self.sip_call_id = text(&invite, HeaderName::CallId);
        self.remote = text(&invite, HeaderName::From);
        self.local = format!("{};tag=b", text(&invite, HeaderName::To));
        invite
    }

    /// Takes the To tag of the last response to the INVITE, as its caller.
    pub(crate) fn confirm(&mut self, world: &World) -> Message {
        let response = self.last(world, |message| {
            message.method() == Method::Invite && message.status().is_some_and(|status| status.code() > 100)
        });
        self.remote = text(&response, HeaderName::To);
        response
    }

    pub(crate) fn last(&self, world: &World, wanted: impl Fn(&Message) -> bool) -> Message {
        let found = world.on(self.wire).received().iter().rev().find(|message| wanted(message));
        found.expect("the message this test waits for came").clone()
    }

    pub(crate) fn last_request(&self, world: &World, method: Method) -> Message {
        self.last(world, |message| message.is_request() && message.method() == method)
    }

    pub(crate) fn last_status(&self, world: &World, method: Method) -> u16 {
        let response = self.last(world, |message| !message.is_request() && message.method() == method);
        response.status().map_or(0, StatusCode::code)
    }

    /// Answers a request, and lets a second pass.
    pub(crate) fn answer(&self, world: &mut World, request: &Message, status: StatusCode, body: &str) {
        self.answer_with(world, request, status, &[], body);
    }

    /// Answers a request with these headers besides the usual ones, and lets a second pass.
    pub(crate) fn answer_with(
        &self,
        world: &mut World,
        request: &Message,
        status: StatusCode,
        headers: &[(HeaderName, &str)],
        body: &str,
    ) {
        let address = world.on(self.wire).address();
        let tag = self.local.split("tag=").nth(1);
        let mut response = Response::new(request, &Flow::udp(address, address), status, tag);
        response.header(HeaderName::Contact, format!("<sip:end@{address}>"));
        for (name, value) in headers {
            response.header(*name, value);
        }
        if !body.is_empty() {
            response.body("application/sdp", Bytes::copy_from_slice(body.as_bytes()));
        }
        world.send(self.wire, response.write());
        world.run_for(seconds(1));
    }
}

pub(crate) fn text(message: &Message, name: HeaderName) -> String {
    String::from_utf8_lossy(message.value(name).unwrap_or_default()).into_owned()
}

pub(crate) fn body(message: &Message) -> String {
    String::from_utf8_lossy(&message.body()).into_owned()
}

/// A caller, and a callee that is registered.
pub(crate) fn two_ends(world: &mut World) -> (End, End) {
    let (a, b) = (world.wire(), world.wire());
    let address = world.on(b).address();
    let mut callee = End {
        wire: b,
        local: "<sip:1002@pbx.test>;tag=b".into(),
        remote: "<sip:1002@pbx.test>".into(),
        sip_call_id: "register".into(),
        cseq: 0,
    };
    callee.send(world, "REGISTER", "", "");
    assert_eq!(callee.last_status(world, Method::Register), 200, "{address} registers");
    let caller = End {
        wire: a,
        local: "<sip:1001@pbx.test>;tag=a".into(),
        remote: "<sip:1002@pbx.test>".into(),
        sip_call_id: "call".into(),
        cseq: 0,
    };
    (caller, callee)
}

/// Two ends in a call; the caller's INVITE carries an offer, or leaves it to the callee.
pub(crate) fn connected(world: &mut World, with_offer: bool) -> (End, End) {
    let (mut caller, mut callee) = two_ends(world);
    let (a, b) = (caller.wire, callee.wire);
    let offer = if with_offer { sdp(world, a, "sendrecv") } else { String::new() };
    invite(world, &mut caller, "", &offer);
    let invite = callee.join(world);
    let answer = sdp(world, b, "sendrecv");
    callee.answer(world, &invite, StatusCode::OK, &answer);
    caller.confirm(world);
    let ack_body = if with_offer { String::new() } else { sdp(world, a, "sendrecv") };
    caller.send(world, "ACK", "application/sdp", &ack_body);
    (caller, callee)
}

/// The first INVITE goes to the callee's number, not to the PBX itself.
pub(crate) fn invite(world: &mut World, caller: &mut End, lines: &str, offer: &str) {
    caller.cseq += 1;
    let address = world.on(caller.wire).address();
    let content_type = if offer.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
    let text = format!(
        "INVITE sip:1002@pbx.test SIP/2.0\r\nVia: SIP/2.0/UDP {address};branch=z9hG4bKfirst;rport\r\n\
         From: {}\r\nTo: {}\r\nCall-ID: call\r\nCSeq: {} INVITE\r\nContact: <sip:end@{address}>\r\n\
         Max-Forwards: 70\r\n{lines}{content_type}Content-Length: {}\r\n\r\n{offer}",
        caller.local,
        caller.remote,
        caller.cseq,
        offer.len()
    );
    world.send(caller.wire, text);
    world.run_for(seconds(1));
}

pub(crate) fn hang_up(world: &mut World, mut one: End, other: &End) {
    one.send(world, "BYE", "", "");
    let bye = other.last_request(world, Method::Bye);
    other.answer(world, &bye, StatusCode::OK, "");
    world.settle();
}
