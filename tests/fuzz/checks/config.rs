//! What holds for any text of a configuration file.
//!
//! Compiled as a module beside those that it checks (`host/cordboard/src/config`), by the fuzz target and by the tests of the host.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use super::complaint::{Complaints, Gathering, Origin};
use super::environment::{self, Environment};
use super::node::{self, Kind, Node};
use super::section::Section;
use super::value;

/// Keys under which a value is looked for; the generated texts use the same.
const KEYS: [&str; 6] = ["a", "b", "sip", "ports", "listen", "list"];

/// A text: nothing panics, every value and every mistake stands at a place of the file, and every mistake is one line that
/// names the file.
pub(crate) fn config(data: &[u8]) {
    let Ok(source) = std::str::from_utf8(data) else { return };
    let gathering = Gathering::default();
    match node::parse(source) {
        Ok(tree) => values(tree, source, &gathering),
        Err(complaint) => gathering.add(&complaint.origin, &complaint.path, complaint.message),
    }
    let mistakes = gathering.into_list();
    for mistake in &mistakes {
        stands_in(&mistake.origin, source);
    }
    let told = Complaints::new(Path::new("pbx.yaml"), mistakes).to_string();
    assert!(told.lines().last().is_some_and(|line| line.contains("in the configuration")), "{told}");
}

fn values(mut tree: Node, source: &str, gathering: &Gathering) {
    places(&tree, source);
    let environment = Environment::from([
        ("CORDBOARD_A__B".to_owned(), "[x, 2]".to_owned()),
        ("CORDBOARD_LIST__0__A".to_owned(), "[::]:5060".to_owned()),
        ("SET".to_owned(), "${SET}".to_owned()),
    ]);
    environment::override_by(&mut tree, &environment, gathering);
    // Whatever file a text names, a fuzzer must not read it.
    if !source.contains("file:") {
        environment::resolve(&mut tree, &environment, Path::new(""), gathering);
    }
    let root = Section::root(&tree, gathering);
    section(&root, 3);
    root.finish();
}

fn section(section: &Section<'_>, depth: usize) {
    for key in KEYS {
        single_values(section, key);
        let _ = (section.has(key), section.json(key));
        let _: Vec<SocketAddr> = section.list(key, Vec::new(), value::listen);
        if depth > 0 {
            for inner in section.sections(key).iter().take(4).chain([&section.section(key)]) {
                self::section(inner, depth - 1);
                inner.finish();
            }
        }
    }
}

fn single_values(section: &Section<'_>, key: &'static str) {
    let longest = Duration::from_secs(3600);
    let duration = section.optional(key, value::duration(Duration::ZERO..=longest));
    assert!(duration.is_none_or(|duration| duration <= longest));
    let _: Option<usize> = section.optional(key, value::size(1..=1 << 30));
    let number: Option<u16> = section.optional(key, value::number(1..=100));
    assert!(number.is_none_or(|number| (1..=100).contains(&number)));
    let ports = section.optional(key, value::ports);
    assert!(ports.is_none_or(|(first, last)| first <= last && first >= 1024));
    let shown: Option<IpAddr> = section.optional(key, value::shown_address);
    assert!(shown.is_none_or(|shown| !shown.is_multicast()));
    let _ = section.optional(key, value::or_off(value::listen));
    let name = section.optional(key, value::name);
    assert!(name.is_none_or(|name| (1..=64).contains(&name.len())));
    let _ = (section.optional(key, value::ip), section.optional(key, value::host));
    let _ = (section.optional(key, value::sip_peer), section.optional(key, value::text));
    let _ = section.optional(key, value::word(value::SWITCH));
}

fn places(node: &Node, source: &str) {
    stands_in(&node.origin, source);
    let _ = (node.shown(), node.to_json());
    match &node.kind {
        Kind::Null | Kind::Scalar(_) => {}
        Kind::List(list) => list.iter().for_each(|item| places(item, source)),
        Kind::Map(map) => map.iter().for_each(|entry| {
            stands_in(&entry.origin, source);
            places(&entry.value, source);
        }),
    }
}

/// A line of the file, or the one behind its last one.
fn stands_in(origin: &Origin, source: &str) {
    if let Origin::File { line, .. } = origin {
        let lines = source.split(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']).count();
        assert!(*line <= lines as u64 + 1, "line {line} of {lines}");
    }
}
