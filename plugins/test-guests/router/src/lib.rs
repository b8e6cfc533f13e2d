//! A router that does what the dialled name says: each way in which a plugin can harm its host, and a few it must be able to do.

use cordboard_plugin_sdk::prelude::*;
use serde::Deserialize;

/// The name in the block comes back in every answer, so that a test sees which plugin of a chain has answered.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    #[serde(default)]
    name: String,
    /// A block with this set has a mistake.
    #[serde(default)]
    wrong: bool,
}

/// The plugin.
pub struct MisbehavingRouter;

impl Plugin for MisbehavingRouter {
    type Config = Config;

    fn info() -> Info {
        Info::new(env!("CARGO_PKG_VERSION"), "misbehaving-router", env!("CARGO_PKG_DESCRIPTION"))
    }

    fn check(config: &Config) -> Vec<Problem> {
        config.wrong.then(|| Problem::new("/wrong", "expected false, found true")).into_iter().collect()
    }
}

impl Router for MisbehavingRouter {
    fn route(config: &Config, question: &Question, host: &dyn Host) -> Result<RouteAnswer, Fault> {
        let behaviour = question.call.callee.user.as_str();
        match behaviour {
            "trap" => panic!("as told"),
            "spin" => loop {
                std::hint::black_box(behaviour);
            },
            "bomb" => memory_bomb(),
            "overflow" => Ok(RouteAnswer::pass(overflow(0).to_string())),
            "huge" => Ok(RouteAnswer::dial([Target::aor("x".repeat(8 << 20))], "")),
            "amplify" => {
                let header = ("X-Big".to_owned(), "x".repeat(64 << 10));
                let mut target = Target::aor("1001");
                target.add_headers = vec![header; 256];
                Ok(RouteAnswer::dial([target], ""))
            }
            "fault" => Err(Fault::new("as-told", "the test asked for it")),
            "pass" => Ok(RouteAnswer::pass("as told")),
            "status" => Ok(RouteAnswer::reject(200, "200 refuses nothing")),
            "nowhere" => Ok(RouteAnswer::dial([], "no target")),
            "header" => {
                let mut target = Target::aor("1001");
                target.add_headers = vec![("Via".to_owned(), "SIP/2.0/UDP evil".to_owned())];
                Ok(RouteAnswer::dial([target], ""))
            }
            "page" => Ok(RouteAnswer::new(unsupported(), "")),
            "flood" => Ok(flood(host)),
            "lookup" => Ok(lookup(host)),
            dialled => Ok(RouteAnswer::dial([Target::aor(format!("{}{dialled}", config.name))], "")),
        }
    }
}

export_router!(MisbehavingRouter);

fn memory_bomb() -> ! {
    let mut hoard: Vec<Vec<u8>> = Vec::new();
    loop {
        hoard.push(vec![1; 1 << 20]);
        std::hint::black_box(&hoard);
    }
}

/// Keeps its numbers out of the stack that Rust has in linear memory, whose end is an ordinary trap: the stack of the host is meant.
fn overflow(depth: u64) -> u64 {
    if std::hint::black_box(depth) == u64::MAX { 0 } else { overflow(depth + 1).wrapping_mul(3) + 1 }
}

fn unsupported() -> Decision {
    use cordboard_plugin_sdk::bindings::routing::exports::cordboard::plugin::routing::{Next, Page};
    Decision::Page(Page {
        summary: "test".to_owned(),
        text: "test".to_owned(),
        severity: "normal".to_owned(),
        dedup_key: None,
        contacts: Vec::new(),
        prompts: Vec::new(),
        next: Next::HangUp(480),
        attrs: Vec::new(),
    })
}

fn flood(host: &dyn Host) -> RouteAnswer {
    let long = "x".repeat(64 << 10);
    for number in 0..2_000_u32 {
        host.log(Level::Info, &long, &[("field", long.as_str())]);
        host.count(&format!("name_{number}"), &[("label", &number.to_string())], 1.0);
    }
    host.count("bad", &[], f64::NAN);
    host.count("bad", &[], -1.0);
    RouteAnswer::dial([Target::aor("1001")], "logged and counted")
}

fn lookup(host: &dyn Host) -> RouteAnswer {
    let exact = host.lookup("registrations", "1001").unwrap_or_default();
    let (prefix, value) = host.longest_prefix("prefixes", "8225550100").unwrap_or_default();
    let missing = host.lookup("no such table", "1001").is_none();
    RouteAnswer::dial([Target::uri(format!("{exact}|{prefix}|{value}|{missing}"))], "")
}
