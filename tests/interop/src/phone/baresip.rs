//! baresip, steered over its control socket.
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::clock::eventually;
use crate::{Program, Setup, Stage, Transport, ports, sound};

/// Where Debian puts the modules, by architecture-independent path.
const MODULES: &str = "/usr/lib/baresip/modules";

/// Paths are relative to the folder that it runs in: baresip cuts names of recordings at 127 bytes.
fn configuration(sip: u16, control: u16, setup: &Setup) -> String {
    let believes = if setup.transport == Transport::Tls {
        "sip_cafile ../authorities.pem\nsip_verify_server yes\n"
    } else {
        ""
    };
    let encrypts = if setup.srtp { "module srtp.so\n" } else { "" };
    let address = setup.address;
    format!(
        "sip_listen {address}:{sip}\nnet_interface {address}\ncall_local_timeout 120\ncall_max_calls 4\n\
         audio_source aufile,played.wav\naudio_player aufile,heard.wav\naudio_alert aufile,alert.wav\n\
         ausrc_srate 8000\nauplay_srate 8000\nausrc_channels 1\nauplay_channels 1\nsnd_path .\n\
         ctrl_tcp_listen 127.0.0.1:{control}\nmodule_path {MODULES}\nmodule aufile.so\nmodule sndfile.so\n\
         module g711.so\n{encrypts}module_tmp account.so\nmodule_app menu.so\nmodule_app ctrl_tcp.so\n{believes}"
    )
}

fn account(user: &str, pbx: SocketAddr, setup: &Setup) -> String {
    let encryption = if setup.srtp { ";mediaenc=srtp-mand" } else { "" };
    let password = setup.password.as_ref().map(|password| format!(";auth_pass={password}"));
    format!(
        "<sip:{user}@{pbx};transport={}>;regint=300;audio_codecs=PCMU/8000/1{encryption}{}\n",
        setup.transport.name(),
        password.unwrap_or_default()
    )
}

/// A running baresip with one account.
pub struct Baresip {
    program: Program,
    control: TcpStream,
    received: Vec<u8>,
    folder: PathBuf,
    recordings_seen: usize,
}

impl Baresip {
    /// Starts it and lets it register `user` at `pbx`.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start(stage: &Stage, user: &str, pbx: SocketAddr, setup: &Setup) -> Self {
        let folder = stage.file(&format!("baresip-{user}"));
        fs::create_dir_all(&folder).expect("the folder of the test can be written");
        // baresip takes the port after that of SIP for TLS.
        let [sip, _tls, control] = ports::free_ports(3).try_into().expect("three were asked for and given");
        sound::write_tone(&folder.join("played.wav"), setup.tone, 60);
        fs::write(folder.join("config"), configuration(sip, control, setup))
            .expect("the folder of the test can be written");
        fs::write(folder.join("accounts"), account(user, pbx, setup))
            .expect("the folder of the test can be written");
        let mut command = Command::new("baresip");
        command.current_dir(&folder).args(["-4", "-s", "-f", "."]);
        let program = Program::start("baresip", &mut command, &folder.join("screen"));
        let control = eventually("baresip opens its control socket", || {
            TcpStream::connect((Ipv4Addr::LOCALHOST, control)).ok()
        });
        control.set_read_timeout(Some(Duration::from_millis(50))).expect("a positive time-out");
        Self { program, control, received: Vec::new(), folder, recordings_seen: 0 }
    }

    /// Waits until its registration was accepted.
    pub fn is_registered(&mut self) {
        eventually("baresip is registered", || {
            self.command("reginfo", "");
            let answer = self.next_message(|message| message["response"] == true)?;
            answer["data"].as_str().is_some_and(|data| data.contains("OK ")).then_some(())
        });
    }

    /// Calls somebody; a whole URI.
    pub fn dial(&mut self, uri: &str) {
        self.command("dial", uri);
    }

    /// Waits until it rings, and answers.
    pub fn answers(&mut self) {
        self.wait_for_event("CALL_INCOMING");
        self.command("accept", "");
    }

    /// Waits until a call stands.
    pub fn is_talking(&mut self) {
        self.wait_for_event("CALL_ESTABLISHED");
    }

    /// Hangs up.
    pub fn hangs_up(&mut self) {
        self.command("hangup", "");
    }

    /// Waits until its call is over.
    pub fn is_idle(&mut self) {
        self.wait_for_event("CALL_CLOSED");
    }

    /// Puts its call on hold.
    pub fn holds(&mut self) {
        self.command("hold", "");
    }

    /// Takes its call off hold.
    pub fn resumes(&mut self) {
        self.command("resume", "");
    }

    /// Transfers its peer to somebody; a whole URI.
    pub fn transfers(&mut self, uri: &str) {
        self.command("transfer", uri);
    }

    /// Presses a key.
    pub fn presses(&mut self, digit: char) {
        self.command("sndcode", &digit.to_string());
    }

    /// Waits until its peer has pressed a key.
    pub fn is_told(&mut self, digit: char) {
        eventually(&format!("baresip is told the digit {digit}"), || {
            self.next_message(|message| {
                message["type"] == "CALL_DTMF_START" && message["param"] == digit.to_string()
            })
        });
    }

    /// What it heard in its latest call, once that is over.
    ///
    /// # Panics
    /// When it recorded nothing since the last time.
    pub fn recording(&mut self) -> PathBuf {
        let files = eventually("baresip has a new recording", || {
            Some(self.recordings()).filter(|files| files.len() > self.recordings_seen)
        });
        self.recordings_seen = files.len();
        files.into_iter().next_back().expect("at least one more than seen")
    }

    /// What it heard so far in all its calls, each change of a session in a file of its own.
    ///
    /// # Panics
    /// When its folder cannot be read.
    pub fn recordings(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.folder).expect("the folder of the phone can be read").flatten();
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        files.retain(|path| path.to_string_lossy().ends_with("-dec.wav"));
        files.sort();
        files
    }

    fn wait_for_event(&mut self, kind: &str) {
        eventually(&format!("baresip reports {kind}"), || {
            assert!(self.program.is_running(), "baresip ended; it said:\n{}", self.program.output());
            self.next_message(|message| message["event"] == true && message["type"] == kind)
        });
    }

    /// Commands and events are JSON in netstrings: `12:{"a": "b"...},`.
    fn command(&mut self, command: &str, parameters: &str) {
        let text = json!({ "command": command, "params": parameters }).to_string();
        write!(self.control, "{}:{text},", text.len()).expect("baresip reads its control socket");
    }

    /// Takes messages off the control socket until a wanted one comes; the others are dropped.
    fn next_message(&mut self, wanted: impl Fn(&Value) -> bool) -> Option<Value> {
        let mut buffer = [0; 4096];
        loop {
            while let Some(message) = self.take_message() {
                if wanted(&message) {
                    return Some(message);
                }
            }
            let size = self.control.read(&mut buffer).ok().filter(|size| *size > 0)?;
            self.received.extend_from_slice(&buffer[..size]);
        }
    }

    fn take_message(&mut self) -> Option<Value> {
        let colon = self.received.iter().position(|byte| *byte == b':')?;
        let length: usize = std::str::from_utf8(&self.received[..colon]).ok()?.trim().parse().ok()?;
        let end = colon + 1 + length;
        let message = serde_json::from_slice(self.received.get(colon + 1..end)?).unwrap_or(Value::Null);
        self.received.drain(..(end + 1).min(self.received.len()));
        Some(message)
    }
}
