//! Reading: one pass over the lines collects what each section says, then streams are given to `m=` lines.

use std::net::{IpAddr, SocketAddr};
use std::ops::Range;

use super::crypto::CryptoLine;
use super::edit::{Edit, Replacement};
use super::encryption::Protection;
use super::events::EventPlaces;
use super::line::{Line, fields, lines, port, unicast};
use super::origin;
use super::{MediaLine, SdpError};
use crate::command::{RemoteStream, STREAMS};
use crate::dtmf::{EventFormat, EventFormats};

/// Attributes that only an ICE agent may say (RFC 8839 §5, RFC 8840).
const ICE_ATTRIBUTES: [&[u8]; 9] = [
    b"candidate",
    b"remote-candidates",
    b"end-of-candidates",
    b"ice-ufrag",
    b"ice-pwd",
    b"ice-options",
    b"ice-lite",
    b"ice-mismatch",
    b"ice-pacing",
];

/// All that a body told.
pub(super) struct Reading {
    pub(super) lines: Vec<MediaLine>,
    pub(super) remote: [Option<RemoteStream>; STREAMS],
    pub(super) crypto: [Vec<CryptoLine>; STREAMS],
    pub(super) protections: Vec<Protection>,
    /// Of the first stream.
    pub(super) events: EventPlaces,
    /// In order of their ranges.
    pub(super) edits: Vec<Edit>,
    /// What ends a hold, besides them.
    pub(super) resuming: Vec<Edit>,
    pub(super) origin: Option<origin::Place>,
}

/// Reads a body.
pub(super) fn read(body: &[u8]) -> Result<Reading, SdpError> {
    let mut reader = Reader {
        body,
        session: Section::default(),
        media: Vec::new(),
        edits: Vec::new(),
        resuming: Vec::new(),
        origin: None,
    };
    for line in lines(body) {
        reader.line(&line)?;
    }
    if reader.session.line == 0 {
        return Err(SdpError::Malformed { line: 1, problem: "expected v=0, found an empty body" });
    }
    reader.finish()
}

/// What an `m=` line says before its formats.
struct MediaField {
    kind: Kind,
    relayable: bool,
    /// SRTP, whatever exchanges its keys.
    secure: bool,
    port: u16,
    port_range: Range<usize>,
    transport: Range<usize>,
    formats: Vec<Range<usize>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Audio,
    Video,
    Other,
}

/// The session part, or one `m=` line with what follows it.
#[derive(Default)]
struct Section {
    /// Of its first line; 0 before the first line of the body.
    line: usize,
    media: Option<MediaField>,
    /// Its first `c=`: the line and the address, or why that is none.
    connection: Option<(usize, Result<IpAddr, &'static str>)>,
    /// `a=sendrecv`, `sendonly`: true; `recvonly`, `inactive`: false.
    sends: Option<bool>,
    rtcp: Option<Rtcp>,
    mux: bool,
    events: EventFormats,
    /// Its `a=rtpmap` and `a=fmtp` lines, whole, with their payload types.
    attributes: Vec<(u8, Range<usize>)>,
    crypto: Vec<CryptoLine>,
    /// All its `a=crypto` lines, also those that we cannot use.
    crypto_lines: Vec<Range<usize>>,
    /// Where it ends; 0 as long as it goes on.
    end: usize,
}

/// An `a=rtcp` line (RFC 3605).
struct Rtcp {
    line: usize,
    port: Option<u16>,
    port_range: Range<usize>,
    address: Option<IpAddr>,
}

struct Reader<'a> {
    body: &'a [u8],
    session: Section,
    media: Vec<Section>,
    edits: Vec<Edit>,
    resuming: Vec<Edit>,
    origin: Option<origin::Place>,
}

