//! What a replay came to: changes of one kind together, with samples.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use cordboard_model::{PluginDecision, RouteDecision, Verdict};
use cordboard_plugin::{Difference, Identity, StepOutcome, Tried, compare};
use cordboard_store::PersonalData;
use serde::Serialize;
use serde_json::{Value, json};

use super::asked::{Replay, Skipped};
use crate::journal::Mask;

/// Decisions of one kind of change that are shown.
const SAMPLES: usize = 3;

/// Kinds of changes that are told apart. Beyond, they are one kind: a candidate with so many does something else altogether.
const MAX_GROUPS: usize = 200;

/// Counts of a replay.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Report {
    candidate: Candidate,
    /// The plugin that it is compared with.
    name: String,
    from: String,
    /// Decisions that the candidate was asked about.
    asked: u64,
    same: u64,
    different: u64,
    /// Of all asked: those for which it looked up what had not been looked up then.
    uncertain: u64,
    /// Of all asked: those whose numbers are hashes.
    hashed: u64,
    skipped: BTreeMap<&'static str, u64>,
    changes: Vec<Change>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Candidate {
    plugin: String,
    version: String,
    digest: String,
}

/// Decisions that change alike.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Change {
    kind: String,
    /// Which fields change, or from which kind of answer to which.
    change: String,
    count: u64,
    samples: Vec<Sample>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Sample {
    /// Number in the journal.
    id: u64,
    call_id: Option<String>,
    differences: Vec<Difference>,
}

impl Report {
    pub(super) fn new(candidate: &Identity, name: &str, from: &Path) -> Self {
        Self {
            candidate: Candidate {
                plugin: candidate.plugin.clone(),
                version: candidate.version.clone(),
                digest: candidate.digest.clone(),
            },
            name: name.to_owned(),
            from: from.display().to_string(),
            asked: 0,
            same: 0,
            different: 0,
            uncertain: 0,
            hashed: 0,
            skipped: BTreeMap::new(),
            changes: Vec::new(),
        }
    }

    /// The candidate was asked.
    pub(super) fn count(&mut self, id: u64, replay: &Replay<'_>, tried: &Tried, is_uncertain: bool) {
        let is_hashed = replay.decision.personal_data == PersonalData::Hash;
        self.asked += 1;
        self.uncertain += u64::from(is_uncertain);
        self.hashed += u64::from(is_hashed);
        let differences = compare(&replay.before, &said(tried, is_hashed));
        if differences.is_empty() {
            self.same += 1;
            return;
        }
        self.different += 1;
        let call_id = replay.decision.call_id.map(|id| id.to_string());
        self.group(&replay.decision.kind, Sample { id, call_id, differences });
    }

    /// It could not be asked.
    pub(super) fn skip(&mut self, why: Skipped) {
        *self.skipped.entry(why.as_str()).or_default() += 1;
    }

    /// Whether there was nothing to ask.
    pub(super) fn is_empty(&self) -> bool {
        self.asked == 0 && self.skipped.is_empty()
    }

    /// Whether a decision would be another.
    pub(super) fn differs(&self) -> bool {
        self.different > 0
    }

    fn group(&mut self, kind: &str, sample: Sample) {
        let mut change = change(&sample.differences);
        let found = self.changes.iter().position(|group| group.kind == kind && group.change == change);
        let found = found.or_else(|| {
            let is_full = self.changes.len() >= MAX_GROUPS;
            if is_full {
                "other changes".clone_into(&mut change);
            }
            self.changes.iter().position(|group| is_full && group.change == change)
        });
        let group = match found {
            Some(index) => &mut self.changes[index],
            None => {
                self.changes.push(Change { kind: kind.to_owned(), change, count: 0, samples: Vec::new() });
                self.changes.last_mut().expect("it was pushed just now")
            }
        };
        group.count += 1;
        if group.samples.len() < SAMPLES {
            group.samples.push(sample);
        }
    }

