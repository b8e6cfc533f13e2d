//! The gate: what a component has to be and to do before it is asked about a call.
//!
//! [`validate`] is what continuous integration calls: it looks at everything, in an engine that counts fuel, and tells every finding
//! with what was expected, what was found and what to do. [`admit`] is what the host calls when it loads: the same checks by the same
//! functions, but for those that measure (hostile inputs, fuel, memory), which calls pay for if they are left out, and which the limits
//! of the sandbox bound anyway. So a component that passes here is loaded there.
//!
//! | check | what it says | in the host |
//! |---|---|---|
//! | `structure` | the bytes are a whole component of at most 32 MiB | yes |
//! | `exports` | it describes itself and decides something | yes |
//! | `imports` | it wants nothing but `cordboard:plugin` | yes |
//! | `link` | its types are those of the published interface | yes |
//! | `describe` | it says what it is, within 2 s | yes |
//! | `config-schema` | its schema is a JSON Schema | yes |
//! | `config` | the configuration block fits its schema and its own check | yes |
//! | `samples` | it decides the bundled samples as they say | yes, for 10 s |
//! | `hostile-inputs` | no question makes it trap, hang or flood | no |
//! | `fuel` | no question costs more than the ceiling | no |
//! | `memory` | no question needs more than the limit | no |

mod about;
mod hostile;
mod interfaces;
mod probe;
mod report;
mod sample;
mod shape;

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;
use wasmtime::component::Component;

use crate::bindings::v1::{Description, Prepared};
use crate::component::check_shape;
use crate::engine::{EngineError, Sandbox};
use crate::failure::FailureReason;
use crate::imports::{Grants, Lookup};
use crate::kind::Kind;
use crate::limits::Limits;
use crate::load::LoadError;

pub use probe::{Answered, Probed};
pub use report::{Check, CheckStatus, Examined, Report, SampleResult};
pub use sample::{Sample, SampleError, Samples, bless};

use probe::Probe;

/// What a component is validated against.
#[derive(Clone, Debug)]
pub struct GateSettings {
    /// The configuration block that it is to be used with.
    pub config: Value,
    /// What it may use.
    pub limits: Limits,
    /// Questions with the decisions that are expected.
    pub samples: Vec<Sample>,
    /// Most fuel that one question may cost. Fuel counts instructions of the guest, so that the figure is the same on every machine.
    pub max_fuel: u64,
}

/// Default of [`GateSettings::max_fuel`]: about 10 ms of a core, a fifth of what routing may take.
pub const DEFAULT_MAX_FUEL: u64 = 20_000_000;

/// A question that burns so many times its ceiling is stopped; how far it would have gone is not worth the wait.
const FUEL_OVERRUN: u64 = 10;

/// How long one question may take while a component is validated. Fuel ends it long before on any machine.
const VALIDATE_DEADLINE: Duration = Duration::from_secs(60);

/// How long one sample may take when the host loads a plugin; nobody waits for a call meanwhile.
const ADMIT_DEADLINE: Duration = Duration::from_secs(2);

/// How long all samples may take when the host loads a plugin. Those that are left then are not asked: continuous integration has.
const ADMIT_SAMPLES: Duration = Duration::from_secs(10);

impl Default for GateSettings {
    fn default() -> Self {
        Self {
            config: Value::Object(serde_json::Map::new()),
            limits: Limits::default(),
            samples: Vec::new(),
            max_fuel: DEFAULT_MAX_FUEL,
        }
    }
}

/// A component whose structure was found to be right, ready to be asked single questions.
pub struct Specimen {
    sandbox: Sandbox,
    prepared: Prepared,
    limits: Limits,
    max_fuel: u64,
}

impl Specimen {
    /// Opens a component in an engine that counts fuel.
    ///
    /// # Errors
    /// What is wrong with its structure, or when the engine does not start.
    pub fn open(bytes: &[u8], settings: &GateSettings) -> Result<Self, SpecimenError> {
        let sandbox = Sandbox::metered()?;
        let component = compile(&sandbox, bytes)?;
        let prepared = interfaces::check(&component)?;
        Ok(Self { sandbox, prepared, limits: settings.limits.clone(), max_fuel: settings.max_fuel })
    }

