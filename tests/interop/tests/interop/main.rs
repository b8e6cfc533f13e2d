//! Calls through the running binary, by programs that share no code with it: SIPp, baresip, linphone, and bare sockets.
//!
//! Proves from outside: A1, A2 (405, OPTIONS), A3, A6, A7, A8 (a 100 comes first), A12 (UDP, TCP, TLS, WebSocket, IPv6), A13, B1, B3, B4 (audio both
//! ways), C6 (fallbacks), D5 (health), D8 (drain). Not yet: session timers, transfer, trunks.

mod bad_input;
mod calls;
mod examples;
mod first_plugin;
mod independence;
mod lifecycle;
mod nat;
mod overload;
mod registration;
mod softphones;
mod transports;
