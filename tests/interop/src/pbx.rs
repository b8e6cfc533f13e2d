//! The binary under test, started as an operator starts it.
use std::ffi::OsString;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use crate::clock::eventually;
use crate::http::{self, Answer};
use crate::{Program, Stage, artifacts, ports};

/// What a test wants otherwise than the default configuration has it.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// `media.ports`; a free range for fifty calls when not set.
    pub media: Option<RangeInclusive<u16>>,
    /// `calls.ring_timeout` in seconds.
    pub ring_timeout_s: Option<u32>,
    /// `drain.limit` in seconds.
    pub drain_limit_s: Option<u32>,
    /// The routing component; the reference plugin when not set.
    pub routing_plugin: Option<PathBuf>,
    /// A component that is asked for a route before the other one.
    pub first_router: Option<PathBuf>,
    /// The authorization component; the reference plugin when not set.
    pub authorization_plugin: Option<PathBuf>,
    /// Example plugins that are asked before those two.
    pub examples: Vec<Example>,
    /// The configuration block of the routing plugin, as a YAML value in one line.
    pub routing_config: Option<String>,
    /// The configuration block of the authorization plugin, as a YAML value in one line.
    pub authorization_config: Option<String>,
    /// `admission.exempt`: sources without the limit of ten INVITEs per second.
    pub exempt: Vec<IpAddr>,
    /// Further listeners of the section `sip`, such as `tls: 127.0.0.1:5061`.
    pub listeners: Vec<String>,
    /// Listen on IPv6 too, at the same port.
    pub ipv6: bool,
    /// `routing.static`: numbers with their target. When there are any, no plugin is asked.
    pub routes: Vec<(String, String)>,
    /// Further sections of the file.
    pub sections: String,
    /// `log.level`; `debug` when not set.
    pub log_level: Option<&'static str>,
    /// Use these instead of free ports: SIP, HTTP, metrics.
    pub ports: Option<[u16; 3]>,
}

/// An example plugin, asked first at its decision point.
#[derive(Clone, Debug)]
pub struct Example {
    /// Its folder under `examples/`.
    pub name: &'static str,
    /// `routing` or `authorization`.
    pub chain: &'static str,
    /// Its `config:` block, as one line of YAML.
    pub config: &'static str,
}

/// A running PBX.
pub struct Pbx {
    program: Program,
    sip: u16,
    http: u16,
    metrics: u16,
}

impl Pbx {
    /// Starts it and waits until it says that it is ready.
    ///
    /// # Panics
    /// When it ends or never is.
    pub fn start(stage: &Stage, options: &Options) -> Self {
        let mut pbx = Self::launch(stage, options);
        eventually("GET /health says ready", || {
            assert!(pbx.program.is_running(), "the PBX ended while starting; it said:\n{}", pbx.output());
            pbx.health("/health/ready").filter(|answer| answer.status == 200)
        });
        pbx
    }

    /// Starts it and waits for its end: for configurations that it cannot run with. Also returns what it said.
    pub fn start_in_vain(stage: &Stage, options: &Options) -> (ExitStatus, String) {
        let mut pbx = Self::launch(stage, options);
        (pbx.program.wait_for_exit(), pbx.output())
    }

    /// Starts it and waits only until HTTP answers: for a node that will not become ready.
    ///
    /// # Panics
    /// When it ends or never answers.
    pub fn start_degraded(stage: &Stage, options: &Options) -> Self {
        let mut pbx = Self::launch(stage, options);
        eventually("GET /health answers", || {
            assert!(pbx.program.is_running(), "the PBX ended while starting; it said:\n{}", pbx.output());
            pbx.health("/health")
        });
        pbx
    }

    /// A `PATH` whose first folder holds the binary under test.
    ///
    /// # Panics
    /// When a folder of the `PATH` has a name that cannot stand there.
    pub fn path() -> OsString {
        let binary = artifacts::binary().parent().expect("a program lies in a folder").to_owned();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::iter::once(binary).chain(std::env::split_paths(&path));
        std::env::join_paths(folders).expect("they were split from a PATH")
    }