    /// Opens a component in the engine that answers calls, which counts no fuel.
    ///
    /// # Errors
    /// What is wrong with its structure, or when the engine does not start.
    pub fn open_unmetered(bytes: &[u8], settings: &GateSettings) -> Result<Self, SpecimenError> {
        let sandbox = Sandbox::new()?;
        let component = compile(&sandbox, bytes)?;
        let prepared = interfaces::check(&component)?;
        Ok(Self { sandbox, prepared, limits: settings.limits.clone(), max_fuel: settings.max_fuel })
    }

    /// Whether it decides such questions.
    pub fn serves(&self, kind: Kind) -> bool {
        self.prepared.serves(kind)
    }

    /// Asks the question of a sample in a fresh instance.
    pub async fn ask(&self, sample: &Sample) -> Probed {
        self.probe().ask(&sample.question, &sample.config, sample.tables()).await
    }

    fn probe(&self) -> Probe<'_> {
        Probe {
            sandbox: &self.sandbox,
            prepared: &self.prepared,
            limits: &self.limits,
            deadline: VALIDATE_DEADLINE,
            fuel: self.sandbox.is_metered().then(|| self.max_fuel.saturating_mul(FUEL_OVERRUN)),
        }
    }
}

/// A component that cannot be asked.
#[derive(Debug, thiserror::Error)]
pub enum SpecimenError {
    /// It is no component for Cordboard.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// Nothing runs on this machine.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// Looks at everything about a component.
///
/// # Errors
/// When the engine does not start on this machine. What is wrong with the component is in the report.
pub async fn validate(bytes: &[u8], settings: &GateSettings) -> Result<Report, EngineError> {
    let mut report = Report::new(bytes);
    let mut looking = Looking { sandbox: Sandbox::metered()?, settings, report: &mut report };
    // A check that cannot be made because an earlier one failed is left out.
    if let Some((prepared, about)) = looking.at_structure(bytes).await {
        looking.at_behaviour(prepared, &about).await;
    }
    Ok(report)
}

/// Looks at what a component is: the checks up to `describe`.
///
/// # Errors
/// When the engine does not start on this machine. What is wrong with the component is in the report.
pub async fn inspect(bytes: &[u8]) -> Result<Report, EngineError> {
    let settings = GateSettings::default();
    let mut report = Report::new(bytes);
    let mut looking = Looking { sandbox: Sandbox::metered()?, settings: &settings, report: &mut report };
    looking.at_structure(bytes).await;
    Ok(report)
}

/// An examination under way.
struct Looking<'a> {
    sandbox: Sandbox,
    settings: &'a GateSettings,
    report: &'a mut Report,
}

