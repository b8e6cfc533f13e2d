//! The tables of the host as they were when a question was asked.

use std::sync::{Mutex, MutexGuard, PoisonError};

use cordboard_plugin::Lookup;
use cordboard_store::LookedUp;

/// Answers a candidate with what was found then.
#[derive(Default)]
pub(super) struct Recorded(Mutex<Looks>);

#[derive(Default)]
struct Looks {
    known: Vec<LookedUp>,
    /// Something was looked for that was not looked for then.
    missed: bool,
}

impl Recorded {
    /// The next question was answered with these.
    pub(super) fn set(&self, known: &[LookedUp]) {
        *self.looks() = Looks { known: known.to_vec(), missed: false };
    }

    /// Whether the candidate looked for something else, so that its answer may not be what it would be in truth.
    pub(super) fn has_missed(&self) -> bool {
        self.looks().missed
    }

    fn find(&self, table: &str, key: &str, longest_prefix: bool) -> Option<(String, String)> {
        let mut looks = self.looks();
        let is_it = |look: &&LookedUp| {
            look.table == table && look.key == key && look.longest_prefix == longest_prefix
        };
        let found = looks.known.iter().find(is_it).map(|look| look.found.clone());
        looks.missed |= found.is_none();
        found.flatten()
    }

    fn looks(&self) -> MutexGuard<'_, Looks> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lookup for Recorded {
    fn exact(&self, table: &str, key: &str) -> Option<String> {
        self.find(table, key, false).map(|(_, value)| value)
    }

    fn longest_prefix(&self, table: &str, key: &str) -> Option<(String, String)> {
        self.find(table, key, true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_looked_up_then_is_known_now() {
        let look = |key: &str, longest_prefix, found: Option<&str>| LookedUp {
            table: "numbers".into(),
            key: key.into(),
            longest_prefix,
            found: found.map(|value| ("49".into(), value.into())),
        };
        let tables = Recorded::default();
        tables.set(&[look("4930", true, Some("berlin")), look("1001", false, None)]);
        assert_eq!(tables.longest_prefix("numbers", "4930"), Some(("49".into(), "berlin".into())));
        assert_eq!(tables.exact("numbers", "1001"), None);
        assert!(!tables.has_missed(), "that nothing was found is known, too");
        assert_eq!(tables.exact("numbers", "4930"), None);
        assert!(tables.has_missed(), "it was looked for otherwise");
        tables.set(&[]);
        assert!(!tables.has_missed());
    }
}