    /// Runs a command line that starts the PBX in a folder, on free ports of loopback whatever the configuration there says, and waits
    /// until it is ready.
    ///
    /// # Panics
    /// When it ends or never is.
    pub fn run_by_shell(stage: &Stage, folder: &Path, line: &str) -> Self {
        let [sip, http, metrics] = three_ports();
        let media = ports::media_range(400);
        let mut command = Command::new("sh");
        // Without `exec` the shell would be ended in place of the PBX.
        command.arg("-c").arg(format!("exec {line}")).current_dir(folder).env("PATH", Self::path());
        let places =
            [("SIP__UDP", sip), ("SIP__TCP", sip), ("HTTP__LISTEN", http), ("METRICS__LISTEN", metrics)];
        for (key, port) in places {
            command.env(format!("CORDBOARD_{key}"), format!("127.0.0.1:{port}"));
        }
        command.env("CORDBOARD_MEDIA__PORTS", format!("{}-{}", media.start(), media.end()));
        command.env("CORDBOARD_COMPONENTS__CACHE", artifacts::target_directory().join("component-cache"));
        let program = Program::start("cordboard", &mut command, &stage.file("cordboard-by-shell.log"));
        let mut pbx = Self { program, sip, http, metrics };
        eventually("GET /health says ready", || {
            assert!(pbx.program.is_running(), "the PBX ended while starting; it said:\n{}", pbx.output());
            pbx.health("/health/ready").filter(|answer| answer.status == 200)
        });
        pbx
    }

    fn launch(stage: &Stage, options: &Options) -> Self {
        let [sip, http, metrics] = options.ports.unwrap_or_else(three_ports);
        let config = configuration(options, [sip, http, metrics]);
        let config = stage.write(&format!("cordboard-{sip}.yaml"), config);
        let mut command = Command::new(artifacts::binary());
        command.current_dir(stage.folder()).arg("run").arg("--config").arg(&config);
        let log = stage.file(&format!("cordboard-{sip}.log"));
        let built = ["target", "examples"].map(|folder| artifacts::root().join(folder).display().to_string());
        let folders = format!("{},{}", built.join(","), std::env::temp_dir().display());
        let cache = artifacts::target_directory().join("component-cache");
        let settings = [
            ("CORDBOARD_COMPONENTS__FOLDERS", folders.into()),
            ("CORDBOARD_COMPONENTS__CACHE", cache.into()),
        ];
        command.envs(settings.clone());
        if !options.examples.is_empty() {
            compile_beforehand(&config, &settings);
        }
        Self { program: Program::start("cordboard", &mut command, &log), sip, http, metrics }
    }

    /// Where it takes SIP, on UDP and TCP.
    pub fn sip(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.sip).into()
    }

    /// Where it listens with this protocol, as it says in its log.
    ///
    /// # Panics
    /// When it does not say so.
    pub fn listens(&self, protocol: &str) -> SocketAddr {
        let wanted = format!("listening protocol=\"{protocol}\" address=");
        eventually("the log says where it listens", || {
            let output = self.output();
            let (_, rest) = output.split_once(&wanted)?;
            rest.lines().next()?.trim().parse().ok()
        })
    }

    /// The ports for SIP, HTTP and metrics.
    pub fn ports(&self) -> [u16; 3] {
        [self.sip, self.http, self.metrics]
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.program.id()
    }

    /// What it logged so far.
    pub fn output(&self) -> String {
        self.program.output()
    }

    /// Waits until it has logged `text`.
    pub fn wait_for_output(&mut self, text: &str) {
        self.program.wait_for_output(text);
    }

    /// Waits until it has logged `text` so many times.
    pub fn wait_for_count(&mut self, text: &str, times: usize) {
        self.program.wait_for_count(text, times);
    }

    /// Asks the HTTP port.
    pub fn health(&self, path: &str) -> Option<Answer> {
        http::get(self.http, path)
    }

    /// One line of `/metrics`, found by its beginning: name and labels.
    ///
    /// # Panics
    /// When the metrics port does not answer.
    pub fn metric(&self, series: &str) -> Option<f64> {
        let answer = http::get(self.metrics, "/metrics").expect("the metrics port answers");
        let line = answer.body.lines().find(|line| line.split(' ').next() == Some(series))?;
        line.rsplit(' ').next()?.parse().ok()
    }

    /// Waits until a series has a value.
    ///
    /// # Panics
    /// When it never gets it.
    pub fn wait_for_metric(&self, series: &str, value: f64) {
        let mut last = None;
        let reached = crate::clock::wait(crate::clock::PATIENCE, &mut || {
            last = self.metric(series);
            last.filter(|now| (now - value).abs() < 1e-9)
        });
        assert!(reached.is_some(), "expected {series} to become {value}, the last value was {last:?}");
    }

    /// SIGTERM.
    pub fn terminate(&self) {
        self.program.terminate();
    }

    /// Whether the process still lives.
    pub fn is_running(&mut self) -> bool {
        self.program.is_running()
    }

    /// Waits for its end.
    pub fn wait_for_exit(&mut self) -> ExitStatus {
        self.program.wait_for_exit()
    }
}

