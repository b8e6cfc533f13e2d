//! Plugins of a running PBX are exchanged: by command, by signal, by their file alone; and by nobody who may not.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::host::{Configured, Host};

/// What `cargo xtask plugins` makes, with a custom section `v` at its end that nobody looks at: another file that does the same.
fn version(number: u8) -> Vec<u8> {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/plugins/test/misbehaving-router.wasm");
    let component = std::fs::read(&path);
    let mut bytes = component
        .unwrap_or_else(|_| panic!("{} is missing; build it with `cargo xtask plugins`", path.display()));
    bytes.extend([0, 3, 1, b'v', number]);
    bytes
}

fn put(configured: &Configured, bytes: &[u8]) {
    let beside = configured.folder().join("route.new");
    std::fs::write(&beside, bytes).expect("it is written");
    std::fs::rename(&beside, file(configured)).expect("it is renamed");
}

fn file(configured: &Configured) -> PathBuf {
    configured.folder().join("route.wasm")
}

/// A PBX with one router, and `more` about it.
fn configured(more: &str) -> Configured {
    let configured = Configured::with(&format!(
        "plugins: [{{name: route, path: route.wasm{more}}}]\nrouting: {{chain: [route]}}\n"
    ));
    put(&configured, &version(1));
    configured
}

/// The only plugin, as the interface shows it.
fn shown(host: &Host) -> Value {
    let answer = host.get("api", "/api/plugins");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let (_, body) = answer.split_once("\r\n\r\n").expect("an answer has a body");
    serde_json::from_str::<Value>(body).expect("it is JSON")[0].take()
}

