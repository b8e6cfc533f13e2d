//! The binary from outside: command line, start and stop, and what peers on a stream can and cannot do to it.

mod command_line;
mod host;
mod start_and_stop;
mod streams;
mod trunks;
