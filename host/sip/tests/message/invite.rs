//! One INVITE: parse, read, answer, write.
use bytes::Bytes;
use cordboard_sip::message::{HeaderName, Message, Method, NameAddr, Request, Response, StatusCode, Verdict};
use cordboard_sip::{Flow, Transport};

pub(crate) const INVITE: &str = "INVITE sip:bob@biloxi.example.com SIP/2.0\r\n\
    Via: SIP/2.0/UDP client.atlanta.example.com:5060;branch=z9hG4bK74b43;rport\r\n\
    v: SIP / 2.0 / TCP [2001:db8::9:1]:5070 ; branch=z9hG4bKb,SIP/2.0/UDP c.example.com;branch=z9hG4bKc\r\n\
    Max-Forwards: 70\r\n\
    Record-Route: <sip:ss1.atlanta.example.com;lr>\r\n\
    f: \"Alice, the \\\"first\\\"\" <sip:alice@atlanta.example.com>;tag=9fxced76sl\r\n\
    To: Bob\r\n <sip:bob@biloxi.example.com>\r\n\
    Call-ID: 3848276298220188511@atlanta.example.com\r\n\
    CSeq: 2 INVITE\r\n\
    m: <sip:alice@client.atlanta.example.com;transport=tcp>;expires=60, <sip:a@[::1]>\r\n\
    X-Thing: value\r\n\
    l: 4\r\n\r\nv=0\n";

fn flow() -> Flow {
    Flow::udp("192.0.2.1:5060".parse().unwrap(), "198.51.100.7:40000".parse().unwrap())
}

#[test]
fn an_invite_is_read() {
    let message = Message::parse(Bytes::from(INVITE)).unwrap();
    assert_eq!(message.check(), Ok(()));
    assert_eq!(message.method(), Method::Invite);
    assert_eq!(message.request_uri(), Some(&b"sip:bob@biloxi.example.com"[..]));
    let via = message.via().unwrap();
    assert_eq!((via.host, via.port), (&b"client.atlanta.example.com"[..], Some(5060)));
    assert_eq!((via.branch(), via.param("RPORT")), (Some(&b"z9hG4bK74b43"[..]), Some(&b""[..])));
    let vias: Vec<_> = message.vias().map(|via| via.unwrap().host).collect();
    assert_eq!(vias, [&b"client.atlanta.example.com"[..], b"[2001:db8::9:1]", b"c.example.com"]);
    let from = message.from().unwrap();
    assert_eq!((from.tag(), from.display_text().as_str()), (Some("9fxced76sl"), "Alice, the \"first\""));
    assert_eq!(message.to().unwrap().display, Some(&b"Bob"[..]));
    assert_eq!(message.call_id(), Ok("3848276298220188511@atlanta.example.com"));
    assert_eq!(message.cseq().unwrap().number, 2);
    assert_eq!(message.max_forwards(), Ok(Some(70)));
    let contacts: Vec<_> = message.contacts().map(Result::unwrap).collect();
    assert_eq!(contacts[0].param("expires"), Some(&b"60"[..]));
    assert_eq!(contacts[0].uri.param("transport"), Some(&b"tcp"[..]));
    assert_eq!(contacts[1].uri.host, b"[::1]");
    assert_eq!(message.other("x-thing"), Some(&b"value"[..]));
    assert_eq!(message.body(), "v=0\n");
}

#[test]
fn a_response_copies_what_rfc_3261_asks_for() {
    let request = Message::parse(Bytes::from(INVITE)).unwrap();
    let mut response = Response::new(&request, &flow(), StatusCode::RINGING, Some("t1"));
    response.header(HeaderName::Contact, "<sip:b@192.0.2.1>\r\nEvil: yes");
    let expected = "SIP/2.0 180 Ringing\r\n\
        Via: SIP/2.0/UDP client.atlanta.example.com:5060;branch=z9hG4bK74b43;received=198.51.100.7;rport=40000\r\n\
        Via: SIP / 2.0 / TCP [2001:db8::9:1]:5070 ; branch=z9hG4bKb,SIP/2.0/UDP c.example.com;branch=z9hG4bKc\r\n\
        Record-Route: <sip:ss1.atlanta.example.com;lr>\r\n\
        From: \"Alice, the \\\"first\\\"\" <sip:alice@atlanta.example.com>;tag=9fxced76sl\r\n\
        To: Bob   <sip:bob@biloxi.example.com>;tag=t1\r\n\
        Call-ID: 3848276298220188511@atlanta.example.com\r\n\
        CSeq: 2 INVITE\r\n\
        Contact: <sip:b@192.0.2.1>  Evil: yes\r\n\
        Content-Length: 0\r\n\r\n";
    assert_eq!(String::from_utf8(response.write().to_vec()).unwrap(), expected);
}

#[test]
fn a_request_is_written_and_read_again() {
    let mut request = Request::new(Method::Bye, "sip:bob@192.0.2.4");
    request
        .header(HeaderName::From, "<sip:a@b.example>;tag=1")
        .header(HeaderName::To, "<sip:c@d.example>;tag=2");
    request.header(HeaderName::CallId, "x@y").header_fmt(HeaderName::CSeq, format_args!("{} BYE", 7));
    request.body("text/plain", Bytes::from_static(b"hi"));
    assert_eq!(request.value(HeaderName::CallId), Some(&b"x@y"[..]));
    let bytes = request.write(b"SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx");
    let Verdict::Accept(message) = Verdict::of(bytes, Transport::Tcp) else { panic!("not accepted") };
    assert_eq!((message.method(), message.body()), (Method::Bye, Bytes::from_static(b"hi")));
    assert_eq!(NameAddr::parse(request.value(HeaderName::To).unwrap()), message.to().ok());
}
