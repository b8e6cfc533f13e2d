//! The section `tables`. The files that it names are read here, so that a wrong one is told with its place before anything starts.

use std::path::Path;
use std::sync::Arc;

use super::section::Section;
use super::value;
use crate::registrations;
use crate::tables::{Table, TableSet};

/// Reads `tables` and their files; paths are relative to `folder`.
pub(super) fn read_tables(root: &Section<'_>, folder: &Path) -> TableSet {
    let mut tables = TableSet::new();
    for section in root.sections("tables") {
        let name = section.required("name", value::name).unwrap_or_default();
        let file = section.required("file", value::text);
        if name == registrations::TABLE {
            section.complain("name", "the host keeps the table registrations itself; choose another name");
        } else if !name.is_empty() && tables.contains_key(&name) {
            section.complain("name", format!("two tables are called {name:?}; each needs a name of its own"));
        }
        let table = file.map(|file| Table::read(&folder.join(file))).transpose().unwrap_or_else(|problem| {
            section.complain("file", problem);
            None
        });
        section.finish();
        tables.insert(name, Arc::new(table.unwrap_or_default()));
    }
    tables
}
