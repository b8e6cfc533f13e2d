//! RFC 3263 §4 as tables: a zone, a URI, and the questions and places that follow. The zones are those of the RFC's text.

use std::collections::BTreeMap;

use super::*;

const UDP_AND_TCP: [(Transport, &str); 2] =
    [(Transport::Udp, "0.0.0.0:5060"), (Transport::Tcp, "0.0.0.0:5060")];

fn reach(listeners: &[(Transport, &str)]) -> Reach {
    Reach::of_listeners(listeners.iter().map(|(transport, at)| (*transport, at.parse().expect("an address"))))
}

/// Everything: UDP, TCP and TLS over both families.
fn all() -> Reach {
    let transports = [Transport::Udp, Transport::Tcp, Transport::Tls];
    let both = transports.map(|transport| [(transport, "0.0.0.0:5060"), (transport, "[::]:5060")]);
    reach(both.as_flattened())
}

/// A zone in the notation of the RFC: `name TYPE data`, one record per line.
struct Zone(BTreeMap<String, Vec<Record>>);

impl Zone {
    fn of(text: &str) -> Self {
        let mut zone = BTreeMap::<String, Vec<Record>>::new();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let words: Vec<&str> = line.split_whitespace().collect();
            let number = |place: usize| words[place].parse().expect("a number");
            let word = |place: usize| words[place].trim_matches('"').to_owned();
            let record = match words[1] {
                "NAPTR" => Record::Naptr(Naptr {
                    order: number(2),
                    preference: number(3),
                    flags: word(4),
                    service: word(5),
                    replacement: word(7),
                }),
                "SRV" => Record::Srv(Srv {
                    priority: number(2),
                    weight: number(3),
                    port: number(4),
                    target: word(5),
                }),
                _ => Record::Address(words[2].parse().expect("an address")),
            };
            zone.entry(format!("{} {}.", words[1], words[0])).or_default().push(record);
        }
        Self(zone)
    }

    fn answer(&self, question: &Question) -> Vec<Record> {
        self.0.get(&format!("{} {}", question.kind, absolute(&question.name))).cloned().unwrap_or_default()
    }
}

