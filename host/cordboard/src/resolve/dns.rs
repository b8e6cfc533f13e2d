//! Asks DNS servers. CNAMEs, the cache with negative answers, `/etc/hosts` and change to TCP are hickory's part.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use cordboard_sip::locate::{Naptr, Question, Record, RecordKind, Srv};
use hickory_resolver::config::{NameServerConfig, ResolverConfig};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{RData, RecordType};
use hickory_resolver::{ResolverBuilder, TokioResolver};
use tokio::task::JoinSet;

use crate::config::DnsConfig;

/// How often a question is sent before it counts as not answered.
const SENDINGS: u32 = 2;

/// Answers remembered at once. Names come from plugins, which may make them up.
const CACHE_ENTRIES: u64 = 4096;

/// How long "there is none" is believed at the most, so that a record added to a zone is found soon.
const NEGATIVE_FOR: Duration = Duration::from_secs(300);

/// How long one question may take.
pub(super) fn question_limit(timeout: Duration) -> Duration {
    timeout * SENDINGS
}

/// The DNS client.
pub(super) struct Dns {
    resolver: TokioResolver,
    limit: Duration,
}

/// What came of a question.
#[derive(Debug)]
pub(super) enum Answer {
    /// Records; none when the name has none of this type.
    Records(Vec<Record>),
    /// No answer that says either.
    Failed(String),
}

impl Answer {
    pub(super) fn into_records(self) -> Vec<Record> {
        match self {
            Self::Records(records) => records,
            Self::Failed(_) => Vec::new(),
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Records(records) if records.is_empty() => f.write_str("none"),
            Self::Records(records) => write!(f, "{} records", records.len()),
            Self::Failed(reason) => f.write_str(reason),
        }
    }
}

impl Dns {
    pub(super) fn new(config: &DnsConfig) -> Result<Self, NetError> {
        let mut builder = builder(&config.servers);
        let options = builder.options_mut();
        options.timeout = config.timeout;
        options.attempts = SENDINGS as usize;
        options.cache_size = CACHE_ENTRIES;
        options.negative_max_ttl = Some(NEGATIVE_FOR);
        Ok(Self { resolver: builder.build()?, limit: question_limit(config.timeout) })
    }

    /// Asks all at once; the answers are in the order of the questions.
    pub(super) async fn ask(&self, questions: &[Question]) -> Vec<Answer> {
        let mut asked = JoinSet::new();
        for (place, question) in questions.iter().cloned().enumerate() {
            let (resolver, limit) = (self.resolver.clone(), self.limit);
            asked.spawn(async move { (place, ask(&resolver, &question, limit).await) });
        }
        let mut answers = asked.join_all().await;
        answers.sort_by_key(|(place, _)| *place);
        answers.into_iter().map(|(_, answer)| answer).collect()
    }
}

/// The configured servers, or those of the operating system. Without any, `/etc/hosts` still answers.
fn builder(servers: &[SocketAddr]) -> ResolverBuilder<TokioRuntimeProvider> {
    let with = |config| TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
    if !servers.is_empty() {
        let servers = servers.iter().map(|server| name_server(*server)).collect();
        return with(ResolverConfig::from_name_servers(servers));
    }
    TokioResolver::builder_tokio().unwrap_or_else(|error| {
        tracing::warn!(%error, "the operating system names no DNS server; only /etc/hosts is asked. Set dns.servers");
        with(ResolverConfig::from_name_servers(Vec::new()))
    })
}

fn name_server(address: SocketAddr) -> NameServerConfig {
    let mut server = NameServerConfig::udp_and_tcp(address.ip());
    for connection in &mut server.connections {
        connection.port = address.port();
    }
    server
}

async fn ask(resolver: &TokioResolver, question: &Question, limit: Duration) -> Answer {
    let kind = match question.kind {
        RecordKind::Naptr => RecordType::NAPTR,
        RecordKind::Srv => RecordType::SRV,
        RecordKind::A => RecordType::A,
        RecordKind::Aaaa => RecordType::AAAA,
    };
    match tokio::time::timeout(limit, resolver.lookup(question.name.as_str(), kind)).await {
        Ok(Ok(lookup)) => Answer::Records(lookup.answers().iter().filter_map(|r| record(&r.data)).collect()),
        Ok(Err(error)) if means_none(&error) => Answer::Records(Vec::new()),
        Ok(Err(error)) => Answer::Failed(error.to_string()),
        Err(_) => Answer::Failed(format!("no answer within {} ms", limit.as_millis())),
    }
}

/// Whether a server said that there is nothing, rather than that it cannot say.
fn means_none(error: &NetError) -> bool {
    use hickory_resolver::net::{DnsError, NoRecords};
    use hickory_resolver::proto::op::ResponseCode;
    matches!(
        error,
        NetError::Dns(DnsError::NoRecordsFound(NoRecords {
            response_code: ResponseCode::NoError | ResponseCode::NXDomain,
            ..
        }))
    )
}

/// A record as the locator reads it; what it does not read (CNAMEs, above all) is left out.
fn record(data: &RData) -> Option<Record> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Some(match data {
        RData::A(address) => Record::Address(IpAddr::V4(address.0)),
        RData::AAAA(address) => Record::Address(IpAddr::V6(address.0)),
        RData::SRV(srv) => Record::Srv(Srv {
            priority: srv.priority,
            weight: srv.weight,
            port: srv.port,
            target: srv.target.to_ascii(),
        }),
        RData::NAPTR(naptr) => Record::Naptr(Naptr {
            order: naptr.order,
            preference: naptr.preference,
            flags: text(&naptr.flags),
            service: text(&naptr.services),
            replacement: naptr.replacement.to_ascii(),
        }),
        _ => return None,
    })
}