impl Reader<'_> {
    fn line(&mut self, line: &Line) -> Result<(), SdpError> {
        if self.session.line == 0 {
            if line.letter != Some(b'v') || self.body[line.value.clone()].trim_ascii() != b"0" {
                return Err(malformed(line, "expected v=0, the first line of a session description"));
            }
            self.session.line = line.number;
            return Ok(());
        }
        match line.letter {
            Some(b'o') => self.origin(line),
            Some(b'c') => self.connection(line),
            Some(b'm') => self.media(line),
            Some(b'a') => {
                self.attribute(line);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn section(&mut self) -> &mut Section {
        self.media.last_mut().unwrap_or(&mut self.session)
    }

    fn edit(&mut self, range: Range<usize>, replacement: Replacement) {
        self.edits.push(Edit { range, replacement });
    }

    /// `o=<user> <id> <version> IN IP4 <address>`. Some phones have spaces in the user name, so the address type is looked
    /// for from the end.
    fn origin(&mut self, line: &Line) -> Result<(), SdpError> {
        let body = self.body;
        let fields = fields(body, line.value.clone());
        let is_type = |field: &Range<usize>| matches!(&body[field.clone()], b"IP4" | b"IP6");
        let family = fields.iter().rposition(is_type);
        let Some([family, address, ..]) = family.map(|family| &fields[family..]) else {
            return Err(malformed(line, "expected o=<user> <id> <version> IN <IP4 or IP6> <address>"));
        };
        if let Some([id, version, _net]) = before(&fields, family.start)
            && self.origin.is_none()
        {
            let name = line.value.start..id.end;
            self.origin = Some(origin::Place { name, version: version.clone() });
        }
        self.edit(family.start..address.end, Replacement::Address);
        Ok(())
    }

    fn connection(&mut self, line: &Line) -> Result<(), SdpError> {
        let fields = fields(self.body, line.value.clone());
        let [net, family, address, ..] = fields.as_slice() else {
            return Err(malformed(line, "expected c=IN <IP4 or IP6> <address>"));
        };
        let body = self.body;
        let read = unicast(&body[net.clone()], &body[family.clone()], &body[address.clone()]);
        let edit = Edit { range: family.start..address.end, replacement: Replacement::Address };
        let held = read.is_ok_and(|address| address.is_unspecified());
        if held {
            self.resuming.push(edit)
        } else {
            self.edits.push(edit)
        }
        let number = line.number;
        self.section().connection.get_or_insert((number, read));
        Ok(())
    }

    fn media(&mut self, line: &Line) -> Result<(), SdpError> {
        let fields = fields(self.body, line.value.clone());
        let [kind, port_range, transport, formats @ ..] = fields.as_slice() else {
            return Err(malformed(line, "expected m=<media> <port> <transport> <formats>"));
        };
        let text = &self.body[port_range.clone()];
        let port = port(text.split(|&byte| byte == b'/').next().unwrap_or_default())
            .ok_or(malformed(line, "expected a port from 0 to 65535 after the media type"))?;
        let kind = match &self.body[kind.clone()] {
            b"audio" => Kind::Audio,
            b"video" => Kind::Video,
            _ => Kind::Other,
        };
        let (port_range, transport, formats) = (port_range.clone(), transport.clone(), formats.to_vec());
        let profile = self.body[transport.clone()].to_ascii_uppercase();
        let (relayable, secure) = (is_relayable(&profile), is_secure(&profile));
        let media = MediaField { kind, relayable, secure, port, port_range, transport, formats };
        self.section().end = line.whole.start;
        self.media.push(Section { line: line.number, media: Some(media), ..Section::default() });
        Ok(())
    }

    fn attribute(&mut self, line: &Line) {
        let value = &self.body[line.value.clone()];
        let name = value.split(|&byte| byte == b':').next().unwrap_or_default().trim_ascii_end();
        match name {
            b"sendrecv" | b"sendonly" => self.direction(line, true),
            b"recvonly" | b"inactive" => self.direction(line, false),
            b"rtcp-mux" | b"rtcp-mux-only" => self.section().mux = true,
            b"rtcp" => self.rtcp(line, line.value.start + name.len()),
            b"crypto" => {
                let (read, whole) = (CryptoLine::read(value), line.whole.clone());
                let section = self.section();
                section.crypto.extend(read);
                section.crypto_lines.push(whole);
            }
            b"rtpmap" | b"fmtp" => {
                let (format, number, whole) = (event_format(value), payload_type(value), line.whole.clone());
                let section = self.section();
                section.attributes.extend(number.map(|number| (number, whole)));
                if let Some(format) = format {
                    section.events.add(format);
                }
            }
            _ if ICE_ATTRIBUTES.contains(&name) => self.edit(line.whole.clone(), Replacement::Removed),
            _ => {}
        }
    }

    fn direction(&mut self, line: &Line, sends: bool) {
        self.section().sends = Some(sends);
        self.resuming
            .push(Edit { range: line.value.clone(), replacement: Replacement::Text("sendrecv".into()) });
    }

    /// `a=rtcp:<port>`, or `a=rtcp:<port> IN IP4 <address>`; `after_name` is where the colon is.
    fn rtcp(&mut self, line: &Line, after_name: usize) {
        let value = (after_name + 1).min(line.value.end)..line.value.end;
        let body = self.body;
        let fields = fields(body, value.clone());
        let port_range = fields.first().cloned().unwrap_or(value);
        let mut address = None;
        if let [_, net, family, text, ..] = fields.as_slice() {
            address = unicast(&body[net.clone()], &body[family.clone()], &body[text.clone()]).ok();
            self.edit(family.start..text.end, Replacement::Address);
        }
        let rtcp = Rtcp { line: line.number, port: port(&body[port_range.clone()]), port_range, address };
        self.section().rtcp = Some(rtcp);
    }

    /// Gives the streams to the `m=` lines and checks what the streams depend on.
    fn finish(mut self) -> Result<Reading, SdpError> {
        let slots = slots(&self.media);
        self.section().end = self.body.len();
        let mut remote = [None; STREAMS];
        let mut crypto: [Vec<CryptoLine>; STREAMS] = Default::default();
        let mut protections = Vec::new();
        let mut events = EventPlaces::default();
        let mut lines = Vec::with_capacity(self.media.len());
        for (section, slot) in self.media.iter().zip(slots) {
            let media = section.media.as_ref().expect("every section in `media` begins with an m= line");
            let disabled = media.port == 0;
            lines.push(MediaLine { slot, disabled });
            if disabled {
                continue;
            }
            let Some(slot) = slot else {
                self.edits.push(Edit { range: media.port_range.clone(), replacement: Replacement::Refused });
                continue;
            };
            let stream = section.stream(&self.session, media.port)?;
            let bundled = remote
                .iter()
                .position(|other: &Option<RemoteStream>| other.is_some_and(|other| other.rtp == stream.rtp));
            if bundled.is_none() {
                remote[slot] = Some(stream);
                crypto[slot].clone_from(&section.crypto);
            }
            protections.push(section.protection(media, slot));
            if slot == 0 {
                events = section.event_places(self.body, media);
            }
            self.edits.extend(section.port_edits(media, bundled.unwrap_or(slot)));
        }
        self.edits.sort_by_key(|edit| edit.range.start);
        let (edits, resuming, origin) = (self.edits, self.resuming, self.origin);
        Ok(Reading { lines, remote, crypto, protections, events, edits, resuming, origin })
    }
}

impl Section {
    /// Where the peer wants this section's stream.
    fn stream(&self, session: &Self, port: u16) -> Result<RemoteStream, SdpError> {
        let (line, address) = self.connection.or(session.connection).ok_or(SdpError::UnusableAddress {
            line: self.line,
            problem: "expected a c= line in the session or after this m= line, found none",
        })?;
        let address = address.map_err(|problem| SdpError::UnusableAddress { line, problem })?;
        let sends = self.sends.or(session.sends).unwrap_or(true) && !address.is_unspecified();
        let rtp = SocketAddr::new(address, port);
        let secure = self.media.as_ref().is_some_and(|media| media.secure);
        Ok(RemoteStream { rtp, rtcp: self.rtcp_address(rtp)?, sends, secure, events: self.events })
    }

    fn protection(&self, media: &MediaField, slot: usize) -> Protection {
        let (transport, lines) = (media.transport.clone(), self.crypto_lines.clone());
        Protection { slot, transport, lines, end: self.end }
    }

    fn event_places(&self, body: &[u8], media: &MediaField) -> EventPlaces {
        let number = |range: &Range<usize>| std::str::from_utf8(&body[range.clone()]).ok()?.parse().ok();
        EventPlaces {
            formats: media.formats.iter().map(|range| (number(range), range.clone())).collect(),
            formats_end: media.formats.last().unwrap_or(&media.transport).end,
            attributes: self.attributes.clone(),
            end: self.end,
        }
    }

    fn rtcp_address(&self, rtp: SocketAddr) -> Result<SocketAddr, SdpError> {
        match &self.rtcp {
            _ if self.mux => Ok(rtp),
            None => Ok(SocketAddr::new(rtp.ip(), rtp.port().saturating_add(1))),
            Some(Rtcp { port: Some(port), address, .. }) => {
                Ok(SocketAddr::new(address.unwrap_or(rtp.ip()), *port))
            }
            Some(Rtcp { line, port: None, .. }) => Err(SdpError::Malformed {
                line: *line,
                problem: "expected a port from 0 to 65535 after a=rtcp:",
            }),
        }
    }

    /// The ports of this section that become those of `slot`. An `a=rtcp` that names the RTP port, as multiplexing peers
    /// write it, keeps naming the RTP port.
    fn port_edits(&self, media: &MediaField, slot: usize) -> impl Iterator<Item = Edit> {
        let rtp = Edit { range: media.port_range.clone(), replacement: Replacement::RtpPort(slot) };
        let rtcp = self.rtcp.as_ref().filter(|rtcp| rtcp.port.is_some()).map(|rtcp| {
            let same = rtcp.port == Some(media.port);
            let replacement = if same { Replacement::RtpPort(slot) } else { Replacement::RtcpPort(slot) };
            Edit { range: rtcp.port_range.clone(), replacement }
        });
        std::iter::once(rtp).chain(rtcp)
    }
}

/// The three fields in front of the one that starts here.
fn before(fields: &[Range<usize>], start: usize) -> Option<&[Range<usize>; 3]> {
    let place = fields.iter().position(|field| field.start == start)?;
    fields[..place].last_chunk()
}

/// Which relay stream each `m=` line is. Disabled lines count, so that the answer is read as the offer was.
fn slots(media: &[Section]) -> Vec<Option<usize>> {
    let mut taken = [false; STREAMS];
    let mut slots = vec![None; media.len()];
    for others in [false, true] {
        for (section, slot) in media.iter().zip(&mut slots) {
            let field = section.media.as_ref().expect("every section in `media` begins with an m= line");
            if (field.kind == Kind::Other) != others || !field.relayable {
                continue;
            }
            let candidates: &[usize] = if field.kind == Kind::Audio { &[0, 1] } else { &[1] };
            *slot = candidates.iter().copied().find(|&candidate| !taken[candidate]);
            if let Some(slot) = *slot {
                taken[slot] = true;
            }
        }
    }
    slots
}

/// Whether a transport of an `m=` line, in capitals, is datagrams that a relay can pass: RTP profiles over UDP, and UDPTL for
/// T.38.
fn is_relayable(transport: &[u8]) -> bool {
    transport.starts_with(b"RTP/") || transport.starts_with(b"UDP/TLS/RTP/") || transport == b"UDPTL"
}

/// Whether such a transport is SRTP: RTP/SAVP, RTP/SAVPF (RFC 4568, RFC 5124) and those with DTLS (RFC 5764).
fn is_secure(transport: &[u8]) -> bool {
    transport.windows(5).any(|part| part == b"/SAVP")
}

/// The payload type of `rtpmap:101 ...` and `fmtp:101 ...`.
fn payload_type(attribute: &[u8]) -> Option<u8> {
    let text = std::str::from_utf8(attribute).ok()?;
    let (_, value) = text.split_once(':')?;
    value.split_ascii_whitespace().next()?.parse().ok()
}

/// `rtpmap:101 telephone-event/8000`, whatever follows the clock rate.
fn event_format(attribute: &[u8]) -> Option<EventFormat> {
    let text = std::str::from_utf8(attribute.strip_prefix(b"rtpmap:")?).ok()?;
    let (payload_type, encoding) = text.trim_start().split_once(' ')?;
    let (name, rate) = encoding.trim_start().split_once('/')?;
    if !name.eq_ignore_ascii_case("telephone-event") {
        return None;
    }
    let rate = rate.split('/').next().unwrap_or(rate).trim_end();
    let payload_type = payload_type.parse().ok().filter(|number| *number < 128)?;
    Some(EventFormat { payload_type, clock_rate: rate.parse().ok().filter(|rate| *rate > 0)? })
}

fn malformed(line: &Line, problem: &'static str) -> SdpError {
    SdpError::Malformed { line: line.number, problem }
}
