//! The host functions of version 1, for the generated traits.

use std::time::Duration;

use cordboard_outbound::{Failure, Request, Response};
use tracing::Level;

use super::authorization::cordboard::plugin::http;
use super::base::cordboard::plugin::{config, log, lookup, metrics, types};
use crate::imports::State;

impl types::Host for State {}

impl log::Host for State {
    fn emit(&mut self, level: log::Level, message: String, fields: Vec<(String, String)>) {
        let level = match level {
            log::Level::Trace => Level::TRACE,
            log::Level::Debug => Level::DEBUG,
            log::Level::Info => Level::INFO,
            log::Level::Warn => Level::WARN,
            log::Level::Error => Level::ERROR,
        };
        self.grants.log(self.call_id.as_deref(), level, &message, &fields);
    }
}

impl config::Host for State {
    fn get(&mut self) -> String {
        self.grants.config.clone()
    }
}

impl lookup::Host for State {
    fn get(&mut self, table: String, key: String) -> Option<String> {
        State::exact(self, table, key)
    }

    fn longest_prefix(&mut self, table: String, key: String) -> Option<(String, String)> {
        State::longest_prefix(self, table, key)
    }
}

impl metrics::Host for State {
    fn add(&mut self, name: String, labels: Vec<(String, String)>, value: f64) {
        self.grants.count(&name, labels, value);
    }
}

impl http::Host for State {
    async fn send(&mut self, request: http::Request) -> Result<http::Response, http::Failure> {
        let http::Request { method, url, headers, body, timeout_ms } = request;
        let patience = Duration::from_millis(timeout_ms.into());
        let sent = self.grants.send(Request { method, url, headers, body }, patience, self.end).await;
        match sent {
            Ok(Response { status, headers, body }) => Ok(http::Response { status, headers, body }),
            Err(Failure::NotAllowed(_)) => Err(http::Failure::NotAllowed),
            Err(Failure::Timeout) => Err(http::Failure::Timeout),
            Err(Failure::TooLarge { .. }) => Err(http::Failure::TooLarge),
            Err(Failure::Transport(reason)) => Err(http::Failure::Transport(reason)),
        }
    }
}
