//! The sections around signalling: HTTP, metrics, logs, drain.

use std::net::SocketAddr;
use std::time::Duration;

use cordboard_model::Secret;

use super::section::Section;
use super::value;

/// What is logged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct LogConfig {
    /// From which level on.
    pub(crate) level: LogLevel,
    /// In which form.
    pub(crate) format: LogFormat,
}

/// Log levels by the names that operators use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum LogLevel {
    /// Only what a person should look at.
    Error,
    /// And what we coped with.
    Warning,
    /// And what calls do.
    Info,
    /// And messages and decisions.
    Debug,
    /// And packets.
    Trace,
}

/// The form of a log line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum LogFormat {
    /// One JSON object per line, for collectors.
    Json,
    /// For people.
    Readable,
}

/// Reads `log`.
pub(super) fn read_log(section: Section<'_>) -> LogConfig {
    let levels = [
        ("debug", LogLevel::Debug),
        ("info", LogLevel::Info),
        ("warning", LogLevel::Warning),
        ("error", LogLevel::Error),
        ("trace", LogLevel::Trace),
        ("warn", LogLevel::Warning),
    ];
    let formats = [("json", LogFormat::Json), ("readable", LogFormat::Readable)];
    let log = LogConfig {
        level: section.value("level", LogLevel::Info, value::word(&levels)),
        format: section.value("format", LogFormat::Readable, value::word(&formats)),
    };
    section.finish();
    log
}

/// Reads `http` or `metrics`.
pub(super) fn read_listener(section: Section<'_>, port: u16) -> Option<SocketAddr> {
    let default = Some(SocketAddr::from(([0, 0, 0, 0], port)));
    let address = section.value("listen", default, value::or_off(value::listen));
    section.finish();
    address
}

/// Where the management interface is, and who may use it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct ApiConfig {
    /// Its listener; `None`: there is none.
    pub(crate) listen: Option<SocketAddr>,
    /// What its users show; without one, only programs on this machine may use it.
    pub(crate) key: Option<Secret<String>>,
}

/// Shorter keys can be guessed.
const MIN_KEY: usize = 16;

/// Reads `api`.
pub(super) fn read_api(section: Section<'_>) -> ApiConfig {
    let default = Some(SocketAddr::from(([127, 0, 0, 1], 8081)));
    let key = |text: &str| {
        let fits = text.len() >= MIN_KEY && text.bytes().all(|byte| byte.is_ascii_graphic());
        fits.then(|| text.to_owned())
            .ok_or_else(|| format!("at least {MIN_KEY} letters, digits and signs without spaces"))
    };
    let api = ApiConfig {
        listen: section.value("listen", default, value::or_off(value::listen)),
        key: section.optional("key", key).map(Secret::new),
    };
    if api.key.is_none() && api.listen.is_some_and(|address| !address.ip().is_loopback()) {
        section.complain("listen", "without api.key only a loopback address is safe, such as 127.0.0.1:8081; others could exchange plugins");
    }
    section.finish();
    api
}

/// Whether two TCP listeners cannot both be had. One for all IPv4 addresses and one for all of IPv6 can.
pub(super) fn clash(a: SocketAddr, b: SocketAddr) -> bool {
    let one_for_all = a.ip().is_unspecified() || b.ip().is_unspecified();
    let overlap = a.ip() == b.ip() || (one_for_all && a.is_ipv4() == b.is_ipv4());
    a.port() == b.port() && a.port() != 0 && overlap
}

/// Reads `drain`.
pub(super) fn read_drain(section: Section<'_>) -> Duration {
    let s = Duration::from_secs;
    let limit = section.value("limit", s(30), value::duration(Duration::ZERO..=s(86_400)));
    section.finish();
    limit
}
