//! The configuration: YAML in, typed and validated settings out.
//!
//! A file is read into a tree whose nodes know their place (`node`), overridden and completed from the environment
//! (`environment`), and picked apart by `section`. Every mistake is gathered; a [`Config`] only exists when there was none, and
//! is never changed afterwards. No other module knows YAML.

mod complaint;
mod components;
mod dns;
mod environment;
mod node;
mod plugins;
mod section;
mod server;
mod sip;
mod store;
mod tables;
mod tls;
mod trunks;
mod value;

/// What the fuzz target checks.
#[cfg(test)]
#[path = "../../../../tests/fuzz/checks/config.rs"]
mod checks;
#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cordboard_b2bua::trunk::TrunkSettings;
use cordboard_b2bua::{AdmissionSettings, AuthenticationSettings, CallSettings, RegistrarSettings, Settings};
use cordboard_media::relay::RelaySettings;
use cordboard_model::Secret;

pub(crate) use complaint::Complaints;
use complaint::{Complaint, Gathering, Origin};
pub(crate) use components::ComponentConfig;
pub(crate) use dns::DnsConfig;
pub(crate) use environment::Environment;
pub(crate) use plugins::{ChainConfig, PluginConfig};
use section::Section;
pub(crate) use server::{ApiConfig, LogConfig, LogFormat, LogLevel};
pub(crate) use sip::{SipConfig, StreamLimits, calls_of, listener_key};
pub(crate) use store::JournalConfig;
pub(crate) use value::duration;

use crate::tables::TableSet;
use crate::tls::TlsSettings;

/// Longest configuration file. A path to the wrong file must not eat the memory.
const MAX_FILE_BYTES: u64 = 4 * 1024 * 1024;

/// Everything the host is told, valid as a whole.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    /// The file it came from.
    pub(crate) file: PathBuf,
    /// SIP listeners, names and limits.
    pub(crate) sip: SipConfig,
    /// Certificates and keys.
    pub(crate) tls: TlsSettings,
    /// Trunks by name.
    pub(crate) trunks: BTreeMap<String, TrunkSettings>,
    /// What digest answers are verified with, by name.
    pub(crate) secrets: BTreeMap<String, Secret<String>>,
    /// Bounds of registrations.
    pub(crate) registrar: RegistrarSettings,
    /// What is refused before any work.
    pub(crate) admission: AdmissionSettings,
    /// How calls behave.
    pub(crate) calls: CallSettings,
    /// Ports, time-outs and threads of the relay.
    pub(crate) media: RelaySettings,
    /// Where health is served; `None`: nowhere.
    pub(crate) http: Option<SocketAddr>,
    /// Where the management interface is, and who may use it.
    pub(crate) api: ApiConfig,
    /// Where metrics are served; `None`: nowhere.
    pub(crate) metrics: Option<SocketAddr>,
    /// What is logged.
    pub(crate) log: LogConfig,
    /// Who is asked where names lead.
    pub(crate) dns: DnsConfig,
    /// Where compiled components are kept.
    pub(crate) components: ComponentConfig,
    /// What plugins look up, by name.
    pub(crate) tables: TableSet,
    /// The plugins.
    pub(crate) plugins: Vec<PluginConfig>,
    /// Who decides what.
    pub(crate) chains: ChainConfig,
    /// The file of what is remembered; `None`: nothing is.
    pub(crate) store: Option<PathBuf>,
    /// What is kept of decisions.
    pub(crate) journal: JournalConfig,
    /// How long calls may go on after SIGTERM.
    pub(crate) drain_limit: Duration,
}

impl Config {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// With every mistake there is.
    pub(crate) fn load(file: &Path, environment: &Environment) -> Result<Self, Complaints> {
        let whole = |message: String| {
            let complaint = Complaint { origin: Origin::Whole, path: String::new(), message };
            Complaints::new(file, vec![complaint])
        };
        let source = read(file).map_err(whole)?;
        Self::parse(&source, file, environment)
    }

    /// What holds without a file.
    ///
    /// # Errors
    /// When an environment variable overrides a key with something wrong.
    pub(crate) fn usual(environment: &Environment) -> Result<Self, Complaints> {
        Self::parse("", Path::new(""), environment)
    }

