//! Which codecs a description offers: some of them can be left out, for a peer that must not see the others.

use std::net::Ipv4Addr;
use std::ops::Range;

use bytes::Bytes;

use super::Session;
use super::line::{Line, fields, lines};
use crate::command::STREAMS;

/// Names of the payload types that need no `a=rtpmap` (RFC 3551 §6).
const STATIC: [(&[u8], &str); 12] = [
    (b"0", "PCMU"),
    (b"3", "GSM"),
    (b"4", "G723"),
    (b"8", "PCMA"),
    (b"9", "G722"),
    (b"13", "CN"),
    (b"15", "G728"),
    (b"18", "G729"),
    (b"26", "JPEG"),
    (b"31", "H261"),
    (b"32", "MPV"),
    (b"34", "H263"),
];

/// Attributes that belong to one payload type (RFC 8866 §6.6, §6.15, RFC 4585 §4.2).
const OF_ONE_TYPE: [&[u8]; 3] = [b"rtpmap", b"fmtp", b"rtcp-fb"];

impl Session {
    /// Whether anything is left of it with these codecs alone (see [`keep_codecs`]) once it is rewritten: a stream that the relay has
    /// no place for is refused then, and its codecs do not count.
    pub fn has_any_codec_of(&self, names: &[String]) -> bool {
        keep_codecs(&self.rewrite(Ipv4Addr::LOCALHOST.into(), [1; STREAMS]), names).is_some()
    }
}

/// `body` with these codecs alone, named as in `a=rtpmap` in any case: other formats leave the `m=` lines of RTP with their
/// attributes, and a line that is left without a format is refused by port 0. Everything else is unchanged. `None`: every line
/// of RTP that was not refused before would be.
pub fn keep_codecs(body: &Bytes, names: &[String]) -> Option<Bytes> {
    let sections = sections(body, names);
    let active = || sections.iter().filter(|section| !section.disabled);
    if active().count() > 0 && active().all(|section| section.kept.is_empty()) {
        return None;
    }
    if sections.iter().all(|section| section.dropped.is_empty()) {
        return Some(body.clone());
    }
    Some(Bytes::from(written(body, &sections)))
}

/// An `m=` line of RTP.
struct Section {
    line: usize,
    /// Its port was 0 before.
    disabled: bool,
    port: Range<usize>,
    formats: Vec<Range<usize>>,
    kept: Vec<Range<usize>>,
    dropped: Vec<Vec<u8>>,
}

fn sections(body: &[u8], names: &[String]) -> Vec<Section> {
    let mut found: Vec<Section> = Vec::new();
    let mut named: Vec<(usize, Vec<u8>, Vec<u8>)> = Vec::new();
    let mut inside = None;
    for line in lines(body) {
        if line.letter == Some(b'm') {
            let section = section(body, &line);
            inside = section.is_some().then_some(found.len());
            found.extend(section);
        } else if let (Some(inside), Some((payload_type, name))) = (inside, rtpmap(body, &line)) {
            named.push((inside, payload_type, name));
        }
    }
    for (place, section) in found.iter_mut().enumerate() {
        for format in section.formats.clone() {
            let payload_type = &body[format.clone()];
            let mapped = named.iter().find(|(at, number, _)| *at == place && number == payload_type);
            let usual = STATIC.iter().find(|(number, _)| *number == payload_type);
            let name = mapped.map(|(.., name)| name.as_slice()).or(usual.map(|(_, name)| name.as_bytes()));
            let is_kept = |name: &[u8]| names.iter().any(|kept| kept.as_bytes().eq_ignore_ascii_case(name));
            if name.is_some_and(is_kept) {
                section.kept.push(format);
            } else {
                section.dropped.push(payload_type.to_vec());
            }
        }
    }
    found
}

/// `m=<media> <port> <transport> <formats>`, when it is RTP.
fn section(body: &[u8], line: &Line) -> Option<Section> {
    let fields = fields(body, line.value.clone());
    let [_, port, transport, formats @ ..] = fields.as_slice() else { return None };
    let rtp = body[transport.clone()].windows(4).any(|part| part.eq_ignore_ascii_case(b"RTP/"));
    rtp.then(|| Section {
        line: line.number,
        disabled: &body[port.clone()] == b"0",
        port: port.clone(),
        formats: formats.to_vec(),
        kept: Vec::new(),
        dropped: Vec::new(),
    })
}

/// Payload type and name of `a=rtpmap:<type> <name>/<rate>`.
fn rtpmap(body: &[u8], line: &Line) -> Option<(Vec<u8>, Vec<u8>)> {
    let value = body[line.value.clone()].strip_prefix(b"rtpmap:").filter(|_| line.letter == Some(b'a'))?;
    let mut parts = value.split(|byte| *byte == b' ').filter(|part| !part.is_empty());
    let payload_type = parts.next()?;
    let name = parts.next()?.split(|byte| *byte == b'/').next()?;
    Some((payload_type.to_vec(), name.to_vec()))
}

