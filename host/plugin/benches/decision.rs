//! CPU time of the questions of one call, with the reference plugins and a fresh instance each.
//!
//! `cargo bench -p cordboard-plugin --bench decision` prints the process's CPU time per question, which neighbours on the machine
//! disturb less than wall time. Goal: authorization and routing together under 150 us.
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use cordboard_model::{
    AuthorizationSubject, CallFacts, CallId, Party, RouteDecision, RouteQuestion, RouteReason, Verdict,
};
use cordboard_plugin::{ChainSettings, ComponentSettings, Lookup, PluginSettings, Plugins};

/// Rounds of the measurement; each asks both questions.
const ROUNDS: u32 = 20_000;

struct Registered;

impl Lookup for Registered {
    fn exact(&self, table: &str, key: &str) -> Option<String> {
        (table == "registrations" && key == "1001").then(|| "sip:1001@192.0.2.7:5060".to_owned())
    }

    fn longest_prefix(&self, _table: &str, _key: &str) -> Option<(String, String)> {
        None
    }
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    runtime.block_on(async {
        let plugins = load().await;
        let (subject, question) = questions();
        // The first questions fault pages in.
        measure(200, || async { both(&plugins, &subject, &question).await }).await;
        let authorize = measure(ROUNDS, || async { allowed(&plugins, &subject).await }).await;
        let route = measure(ROUNDS, || async { dialled(&plugins, &question).await }).await;
        let together = measure(ROUNDS, || async { both(&plugins, &subject, &question).await }).await;
        println!("authorize  {:>8.1} us of CPU", us(authorize));
        println!("route      {:>8.1} us of CPU", us(route));
        println!("together   {:>8.1} us of CPU (goal: under 150)", us(together));
    });
}

async fn load() -> Plugins {
    let plugin = |name: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../target/plugins/{name}.wasm"));
        PluginSettings::new(name, path)
    };
    let chains = ChainSettings {
        routing: vec!["route-by-extension".into()],
        authorization: vec!["authorize-open".into()],
        ..ChainSettings::default()
    };
    let configured = [plugin("route-by-extension"), plugin("authorize-open")];
    let (plugins, problems) =
        Plugins::load(&configured, chains, Arc::new(Registered), &ComponentSettings::default())
            .await
            .expect("the engine starts");
    assert!(problems.is_empty(), "{problems:?}; build the plugins with `cargo xtask plugins`");
    plugins
}

/// A call with the dozen of headers that a phone sends.
fn questions() -> (AuthorizationSubject, RouteQuestion) {
    let party = |user: &str| Party {
        uri: format!("sip:{user}@pbx.example"),
        user: user.into(),
        host: "pbx.example".into(),
        display: Some("A Name".into()),
    };
    let headers = (0..12).map(|number| (format!("X-Header-{number}"), "a value of usual length".to_owned()));
    let call = CallFacts {
        call_id: CallId::from_bits(42),
        sip_call_id: "42@192.0.2.7".into(),
        method: "INVITE".into(),
        transport: "udp".into(),
        source: "192.0.2.7:5060".into(),
        caller: party("1003"),
        callee: party("1001"),
        trunk: None,
        extension: Some("1001".into()),
        authenticated_as: None,
        headers: headers.collect(),
        hop: 70,
        now_ms: 1_700_000_000_000,
        attributes: Vec::new(),
    };
    let question = RouteQuestion {
        call: call.clone(),
        reason: RouteReason::New,
        attempts: Vec::new(),
        redirects: Vec::new(),
        referral: None,
    };
    (AuthorizationSubject::Call(call), question)
}

async fn allowed(plugins: &Plugins, subject: &AuthorizationSubject) {
    let decided = plugins.authorize(subject).await;
    assert!(matches!(decided.answer, Verdict::Allow { .. }), "{decided:?}");
}

async fn dialled(plugins: &Plugins, question: &RouteQuestion) {
    let decided = plugins.route(question).await;
    assert!(matches!(decided.answer, RouteDecision::Dial(_)), "{decided:?}");
}

async fn both(plugins: &Plugins, subject: &AuthorizationSubject, question: &RouteQuestion) {
    allowed(plugins, subject).await;
    dialled(plugins, question).await;
}

/// CPU time of one round.
async fn measure<F: Future<Output = ()>>(rounds: u32, mut round: impl FnMut() -> F) -> Duration {
    let begin = cpu_time();
    for _ in 0..rounds {
        round().await;
    }
    (cpu_time() - begin) / rounds
}

/// CPU time of the whole process, its ticker thread included.
fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(
        u64::try_from(time.tv_sec).unwrap_or_default(),
        u32::try_from(time.tv_nsec).unwrap_or_default(),
    )
}

fn us(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
