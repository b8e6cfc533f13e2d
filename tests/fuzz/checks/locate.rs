//! What holds for whatever the DNS answers to the questions that a URI raises (RFC 3263).
//!
//! The fuzz target calls this function, and the tests of the crate call it on stored inputs and on generated ones.

use std::net::{IpAddr, SocketAddr};

use cordboard_sip::Transport;
use cordboard_sip::locate::{Locator, Naptr, Question, Reach, Record, RecordKind, Srv, Step};
use cordboard_sip::message::Uri;

/// NAPTR, SRV, addresses.
const ROUNDS: usize = 3;
/// Two families of as many hosts as are asked for.
const MAX_QUESTIONS: usize = 16;
/// Places to try in all.
const MAX_CANDIDATES: usize = 8;

/// A line with a URI, then records, a line each; the first byte chooses what we can send with. Whatever the answers are, the
/// questions end after three rounds, there are few of them, and all that is found can be reached and is found once.
pub(crate) fn locate(data: &[u8]) {
    let Some((&ways, text)) = data.split_first() else { return };
    let mut lines = text.split(|byte| *byte == b'\n');
    let Some(uri) = lines.next().and_then(Uri::parse) else { return };
    let records: Vec<Record> = lines.filter_map(record).collect();
    let reach = reach(ways);
    let found = candidates(&uri, &reach, &records);
    assert_eq!(found, candidates(&uri, &reach, &records), "one seed gives one order");
}

fn candidates(uri: &Uri<'_>, reach: &Reach, records: &[Record]) -> Vec<(Transport, SocketAddr)> {
    let Ok(mut locator) = Locator::new(uri, reach.clone(), [7; 32]) else { return Vec::new() };
    for _ in 0..=ROUNDS {
        match locator.poll() {
            Step::Ask(questions) => {
                assert!((1..=MAX_QUESTIONS).contains(&questions.len()), "{} questions", questions.len());
                let answers: Vec<_> = questions.iter().map(|question| answer(question, records)).collect();
                // One answer is missing when there are several: the resolver gave up.
                let given = answers.len() - usize::from(answers.len() > 4);
                locator.answer(&answers[..given]);
            }
            Step::Found(found) => {
                assert!(found.len() <= MAX_CANDIDATES, "{} candidates", found.len());
                let mut places = Vec::new();
                for candidate in found {
                    let place = (candidate.transport, candidate.address);
                    assert!(!places.contains(&place), "{place:?} is tried twice");
                    assert!(reach.sends(candidate.transport), "{place:?} cannot be reached");
                    assert!(
                        !uri.is_secure() || candidate.transport == Transport::Tls,
                        "{place:?} is not secured"
                    );
                    places.push(place);
                }
                return places;
            }
        }
    }
    panic!("it asks for ever");
}

/// All records of the kind that is asked for; whether they are for that name, the resolver has seen to.
fn answer(question: &Question, records: &[Record]) -> Vec<Record> {
    let fits = |record: &&Record| {
        matches!(
            (question.kind, record),
            (RecordKind::Naptr, Record::Naptr(_))
                | (RecordKind::Srv, Record::Srv(_))
                | (RecordKind::A, Record::Address(IpAddr::V4(_)))
                | (RecordKind::Aaaa, Record::Address(IpAddr::V6(_)))
        )
    };
    records.iter().filter(fits).cloned().collect()
}

/// `N order preference flags service replacement`, `S priority weight port target`, or an address.
fn record(line: &[u8]) -> Option<Record> {
    let text = String::from_utf8_lossy(line);
    let fields: Vec<&str> = text.split(' ').collect();
    match fields.as_slice() {
        ["N", order, preference, flags, service, replacement] => Some(Record::Naptr(Naptr {
            order: order.parse().ok()?,
            preference: preference.parse().ok()?,
            flags: (*flags).to_owned(),
            service: (*service).to_owned(),
            replacement: (*replacement).to_owned(),
        })),
        ["S", priority, weight, port, target] => Some(Record::Srv(Srv {
            priority: priority.parse().ok()?,
            weight: weight.parse().ok()?,
            port: port.parse().ok()?,
            target: (*target).to_owned(),
        })),
        [address] => address.parse().ok().map(Record::Address),
        _ => None,
    }
}

/// The listeners that the bits choose.
fn reach(ways: u8) -> Reach {
    let families: [IpAddr; 2] =
        [IpAddr::from([192, 0, 2, 1]), IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1])];
    let transports = [Transport::Udp, Transport::Tcp, Transport::Tls];
    let all = transports
        .into_iter()
        .flat_map(|transport| families.map(|ip| (transport, SocketAddr::new(ip, 5060))));
    Reach::of_listeners(all.enumerate().filter(|(bit, _)| ways >> bit & 1 == 1).map(|(_, way)| way))
}
