//! `cordboard run`: starts every part, waits for a signal, drains.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use cordboard_api::management::{management_router, plugin_routes, trunk_routes};
use cordboard_api::{health_router, metrics_router, serve};
use cordboard_b2bua::{Command, Core, Input, Settings};
use cordboard_events::{EventFeed, EventSender, Metrics};
use cordboard_media::command::MediaReply;
use cordboard_media::port::BLOCK_PORTS;
use cordboard_media::relay::{Relay, RelaySettings};
use cordboard_model::{Event, EventKind};
use cordboard_sip::Transport;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, oneshot, watch};

use crate::bind::{self, Bound};
use crate::board::Board;
use crate::config::{Config, StreamLimits, calls_of};
use crate::decide::Decider;
use crate::driver::{Desk, Handshakes, INBOX_CAPACITY, Servers, Signalling};
use crate::file_watch::{self, Watched};
use crate::journal::Journal;
use crate::logging::Logging;
use crate::manage::Management;
use crate::node::Node;
use crate::registrations::Registrations;
use crate::reload::{self, Reloadable};
use crate::resolve::Resolver;
use crate::tables::Tables;
use crate::tls::Tls;
use crate::{EXIT_PORT, banner, kernel};

/// Events that wait for logs and metrics.
const EVENT_CAPACITY: usize = 8192;

/// How often the drain looks whether calls are left.
const DRAIN_STEP: Duration = Duration::from_millis(50);

/// How long the last BYEs, and then the last events, may take after the drain.
const FAREWELL: Duration = Duration::from_secs(2);

/// Runs the PBX until it is told to stop.
pub(crate) fn run(config: Config) -> ExitCode {
    let logging = match Logging::start(&config.log) {
        Ok(logging) => Arc::new(logging),
        Err(error) => return failed(&format!("logging cannot start: {error}")),
    };
    let bound = match bind::bind(&config) {
        Ok(bound) => bound,
        Err(refused) => {
            for refusal in refused {
                crate::complain(&refusal.to_string());
            }
            return ExitCode::from(EXIT_PORT);
        }
    };
    match run_bound(config, bound, logging) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&format!("{error:#}")),
    }
}

fn failed(reason: &str) -> ExitCode {
    crate::complain(reason);
    ExitCode::from(crate::EXIT_FAILURE)
}

fn run_bound(config: Config, bound: Bound, logging: Arc<Logging>) -> anyhow::Result<()> {
    tell_what_the_kernel_refuses(&config, &bound);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .worker_threads(worker_threads())
        .thread_name("cordboard")
        .build()
        .context("the runtime for plugins and HTTP cannot start")?;
    let process = Process::start(&config, bound, &runtime, logging)?;
    // Before anybody is told that we run: a signal that nobody listens for would end the process at once.
    let (stop, hangup) = runtime
        .block_on(async { Ok::<_, std::io::Error>((StopSignals::new()?, signal(SignalKind::hangup())?)) })
        .context("signals cannot be listened for")?;
    if let Some(text) = banner::text(&config) {
        crate::say(&text);
    }
    for (protocol, address) in &process.listening {
        tracing::info!(protocol, %address, "listening");
    }
    tracing::info!(file = %config.file.display(), "started");
    runtime.block_on(process.serve(config, stop, hangup))?;
    tracing::info!("stopped");
    runtime.shutdown_timeout(Duration::from_secs(1));
    Ok(())
}

/// Half of the cores for plugins and HTTP; the others have signalling and the relay. A worker too many is woken for nothing by every
/// question.
fn worker_threads() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get().div_ceil(2))
}

fn tell_what_the_kernel_refuses(config: &Config, bound: &Bound) {
    let wanted = config.sip.receive_buffer;
    for socket in &bound.udp {
        let given = bind::receive_buffer(socket);
        if given < wanted {
            tracing::warn!(
                given,
                wanted,
                "the kernel gives a smaller receive buffer; bursts of calls may be lost. Raise net.core.rmem_max with sysctl, \
                 or lower sip.receive_buffer"
            );
        }
    }
    let limit = kernel::raise_descriptor_limit();
    let (calls, connections) = affordable(config);
    if (calls, connections) != (calls_of(config.media.ports), config.sip.streams.max_connections) {
        tracing::warn!(
            limit,
            calls,
            connections,
            "too few file descriptors for every port and connection; calls beyond get 503, connections beyond are closed. Raise \
             `ulimit -n` or LimitNOFILE, or lower media.ports and sip.streams.max_connections"
        );
    }
}

/// The calls and connections that there are file descriptors for.
fn affordable(config: &Config) -> (usize, usize) {
    let limit = kernel::descriptor_limit();
    kernel::affordable(limit, calls_of(config.media.ports), config.sip.streams.max_connections)
}

