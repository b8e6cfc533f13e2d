//! Where decisions come from: the database of a host, or an exported file.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use cordboard_store::{Decision, DecisionFilter, Sqlite, Stored};

/// How every SQLite file begins.
const SQLITE: &[u8] = b"SQLite format 3\0";

/// Longest line of an exported file. A question with every header there can be is far shorter.
const MAX_LINE_BYTES: u64 = 4 << 20;

/// Decisions, oldest first.
pub(super) struct Source {
    file: PathBuf,
    /// `None`: an exported file.
    store: Option<Sqlite>,
    since_ms: Option<u64>,
}

impl Source {
    /// # Errors
    /// When there is no such file.
    pub(super) fn open(file: &Path, since: Option<Duration>) -> anyhow::Result<Self> {
        let since_ms = since.map(crate::journal::ms_before_now);
        let mut head = Vec::new();
        let opened = File::open(file).with_context(|| format!("{} cannot be read", file.display()))?;
        opened.take(SQLITE.len() as u64).read_to_end(&mut head)?;
        let store = if head == SQLITE { Some(Sqlite::open_to_read(file)?) } else { None };
        Ok(Self { file: file.to_owned(), store, since_ms })
    }

    /// The plugin that the journal is about, when it is about one only.
    ///
    /// # Errors
    /// When there are several, or none.
    pub(super) fn only_plugin(&self) -> anyhow::Result<String> {
        let mut names = BTreeSet::new();
        self.walk(&DecisionFilter::default(), &mut |stored| {
            names.extend(stored.entry.trace.into_iter().map(|step| step.plugin));
            Ok(())
        })?;
        let mut names: Vec<String> = names.into_iter().collect();
        match names.len() {
            0 => bail!("expected decisions of plugins, found none in {}", self.file.display()),
            1 => Ok(names.remove(0)),
            _ => bail!("expected --name with one of the plugins of the journal: {}", names.join(", ")),
        }
    }

    /// Every decision for which the plugin was asked.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn each(
        &self,
        plugin: &str,
        mut visit: impl FnMut(Stored<Decision>) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let filter = DecisionFilter { plugin: Some(plugin.to_owned()), ..DecisionFilter::default() };
        self.walk(&filter, &mut |stored| {
            let is_asked = stored.entry.trace.iter().any(|step| step.plugin == plugin);
            if is_asked { visit(stored) } else { Ok(()) }
        })
    }

    fn walk(
        &self,
        filter: &DecisionFilter,
        visit: &mut dyn FnMut(Stored<Decision>) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        match &self.store {
            Some(store) => {
                let filter = DecisionFilter { since_ms: self.since_ms, ..filter.clone() };
                crate::journal::walk(store, &filter, visit)
            }
            None => self.walk_lines(visit),
        }
    }

    fn walk_lines(
        &self,
        visit: &mut dyn FnMut(Stored<Decision>) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let mut lines = BufReader::new(File::open(&self.file)?);
        let mut line = String::new();
        for number in 1.. {
            line.clear();
            if lines.by_ref().take(MAX_LINE_BYTES).read_line(&mut line)? == 0 {
                break;
            }
            let stored: Stored<Decision> = serde_json::from_str(&line).with_context(|| {
                format!(
                    "{}, line {number}: expected a decision as `cordboard journal export` writes it",
                    self.file.display()
                )
            })?;
            if self.since_ms.is_none_or(|since| stored.entry.at_ms >= since) {
                visit(stored)?;
            }
        }
        Ok(())
    }
}
