//! The resolver against a DNS server of the test's own, over loopback.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr, UdpSocket};
use std::sync::{Arc, Mutex};

use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, AAAA, CNAME, NAPTR, SRV};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};

use super::*;

/// Records by name and type, and the questions that came.
#[derive(Default)]
struct Zone {
    records: BTreeMap<String, Vec<RData>>,
    asked: Mutex<Vec<String>>,
}

impl Zone {
    fn with(mut self, owner: &str, data: impl IntoIterator<Item = RData>) -> Self {
        for data in data {
            let key = format!("{} {owner}", data.record_type());
            self.records.entry(key).or_default().push(data);
        }
        self
    }

    fn asked(&self) -> Vec<String> {
        let mut asked = self.asked.lock().expect("no test panics with it").clone();
        asked.sort();
        asked
    }

    /// The answer to a question; a name without records of any type does not exist. A CNAME brings what it leads to.
    fn answer(&self, bytes: &[u8]) -> Vec<u8> {
        let question = Message::from_vec(bytes).expect("a DNS message");
        let query = question.queries.first().expect("it asks something").clone();
        let name = query.name().to_ascii();
        let of = |kind: RecordType, name: &str| self.records.get(&format!("{kind} {name}"));
        self.asked.lock().expect("no test panics with it").push(format!("{} {name}", query.query_type()));
        let mut answer = Message::response(question.metadata.id, question.metadata.op_code);
        answer.metadata.recursion_available = true;
        let mut owner = query.name().clone();
        if let Some(RData::CNAME(alias)) = of(RecordType::CNAME, &name).and_then(|data| data.first()) {
            answer.add_answer(Record::from_rdata(owner, 60, RData::CNAME(alias.clone())));
            owner = alias.0.clone();
        }
        for data in of(query.query_type(), &owner.to_ascii()).into_iter().flatten() {
            answer.add_answer(Record::from_rdata(owner.clone(), 60, data.clone()));
        }
        let known = self.records.keys().any(|key| key.ends_with(&format!(" {name}")));
        if !known {
            answer.metadata.response_code = ResponseCode::NXDomain;
        }
        answer.add_query(query);
        answer.to_vec().expect("it can be written")
    }
}

/// Serves the zone until the test process ends; gives the server's address.
fn serve(zone: &Arc<Zone>) -> SocketAddr {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has ports");
    let address = socket.local_addr().expect("it is bound");
    let zone = zone.clone();
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok((length, peer)) = socket.recv_from(&mut buffer) {
            let _ = socket.send_to(&zone.answer(&buffer[..length]), peer);
        }
    });
    address
}

fn resolver_at(server: SocketAddr, timeout: Duration) -> Resolver {
    let any = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 5060));
    let listeners = vec![(Transport::Udp, any), (Transport::Tcp, any)];
    Resolver::new(listeners, Arc::default(), &DnsConfig { servers: vec![server], timeout })
        .expect("a resolver")
}

async fn flows(resolver: &Resolver, uri: &str) -> Vec<String> {
    let flows = match resolver.begin(uri) {
        Beginning::Known(flows) => flows,
        Beginning::Ask(search) => resolver.look_up(*search).await,
    };
    flows.iter().map(|flow| format!("{} {} {}", flow.transport, flow.local, flow.remote)).collect()
}

fn name(text: &str) -> Name {
    Name::from_ascii(text).expect("a name")
}

fn naptr(order: u16, service: &str, replacement: &str) -> RData {
    let text = |text: &str| text.as_bytes().to_vec().into_boxed_slice();
    RData::NAPTR(NAPTR::new(order, 1, text("s"), text(service), text(""), name(replacement)))
}

fn srv(priority: u16, port: u16, target: &str) -> RData {
    RData::SRV(SRV::new(priority, 1, port, name(target)))
}

fn a(last: u8) -> RData {
    RData::A(A(Ipv4Addr::new(127, 0, 0, last)))
}