/// The part of the port range that there are descriptors for.
fn affordable_media(config: &Config) -> RelaySettings {
    let (first, last) = config.media.ports;
    let ports = affordable(config).0 * usize::from(BLOCK_PORTS);
    // An odd first port is left out, so the range is one longer.
    let affordable = u16::try_from(usize::from(first) + ports).unwrap_or(u16::MAX);
    RelaySettings { ports: (first, last.min(affordable)), ..config.media.clone() }
}

/// The running parts.
struct Process {
    /// Every listener with the port that it really has.
    listening: Vec<(&'static str, SocketAddr)>,
    node: Arc<Node>,
    /// Certificates, which a reload replaces.
    tls: Arc<Tls>,
    /// What plugins look up; a reload replaces the files.
    tables: Arc<Tables>,
    inbox: mpsc::Sender<Input>,
    signalling: JoinHandle<std::io::Result<()>>,
    /// Ends the signalling thread.
    stop_signalling: oneshot::Sender<()>,
    /// Told when the signalling thread has ended, wanted or not.
    signalling_ended: oneshot::Receiver<()>,
    /// Files of plugins that are loaded again when they change.
    watched: watch::Sender<Vec<Watched>>,
    /// Ends HTTP and the watch over files.
    stop_http: watch::Sender<bool>,
    http: Vec<tokio::task::JoinHandle<std::io::Result<()>>>,
    events: tokio::task::JoinHandle<()>,
}

impl Process {
    fn start(
        config: &Config,
        bound: Bound,
        runtime: &Runtime,
        logging: Arc<Logging>,
    ) -> anyhow::Result<Self> {
        let listening = listening(&bound)?;
        let (inbox, inbox_out) = mpsc::channel(INBOX_CAPACITY);
        let (relay, media) = start_relay(config)?;
        let registrations = Arc::new(Registrations::default());
        let journal = start_journal(config)?;
        let tables = Arc::new(Tables::new(registrations.clone(), config.tables.clone()));
        let decider = load_plugins(config, tables.clone(), runtime)?.journalled(journal.clone());
        let decider = Arc::new(decider);
        let servers = Arc::new(Servers::default());
        let tls = Arc::new(Tls::new(config.tls.clone()));
        let listeners = listeners(&bound)?;
        let core = Core::new(now(), Arc::new(core_settings(config, &listeners)), seed()?);
        let resolver = Resolver::new(listeners, servers.clone(), &config.dns)?;
        let desk = Desk::new(decider.clone(), resolver, runtime.handle().clone(), inbox.clone());
        let (events, feed) = cordboard_events::channel(EVENT_CAPACITY);
        tell_of_plugins(&decider, &events);
        let node = Arc::new(Node {
            board: Arc::new(Board::new()),
            logging,
            relay: relay.clone(),
            desk: desk.clone(),
            decider,
            journal,
            events: events.clone(),
            metrics: Arc::new(Metrics::new()),
            udp: addresses(&bound)?,
        });
        let signalling = Signalling {
            udp: bound.udp,
            streams: bound.streams,
            limits: StreamLimits { max_connections: affordable(config).1, ..config.sip.streams.clone() },
            core,
            relay,
            desk,
            handshakes: Handshakes::new(tls.clone()).context("the thread of TLS handshakes cannot start")?,
            servers,
            media,
            inbox: inbox_out,
            events,
            registrations,
            board: node.board.clone(),
        };
        let (signalling, stop_signalling, signalling_ended) = start_signalling(signalling)?;
        let events = start_events(runtime, feed, node.metrics.clone());
        let (stop_http, stopped) = watch::channel(false);
        let listeners = [bound.http, bound.metrics, bound.api];
        let http = start_http(runtime, listeners, &node, config, &stopped);
        let watched = start_watch(runtime, &node, config, &stopped);
        Ok(Self {
            listening,
            node,
            tls,
            tables,
            inbox,
            signalling,
            stop_signalling,
            signalling_ended,
            watched,
            stop_http,
            http,
            events,
        })
    }

    /// Waits for a signal and drains.
    async fn serve(mut self, config: Config, mut stop: StopSignals, hangup: Signal) -> anyhow::Result<()> {
        let reloadable = Reloadable {
            logging: &self.node.logging,
            tls: &self.tls,
            inbox: &self.inbox,
            decider: &self.node.decider,
            tables: &self.tables,
            watched: &self.watched,
        };
        tokio::select! {
            () = stop.next() => {}
            () = reload::on_hangup(hangup, &config, reloadable) => {}
            _ = &mut self.signalling_ended => anyhow::bail!("the signalling thread ended by itself; its log says why"),
        }
        self.drain(config.drain_limit, &mut stop).await;
        self.stop().await
    }

