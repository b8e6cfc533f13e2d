//! What plugins decide is written down while calls run, and is there afterwards.

use std::net::UdpSocket;
use std::path::{Path, PathBuf};

use cordboard_store::{DecidedBy, Decision, DecisionFilter, Outcome, PageRequest, Sqlite, Store as _};
use rusqlite::{Connection, TransactionBehavior};

use crate::host::{Configured, Host, PATIENCE};

fn component(name: &str) -> PathBuf {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/plugins").join(format!("{name}.wasm"));
    assert!(path.is_file(), "{} is missing; build it with `cargo xtask plugins`", path.display());
    path
}

/// The reference plugins, and `more`.
fn configured(more: &str) -> Configured {
    let plugin = |name| format!("{{name: {name}, path: '{}'}}", component(name).display());
    let (router, authorizer) = (plugin("route-by-extension"), plugin("authorize-open"));
    let folder = component("authorize-open");
    let folder = folder.parent().expect("it lies in a folder").display();
    Configured::with(&format!(
        "components: {{cache: cache, folders: '{folder}'}}\nplugins: [{router}, {authorizer}]\nrouting: {{chain: [route-by-extension]}}\n\
         authorization: {{chain: [authorize-open]}}\n{more}"
    ))
}

fn file(configured: &Configured) -> PathBuf {
    configured.folder().join(".cordboard/cordboard.db")
}

/// A phone without a memory.
struct Phone {
    socket: UdpSocket,
    user: &'static str,
}

impl Phone {
    fn new(host: &Host, user: &'static str) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        socket.connect(host.address("udp")).expect("it listens");
        socket.set_read_timeout(Some(PATIENCE)).expect("a socket can wait");
        Self { socket, user }
    }

    /// Sends a request, and gives the final status of its answer.
    fn ask(&self, method: &str, to: &str, number: u32, more: &str) -> String {
        let (here, user) = (self.socket.local_addr().expect("it is bound"), self.user);
        let request = format!(
            "{method} sip:{to}127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch=z9hG4bK-{user}-{method}-{number};rport\r\n\
             Max-Forwards: 70\r\nFrom: <sip:{user}@127.0.0.1>;tag={user}-{number}\r\nTo: <sip:{}@127.0.0.1>\r\n\
             Call-ID: {method}-{number}@{here}\r\nCSeq: 1 {method}\r\nContact: <sip:{user}@{here}>\r\n{more}",
            if to.is_empty() { user } else { to.trim_end_matches('@') },
        );
        self.socket.send(request.as_bytes()).expect("it is sent");
        loop {
            let answer = self.next();
            if answer.starts_with("SIP/2.0 ") && !answer.starts_with("SIP/2.0 1") {
                return answer[8..11].to_owned();
            }
        }
    }

    fn register(&self) {
        assert_eq!(self.ask("REGISTER", "", 1, "Expires: 300\r\nContent-Length: 0\r\n\r\n"), "200");
    }

    fn call(&self, to: &str, number: u32) -> String {
        let offer = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0\r\n";
        let body = format!("Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{offer}", offer.len());
        self.ask("INVITE", &format!("{to}@"), number, &body)
    }

    /// Answers the next INVITE with 486.
    fn be_busy(&self) {
        let invite = loop {
            let request = self.next();
            if request.starts_with("INVITE ") {
                break request;
            }
        };
        let copied = ["Via:", "From:", "To:", "Call-ID:", "CSeq:"]
            .map(|name| invite.lines().find(|line| line.starts_with(name)).expect("every INVITE has it"))
            .join("\r\n");
        let copied = copied.replacen("\r\nCall-ID:", ";tag=busy\r\nCall-ID:", 1);
        let answer = format!("SIP/2.0 486 Busy Here\r\n{copied}\r\nContent-Length: 0\r\n\r\n");
        self.socket.send(answer.as_bytes()).expect("it is sent");
    }

    fn next(&self) -> String {
        let mut buffer = [0; 4096];
        let length = self.socket.recv(&mut buffer).expect("the host says something");
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }
}

/// A call to a phone that is busy: authorized, routed, and routed again.
fn a_call(host: &Host) {
    let (callee, caller) = (Phone::new(host, "1001"), Phone::new(host, "1002"));
    callee.register();
    let status = std::thread::scope(|scope| {
        scope.spawn(|| callee.be_busy());
        caller.call("1001", 1)
    });
    assert_eq!(status, "486");
}

