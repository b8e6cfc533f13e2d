//! `cordboard check` and `cordboard doctor`.

use std::net::TcpListener;

use crate::host::Configured;

#[test]
fn a_right_configuration_is_called_right() {
    let output = Configured::exactly("log: {level: info}\n").output(&["check"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&output.stdout).contains("is right"));
}

#[test]
fn a_wrong_configuration_is_refused_with_every_mistake_by_every_command() {
    let configured = Configured::exactly("sip: {upd: '0.0.0.0:5060'}\nmedia:\n  ports: 1-2\n");
    for command in [&["check"][..], &["run", "--config"], &["doctor", "--config"]] {
        let output = configured.output(command);
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{command:?}");
        assert!(told.contains("pbx.yaml:1:7: sip.upd: unknown key; did you mean \"udp\"?"), "{told}");
        assert!(told.contains("pbx.yaml:3:10: media.ports: expected first and last port"), "{told}");
        assert!(told.contains("2 mistakes"), "{told}");
    }
}

#[test]
fn a_port_in_use_is_named_with_what_to_do_and_an_exit_status_of_its_own() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("it is bound").port();
    let configured = Configured::with(&format!(
        "sip: {{udp: '127.0.0.1:0', tcp: ['127.0.0.1:{port}', '203.0.113.254:5060']}}\n"
    ));
    let output = configured.output(&["run", "--config"]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains(&format!("sip.tcp: TCP 127.0.0.1:{port} cannot be used")), "{told}");
    assert!(told.contains("already in use") && told.contains("CORDBOARD_SIP__TCP"), "{told}");
    assert!(told.contains("no interface of this machine has the address 203.0.113.254"), "{told}");
}

#[test]
fn the_doctor_grades_what_it_finds() {
    let configured = Configured::with("plugins: [{name: a, path: missing.wasm}]\nrouting: {chain: [a]}\n");
    let output = configured.output(&["doctor", "--config"]);
    let told = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{told}");
    let line = |subject: &str| told.lines().find(|line| line[6..].starts_with(subject)).unwrap_or_default();
    assert!(line("ports").starts_with("ok"), "{told}");
    assert!(line("plugin ").starts_with("FAIL"), "{told}");
    assert!(line("plugin ").contains("missing.wasm") && line("plugin ").contains("build it"), "{told}");
    assert!(line("plugins ").contains("authorization.chain is empty"), "{told}");
    assert!(line("clock").starts_with("ok"), "{told}");
}