impl Looking<'_> {
    /// Goes from check to check; `None` when one failed without which the next makes no sense.
    async fn at_structure(&mut self, bytes: &[u8]) -> Option<(Prepared, Description)> {
        let compiled = compile(&self.sandbox, bytes);
        let component = self.note("structure", "it is a whole component", compiled)?;
        let prepared = self.interfaces(&component)?;
        let grants = self.grants();
        let described = about::describe(&self.sandbox, &prepared, &grants, &self.settings.limits).await;
        let about = self.note("describe", "it describes itself", described)?;
        self.report.describe(&about, &prepared);
        Some((prepared, about))
    }

    async fn at_behaviour(&mut self, prepared: Prepared, about: &Description) {
        self.config(&prepared, &self.grants(), about).await;
        let specimen = Specimen {
            sandbox: self.sandbox.clone(),
            prepared,
            limits: self.settings.limits.clone(),
            max_fuel: self.settings.max_fuel,
        };
        let mut probed = self.samples(&specimen).await;
        probed.extend(self.hostile_inputs(&specimen).await);
        self.cost(&probed);
    }

    fn grants(&self) -> Arc<Grants> {
        Arc::new(Grants::new("validate", &self.settings.config, no_tables()))
    }

    fn interfaces(&mut self, component: &Component) -> Option<Prepared> {
        let exports = interfaces::exports(component);
        self.note("exports", "it decides something", exports)?;
        let imports = interfaces::imports(component);
        let listed = if imports.is_ok() { interfaces::import_names(component) } else { Vec::new() };
        self.note("imports", "it wants nothing but cordboard:plugin", imports)?;
        self.report.imports(listed);
        self.note("link", "its types are those of cordboard:plugin@1", interfaces::link(component))
    }

    async fn config(&mut self, prepared: &Prepared, grants: &Arc<Grants>, about: &Description) {
        let schema = about::schema(about);
        let Some(schema) = self.note("config-schema", "its schema is a JSON Schema", schema) else { return };
        let limits = &self.settings.limits;
        let mut mistakes = about::against_schema(schema.as_ref(), &self.settings.config);
        let checked = about::check_config(&self.sandbox, prepared, grants, limits).await;
        let checked = checked.and_then(|own| {
            mistakes.extend(own);
            if mistakes.is_empty() { Ok(()) } else { Err(LoadError::Config(mistakes)) }
        });
        self.note("config", "the configuration block is accepted", checked);
    }

    async fn samples(&mut self, specimen: &Specimen) -> Vec<(String, Probed)> {
        let mut asked = Vec::new();
        let mut failed = Vec::new();
        for sample in &self.settings.samples {
            let probed = specimen.ask(sample).await;
            let result = SampleResult::of(sample, &probed);
            if !result.passed() {
                failed.push(format!("{}: {}", sample.name, result.differences.join("; ")));
            }
            self.report.sample(result);
            asked.push((format!("sample {:?}", sample.name), probed));
        }
        let count = asked.len();
        self.report.add(match (count, failed.len()) {
            (0, _) => Check::warning(
                "samples",
                "expected samples beside the component, found none; add questions with the expected decisions as samples/*.json",
            ),
            (_, 0) => Check::ok("samples", format!("it decides all {count} samples as they say")),
            (_, wrong) => {
                let message = format!(
                    "expected the decisions of {count} samples, found {wrong} others; correct the plugin, or what the sample expects"
                );
                Check::failed("samples", message).with_details(failed)
            }
        });
        asked
    }

    async fn hostile_inputs(&mut self, specimen: &Specimen) -> Vec<(String, Probed)> {
        let served = Kind::ALL.into_iter().filter(|kind| specimen.prepared.serves(*kind));
        let mut asked = Vec::new();
        for (name, question) in served.flat_map(hostile::questions) {
            let probed = specimen.probe().ask(&question, &self.settings.config, no_tables()).await;
            asked.push((name, probed));
        }
        self.report.add(hostile_check(&asked));
        asked
    }

    /// The dearest questions of all that were asked.
    fn cost(&mut self, probed: &[(String, Probed)]) {
        let dearest = probed.iter().max_by_key(|(_, probed)| probed.fuel);
        let (ceiling, limit) = (self.settings.max_fuel, self.settings.limits.memory_bytes);
        if let Some((name, fuel)) = dearest.and_then(|(name, probed)| Some((name, probed.fuel?))) {
            self.report.most_fuel(fuel);
            self.report.add(if fuel <= ceiling {
                Check::ok("fuel", format!("at most {fuel} units, for {name}; the ceiling is {ceiling}"))
            } else {
                Check::failed(
                    "fuel",
                    format!(
                        "expected at most {ceiling} units of fuel, found {fuel} for {name}; do less for one question, or raise --max-fuel"
                    ),
                )
            });
        }
        if let Some((name, most)) = probed.iter().max_by_key(|(_, probed)| probed.memory_bytes) {
            self.report.most_memory(most.memory_bytes);
            self.report.add(memory_check(name, most, limit));
        }
    }

    /// Takes note of a check whose errors are those of loading.
    fn note<T>(&mut self, name: &'static str, says: &'static str, result: Result<T, LoadError>) -> Option<T> {
        match result {
            Ok(value) => {
                self.report.add(Check::ok(name, says));
                Some(value)
            }
            Err(error) => {
                let (message, details) = error.told();
                self.report.add(Check::failed(name, message).with_details(details));
                None
            }
        }
    }
}

