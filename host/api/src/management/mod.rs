//! `/api`: what operators and their tools do with a running process.
//!
//! Served on a listener of its own, so that it can stay closed while health is open. Every request passes the [`guard`] first. Errors
//! are problem details (RFC 9457).

mod guard;
mod plugins;
mod problem;
mod trunks;

use axum::Router;
use cordboard_model::Secret;

pub use plugins::{
    CandidateView, Control, DifferenceView, DisagreementView, GenerationView, IdentityView, PluginControl,
    PluginView, ProbationView, QuarantineView, RefusalView, RehearsalView, ReloadView, RollbackView,
    TallyView, plugin_routes,
};
pub use problem::Problem;
pub use trunks::{Trunk, TrunkRegistration, TrunkServer, TrunkSource, trunk_routes};

/// Puts the guard before the routes of the management interface. With a key, whoever has it may do everything; without one, whoever
/// is on this machine may, except web pages.
pub fn management_router(routes: Router, key: Option<Secret<String>>) -> Router {
    guard::before(routes.fallback(nothing_here), key)
}

async fn nothing_here() -> Problem {
    Problem::new(
        404,
        "nothing-here",
        "Nothing is here",
        "see /api/plugins, /api/trunks and config/README.md".to_owned(),
    )
}
