//! Trunks, with SIPp as the carrier.

use cordboard_interop::{Options, Pbx, Scenario, Sipp, Stage, Transport, free_ports};

use crate::stories::Cast;

const ACCOUNT: &str = "account-7";
const PASSWORD: &str = "what-the-carrier-wrote";

/// A PBX that calls what begins with 0 through the trunk `carrier`, which has these further lines.
fn with_trunk(lines: &str) -> Options {
    Options {
        sections: format!(
            "secrets:\n  - {{name: carrier, value: {PASSWORD}}}\ntrunks:\n  - name: carrier\n{lines}"
        ),
        routing_config: Some("{trunks: [{prefix: '0', trunk: carrier, strip: 1}]}".into()),
        ..Options::default()
    }
}

fn carrier(name: &str) -> Scenario {
    Scenario::new(name).with("account", ACCOUNT).with("password", PASSWORD)
}

#[test]
fn a_trunk_registers_and_calls_with_its_account() {
    let stage = Stage::new("a_trunk_registers_and_calls_with_its_account");
    let port = free_ports(1)[0];
    let options = with_trunk(&format!(
        "    uri: 'sip:127.0.0.1:{port}'\n    account: {{user: {ACCOUNT}, secret: carrier}}\n    register: true\n    \
         health: {{interval: 'off'}}\n    codecs: [PCMA]\n    identity: {{from_user: '4711', trusted: true}}\n"
    ));
    let nowhere = ([127, 0, 0, 1], 9).into();
    let play = |scenario: &Scenario, role: &str| {
        Sipp::start(&stage, role, scenario, Transport::Udp, port, nowhere, "carrier")
            .listening(Transport::Udp, port)
    };
    let mut registrar = play(&carrier("trunk/registrar"), "registrar");
    let pbx = Pbx::start(&stage, &options);
    registrar.succeeds();
    pbx.wait_for_metric("sip_pbx_trunk_changes_total{state=\"up\",trunk=\"carrier\"}", 1.0);
    // SIPp verifies the first way only; of the other one it sees whose credentials they are.
    for (challenge, header, proof) in [
        (
            "401 Unauthorized",
            "WWW-Authenticate",
            format!("<verifyauth assign_to=\"noted\" username=\"{ACCOUNT}\" password=\"{PASSWORD}\" />"),
        ),
        (
            "407 Proxy Authentication Required",
            "Proxy-Authenticate",
            format!(
                "<ereg regexp=\"username=.{ACCOUNT}.*response=.[0-9a-f]+\" search_in=\"hdr\" \
                 header=\"Proxy-Authorization:\" assign_to=\"noted\" />"
            ),
        ),
    ] {
        let scenario = carrier("trunk/carrier").with("challenge", challenge).with("challenge_header", header);
        let mut callee = play(&scenario.with("action", proof), header);
        let cast = Cast { stage: &stage, pbx: &pbx };
        let mut caller = cast.calls("04930123", &Scenario::new("trunk/caller"), Transport::Udp);
        cast.succeed([&mut caller, &mut callee]);
    }
    assert!(!pbx.output().contains(PASSWORD), "no password is in the log");
}

#[test]
fn a_call_goes_to_the_next_server_of_a_trunk_when_one_has_no_room() {
    let stage = Stage::new("a_call_goes_to_the_next_server_of_a_trunk_when_one_has_no_room");
    let [first, second] = free_ports(2).try_into().expect("two were asked for and given");
    let options = with_trunk(&format!(
        "    health: {{interval: 'off'}}\n    servers:\n      - {{uri: 'sip:127.0.0.1:{first}', priority: 0}}\n      \
         - {{uri: 'sip:127.0.0.1:{second}', priority: 1}}\n"
    ));
    let pbx = Pbx::start(&stage, &options);
    let play = |name: &str, port| {
        let role = name.replace('/', "-");
        Sipp::start(&stage, &role, &carrier(name), Transport::Udp, port, pbx.sip(), "carrier")
            .listening(Transport::Udp, port)
    };
    let mut full = play("trunk/unavailable", first);
    let mut free = play("trunk/answers", second);
    let cast = Cast { stage: &stage, pbx: &pbx };
    let mut caller = cast.calls("04930123", &Scenario::new("redirect/caller"), Transport::Tcp);
    cast.succeed([&mut caller, &mut full, &mut free]);
}

#[test]
fn a_trunk_that_does_not_answer_options_is_down_until_it_does() {
    let stage = Stage::new("a_trunk_that_does_not_answer_options_is_down_until_it_does");
    let port = free_ports(1)[0];
    let options = with_trunk(&format!(
        "    uri: 'sip:127.0.0.1:{port}'\n    health: {{interval: 5s, failures: 1, successes: 1}}\n"
    ));
    let pbx = Pbx::start(&stage, &options);
    let down = "sip_pbx_trunk_changes_total{state=\"down\",trunk=\"carrier\"}";
    pbx.wait_for_metric(down, 1.0);
    let cast = Cast { stage: &stage, pbx: &pbx };
    let refused = Scenario::new("is_refused").with("status", 480);
    cast.succeed([&mut cast.calls("04930123", &refused, Transport::Udp)]);

    let healthy = carrier("trunk/healthy").calls(1_000_000);
    let server = Sipp::start(&stage, "healthy", &healthy, Transport::Udp, port, pbx.sip(), "carrier");
    pbx.wait_for_metric("sip_pbx_trunk_changes_total{state=\"up\",trunk=\"carrier\"}", 2.0);
    drop(server);
    pbx.wait_for_metric(down, 2.0);
}
