//! `cordboard plugin run`: one question, one answer, and what it cost.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::ValueEnum;
use cordboard_plugin::Kind;
use cordboard_plugin::gate::{Answered, Probed, Sample, Specimen};
use serde_json::json;

use super::component::{Component, Misuse, pretty, runtime, verdict};

/// What to ask.
#[derive(clap::Args)]
pub(crate) struct Options {
    #[command(flatten)]
    component: Component,
    /// The question: a sample, or the question alone as JSON.
    #[arg(long, short)]
    input: PathBuf,
    /// What kind of question stands in a file that is no sample.
    #[arg(long, value_enum, default_value_t = KindName::Routing)]
    kind: KindName,
    /// Print answer and cost as JSON.
    #[arg(long)]
    json: bool,
}

/// The kinds as words of the command line.
#[derive(Clone, Copy, ValueEnum)]
pub(super) enum KindName {
    /// Where a call goes.
    Routing,
    /// Who may do what.
    Authorization,
    /// Who is called next about an incident.
    Escalation,
    /// What an event looks like.
    EventFormatting,
}

impl From<KindName> for Kind {
    fn from(name: KindName) -> Self {
        match name {
            KindName::Routing => Self::Routing,
            KindName::Authorization => Self::Authorization,
            KindName::Escalation => Self::Escalation,
            KindName::EventFormatting => Self::EventFormatting,
        }
    }
}

/// Asks once; exit status 1 when the plugin gives no usable answer.
pub(super) fn run(options: &Options) -> Result<ExitCode, Misuse> {
    let (bytes, settings) = options.component.read()?;
    let sample = Sample::question(&options.input, options.kind.into(), settings.config.clone())
        .map_err(|error| Misuse(error.to_string()))?;
    let specimen = Specimen::open(&bytes, &settings)
        .map_err(|error| Misuse(format!("{}: {error}", options.component.file.display())))?;
    let probed = runtime()?.block_on(specimen.ask(&sample));
    crate::say(&if options.json { as_json(&probed) } else { as_text(&probed) });
    Ok(verdict(!matches!(probed.answer, Answered::Failed(_))))
}

fn as_json(probed: &Probed) -> String {
    pretty(&json!({
        "format": 1, "answer": probed.answer.to_json(), "why": probed.why, "log": probed.log, "fuel": probed.fuel,
        "memory-bytes": probed.memory_bytes, "elapsed-us": micros(probed),
    }))
}

fn as_text(probed: &Probed) -> String {
    let mut text = pretty(&probed.answer.to_json());
    if !probed.why.is_empty() {
        text.push_str(&format!("\nwhy     {}", probed.why));
    }
    for line in &probed.log {
        text.push_str(&format!("\nlog     {line}"));
    }
    let fuel = probed.fuel.map_or_else(|| "-".to_owned(), |fuel| fuel.to_string());
    let memory_kib = probed.memory_bytes.div_ceil(1024);
    text.push_str(&format!(
        "\ncost    {fuel} units of fuel, {memory_kib} KiB, {} us with counting",
        micros(probed)
    ));
    text
}

fn micros(probed: &Probed) -> u64 {
    u64::try_from(probed.elapsed.as_micros()).unwrap_or(u64::MAX)
}