    /// Checks the text of a file.
    fn parse(source: &str, file: &Path, environment: &Environment) -> Result<Self, Complaints> {
        let gathering = Gathering::default();
        let mut tree = node::parse(source).map_err(|complaint| Complaints::new(file, vec![complaint]))?;
        let folder = file.parent().unwrap_or(Path::new(""));
        environment::override_by(&mut tree, environment, &gathering);
        environment::resolve(&mut tree, environment, folder, &gathering);
        let config = Self::read(&Section::root(&tree, &gathering), file, environment);
        let list = gathering.into_list();
        if list.is_empty() { Ok(config) } else { Err(Complaints::new(file, list)) }
    }

    fn read(root: &Section<'_>, file: &Path, environment: &Environment) -> Self {
        let folder = file.parent().unwrap_or(Path::new(""));
        let tables = tables::read_tables(root, folder);
        let plugins = plugins::read_plugins(root, folder, &tables);
        let chains = plugins::read_chains(root, &plugins);
        let media = sip::read_media(root.section("media"));
        let secrets = sip::read_secrets(root);
        let sip = sip::read_sip(root.section("sip"), &media);
        let tls = tls::read_tls(root.section("tls"), &sip, folder, plugins::send_securely(&plugins));
        let config = Self {
            file: file.to_owned(),
            sip,
            tls,
            trunks: trunks::read_trunks(root, &secrets),
            secrets,
            registrar: sip::read_registrar(root.section("registrar")),
            admission: sip::read_admission(root.section("admission"), &media),
            calls: sip::read_calls(root.section("calls")),
            media,
            http: server::read_listener(root.section("http"), 8080),
            api: server::read_api(root.section("api")),
            metrics: server::read_listener(root.section("metrics"), 9090),
            log: server::read_log(root.section("log")),
            dns: dns::read_dns(root.section("dns")),
            components: components::read_components(root.section("components"), folder, environment),
            tables,
            plugins,
            chains,
            store: store::read_store(root.section("store"), folder, environment),
            journal: store::read_journal(root.section("journal")),
            drain_limit: server::read_drain(root.section("drain")),
        };
        config.complain_about_shared_ports(root);
        root.finish();
        config
    }

    /// Two listeners cannot have one port. Port 0 is chosen by the kernel and never clashes.
    fn complain_about_shared_ports(&self, root: &Section<'_>) {
        let sip = self.sip.streams_listening().map(|(transport, address)| (listener_key(transport), address));
        let http = self.http.map(|address| ("http.listen", address));
        let metrics = self.metrics.map(|address| ("metrics.listen", address));
        let api = self.api.listen.map(|address| ("api.listen", address));
        let mut taken: Vec<(&str, SocketAddr)> = Vec::new();
        for (key, address) in sip.chain(http).chain(metrics).chain(api) {
            if let Some((other, _)) = taken.iter().find(|(_, other)| server::clash(*other, address)) {
                let message = format!("port {} is already used by {other}; choose another", address.port());
                let (section, key) = key.split_once('.').expect("each is a key of a section");
                root.section(section).complain(key, message);
            }
            taken.push((key, address));
        }
    }

    /// What the core is configured with.
    pub(crate) fn core_settings(&self) -> Settings {
        Settings {
            domains: self.sip.domains.clone(),
            trunks: self.trunks.clone(),
            secrets: self.secrets.clone(),
            external_address: self.sip.external_address,
            local_networks: self.sip.local_networks.clone(),
            sip: self.sip.timers.clone(),
            registrar: self.registrar.clone(),
            admission: self.admission.clone(),
            call: self.calls.clone(),
            authentication: AuthenticationSettings { algorithms: self.sip.digest.clone() },
        }
    }
}

fn read(file: &Path) -> Result<String, String> {
    let help = "expected a configuration file; start from config/cordboard.yaml";
    let size = std::fs::metadata(file).map_err(|error| format!("{error}; {help}"))?.len();
    if size > MAX_FILE_BYTES {
        return Err(format!(
            "{size} bytes are more than the {MAX_FILE_BYTES} a configuration may have; {help}"
        ));
    }
    std::fs::read_to_string(file).map_err(|error| format!("{error}; {help}"))
}
