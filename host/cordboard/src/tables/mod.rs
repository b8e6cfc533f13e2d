//! The tables that plugins look up: who is registered, and the files of the configuration.

mod file;

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use arc_swap::ArcSwap;
use cordboard_plugin::Lookup;

use crate::registrations::Registrations;

/// One table: keys with their values. Never changed; a reload puts another in its place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Table {
    rows: BTreeMap<Box<str>, Box<str>>,
    /// Bytes of the longest key: no longer prefix needs to be tried.
    longest_key: usize,
}

impl Table {
    /// Adds a row. `false`: the key stands in the table already.
    fn insert(&mut self, key: &str, value: &str) -> bool {
        self.longest_key = self.longest_key.max(key.len());
        self.rows.insert(key.into(), value.into()).is_none()
    }

    /// How many rows there are.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    fn exact(&self, key: &str) -> Option<String> {
        self.rows.get(key).map(|value| value.to_string())
    }

    /// Looks at no more rows than have a prefix of the key in common: each step goes to the last row that is not beyond what can still
    /// fit, and cuts the key to what the two share.
    fn longest_prefix(&self, key: &str) -> Option<(String, String)> {
        let mut rest = &key[..key.floor_char_boundary(self.longest_key)];
        loop {
            let (found, value) =
                self.rows.range::<str, _>((Bound::Unbounded, Bound::Included(rest))).next_back()?;
            if rest.starts_with(&**found) {
                return Some((found.to_string(), value.to_string()));
            }
            let shared = rest.bytes().zip(found.bytes()).take_while(|(a, b)| a == b).count();
            rest = &rest[..rest.floor_char_boundary(shared)];
        }
    }
}

/// The tables of a configuration, by name.
pub(crate) type TableSet = BTreeMap<String, Arc<Table>>;

/// Every table of the process. A question may see a table change between two reads; one read sees one table.
pub(crate) struct Tables {
    registrations: Arc<Registrations>,
    files: ArcSwap<TableSet>,
}

impl Tables {
    /// Begins with those of a configuration.
    pub(crate) fn new(registrations: Arc<Registrations>, files: TableSet) -> Self {
        Self { registrations, files: ArcSwap::from_pointee(files) }
    }

    /// Puts others in their place, all at once.
    pub(crate) fn replace(&self, files: TableSet) {
        self.files.store(Arc::new(files));
    }
}

impl Lookup for Tables {
    fn exact(&self, table: &str, key: &str) -> Option<String> {
        match self.files.load().get(table) {
            Some(file) => file.exact(key),
            None => self.registrations.exact(table, key),
        }
    }

    fn longest_prefix(&self, table: &str, key: &str) -> Option<(String, String)> {
        match self.files.load().get(table) {
            Some(file) => file.longest_prefix(key),
            None => self.registrations.longest_prefix(table, key),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: &[(&str, &str)]) -> Table {
        let mut table = Table::default();
        for (key, value) in rows {
            assert!(table.insert(key, value), "{key} twice");
        }
        table
    }

    #[test]
    fn the_longest_key_that_a_number_begins_with_is_found() {
        let prefixes =
            table(&[("8", "east"), ("82", "korea"), ("822", "seoul"), ("8231", "suwon"), ("9", "other")]);
        for (number, expected) in [
            ("82212345", Some("seoul")),
            ("8231", Some("suwon")),
            ("823", Some("korea")),
            ("8299999999999999999999", Some("korea")),
            ("81", Some("east")),
            ("8", Some("east")),
            ("7", None),
            ("", None),
        ] {
            assert_eq!(
                prefixes.longest_prefix(number).map(|(_, value)| value).as_deref(),
                expected,
                "{number}"
            );
        }
        assert_eq!(table(&[("", "all")]).longest_prefix("5"), Some((String::new(), "all".into())));
        assert_eq!(
            table(&[("é", "e"), ("éa", "ea")]).longest_prefix("éb").map(|(_, value)| value).as_deref(),
            Some("e")
        );
    }

    /// Every prefix is what a plain search over all rows finds.
    #[test]
    fn the_longest_prefix_is_the_one_that_a_plain_search_finds() {
        let keys: Vec<String> = (0..400_u32).map(|number| format!("{:b}", number * 7_919 % 1_021)).collect();
        let mut prefixes = Table::default();
        for key in &keys {
            prefixes.insert(key, key);
        }
        for number in 0..2_000_u32 {
            let number = format!("{number:b}");
            let plain = keys.iter().filter(|key| number.starts_with(*key)).max_by_key(|key| key.len());
            assert_eq!(prefixes.longest_prefix(&number).map(|(key, _)| key).as_ref(), plain, "{number}");
        }
    }

    #[test]
    fn tables_are_replaced_at_once_and_registrations_stay() {
        let registrations = Arc::new(Registrations::default());
        registrations.put(&cordboard_model::Aor::new("1001", "pbx"), vec!["sip:1001@192.0.2.1".into()]);
        let set = |value: &str| TableSet::from([("numbers".to_owned(), Arc::new(table(&[("1", value)])))]);
        let tables = Tables::new(registrations, set("old"));
        assert_eq!(tables.exact("numbers", "1").as_deref(), Some("old"));
        tables.replace(set("new"));
        assert_eq!(tables.exact("numbers", "1").as_deref(), Some("new"));
        assert_eq!(tables.exact("registrations", "1001").as_deref(), Some("sip:1001@192.0.2.1"));
        assert_eq!(tables.longest_prefix("unheard of", "1"), None);
    }
}
