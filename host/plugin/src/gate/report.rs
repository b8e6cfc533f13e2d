//! What an examination found, for a person and for a program.

use std::fmt;

use super::probe::Probed;
use super::sample::{Sample, differences};
use crate::bindings::v1::{Description, Prepared};
use crate::digest;
use crate::kind::Kind;
use serde::Serialize;
use serde_json::Value;

/// What was found about a component. Its JSON is stable: fields are added, never renamed or taken away.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Report {
    /// Version of this shape.
    pub format: u32,
    /// The worst status of all checks.
    pub status: CheckStatus,
    /// The component.
    pub component: Examined,
    /// The checks in the order in which they were made. One that needs an earlier one that failed is not among them.
    pub checks: Vec<Check>,
    /// The samples in the order of their files.
    pub samples: Vec<SampleResult>,
}

/// What is known about the component.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Examined {
    /// SHA-256 of its bytes, in hex.
    pub digest: String,
    /// Its length.
    pub size_bytes: usize,
    /// What it calls itself.
    pub name: String,
    /// The version that it gives itself.
    pub version: String,
    /// One sentence.
    pub summary: String,
    /// What it decides.
    pub kinds: Vec<&'static str>,
    /// What it imports.
    pub imports: Vec<String>,
    /// Lookup tables that it reads.
    pub tables: Vec<String>,
    /// JSON Schema of its configuration block, as it gave it; empty for none.
    pub config_schema: String,
    /// Most fuel that one question cost.
    pub most_fuel: Option<u64>,
    /// Most memory that one question needed.
    pub most_memory_bytes: Option<usize>,
}

/// How a check ended.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckStatus {
    /// All is well.
    Ok,
    /// It can be used, but somebody should look.
    Warning,
    /// It is not used.
    Failed,
}

/// One check.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Check {
    /// Its name, one of the table in the documentation of the gate.
    pub name: &'static str,
    /// How it ended.
    pub status: CheckStatus,
    /// What was expected, what was found, what to do.
    pub message: String,
    /// Single findings, when there are several.
    pub details: Vec<String>,
}

/// What came of one sample.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct SampleResult {
    /// Its name.
    pub name: String,
    /// The file that it stands in.
    pub file: String,
    /// The decision, `"pass"`, or the failure.
    pub found: Value,
    /// Fields in which it differs from what the sample expects; empty when it passed.
    pub differences: Vec<String>,
    /// What it cost.
    pub fuel: Option<u64>,
}

impl SampleResult {
    /// What a sample and what came of it have to say to each other.
    pub fn of(sample: &Sample, probed: &Probed) -> Self {
        let found = probed.answer.to_json();
        Self {
            name: sample.name.clone(),
            file: sample.file.display().to_string(),
            differences: differences(sample, &found),
            found,
            fuel: probed.fuel,
        }
    }

    /// Whether it decided as the sample says.
    pub fn passed(&self) -> bool {
        self.differences.is_empty()
    }
}

impl Check {
    pub(super) fn ok(name: &'static str, message: impl Into<String>) -> Self {
        Self { name, status: CheckStatus::Ok, message: message.into(), details: Vec::new() }
    }

    pub(super) fn warning(name: &'static str, message: impl Into<String>) -> Self {
        Self { status: CheckStatus::Warning, ..Self::ok(name, message) }
    }

    pub(super) fn failed(name: &'static str, message: impl Into<String>) -> Self {
        Self { status: CheckStatus::Failed, ..Self::ok(name, message) }
    }

    pub(super) fn with_details(self, details: Vec<String>) -> Self {
        Self { details, ..self }
    }
}

impl Report {
    pub(super) fn new(bytes: &[u8]) -> Self {
        let digest = digest::of(bytes);
        Self {
            format: 1,
            status: CheckStatus::Ok,
            component: Examined { digest, size_bytes: bytes.len(), ..Examined::default() },
            checks: Vec::new(),
            samples: Vec::new(),
        }
    }

    /// Whether the component may be used.
    pub fn passed(&self) -> bool {
        self.status != CheckStatus::Failed
    }

    pub(super) fn add(&mut self, check: Check) {
        self.status = self.status.max(check.status);
        self.checks.push(check);
    }

    pub(super) fn describe(&mut self, about: &Description, prepared: &Prepared) {
        let kinds = Kind::ALL.into_iter().filter(|kind| prepared.serves(*kind));
        self.component.kinds = kinds.map(Kind::as_str).collect();
        self.component.name.clone_from(&about.name);
        self.component.version.clone_from(&about.version);
        self.component.summary.clone_from(&about.summary);
        self.component.tables.clone_from(&about.tables);
        self.component.config_schema.clone_from(&about.config_schema);
    }

    pub(super) fn imports(&mut self, names: Vec<String>) {
        self.component.imports = names;
    }

    pub(super) fn most_fuel(&mut self, fuel: u64) {
        self.component.most_fuel = Some(fuel);
    }

    pub(super) fn most_memory(&mut self, bytes: usize) {
        self.component.most_memory_bytes = Some(bytes);
    }

    pub(super) fn sample(&mut self, result: SampleResult) {
        self.samples.push(result);
    }
}

impl fmt::Display for CheckStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "FAILED",
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let component = &self.component;
        let digest = component.digest.get(..12).unwrap_or_default();
        let name = if component.name.is_empty() { "a component" } else { &component.name };
        writeln!(f, "{name} {} ({digest}, {} KiB)", component.version, component.size_bytes.div_ceil(1024))?;
        for check in &self.checks {
            writeln!(f, "  {:<8} {:<15} {}", check.status, check.name, check.message)?;
            for detail in &check.details {
                writeln!(f, "           - {detail}")?;
            }
        }
        Ok(())
    }
}