/// Compiles the components of a configuration into the cache that all tests share: an engine of Python takes longer than a test waits
/// for the PBX to be ready.
fn compile_beforehand(config: &Path, settings: &[(&str, OsString)]) {
    let mut compile = Command::new(artifacts::binary());
    compile.args(["plugin", "compile", "--config"]).arg(config).envs(settings.iter().cloned());
    let output = compile.output().expect("the binary under test starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn three_ports() -> [u16; 3] {
    ports::free_ports(3).try_into().expect("three were asked for and given")
}

/// The whole configuration file: the default one with the test's wishes and free ports in it.
fn configuration(options: &Options, [sip, http, metrics]: [u16; 3]) -> String {
    let media = options.media.clone().unwrap_or_else(|| ports::media_range(400));
    let routing = options.routing_plugin.clone().unwrap_or_else(|| artifacts::plugin("route-by-extension"));
    let authorization =
        options.authorization_plugin.clone().unwrap_or_else(|| artifacts::plugin("authorize-open"));
    let ipv6 = if options.ipv6 { format!(", \"[::]:{sip}\"") } else { String::new() };
    let places = format!("\"0.0.0.0:{sip}\"{ipv6}");
    let listeners: String = options.listeners.iter().map(|listener| format!("  {listener}\n")).collect();
    let mut yaml = format!(
        "sip:\n  udp: [{places}]\n  tcp: [{places}]\n{listeners}\
         media:\n  ports: {}-{}\n\
         http:\n  listen: 127.0.0.1:{http}\n\
         metrics:\n  listen: 127.0.0.1:{metrics}\n\
         api:\n  listen: 127.0.0.1:0\n\
         log:\n  level: {}\n  format: readable\n",
        media.start(),
        media.end(),
        options.log_level.unwrap_or("debug")
    );
    yaml += &plugin_section("route-by-extension", &routing, options.routing_config.as_deref());
    let authorizer =
        plugin_section("authorize-open", &authorization, options.authorization_config.as_deref());
    yaml += &authorizer.replacen("plugins:\n", "", 1);
    yaml += &example_plugins(&options.examples);
    let _ =
        writeln!(yaml, "authorization:\n  chain: [{}]", chain(options, "authorization", "authorize-open"));
    if let Some(first) = &options.first_router {
        yaml = yaml.replacen("plugins:\n", &plugin_section("first", first, None), 1);
        yaml += "routing:\n  chain: [first, route-by-extension]\n";
    } else if options.routes.is_empty() {
        let _ = writeln!(yaml, "routing:\n  chain: [{}]", chain(options, "routing", "route-by-extension"));
    } else {
        yaml += "routing:\n  static:\n";
    }
    for (number, target) in &options.routes {
        let _ = writeln!(yaml, "    - {{number: \"{number}\", targets: [\"{target}\"]}}");
    }
    yaml += &options.sections;
    if let Some(seconds) = options.ring_timeout_s {
        let _ = write!(yaml, "calls:\n  ring_timeout: {seconds}s\n");
    }
    if let Some(seconds) = options.drain_limit_s {
        let _ = write!(yaml, "drain:\n  limit: {seconds}s\n");
    }
    if !options.exempt.is_empty() {
        let _ = write!(yaml, "admission:\n  exempt: {:?}\n", options.exempt);
    }
    yaml
}

/// Their entries in the section `plugins`, with the longest deadline: a busy machine has to keep it, too.
fn example_plugins(examples: &[Example]) -> String {
    let entry = |example: &Example| {
        let path = artifacts::example(example.name);
        format!(
            "  - name: {}\n    path: {}\n    limits: {{deadline: 1s}}\n    config: {}\n",
            example.name,
            path.display(),
            example.config
        )
    };
    examples.iter().map(entry).collect()
}

/// The names of a chain: the examples that belong to it, then the reference plugin.
fn chain(options: &Options, chain: &str, last: &str) -> String {
    let examples = options.examples.iter().filter(|example| example.chain == chain);
    let names: Vec<&str> = examples.map(|example| example.name).chain([last]).collect();
    names.join(", ")
}

fn plugin_section(name: &str, path: &Path, config: Option<&str>) -> String {
    let config = config.map(|config| format!("    config: {config}\n")).unwrap_or_default();
    format!("plugins:\n  - name: {name}\n    path: {}\n{config}", path.display())
}
