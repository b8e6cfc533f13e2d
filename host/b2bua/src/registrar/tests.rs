//! RFC 3261 §10.3 step by step, in virtual time.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use cordboard_model::Aor;
use cordboard_sip::transport::{ConnectionId, Flow, Transport};
use cordboard_sip::{Message, Response};

use super::{Change, RegisterOutcome, Registrar};
use crate::RegistrarSettings;

/// A registrar, and phones that register with it.
struct Desk {
    registrar: Registrar,
    now: Instant,
    cseq: u32,
}

const CALL_ID: &str = "Call-ID: one@phone";

impl Desk {
    fn new() -> Self {
        Self::with(RegistrarSettings::default())
    }

    #[expect(clippy::disallowed_methods, reason = "virtual time needs a first instant")]
    fn with(settings: RegistrarSettings) -> Self {
        Self { registrar: Registrar::new(settings), now: Instant::now(), cseq: 0 }
    }

    /// REGISTER of `1001` with these header lines and the next CSeq.
    fn register(&mut self, lines: &[&str]) -> RegisterOutcome {
        self.cseq += 1;
        self.register_at(self.cseq, CALL_ID, lines)
    }

    fn register_at(&mut self, cseq: u32, call_id: &str, lines: &[&str]) -> RegisterOutcome {
        let message = request(cseq, call_id, ";rport", lines);
        self.registrar.handle_register(self.now, &aor("1001"), &message, udp("192.0.2.7:5060"))
    }

    fn register_over(&mut self, flow: Flow, contact: &str) -> RegisterOutcome {
        self.cseq += 1;
        let message = request(self.cseq, CALL_ID, ";rport", &[contact]);
        self.registrar.handle_register(self.now, &aor("1001"), &message, flow)
    }

    fn uris(&self) -> Vec<String> {
        self.registrar.lookup(self.now, &aor("1001")).into_iter().map(|binding| binding.contact_uri).collect()
    }

    fn pass(&mut self, seconds: u64) -> Vec<Change> {
        self.now += Duration::from_secs(seconds);
        self.registrar.expire(self.now)
    }
}

fn aor(user: &str) -> Aor {
    Aor::new(user, "pbx.example")
}

fn udp(remote: &str) -> Flow {
    Flow::udp(address("192.0.2.1:5060"), address(remote))
}

fn stream(transport: Transport, remote: &str, connection: u64) -> Flow {
    Flow { transport, connection: ConnectionId(connection), ..udp(remote) }
}

fn address(text: &str) -> SocketAddr {
    text.parse().expect("the test spells an address")
}

fn request(cseq: u32, call_id: &str, via_params: &str, lines: &[&str]) -> Message {
    let mut text = format!(
        "REGISTER sip:pbx.example SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK{cseq}{via_params}\r\n\
         From: <sip:1001@pbx.example>;tag=a\r\nTo: <sip:1001@pbx.example>\r\n{call_id}\r\nCSeq: {cseq} REGISTER\r\n",
    );
    for line in lines {
        text.push_str(line);
        text.push_str("\r\n");
    }
    text.push_str("Content-Length: 0\r\n\r\n");
    Message::parse(Bytes::from(text)).expect("the test writes a message")
}

