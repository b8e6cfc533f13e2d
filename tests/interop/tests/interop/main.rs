//! Calls through the running binary, by programs that share no code with it: SIPp, baresip, linphone, and bare sockets.
//!
//! Proves from outside: A1, A2 (PRACK, UPDATE, INFO, REFER and NOTIFY, OPTIONS, 405), A3 (digest by a phone that knows SHA-256 and by one that
//! knows MD5 alone), A6, A7, A8 (a 100 comes first), A9 (hold, codec change, glare, late offer, session timers), A10 (redirects, two answers
//! at once), A11 (registration, digest, failover, health), A12 (UDP, TCP, TLS, WebSocket, IPv6, rport), A13, B1, B3, B4 (audio both ways, SRTP
//! passed and ended here), B6, C6 (fallbacks), D5 (health), D8 (drain).
//!
//! Elsewhere: what has to be lost, doubled or late to show (`tests/it`, in virtual time). WebSocket and mutual TLS are spoken by
//! hand here, as neither SIPp nor these softphones have them.

mod bad_input;
mod before_the_answer;
mod calls;
mod examples;
mod first_plugin;
mod in_dialog;
mod independence;
mod lifecycle;
mod nat;
mod networks;
mod overload;
mod registration;
mod softphone_features;
mod softphones;
mod stories;
mod transfers;
mod transports;
mod trunks;
