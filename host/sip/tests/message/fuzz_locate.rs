//! The check of the fuzz target for name resolution, on stored inputs and on generated ones.
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::fuzz::stored;

#[path = "../../../../tests/fuzz/checks/locate.rs"]
mod checks;

#[test]
fn stored_zones_hold() {
    stored("fuzz/locate", checks::locate);
}

fn uri() -> impl Strategy<Value = &'static str> {
    select(vec![
        "sip:a.example",
        "sips:a.example",
        "sip:a.example:5070",
        "sip:u@a.example;transport=tcp",
        "sip:u@a.example;transport=sctp",
        "sips:a.example;transport=tcp",
        "sip:x;maddr=192.0.2.9",
        "sip:[2001:db8::9]",
        "sip:192.0.2.9;transport=tls",
        "sip:.",
        "tel:+1",
    ])
}

fn record() -> impl Strategy<Value = String> {
    let name = select(vec![".", "", "b.example", "b.example.", "_sip._udp.a.example", "c"]);
    let service = select(vec!["SIP+D2U", "SIP+D2T", "SIPS+D2T", "sip+d2u", "E2U+sip", ""]);
    let flags = select(vec!["s", "S", "a", "u", ""]);
    prop_oneof![
        (0_u16..3, any::<u16>(), flags, service, name.clone()).prop_map(
            |(order, preference, flags, service, name)| format!(
                "N {order} {preference} {flags} {service} {name}"
            )
        ),
        (0_u16..3, prop_oneof![Just(0_u16), any::<u16>()], any::<u16>(), name)
            .prop_map(|(priority, weight, port, name)| format!("S {priority} {weight} {port} {name}")),
        any::<[u8; 4]>().prop_map(|ip| std::net::IpAddr::from(ip).to_string()),
        any::<[u8; 16]>().prop_map(|ip| std::net::IpAddr::from(ip).to_string()),
        Just("no record".to_owned()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn generated_zones_hold(ways in any::<u8>(), uri in uri(), records in vec(record(), 0..90)) {
        let zone = format!("{uri}\n{}", records.join("\n"));
        checks::locate(&[&[ways], zone.as_bytes()].concat());
    }
}
