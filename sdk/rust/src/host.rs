//! What a plugin may ask of its host.

pub use crate::bindings::base::cordboard::plugin::log::Level;

/// The functions that the host gives to a plugin. [`TestHost`](crate::testing::TestHost) stands in for it in native tests.
pub trait Host {
    /// Writes a line to the operator's log. The host adds the plugin and the call.
    fn log(&self, level: Level, message: &str, fields: &[(&str, &str)]);

    /// The value of a key in one of the host's tables.
    fn lookup(&self, table: &str, key: &str) -> Option<String>;

    /// The entry with the longest key that `key` begins with.
    fn longest_prefix(&self, table: &str, key: &str) -> Option<(String, String)>;

    /// Adds to a counter of this plugin.
    fn count(&self, name: &str, labels: &[(&str, &str)], value: f64);
}

/// The real host, reached through the imports of the component. It exists only inside the sandbox.
#[cfg(target_family = "wasm")]
pub(crate) struct Imports;

#[cfg(target_family = "wasm")]
impl Host for Imports {
    fn log(&self, level: Level, message: &str, fields: &[(&str, &str)]) {
        crate::bindings::base::cordboard::plugin::log::emit(level, message, &owned(fields));
    }

    fn lookup(&self, table: &str, key: &str) -> Option<String> {
        crate::bindings::base::cordboard::plugin::lookup::get(table, key)
    }

    fn longest_prefix(&self, table: &str, key: &str) -> Option<(String, String)> {
        crate::bindings::base::cordboard::plugin::lookup::longest_prefix(table, key)
    }

    fn count(&self, name: &str, labels: &[(&str, &str)], value: f64) {
        crate::bindings::base::cordboard::plugin::metrics::add(name, &owned(labels), value);
    }
}

#[cfg(target_family = "wasm")]
fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}
