//! Measures the running binary from outside and prints each figure beside its goal.
#![expect(clippy::print_stdout, reason = "a command line program talks to the terminal")]

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use clap::Parser;
use cordboard_interop::{Options, Pbx, Stage};
use cordboard_load::{Generator, Run, Usage};

/// Media ports for 4,000 calls: at 800 calls per second those that just ended are still in quarantine.
const MEDIA: std::ops::RangeInclusive<u16> = 33_000..=64_999;
const RATES: [u32; 6] = [100, 200, 300, 400, 600, 800];
const STANDING: usize = 1_000;

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
}

fn main() {
    let arguments = Arguments::parse();
    let stage = Stage::new("load");
    let options = Options {
        media: Some(MEDIA),
        exempt: vec![IpAddr::V4(Ipv4Addr::LOCALHOST)],
        log_level: Some("info"),
        ..Options::default()
    };
    let pbx = Pbx::start(&stage, &options);
    let mut generator = Generator::new(pbx.sip());
    println!("load: the PBX is process {}, the generator shares its cores", pbx.id());
    // Code, plugins and allocator are warm afterwards, as they are in a PBX that runs.
    generator.run(arguments.rate, 200, Duration::ZERO);
    idle(&pbx);
    steady(&mut generator, &pbx, &arguments);
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
