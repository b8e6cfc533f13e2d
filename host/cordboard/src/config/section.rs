//! Picks typed values out of the raw tree and complains about everything that does not fit.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::complaint::{Gathering, Origin, did_you_mean};
use super::node::{Entry, Kind, Node};

/// What a value should have been, for the sentence `expected ..., found ...`.
pub(crate) type Expected = String;

/// The keys of one map, read by name. Reading never fails: a mistake is gathered and the default taken, so that the next
/// mistake is found too.
pub(crate) struct Section<'a> {
    entries: &'a [Entry],
    origin: Origin,
    path: String,
    gathering: &'a Gathering,
    /// Every key that was asked for: what is left over is unknown.
    known: RefCell<Vec<&'static str>>,
}

impl<'a> Section<'a> {
    /// The keys of the whole document.
    pub(crate) fn root(node: &'a Node, gathering: &'a Gathering) -> Self {
        Self::of(node, String::new(), gathering)
    }

    /// The keys of `node`.
    fn of(node: &'a Node, path: String, gathering: &'a Gathering) -> Self {
        let entries = match &node.kind {
            Kind::Map(entries) => entries.as_slice(),
            Kind::Null => &[],
            Kind::Scalar(_) | Kind::List(_) => {
                gathering.add(
                    &node.origin,
                    &path,
                    format!("expected keys with values, found {}", node.shown()),
                );
                &[]
            }
        };
        let section =
            Self { entries, origin: node.origin.clone(), path, gathering, known: RefCell::default() };
        section.complain_about_duplicates();
        section
    }

    fn complain_about_duplicates(&self) {
        let mut seen = BTreeMap::new();
        for entry in self.entries {
            if seen.insert(entry.key.as_str(), &entry.origin).is_some() {
                self.gathering.add(
                    &entry.origin,
                    &self.path_of(&entry.key),
                    "this key stands twice; remove one of the two",
                );
            }
        }
    }

    /// The section under `key`; an empty one when absent.
    pub(crate) fn section(&self, key: &'static str) -> Section<'a> {
        match self.find(key) {
            Some(node) => Section::of(node, self.path_of(key), self.gathering),
            None => Section {
                entries: &[],
                origin: self.origin.clone(),
                path: self.path_of(key),
                gathering: self.gathering,
                known: RefCell::default(),
            },
        }
    }

    /// The sections of the list under `key`.
    pub(crate) fn sections(&self, key: &'static str) -> Vec<Section<'a>> {
        let items = self.items(key).unwrap_or_default();
        let path = self.path_of(key);
        items
            .into_iter()
            .enumerate()
            .map(|(index, item)| Section::of(item, format!("{path}[{index}]"), self.gathering))
            .collect()
    }

    /// The value under `key`; `default` when it is absent or wrong.
    pub(crate) fn value<T>(
        &self,
        key: &'static str,
        default: T,
        parse: impl Fn(&str) -> Result<T, Expected>,
    ) -> T {
        self.optional(key, parse).unwrap_or(default)
    }

    /// The value under `key`, if any.
    pub(crate) fn optional<T>(
        &self,
        key: &'static str,
        parse: impl Fn(&str) -> Result<T, Expected>,
    ) -> Option<T> {
        let node = self.find(key)?;
        self.parsed(node, &self.path_of(key), &parse)
    }

    /// The value under `key`, which has to be there.
    pub(crate) fn required<T>(
        &self,
        key: &'static str,
        parse: impl Fn(&str) -> Result<T, Expected>,
    ) -> Option<T> {
        if self.find(key).is_none() {
            self.gathering.add(&self.origin, &self.path_of(key), "this key is missing");
        }
        self.optional(key, parse)
    }

    /// The list under `key`; `default` when it is absent. One scalar is a list of one; in an environment variable commas part.
    pub(crate) fn list<T>(
        &self,
        key: &'static str,
        default: Vec<T>,
        parse: impl Fn(&str) -> Result<T, Expected>,
    ) -> Vec<T> {
        let path = self.path_of(key);
        let Some(items) = self.items(key) else { return default };
        if let [Node { origin: Origin::Environment(_), kind: Kind::Scalar(scalar) }] = items.as_slice() {
            let parts = scalar.text.split(',').map(str::trim).filter(|part| !part.is_empty());
            return parts.filter_map(|part| self.told(items[0], &path, parse(part))).collect();
        }
        items
            .into_iter()
            .enumerate()
            .filter_map(|(index, item)| self.parsed(item, &format!("{path}[{index}]"), &parse))
            .collect()
    }

    /// Whether there is a value under `key`. Does not make the key known.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.entry(key).is_some_and(|entry| !matches!(entry.value.kind, Kind::Null))
    }

    /// The block under `key` as JSON, for whoever owns its shape.
    pub(crate) fn json(&self, key: &'static str) -> Option<serde_json::Value> {
        self.find(key).map(Node::to_json)
    }

    /// Complains about the value under `key`, or about the section when it is absent.
    pub(crate) fn complain(&self, key: &str, message: impl Into<String>) {
        let place = self.entry(key).map_or(&self.origin, |entry| &entry.value.origin);
        self.gathering.add(place, &self.path_of(key), message);
    }

    /// Complains about every key that nobody asked for. To be called once all keys have been read.
    pub(crate) fn finish(&self) {
        let known = self.known.borrow();
        for entry in self.entries.iter().filter(|entry| !known.contains(&entry.key.as_str())) {
            let hint = match did_you_mean(&entry.key, &known) {
                Some(meant) => format!("unknown key; did you mean {meant:?}?"),
                None => format!("unknown key; accepted here: {}", known.join(", ")),
            };
            self.gathering.add(&entry.origin, &self.path_of(&entry.key), hint);
        }
    }

    fn items(&self, key: &'static str) -> Option<Vec<&'a Node>> {
        let node = self.find(key)?;
        match &node.kind {
            Kind::List(list) => Some(list.iter().collect()),
            Kind::Scalar(_) => Some(vec![node]),
            Kind::Null => None,
            Kind::Map(_) => {
                self.gathering.add(
                    &node.origin,
                    &self.path_of(key),
                    format!("expected a list, found {}", node.shown()),
                );
                None
            }
        }
    }

    fn parsed<T>(&self, node: &Node, path: &str, parse: &impl Fn(&str) -> Result<T, Expected>) -> Option<T> {
        let outcome = match &node.kind {
            Kind::Scalar(scalar) => parse(&scalar.text),
            Kind::Null | Kind::List(_) | Kind::Map(_) => Err("one value".to_owned()),
        };
        self.told(node, path, outcome)
    }

    fn told<T>(&self, node: &Node, path: &str, outcome: Result<T, Expected>) -> Option<T> {
        outcome
            .map_err(|expected| {
                let message = format!("expected {expected}, found {}", node.shown());
                self.gathering.add(&node.origin, path, message);
            })
            .ok()
    }

    fn find(&self, key: &'static str) -> Option<&'a Node> {
        let mut known = self.known.borrow_mut();
        if !known.contains(&key) {
            known.push(key);
        }
        self.entry(key).map(|entry| &entry.value).filter(|node| !matches!(node.kind, Kind::Null))
    }

    fn entry(&self, key: &str) -> Option<&'a Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }
}