fn compile(sandbox: &Sandbox, bytes: &[u8]) -> Result<Component, LoadError> {
    check_shape(bytes)?;
    Component::from_binary(sandbox.engine(), bytes)
        .map_err(|error| LoadError::Damaged { detail: format!("{error:#}") })
}

/// A fault is an answer, and an answer that is not believed harms nobody; everything else costs the host.
fn hostile_check(asked: &[(String, Probed)]) -> Check {
    let (mut harmful, mut useless) = (Vec::new(), Vec::new());
    for (name, probed) in asked {
        let Answered::Failed(failure) = &probed.answer else { continue };
        match failure.reason {
            FailureReason::Fault => {}
            FailureReason::Invalid | FailureReason::Unsupported => useless.push(format!("{name}: {failure}")),
            _ => harmful.push(format!("{name}: {failure}")),
        }
    }
    let count = asked.len();
    if !harmful.is_empty() {
        let message = format!(
            "expected an answer or a fault on each of {count} hostile inputs, found {} other ends; a caller can send such a question",
            harmful.len()
        );
        return Check::failed("hostile-inputs", message).with_details(harmful);
    }
    if !useless.is_empty() {
        let message = format!(
            "{} of {count} hostile inputs lead to answers that are not carried out; their fallback follows",
            useless.len()
        );
        return Check::warning("hostile-inputs", message).with_details(useless);
    }
    Check::ok("hostile-inputs", format!("it survives all {count}"))
}

fn memory_check(name: &str, most: &Probed, limit: usize) -> Check {
    let found = most.memory_bytes;
    let refused =
        matches!(&most.answer, Answered::Failed(failure) if failure.reason == FailureReason::Memory);
    if refused {
        let message = format!(
            "expected at most {limit} bytes of memory, found that {name} wants more; use less, or raise limits.memory"
        );
        return Check::failed("memory", message);
    }
    if found > limit / 4 * 3 {
        let message =
            format!("{name} needs {found} bytes of memory, over three quarters of the limit of {limit}");
        return Check::warning("memory", message);
    }
    Check::ok("memory", format!("at most {found} bytes, for {name}; the limit is {limit}"))
}

/// A component that may be asked about calls.
pub(crate) struct Admitted {
    pub(crate) prepared: Prepared,
    pub(crate) about: Description,
}

/// Checks a compiled component before the host uses it.
///
/// # Errors
/// What is wrong with it.
pub(crate) async fn admit(
    sandbox: &Sandbox,
    component: &Component,
    grants: &Arc<Grants>,
    config: &Value,
    limits: &Limits,
    samples: &[Sample],
) -> Result<Admitted, LoadError> {
    let prepared = interfaces::check(component)?;
    let about = about::describe(sandbox, &prepared, grants, limits).await?;
    let schema = about::schema(&about)?;
    let mut mistakes = about::against_schema(schema.as_ref(), config);
    mistakes.extend(about::check_config(sandbox, &prepared, grants, limits).await?);
    if !mistakes.is_empty() {
        return Err(LoadError::Config(mistakes));
    }
    let probe = Probe { sandbox, prepared: &prepared, limits, deadline: ADMIT_DEADLINE, fuel: None };
    check_samples(&probe, samples).await?;
    Ok(Admitted { prepared, about })
}

async fn check_samples(probe: &Probe<'_>, samples: &[Sample]) -> Result<(), LoadError> {
    let end = Instant::now() + ADMIT_SAMPLES;
    let mut failed = Vec::new();
    for (done, sample) in samples.iter().enumerate() {
        if Instant::now() >= end {
            let left = samples.len() - done;
            tracing::warn!(left, "the samples of a plugin take too long; the rest is not asked");
            break;
        }
        let probed = probe.ask(&sample.question, &sample.config, sample.tables()).await;
        let result = SampleResult::of(sample, &probed);
        if !result.passed() {
            failed.push(format!("{}: {}", sample.name, result.differences.join("; ")));
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(LoadError::Samples(failed)) }
}

fn no_tables() -> Arc<dyn Lookup> {
    Arc::new(sample::Tables::default())
}