#[test]
fn what_a_register_is_answered() {
    struct Case(&'static str, &'static [&'static str], u16, &'static [&'static str]);
    for Case(name, lines, status, contacts) in [
        Case("without Contact it only asks", &[], 200, &[]),
        Case("nothing wished lasts an hour", &["Contact: <sip:a@h>"], 200, &["<sip:a@h>;expires=3600"]),
        Case(
            "the header counts for every contact",
            &["Contact: <sip:a@h>, <sip:b@h>", "Expires: 90"],
            200,
            &["<sip:a@h>;expires=90", "<sip:b@h>;expires=90"],
        ),
        Case(
            "the parameter of a contact goes before the header",
            &["Contact: <sip:a@h>;expires=120", "Contact: <sip:b@h>", "Expires: 90"],
            200,
            &["<sip:a@h>;expires=120", "<sip:b@h>;expires=90"],
        ),
        Case("a long wish is cut", &["Contact: <sip:a@h>;expires=86400"], 200, &["<sip:a@h>;expires=3600"]),
        Case(
            "a huge wish is cut",
            &["Contact: <sip:a@h>;expires=99999999999"],
            200,
            &["<sip:a@h>;expires=3600"],
        ),
        Case(
            "a malformed wish is an hour",
            &["Contact: <sip:a@h>;expires=soon"],
            200,
            &["<sip:a@h>;expires=3600"],
        ),
        Case("the shortest is accepted", &["Contact: <sip:a@h>;expires=60"], 200, &["<sip:a@h>;expires=60"]),
        Case("shorter than that is not", &["Contact: <sip:a@h>;expires=59"], 423, &[]),
        Case("nor by the header", &["Contact: <sip:a@h>", "Expires: 1"], 423, &[]),
        Case("zero removes what is not there", &["Contact: <sip:a@h>;expires=0"], 200, &[]),
        Case(
            "parameters come back, in their order",
            &["Contact: \"Bob\" <sip:a@h>;+sip.instance=\"<urn:uuid:1;2>\";expires=90;reg-id=1;q=0.5"],
            200,
            &["<sip:a@h>;+sip.instance=\"<urn:uuid:1;2>\";reg-id=1;q=0.5;expires=90"],
        ),
        Case(
            "the best q comes first",
            &["Contact: <sip:a@h>;q=0.1, <sip:b@h>;q=0.9, <sip:c@h>, <sip:d@h>;q=0.123"],
            200,
            &[
                "<sip:c@h>;expires=3600",
                "<sip:b@h>;q=0.9;expires=3600",
                "<sip:d@h>;q=0.123;expires=3600",
                "<sip:a@h>;q=0.1;expires=3600",
            ],
        ),
        Case("a q above one is malformed", &["Contact: <sip:a@h>;q=1.1"], 400, &[]),
        Case("a q with four decimals is malformed", &["Contact: <sip:a@h>;q=0.1234"], 400, &[]),
        Case("a q with a sign is malformed", &["Contact: <sip:a@h>;q=+1"], 400, &[]),
        Case("star removes all", &["Contact: *", "Expires: 0"], 200, &[]),
        Case("star without Expires is malformed", &["Contact: *"], 400, &[]),
        Case("star with another Expires is malformed", &["Contact: *", "Expires: 60"], 400, &[]),
        Case(
            "star with another contact is malformed",
            &["Contact: *", "Contact: <sip:a@h>", "Expires: 0"],
            400,
            &[],
        ),
        Case("a contact that is no URI is malformed", &["Contact: <>"], 400, &[]),
        Case("a mailbox cannot ring", &["Contact: <mailto:a@h>"], 400, &[]),
        Case("one bad contact spoils the request", &["Contact: <sip:a@h>, <sip:b@h>;expires=5"], 423, &[]),
        Case(
            "the same contact twice is one, the last",
            &["Contact: <sip:a@h>;expires=90, <sip:a@h>;expires=100"],
            200,
            &["<sip:a@h>;expires=100"],
        ),
        Case("added and removed in one request", &["Contact: <sip:a@h>, <sip:a@h>;expires=0"], 200, &[]),
    ] {
        let mut desk = Desk::new();
        let outcome = desk.register(lines);
        assert_eq!(outcome.status.code(), status, "{name}");
        assert_eq!(outcome.contacts, contacts, "{name}");
        assert_eq!(outcome.left, desk.uris().len(), "{name}");
        assert_eq!(outcome.changed, !contacts.is_empty(), "{name}");
        assert_eq!(desk.registrar.bindings(), contacts.len(), "{name}");
    }
}

#[test]
fn a_response_carries_what_was_decided() {
    let mut desk = Desk::new();
    let lines: &[&str] =
        &["Contact: <sip:a@h>", "Supported: outbound, path", "Path: <sip:p1;lr>, <sip:p2;lr>"];
    let answer = |lines: &[&str], outcome: &RegisterOutcome| {
        let message = request(1, CALL_ID, ";rport", lines);
        let mut response = Response::new(&message, &udp("192.0.2.7:5060"), outcome.status, Some("t"));
        outcome.answer(&mut response);
        String::from_utf8(response.write().to_vec()).expect("all of it is text")
    };
    let accepted = answer(lines, &desk.register(lines));
    for line in [
        "SIP/2.0 200 ",
        "\r\nContact: <sip:a@h>;expires=3600\r\n",
        "\r\nPath: <sip:p1;lr>\r\nPath: <sip:p2;lr>\r\n",
    ] {
        assert!(accepted.contains(line), "{line:?} in {accepted}");
    }
    let brief = answer(&[], &desk.register(&["Contact: <sip:a@h>;expires=1"]));
    assert!(brief.starts_with("SIP/2.0 423 ") && brief.contains("\r\nMin-Expires: 60\r\n"), "{brief}");
    let malformed = answer(&[], &desk.register(&["Contact: *"]));
    assert!(malformed.starts_with("SIP/2.0 400 Contact * Needs"), "{malformed}");
}

#[test]
fn a_binding_ends_by_its_time_and_not_before() {
    let mut desk = Desk::new();
    desk.register(&["Contact: <sip:a@h>;expires=60, <sip:b@h>;expires=100"]);
    assert_eq!(desk.registrar.next_expiry(), Some(desk.now + Duration::from_secs(60)));
    assert_eq!(desk.pass(59), []);
    assert_eq!(desk.register(&[]).contacts, ["<sip:a@h>;expires=1", "<sip:b@h>;expires=41"]);
    assert_eq!(desk.pass(1), [Change { aor: aor("1001"), left: 1 }]);
    assert_eq!(desk.uris(), ["sip:b@h"]);
    assert_eq!(desk.pass(40), [Change { aor: aor("1001"), left: 0 }]);
    assert_eq!((desk.registrar.bindings(), desk.registrar.next_expiry()), (0, None));
}

#[test]
fn a_binding_that_is_over_is_neither_found_nor_in_the_way_before_it_is_removed() {
    let mut desk = Desk::new();
    desk.register(&["Contact: <sip:a@h>;expires=60"]);
    desk.now += Duration::from_secs(60);
    assert_eq!(desk.uris(), Vec::<String>::new());
    let again = desk.register_at(1, CALL_ID, &["Contact: <sip:a@h>;expires=60"]);
    assert_eq!(again.status.code(), 200, "the order counts only while the binding lives");
    assert_eq!(desk.registrar.bindings(), 1);
}

#[test]
fn a_binding_that_a_question_finds_ended_is_told_as_ended() {
    let mut desk = Desk::new();
    desk.register(&["Contact: <sip:a@h>;expires=60"]);
    desk.now += Duration::from_secs(60);
    let answer = desk.register(&[]);
    assert_eq!((answer.changed, answer.left), (true, 0));
    assert_eq!(desk.pass(1), [], "and not once more");
}

#[test]
fn a_refresh_prolongs_and_is_no_change() {
    let mut desk = Desk::new();
    assert!(desk.register(&["Contact: <sip:a@h>;expires=60"]).changed);
    desk.pass(50);
    let refresh = desk.register(&["Contact: <sip:a@h>;expires=60"]);
    assert_eq!(
        (refresh.changed, refresh.contacts.as_slice()),
        (false, &["<sip:a@h>;expires=60".to_owned()][..])
    );
    assert_eq!(desk.pass(50), []);
    assert!(desk.register(&["Contact: <sip:a@h>;q=0.2"]).changed, "another q is a change");
    assert!(
        desk.register_over(udp("192.0.2.7:1024"), "Contact: <sip:a@h>;q=0.2").changed,
        "so is another flow"
    );
}

#[test]
fn contacts_are_compared_as_uris() {
    struct Case(&'static str, &'static str, bool);
    for Case(first, second, same) in [
        Case("sip:1001@Phone.Example", "sip:1001@phone.example", true),
        Case("sip:1001@h;transport=udp", "sip:1001@h;transport=UDP", true),
        Case("sip:%31001@h", "sip:1001@h", true),
        Case("sip:1001@h", "sip:1002@h", false),
        Case("sip:abc@h", "sip:ABC@h", false),
        Case("sip:1001@h", "sip:1001@h:5060", false),
        Case("sip:1001@h", "sips:1001@h", false),
        Case("sip:1001@h;transport=udp", "sip:1001@h;transport=tcp", false),
    ] {
        let mut desk = Desk::new();
        desk.register(&[&format!("Contact: <{first}>")]);
        desk.register(&[&format!("Contact: <{second}>")]);
        assert_eq!(desk.uris().len(), if same { 1 } else { 2 }, "{first} and {second}");
    }
}

#[test]
fn an_instance_with_a_flow_number_replaces_its_binding_under_a_new_uri() {
    let contact = |uri: &str, id: &str| format!("Contact: <{uri}>;+sip.instance=\"<urn:uuid:1>\"{id}");
    let mut desk = Desk::new();
    desk.register(&[&contact("sip:a@one.invalid", ";reg-id=1")]);
    desk.register(&[&contact("sip:b@two.invalid", ";reg-id=1")]);
    assert_eq!(desk.uris(), ["sip:b@two.invalid"]);
    desk.register(&[&contact("sip:c@three.invalid", ";reg-id=2")]);
    assert_eq!(desk.uris().len(), 2, "another flow of the same phone");
    desk.register(&[&contact("sip:d@four.invalid", "")]);
    assert_eq!(desk.uris().len(), 3, "without a flow number only the URI counts (RFC 5626 §6)");
}

#[test]
fn a_late_register_of_the_same_call_id_changes_nothing() {
    struct Case(&'static str, u32, &'static str, &'static str, u16);
    for Case(name, cseq, call_id, contact, status) in [
        Case("a lower CSeq", 9, CALL_ID, "Contact: <sip:a@h>", 500),
        Case("the same CSeq", 10, CALL_ID, "Contact: <sip:a@h>", 500),
        Case("a removal that was overtaken", 9, CALL_ID, "Contact: <sip:a@h>;expires=0", 500),
        Case("star that was overtaken", 9, CALL_ID, "Contact: *\r\nExpires: 0", 500),
        Case("an old contact next to a new one", 9, CALL_ID, "Contact: <sip:new@h>, <sip:a@h>", 500),
        Case("a higher CSeq", 11, CALL_ID, "Contact: <sip:a@h>", 200),
        Case("a phone that started anew", 1, "Call-ID: two@phone", "Contact: <sip:a@h>", 200),
        Case("another contact of the same phone", 1, CALL_ID, "Contact: <sip:new@h>", 200),
        Case("star of a phone that started anew", 1, "Call-ID: two@phone", "Contact: *\r\nExpires: 0", 200),
    ] {
        let mut desk = Desk::new();
        desk.register_at(10, CALL_ID, &["Contact: <sip:a@h>"]);
        let before = desk.registrar.lookup(desk.now, &aor("1001"));
        let outcome = desk.register_at(cseq, call_id, &[contact]);
        assert_eq!(outcome.status.code(), status, "{name}");
        let unchanged = desk.registrar.lookup(desk.now, &aor("1001")) == before;
        assert_eq!(unchanged, status != 200, "{name}");
    }
}

#[test]
fn one_refused_contact_leaves_all_as_they_were() {
    let mut desk = Desk::new();
    desk.register(&["Contact: <sip:a@h>, <sip:b@h>"]);
    let before = desk.registrar.lookup(desk.now, &aor("1001"));
    let outcome = desk.register(&["Contact: <sip:a@h>;expires=0, <sip:c@h>, <sip:d@h>;expires=3"]);
    assert_eq!((outcome.status.code(), outcome.left), (423, 2));
    assert_eq!(desk.registrar.lookup(desk.now, &aor("1001")), before);
}

#[test]
fn star_removes_every_binding_of_one_address_only() {
    let mut desk = Desk::new();
    desk.register(&["Contact: <sip:a@h>, <sip:b@h>"]);
    let other = request(1, "Call-ID: x", ";rport", &["Contact: <sip:x@h>"]);
    desk.registrar.handle_register(desk.now, &aor("1002"), &other, udp("192.0.2.8:5060"));
    let outcome = desk.register(&["Contact: *", "Expires: 0"]);
    assert_eq!((outcome.changed, outcome.left), (true, 0));
    assert_eq!(desk.registrar.registered().collect::<Vec<_>>(), [(&aor("1002"), 1)]);
}

#[test]
fn the_most_recent_of_equal_preference_comes_first() {
    let mut desk = Desk::new();
    for contact in ["Contact: <sip:old@h>", "Contact: <sip:low@h>;q=0.4", "Contact: <sip:new@h>"] {
        desk.register(&[contact]);
        desk.pass(1);
    }
    assert_eq!(desk.uris(), ["sip:new@h", "sip:old@h", "sip:low@h"]);
}

#[test]
fn one_address_has_ten_contacts_and_keeps_them() {
    let mut desk = Desk::new();
    for number in 0..10 {
        assert_eq!(desk.register(&[&format!("Contact: <sip:{number}@h>")]).status.code(), 200);
    }
    assert_eq!(desk.register(&["Contact: <sip:eleventh@h>"]).status.code(), 403);
    assert_eq!(desk.register(&["Contact: <sip:3@h>"]).status.code(), 200, "a refresh is not one more");
    let swap = desk.register(&["Contact: <sip:3@h>;expires=0, <sip:eleventh@h>"]);
    assert_eq!((swap.status.code(), swap.left), (200, 10));
}

#[test]
fn a_full_registrar_refuses_what_is_new_and_refreshes_what_it_has() {
    let mut desk = Desk::with(RegistrarSettings { max_bindings: 2, ..RegistrarSettings::default() });
    desk.register(&["Contact: <sip:a@h>, <sip:b@h>"]);
    let refused = desk.register(&["Contact: <sip:c@h>"]);
    assert_eq!((refused.status.code(), refused.retry_after), (503, Some(Duration::from_secs(60))));
    assert_eq!(desk.register(&["Contact: <sip:a@h>"]).status.code(), 200);
    assert_eq!(desk.register(&["Contact: <sip:a@h>;expires=0"]).status.code(), 200);
    assert_eq!(desk.register(&["Contact: <sip:c@h>"]).status.code(), 200);
}

#[test]
fn a_contact_that_would_cost_too_much_memory_is_refused() {
    let mut desk = Desk::new();
    let long = format!("Contact: <sip:{}@h>", "a".repeat(3_000));
    assert_eq!(desk.register(&[&long]).status.code(), 400);
    let call_id = format!("Call-ID: {}", "c".repeat(3_000));
    assert_eq!(desk.register_at(1, &call_id, &["Contact: <sip:a@h>"]).status.code(), 400);
    let message = request(1, CALL_ID, ";rport", &["Contact: <sip:a@h>"]);
    let long_name = aor(&"u".repeat(1_000));
    let outcome = desk.registrar.handle_register(desk.now, &long_name, &message, udp("192.0.2.7:5060"));
    assert_eq!(outcome.status.code(), 400);
    let paths = vec![
        "Path: <sip:a.very.long.proxy.name.example;lr;token=0123456789012345678901234567890123456789>";
        40
    ];
    let lines: Vec<&str> = paths.into_iter().chain(["Contact: <sip:a@h>"]).collect();
    assert_eq!(desk.register(&lines).status.code(), 400);
}

#[test]
fn path_is_kept_for_calls_and_told_to_those_who_know_it() {
    for (supported, told) in [("Supported: path", 2), ("Supported: outbound", 0)] {
        let mut desk = Desk::new();
        let outcome = desk.register(&["Contact: <sip:a@h>", supported, "Path: <sip:p1;lr>,<sip:p2;lr>"]);
        assert_eq!(outcome.path.len(), told, "{supported}");
        let binding = &desk.registrar.lookup(desk.now, &aor("1001"))[0];
        assert_eq!(binding.path, ["<sip:p1;lr>", "<sip:p2;lr>"], "{supported}");
    }
    assert_eq!(Desk::new().register(&["Contact: <sip:a@h>", "Path: nonsense"]).status.code(), 400);
}

#[test]
fn a_phone_is_reached_over_the_flow_it_registered_over() {
    struct Case(&'static str, &'static str, &'static str, &'static str);
    for Case(name, via_params, contact, reached_at) in [
        Case("behind a NAT", ";rport", "Contact: <sip:a@10.0.0.7:5060>", "192.0.2.7:33333"),
        Case("behind a NAT without rport", "", "Contact: <sip:a@10.0.0.7:5060>", "192.0.2.7:33333"),
        Case(
            "with a public contact and rport",
            ";rport",
            "Contact: <sip:a@192.0.2.7:5070>",
            "192.0.2.7:33333",
        ),
        Case(
            "that listens on another port than it sends from",
            "",
            "Contact: <sip:a@192.0.2.7:5070>",
            "192.0.2.7:5070",
        ),
        Case("that listens on the usual port", "", "Contact: <sip:a@192.0.2.7>", "192.0.2.7:5060"),
        Case("with a name", "", "Contact: <sip:a@phone.example>", "192.0.2.7:33333"),
    ] {
        let mut desk = Desk::new();
        let message = request(1, CALL_ID, via_params, &[contact]);
        desk.registrar.handle_register(desk.now, &aor("1001"), &message, udp("192.0.2.7:33333"));
        let binding = &desk.registrar.lookup(desk.now, &aor("1001"))[0];
        assert_eq!(binding.flow, udp(reached_at), "{name}");
        assert_eq!(binding.received, address("192.0.2.7:33333"), "{name}");
    }
}

#[test]
fn a_phone_that_moved_is_reached_where_it_is_now() {
    let mut desk = Desk::new();
    desk.register_over(udp("192.0.2.7:1111"), "Contact: <sip:a@10.0.0.7>");
    desk.register_over(udp("198.51.100.9:2222"), "Contact: <sip:a@10.0.0.7>");
    let bindings = desk.registrar.lookup(desk.now, &aor("1001"));
    assert_eq!(bindings.iter().map(|binding| binding.flow).collect::<Vec<_>>(), [udp("198.51.100.9:2222")]);
}

#[test]
fn a_closed_connection_ends_what_only_it_could_reach() {
    struct Case(&'static str, Transport, &'static str, Option<&'static str>);
    for Case(name, transport, contact, reached_at) in [
        Case(
            "a phone that listens",
            Transport::Tcp,
            "Contact: <sip:a@192.0.2.7:5070>",
            Some("192.0.2.7:5070"),
        ),
        Case(
            "a TLS phone that listens",
            Transport::Tls,
            "Contact: <sips:a@192.0.2.7>",
            Some("192.0.2.7:5061"),
        ),
        Case("a phone behind a NAT", Transport::Tcp, "Contact: <sip:a@10.0.0.7:5070>", None),
        Case("a phone with a name", Transport::Tcp, "Contact: <sip:a@phone.example>", None),
        Case("a browser", Transport::Wss, "Contact: <sip:a@192.0.2.7:5070>", None),
        Case("a phone that keeps flows", Transport::Tcp, "Contact: <sip:a@192.0.2.7:5070>;reg-id=1", None),
    ] {
        let mut desk = Desk::new();
        desk.register_over(stream(transport, "192.0.2.7:40000", 5), contact);
        desk.register_over(udp("192.0.2.8:5060"), "Contact: <sip:other@h>");
        let kept = usize::from(reached_at.is_some());
        assert_eq!(desk.registrar.forget_connection(ConnectionId(4)), [], "{name}: another connection");
        let changes = desk.registrar.forget_connection(ConnectionId(5));
        assert_eq!(changes, [Change { aor: aor("1001"), left: 1 + kept }], "{name}");
        let flows: Vec<Flow> = desk.registrar.lookup(desk.now, &aor("1001")).iter().map(|b| b.flow).collect();
        let reopened = reached_at.map(|at| stream(transport, at, 0));
        assert_eq!(flows.iter().find(|flow| flow.transport != Transport::Udp).copied(), reopened, "{name}");
        assert_eq!(desk.registrar.bindings(), 1 + kept, "{name}");
        assert_eq!(desk.registrar.forget_connection(ConnectionId(5)), [], "{name}: a second time");
    }
}

#[test]
fn a_hundred_thousand_bindings_come_and_go() {
    let mut desk = Desk::new();
    for number in 0..100_000u32 {
        let user = format!("u{number}");
        let lasts = 60 + number % 600;
        let message = request(1, CALL_ID, ";rport", &[&format!("Contact: <sip:{user}@h>;expires={lasts}")]);
        let flow = stream(Transport::Tcp, "192.0.2.7:5060", u64::from(number % 1_000) + 1);
        desk.registrar.handle_register(desk.now, &aor(&user), &message, flow);
    }
    assert_eq!(desk.registrar.bindings(), 100_000);
    assert_eq!(desk.registrar.lookup(desk.now, &aor("u4711")).len(), 1);
    assert_eq!(desk.registrar.forget_connection(ConnectionId(1)).len(), 100);
    let ended: usize = (0..700).map(|_| desk.pass(1).len()).sum();
    assert_eq!(ended, 99_900);
    assert_eq!(desk.registrar.bindings(), 0);
    assert!(desk.registrar.locations.is_empty() && desk.registrar.expiry.is_empty());
    assert!(desk.registrar.connections.is_empty());
}
