//! `/health`: is the process alive, is it ready for new calls, and why not.
//!
//! - `GET /health/live`: 200 while the signalling thread turns, else 503. A process that fails this should be restarted.
//! - `GET /health/ready`: 200 when new calls are welcome, else 503 (starting, draining, a listener lost). Takes a node out of a
//!   load balancer.
//! - `GET /health`: both in one document with the state of every part; its status is that of readiness. A degraded part, such
//!   as a plugin that did not load, is named here but does not take the node out: its fallback answers.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use serde::Serialize;

/// How well a part does its work.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PartState {
    /// As it should.
    Ok,
    /// Its fallback does the work.
    Degraded,
    /// Not at all; the node is not ready.
    Failed,
}

/// One part of the process.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Part {
    /// Its name, such as `signalling` or `plugin route-by-extension`.
    pub name: String,
    /// How it does.
    pub state: PartState,
    /// Why, and what to do; empty when it does well.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// The health of the process.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Health {
    /// Whether the process works at all.
    pub live: bool,
    /// Whether new calls are welcome.
    pub ready: bool,
    /// Its parts.
    pub parts: Vec<Part>,
}

impl Health {
    /// A process is ready when it is live, does not drain, and no part has failed.
    pub fn new(live: bool, draining: bool, mut parts: Vec<Part>) -> Self {
        if draining {
            let reason = "draining: calls in progress finish, new ones are refused".to_owned();
            parts.push(Part { name: "drain".to_owned(), state: PartState::Failed, reason });
        }
        let ready = live && parts.iter().all(|part| part.state != PartState::Failed);
        Self { live, ready, parts }
    }

    /// One word for the whole.
    fn status(&self) -> &'static str {
        let degraded = self.parts.iter().any(|part| part.state == PartState::Degraded);
        match (self.live, self.ready, degraded) {
            (false, _, _) => "dead",
            (true, false, _) => "unready",
            (true, true, true) => "degraded",
            (true, true, false) => "ok",
        }
    }
}

/// Whoever knows the health of the process.
pub trait HealthSource: Send + Sync + 'static {
    /// The health at this moment.
    fn health(&self) -> Health;
}

/// The routes of health.
pub fn health_router(source: Arc<dyn HealthSource>) -> Router {
    Router::new()
        .route("/health", get(whole))
        .route("/health/live", get(live))
        .route("/health/ready", get(ready))
        .with_state(source)
}

#[derive(Serialize)]
struct Document {
    status: &'static str,
    #[serde(flatten)]
    health: Health,
}

async fn whole(State(source): State<Arc<dyn HealthSource>>) -> Response {
    let health = source.health();
    let code = code(health.ready);
    (code, Json(Document { status: health.status(), health })).into_response()
}

async fn live(State(source): State<Arc<dyn HealthSource>>) -> Response {
    let live = source.health().live;
    (code(live), Json(serde_json::json!({ "live": live }))).into_response()
}

async fn ready(State(source): State<Arc<dyn HealthSource>>) -> Response {
    let health = source.health();
    let failed = health.parts.into_iter().filter(|part| part.state == PartState::Failed);
    let reasons: Vec<Part> = failed.collect();
    let body = Json(serde_json::json!({ "ready": health.ready, "reasons": reasons }));
    (code(health.ready), body).into_response()
}

fn code(good: bool) -> StatusCode {
    if good { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(name: &str, state: PartState) -> Part {
        Part { name: name.to_owned(), state, reason: String::new() }
    }

    #[test]
    fn the_state_of_the_parts_decides_what_the_whole_is() {
        let (ok, degraded, failed) = (PartState::Ok, PartState::Degraded, PartState::Failed);
        for (name, live, draining, parts, expected) in [
            ("all well", true, false, vec![ok, ok], ("ok", true)),
            ("a plugin did not load", true, false, vec![ok, degraded], ("degraded", true)),
            ("a listener is lost", true, false, vec![failed, ok], ("unready", false)),
            ("draining", true, true, vec![ok], ("unready", false)),
            ("the signalling thread hangs", false, false, vec![ok], ("dead", false)),
        ] {
            let parts = parts.into_iter().map(|state| part("x", state)).collect();
            let health = Health::new(live, draining, parts);
            assert_eq!((health.status(), health.ready), expected, "{name}");
        }
    }
}
