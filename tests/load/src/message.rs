//! The few messages of the generator, and the few places that it reads in those of the PBX.
use std::net::SocketAddr;

/// A header's value, found by its full name as the PBX writes it.
pub(crate) fn header<'m>(message: &'m str, name: &str) -> Option<&'m str> {
    message.lines().take_while(|line| !line.is_empty()).find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then_some(value.trim())
    })
}

/// The status of a response.
pub(crate) fn status(message: &str) -> Option<u16> {
    message.strip_prefix("SIP/2.0 ")?.get(..3)?.parse().ok()
}

/// The number of the call in a Call-ID of ours, `<number>-<run>@load`.
pub(crate) fn call_number(message: &str, run: u32) -> Option<usize> {
    let (number, rest) = header(message, "Call-ID")?.split_once('-')?;
    let (of, _) = rest.split_once('@')?;
    if of.parse::<u32>().ok()? != run {
        return None;
    }
    number.parse().ok()
}

/// The URI in a Contact.
pub(crate) fn contact_uri(message: &str) -> Option<&str> {
    let value = header(message, "Contact")?;
    let (_, rest) = value.split_once('<')?;
    rest.split_once('>').map(|(uri, _)| uri)
}

fn description(address: SocketAddr) -> String {
    let ip = address.ip();
    format!(
        "v=0\r\no=load 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio 6000 RTP/AVP 0 8 101\r\n\
         a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\n\
         a=ptime:20\r\na=sendrecv\r\n"
    )
}

/// What all requests of one call by the caller have in common.
pub(crate) struct CallerLeg {
    /// Our address.
    pub(crate) me: SocketAddr,
    /// The PBX.
    pub(crate) pbx: SocketAddr,
    /// Which run.
    pub(crate) run: u32,
    /// Which call of it.
    pub(crate) number: usize,
    /// Who is called.
    pub(crate) user: u32,
}

impl CallerLeg {
    pub(crate) fn invite(&self) -> String {
        let body = description(self.me);
        let uri = format!("sip:{}@{}", self.user, self.pbx);
        let tail = format!(
            "Contact: <sip:caller@{}>\r\nUser-Agent: load\r\nAllow: INVITE, ACK, BYE, CANCEL, OPTIONS\r\n\
             Supported: replaces\r\nContent-Type: application/sdp\r\n",
            self.me
        );
        self.request("INVITE", &uri, 1, "", &tail, &body)
    }

    /// A request in the dialog that this 200 made.
    pub(crate) fn in_dialog(&self, method: &str, cseq: u32, answer: &str) -> Option<String> {
        let (_, tag) = header(answer, "To")?.split_once(";tag=")?;
        Some(self.request(method, contact_uri(answer)?, cseq, &format!(";tag={tag}"), "", ""))
    }

    /// The ACK of a final response that is no 2xx: same branch, same URI.
    pub(crate) fn acknowledge(&self, response: &str) -> Option<String> {
        let (_, tag) = header(response, "To")?.split_once(";tag=")?;
        let uri = format!("sip:{}@{}", self.user, self.pbx);
        let ack = self.request("ACK", &uri, 1, &format!(";tag={tag}"), "", "");
        Some(ack.replacen("-ACK;rport", "-INVITE;rport", 1))
    }

    fn request(&self, method: &str, uri: &str, cseq: u32, to_tag: &str, tail: &str, body: &str) -> String {
        let Self { me, pbx, run, number, user } = self;
        format!(
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {me};branch=z9hG4bK-{run}-{number}-{method};rport\r\n\
             Max-Forwards: 70\r\nFrom: <sip:1000@{pbx}>;tag=c{number}\r\nTo: <sip:{user}@{pbx}>{to_tag}\r\n\
             Call-ID: {number}-{run}@load\r\nCSeq: {cseq} {method}\r\n{tail}Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    }
}

/// A REGISTER for a user whose phone is at `me`.
pub(crate) fn register(me: SocketAddr, pbx: SocketAddr, user: u32) -> String {
    format!(
        "REGISTER sip:{pbx} SIP/2.0\r\nVia: SIP/2.0/UDP {me};branch=z9hG4bK-reg-{user};rport\r\nMax-Forwards: 70\r\n\
         From: <sip:{user}@{pbx}>;tag=r{user}\r\nTo: <sip:{user}@{pbx}>\r\nCall-ID: register-{user}@load\r\n\
         CSeq: 1 REGISTER\r\nContact: <sip:{user}@{me}>\r\nExpires: 3600\r\nContent-Length: 0\r\n\r\n"
    )
}

/// A callee's response to a request; with SDP when it is the 200 of an INVITE.
pub(crate) fn respond(request: &str, line: &str, me: SocketAddr, with_answer: bool) -> String {
    let mut text = format!("SIP/2.0 {line}\r\n");
    let copied = ["Via", "From", "To", "Call-ID", "CSeq", "Record-Route"];
    for head in request.lines().skip(1).take_while(|head| !head.is_empty()) {
        let Some((name, _)) = head.split_once(':') else { continue };
        if !copied.iter().any(|copied| copied.eq_ignore_ascii_case(name)) {
            continue;
        }
        text += head;
        if name.eq_ignore_ascii_case("To") && !head.contains(";tag=") {
            text += ";tag=callee";
        }
        text += "\r\n";
    }
    let body = if with_answer { description(me) } else { String::new() };
    text += &format!("Contact: <sip:callee@{me}>\r\n");
    if with_answer {
        text += "Content-Type: application/sdp\r\n";
    }
    text += &format!("Content-Length: {}\r\n\r\n{body}", body.len());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leg() -> CallerLeg {
        let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
        CallerLeg { me: at(1), pbx: at(2), run: 7, number: 12, user: 2003 }
    }

    #[test]
    fn a_callee_answers_what_the_caller_sent_and_both_know_which_call_it_is() {
        let invite = leg().invite();
        let answer = respond(&invite, "200 OK", leg().me, true);
        assert_eq!((status(&invite), status(&answer)), (None, Some(200)));
        assert_eq!(
            (call_number(&invite, 7), call_number(&answer, 7), call_number(&answer, 8)),
            (Some(12), Some(12), None)
        );
        assert_eq!(header(&answer, "Via"), header(&invite, "Via"));
        let bye = leg().in_dialog("BYE", 2, &answer).expect("the answer has a tag and a Contact");
        assert!(bye.starts_with("BYE sip:callee@127.0.0.1:1 SIP/2.0\r\n"), "{bye}");
        assert_eq!(header(&bye, "To"), Some("<sip:2003@127.0.0.1:2>;tag=callee"));
    }

    #[test]
    fn the_ack_of_a_refusal_has_the_branch_of_its_invite() {
        let invite = leg().invite();
        let refusal = respond(&invite, "503 Service Unavailable", leg().me, false);
        let ack = leg().acknowledge(&refusal).expect("the refusal has a tag");
        assert_eq!(header(&ack, "Via"), header(&invite, "Via"));
        assert_eq!(header(&ack, "CSeq"), Some("1 ACK"));
    }
}
