//! The mistakes a person can make, as pairs of files: what was written and what is told. `UPDATE_GOLDEN=1` rewrites the
//! answers; read the difference like code.

use std::path::{Path, PathBuf};
use std::time::Duration;

use cordboard_plugin::CandidateMode;

use super::{Config, Environment, LogFormat, LogLevel};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/config")
}

fn load(source: &str, environment: &[(&str, &str)]) -> Result<Config, String> {
    let environment = environment.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    Config::parse(source, Path::new("pbx.yaml"), &environment).map_err(|complaints| complaints.to_string())
}

#[test]
fn every_mistake_of_a_file_is_told_at_once_with_its_place() {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut seen = 0;
    for file in std::fs::read_dir(folder()).expect("the folder of examples exists") {
        let path = file.expect("its entries are readable").path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        let source = std::fs::read_to_string(&path).expect("an example is readable");
        let name = path.file_name().map(Path::new).expect("an entry has a name");
        let told = Config::parse(&source, name, &Environment::new())
            .expect_err("an example of mistakes is refused")
            .to_string();
        let golden = path.with_extension("txt");
        if update {
            std::fs::write(&golden, format!("{told}\n")).expect("the answer can be written");
        }
        let expected = std::fs::read_to_string(&golden).unwrap_or_default();
        assert_eq!(format!("{told}\n"), expected, "{}", path.display());
        seen += 1;
    }
    assert!(seen >= 5, "only {seen} examples were found");
}

#[test]
fn the_default_file_is_right_and_says_what_the_defaults_are() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/cordboard.yaml");
    let config = Config::load(&file, &Environment::new()).expect("the default file is right");
    let empty = load("", &[]).expect("an empty file is right");
    assert_eq!(config.sip.udp, empty.sip.udp);
    assert_eq!(config.sip.tcp, empty.sip.tcp);
    assert_eq!(config.media.ports, empty.media.ports);
    assert_eq!((config.http, config.metrics), (empty.http, empty.metrics));
    assert_eq!(config.api, empty.api);
    assert_eq!(config.admission.invites_per_second, empty.admission.invites_per_second);
    assert_eq!(config.admission.max_calls, 1250);
    assert_eq!(config.log, empty.log);
    assert_eq!(config.drain_limit, empty.drain_limit);
    assert_eq!(config.plugins.len(), 2);
}

#[test]
fn any_key_is_overridden_by_an_environment_variable() {
    let source = "sip:\n  udp: [\"0.0.0.0:5060\"]\nplugins:\n  - {name: a, path: a.wasm}\n";
    let config = load(
        source,
        &[
            ("CORDBOARD_SIP__UDP", "127.0.0.1:5070, [::1]:5070"),
            ("CORDBOARD_SIP__TIMERS__T1", "100ms"),
            ("CORDBOARD_LOG__LEVEL", "DEBUG"),
            ("CORDBOARD_LOG__FORMAT", "json"),
            ("CORDBOARD_PLUGINS__0__PATH", "b.wasm"),
            ("CORDBOARD_ROUTING__CHAIN", "[a]"),
            // What Kubernetes sets for a service called cordboard is not ours.
            ("CORDBOARD_PORT_5060_UDP_PORT", "5060"),
        ],
    )
    .expect("every value is right");
    assert_eq!(config.sip.udp.len(), 2);
    assert_eq!(config.sip.timers.t1, Duration::from_millis(100));
    assert_eq!((config.log.level, config.log.format), (LogLevel::Debug, LogFormat::Json));
    assert_eq!(config.plugins[0].source.path, Path::new("b.wasm"));
    assert_eq!(config.chains.routing, ["a"]);
}

#[test]
fn a_lone_ipv6_listener_can_come_from_a_variable() {
    let config = load("", &[("CORDBOARD_SIP__UDP", "[::]:5060")]).expect("the value is right");
    assert_eq!(config.sip.udp, ["[::]:5060".parse().expect("an address")]);
}

#[test]
fn both_families_can_have_one_port_and_two_transports_cannot() {
    let source = "sip: {tcp: ['0.0.0.0:5060', '[::]:5060'], ws: '[::1]:8088', wss: '127.0.0.1:8443'}\n";
    let told = load(source, &[]).expect_err("only the certificate is missing").to_string();
    assert!(!told.contains("already used") && told.contains("tls.certificate"), "{told}");
    let told = load("sip: {tcp: '0.0.0.0:5060', ws: '127.0.0.1:5060'}\n", &[]).expect_err("they clash");
    assert!(told.contains("sip.ws: port 5060 is already used by sip.tcp"), "{told}");
}

