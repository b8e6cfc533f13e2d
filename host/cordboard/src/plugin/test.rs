//! `cordboard plugin test`: samples as golden tests.

use std::process::ExitCode;

use cordboard_plugin::gate::{Sample, SampleResult, Specimen, bless};

use super::component::{Component, Misuse, pretty, runtime, verdict};

/// What to test.
#[derive(clap::Args)]
pub(crate) struct Options {
    #[command(flatten)]
    component: Component,
    /// Write what is found into the samples as what is expected. Read the difference like code.
    #[arg(long)]
    bless: bool,
    /// Print the results as JSON.
    #[arg(long)]
    json: bool,
}

/// Asks every sample; exit status 1 when one decides otherwise.
pub(super) fn run(options: &Options) -> Result<ExitCode, Misuse> {
    let (bytes, settings) = options.component.read()?;
    if settings.samples.is_empty() {
        let file = options.component.file.display();
        return Err(Misuse(format!(
            "{file}: expected samples beside it, found none; name their folder with --samples"
        )));
    }
    let specimen = Specimen::open(&bytes, &settings)
        .map_err(|error| Misuse(format!("{}: {error}", options.component.file.display())))?;
    let runtime = runtime()?;
    let mut results = Vec::new();
    for sample in &settings.samples {
        let result = SampleResult::of(sample, &runtime.block_on(specimen.ask(sample)));
        if options.bless && !result.passed() {
            blessed(sample, &result)?;
        } else if !options.json {
            crate::say(&line(&result));
        }
        results.push(result);
    }
    let failed = results.iter().filter(|result| !result.passed()).count();
    if options.json {
        crate::say(&pretty(&results));
    } else {
        crate::say(&format!(
            "{} samples, {failed} {}",
            results.len(),
            if options.bless { "blessed" } else { "failed" }
        ));
    }
    Ok(verdict(failed == 0 || options.bless))
}

fn blessed(sample: &Sample, result: &SampleResult) -> Result<(), Misuse> {
    bless(sample, &result.found).map_err(|error| Misuse(error.to_string()))?;
    crate::say(&format!("blessed  {} ({})", result.name, result.file));
    Ok(())
}

fn line(result: &SampleResult) -> String {
    if result.passed() {
        return format!("ok       {}", result.name);
    }
    let mut text = format!("FAILED   {} ({})", result.name, result.file);
    for difference in &result.differences {
        text.push_str("\n           - ");
        text.push_str(difference);
    }
    text.push_str("\n         it decided: ");
    text.push_str(&result.found.to_string());
    text
}
