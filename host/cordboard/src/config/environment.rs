//! What comes from outside the file: variables that override keys, `${NAME}` and `file:`.

use std::collections::BTreeMap;
use std::path::Path;

use super::complaint::{Gathering, Origin};
use super::node::{self, Entry, Kind, Node, Scalar};

/// What the names of overriding variables begin with.
const PREFIX: &str = "CORDBOARD_";

/// Longest content of a `file:` secret. A path to the wrong file (a log, a device) must not eat the memory.
const MAX_SECRET_BYTES: usize = 64 * 1024;

/// The environment variables of the process, or of a test.
pub(crate) type Environment = BTreeMap<String, String>;

/// Puts `CORDBOARD_<SECTION>__<KEY>` variables over the tree. A variable without `__` is none of ours: container platforms
/// set names such as `CORDBOARD_PORT` for a service called cordboard.
pub(crate) fn override_by(tree: &mut Node, environment: &Environment, gathering: &Gathering) {
    for (name, text) in environment {
        let Some(keys) = name.strip_prefix(PREFIX).filter(|rest| rest.contains("__")) else { continue };
        let origin = Origin::Environment(name.clone());
        let keys: Vec<String> = keys.split("__").map(str::to_ascii_lowercase).collect();
        match parse_value(text, &origin) {
            Ok(value) => put(tree, &keys, value, &origin, gathering),
            Err(message) => gathering.add(&origin, &keys.join("."), message),
        }
    }
}

/// A value is YAML, so that `[a, b]` is a list. What is no YAML by itself, such as `[::]:5060`, is meant as it stands.
fn parse_value(text: &str, origin: &Origin) -> Result<Node, String> {
    let mut value = match node::parse(text) {
        Ok(value) => value,
        Err(_) if !text.contains('\n') => plain(text),
        Err(complaint) => return Err(complaint.message),
    };
    stamp(&mut value, origin);
    Ok(value)
}

fn plain(text: &str) -> Node {
    let scalar = Scalar { text: text.to_owned(), written: text.to_owned(), typed: node::Typed::Text };
    Node { origin: Origin::Whole, kind: Kind::Scalar(scalar) }
}

fn stamp(node: &mut Node, origin: &Origin) {
    node.origin = origin.clone();
    match &mut node.kind {
        Kind::Null | Kind::Scalar(_) => {}
        Kind::List(list) => list.iter_mut().for_each(|item| stamp(item, origin)),
        Kind::Map(map) => {
            for entry in map {
                entry.origin = origin.clone();
                stamp(&mut entry.value, origin);
            }
        }
    }
}

fn put(node: &mut Node, keys: &[String], value: Node, origin: &Origin, gathering: &Gathering) {
    let Some((key, rest)) = keys.split_first() else {
        *node = value;
        return;
    };
    if matches!(node.kind, Kind::Null) {
        *node = Node { origin: origin.clone(), kind: Kind::Map(Vec::new()) };
    }
    match &mut node.kind {
        Kind::Map(map) => put(entry(map, key, origin), rest, value, origin, gathering),
        Kind::List(list) => match key.parse::<usize>().ok().and_then(|index| list.get_mut(index)) {
            Some(item) => put(item, rest, value, origin, gathering),
            None => gathering.add(
                origin,
                key,
                format!("expected the place of a list entry, 0 to {}", list.len().saturating_sub(1)),
            ),
        },
        Kind::Null | Kind::Scalar(_) => gathering.add(origin, key, "the value it belongs to has no keys"),
    }
}

fn entry<'a>(map: &'a mut Vec<Entry>, key: &str, origin: &Origin) -> &'a mut Node {
    let place = map.iter().position(|entry| entry.key == key).unwrap_or_else(|| {
        let value = Node { origin: origin.clone(), kind: Kind::Null };
        map.push(Entry { key: key.to_owned(), origin: origin.clone(), value });
        map.len() - 1
    });
    &mut map[place].value
}

/// Resolves `${NAME}` and `file:PATH` in every scalar. Paths are relative to `folder`.
pub(crate) fn resolve(node: &mut Node, environment: &Environment, folder: &Path, gathering: &Gathering) {
    let origin = node.origin.clone();
    match &mut node.kind {
        Kind::Null => {}
        Kind::Scalar(scalar) => match resolved(&scalar.text, environment, folder) {
            Ok(text) => scalar.text = text,
            Err(message) => gathering.add(&origin, "", message),
        },
        Kind::List(list) => list.iter_mut().for_each(|item| resolve(item, environment, folder, gathering)),
        Kind::Map(map) => {
            map.iter_mut().for_each(|entry| resolve(&mut entry.value, environment, folder, gathering));
        }
    }
}

fn resolved(text: &str, environment: &Environment, folder: &Path) -> Result<String, String> {
    let text = interpolated(text, environment)?;
    let Some(path) = text.strip_prefix("file:") else { return Ok(text) };
    let path = folder.join(path.trim());
    let content = read_bounded(&path).map_err(|reason| {
        format!(
            "the file {} could not be read: {reason}; `file:` takes the path of a text file with the value",
            path.display()
        )
    })?;
    Ok(content.trim_end_matches(['\r', '\n']).to_owned())
}

fn read_bounded(path: &Path) -> Result<String, String> {
    use std::io::Read as _;
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    let mut content = String::new();
    let limit = MAX_SECRET_BYTES as u64 + 1;
    file.take(limit).read_to_string(&mut content).map_err(|error| error.to_string())?;
    if content.len() > MAX_SECRET_BYTES {
        return Err(format!("it is longer than {MAX_SECRET_BYTES} bytes"));
    }
    Ok(content)
}

/// Replaces every `${NAME}`; `$${` stands for `${` itself.
fn interpolated(text: &str, environment: &Environment) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        if let Some(before) = rest[..at].strip_suffix('$') {
            out.push_str(before);
            out.push_str("${");
            rest = &rest[at + 2..];
            continue;
        }
        let (name, after) = rest[at + 2..].split_once('}').ok_or("`${` without a closing `}`")?;
        let value = environment.get(name).ok_or_else(|| {
            format!("the environment variable {name:?} is not set; set it, or write $${{ for a literal ${{")
        })?;
        out.push_str(&rest[..at]);
        out.push_str(value);
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_put_in_and_a_doubled_dollar_is_literal() {
        let environment = Environment::from([("A".into(), "x".into())]);
        for (text, expected) in [
            ("plain", Ok("plain")),
            ("${A}", Ok("x")),
            ("<${A}-${A}>", Ok("<x-x>")),
            ("$${A}", Ok("${A}")),
            ("$A", Ok("$A")),
        ] {
            assert_eq!(
                interpolated(text, &environment).as_deref().map_err(String::as_str),
                expected,
                "{text}"
            );
        }
        assert!(interpolated("${B}", &environment).is_err_and(|message| message.contains("\"B\"")));
        assert!(interpolated("${A", &environment).is_err());
    }
}