#[test]
fn a_mistake_in_a_variable_names_the_variable() {
    let told = load("", &[("CORDBOARD_SIP__UPD", "1"), ("CORDBOARD_MEDIA__PORTS", "x")])
        .expect_err("both are wrong");
    assert!(
        told.contains("environment variable CORDBOARD_SIP__UPD: sip.upd: unknown key; did you mean \"udp\"?"),
        "{told}"
    );
    assert!(
        told.contains("environment variable CORDBOARD_MEDIA__PORTS: media.ports: expected first"),
        "{told}"
    );
}

#[test]
fn secrets_come_from_variables_and_files_and_never_reach_a_message() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("key"), "hunter2\n").expect("a secret file");
    let file = folder.path().join("pbx.yaml");
    let source = "plugins:\n  - name: a\n    path: a.wasm\n    config: {key: 'file:key', user: '<${NAME}>', count: 3, on: true}\n\
                  log: {level: '${NAME}'}\n";
    let environment = Environment::from([("NAME".into(), "topsecret".into())]);
    let told = Config::parse(source, &file, &environment).expect_err("that is no level").to_string();
    assert!(told.contains("found \"${NAME}\"") && !told.contains("topsecret"), "{told}");

    let right = source.replace("level: '${NAME}'", "level: info");
    let config = Config::parse(&right, &file, &environment).expect("now it is right");
    let block = serde_json::json!({"key": "hunter2", "user": "<topsecret>", "count": 3, "on": true});
    assert_eq!(config.plugins[0].config, block);
}

#[test]
fn numbers_keep_their_spelling_where_they_are_names() {
    let config =
        load("routing:\n  static:\n    - {number: 0100, targets: [0101]}\n", &[]).expect("it is right");
    assert_eq!(config.chains.static_routes[0].number, "0100");
    assert_eq!(config.chains.static_routes[0].targets, ["0101"]);
}

#[test]
fn the_management_interface_is_open_to_nobody_else_without_a_key() {
    let told = load("api: {listen: '0.0.0.0:8081'}\n", &[]).expect_err("others could reach it");
    assert!(told.contains("api.listen: without api.key only a loopback address is safe"), "{told}");
    let told = load("api: {key: short}\n", &[]).expect_err("it can be guessed");
    assert!(told.contains("at least 16") && !told.contains("127.0.0.1"), "{told}");
    let open = load("api: {listen: '0.0.0.0:8081', key: '${KEY}'}\n", &[("KEY", "0123456789abcdef")]);
    let open = open.expect("it has a key");
    assert!(!format!("{open:?}").contains("0123456789abcdef"));
}

#[test]
fn a_candidate_is_a_shadow_or_has_a_share() {
    let plugin = |candidate: &str| format!("plugins: [{{name: a, path: a.wasm, candidate: {candidate}}}]\n");
    for (candidate, expected) in [
        ("{path: b.wasm}", Some(CandidateMode::Shadow)),
        ("{path: b.wasm, mode: canary, percent: 10}", Some(CandidateMode::Canary { percent: 10 })),
        ("{path: b.wasm, mode: canary}", None),
        ("{path: b.wasm, percent: 10}", None),
        ("{mode: shadow}", None),
    ] {
        let mode = load(&plugin(candidate), &[])
            .ok()
            .and_then(|config| config.plugins[0].candidate.as_ref().map(|candidate| candidate.mode));
        assert_eq!(mode, expected, "{candidate}");
    }
}

#[test]
fn names_and_trunks_reach_the_core() {
    let source = "sip: {domains: [pbx.example], external_address: 203.0.113.9, local_networks: [192.168.0.0/16]}\n\
                  trunks: [{name: carrier, uri: 'sip:192.0.2.7;transport=tcp'}]\n";
    let settings = load(source, &[]).expect("it is right").core_settings();
    assert_eq!(settings.domains, ["pbx.example"]);
    assert_eq!(settings.external_address, "203.0.113.9".parse().ok());
    assert_eq!(settings.local_networks, ["192.168.0.0/16".parse().expect("a network")]);
    let trunk = settings.trunks.get("carrier").expect("the trunk is there");
    assert_eq!(trunk.servers[0].uri, "sip:192.0.2.7;transport=tcp");
    assert!(trunk.registration.is_none() && trunk.account.is_none());
    assert_eq!(trunk.health.as_ref().map(|health| health.interval), Some(Duration::from_secs(30)));
    assert_eq!(trunk.headers.pass, None);
}