fn decisions(file: &Path) -> Vec<Decision> {
    let store = Sqlite::open_to_read(file).expect("it is there");
    let page = store.decisions(&DecisionFilter::default(), &PageRequest::oldest(1000)).expect("it is read");
    page.entries.into_iter().map(|stored| stored.entry).collect()
}

#[test]
fn every_decision_about_a_call_is_in_the_journal_with_who_made_it() {
    let configured = configured("");
    let mut host = configured.start();
    a_call(&host);
    // REGISTER, INVITE, where to, and where to after 486.
    host.wait_for_metric("sip_pbx_store_records_total", 4.0);
    host.terminate();
    assert_eq!(host.wait().code(), Some(0));

    let decisions = decisions(&file(&configured));
    let kinds: Vec<&str> = decisions.iter().map(|decision| decision.kind.as_str()).collect();
    assert_eq!(kinds, ["authorization", "authorization", "routing", "routing"]);
    let (first, second) = (&decisions[2], &decisions[3]);
    assert_eq!(first.call_id, second.call_id);
    assert!(first.question.contains("\"reason\":\"new\""), "{}", first.question);
    assert!(first.answer.contains("{\"aor\":\"1001\"}"), "{}", first.answer);
    assert!(second.answer.contains("{\"reject\":{\"status\":486"), "{}", second.answer);
    let DecidedBy::Plugin(plugin) = &first.by else { panic!("{:?}", first.by) };
    assert_eq!((plugin.name.as_str(), plugin.generation), ("route-by-extension", 1));
    assert_eq!((plugin.digest.len(), plugin.config_digest.len()), (64, 64));
    assert_eq!(first.trace.len(), 1);
    assert_eq!(first.trace[0].outcome, Outcome::Answered);
    assert!(first.why.contains("is registered") && first.elapsed_us >= first.trace[0].elapsed_us);
}

/// Runs `cordboard` beside the host. Its exit status, and what it printed.
fn run(configured: &Configured, arguments: &[&str]) -> (Option<i32>, String) {
    let output = configured.output(arguments);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.code(), said + &String::from_utf8_lossy(&output.stderr))
}

/// `plugin replay` of a component.
fn replay(configured: &Configured, plugin: &str, more: &[&str]) -> (Option<i32>, String) {
    let plugin = component(plugin);
    let mut arguments = vec!["plugin", "replay", "--plugin", plugin.to_str().expect("it is UTF-8")];
    arguments.extend(more);
    arguments.push("--config");
    run(configured, &arguments)
}