    /// Lets calls in progress finish up to `limit`, or until a second signal.
    async fn drain(&self, limit: Duration, stop: &mut StopSignals) {
        let board = &self.node.board;
        board.begin_drain();
        tracing::info!(calls = board.calls(), limit_s = limit.as_secs(), "draining: no new calls");
        self.command(Command::Drain).await;
        let none_left = |what: fn(&Board) -> usize| {
            let board = board.clone();
            async move {
                while what(&board) > 0 {
                    tokio::time::sleep(DRAIN_STEP).await;
                }
            }
        };
        tokio::select! {
            () = none_left(Board::calls) => {}
            () = tokio::time::sleep(limit) => {}
            () = stop.next() => tracing::info!("second signal: calls end now"),
        }
        if board.calls() == 0 {
            // Registrations with trunks are taken back, so that the next calls find another way.
            tokio::select! {
                () = none_left(Board::trunk_bindings) => {}
                () = tokio::time::sleep(FAREWELL) => {}
                () = stop.next() => {}
            }
        }
        if board.calls() > 0 {
            tracing::warn!(calls = board.calls(), "calls are ended: the drain took too long");
            self.command(Command::EndAll).await;
            // The peers get their BYE, again if it is lost, and we its answer.
            tokio::select! {
                () = none_left(Board::transactions) => {}
                () = tokio::time::sleep(FAREWELL) => {}
                () = stop.next() => {}
            }
        }
    }

    async fn command(&self, command: Command) {
        // A signalling thread that is gone has no calls to command.
        let _ = self.inbox.send(Input::Command(command)).await;
    }

