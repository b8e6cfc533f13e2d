//! The checks of the fuzz target on stored and on generated texts; and the whole of a configuration from them, which needs more
//! than the target has.

use std::path::{Path, PathBuf};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::{Config, Environment, checks};

/// A text as a file of its own: whether it is right or not is told, and nothing else happens.
fn whole(text: &[u8]) {
    checks::config(text);
    if let Ok(text) = std::str::from_utf8(text)
        && !text.contains("file:")
    {
        let read = Config::parse(text, Path::new("pbx.yaml"), &Environment::new());
        let told = read.map_or_else(|complaints| complaints.to_string(), |config| format!("{config:?}"));
        assert!(!told.is_empty());
    }
}

fn stored(folder: &str) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut inputs = 0;
    for entry in std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        whole(&std::fs::read(entry.expect("it is readable").path()).expect("it is readable"));
        inputs += 1;
    }
    assert!(inputs > 0, "{} has no inputs", folder.display());
}

#[test]
fn stored_configurations_hold() {
    for folder in ["../../tests/data/fuzz/config", "testdata/config"] {
        stored(folder);
    }
}

/// Pieces of YAML, of this configuration, and of neither.
const PIECES: [&str; 64] = [
    "a: ",
    "b: ",
    "sip: ",
    "ports: ",
    "listen: ",
    "list: ",
    "udp: ",
    "tls: ",
    "trunks: ",
    "servers: ",
    "media: ",
    "calls: ",
    "plugins: ",
    "name: ",
    "log: ",
    "level: ",
    "domains: ",
    "secrets: ",
    "registrar: ",
    "routing: ",
    "static: ",
    "number: ",
    "targets: ",
    "\n",
    "\n",
    "\n",
    "\n  ",
    "\n  ",
    "\n    ",
    "\n- ",
    "\n  - ",
    "{",
    "}",
    "[",
    "]",
    ", ",
    ": ",
    "'",
    "\"",
    "# ",
    "|\n",
    ">\n",
    "&x ",
    "*x",
    "!!str ",
    "? ",
    "---\n",
    "...\n",
    "%YAML 1.2\n",
    "\t",
    "off",
    "null",
    "~",
    "0x10",
    "0100",
    "1e9",
    "30s",
    "512KiB",
    "10000-20000",
    "[::]:5060",
    "${SET}",
    "${",
    "\u{e9}",
    "<<: *x",
];

fn text() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![20 => select(PIECES.to_vec()).prop_map(str::to_owned), 1 => ".{0,5}"];
    vec(piece, 0..40).prop_map(|pieces| pieces.concat().into_bytes())
}

/// The default file with some bytes changed and cut short.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/cordboard.yaml");
    let file = std::fs::read(file).expect("the default file is there");
    (vec((any::<Index>(), 0x09_u8..0x7f), 0..6), any::<Index>(), any::<bool>()).prop_map(
        move |(changes, end, cut)| {
            let mut text = file.clone();
            for (at, byte) in changes {
                let at = at.index(text.len());
                text[at] = byte;
            }
            if cut {
                text.truncate(end.index(text.len()));
            }
            text
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn generated_configurations_hold(text in text()) {
        whole(&text);
    }

    #[test]
    fn a_damaged_default_configuration_holds(text in damaged()) {
        whole(&text);
    }
}
