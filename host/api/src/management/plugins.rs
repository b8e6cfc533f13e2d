//! `/api/plugins`: which code decides, how it does, and how it is exchanged.
//!
//! - `GET /api/plugins`: every plugin.
//! - `GET /api/plugins/{name}`: one; 404 when the configuration has none of this name.
//! - `POST /api/plugins/{name}/reload`: reads its file again and lets it answer when it is good. Body `{"force": true}` takes a file that
//!   was rolled back, and one that fails recorded questions. 422 when it is refused: the one before goes on answering.
//! - `POST /api/plugins/{name}/rollback`: the generation before answers again. 409 when there is none.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::Json;
use axum::routing::{get, post};
use serde::{Deserialize, Serialize};

use super::problem::Problem;

/// Something that takes its time.
pub type Control<T> = Pin<Box<dyn Future<Output = Result<T, Problem>> + Send>>;

/// Whoever knows the plugins of the process.
pub trait PluginControl: Send + Sync + 'static {
    /// Every plugin, by name.
    fn plugins(&self) -> Vec<PluginView>;

    /// One plugin.
    fn plugin(&self, name: &str) -> Option<PluginView>;

    /// Loads a plugin again. `force` takes what would be refused for having failed before.
    fn reload(&self, name: String, force: bool) -> Control<ReloadView>;

    /// Lets the generation before answer again.
    ///
    /// # Errors
    /// When there is none.
    fn roll_back(&self, name: &str) -> Result<RollbackView, Problem>;
}

/// One plugin.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct PluginView {
    /// Name in the configuration.
    pub name: String,
    /// The component file.
    pub file: String,
    /// `ready`, `breaker-open` or `broken`.
    pub state: String,
    /// Why it does not answer; empty when it does.
    pub problem: String,
    /// What it decides.
    pub kinds: Vec<String>,
    /// Which code answers; `null` when none is loaded.
    pub serving: Option<IdentityView>,
    /// Questions that all its generations were asked.
    pub calls: u64,
    /// Those that failed, by reason; reasons that did not occur are left out.
    pub failures: BTreeMap<String, u64>,
    /// How a new generation does, while it is on probation.
    pub probation: Option<ProbationView>,
    /// Why the last change did not come about, or was taken back; `null` when it went well.
    pub last_refusal: Option<RefusalView>,
    /// Its generations, newest first.
    pub generations: Vec<GenerationView>,
    /// Files that are not taken again without force.
    pub quarantine: Vec<QuarantineView>,
    /// The component that is tried beside it.
    pub candidate: Option<CandidateView>,
}

/// Which code it is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct IdentityView {
    /// 1 for the first load of this name, one more for every one after it.
    pub generation: u32,
    /// What the plugin calls itself.
    pub plugin: String,
    /// Version that it gives itself.
    pub version: String,
    /// SHA-256 of the component file, in hex.
    pub digest: String,
    /// SHA-256 of its configuration block, in hex.
    pub config_digest: String,
}

/// Questions, and how many of them failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TallyView {
    /// Questions.
    pub asked: u64,
    /// Those without a usable answer.
    pub failed: u64,
}

/// A probation that goes on.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ProbationView {
    /// What it has done.
    #[serde(flatten)]
    pub tally: TallyView,
    /// For how long, in milliseconds.
    pub elapsed_ms: u64,
}

/// A change that did not come about.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RefusalView {
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
    /// Why, and what to do.
    pub reason: String,
}

/// One generation.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct GenerationView {
    /// Which code it is.
    #[serde(flatten)]
    pub identity: IdentityView,
    /// When it began to answer, the last time, in milliseconds since 1970.
    pub since_ms: u64,
    /// `serving`, `replaced` or `rolled-back`.
    pub outcome: String,
    /// Why it was rolled back; empty otherwise.
    pub reason: String,
    /// Whether it is there to roll back to.
    pub kept: bool,
    /// What it has done; `null` when it is gone.
    pub tally: Option<TallyView>,
}

/// A file that is not taken again.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct QuarantineView {
    /// SHA-256 of the component file, in hex.
    pub digest: String,
    /// What it did.
    pub reason: String,
}

