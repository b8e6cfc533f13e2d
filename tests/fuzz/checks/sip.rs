//! What holds for any input of the SIP message layer.
//!
//! Each function takes the bytes of one input and panics when something does not hold. The fuzz targets call
//! them, and the tests of the crate call them on stored inputs and on generated ones.
#![allow(dead_code, reason = "each target calls one of them")]

use bytes::{Bytes, BytesMut};
use cordboard_sip::message::{
    Edit, HeaderName, Message, NameAddr, ParseError, Problem, Response, StatusCode, Uri, Verdict, Via,
};
use cordboard_sip::transport::framing::{Frame, Framer, FramingError};
use cordboard_sip::{Flow, Transport};

/// A message: nothing panics, a message is read again as it was written, and an answer is a message.
pub(crate) fn message(data: &[u8]) {
    let bytes = Bytes::copy_from_slice(data);
    for transport in [Transport::Udp, Transport::Tcp] {
        match Verdict::of(bytes.clone(), transport) {
            Verdict::Accept(message) => {
                assert!(message.via().is_ok() && message.from().is_ok() && message.to().is_ok());
                assert!(message.call_id().is_ok() && message.cseq().is_ok());
                answered(&message, StatusCode::OK);
            }
            Verdict::Answer { request, problem } => answered(&request, problem.status()),
            Verdict::Drop(_) => {}
        }
    }
    match Message::parse(bytes) {
        Ok(message) => {
            read(&message);
            written_again(&message);
        }
        Err(ParseError::Malformed { message, .. }) => read(&message),
        Err(_) => {}
    }
}

/// Reads everything there is.
fn read(message: &Message) {
    let _ = (message.start(), message.method(), message.status(), message.body(), message.check());
    for header in message.headers() {
        assert!(message.values(header.name).any(|value| value == header.value));
        let _ =
            (Via::parse(header.value), NameAddr::parse(header.value).map(|address| address.display_text()));
        if header.name != HeaderName::Other {
            assert!(message.value(header.name).is_some());
        }
        let _ = message.elements(header.name).count();
    }
    let _ = (
        message.max_forwards(),
        message.expires(),
        message.rseq(),
        message.rack(),
        message.contacts().count(),
    );
}

/// Parse, write, parse: the same message. Writing it once more changes nothing.
fn written_again(message: &Message) {
    let written = Edit::of(message).write();
    let again = match Message::parse_stream(written.clone()) {
        Ok(again) => again,
        // The Content-Length that was missing may be one byte or one line more than fits.
        Err(ParseError::TooLong { .. } | ParseError::Malformed { problem: Problem::TooManyHeaders, .. }) => {
            return;
        }
        Err(error) => panic!("cannot read what was written: {error}"),
    };
    assert_eq!(message.start(), again.start());
    assert_eq!(message.body(), again.body());
    assert!(message.headers().zip(again.headers()).all(|(left, right)| left == right));
    assert_eq!(Edit::of(&again).write(), written);
}

/// A response to whatever could be read of a request has the lines it is made of and no others.
fn answered(request: &Message, status: StatusCode) {
    let remote = "198.51.100.7:40000".parse().expect("a literal address");
    let local = "192.0.2.1:5060".parse().expect("a literal address");
    let response = Response::new(request, &Flow::udp(local, remote), status, Some("ours"));
    let lines = response.headers().count();
    match Message::parse_stream(response.write()) {
        Ok(read) => {
            assert_eq!(read.headers().count(), lines + 1, "and Content-Length");
            assert_eq!(read.status(), Some(status));
            assert_eq!(read.values(HeaderName::Via).count(), request.values(HeaderName::Via).count());
        }
        // A Via or To just below the longest line is over it with our parameters.
        Err(ParseError::TooLong { .. } | ParseError::Malformed { problem: Problem::HeaderTooLong, .. }) => {}
        Err(error) => panic!("cannot read the answer: {error}"),
    }
}

/// A URI: its parts are in it, it is equivalent to itself, and brackets do not change it.
pub(crate) fn uri(data: &[u8]) {
    let Some(uri) = Uri::parse(data) else { return };
    assert!(uri.equivalent(&uri));
    let parts = [uri.scheme, uri.user.unwrap_or_default(), uri.host, uri.params, uri.headers];
    assert!(parts.iter().map(|part| part.len()).sum::<usize>() <= data.len());
    assert_eq!(uri.host.is_empty(), !uri.is_sip());
    let _ = (uri.user_text(), uri.param("transport"), uri.param("lr"));
    let bracketed = [b"\"x\" <", data, b">;tag=1"].concat();
    let address = NameAddr::parse(&bracketed).expect("a URI in brackets is an address");
    assert_eq!((address.uri, address.tag()), (uri, Some("1")));
}

/// A stream: the frames do not depend on the chunks it arrives in. The first byte says how long those are.
pub(crate) fn framing(data: &[u8]) {
    let Some((&size, stream)) = data.split_first() else { return };
    assert_eq!(cut(stream, usize::from(size).max(1)), cut(stream, stream.len().max(1)));
}

fn cut(stream: &[u8], size: usize) -> (Vec<Frame>, Option<FramingError>) {
    let (mut framer, mut buffer, mut frames) = (Framer::default(), BytesMut::new(), Vec::new());
    for chunk in stream.chunks(size) {
        buffer.extend_from_slice(chunk);
        loop {
            match framer.next(&mut buffer) {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) => return (frames, Some(error)),
            }
        }
    }
    (frames, None)
}
