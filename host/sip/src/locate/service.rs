//! Which transport: NAPTR records, or the SRV names that every domain may have (RFC 3263 §4.1).

use super::target::Target;
use super::{MAX_SERVICES, Question, Reach, Record, RecordKind, absolute};
use crate::transport::Transport;

/// A name of SRV records, and the transport that its servers speak.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Service {
    pub(super) name: String,
    pub(super) transport: Transport,
}

impl Service {
    pub(super) fn question(&self) -> Question {
        Question { name: self.name.clone(), kind: RecordKind::Srv }
    }
}

/// The services among the NAPTR records that we can use, best first. Once an order has one, later orders do not count
/// (RFC 3403 §4.1); within it others serve for failover.
pub(super) fn choose(records: &[Record], secure: bool, reach: &Reach) -> Vec<Service> {
    let usable = records.iter().filter_map(|record| {
        let naptr = record.as_naptr()?;
        let transport = transport_of(&naptr.service, secure).filter(|transport| reach.sends(*transport))?;
        let terminal =
            naptr.flags.eq_ignore_ascii_case("s") && !matches!(naptr.replacement.as_str(), "" | ".");
        let service = Service { name: absolute(&naptr.replacement), transport };
        terminal.then_some((naptr.order, naptr.preference, service))
    });
    let mut usable: Vec<_> = usable.collect();
    usable.sort_by_key(|(order, preference, _)| (*order, *preference));
    let Some(best) = usable.first().map(|(order, ..)| *order) else { return Vec::new() };
    let of_best = usable.into_iter().take_while(|(order, ..)| *order == best);
    of_best.map(|(_, _, service)| service).take(MAX_SERVICES).collect()
}

/// The transport of a NAPTR service. A `sip` URI may be secured, a `sips` URI must be.
fn transport_of(service: &str, secure: bool) -> Option<Transport> {
    let is = |name: &str| service.eq_ignore_ascii_case(name);
    match () {
        () if is("SIPS+D2T") => Some(Transport::Tls),
        () if is("SIP+D2U") && !secure => Some(Transport::Udp),
        () if is("SIP+D2T") && !secure => Some(Transport::Tcp),
        () => None,
    }
}

/// The SRV names of a domain without NAPTR records that fit: one for the transport that the URI asks for, else one for each
/// that we have.
pub(super) fn usual(target: &Target, reach: &Reach) -> Vec<Service> {
    let domain = target.domain();
    let service = |transport| Service { name: format!("{}.{domain}", prefix(transport)), transport };
    match target.transport {
        Some(transport) => vec![service(transport)],
        None => target.transports().filter(|transport| reach.sends(*transport)).map(service).collect(),
    }
}

const fn prefix(transport: Transport) -> &'static str {
    match transport {
        Transport::Udp => "_sip._udp",
        Transport::Tls | Transport::Wss => "_sips._tcp",
        Transport::Tcp | Transport::Ws => "_sip._tcp",
    }
}
