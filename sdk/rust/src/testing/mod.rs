//! A host and questions for native tests of plugins.

mod questions;

use std::cell::RefCell;
use std::collections::BTreeMap;

use serde_json::Value;

use crate::escalation::{EscalationAnswer, EscalationQuestion, Escalator};
use crate::plugin::read_config;
use crate::{
    Authorizer, AuthorizerAnswer, Fault, FormatAnswer, FormatQuestion, Formatter, Host, HttpFailure,
    HttpRequest, HttpResponse, Level, Plugin, Problem, Question, RouteAnswer, Router, Subject, WebHost,
};

pub use questions::{attempt, call, event, incident, incident_after, party, question, question_after};

/// Stands in for the host: tables and web servers that the test fills, and everything the plugin logged, counted and sent.
#[derive(Default)]
pub struct TestHost {
    tables: BTreeMap<(String, String), String>,
    log: RefCell<Vec<String>>,
    counters: RefCell<BTreeMap<String, f64>>,
    responses: BTreeMap<String, HttpResponse>,
    sent: RefCell<Vec<HttpRequest>>,
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

    /// Answers every request to a URL with this. Any other URL is not allowed.
    #[must_use]
    pub fn responding(mut self, url: &str, status: u16, body: &str) -> Self {
        let response = HttpResponse { status, headers: Vec::new(), body: body.as_bytes().to_vec() };
        self.responses.insert(url.to_owned(), response);
        self
    }

    /// The requests that were sent.
    pub fn sent(&self) -> Vec<HttpRequest> {
        self.sent.borrow().clone()
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

impl WebHost for TestHost {
    fn send(&self, request: &HttpRequest) -> Result<HttpResponse, HttpFailure> {
        self.sent.borrow_mut().push(request.clone());
        self.responses.get(&request.url).cloned().ok_or(HttpFailure::NotAllowed)
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
    host: &dyn WebHost,
) -> Result<AuthorizerAnswer, Fault> {
    P::authorize(&accepted::<P>(config), subject, host)
}

/// Asks an escalator, with a configuration block as the operator would write it.
///
/// # Errors
/// Those of the escalator.
///
/// # Panics
/// When the configuration is not accepted.
pub fn escalate<P: Escalator>(
    config: &Value,
    question: &EscalationQuestion,
    host: &dyn Host,
) -> Result<EscalationAnswer, Fault> {
    P::escalate(&accepted::<P>(config), question, host)
}

/// Asks a formatter, with a configuration block as the operator would write it.
///
/// # Errors
/// Those of the formatter.
///
/// # Panics
/// When the configuration is not accepted.
pub fn format<P: Formatter>(
    config: &Value,
    question: &FormatQuestion,
    host: &dyn WebHost,
) -> Result<FormatAnswer, Fault> {
    P::format(&accepted::<P>(config), question, host)
}

/// The mistakes that a plugin finds in a configuration block.
pub fn problems<P: Plugin>(config: &Value) -> Vec<Problem> {
    read_config::<P>(&config.to_string()).err().unwrap_or_default()
}

fn accepted<P: Plugin>(config: &Value) -> P::Config {
    read_config::<P>(&config.to_string()).unwrap_or_else(|problems| panic!("not accepted: {problems:?}"))
}

#[cfg(test)]
mod tests;
