//! What a newcomer needs to know once the PBX runs.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::config::{Config, LogFormat};
use crate::driver::local_address_towards;

/// An address of the documentation range (RFC 5737): packets to it take the default route, so it shows our address to the world.
const SOMEWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

/// The text at start, for a person; a log collector gets events instead.
pub(crate) fn text(config: &Config) -> Option<String> {
    (config.log.format == LogFormat::Readable).then(|| written(config, here()))
}

/// Our address on the way to the world, or loopback on a machine without a network.
fn here() -> IpAddr {
    local_address_towards(SOMEWHERE).unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))
}

fn written(config: &Config, here: IpAddr) -> String {
    let mut text = String::from("Cordboard is running.\n\n");
    let mut line = |name: &str, value: String| {
        // Writing to a string does not fail.
        let _ = writeln!(text, "  {name:<10}{value}");
    };
    let place = phone_address(config, here);
    line("SIP", listeners(config));
    line("RTP", format!("UDP ports {}-{}", config.media.ports.0, config.media.ports.1));
    if let Some(http) = config.http {
        line("health", format!("http://{}/health", reachable(http, here)));
    }
    if let Some(metrics) = config.metrics {
        line("metrics", format!("http://{}/metrics", reachable(metrics, here)));
    }
    if let Some(api) = config.api.listen {
        line("api", format!("http://{}/api/plugins", reachable(api, here)));
    }
    line("logs", "here, on standard error; level and format are in the section log".to_owned());
    line("settings", config.file.display().to_string());
    if let Some(place) = place {
        let _ = write!(
            text,
            "\nRegister a phone: server or domain {place}, any user name such as 1001. With the reference plugins no \
             password is asked.\nRegister a second one as 1002 and call 1001 from it.\n"
        );
    }
    text.push_str("\nStop with Ctrl-C: calls in progress may finish; a second Ctrl-C ends them.\n");
    text
}

fn listeners(config: &Config) -> String {
    let udp = config.sip.udp.iter().map(|address| format!("udp {address}"));
    let streams = config.sip.streams_listening().map(|(transport, address)| format!("{transport} {address}"));
    udp.chain(streams).collect::<Vec<_>>().join(", ")
}

/// What to type into a phone: host, with the port when it is not the usual one.
fn phone_address(config: &Config, here: IpAddr) -> Option<String> {
    let address = reachable(*config.sip.udp.iter().chain(&config.sip.tcp).next()?, here);
    Some(if address.port() == 5060 { address.ip().to_string() } else { address.to_string() })
}

fn reachable(listening: SocketAddr, here: IpAddr) -> SocketAddr {
    let ip = if listening.ip().is_unspecified() { here } else { listening.ip() };
    SocketAddr::new(ip, listening.port())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Environment;

    #[test]
    fn a_newcomer_is_told_where_to_register_and_where_to_look() {
        let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/cordboard.yaml");
        let here = "192.0.2.9".parse().expect("an address");
        for (udp, place) in [
            ("0.0.0.0:5060", "192.0.2.9,"),
            ("0.0.0.0:5070", "192.0.2.9:5070,"),
            ("127.0.0.1:5060", "127.0.0.1,"),
        ] {
            let environment = Environment::from([("CORDBOARD_SIP__UDP".into(), udp.into())]);
            let config = Config::load(&file, &environment).expect("the default file is right");
            let text = written(&config, here);
            assert!(text.contains(&format!("server or domain {place}")), "{text}");
            for told in [udp, "10000-20000", "http://192.0.2.9:8080/health", "http://192.0.2.9:9090/metrics"]
            {
                assert!(text.contains(told), "{told} is missing in\n{text}");
            }
        }
    }
}
