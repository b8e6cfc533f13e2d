//! The other side of the calls that the storm brings about: it answers what reaches it, sometimes.

use rand::{Rng, RngExt as _};

use crate::template::description;

/// A response to a request of the PBX; `None` for what needs none.
pub(crate) fn response(rng: &mut impl Rng, request: &[u8], me: std::net::SocketAddr) -> Option<Vec<u8>> {
    let request = String::from_utf8_lossy(request);
    if request.starts_with("SIP/2.0") || request.starts_with("ACK") {
        return None;
    }
    let invites = request.starts_with("INVITE");
    let line = match rng.random_range(0..10) {
        _ if !invites => "200 OK",
        0..=2 => "180 Ringing",
        3..=6 => "200 OK",
        7 => "486 Busy Here",
        8 => "302 Moved",
        _ => return None,
    };
    let mut text = format!("SIP/2.0 {line}\r\n");
    for head in request.lines().skip(1).take_while(|head| !head.is_empty()) {
        let Some((name, _)) = head.split_once(':') else { continue };
        if ["Via", "From", "To", "Call-ID", "CSeq", "Record-Route"].contains(&name) {
            let tag = if name == "To" && !head.contains(";tag=") { ";tag=stormy" } else { "" };
            text += &format!("{head}{tag}\r\n");
        }
    }
    let body = if invites { description(me) } else { String::new() };
    let kind = if invites { "Content-Type: application/sdp\r\n" } else { "" };
    text += &format!("Contact: <sip:7001@{me}>\r\n{kind}Content-Length: {}\r\n\r\n{body}", body.len());
    Some(text.into_bytes())
}
