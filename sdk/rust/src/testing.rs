//! A host and questions for native tests of plugins.

use std::cell::RefCell;
use std::collections::BTreeMap;

use serde_json::Value;

use crate::plugin::read_config;
use crate::{
    Attempt, Authorizer, AuthorizerAnswer, Call, Fault, Host, Level, Outcome, Party, Plugin, Problem,
    Question, Reason, RouteAnswer, Router, Subject, TargetAddress,
};

/// Stands in for the host: tables that the test fills, and everything the plugin logged and counted.
#[derive(Default)]
pub struct TestHost {
    tables: BTreeMap<(String, String), String>,
    log: RefCell<Vec<String>>,
    counters: RefCell<BTreeMap<String, f64>>,
}

impl TestHost {
    /// A host whose table `registrations` has these users.
    pub fn with_registered(users: &[&str]) -> Self {
        users.iter().fold(Self::default(), |host, user| {
            host.entry("registrations", user, &format!("sip:{user}@192.0.2.1"))
        })
    }

    /// Adds an entry to a table.
    #[must_use]
    pub fn entry(mut self, table: &str, key: &str, value: &str) -> Self {
        self.tables.insert((table.to_owned(), key.to_owned()), value.to_owned());
        self
    }

    /// The messages that were logged.
    pub fn log(&self) -> Vec<String> {
        self.log.borrow().clone()
    }

    /// The sum of a counter over all its labels.
    pub fn counter(&self, name: &str) -> f64 {
        self.counters.borrow().get(name).copied().unwrap_or_default()
    }
}

impl Host for TestHost {
    fn log(&self, _level: Level, message: &str, _fields: &[(&str, &str)]) {
        self.log.borrow_mut().push(message.to_owned());
    }

    fn lookup(&self, table: &str, key: &str) -> Option<String> {
        self.tables.get(&(table.to_owned(), key.to_owned())).cloned()
    }

    fn longest_prefix(&self, table: &str, key: &str) -> Option<(String, String)> {
        self.tables
            .iter()
            .filter(|((in_table, prefix), _)| in_table == table && key.starts_with(prefix.as_str()))
            .max_by_key(|((_, prefix), _)| prefix.len())
            .map(|((_, prefix), value)| (prefix.clone(), value.clone()))
    }

    fn count(&self, name: &str, _labels: &[(&str, &str)], value: f64) {
        *self.counters.borrow_mut().entry(name.to_owned()).or_default() += value;
    }
}

/// Asks a router, with a configuration block as the operator would write it.
///
/// # Errors
/// Those of the router.
///
/// # Panics
/// When the configuration is not accepted.
pub fn route<P: Router>(config: &Value, question: &Question, host: &dyn Host) -> Result<RouteAnswer, Fault> {
    P::route(&accepted::<P>(config), question, host)
}

/// Asks an authorizer, with a configuration block as the operator would write it.
///
/// # Errors
/// Those of the authorizer.
///
/// # Panics
/// When the configuration is not accepted.
pub fn authorize<P: Authorizer>(
    config: &Value,
    subject: &Subject,
    host: &dyn Host,
) -> Result<AuthorizerAnswer, Fault> {
    P::authorize(&accepted::<P>(config), subject, host)
}

/// The mistakes that a plugin finds in a configuration block.
pub fn problems<P: Plugin>(config: &Value) -> Vec<Problem> {
    read_config::<P>(&config.to_string()).err().unwrap_or_default()
}

fn accepted<P: Plugin>(config: &Value) -> P::Config {
    read_config::<P>(&config.to_string()).unwrap_or_else(|problems| panic!("not accepted: {problems:?}"))
}

/// A new call from one user to another, both of `pbx.example`.
pub fn call(from: &str, to: &str) -> Call {
    Call {
        id: "0000000000000000000000000000002a".to_owned(),
        sip_call_id: "2a@192.0.2.7".to_owned(),
        method: "INVITE".to_owned(),
        transport: "udp".to_owned(),
        source: "192.0.2.7:5060".to_owned(),
        caller: party(from),
        callee: party(to),
        trunk: None,
        extension: Some(to.to_owned()),
        authenticated_as: None,
        tenant: None,
        headers: Vec::new(),
        hop: 70,
        now_ms: 1_700_000_000_000,
        attrs: Vec::new(),
    }
}

/// One side of a call.
pub fn party(user: &str) -> Party {
    Party {
        uri: format!("sip:{user}@pbx.example"),
        user: user.to_owned(),
        host: "pbx.example".to_owned(),
        display: None,
        attrs: Vec::new(),
    }
}

/// The routing question about a new call.
pub fn question(call: Call) -> Question {
    Question {
        call,
        reason: Reason::New,
        attempts: Vec::new(),
        redirects: Vec::new(),
        referral: None,
        digits: None,
        recording: None,
        stream_end: None,
        memo: String::new(),
        attrs: Vec::new(),
    }
}

/// The routing question after targets were tried in vain.
pub fn question_after(call: Call, attempts: impl IntoIterator<Item = Attempt>) -> Question {
    let attempts = attempts.into_iter().collect();
    Question { reason: Reason::Failed, attempts, ..question(call) }
}

/// One attempt that came to nothing.
pub fn attempt(address: TargetAddress, outcome: Outcome, status: u16) -> Attempt {
    Attempt { address, outcome, status, duration_ms: 1_000, attrs: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_prefix_wins() {
        let host = TestHost::default().entry("did", "82", "korea").entry("did", "822", "seoul");
        assert_eq!(host.longest_prefix("did", "8225550100"), Some(("822".to_owned(), "seoul".to_owned())));
        assert_eq!(host.longest_prefix("did", "49"), None);
        assert_eq!(host.longest_prefix("other", "822"), None);
    }
}
