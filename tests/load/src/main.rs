//! Measures the running binary from outside and prints each figure beside its goal.
#![expect(clippy::print_stdout, reason = "a command line program talks to the terminal")]

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use clap::Parser;
use cordboard_interop::{Options, Pbx, Stage, plugin};
use cordboard_load::{Exchange, Generator, MISBEHAVIOUR, Run, Storm, Usage};

/// Media ports for 4,000 calls: at 800 calls per second those that just ended are still in quarantine.
const MEDIA: std::ops::RangeInclusive<u16> = 33_000..=64_999;
const RATES: [u32; 6] = [100, 200, 300, 400, 600, 800];
const STANDING: usize = 1_000;
const EXCHANGES: u32 = 100;
const STORM: usize = 5_000;
const EXCHANGE_RATE: u32 = 50;

#[derive(Parser)]
#[command(
    name = "cordboard-load",
    about = "Calls by the thousand through the running binary, measured from outside"
)]
struct Arguments {
    /// Calls per second while delays and CPU are measured.
    #[arg(long, default_value_t = 50)]
    rate: u32,
    /// Seconds of each measurement.
    #[arg(long, default_value_t = 20)]
    seconds: u32,
    /// Only this: calls go on while others make a plugin trap, loop, eat memory, overflow the stack and flood its host, a thousand times
    /// each.
    #[arg(long)]
    storm: bool,
}

fn main() {
    let arguments = Arguments::parse();
    let stage = Stage::new("load");
    let component = std::fs::read(plugin("route-by-extension")).expect("the plugin was built");
    let route = stage.write("route.wasm", &component);
    let options = Options {
        media: Some(MEDIA),
        routing_plugin: Some(route.clone()),
        first_router: arguments.storm.then(|| plugin("test/misbehaving-router")),
        exempt: vec![IpAddr::V4(Ipv4Addr::LOCALHOST)],
        log_level: Some("info"),
        ..Options::default()
    };
    let pbx = Pbx::start(&stage, &options);
    let mut generator = Generator::new(pbx.sip());
    println!("load: the PBX is process {}, the generator shares its cores", pbx.id());
    // Code, plugins and allocator are warm afterwards, as they are in a PBX that runs.
    generator.run(arguments.rate, 200, Duration::ZERO);
    if arguments.storm {
        storm(&mut generator, &pbx, arguments.rate);
        return;
    }
    idle(&pbx);
    steady(&mut generator, &pbx, &arguments);
    let api = pbx.listens("api");
    exchanges(
        &mut generator,
        &Exchange { api, plugin: "route-by-extension".to_owned(), file: route, component },
    );
    standing(&mut generator, &pbx);
    highest_rate(&mut generator, &pbx, arguments.seconds / 2);
}

fn usage(pbx: &Pbx) -> Usage {
    Usage::of(pbx.id(), pbx.sip().port())
}

/// CPU without a single call: timers and the ticks that bound plugins. It is part of the CPU per call at a low rate.
fn idle(pbx: &Pbx) {
    let watched = Duration::from_secs(3);
    let before = usage(pbx);
    cordboard_interop::pause(watched);
    let share = (usage(pbx).cpu - before.cpu).as_secs_f64() / watched.as_secs_f64();
    println!("  without calls: {:.2} % of a core", share * 100.0);
}

/// Delays and CPU at a steady, moderate rate.
fn steady(generator: &mut Generator, pbx: &Pbx, arguments: &Arguments) {
    let count = (arguments.rate * arguments.seconds) as usize;
    let before = usage(pbx);
    let run = generator.run(arguments.rate, count, Duration::from_millis(500));
    let after = usage(pbx);
    println!("\nat {} calls per second, {count} calls of half a second:", arguments.rate);
    let ms = |delay: Duration| format!("{:.3} ms", delay.as_secs_f64() * 1e3);
    row("100 Trying, median", &ms(run.trying.percentile(0.5)), "under 0.5 ms");
    row("100 Trying, p99", &ms(run.trying.percentile(0.99)), "-");
    row("180 Ringing, median", &ms(run.ringing.percentile(0.5)), "under 1 ms");
    row("180 Ringing, p99", &ms(run.ringing.percentile(0.99)), "-");
    let per_call = (after.cpu - before.cpu) / u32::try_from(count).unwrap_or(u32::MAX).max(1);
    row("CPU per whole call", &ms(per_call), "under 0.9 ms");
    verdict(&run, after.drops - before.drops);
}

