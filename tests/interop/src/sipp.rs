//! SIPp: scripted user agents that share no code with us.
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::process::Command;

use crate::clock::eventually;
use crate::{Program, Scenario, Stage};

/// How a program talks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Transport {
    /// UDP.
    Udp,
    /// TCP, one connection.
    Tcp,
    /// TLS, for softphones only: the SIPp of Debian has none. They believe `authorities.pem` in the folder of the test.
    Tls,
}

impl Transport {
    /// The name in a URI.
    pub fn name(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
        }
    }
}

/// The address of this machine that talks to `to`.
fn loopback(to: SocketAddr) -> String {
    let address: IpAddr = if to.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() };
    address.to_string()
}

/// A running SIPp.
pub struct Sipp {
    program: Program,
    role: String,
    messages: PathBuf,
    errors: PathBuf,
}

impl Sipp {
    /// Starts a scenario. `role` names its files; `port` is its own; `user` stands in the scenario as `[service]`: who
    /// is called, or who registers.
    ///
    /// # Panics
    /// With [`Transport::Tls`], or when it cannot be started.
    pub fn start(
        stage: &Stage,
        role: &str,
        scenario: &Scenario,
        transport: Transport,
        port: u16,
        to: SocketAddr,
        user: &str,
    ) -> Self {
        let file = scenario.write(stage, role);
        let messages = stage.file(&format!("{role}.messages"));
        let errors = stage.file(&format!("{role}.errors"));
        let mut command = Command::new("sipp");
        command.env("TERM", "dumb").current_dir(stage.folder()).arg("-sf").arg(file);
        let here = loopback(to);
        command.args(["-i", &here, "-mi", &here, "-p", &port.to_string(), "-s", user]);
        let mode = match transport {
            Transport::Udp => "u1",
            Transport::Tcp => "t1",
            Transport::Tls => panic!("this SIPp has no TLS; take a softphone"),
        };
        command.args(["-t", mode]);
        let calls = scenario.calls.to_string();
        command.args(["-m", &calls, "-l", &calls, "-nostdin", "-timeout", "60s", "-timeout_error"]);
        command.arg("-trace_msg").arg("-message_file").arg(&messages);
        command.arg("-trace_err").arg("-error_file").arg(&errors);
        command.arg(to.to_string());
        let program = Program::start(role, &mut command, &stage.file(&format!("{role}.screen")));
        Self { program, role: role.to_owned(), messages, errors }
    }

    /// Waits until it listens, for those that are called.
    ///
    /// # Panics
    /// When it never does.
    #[must_use]
    pub fn listening(self, transport: Transport, port: u16) -> Self {
        let tables = match transport {
            Transport::Udp => ["/proc/net/udp", "/proc/net/udp6"],
            Transport::Tcp | Transport::Tls => ["/proc/net/tcp", "/proc/net/tcp6"],
        };
        let local = format!(":{port:04X}");
        let has_it = |table: &str| {
            let text = fs::read_to_string(table).unwrap_or_default();
            text.lines()
                .filter_map(|line| line.split_whitespace().nth(1))
                .any(|place| place.ends_with(&local))
        };
        eventually("SIPp listens", || tables.into_iter().any(has_it).then_some(()));
        self
    }

    /// Waits for its end, which has to be a success: every message came as the scenario expects it.
    ///
    /// # Panics
    /// When something else came, with SIPp's own explanation.
    #[track_caller]
    pub fn succeeds(&mut self) {
        let status = self.program.wait_for_exit();
        if !status.success() {
            let errors = fs::read_to_string(&self.errors).unwrap_or_default();
            panic!(
                "the SIPp \"{}\" failed with {status}; it says:\n{errors}\n{}",
                self.role,
                self.dialogue()
            );
        }
    }

    /// Waits until it has seen a text in its messages.
    #[track_caller]
    pub fn wait_for_message(&self, text: &str) {
        let what = format!("the SIPp \"{}\" sees {text:?}", self.role);
        eventually(&what, || self.messages().iter().any(|message| message.contains(text)).then_some(()));
    }

    /// All messages that it sent and received, in their order.
    pub fn messages(&self) -> Vec<String> {
        let trace = fs::read(&self.messages).unwrap_or_default();
        let trace = String::from_utf8_lossy(&trace).into_owned();
        // SIPp writes a line of dashes and a line about direction and size before each message.
        let blocks = trace.split("\n-----------------------------------------------");
        blocks.filter_map(|block| Some(block.split_once("\n\n")?.1.to_owned())).collect()
    }

    /// The first INVITE that it sent or received.
    ///
    /// # Panics
    /// When there was none.
    pub fn invite(&self) -> String {
        let messages = self.messages();
        let invite = messages.into_iter().find(|message| message.starts_with("INVITE "));
        invite.unwrap_or_else(|| panic!("the SIPp \"{}\" saw no INVITE", self.role))
    }

    /// First lines only, for reading what happened.
    fn dialogue(&self) -> String {
        let messages = self.messages();
        messages.iter().filter_map(|message| message.lines().next()).collect::<Vec<_>>().join("\n")
    }
}
