//! Where users are, for the `registrations` table that plugins look up.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

use cordboard_model::Aor;
use cordboard_plugin::Lookup;

/// What plugins call it.
pub(crate) const TABLE: &str = "registrations";

/// The table. Written by the signalling thread when bindings change, read by plugins; a plugin may see it one change late.
#[derive(Debug, Default)]
pub(crate) struct Registrations {
    /// Guards the contacts of each user, best first, by `user@host` and by `user` alone. Held for one lookup or one change.
    contacts: RwLock<BTreeMap<String, Vec<String>>>,
}

impl Registrations {
    /// Replaces the contacts of a user; none: the user is gone.
    pub(crate) fn put(&self, aor: &Aor, contacts: Vec<String>) {
        let mut table = self.contacts.write().unwrap_or_else(PoisonError::into_inner);
        if contacts.is_empty() {
            table.remove(aor.as_str());
            table.remove(aor.user());
        } else {
            table.insert(aor.user().to_owned(), contacts.clone());
            table.insert(aor.as_str().to_owned(), contacts);
        }
    }

    /// The best contact of `user` or `user@host`.
    fn best(&self, key: &str) -> Option<String> {
        let table = self.contacts.read().unwrap_or_else(PoisonError::into_inner);
        table.get(key).and_then(|contacts| contacts.first()).cloned()
    }
}

impl Lookup for Registrations {
    fn exact(&self, table: &str, key: &str) -> Option<String> {
        (table == TABLE).then(|| self.best(key)).flatten()
    }

    fn longest_prefix(&self, table: &str, key: &str) -> Option<(String, String)> {
        if table != TABLE {
            return None;
        }
        let ends = key.char_indices().map(|(at, c)| at + c.len_utf8()).rev();
        ends.map(|end| &key[..end]).find_map(|prefix| Some((prefix.to_owned(), self.best(prefix)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_name_and_by_address_until_the_last_contact_is_gone() {
        let registrations = Registrations::default();
        let aor = Aor::new("1001", "PBX");
        registrations.put(&aor, vec!["sip:1001@192.0.2.1".into(), "sip:1001@192.0.2.2".into()]);
        for key in ["1001", "1001@pbx"] {
            assert_eq!(registrations.best(key).as_deref(), Some("sip:1001@192.0.2.1"), "{key}");
        }
        assert_eq!(registrations.best("1002"), None);
        assert_eq!(registrations.exact("numbers", "1001"), None);
        let found = registrations.longest_prefix(TABLE, "100155");
        assert_eq!(found, Some(("1001".into(), "sip:1001@192.0.2.1".into())));
        assert_eq!(registrations.longest_prefix(TABLE, "10"), None);
        registrations.put(&aor, Vec::new());
        assert_eq!(registrations.best("1001"), None);
        assert_eq!(registrations.best("1001@pbx"), None);
    }
}