/// A plugin is exchanged all the time while calls begin.
fn exchanges(generator: &mut Generator, exchange: &Exchange) {
    println!(
        "\n{EXCHANGES} reloads of the routing plugin, each of another file, under {EXCHANGE_RATE} calls per second:"
    );
    let (run, done) = std::thread::scope(|scope| {
        let exchanging = scope.spawn(|| exchange.run(EXCHANGES, Duration::from_millis(20)));
        let mut runs = Vec::new();
        while !exchanging.is_finished() {
            runs.push(generator.run(EXCHANGE_RATE, EXCHANGE_RATE as usize * 5, Duration::ZERO));
        }
        (runs, exchanging.join().expect("the exchange does not panic"))
    });
    let ms = |delay: Duration| format!("{:.3} ms", delay.as_secs_f64() * 1e3);
    row("reloads done", &done.done.to_string(), &EXCHANGES.to_string());
    if let Some(refusal) = &done.first_refusal {
        println!("  the first one that was refused: {refusal}");
    }
    row("a reload, median", &ms(done.took.percentile(0.5)), "-");
    let calls: usize = run.iter().map(|run| run.placed).sum();
    let lost = calls - run.iter().map(|run| run.whole).sum::<usize>();
    row("calls lost", &format!("{lost} of {calls}"), "0");
    let slowest = |share| run.iter().map(|run| run.ringing.percentile(share)).max().unwrap_or_default();
    row("180 Ringing, p99 of the worst 5 s", &ms(slowest(0.99)), "-");
    row("180 Ringing, slowest", &ms(slowest(1.0)), "under 20 ms");
}

/// A plugin misbehaves all the time while calls begin that have nothing to do with it but to be asked about there first.
fn storm(generator: &mut Generator, pbx: &Pbx, rate: u32) {
    println!(
        "\n{STORM} calls that make a plugin misbehave, {} times each, beside {rate} calls per second:",
        STORM / MISBEHAVIOUR.len()
    );
    let sip = pbx.sip();
    let (runs, storm) = std::thread::scope(|scope| {
        let storming = scope.spawn(|| Storm::run(sip, STORM / MISBEHAVIOUR.len(), Duration::from_millis(5)));
        let mut runs = Vec::new();
        while !storming.is_finished() {
            runs.push(generator.run(rate, rate as usize * 5, Duration::ZERO));
        }
        (runs, storming.join().expect("the storm does not panic"))
    });
    let ms = |delay: Duration| format!("{:.3} ms", delay.as_secs_f64() * 1e3);
    row("answered", &format!("{} of {}", storm.answered.count(), storm.placed), "all");
    row("until the final response, p99", &ms(storm.answered.percentile(0.99)), "under 250 ms");
    row("until the final response, slowest", &ms(storm.answered.percentile(1.0)), "-");
    let lost: usize = runs.iter().map(|run| run.placed - run.whole).sum();
    row("other calls lost", &lost.to_string(), "0");
    let trying = runs.iter().map(|run| run.trying.percentile(0.99)).max().unwrap_or_default();
    row("their 100 Trying, p99 of the worst 5 s", &ms(trying), "under 20 ms");
}

/// Memory of calls that stand.
fn standing(generator: &mut Generator, pbx: &Pbx) {
    let before = usage(pbx);
    let mut during = None;
    let run = generator.run_and(100, STANDING, Duration::from_secs(15), || during = Some(usage(pbx)));
    println!("\n{STANDING} established calls:");
    match during {
        Some(during) => {
            let grown = during.resident_bytes.saturating_sub(before.resident_bytes);
            #[expect(clippy::cast_precision_loss, reason = "a printed figure")]
            let per_call = grown as f64 / 1024.0 / STANDING as f64;
            row("resident memory per call", &format!("{per_call:.1} KiB"), "under 64 KiB");
        }
        None => row("resident memory per call", "not all calls stood", "under 64 KiB"),
    }
    verdict(&run, usage(pbx).drops - before.drops);
}

/// The highest of a ladder of rates at which nothing is sent twice.
fn highest_rate(generator: &mut Generator, pbx: &Pbx, seconds: u32) {
    println!("\nrates, {seconds} s each:");
    let mut clean = 0;
    for rate in RATES {
        let before = usage(pbx);
        let run = generator.run(rate, (rate * seconds) as usize, Duration::ZERO);
        let after = usage(pbx);
        let drops = after.drops - before.drops;
        let cpu = (after.cpu - before.cpu).as_secs_f64() * 1e3 / f64::from(rate * seconds);
        println!("  {rate} per second, CPU per call {cpu:.3} ms:");
        verdict(&run, drops);
        if !run.is_clean() || drops > 0 {
            break;
        }
        clean = rate;
    }
    row("highest rate without a resend", &format!("{clean} per second"), "800 per second");
}

fn verdict(run: &Run, drops: u64) {
    println!(
        "  {} of {} calls whole, {} refused{}, resent by us {}, by the PBX {}, dropped by the kernel {drops}",
        run.whole,
        run.placed,
        run.refused,
        run.first_refusal.map(|status| format!(" (first with {status})")).unwrap_or_default(),
        run.resent_by_us,
        run.resent_by_pbx,
    );
}

fn row(what: &str, measured: &str, goal: &str) {
    println!("  {what:<32} {measured:>20}   goal: {goal}");
}