/// A component that is tried beside the one that decides.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct CandidateView {
    /// Which code it is.
    #[serde(flatten)]
    pub identity: IdentityView,
    /// Its file.
    pub file: String,
    /// `shadow` or `canary`.
    pub mode: String,
    /// Share of the calls that a canary decides about, in a hundred.
    pub percent: Option<u8>,
    /// What it has done.
    pub tally: TallyView,
    /// Questions that it answered as a shadow.
    pub compared: u64,
    /// Those that it answered otherwise.
    pub differing: u64,
    /// Those that it could not answer.
    pub failed: u64,
    /// Those that it was not asked, because it was too slow or has failed too often.
    pub skipped: u64,
    /// The last ones that it answered otherwise, newest last.
    pub samples: Vec<DisagreementView>,
}

/// A question that two plugins answered differently.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct DisagreementView {
    /// Its decision point.
    pub kind: String,
    /// The call that it was about.
    pub call_id: Option<String>,
    /// Where the answers differ.
    pub differences: Vec<DifferenceView>,
}

/// A field in which two answers differ.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct DifferenceView {
    /// Such as `dial.targets[0].address.aor`; empty when the answers are of different kinds.
    pub field: String,
    /// What the one that decides says.
    pub before: serde_json::Value,
    /// What the other one says.
    pub after: serde_json::Value,
}

/// What a reload came to.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ReloadView {
    /// Whether another generation answers now; `false`: file and settings are those that answered already.
    pub changed: bool,
    /// Which code answers now.
    pub serving: IdentityView,
    /// Which answered before; `null` when none did, or nothing has changed.
    pub before: Option<IdentityView>,
    /// What it says to the last recorded questions.
    pub rehearsal: Option<RehearsalView>,
    /// Why the candidate beside it was not loaded; `null` when there is nothing to say.
    pub candidate_problem: Option<String>,
}

/// What a new generation says to the last recorded questions.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct RehearsalView {
    /// How it did.
    #[serde(flatten)]
    pub tally: TallyView,
    /// Questions that it answers otherwise than the one before.
    pub differing: u64,
    /// Some of them.
    pub examples: Vec<DisagreementView>,
}

/// What a roll-back came to.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RollbackView {
    /// Which code answers again.
    pub serving: IdentityView,
    /// Which was given up, and is not taken again without force.
    pub given_up: IdentityView,
}

/// The routes of plugins, to be put behind the guard.
pub fn plugin_routes(control: Arc<dyn PluginControl>) -> Router {
    Router::new()
        .route("/api/plugins", get(list))
        .route("/api/plugins/{name}", get(one))
        .route("/api/plugins/{name}/reload", post(reload))
        .route("/api/plugins/{name}/rollback", post(roll_back))
        .with_state(control)
}

type Shared = State<Arc<dyn PluginControl>>;

/// What a reload is asked with.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    #[serde(default)]
    force: bool,
}

async fn list(State(control): Shared) -> Json<Vec<PluginView>> {
    Json(control.plugins())
}

async fn one(State(control): Shared, Path(name): Path<String>) -> Result<Json<PluginView>, Problem> {
    control.plugin(&name).map(Json).ok_or_else(|| unknown(&name))
}

async fn reload(
    State(control): Shared,
    Path(name): Path<String>,
    body: String,
) -> Result<Json<ReloadView>, Problem> {
    let wish = if body.trim().is_empty() { Ok(Wish::default()) } else { serde_json::from_str(&body) };
    let wish = wish.map_err(|error| {
        let detail = format!("expected no body or {{\"force\": true}}, found something else: {error}");
        Problem::new(400, "bad-body", "The body is not understood", detail)
    })?;
    if control.plugin(&name).is_none() {
        return Err(unknown(&name));
    }
    control.reload(name, wish.force).await.map(Json)
}

async fn roll_back(State(control): Shared, Path(name): Path<String>) -> Result<Json<RollbackView>, Problem> {
    if control.plugin(&name).is_none() {
        return Err(unknown(&name));
    }
    control.roll_back(&name).map(Json)
}

fn unknown(name: &str) -> Problem {
    let detail =
        format!("expected the name of a plugin of the configuration, found {name:?}; see /api/plugins");
    Problem::new(404, "unknown-plugin", "There is no such plugin", detail)
}
