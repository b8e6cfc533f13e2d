//! `GET /api/trunks`: every trunk with its servers and its registration, as they are now. Read only.
//!
//! It says more than `/health`, such as the addresses of carriers; so it stands behind the guard.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Json};
use axum::routing::get;
use serde::Serialize;

/// A trunk. Times are Unix milliseconds.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Trunk {
    /// Its name in the configuration.
    pub name: String,
    /// `registering`, `up`, `unregistered` or `down`.
    pub state: &'static str,
    /// Since when.
    pub since_ms: u64,
    /// Why it is not up, for a person.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// Its servers, in the order of the configuration.
    pub servers: Vec<TrunkServer>,
    /// Its registration; absent where it does not register.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registration: Option<TrunkRegistration>,
}

/// One server of a trunk.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct TrunkServer {
    /// Its SIP URI.
    pub uri: String,
    /// `up`, `doubtful` (calls still go to it), `resting` (it asked for that by Retry-After) or `down`.
    pub state: &'static str,
    /// Since when.
    pub since_ms: u64,
    /// Status of its latest final response to an OPTIONS or INVITE.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_status: Option<u16>,
    /// Why it did not do well the last time.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// The registration of a trunk.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct TrunkRegistration {
    /// `registering`, `registered`, `failed` or `leaving`.
    pub state: &'static str,
    /// Since when.
    pub since_ms: u64,
    /// When the registrar forgets it, unless it is refreshed before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until_ms: Option<u64>,
    /// Status of the latest final response to a REGISTER.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_status: Option<u16>,
    /// Why the last attempt failed.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// Whoever knows the trunks.
pub trait TrunkSource: Send + Sync + 'static {
    /// Every trunk of the configuration, by name.
    fn trunks(&self) -> Vec<Trunk>;
}

/// The route of trunks.
pub fn trunk_routes(source: Arc<dyn TrunkSource>) -> Router {
    Router::new().route("/api/trunks", get(all)).with_state(source)
}

async fn all(State(source): State<Arc<dyn TrunkSource>>) -> impl IntoResponse {
    Json(serde_json::json!({ "trunks": source.trunks() }))
}
