//! `cordboard plugin bench`: how long a fresh instance takes for one question on this machine, in the engine that answers calls.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::ValueEnum as _;
use cordboard_plugin::Kind;
use cordboard_plugin::gate::{Sample, Specimen};
use serde_json::json;

use super::component::{Component, Misuse, pretty, runtime};
use super::run::KindName;

/// What to measure.
#[derive(clap::Args)]
pub(crate) struct Options {
    #[command(flatten)]
    component: Component,
    /// The question: a sample, or the question alone as JSON; without it an ordinary question of each kind that it decides.
    #[arg(long, short)]
    input: Option<PathBuf>,
    /// What kind of question stands in a file that is no sample.
    #[arg(long, value_enum, default_value_t = KindName::Routing)]
    kind: KindName,
    /// How often each question is asked.
    #[arg(long, default_value_t = 2_000)]
    rounds: usize,
    /// Print the figures as JSON.
    #[arg(long)]
    json: bool,
}

/// What a measurement came to.
struct Figures {
    question: String,
    rounds: usize,
    p50: Duration,
    p99: Duration,
    most: Duration,
}

/// Measures and tells. It judges nothing: neighbours on the machine disturb every figure.
pub(super) fn run(options: &Options) -> Result<ExitCode, Misuse> {
    let (bytes, settings) = options.component.read()?;
    let specimen = Specimen::open_unmetered(&bytes, &settings)
        .map_err(|error| Misuse(format!("{}: {error}", options.component.file.display())))?;
    let runtime = runtime()?;
    let mut told = Vec::new();
    for sample in questions(options, &specimen)? {
        let figures = runtime.block_on(measure(&specimen, &sample, options.rounds.max(1)));
        if !options.json {
            crate::say(&line(&figures));
        }
        told.push(figures);
    }
    if options.json {
        crate::say(&pretty(&json!({"format": 1, "fresh": told.iter().map(as_json).collect::<Vec<_>>()})));
    }
    Ok(ExitCode::SUCCESS)
}

fn questions(options: &Options, specimen: &Specimen) -> Result<Vec<Sample>, Misuse> {
    let config = options.component.block()?;
    if let Some(input) = &options.input {
        let sample = Sample::question(input, options.kind.into(), config);
        return Ok(vec![sample.map_err(|error| Misuse(error.to_string()))?]);
    }
    let kinds = KindName::value_variants().iter().map(|name| Kind::from(*name));
    Ok(kinds
        .filter(|kind| specimen.serves(*kind))
        .map(|kind| Sample::ordinary(kind, config.clone()))
        .collect())
}

/// The first rounds fault pages in and are not counted.
async fn measure(specimen: &Specimen, sample: &Sample, rounds: usize) -> Figures {
    for _ in 0..rounds.min(20) {
        specimen.ask(sample).await;
    }
    let mut times = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        times.push(specimen.ask(sample).await.elapsed);
    }
    times.sort_unstable();
    let at = |share: usize| times[(times.len() - 1) * share / 100];
    Figures { question: sample.name.clone(), rounds, p50: at(50), p99: at(99), most: at(100) }
}

fn us(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

fn line(figures: &Figures) -> String {
    let Figures { question, rounds, p50, p99, most } = figures;
    format!(
        "{question}: p50 {:.0} us, p99 {:.0} us, most {:.0} us, a fresh instance each, {rounds} rounds",
        us(*p50),
        us(*p99),
        us(*most)
    )
}

fn as_json(figures: &Figures) -> serde_json::Value {
    json!({
        "question": figures.question, "rounds": figures.rounds, "p50-us": us(figures.p50), "p99-us": us(figures.p99),
        "most-us": us(figures.most),
    })
}
