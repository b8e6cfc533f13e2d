//! The plugins of this process as the management interface shows and changes them.

use std::sync::Arc;
use std::time::Duration;

use cordboard_api::management::{
    CandidateView, Control, DifferenceView, DisagreementView, GenerationView, IdentityView, PluginControl,
    PluginView, ProbationView, Problem, QuarantineView, RefusalView, RehearsalView, ReloadView, RollbackView,
    TallyView,
};
use cordboard_plugin::{
    CandidateMode, CandidateOutcome, CandidateState, Disagreement, GenerationOutcome, GenerationState,
    Health, Identity, PluginDetail, PluginFigures, Plugins, Rehearsal, ReloadError, Reloaded, RollbackError,
    Tally,
};

use crate::clock;

/// Shows and changes plugins.
pub(crate) struct Management {
    plugins: Arc<Plugins>,
}

impl Management {
    pub(crate) fn new(plugins: Arc<Plugins>) -> Self {
        Self { plugins }
    }
}

impl PluginControl for Management {
    fn plugins(&self) -> Vec<PluginView> {
        self.plugins.details().into_iter().map(plugin).collect()
    }

    fn plugin(&self, name: &str) -> Option<PluginView> {
        self.plugins.detail(name).map(plugin)
    }

    fn reload(&self, name: String, force: bool) -> Control<ReloadView> {
        let plugins = Arc::clone(&self.plugins);
        Box::pin(async move { plugins.reload(&name, force).await.map(reloaded).map_err(refused) })
    }

    fn roll_back(&self, name: &str) -> Result<RollbackView, Problem> {
        let done = self.plugins.rollback(name).map_err(|error| {
            let detail = error.to_string();
            match error {
                RollbackError::Unknown(_) => unknown(detail),
                RollbackError::NothingEarlier(_) => {
                    Problem::new(409, "nothing-earlier", "There is no earlier generation", detail)
                }
            }
        })?;
        Ok(RollbackView { serving: identity(&done.serving), given_up: identity(&done.given_up) })
    }
}

fn unknown(detail: String) -> Problem {
    Problem::new(404, "unknown-plugin", "There is no such plugin", detail)
}

fn refused(error: ReloadError) -> Problem {
    let detail = error.to_string();
    let kind = match error {
        ReloadError::Unknown(_) => return unknown(detail),
        ReloadError::Load(_) | ReloadError::MissingKind(_) => "reload-refused",
        ReloadError::Quarantined { .. } => "quarantined",
        ReloadError::Rehearsal { .. } => "rehearsal-failed",
    };
    Problem::new(422, kind, "The version before goes on answering", detail)
}

fn reloaded(done: Reloaded) -> ReloadView {
    ReloadView {
        changed: done.swapped.is_some(),
        serving: identity(&done.serving),
        before: done.swapped.as_ref().and_then(|swapped| swapped.before.as_deref()).map(identity),
        rehearsal: done.swapped.map(|swapped| rehearsal(swapped.rehearsal)),
        candidate_problem: match done.candidate {
            CandidateOutcome::Refused(problem) => Some(problem),
            CandidateOutcome::None | CandidateOutcome::Unchanged(_) | CandidateOutcome::Loaded(_) => None,
        },
    }
}

fn rehearsal(rehearsal: Rehearsal) -> RehearsalView {
    RehearsalView {
        tally: tally(rehearsal.tally),
        differing: rehearsal.differing,
        examples: rehearsal.examples.into_iter().map(disagreement).collect(),
    }
}

fn plugin(detail: PluginDetail) -> PluginView {
    let (state, problem) = match detail.state.health {
        Health::Ready => ("ready", String::new()),
        Health::BreakerOpen => {
            ("breaker-open", "it failed too often lately and is not asked for a while".to_owned())
        }
        Health::Broken { problem } => ("broken", problem),
    };
    let failures = detail.state.figures.failures.iter().filter(|(_, count)| **count > 0);
    PluginView {
        state: state.to_owned(),
        problem,
        file: detail.source.to_string(),
        kinds: detail.state.kinds.iter().map(ToString::to_string).collect(),
        serving: detail.state.identity.as_ref().map(identity),
        calls: detail.state.figures.calls,
        failures: failures.map(|(reason, count)| (reason.to_string(), *count)).collect(),
        probation: detail
            .probation
            .map(|state| ProbationView { tally: tally(state.tally), elapsed_ms: ms(state.age) }),
        last_refusal: detail
            .refusal
            .map(|refusal| RefusalView { at_ms: before_now(refusal.age), reason: refusal.reason }),
        generations: detail.generations.into_iter().map(generation).collect(),
        quarantine: detail
            .quarantine
            .into_iter()
            .map(|bad| QuarantineView { digest: bad.digest, reason: bad.reason })
            .collect(),
        candidate: detail.candidate.map(candidate),
        name: detail.state.name,
    }
}

fn generation(state: GenerationState) -> GenerationView {
    let (outcome, reason) = match state.outcome {
        GenerationOutcome::Serving => ("serving", String::new()),
        GenerationOutcome::Replaced => ("replaced", String::new()),
        GenerationOutcome::RolledBack { reason } => ("rolled-back", reason),
    };
    GenerationView {
        identity: identity(&state.identity),
        since_ms: before_now(state.age),
        outcome: outcome.to_owned(),
        reason,
        kept: state.is_kept,
        tally: state.figures.as_ref().map(PluginFigures::tally).map(tally),
    }
}

fn candidate(state: CandidateState) -> CandidateView {
    let (mode, percent) = match state.mode {
        CandidateMode::Shadow => ("shadow", None),
        CandidateMode::Canary { percent } => ("canary", Some(percent)),
    };
    CandidateView {
        identity: identity(&state.identity),
        file: state.source.to_string(),
        mode: mode.to_owned(),
        percent,
        tally: tally(state.figures.tally()),
        compared: state.compared,
        differing: state.differing,
        failed: state.failed,
        skipped: state.skipped,
        samples: state.samples.into_iter().map(disagreement).collect(),
    }
}

fn disagreement(disagreement: Disagreement) -> DisagreementView {
    let differences = disagreement.differences.into_iter().map(|difference| DifferenceView {
        field: difference.field,
        before: difference.before,
        after: difference.after,
    });
    DisagreementView {
        kind: disagreement.kind.to_string(),
        call_id: disagreement.call_id.map(|id| id.to_string()),
        differences: differences.collect(),
    }
}

fn identity(identity: &Identity) -> IdentityView {
    IdentityView {
        generation: identity.generation,
        plugin: identity.plugin.clone(),
        version: identity.version.clone(),
        digest: identity.digest.clone(),
        config_digest: identity.config_digest.clone(),
    }
}

fn tally(tally: Tally) -> TallyView {
    TallyView { asked: tally.asked, failed: tally.failed }
}

/// The wall clock of something that was so long ago.
fn before_now(age: Duration) -> u64 {
    clock::unix_ms().saturating_sub(ms(age))
}

fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
