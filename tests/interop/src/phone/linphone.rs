//! linphone's console phone, steered by typing.
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use crate::clock::eventually;
use crate::sipp::Transport;
use crate::{Program, Stage, Tone, ports, sound};

/// A running linphonec with one account.
pub struct Linphone {
    program: Program,
    folder: PathBuf,
    calls: usize,
}

impl Linphone {
    /// Starts it and lets it register `user` at `pbx`. In calls it plays `tone`.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start(stage: &Stage, user: &str, pbx: SocketAddr, transport: Transport, tone: Tone) -> Self {
        let folder = stage.file(&format!("linphone-{user}"));
        fs::create_dir_all(folder.join("home/.local/share/linphone"))
            .expect("the folder of the test can be written");
        let [sip, rtp] = ports::free_ports(2).try_into().expect("two were asked for and given");
        // A port of 0 is one that is not opened. Its TLS library compares host names only, and a PBX of a test is an address: so
        // it verifies who signed a certificate, but not for whom.
        let port = |wanted| if transport == wanted { sip } else { 0 };
        let (udp, tcp, tls) = (port(Transport::Udp), port(Transport::Tcp), port(Transport::Tls));
        let (believes, transport) = (stage.file("authorities.pem"), transport.name());
        let config = format!(
            "[sip]\nsip_port={udp}\nsip_tcp_port={tcp}\nsip_tls_port={tls}\nbind_address=127.0.0.1\nuse_ipv6=0\n\
             media_encryption=none\nroot_ca={believes}\nverify_server_certs=1\nverify_server_cn=0\n\n[rtp]\naudio_rtp_port={rtp}\n\n[sound]\nechocancellation=0\n\n\
             [audio_codec_0]\nmime=PCMU\nrate=8000\nchannels=1\nenabled=1\n\n\
             [proxy_0]\nreg_proxy=<sip:{pbx};transport={transport}>\nreg_identity=sip:{user}@{pbx}\nreg_expires=300\n\
             reg_sendregister=1\n",
            believes = believes.display()
        );
        fs::write(folder.join("linphonerc"), config).expect("the folder of the test can be written");
        sound::write_tone(&folder.join("played.wav"), tone, 30);
        let home = folder.join("home");
        let mut command = Command::new("linphonec");
        command
            .env("HOME", &home)
            .env_remove("XDG_CONFIG_HOME")
            .env_remove("XDG_DATA_HOME")
            .env("TERM", "dumb");
        command.arg("-c").arg(folder.join("linphonerc")).args(["-d", "6", "-l"]).arg(folder.join("log"));
        let mut program = Program::start("linphonec", &mut command, &folder.join("screen"));
        program.wait_for_output("linphonec>");
        for line in [
            "ipv6 disable".into(),
            "soundcard use files".into(),
            format!("play {}", folder.join("played.wav").display()),
        ] {
            program.type_line(&line);
        }
        Self { program, folder, calls: 0 }
    }

    /// Waits until its registration was accepted.
    pub fn is_registered(&mut self) {
        let log = self.folder.join("log");
        eventually("linphonec is registered", || {
            assert!(self.program.is_running(), "linphonec ended; it said:\n{}", self.program.output());
            let log = fs::read(&log).unwrap_or_default();
            String::from_utf8_lossy(&log).contains("to [LinphoneRegistrationOk]").then_some(())
        });
    }

    /// Calls somebody; a whole URI.
    pub fn dial(&mut self, uri: &str) {
        self.record_next_call();
        self.program.type_line(&format!("call {uri}"));
    }

    /// Waits until it rings, and answers.
    pub fn answers(&mut self) {
        self.record_next_call();
        let rings = format!("assigned id {}", self.calls);
        self.program.wait_for_output(&rings);
        self.program.type_line("answer");
    }

    /// Waits until a call stands.
    pub fn is_talking(&mut self) {
        self.program.wait_for_count("connected.", self.calls);
    }

    /// Hangs up.
    pub fn hangs_up(&mut self) {
        self.program.type_line("terminate");
    }

    /// Waits until its call is over.
    pub fn is_idle(&mut self) {
        self.program.wait_for_count(" ended (", self.calls);
    }

    /// What it heard in its latest call.
    pub fn recording(&self) -> PathBuf {
        self.folder.join(format!("heard-{}.wav", self.calls))
    }

    fn record_next_call(&mut self) {
        self.calls += 1;
        self.program.type_line(&format!("record {}", self.recording().display()));
    }
}