/// What was asked, round by round, and what was found.
fn locate(uri: &str, reach: Reach, zone: &Zone, seed: u8) -> (Vec<String>, Vec<String>) {
    let uri = Uri::parse(uri.as_bytes()).expect("a URI");
    let mut locator = match Locator::new(&uri, reach, [seed; 32]) {
        Ok(locator) => locator,
        Err(reason) => return (Vec::new(), vec![format!("{reason:?}")]),
    };
    let mut asked = Vec::new();
    loop {
        match locator.poll() {
            Step::Ask(questions) => {
                assert!(!questions.is_empty() && asked.len() < 3, "rounds so far: {asked:?}");
                asked.push(questions.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "));
                let answers: Vec<_> = questions.iter().map(|question| zone.answer(question)).collect();
                locator.answer(&answers);
            }
            Step::Found(candidates) => {
                let shown = |candidate: &Candidate| format!("{} {}", candidate.transport, candidate.address);
                return (asked, candidates.iter().map(shown).collect());
            }
        }
    }
}

/// The zone of RFC 3263 §4.1 and §4.2.
const EXAMPLE: &str = r#"
    example.com NAPTR 50 50 "s" "SIPS+D2T" "" _sips._tcp.example.com.
    example.com NAPTR 90 50 "s" "SIP+D2T" "" _sip._tcp.example.com
    example.com NAPTR 100 50 "s" "SIP+D2U" "" _sip._udp.example.com.
    _sips._tcp.example.com SRV 0 1 5061 server1.example.com
    _sip._tcp.example.com SRV 0 1 5060 server1.example.com
    _sip._tcp.example.com SRV 1 1 5060 server2.example.com
    _sip._udp.example.com SRV 0 1 5070 server3.example.com
    server1.example.com A 192.0.2.1
    server1.example.com AAAA 2001:db8::1
    server2.example.com A 192.0.2.2
    server3.example.com A 192.0.2.3
    example.com A 192.0.2.9
    example.com AAAA 2001:db8::9
"#;

#[test]
fn the_questions_and_places_of_rfc_3263() {
    let naptr = "NAPTR example.com.";
    let two = "A server1.example.com., A server2.example.com.";
    let tcp = ["tcp 192.0.2.1:5060", "tcp 192.0.2.2:5060"];
    for (case, uri, rounds, found) in [
        (
            "the best service that we have decides, and its servers follow by priority",
            "sip:user@example.com",
            &[naptr, "SRV _sip._tcp.example.com.", two][..],
            &tcp[..],
        ),
        (
            "a transport in the URI skips NAPTR",
            "sip:user@example.com;transport=udp",
            &["SRV _sip._udp.example.com.", "A server3.example.com."],
            &["udp 192.0.2.3:5070"],
        ),
        (
            "its case does not matter",
            "sip:user@example.com;transport=TCP",
            &["SRV _sip._tcp.example.com.", two],
            &tcp,
        ),
        (
            "a port skips NAPTR and SRV, and means UDP",
            "sip:user@example.com:5080",
            &["A example.com"],
            &["udp 192.0.2.9:5080"],
        ),
        (
            "a port with a transport asks for addresses only",
            "sip:user@example.com:5080;transport=tcp",
            &["A example.com"],
            &["tcp 192.0.2.9:5080"],
        ),
        ("an address asks nothing, and means UDP", "sip:192.0.2.7", &[], &["udp 192.0.2.7:5060"]),
        ("an address with a port", "sip:192.0.2.7:5080", &[], &["udp 192.0.2.7:5080"]),
        ("an address with a transport", "sip:u@192.0.2.7;transport=tcp", &[], &["tcp 192.0.2.7:5060"]),
        (
            "maddr is where the request goes",
            "sip:user@example.com;maddr=192.0.2.8",
            &[],
            &["udp 192.0.2.8:5060"],
        ),
        ("an address of a family that we lack", "sip:[2001:db8::7]", &[], &["NoRoute"]),
        ("sips without TLS", "sips:user@example.com", &[], &["NoTransport"]),
        ("a transport that we lack", "sip:example.com;transport=tls", &[], &["NoTransport"]),
        ("an unknown transport", "sip:example.com;transport=sctp", &[], &["NoTransport"]),
        ("WebSocket is never dialled", "sip:example.com;transport=ws", &[], &["NoTransport"]),
        ("no SIP URI", "tel:+8210", &[], &["NoHost"]),
    ] {
        let (asked, places) = locate(uri, reach(&UDP_AND_TCP), &Zone::of(EXAMPLE), 1);
        assert_eq!((asked, places), (owned(rounds), owned(found)), "{case}: {uri}");
    }
}

#[test]
fn sips_goes_over_tls_only() {
    for (uri, rounds, found) in [
        (
            "sips:user@example.com",
            &["NAPTR example.com.", "SRV _sips._tcp.example.com.", BOTH][..],
            &["tls [2001:db8::1]:5061", "tls 192.0.2.1:5061"][..],
        ),
        (
            "sips:user@example.com;transport=tcp",
            &["SRV _sips._tcp.example.com.", BOTH],
            &["tls [2001:db8::1]:5061", "tls 192.0.2.1:5061"],
        ),
        ("sips:192.0.2.7", &[], &["tls 192.0.2.7:5061"]),
        ("sips:[2001:db8::7]:5071", &[], &["tls [2001:db8::7]:5071"]),
        ("sips:user@example.com;transport=udp", &[], &["NoTransport"]),
        ("sip:192.0.2.7;transport=tls", &[], &["tls 192.0.2.7:5061"]),
    ] {
        let (asked, places) = locate(uri, all(), &Zone::of(EXAMPLE), 1);
        assert_eq!((asked, places), (owned(rounds), owned(found)), "{uri}");
    }
}

const BOTH: &str = "AAAA server1.example.com., A server1.example.com.";

#[test]
fn a_sip_uri_takes_the_secure_service_that_the_domain_prefers() {
    let (_, places) = locate("sip:user@example.com", all(), &Zone::of(EXAMPLE), 1);
    assert_eq!(places, ["tls [2001:db8::1]:5061", "tls 192.0.2.1:5061"]);
}

#[test]
fn what_is_missing_is_replaced_by_the_next_best_way() {
    let naptr = "NAPTR example.com.";
    let both = "SRV _sip._udp.example.com., SRV _sip._tcp.example.com.";
    for (case, zone, rounds, found) in [
        (
            "without NAPTR every transport is asked for, UDP first",
            "_sip._udp.example.com SRV 0 1 5070 a.example.com
             _sip._tcp.example.com SRV 0 1 5080 b.example.com
             a.example.com A 192.0.2.1
             b.example.com A 192.0.2.2",
            &[naptr, both, "A a.example.com., A b.example.com."][..],
            &["udp 192.0.2.1:5070", "tcp 192.0.2.2:5080"][..],
        ),
        (
            "without UDP servers TCP is spoken",
            "_sip._tcp.example.com SRV 0 1 5080 b.example.com
             b.example.com A 192.0.2.2",
            &[naptr, both, "A b.example.com."],
            &["tcp 192.0.2.2:5080"],
        ),
        (
            "without SRV the domain is the host, over UDP at its usual port",
            "example.com A 192.0.2.9",
            &[naptr, both, "A example.com"],
            &["udp 192.0.2.9:5060"],
        ),
        ("nothing at all leads nowhere", "", &[naptr, both, "A example.com"], &[]),
        (
            "services of others and wrong flags are passed over",
            r#"example.com NAPTR 10 10 "u" "SIP+D2U" "" _no._udp.example.com.
               example.com NAPTR 10 20 "u" "E2U+sip" "" .
               example.com NAPTR 10 30 "s" "SIP+D2S" "" _sip._sctp.example.com.
               example.com NAPTR 20 10 "S" "sip+d2u" "" _other._udp.example.net.
               _other._udp.example.net SRV 0 0 5070 a.example.net
               a.example.net A 192.0.2.1"#,
            &[naptr, "SRV _other._udp.example.net.", "A a.example.net."],
            &["udp 192.0.2.1:5070"],
        ),
        (
            "services of one order stand in for each other, by preference",
            r#"example.com NAPTR 10 20 "s" "SIP+D2T" "" _sip._tcp.example.com.
               example.com NAPTR 10 10 "s" "SIP+D2U" "" _sip._udp.example.com.
               example.com NAPTR 11 10 "s" "SIP+D2U" "" _late._udp.example.com.
               _sip._udp.example.com SRV 0 1 5070 a.example.com
               _sip._tcp.example.com SRV 0 1 5080 a.example.com
               a.example.com A 192.0.2.1"#,
            &[naptr, both, "A a.example.com., A a.example.com."],
            &["udp 192.0.2.1:5070", "tcp 192.0.2.1:5080"],
        ),
        (
            "a service that is decidedly not offered leads nowhere",
            "_sip._udp.example.com SRV 0 0 0 .
             example.com A 192.0.2.9",
            &[naptr, both],
            &[],
        ),
        (
            "a server without addresses is passed over",
            "_sip._udp.example.com SRV 0 0 5060 gone.example.com
             _sip._udp.example.com SRV 1 0 5060 a.example.com
             a.example.com A 192.0.2.1
             a.example.com A 192.0.2.2
             a.example.com A 192.0.2.1",
            &[naptr, both, "A gone.example.com., A a.example.com."],
            &["udp 192.0.2.1:5060", "udp 192.0.2.2:5060"],
        ),
    ] {
        let (asked, places) = locate("sip:user@example.com", reach(&UDP_AND_TCP), &Zone::of(zone), 1);
        assert_eq!((asked, places), (owned(rounds), owned(found)), "{case}");
    }
}

#[test]
fn a_node_asks_only_for_what_it_has() {
    let v6_only = reach(&[(Transport::Tcp, "[::]:5060")]);
    let (asked, places) = locate("sip:user@example.com", v6_only, &Zone::of(EXAMPLE), 1);
    let hosts = "AAAA server1.example.com., AAAA server2.example.com.";
    assert_eq!(asked, ["NAPTR example.com.", "SRV _sip._tcp.example.com.", hosts]);
    assert_eq!(places, ["tcp [2001:db8::1]:5060"]);
    let tcp_only = reach(&[(Transport::Tcp, "0.0.0.0:5060")]);
    let (_, places) = locate("sip:example.com:5080", tcp_only, &Zone::of(EXAMPLE), 1);
    assert_eq!(places, ["tcp 192.0.2.9:5080"]);
}

#[test]
fn a_lower_priority_is_always_tried_first_and_weights_share_the_rest() {
    let zone = Zone::of(
        "_sip._udp.example.com SRV 0 1 5060 a.example.com
         _sip._udp.example.com SRV 0 3 5060 b.example.com
         _sip._udp.example.com SRV 0 0 5060 c.example.com
         _sip._udp.example.com SRV 9 60000 5060 d.example.com
         a.example.com A 192.0.2.1
         b.example.com A 192.0.2.2
         c.example.com A 192.0.2.3
         d.example.com A 192.0.2.4",
    );
    let mut first = BTreeMap::<String, u32>::new();
    for seed in 0..=u8::MAX {
        let (_, places) = locate("sip:example.com;transport=udp", reach(&UDP_AND_TCP), &zone, seed);
        assert_eq!((places.len(), places[3].as_str()), (4, "udp 192.0.2.4:5060"));
        *first.entry(places[0].clone()).or_default() += 1;
        let again = locate("sip:example.com;transport=udp", reach(&UDP_AND_TCP), &zone, seed);
        assert_eq!(places, again.1, "one seed gives one order");
    }
    // Drawn from 0 to 4: one of five is c, one is a, three are b. 256 draws stay well within these bounds.
    let count = |place: &str| first.get(place).copied().unwrap_or_default();
    let (a, b, c) = (count("udp 192.0.2.1:5060"), count("udp 192.0.2.2:5060"), count("udp 192.0.2.3:5060"));
    assert_eq!(a + b + c, 256);
    assert!((30..75).contains(&a) && (125..185).contains(&b) && (30..75).contains(&c), "{a} {b} {c}");
}

#[test]
fn a_zone_of_thousands_costs_a_few_questions() {
    let mut zone = String::new();
    for number in 0..5_000 {
        zone.push_str(&format!(
            "example.com NAPTR 1 {number} s SIP+D2U \"\" _sip{number}._udp.example.com\n"
        ));
        zone.push_str(&format!("_sip0._udp.example.com SRV {number} 0 5060 a{}.example.com\n", number % 100));
    }
    for host in 0..100 {
        for low in 0..200 {
            zone.push_str(&format!("a{host}.example.com A 10.0.{host}.{low}\n"));
        }
    }
    let uri = Uri::parse(b"sip:example.com").expect("a URI");
    let mut locator = Locator::new(&uri, all(), [1; 32]).expect("a name");
    let zone = Zone::of(&zone);
    let mut asked = Vec::new();
    let found = loop {
        match locator.poll() {
            Step::Found(found) => break found,
            Step::Ask(questions) => {
                asked.push(questions.len());
                locator.answer(&questions.iter().map(|question| zone.answer(question)).collect::<Vec<_>>());
            }
        }
    };
    assert_eq!((asked.as_slice(), found.len()), (&[1, MAX_SERVICES, 2 * MAX_HOSTS][..], MAX_CANDIDATES));
}

#[test]
fn records_of_another_type_than_asked_are_ignored() {
    let uri = Uri::parse(b"sip:example.com").expect("a URI");
    let mut locator = Locator::new(&uri, reach(&UDP_AND_TCP), [1; 32]).expect("a name");
    let address = Record::Address("192.0.2.1".parse().expect("an address"));
    locator.answer(&[vec![address.clone()]]);
    locator.answer(&[vec![address.clone()], vec![address]]);
    let v6 = Record::Address("2001:db8::1".parse().expect("an address"));
    locator.answer(&[vec![v6]]);
    assert_eq!(locator.poll(), Step::Found(Vec::new()), "an IPv6 address where we have only IPv4");
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}