    /// For programs: the fields of [`Report`] with `-` between their words. Fields are only ever added.
    pub(super) fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("counts and differences are always JSON")
    }

    /// For people.
    pub(super) fn to_text(&self) -> String {
        let Candidate { plugin, version, digest } = &self.candidate;
        let digest = digest.get(..12).unwrap_or(digest);
        let mut text = format!("candidate  {plugin} {version} ({digest})\n");
        let mut line = |name: &str, rest: String| {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{name:<11}{rest}");
        };
        line("journal", format!("{} of plugin {} in {}", plural(self.asked), self.name, self.from));
        for (why, count) in &self.skipped {
            line("skipped", format!("{count}: {why}"));
        }
        if self.uncertain > 0 {
            let why = "looked up what had not been looked up then; the answer may be another in truth";
            line("uncertain", format!("{}: {why}", self.uncertain));
        }
        if self.hashed > 0 {
            let why = "their numbers are hashes; what the plugin knows about single numbers does not apply";
            line("hashed", format!("{}: {why}", self.hashed));
        }
        line("same", self.same.to_string());
        line("different", self.different.to_string());
        for group in &self.changes {
            text.push_str(&group.to_text());
        }
        text.trim_end().to_owned()
    }
}

impl Change {
    fn to_text(&self) -> String {
        let mut text = format!("\n{} x {}: {}\n", self.count, self.kind, self.change);
        for Sample { id, call_id, differences } in &self.samples {
            let call = call_id.as_deref().map(|id| format!(", call {id}")).unwrap_or_default();
            let _ = writeln!(text, "  decision {id}{call}");
            for difference in differences {
                let _ = writeln!(text, "    {difference}");
            }
        }
        text
    }
}

fn plural(count: u64) -> String {
    if count == 1 { "1 decision".to_owned() } else { format!("{count} decisions") }
}

/// What a candidate said, in the form of [`Replay::before`].
fn said(tried: &Tried, is_hashed: bool) -> Value {
    match (&tried.outcome, &tried.decision) {
        (StepOutcome::Failed(failure), _) => json!({"failed": failure.reason.as_str()}),
        (_, None) => json!("pass"),
        (_, Some(decision)) => {
            let mut decision = decision.clone();
            if is_hashed {
                // What it says in words, and the values of headers, had been left out of the journal.
                hide_words(&mut decision);
            }
            let mut value = serde_json::to_value(&decision).expect("decisions are always JSON");
            value["decision"].take()
        }
    }
}

fn hide_words(decision: &mut PluginDecision) {
    let decided: (Option<&mut RouteDecision>, Option<&mut Verdict>) = match decision {
        PluginDecision::Routing(decision) => (Some(decision), None),
        PluginDecision::Authorization(verdict) => (None, Some(verdict)),
        PluginDecision::Escalation(_) | PluginDecision::EventFormatting(_) => (None, None),
    };
    let mask = Mask::words_only();
    decided.0.into_iter().for_each(|decision| mask.decision(decision));
    decided.1.into_iter().for_each(|verdict| mask.verdict(verdict));
}

/// Which fields change; for another kind of answer, from which to which.
fn change(differences: &[Difference]) -> String {
    let mut fields: Vec<String> = differences
        .iter()
        .map(|difference| match difference.field.as_str() {
            "" => format!("{} becomes {}", name(&difference.before), name(&difference.after)),
            _ => difference.kind_of_field(),
        })
        .collect();
    fields.dedup();
    fields.join(", ")
}

/// The word for a kind of answer: `pass`, `dial`, `failed (trap)`...
fn name(answer: &Value) -> String {
    match answer {
        Value::String(word) => word.clone(),
        Value::Object(cases) => match cases.iter().next() {
            Some((word, Value::String(reason))) => format!("{word} ({reason})"),
            Some((word, _)) => word.clone(),
            None => "nothing".to_owned(),
        },
        _ => "something else".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_named_by_its_fields_or_by_the_kinds_of_answers() {
        let dial = |user: &str| json!({"dial": {"targets": [{"aor": user}, {"aor": user}]}});
        for (before, after, expected) in [
            (dial("1"), dial("2"), "dial.targets[].aor"),
            (dial("1"), json!("pass"), "dial becomes pass"),
            (json!({"failed": "trap"}), dial("1"), "failed (trap) becomes dial"),
            (json!({"failed": "trap"}), json!({"failed": "memory"}), "failed"),
        ] {
            assert_eq!(change(&compare(&before, &after)), expected);
        }
    }
}