#[test]
fn a_candidate_is_replayed_before_it_is_trusted() {
    let configured = configured("");
    let host = configured.start();
    a_call(&host);
    host.wait_for_metric("sip_pbx_store_records_total", 4.0);

    // The same code says the same, and is told what it was told then: that 1001 is registered.
    let name = ["--name", "route-by-extension"];
    let (status, said) = replay(&configured, "route-by-extension", &name);
    assert_eq!(status, Some(0), "{said}");
    assert!(said.contains("same       2\n") && !said.contains("uncertain"), "{said}");

    // With another configuration it says something else, and so does another plugin.
    let block = configured.folder().join("block.json");
    std::fs::write(&block, r#"{"numbers": {"1001": {"targets": ["1005"]}}}"#).expect("it is written");
    let block = ["--name", "route-by-extension", "--plugin-config", block.to_str().expect("it is UTF-8")];
    let (status, said) = replay(&configured, "route-by-extension", &block);
    assert_eq!(status, Some(3), "{said}");
    assert!(said.contains(r#"dial.targets[0].address.aor: "1005" instead of "1001""#), "{said}");
    let (status, said) = replay(&configured, "test/misbehaving-router", &[&name[..], &["--json"]].concat());
    assert_eq!(status, Some(3), "{said}");
    let report: serde_json::Value = serde_json::from_str(&said).expect("it is JSON");
    assert_eq!((&report["asked"], &report["different"]), (&2.into(), &2.into()), "{report}");
    assert!(report["changes"][0]["samples"][0]["call-id"].is_string(), "{report}");

    // Nobody knows which plugin is meant, or there is no such one, or no such file.
    let (status, said) = replay(&configured, "route-by-extension", &[]);
    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains("--name") && said.contains("authorize-open, route-by-extension"), "{said}");
    let (status, said) = replay(&configured, "route-by-extension", &["--name", "nobody"]);
    assert!(status == Some(1) && said.contains("plugin nobody was asked"), "{said}");
    let (status, said) = replay(&configured, "route-by-extension", &["--from", "/nowhere.db"]);
    assert!(status == Some(1) && said.contains("/nowhere.db"), "{said}");
}

#[test]
fn an_exported_journal_is_replayed_elsewhere() {
    let configured = configured("");
    let mut host = configured.start();
    a_call(&host);
    host.terminate();
    assert_eq!(host.wait().code(), Some(0));

    let (status, lines) = run(&configured, &["journal", "export", "--kind", "routing", "--config"]);
    assert_eq!((status, lines.lines().count()), (Some(0), 2), "{lines}");
    let first: serde_json::Value =
        serde_json::from_str(lines.lines().next().expect("there are two")).expect("JSON");
    assert_eq!((&first["kind"], &first["input"]["reason"]), (&"routing".into(), &"new".into()), "{first}");
    assert_eq!(first["decision"]["dial"]["targets"][0]["address"]["aor"], "1001", "{first}");
    assert_eq!(first["trace"][0]["lookups"][0]["table"], "registrations", "{first}");
    let exported = configured.folder().join("journal.jsonl");
    std::fs::write(&exported, &lines).expect("it is written");
    let exported = exported.to_str().expect("it is UTF-8");
    // It is about one plugin only, which need not be named.
    let (status, said) = replay(&configured, "route-by-extension", &["--from", exported, "--since", "1h"]);
    assert!(status == Some(0) && said.contains("same       2\n"), "{said}");

    std::fs::write(exported, lines + "no JSON\n").expect("it is written");
    let (status, said) = replay(&configured, "route-by-extension", &["--from", exported]);
    assert!(status == Some(1) && said.contains("line 3"), "{said}");
}

#[test]
fn a_hashed_journal_is_replayed_as_far_as_it_goes() {
    let configured = configured("journal: {personal_data: hash}\n");
    let mut host = configured.start();
    a_call(&host);
    host.terminate();
    assert_eq!(host.wait().code(), Some(0));
    let (status, said) = replay(&configured, "route-by-extension", &["--name", "route-by-extension"]);
    assert!(said.contains("hashed     2: ") && said.contains("same       2\n"), "{said}");
    assert_eq!(status, Some(0), "{said}");
}

#[test]
fn hashed_numbers_stay_equal_and_say_nothing() {
    let configured = configured("journal: {personal_data: hash}\n");
    let mut host = configured.start();
    a_call(&host);
    host.terminate();
    // What is queued is written before the end.
    assert_eq!(host.wait().code(), Some(0));
    let decisions = decisions(&file(&configured));
    assert_eq!(decisions.len(), 4);
    let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("it is JSON");
    let (question, answer) = (json(&decisions[2].question), json(&decisions[2].answer));
    assert_eq!(answer["dial"]["targets"][0]["address"]["aor"], question["call"]["callee"]["user"]);
    for decision in &decisions {
        let all = serde_json::to_string(decision).expect("it is JSON");
        for number in ["1001", "1002", "127.0.0.1"] {
            assert!(!all.contains(number), "{number} in {all}");
        }
    }
}

#[test]
fn a_locked_journal_costs_no_call_and_goes_on_by_itself() {
    let configured = configured("");
    let host = configured.start();
    a_call(&host);
    host.wait_for_metric("sip_pbx_store_records_total", 4.0);
    let mut other = Connection::open(file(&configured)).expect("it opens");
    let lock = other.transaction_with_behavior(TransactionBehavior::Immediate).expect("it is free");

    a_call(&host);
    host.wait_for_metric("sip_pbx_store_up", 0.0);
    let health = host.get("http", "/health");
    assert!(health.starts_with("HTTP/1.1 200") && health.contains("locked by another program"), "{health}");
    a_call(&host);

    drop(lock);
    host.wait_for_metric("sip_pbx_store_up", 1.0);
    host.wait_for_metric("sip_pbx_store_records_total", 12.0);
    assert_eq!(decisions(&file(&configured)).len(), 12);
}

#[test]
fn a_journal_that_cannot_be_written_keeps_nobody_from_calling() {
    let configured = configured("store: {path: /proc/cordboard.db}\n");
    let mut host = configured.start();
    a_call(&host);
    host.wait_for("the store fails");
    let health = host.get("http", "/health");
    assert!(health.starts_with("HTTP/1.1 200") && health.contains("/proc/cordboard.db"), "{health}");
    host.terminate();
    assert_eq!(host.wait().code(), Some(0));
}

#[test]
fn nothing_is_kept_when_the_store_is_off() {
    let configured = configured("store: {path: off}\n");
    let host = configured.start();
    a_call(&host);
    assert_eq!(host.metric("sip_pbx_store_up"), None);
    assert!(!file(&configured).exists());
}
