//! The binary from outside: command line, start and stop, and what peers on a connection can and cannot do to it.

mod command_line;
mod components;
mod descriptors;
mod host;
mod journal;
mod plugin_author;
mod plugin_checks;
mod plugin_exchange;
mod start_and_stop;
mod streams;
mod tls;
mod trunks;
mod websockets;
