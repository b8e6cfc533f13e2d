//! What exchanging plugins and surviving bad ones costs those who ask.
//!
//! `cargo bench -p cordboard-plugin --bench exchange` prints what a question pays for the snapshot while it is swapped (goal: under
//! 10 us), and how long a caller waits for an answer when the plugin traps, loops, eats memory, overflows the stack or floods its host, a
//! thousand times each (goal: under 250 ms).
//! Each fourth question meets a new generation, so that no breaker spares the host. Breakers and probation work as always.
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use cordboard_model::{CallFacts, CallId, Party, RouteQuestion, RouteReason};
use cordboard_plugin::{ChainSettings, ComponentSettings, Lookup, PluginSettings, Plugins};
use serde_json::json;

/// Swaps that are measured.
const SWAPS: usize = 200;

/// Questions of each kind of misbehaviour.
const QUESTIONS: usize = 1_000;

/// Questions that one generation is asked: fewer than open its breaker.
const PER_GENERATION: usize = 4;

struct NoTables;

impl Lookup for NoTables {
    fn exact(&self, _table: &str, _key: &str) -> Option<String> {
        None
    }

    fn longest_prefix(&self, _table: &str, _key: &str) -> Option<(String, String)> {
        None
    }
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_time()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let (first, components) = ([router(0)], ComponentSettings::default());
        let plugins = Plugins::load(&first, chains(), Arc::new(NoTables), &components);
        let (plugins, problems) = plugins.await.expect("the engine starts");
        assert!(problems.is_empty(), "{problems:?}; build the plugins with `cargo xtask plugins`");
        swaps(&plugins).await;
        for (run, behaviour) in ["trap", "spin", "bomb", "overflow", "flood"].into_iter().enumerate() {
            misbehave(&plugins, behaviour, 1_000_000 * (run + 1)).await;
        }
        let decided = plugins.route(&question("1001")).await;
        println!("afterwards the PBX answers with {}", decided.by);
    });
}

/// The router that does what the dialled number says; another number is another generation.
fn router(number: usize) -> PluginSettings {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/plugins/test/misbehaving-router.wasm");
    PluginSettings { config: json!({"name": format!("{number}-")}), ..PluginSettings::new("r", path) }
}

fn chains() -> ChainSettings {
    ChainSettings { routing: vec!["r".into()], ..ChainSettings::default() }
}

async fn exchange(plugins: &Plugins, number: usize) {
    plugins.configure(&[router(number)], chains()).await.remove(0).1.expect("it is good");
}

/// Somebody looks at the snapshot all the time, as questions do, while it is swapped.
async fn swaps(plugins: &Plugins) {
    let done = AtomicBool::new(false);
    let mut times = Vec::new();
    let mut looks = std::thread::scope(|scope| {
        let looking = scope.spawn(|| {
            let mut looks = Vec::new();
            while !done.load(Relaxed) {
                let begin = Instant::now();
                std::hint::black_box(plugins.degraded());
                looks.push(begin.elapsed());
                std::thread::sleep(Duration::from_micros(20));
            }
            looks
        });
        tokio::task::block_in_place(|| {
            for number in 1..=SWAPS {
                tokio::runtime::Handle::current().block_on(exchange(plugins, number));
                let begin = Instant::now();
                plugins.rollback("r").expect("there is an earlier generation");
                times.push(begin.elapsed());
            }
        });
        done.store(true, Relaxed);
        looking.join().expect("looking does not panic")
    });
    print("looking", &mut looks, "under 10 us, while it is swapped");
    print("roll-back", &mut times, "-, the end of the code that was given up included");
}

/// Generations are numbered from `first`, as one that was taken back does not come again.
async fn misbehave(plugins: &Plugins, behaviour: &str, first: usize) {
    let question = question(behaviour);
    let mut times = Vec::new();
    for number in 0..QUESTIONS {
        if number % PER_GENERATION == 0 {
            exchange(plugins, first + number).await;
        }
        let begin = Instant::now();
        plugins.route(&question).await;
        times.push(begin.elapsed());
    }
    print(behaviour, &mut times, "under 250 ms");
}

fn print(what: &str, times: &mut [Duration], goal: &str) {
    times.sort_unstable();
    let us =
        |share: usize| times[(times.len() * share).div_ceil(1_000).saturating_sub(1)].as_secs_f64() * 1e6;
    let (median, p99, longest) = (us(500), us(990), us(1_000));
    println!(
        "{what:<10} median {median:>9.1} us   p99 {p99:>9.1} us   longest {longest:>9.1} us   goal: {goal}"
    );
}

fn question(dialled: &str) -> RouteQuestion {
    let call = CallFacts {
        call_id: CallId::from_bits(42),
        sip_call_id: "42@192.0.2.7".into(),
        method: "INVITE".into(),
        transport: "udp".into(),
        source: "192.0.2.7:5060".into(),
        caller: Party::default(),
        callee: Party { user: dialled.into(), ..Party::default() },
        trunk: None,
        extension: None,
        authenticated_as: None,
        headers: Vec::new(),
        hop: 70,
        now_ms: 1_700_000_000_000,
        attributes: Vec::new(),
    };
    RouteQuestion {
        call,
        reason: RouteReason::New,
        attempts: Vec::new(),
        redirects: Vec::new(),
        referral: None,
    }
}