fn written(body: &[u8], sections: &[Section]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len());
    let mut inside = None;
    for line in lines(body) {
        if line.letter == Some(b'm') {
            inside = sections.iter().find(|section| section.line == line.number);
            if let Some(section) = inside.filter(|section| !section.dropped.is_empty()) {
                write_media(&mut out, body, &line, section);
                continue;
            }
        }
        let leaves =
            inside.is_some_and(|section| !section.kept.is_empty() && is_of_dropped(body, &line, section));
        if !leaves {
            out.extend_from_slice(&body[line.whole]);
        }
    }
    out
}

/// The `m=` line with what is kept of its formats; all of them, and port 0, when nothing is.
fn write_media(out: &mut Vec<u8>, body: &[u8], line: &Line, section: &Section) {
    let first = section.formats.first().map_or(line.value.end, |format| format.start);
    if section.kept.is_empty() {
        out.extend_from_slice(&body[line.whole.start..section.port.start]);
        out.push(b'0');
        out.extend_from_slice(&body[section.port.end..line.whole.end]);
        return;
    }
    out.extend_from_slice(body[line.whole.start..first].trim_ascii_end());
    for format in &section.kept {
        out.push(b' ');
        out.extend_from_slice(&body[format.clone()]);
    }
    out.extend_from_slice(&body[line.value.end..line.whole.end]);
}

/// Whether an attribute line belongs to a payload type that was left out.
fn is_of_dropped(body: &[u8], line: &Line, section: &Section) -> bool {
    if line.letter != Some(b'a') {
        return false;
    }
    let value = &body[line.value.clone()];
    let mut parts = value.splitn(2, |byte| *byte == b':');
    let (Some(name), Some(rest)) = (parts.next(), parts.next()) else { return false };
    let payload_type = rest.trim_ascii_start().split(|byte| *byte == b' ').next().unwrap_or_default();
    OF_ONE_TYPE.contains(&name) && section.dropped.iter().any(|dropped| dropped == payload_type)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFER: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\n\
        m=audio 4000 RTP/AVP 111 8  0 101 \r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 useinbandfec=1\r\n\
        a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=sendrecv\r\n\
        m=video 4002 RTP/SAVPF 96\r\na=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack\r\n\
        m=image 4004 udptl t38\r\na=T38FaxVersion:0\r\n";

    fn kept(body: &str, names: &[&str]) -> Option<String> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let kept = keep_codecs(&Bytes::copy_from_slice(body.as_bytes()), &names)?;
        Some(String::from_utf8(kept.to_vec()).expect("text stays text"))
    }

    #[test]
    fn other_codecs_leave_with_their_attributes_and_nothing_else_changes() {
        let expected = "v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\n\
            m=audio 4000 RTP/AVP 8 101\r\n\
            a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=sendrecv\r\n\
            m=video 0 RTP/SAVPF 96\r\na=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack\r\n\
            m=image 4004 udptl t38\r\na=T38FaxVersion:0\r\n";
        assert_eq!(kept(OFFER, &["pcma", "Telephone-Event"]).as_deref(), Some(expected));
    }

    #[test]
    fn a_description_in_which_all_is_allowed_is_the_same_byte_for_byte() {
        let all = ["opus", "PCMA", "PCMU", "telephone-event", "VP8"];
        assert_eq!(kept(OFFER, &all).as_deref(), Some(OFFER));
    }

    #[test]
    fn a_codec_of_a_stream_that_is_not_relayed_does_not_count() {
        let offer = "v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\nc=IN IP4 192.0.2.7\r\nm=audio 4000 RTP/AVP 0\r\n\
            m=audio 4002 RTP/AVP 0\r\nm=audio 4004 RTP/AVP 8\r\n";
        let session = Session::parse(Bytes::from_static(offer.as_bytes())).expect("it can be read");
        assert!(session.has_any_codec_of(&["PCMU".to_owned()]));
        assert!(!session.has_any_codec_of(&["PCMA".to_owned()]));
    }

    #[test]
    fn nothing_is_left_when_no_codec_is_allowed() {
        assert_eq!(kept(OFFER, &["G729"]), None);
        let fax = "v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\nm=image 4004 udptl t38\r\n";
        assert_eq!(kept(fax, &["G729"]).as_deref(), Some(fax), "what is no RTP has no codecs");
    }

    #[test]
    fn a_payload_type_is_what_its_map_says_and_not_what_it_usually_is() {
        let offer = "v=0\nm=audio 4000 RTP/AVP 8 97\na=rtpmap:8 X-ODD/8000\na=rtpmap:97 PCMA/8000\n";
        let expected = "v=0\nm=audio 4000 RTP/AVP 97\na=rtpmap:97 PCMA/8000\n";
        assert_eq!(kept(offer, &["PCMA"]).as_deref(), Some(expected));
    }

    #[test]
    fn a_stream_that_was_refused_before_stays_as_it_is() {
        let answer = "v=0\r\nm=audio 4000 RTP/AVP 8\r\nm=video 0 RTP/AVP 96\r\n";
        assert_eq!(
            kept(answer, &["PCMA"]).as_deref(),
            Some("v=0\r\nm=audio 4000 RTP/AVP 8\r\nm=video 0 RTP/AVP 96\r\n")
        );
    }
}