#[test]
fn everything_about_a_trunk_reaches_the_core() {
    let source = "
secrets: [{name: carrier, value: hunter2}]
trunks:
  - name: carrier
    servers:
      - {uri: 'sip:a.carrier.example', weight: 3}
      - {uri: 'sip:b.carrier.example', priority: 10}
    sources: [192.0.2.0/24, '2001:db8::7']
    account: {user: u4711, secret: carrier, realm: carrier.example}
    register: true
    register_user: '+4930'
    register_domain: carrier.example
    register_expires: 10m
    health: {interval: off}
    response_timeout: 4s
    codecs: [PCMA, telephone-event]
    identity: {from_user: '+4930', from_host: carrier.example, trusted: true, privacy: always}
    headers: {pass: [], add: [{name: X-Customer, value: '7'}]}
";
    let settings = load(source, &[]).expect("it is right").core_settings();
    let trunk = settings.trunks.get("carrier").expect("the trunk is there");
    let shares: Vec<_> =
        trunk.servers.iter().map(|server| (server.share.priority, server.share.weight)).collect();
    assert_eq!(shares, [(0, 3), (10, 1)]);
    assert_eq!(trunk.sources.len(), 2);
    let account = trunk.account.as_ref().expect("an account");
    assert_eq!((account.user.as_str(), account.realm.as_deref()), ("u4711", Some("carrier.example")));
    let registration = trunk.registration.as_ref().expect("a registration");
    assert_eq!((registration.user.as_str(), registration.expires), ("+4930", Duration::from_secs(600)));
    assert!(trunk.health.is_none() && trunk.identity.trusted);
    assert_eq!(trunk.codecs, ["PCMA", "telephone-event"]);
    assert_eq!(trunk.headers.pass, Some(Vec::new()));
    assert_eq!(trunk.headers.add, [("X-Customer".to_owned(), "7".to_owned())]);
    assert!(!format!("{settings:?}").contains("hunter2"));
}

#[test]
fn a_file_that_is_not_there_says_what_was_expected() {
    let error = Config::load(Path::new("nowhere.yaml"), &Environment::new()).expect_err("there is none");
    let told = error.to_string();
    assert!(told.starts_with("nowhere.yaml: ") && told.contains("config/cordboard.yaml"), "{told}");
}

/// An unknown key in every section, so that each tells the keys it accepts.
const UNKNOWN_EVERYWHERE: &str = "
????: 1
sip: {????: 1, timers: {????: 1}, streams: {????: 1}}
tls: {????: 1}
trunks: [{????: 1, servers: [{????: 1}], account: {????: 1}, health: {????: 1}, identity: {????: 1},
  headers: {????: 1, add: [{????: 1}]}}]
secrets: [{????: 1}]
dns: {????: 1}
registrar: {????: 1}
admission: {????: 1}
calls: {????: 1}
media: {????: 1}
http: {????: 1}
metrics: {????: 1}
log: {????: 1}
components: {????: 1}
api: {????: 1}
tables: [{????: 1}]
plugins: [{????: 1, http: [{????: 1}], limits: {????: 1}, probation: {????: 1}, candidate: {????: 1}}]
routing: {????: 1, static: [{????: 1}]}
authorization: {????: 1}
drain: {????: 1}
";

#[test]
fn every_key_is_explained_to_its_reader() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/README.md");
    let readme = std::fs::read_to_string(readme).expect("the configuration has a README");
    let told = load(&UNKNOWN_EVERYWHERE.replace("????", "unheard_of"), &[]).expect_err("no section knows it");
    let accepted: Vec<&str> =
        told.lines().filter_map(|line| line.split_once("accepted here: ")).map(|(_, keys)| keys).collect();
    assert_eq!(accepted.len(), 33, "a section is missing in this test: {told}");
    for key in accepted.iter().flat_map(|keys| keys.split(", ")) {
        let explained = [format!("`{key}`"), format!(".{key}`")];
        assert!(
            explained.iter().any(|name| readme.contains(name)),
            "{key} is not explained in config/README.md"
        );
    }
}
