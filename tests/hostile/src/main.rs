//! `cargo xtask storm`: the long storms, with their figures beside the goals.
#![expect(clippy::print_stdout, reason = "a command line program talks to the terminal")]

use std::process::ExitCode;

use clap::Parser;
use cordboard_hostile::Storm;
use cordboard_interop::Stage;

#[derive(Parser)]
#[command(name = "cordboard-hostile", about = "Damaged messages against the running binary")]
struct Arguments {
    /// Damaged datagrams.
    #[arg(long, default_value_t = 100_000)]
    datagrams: u64,
    /// Damaged messages over TCP.
    #[arg(long, default_value_t = 20_000)]
    messages: u64,
    /// Chooses the damage.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let stage = Stage::new("storm");
    let mut storm = Storm::new(&stage, arguments.seed);
    println!("storm: the PBX is process {}, the storm shares its cores", storm.pbx().id());
    let mut alive = true;
    for report in [storm.datagrams(arguments.datagrams), storm.messages(arguments.messages)] {
        println!("\n{report}");
        alive &= report.alive && report.unanswered == 0;
    }
    if alive { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
