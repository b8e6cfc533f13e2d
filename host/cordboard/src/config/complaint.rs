//! What is wrong with a configuration, told to the person who wrote it.

use std::cell::RefCell;
use std::fmt;
use std::path::{Path, PathBuf};

/// Where a value came from.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Origin {
    /// The file: line and column, from 1.
    File {
        /// Line.
        line: u64,
        /// Column, in characters.
        column: u64,
    },
    /// The file as a whole: what is absent has no line.
    Whole,
    /// An environment variable.
    Environment(String),
}

/// One mistake.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Complaint {
    /// Where.
    pub(crate) origin: Origin,
    /// Which key, such as `sip.udp[0]`; empty for the file itself.
    pub(crate) path: String,
    /// What was expected, what was found, what to do.
    pub(crate) message: String,
}

/// All mistakes of one configuration, in the order of the file.
#[derive(Debug, thiserror::Error)]
pub(crate) struct Complaints {
    file: PathBuf,
    list: Vec<Complaint>,
}

impl Complaints {
    /// The mistakes of `file`, sorted by place.
    pub(crate) fn new(file: &Path, mut list: Vec<Complaint>) -> Self {
        list.sort();
        list.dedup();
        Self { file: file.to_owned(), list }
    }
}

impl fmt::Display for Complaints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for complaint in &self.list {
            match &complaint.origin {
                Origin::File { line, column } => write!(f, "{}:{line}:{column}: ", self.file.display())?,
                Origin::Whole => write!(f, "{}: ", self.file.display())?,
                Origin::Environment(name) => write!(f, "environment variable {name}: ")?,
            }
            if !complaint.path.is_empty() {
                write!(f, "{}: ", complaint.path)?;
            }
            writeln!(f, "{}", complaint.message)?;
        }
        let mistakes = if self.list.len() == 1 { "mistake" } else { "mistakes" };
        write!(f, "{} {mistakes} in the configuration; nothing was started or changed", self.list.len())
    }
}

/// Gathers mistakes while a configuration is read, so that a person sees all of them at once.
#[derive(Debug, Default)]
pub(crate) struct Gathering(RefCell<Vec<Complaint>>);

impl Gathering {
    /// Adds one.
    pub(crate) fn add(&self, origin: &Origin, path: &str, message: impl Into<String>) {
        let complaint = Complaint { origin: origin.clone(), path: path.to_owned(), message: message.into() };
        self.0.borrow_mut().push(complaint);
    }

    /// Everything gathered.
    pub(crate) fn into_list(self) -> Vec<Complaint> {
        self.0.into_inner()
    }
}

/// The accepted name closest to a mistyped one, when it is close enough to be what was meant.
pub(crate) fn did_you_mean<'a>(found: &str, accepted: &[&'a str]) -> Option<&'a str> {
    accepted
        .iter()
        .map(|name| (edit_distance(found, name), *name))
        .filter(|(distance, name)| *distance <= (name.chars().count() / 3).max(1))
        .min()
        .map(|(_, name)| name)
}

/// Optimal string alignment distance: insertions, deletions, replacements and swaps of neighbours.
fn edit_distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![(0..=b.len()).collect::<Vec<usize>>()];
    for i in 0..a.len() {
        let mut row = vec![i + 1];
        for j in 0..b.len() {
            let replaced = rows[i][j] + usize::from(a[i] != b[j]);
            let mut best = replaced.min(rows[i][j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j] {
                best = best.min(rows[i - 1][j - 1] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised_and_a_stranger_is_not() {
        let accepted = ["listen", "external_address", "udp"];
        for (found, meant) in [
            ("listn", Some("listen")),
            ("external_adress", Some("external_address")),
            ("upd", Some("udp")),
            ("ud", Some("udp")),
            ("colour", None),
        ] {
            assert_eq!(did_you_mean(found, &accepted), meant, "{found}");
        }
    }
}
