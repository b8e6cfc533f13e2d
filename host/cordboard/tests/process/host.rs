//! A running binary on ports that the kernel chose.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use cordboard_interop::Secured;
use rustls::ClientConfig;

/// More than a busy machine needs for anything that these tests wait for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A configuration in a folder of its own.
pub(crate) struct Configured {
    folder: tempfile::TempDir,
    text: String,
}

impl Configured {
    /// Listeners on loopback with ports that the kernel chooses, a folder without plugins, and `more`.
    pub(crate) fn with(more: &str) -> Self {
        let listeners =
            "http: {listen: '127.0.0.1:0'}\nmetrics: {listen: '127.0.0.1:0'}\nlog: {level: debug}\n";
        let api = if more.contains("api:") { "" } else { "api: {listen: '127.0.0.1:0'}\n" };
        let sip = if more.contains("sip:") { "" } else { "sip: {udp: '127.0.0.1:0', tcp: '127.0.0.1:0'}\n" };
        Self::exactly(&format!("{listeners}{api}{sip}{more}"))
    }

    /// This text and nothing else.
    pub(crate) fn exactly(text: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder of our own");
        std::fs::write(folder.path().join("pbx.yaml"), text).expect("the file is written");
        Self { folder, text: text.to_owned() }
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("pbx.yaml")
    }

    /// Where the file stands, and what it names.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cordboard"));
        command.args(arguments).arg(self.file());
        if !self.text.contains("components:") {
            // The tests share one, so that large components are compiled once.
            let cache = concat!(env!("CARGO_TARGET_TMPDIR"), "/component-cache");
            let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target");
            let folders = format!("{},{}", built.display(), std::env::temp_dir().display());
            command.env("CORDBOARD_COMPONENTS__CACHE", cache).env("CORDBOARD_COMPONENTS__FOLDERS", folders);
        }
        command
    }

    /// Runs a command that ends by itself.
    pub(crate) fn output(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("the binary runs")
    }

    /// Starts the PBX and waits until it runs.
    pub(crate) fn start(&self) -> Host {
        self.launch(self.command(&["run", "--config"]))
    }

    /// Starts it where no process may have more than so many file descriptors.
    pub(crate) fn start_with_descriptors(&self, limit: u32) -> Host {
        let run = self.command(&["run", "--config"]);
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(format!("ulimit -n {limit} && exec \"$0\" \"$@\""));
        shell.arg(run.get_program()).args(run.get_args());
        self.launch(shell)
    }

    fn launch(&self, mut command: Command) -> Host {
        let mut child =
            command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the binary runs");
        let stderr = child.stderr.take().expect("it is piped");
        let (line, lines) = channel();
        std::thread::spawn(move || {
            for text in BufReader::new(stderr).lines().map_while(Result::ok) {
                if line.send(text).is_err() {
                    return;
                }
            }
        });
        let mut host = Host { child, lines, said: Vec::new() };
        host.wait_for("started");
        host
    }
}

/// A running PBX; ended when dropped.
pub(crate) struct Host {
    child: Child,
    lines: Receiver<String>,
    said: Vec<String>,
}

impl Host {
    /// Reads the log until a line contains `text`, and gives that line.
    pub(crate) fn wait_for(&mut self, text: &str) -> String {
        loop {
            let line = self.lines.recv_timeout(PATIENCE);
            let line =
                line.unwrap_or_else(|_| panic!("waited in vain for {text:?}; it said {:#?}", self.said));
            self.said.push(line.clone());
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Every line of its log that was read so far.
    pub(crate) fn said(&self) -> &[String] {
        &self.said
    }

    /// Where it listens: a SIP transport, `http`, `metrics` or `api`.
    pub(crate) fn address(&self, protocol: &str) -> SocketAddr {
        let wanted = format!("listening protocol=\"{protocol}\" address=");
        let line = self.said.iter().find_map(|line| line.split_once(&wanted));
        let (_, address) = line.unwrap_or_else(|| panic!("no {protocol} listener in {:#?}", self.said));
        address.trim().parse().expect("an address is logged")
    }

    /// Connects to the TCP listener.
    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address("tcp")).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket can wait");
        stream
    }

    /// Connects to a listener with TLS and finishes the handshake, as far as one side can tell.
    pub(crate) fn secure(&self, protocol: &str, config: Arc<ClientConfig>) -> std::io::Result<Secured> {
        let stream = TcpStream::connect(self.address(protocol))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        cordboard_interop::secure(stream, "pbx.example", config)
    }

    /// Status line and body of an HTTP answer.
    pub(crate) fn get(&self, protocol: &str, path: &str) -> String {
        self.http(protocol, &format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n"))
    }

    /// The same for a request with these lines.
    pub(crate) fn http(&self, protocol: &str, head: &str) -> String {
        let mut stream = TcpStream::connect(self.address(protocol)).expect("it listens");
        write!(stream, "{head}Connection: close\r\n\r\n").expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers and closes");
        answer
    }

    /// The value of a series.
    pub(crate) fn metric(&self, series: &str) -> Option<f64> {
        let text = self.get("metrics", "/metrics");
        let line =
            text.lines().find(|line| line.strip_prefix(series).is_some_and(|rest| rest.starts_with(' ')));
        line?.rsplit(' ').next()?.parse().ok()
    }

    /// Waits until a series has a value.
    pub(crate) fn wait_for_metric(&self, series: &str, value: f64) {
        for _ in 0..PATIENCE.as_millis() / 50 {
            if self.metric(series).is_some_and(|found| (found - value).abs() < 1e-9) {
                return;
            }
            pause();
        }
        panic!("{series} is {:?}, not {value}", self.metric(series));
    }

    /// The memory that it has in use.
    pub(crate) fn resident_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it lives");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("the kernel tells");
        let kib = line.split_whitespace().next().and_then(|kib| kib.parse::<u64>().ok());
        kib.expect("a number of KiB") * 1024
    }

    /// Sends SIGTERM.
    pub(crate) fn terminate(&self) {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).expect("it lives");
    }

    /// Sends SIGHUP.
    pub(crate) fn hang_up(&self) {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, rustix::process::Signal::HUP).expect("it lives");
    }

    /// Waits for its end.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        for _ in 0..PATIENCE.as_millis() / 50 {
            if let Some(status) = self.child.try_wait().expect("it is our child") {
                return status;
            }
            pause();
        }
        panic!("it did not end; it said {:#?}", self.said);
    }
}

#[expect(clippy::disallowed_methods, reason = "a test of a process has to wait for it")]
pub(crate) fn pause() {
    std::thread::sleep(Duration::from_millis(50));
}

impl Drop for Host {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An OPTIONS to the PBX itself, which it answers with 200.
pub(crate) fn options(number: u32, transport: &str) -> String {
    format!(
        "OPTIONS sip:127.0.0.1 SIP/2.0\r\n\
         Via: SIP/2.0/{transport} 127.0.0.1:9;branch=z9hG4bK-{number};rport\r\n\
         Max-Forwards: 70\r\n\
         From: <sip:peer@127.0.0.1>;tag=t{number}\r\n\
         To: <sip:127.0.0.1>\r\n\
         Call-ID: options-{number}@127.0.0.1\r\n\
         CSeq: 1 OPTIONS\r\n\
         Content-Length: 0\r\n\r\n"
    )
}