/// What a command said, and whether it did it.
fn command(configured: &Configured, host: &Host, words: &[&str]) -> (bool, String) {
    let address = host.address("api").to_string();
    let words: Vec<&str> = [&["plugin"][..], words, &["--api", &address, "--config"]].concat();
    let output = configured.output(&words);
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn a_new_file_is_taken_by_command_and_taken_back() {
    let configured = configured("");
    let mut host = configured.start();
    let (done, said) = command(&configured, &host, &["reload", "route"]);
    assert!(done && said.contains("nothing to do"), "{said}");
    put(&configured, &version(2));
    let (done, said) = command(&configured, &host, &["reload", "route"]);
    assert!(done && said.starts_with("route: generation 2 (misbehaving-router"), "{said}");
    host.wait_for("change=\"reloaded\" generation=2");

    put(&configured, b"no component");
    let (done, said) = command(&configured, &host, &["reload", "route"]);
    assert!(
        !done && said.contains("expected a WebAssembly component, found a file that begins with"),
        "{said}"
    );
    host.wait_for("change=\"reload-refused\"");
    let plugin = shown(&host);
    assert_eq!(
        (&plugin["state"], &plugin["serving"]["generation"]),
        (&Value::from("ready"), &Value::from(2))
    );
    assert!(plugin["last_refusal"]["reason"].as_str().is_some_and(|reason| reason.contains("route.wasm")));

    let (done, said) = command(&configured, &host, &["rollback", "route"]);
    assert!(done && said.starts_with("route: generation 1"), "{said}");
    assert_eq!(shown(&host)["generations"][0]["outcome"], "rolled-back");
    let (done, said) = command(&configured, &host, &["rollback", "route"]);
    assert!(!done && said.contains("no earlier generation"), "{said}");

    put(&configured, &version(2));
    let (done, said) = command(&configured, &host, &["reload", "route"]);
    assert!(!done && said.contains("it was rolled back by hand"), "{said}");
    let (done, said) = command(&configured, &host, &["reload", "route", "--force"]);
    assert!(done && said.contains("generation 3"), "{said}");
    let (done, said) = command(&configured, &host, &["list"]);
    assert!(done && said.contains("route  ready, on probation  3"), "{said}");
    let (done, said) = command(&configured, &host, &["reload", "rout"]);
    assert!(
        !done && said.contains("expected the name of a plugin of the configuration, found \"rout\""),
        "{said}"
    );
    host.wait_for_metric("sip_pbx_plugin_changes_total{change=\"rolled-back\",plugin=\"route\"}", 1.0);
    host.wait_for_metric("sip_pbx_plugin_changes_total{change=\"reloaded\",plugin=\"route\"}", 2.0);
}

#[test]
fn sighup_takes_new_files_settings_and_chains_and_leaves_what_is_no_good() {
    let configured = configured("");
    let mut host = configured.start();
    put(&configured, &version(2));
    host.hang_up();
    host.wait_for("change=\"reloaded\" generation=2");
    let text = std::fs::read_to_string(configured.file()).expect("it was written");
    let candidate = "path: route.wasm, candidate: {path: route.wasm, mode: canary, percent: 5}";
    std::fs::write(configured.file(), text.replace("path: route.wasm", candidate)).expect("it is written");
    host.hang_up();
    host.wait_for("change=\"loaded\" generation=3");
    assert_eq!(shown(&host)["candidate"]["percent"], 5);

    let wrong = text.replace("path: route.wasm", "path: route.wasm, config: {wrong: true}");
    std::fs::write(configured.file(), wrong).expect("it is written");
    host.hang_up();
    let told = host.wait_for("change=\"reload-refused\"");
    assert!(told.contains("/wrong: expected false, found true"), "{told}");
    assert_eq!(shown(&host)["serving"]["generation"], 2);

    let (begin, _) = text.split_once("plugins:").expect("it has plugins");
    std::fs::write(configured.file(), begin).expect("it is written");
    host.hang_up();
    host.wait_for("change=\"removed\"");
    assert_eq!(
        host.get("api", "/api/plugins").split_once("\r\n\r\n").map(|(_, body)| body.to_owned()),
        Some("[]".into())
    );
}

#[test]
fn a_watched_file_is_taken_by_itself() {
    let configured = configured(", watch: true");
    let mut host = configured.start();
    // Also when the watch has not begun yet.
    put(&configured, &version(2));
    host.wait_for("change=\"reloaded\" generation=2");
    // In place, and not as a whole.
    std::fs::write(file(&configured), version(3)).expect("it is written");
    host.wait_for("change=\"reloaded\" generation=3");
}

#[test]
fn the_management_interface_is_for_its_own_people() {
    let host = configured("").start();
    let ask = |lines: &str| host.http("api", lines);
    let page = ask("GET /api/plugins HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\n");
    assert!(page.starts_with("HTTP/1.1 403") && page.contains("application/problem+json"), "{page}");
    let rebound = ask("GET /api/plugins HTTP/1.1\r\nHost: evil.example\r\n");
    assert!(rebound.starts_with("HTTP/1.1 403"), "{rebound}");
    let nobody = ask("GET /api/plugins/nobody HTTP/1.1\r\nHost: localhost\r\n");
    assert!(nobody.starts_with("HTTP/1.1 404") && nobody.contains("/problems/unknown-plugin"), "{nobody}");
    let refused =
        ask("POST /api/plugins/route/rollback HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n");
    assert!(refused.starts_with("HTTP/1.1 409"), "{refused}");
    assert!(host.get("http", "/api/plugins").starts_with("HTTP/1.1 404"), "not where health is");

    let locked = Configured::with("api: {listen: '127.0.0.1:0', key: 0123456789abcdef}\n");
    let host = locked.start();
    let ask =
        |key: &str| host.http("api", &format!("GET /api/plugins HTTP/1.1\r\nHost: pbx.example\r\n{key}"));
    assert!(ask("").starts_with("HTTP/1.1 401"));
    assert!(ask("Authorization: Bearer 0123456789abcdeF\r\n").starts_with("HTTP/1.1 401"));
    assert!(ask("Authorization: Bearer 0123456789abcdef\r\n").starts_with("HTTP/1.1 200"));
    let (done, said) = command(&locked, &host, &["list"]);
    assert!(done && said.starts_with("NAME"), "{said}");
}