/// A peer with two servers over TCP and one over UDP.
fn peer() -> Zone {
    Zone::default()
        .with(
            "peer.test.",
            [
                naptr(20, "SIP+D2U", "_sip._udp.peer.test."),
                naptr(10, "SIP+D2T", "_sip._tcp.peer.test."),
                a(9),
            ],
        )
        .with("_sip._tcp.peer.test.", [srv(20, 5082, "two.peer.test."), srv(10, 5081, "one.peer.test.")])
        .with("_sip._udp.peer.test.", [srv(1, 5083, "three.peer.test.")])
        .with("one.peer.test.", [a(1), RData::AAAA(AAAA(Ipv6Addr::LOCALHOST))])
        .with("two.peer.test.", [RData::CNAME(CNAME(name("other.test.")))])
        .with("other.test.", [a(2)])
        .with("three.peer.test.", [a(3)])
}

#[tokio::test]
async fn an_address_needs_no_server() {
    let zone = Arc::new(Zone::default());
    let resolver = resolver_at(serve(&zone), Duration::from_secs(1));
    for (uri, expected) in [
        ("sip:1001@127.0.0.1:5080", &["udp 127.0.0.1:5060 127.0.0.1:5080"][..]),
        ("sip:127.0.0.1;transport=TCP", &["tcp 127.0.0.1:5060 127.0.0.1:5060"]),
        ("sip:1001@127.0.0.1;transport=ws", &[]),
        ("sips:1001@127.0.0.1", &[]),
        ("tel:+8210", &[]),
        ("nonsense", &[]),
        ("sip:1001@[::1]", &[]),
    ] {
        assert_eq!(flows(&resolver, uri).await, expected, "{uri}");
    }
    assert_eq!(zone.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn names_lead_where_their_zone_says() {
    let zone = Arc::new(peer().with("plain.test.", [a(4)]));
    let resolver = resolver_at(serve(&zone), Duration::from_secs(5));
    for (case, uri, expected) in [
        (
            "NAPTR chooses TCP, SRV orders by priority, a CNAME is followed",
            "sip:1001@peer.test",
            &["tcp 127.0.0.1:5060 127.0.0.1:5081", "tcp 127.0.0.1:5060 127.0.0.2:5082"][..],
        ),
        (
            "a transport asks for its own servers",
            "sip:1001@peer.test;transport=udp",
            &["udp 127.0.0.1:5060 127.0.0.3:5083"],
        ),
        ("a port skips SRV", "sip:1001@peer.test:5090", &["udp 127.0.0.1:5060 127.0.0.9:5090"]),
        ("without SRV the address counts", "sip:plain.test", &["udp 127.0.0.1:5060 127.0.0.4:5060"]),
        ("an unknown name leads nowhere", "sip:nobody.test", &[]),
        ("localhost is known without a server", "sip:localhost:5080", &["udp 127.0.0.1:5060 127.0.0.1:5080"]),
    ] {
        assert_eq!(flows(&resolver, uri).await, expected, "{case}");
    }
}

#[tokio::test]
async fn servers_of_one_priority_share_the_calls() {
    let servers = [srv(1, 5081, "one.peer.test."), srv(1, 5083, "three.peer.test.")];
    let zone = Arc::new(peer().with("_sip._udp.share.test.", servers));
    let resolver = resolver_at(serve(&zone), Duration::from_secs(5));
    let mut first = BTreeMap::new();
    for _ in 0..64 {
        let found = flows(&resolver, "sip:share.test;transport=udp").await;
        assert_eq!(found.len(), 2);
        *first.entry(found[0].clone()).or_insert(0) += 1;
    }
    assert_eq!(first.len(), 2, "64 draws chose only one of two: {first:?}");
}

#[tokio::test]
async fn an_answer_is_remembered_for_its_time() {
    let zone = Arc::new(peer());
    let resolver = resolver_at(serve(&zone), Duration::from_secs(5));
    flows(&resolver, "sip:peer.test").await;
    let asked = zone.asked();
    assert!(asked.contains(&"NAPTR peer.test.".to_owned()), "{asked:?}");
    flows(&resolver, "sip:peer.test").await;
    assert_eq!(zone.asked(), asked);
}

#[tokio::test]
async fn a_silent_server_leads_nowhere_and_keeps_nobody_waiting_for_ever() {
    let silent = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has ports");
    let resolver = resolver_at(silent.local_addr().expect("it is bound"), Duration::from_millis(50));
    assert_eq!(resolver.limit, Duration::from_millis(300));
    assert_eq!(flows(&resolver, "sip:peer.test").await, Vec::<String>::new());
}
