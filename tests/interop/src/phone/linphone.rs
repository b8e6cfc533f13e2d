//! linphone's console phone, steered by typing.
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::clock::eventually;
use crate::{Program, Setup, Stage, Transport, ports, sound};

fn configuration(believes: &Path, user: &str, pbx: SocketAddr, setup: &Setup) -> String {
    let [sip, rtp] = ports::free_ports(2).try_into().expect("two were asked for and given");
    // A port of 0 is one that is not opened. Its TLS library compares host names only, and a PBX of a test is an address: so
    // it verifies who signed a certificate, but not for whom.
    let port = |wanted| if setup.transport == wanted { sip } else { 0 };
    let (udp, tcp, tls) = (port(Transport::Udp), port(Transport::Tcp), port(Transport::Tls));
    let (encryption, mandatory) = if setup.srtp { ("srtp", 1) } else { ("none", 0) };
    let (info, events) = if setup.digits_by_info { (1, 0) } else { (0, 1) };
    let password = setup
        .password
        .as_ref()
        .map(|password| format!("\n[auth_info_0]\nusername={user}\nuserid={user}\npasswd={password}\n"));
    // Any other rate than 8 kHz would be that of the recording.
    let others: String = [("opus", 48_000, 2), ("speex", 32_000, 1), ("speex", 16_000, 1)]
        .into_iter()
        .zip(2..)
        .map(|((name, rate, channels), number)| {
            format!("[audio_codec_{number}]\nmime={name}\nrate={rate}\nchannels={channels}\nenabled=0\n\n")
        })
        .collect();
    format!(
        "[sip]\nsip_port={udp}\nsip_tcp_port={tcp}\nsip_tls_port={tls}\nbind_address=127.0.0.1\nuse_ipv6=0\n\
         media_encryption={encryption}\nmedia_encryption_mandatory={mandatory}\nuse_info={info}\nuse_rfc2833={events}\n\
         root_ca={believes}\nverify_server_certs=1\nverify_server_cn=0\n\n[rtp]\naudio_rtp_port={rtp}\n\n\
         [sound]\nechocancellation=0\n\n\
         [audio_codec_0]\nmime=PCMU\nrate=8000\nchannels=1\nenabled=1\n\n\
         [audio_codec_1]\nmime=telephone-event\nrate=8000\nchannels=1\nenabled={events}\n\n{others}\
         [proxy_0]\nreg_proxy=<sip:{pbx};transport={transport}>\nreg_identity=sip:{user}@{pbx}\nreg_expires=300\n\
         reg_sendregister=1\n{password}",
        believes = believes.display(),
        transport = setup.transport.name(),
        password = password.unwrap_or_default()
    )
}

/// A running linphonec with one account.
pub struct Linphone {
    program: Program,
    folder: PathBuf,
    calls: usize,
}

impl Linphone {
    /// Starts it and lets it register `user` at `pbx`.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start(stage: &Stage, user: &str, pbx: SocketAddr, setup: &Setup) -> Self {
        let folder = stage.file(&format!("linphone-{user}"));
        fs::create_dir_all(folder.join("home/.local/share/linphone"))
            .expect("the folder of the test can be written");
        let config = configuration(&stage.file("authorities.pem"), user, pbx, setup);
        fs::write(folder.join("linphonerc"), config).expect("the folder of the test can be written");
        sound::write_tone(&folder.join("played.wav"), setup.tone, 60);
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
        eventually("linphonec is registered", || {
            assert!(self.program.is_running(), "linphonec ended; it said:\n{}", self.program.output());
            self.log().contains("to [LinphoneRegistrationOk]").then_some(())
        });
    }

    /// What it logged so far; every message is in it.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.folder.join("log")).unwrap_or_default()).into_owned()
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

    /// Puts its call on hold.
    pub fn holds(&mut self) {
        self.program.type_line("pause");
    }

    /// Takes its call off hold.
    pub fn resumes(&mut self) {
        self.program.type_line("resume");
    }

    /// Transfers its peer to somebody; a whole URI.
    pub fn transfers(&mut self, uri: &str) {
        self.program.type_line(&format!("transfer {uri}"));
    }

    /// Joins the peers of two of its calls, numbered from 1 in their order.
    pub fn joins(&mut self, first: usize, second: usize) {
        self.program.type_line(&format!("transfer {first} --to-call {second}"));
    }

    /// Presses a key.
    pub fn presses(&mut self, digit: char) {
        self.program.type_line(&digit.to_string());
    }

    /// Waits until its peer has pressed a key.
    pub fn is_told(&mut self, digit: char) {
        self.program.wait_for_output(&format!("Receiving tone {digit} from"));
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
