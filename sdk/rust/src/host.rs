//! What a plugin may ask of its host.

pub use crate::bindings::base::cordboard::plugin::log::Level;
pub use crate::bindings::http::cordboard::plugin::http::{
    Failure as HttpFailure, Request as HttpRequest, Response as HttpResponse,
};

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

/// The host of a plugin that may wait for a server: authorizers and formatters. A router and an escalator have no such function, because
/// their decisions have to be repeatable.
pub trait WebHost: Host {
    /// Sends a request to a server that the operator allows for this plugin, and waits for the response. The time counts into the
    /// deadline of the question.
    ///
    /// # Errors
    /// When there is no response: the server is not allowed, is silent, or says too much.
    fn send(&self, request: &HttpRequest) -> Result<HttpResponse, HttpFailure>;
}

impl HttpRequest {
    /// A request with a body, cut to what is left of the question's deadline.
    pub fn new(method: &str, url: impl Into<String>, body: impl Into<Vec<u8>>) -> Self {
        Self {
            method: method.to_owned(),
            url: url.into(),
            headers: Vec::new(),
            body: body.into(),
            timeout_ms: u32::MAX,
        }
    }

    /// A GET.
    pub fn get(url: impl Into<String>) -> Self {
        Self::new("GET", url, Vec::new())
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }
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
impl WebHost for Imports {
    fn send(&self, request: &HttpRequest) -> Result<HttpResponse, HttpFailure> {
        crate::bindings::http::cordboard::plugin::http::send(request)
    }
}

#[cfg(target_family = "wasm")]
fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}
