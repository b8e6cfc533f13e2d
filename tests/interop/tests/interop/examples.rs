//! The example plugins of every language decide real calls. They are built by `cargo xtask examples`.

use cordboard_interop::{Example, Options, Pbx, Scenario, Sipp, Stage, Transport, free_ports};

use crate::calls::registered_callee;

/// Night service in Rust, the schedule in JavaScript and the list in Python stand in one PBX, as an operator would combine them.
fn office() -> Options {
    let night = Example {
        name: "night-service",
        chain: "routing",
        config: "{office: '200', opens: '00:00', closes: '00:00', answering-service: '1002'}",
    };
    let schedule = Example {
        name: "time-of-day",
        chain: "routing",
        config: "{number: '300', schedule: [{from: '00:00', to: '24:00', targets: ['1002']}]}",
    };
    let list = Example {
        name: "vip-list",
        chain: "authorization",
        config: "{numbers: ['1002', '300'], vips: ['1001'], trust-from: true}",
    };
    Options { examples: vec![night, schedule, list], ..Options::default() }
}

/// A call from 1001 to `number`, which rings at 1002 and is answered there.
fn reaches_1002(stage: &Stage, pbx: &Pbx, number: &str) {
    let [ours, theirs] = free_ports(2).try_into().expect("two were asked for and given");
    let answering = Scenario::new("callee_is_hung_up").with("ring_ms", 100);
    let mut callee = registered_callee(stage, pbx, &format!("callee-of-{number}"), &answering, theirs);
    let calling = Scenario::new("caller_hangs_up").with("talk_ms", 300).with("from", 1001);
    let role = format!("caller-of-{number}");
    Sipp::start(stage, &role, &calling, Transport::Udp, ours, pbx.sip(), number).succeeds();
    callee.succeeds();
    pbx.wait_for_metric("sip_pbx_active_calls", 0.0);
}

fn asked(pbx: &Pbx, plugin: &str) -> f64 {
    pbx.metric(&format!("sip_pbx_plugin_calls_total{{plugin=\"{plugin}\"}}")).unwrap_or_default()
}

#[test]
fn plugins_in_rust_javascript_and_python_decide_calls_together() {
    let stage = Stage::new("plugins_in_rust_javascript_and_python_decide_calls_together");
    let pbx = Pbx::start(&stage, &office());

    // 200 is nobody's extension: the night service in Rust sends it to 1002.
    reaches_1002(&stage, &pbx, "200");
    assert!(asked(&pbx, "night-service") >= 1.0);
    // 300 is in the schedule in JavaScript, which the night service leaves it to; 1001 is on the list in Python.
    reaches_1002(&stage, &pbx, "300");
    assert!(asked(&pbx, "time-of-day") >= 1.0);
    // 1003 is not on the list.
    let refused = Scenario::new("caller_is_refused").with("status", 403).with("from", 1003);
    let port = free_ports(1)[0];
    Sipp::start(&stage, "stranger", &refused, Transport::Udp, port, pbx.sip(), "1002").succeeds();
    assert_eq!(
        pbx.metric("sip_pbx_plugin_counter_total{plugin=\"vip-list\",counter=\"refused\"}"),
        Some(1.0)
    );
}

#[test]
fn a_plugin_in_c_chooses_the_trunk() {
    let stage = Stage::new("a_plugin_in_c_chooses_the_trunk");
    // All at once, because those of one call differ.
    let [sip, http, metrics, caller, atlantic, mobile, reserve] =
        free_ports(7).try_into().expect("seven were asked for and given");
    let trunk = |name: &str, port: u16| {
        format!("{{name: {name}, uri: 'sip:127.0.0.1:{port}', health: {{interval: off}}}}")
    };
    let trunks = [trunk("atlantic", atlantic), trunk("mobile", mobile), trunk("reserve", reserve)].join(", ");
    let options = Options {
        examples: vec![Example { name: "least-cost", chain: "routing", config: "{}" }],
        sections: format!("trunks: [{trunks}]\n"),
        ports: Some([sip, http, metrics]),
        ..Options::default()
    };
    let pbx = Pbx::start(&stage, &options);
    for (number, name, port) in
        [("0049301234567", "atlantic", atlantic), ("00491701234567", "mobile", mobile)]
    {
        let answering = Scenario::new("callee_is_hung_up").with("ring_ms", 100);
        let mut carrier = Sipp::start(&stage, name, &answering, Transport::Udp, port, pbx.sip(), number)
            .listening(Transport::Udp, port);
        let calling = Scenario::new("caller_hangs_up").with("talk_ms", 300).with("from", 1001);
        let role = format!("caller-through-{name}");
        Sipp::start(&stage, &role, &calling, Transport::Udp, caller, pbx.sip(), number).succeeds();
        carrier.succeeds();
        pbx.wait_for_metric("sip_pbx_active_calls", 0.0);
    }
}