    /// Ends every part, the consumers of events last.
    async fn stop(self) -> anyhow::Result<()> {
        let _ = self.stop_signalling.send(());
        let signalling = tokio::task::spawn_blocking(move || self.signalling.join());
        let ended = signalling.await.context("the end of signalling could not be waited for")?;
        self.stop_http.send_replace(true);
        for server in self.http {
            if let Ok(Err(error)) = server.await {
                tracing::warn!(%error, "an HTTP listener ended with an error");
            }
        }
        if let Some(journal) = self.node.journal.clone() {
            // Whether all of it was written is in the log.
            let _ = tokio::task::spawn_blocking(move || journal.finish(FAREWELL)).await;
        }
        drop(self.node);
        let _ = tokio::time::timeout(FAREWELL, self.events).await;
        match ended {
            Ok(result) => result.context("signalling failed"),
            Err(_) => anyhow::bail!("the signalling thread panicked; its log says where"),
        }
    }
}

/// SIGTERM and SIGINT.
struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    fn new() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// What happens to plugins are events as those of calls are.
fn tell_of_plugins(decider: &Decider, events: &EventSender) {
    let events = events.clone();
    decider.plugins().on_change(move |change| {
        let kind = EventKind::PluginChanged(change);
        events.send(Event { call_id: None, at_ms: crate::clock::unix_ms(), kind });
    });
}

/// Watches over the files of plugins until the process ends. Where the kernel does not let us, that is told and nothing else is lost.
fn start_watch(
    runtime: &Runtime,
    node: &Node,
    config: &Config,
    stopped: &watch::Receiver<bool>,
) -> watch::Sender<Vec<Watched>> {
    let (watched, list) = watch::channel(file_watch::watched(config));
    let (plugins, mut stopped) = (node.decider.plugins().clone(), stopped.clone());
    runtime.spawn(async move {
        tokio::select! {
            ended = file_watch::run(plugins, list) => if let Err(error) = ended {
                tracing::warn!(%error, "files of plugins cannot be watched; load them again with `cordboard plugin reload`");
            },
            _ = stopped.wait_for(|stop| *stop) => {}
        }
    });
    watched
}

/// Loads the plugins. One that cannot be loaded is told and does not keep the process from starting.
fn load_plugins(config: &Config, tables: Arc<Tables>, runtime: &Runtime) -> anyhow::Result<Decider> {
    // What could not be loaded is told as an event, as everything that happens to plugins.
    let (decider, _) = runtime.block_on(Decider::load(config, tables))?;
    for (chain, reason) in decider.degraded() {
        tracing::warn!(chain, reason, "a chain does not work as configured");
    }
    Ok(decider)
}

/// The journal, if anything is to be remembered. That its file cannot be used is told later, and tried again.
fn start_journal(config: &Config) -> anyhow::Result<Option<Journal>> {
    let Some(file) = &config.store else { return Ok(None) };
    let journal = Journal::start(file, &config.journal).context("the thread of the store cannot start")?;
    Ok(Some(journal))
}

/// Starts the relay. What it tells later comes through a queue that holds a time-out and a release of every call there can be,
/// and as many other things; those are dropped when it is half full, so that a flood of digits costs no release.
fn start_relay(config: &Config) -> anyhow::Result<(Arc<Relay>, mpsc::Receiver<Input>)> {
    let kept = 2 * calls_of(config.media.ports) + 64;
    let (told, media) = mpsc::channel(2 * kept);
    let tell = move |reply: MediaReply| {
        let minor = matches!(reply, MediaReply::Pressed { .. } | MediaReply::Silent { .. });
        if minor && told.capacity() <= kept {
            return;
        }
        if told.try_send(Input::Media(reply)).is_err() {
            tracing::error!("signalling takes nothing from the relay any more");
        }
    };
    let relay =
        Relay::start(affordable_media(config), tell).context("the RTP relay cannot start (section media)")?;
    Ok((Arc::new(relay), media))
}

/// The signalling thread, what ends it, and what tells that it has ended.
type SignallingThread = (JoinHandle<std::io::Result<()>>, oneshot::Sender<()>, oneshot::Receiver<()>);

fn start_signalling(signalling: Signalling) -> anyhow::Result<SignallingThread> {
    let (stop, stopped) = oneshot::channel();
    let (ended, has_ended) = oneshot::channel();
    let thread = std::thread::Builder::new().name("signalling".to_owned());
    let thread = thread
        .spawn(move || {
            // Dropped on every way out, a panic included.
            let _ended = ended;
            signalling.run(stopped)
        })
        .context("the signalling thread cannot start")?;
    Ok((thread, stop, has_ended))
}

fn start_events(runtime: &Runtime, feed: EventFeed, metrics: Arc<Metrics>) -> tokio::task::JoinHandle<()> {
    runtime.spawn(cordboard_events::consume(feed, metrics))
}

/// Serves health, metrics and management, each where it has a listener.
fn start_http(
    runtime: &Runtime,
    [http, metrics, api]: [Option<std::net::TcpListener>; 3],
    node: &Arc<Node>,
    config: &Config,
    stopped: &watch::Receiver<bool>,
) -> Vec<tokio::task::JoinHandle<std::io::Result<()>>> {
    let health = http.map(|listener| (listener, health_router(node.clone())));
    let metrics = metrics.map(|listener| (listener, metrics_router(node.clone())));
    let management = || {
        let routes = plugin_routes(Arc::new(Management::new(node.decider.plugins().clone())));
        management_router(routes.merge(trunk_routes(node.clone())), config.api.key.clone())
    };
    let api = api.map(|listener| (listener, management()));
    let spawn = |(listener, router)| {
        let mut stopped = stopped.clone();
        let until = async move {
            // An error means that the process is ending.
            let _ = stopped.wait_for(|stop| *stop).await;
        };
        runtime.spawn(serve(listener, router, until))
    };
    [health, metrics, api].into_iter().flatten().map(spawn).collect()
}

fn listening(bound: &Bound) -> std::io::Result<Vec<(&'static str, SocketAddr)>> {
    let mut listening: Vec<_> =
        listeners(bound)?.into_iter().map(|(transport, address)| (transport.name(), address)).collect();
    for (protocol, listener) in [("http", &bound.http), ("metrics", &bound.metrics), ("api", &bound.api)] {
        if let Some(listener) = listener {
            listening.push((protocol, listener.local_addr()?));
        }
    }
    Ok(listening)
}

/// What the core is configured with, and where it takes the connections that large requests change to.
fn core_settings(config: &Config, listeners: &[(Transport, SocketAddr)]) -> Settings {
    let mut settings = config.core_settings();
    let tcp = listeners.iter().filter(|(transport, _)| *transport == Transport::Tcp);
    settings.sip.tcp = tcp.map(|(_, address)| *address).collect();
    settings
}

fn addresses(bound: &Bound) -> std::io::Result<Vec<SocketAddr>> {
    bound.udp.iter().map(std::net::UdpSocket::local_addr).collect()
}

fn listeners(bound: &Bound) -> std::io::Result<Vec<(Transport, SocketAddr)>> {
    let udp = bound.udp.iter().map(|socket| Ok((Transport::Udp, socket.local_addr()?)));
    let streams = bound.streams.iter().map(|(transport, listener)| Ok((*transport, listener.local_addr()?)));
    udp.chain(streams).collect()
}

/// The core draws its ids from a generator with this seed.
fn seed() -> anyhow::Result<[u8; 32]> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).context("the operating system gives no random bytes")?;
    Ok(seed)
}

#[expect(clippy::disallowed_methods, reason = "the binary is where time enters")]
fn now() -> Instant {
    Instant::now()
}
